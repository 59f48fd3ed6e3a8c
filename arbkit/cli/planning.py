"""``arbkit plan``: what is looked at next and why, what it costs, and what more tokens would bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arbkit.core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arbkit.pipeline.polling.next_looks import Values, ValuesOf


def values_of(settings: Settings) -> ValuesOf:
    """What a look may be worth, by the profit model and by what somebody watches."""

    def made(markets: Sequence[str]) -> Values:
        # Half a second of imports, which nobody waits for before the first looks are paid.
        from arbkit.alerts.watching import WatchedProducts
        from arbkit.analysis.look_values import LookValues

        return LookValues(settings, markets, watched=WatchedProducts(settings))

    return made
