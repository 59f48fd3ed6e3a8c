"""The verdicts of many routes at once, with what the store knows of their products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from arbkit.analysis.forecast.sales.forecast import forecast_sales
from arbkit.analysis.offers import known_offers
from arbkit.analysis.verdict.rules import load_verdict_rules
from arbkit.analysis.verdict.verdict import judge, units_that_sell
from arbkit.core.errors import ConfigError
from arbkit.core.models import Opportunity
from arbkit.core.results import RouteVerdict
from arbkit.core.settings import Settings
from arbkit.store.base import Store

_AT_ONCE = 500
"""Routes whose offers are in memory at once."""


class Judge:
    """Says of stored routes what their page says of each: the rules of ``verdict.toml``, read when it is made.

    A file that cannot be used is the user's to mend: every sentence says what is wrong with it.
    """

    def __init__(self, settings: Settings) -> None:
        self._wrong = ""
        try:
            self._rules = load_verdict_rules(settings)
        except ConfigError as error:
            self._wrong = f"No verdict: {error}"

    def verdicts(self, store: Store, found: Sequence[Opportunity], *, now: float) -> list[RouteVerdict]:
        """The verdict of each of these routes as of ``now`` (Unix s).

        Raises:
            StoreError: the store cannot be read.
        """
        if self._wrong:
            return [RouteVerdict(verdict=None, sentence=self._wrong) for _ in found]
        offers = {(o.asin, o.market): o for o in known_offers(store, list(dict.fromkeys(o.asin for o in found)))}
        sides = [(o.asin, o.target) for o in found if (o.asin, o.target) in offers]
        sales = dict(zip(sides, forecast_sales([offers[side] for side in sides], now=now), strict=True))
        judged = [
            judge(o, units_that_sell(sales.get((o.asin, o.target)), self._rules.units), self._rules, now=now)
            for o in found
        ]
        return [RouteVerdict(verdict=one.verdict, sentence=one.sentence) for one in judged]

    def each(
        self, store: Store, found: Iterable[Opportunity], *, now: float
    ) -> Iterator[tuple[Opportunity, RouteVerdict]]:
        """Every route with its verdict, a stretch of them at a time in memory.

        Raises:
            StoreError: the store cannot be read.
        """
        rest = iter(found)
        while some := list(islice(rest, _AT_ONCE)):
            yield from zip(some, self.verdicts(store, some, now=now), strict=True)
