"""Why a figure is unknown, or only assumed: one bit per reason, words only where somebody reads them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Flags", "Reasons", "Words"]

Flags = npt.NDArray[np.uint32]


class Reasons:
    """The words of each bit, in the order in which they are told."""

    def __init__(self) -> None:
        self._bits: dict[str, int] = {}

    def bit(self, words: str) -> int:
        """The bit of a reason."""
        return self._bits.setdefault(words, 1 << len(self._bits))

    def text(self, flags: Flags) -> npt.NDArray[np.object_]:
        """The reasons of each row, joined by ``"; "``."""
        values, inverse = np.unique(flags, return_inverse=True)
        words = ["; ".join(w for w, bit in self._bits.items() if int(value) & bit) for value in values]
        return np.array(words, object)[inverse]


@dataclass(frozen=True, slots=True)
class Words:
    """The reasons of one evaluation: what is unknown, what is assumed."""

    unknown: Reasons = field(default_factory=Reasons)
    assumed: Reasons = field(default_factory=Reasons)
