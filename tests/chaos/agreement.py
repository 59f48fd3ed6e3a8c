"""Whether the routes that detectors have stored are those that a sweep of the store finds."""

from __future__ import annotations

from arbkit.analysis.detection import scan_states
from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.detector.pricing import price_products
from arbkit.core.models import Opportunity
from arbkit.core.settings import Settings
from arbkit.store import OpportunityQuery, Store, open_store
from arbkit.store.iteration import iter_opportunities
from arbkit.stream import DETECT_GROUP, ENRICHED_TOPIC, Stream
from tests.chaos.compare import sets_between

__all__ = ["count_routes", "disagreements", "is_priced"]


def is_priced(settings: Settings, stream: Stream) -> bool:
    """Whether detectors have read all, and nothing in the store waits for them."""
    with open_store(settings, read_only=True) as store:
        return not any(stream.lag(DETECT_GROUP, ENRICHED_TOPIC).values()) and not store.unpriced(1)


def disagreements(settings: Settings) -> list[str]:
    """Every way in which stored routes are not those of a sweep, nor windows those of the routes."""
    with open_store(settings) as store:
        inputs = Inputs.load(settings)
        priced = [price_products(states, inputs) for states in scan_states(store)]
        swept = {_key(o) for some in priced for result in some.results for o in result.routes}
        stored = _stored(store)
        paying = {o.id for o in stored if o.status == "opportunity"}
        asins = sorted({o.asin for o in stored})
        windows = {w.route for w in store.windows(asins) if w.ended_at is None}
    return [
        *sets_between("routes of a sweep", swept, {_key(o) for o in stored}),
        *sets_between("open windows", paying, windows),
    ]


def count_routes(settings: Settings) -> int:
    """How many routes are stored."""
    with open_store(settings, read_only=True) as store:
        return len(_stored(store))


def _stored(store: Store) -> list[Opportunity]:
    return list(iter_opportunities(store, OpportunityQuery(all_routes=True)))


def _key(o: Opportunity) -> tuple[str, float, str, float, float]:
    return o.id, o.profit, o.status, o.buy_price, o.sell_price
