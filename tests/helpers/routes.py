"""Routes stored as a detection stores them, for tests that are about something else."""

from __future__ import annotations

from collections.abc import Sequence

from arbkit.core.models import Opportunity, Update
from arbkit.store import Store
from arbkit.store.routes import Announce, ProductRoutes
from tests.helpers.factories import offer

_EVERYTHING = 10_000


def store_routes(
    store: Store, found: Sequence[Opportunity], *, inputs: str = "test", announce: Announce | None = None
) -> list[str]:
    """Make these the routes of the store, which gets the offers of products that it lacks; the ids of new ones."""
    asins = list(dict.fromkeys(o.asin for o in found))
    _put_lacking(store, found)
    states = store.states([*asins, *store.asins(limit=_EVERYTHING)])
    ordered = [asin for asin in (*asins, *sorted(states.keys() - {*asins})) if asin in states]
    results = [
        ProductRoutes(
            asin,
            states[asin].change,
            max((o.updated_at for o in states[asin].offers), default=0),
            tuple(o for o in found if o.asin == asin),
        )
        for asin in ordered
    ]
    done = store.put_routes(results, generation=store.generation(inputs), announce=announce)
    store.put_swept(inputs)
    return list(done.new)


def _put_lacking(store: Store, found: Sequence[Opportunity]) -> None:
    """Store offers of the products that are not stored, shown or not."""
    lacking = [o for o in found if not store.offers([o.asin]) and store.product(o.asin) is None]
    sides = {(o.asin, code): o for o in lacking for code in (o.source, o.target)}
    updates = [
        Update(
            offer(
                asin, code, title=o.title, brand=o.brand, category=o.category, origin="demo" if o.demo else "keepa",
                updated_at=o.data_at, price_at=o.data_at,
            ),
            None,
        )
        for (asin, code), o in sides.items()
    ]  # fmt: skip
    if updates:
        store.put(updates)
