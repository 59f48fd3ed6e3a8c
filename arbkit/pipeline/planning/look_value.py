"""The value of a look now: what is at stake times the chance that it has moved, less what waiting would not lose. Pure.

For an item that moves at rate r, each move worth ``stake``, the value of looking after a time t is
stake × (1 − e^(−rt)(1 + rt)): always to look at the largest is the best schedule of equal distances (Azar et al. 2018;
Busa-Fekete et al. 2025, where nothing signals a change).
"""

from __future__ import annotations

import numpy as np

from arbkit.pipeline.planning.book import Small

NEVER_H = 24.0 * 365
"""The age, in hours, of what was never looked at."""


def look_value(stake: Small, rate: Small, age: Small) -> Small:
    """The value of a look at each offer; rates are an hour and ages in hours."""
    waited = rate * age
    return np.asarray(stake * (1 - np.exp(-waited) * (1 + waited)))
