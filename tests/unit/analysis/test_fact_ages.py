"""How old each fact of an offer is where many are priced: as where one is looked at; and what that does to a route."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arbkit.analysis.offers import PRICING_COLUMNS, fact_times, known_offers, offers_frame, prepare_offers, with_facts
from arbkit.analysis.routes import price_routes
from arbkit.core.models import Offer, Opportunity, Update
from arbkit.core.offers.facts import Fact
from arbkit.core.offers.groups import fact_stamp
from arbkit.core.offers.merging import absorb, merge
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.store.sqlite.store import SqliteStore
from tests.helpers.factories import PACKAGE, offer
from tests.helpers.statements import updates

NOW = 1_790_000_000.0
DAY_S = 86_400
ON = datetime.fromtimestamp(NOW, UTC).date()
PROFILE = Profile.neutral(fulfilment=("fba-local",))


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.lists(updates(), min_size=1, max_size=4))
def test_the_time_of_a_fact_in_a_frame_is_that_of_its_stamp(given_: list[Update]) -> None:
    stored: Offer | None = None
    for update in given_:
        stored, _ = absorb(stored, update)
    assert stored is not None
    times = fact_times(offers_frame([stored]))
    for name, at in times.items():
        stamp = fact_stamp(stored, name)
        assert stamp is None or at[0] == stamp.at


def test_a_store_says_the_same_as_its_offers(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "store.db") as store:
        for days, fields in ((40, {"sales_rank": 5}), (2, {"title": "Kettle", "category": "Toys & Games"})):
            at = int(NOW) - days * DAY_S
            one = Offer(
                asin="B000000001", market="DE", version=at // 60, origin="export", fetched_at=NOW, updated_at=at,
                currency="EUR", **fields,
            )  # fmt: skip
            store.put([Update(one, None)])
        (frame,) = store.scan_offers(PRICING_COLUMNS)
        times, offers = fact_times(frame), store.offers(["B000000001"])
    assert times["sales_rank"][0] == NOW - 40 * DAY_S
    assert times["category"][0] == NOW - 2 * DAY_S
    assert {name: at[0] for name, at in fact_times(offers_frame(offers)).items()} == {n: a[0] for n, a in times.items()}


def sold(days: float, **fields: Any) -> Opportunity:
    """A route from Italy whose listing in Germany was last seen this number of days ago, but for its price."""
    at = int(NOW - days * DAY_S)
    today = int(NOW) - 60
    facts: dict[str, Any] = {"sales_rank": 700, "sales_rank_at": at, "rank_drops30": 40, "offers_new": 3, **PACKAGE}
    bought, there = (
        offer("B000000001", code, price_minor=price, updated_at=at, price_at=today, **facts, **fields)
        for code, price in (("IT", 4_000), ("DE", 6_999))
    )
    prices = price_routes(
        prepare_offers([bought, there], now=NOW), PROFILE, load_tables(), load_rates(), on=ON, routes=[("IT", "DE")]
    )
    (found,) = prices.opportunities(now=NOW)
    return found


def test_an_old_rank_is_no_rank_of_today_and_counts_as_no_demand() -> None:
    young, old = sold(29), sold(31)
    assert (young.rank, young.rank_drops30) == (700, 40)
    assert (old.rank, old.rank_drops30) == (None, None)
    assert old.profit == young.profit
    lowered = {warning["code"] for warning in old.warnings} - {warning["code"] for warning in young.warnings}
    assert lowered == {"sales_rank_old", "sales_speed_unknown"}
    assert old.confidence < young.confidence


@pytest.mark.parametrize(("days", "known"), [(29, True), (31, False)])
def test_an_inferred_price_is_as_old_as_its_history_whatever_was_imported_since(days: float, known: bool) -> None:
    seen = int(NOW - days * DAY_S)
    inferred: dict[str, Any] = {"sale_price_minor": 3_900, "sale_price_sales": 8}
    watched = [offer(code=code, price_minor=4_000, updated_at=seen, price_at=seen, **inferred) for code in ("DE", "IT")]
    imported = [offer(code=code, price_minor=4_100, origin="export", updated_at=int(NOW)) for code in ("DE", "IT")]
    offers = prepare_offers([merge(*pair) for pair in zip(watched, imported, strict=True)], now=NOW)
    seller = PROFILE.model_copy(update={"sell_basis": "inferred"})
    (row, _) = price_routes(offers, seller, load_tables(), load_rates(), on=ON).routes(now=NOW)
    assert (row.sell_price == 39.0) is known
    assert ("the sales from which its price was inferred are too old" in row.unknown) is not known


def test_an_old_category_is_doubted_and_still_names_the_fee() -> None:
    young, old = sold(364), sold(366)
    assert {w["code"] for w in old.warnings} - {w["code"] for w in young.warnings} == {"category_old"}
    assert old.fees == young.fees


def test_a_category_that_was_typed_in_is_as_old_as_the_typing(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "store.db") as store:
        at = int(NOW) - 400 * DAY_S
        store.put([Update(offer(code=code, updated_at=at, price_at=int(NOW)), None) for code in ("DE", "IT")])
        (frame,) = store.scan_offers(PRICING_COLUMNS)
        assert prepare_offers(frame, now=NOW)["category_old"].all()
        store.put_fact(Fact.of("B000000001", "category", {"category": "Toys & Games"}, at=NOW - DAY_S, market="DE"))
        for offers in (with_facts(frame, store.facts()), known_offers(store, ["B000000001"])):
            rows = prepare_offers(offers, now=NOW).set_index("market")
            assert rows["category_old"].to_dict() == {"DE": False, "IT": True}


def test_frames_without_these_columns_are_as_old_as_their_offers() -> None:
    frame = offers_frame([replace(offer(), stamps=())]).drop(columns=["stamps", "sales_rank_at"])
    assert np.unique([at[0] for at in fact_times(frame).values()]).tolist() == [1_760_000_000]
