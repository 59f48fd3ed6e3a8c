"""Pricing of routes: what detection, the product page, what-if and the notebook say of a route is one answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arbkit.analysis.detection import detect, scan_states
from arbkit.analysis.detection_parameters import DetectParameters
from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.market.assumptions import Assumptions
from arbkit.analysis.offers import prepare_offers
from arbkit.analysis.routes import price_routes, routes_frame
from arbkit.analysis.what_if import quote_request_for, routes_under
from arbkit.core.models import Offer, Opportunity, Update
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.profit.facts.packages import Certainty
from arbkit.profit.quote.quote import quote
from arbkit.profit.quote.request import QuoteRequest
from arbkit.profit.quote.results import ProfitRange
from arbkit.store.sqlite.store import SqliteStore
from tests.helpers.factories import PACKAGE, offer, unforecast

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC).timestamp()
ON = datetime.fromtimestamp(NOW, UTC).date()
SIDES = ("length_mm", "width_mm", "height_mm")
PROFILE, TABLES, RATES = Profile.neutral(), load_tables(), load_rates()


def offers() -> list[Offer]:
    """A product on three marketplaces, in Italy without package facts, in Spain without a price."""
    return [
        offer(code="DE", price_minor=6_999, shipping_minor=0, **PACKAGE),
        offer(code="ES", price_minor=None, shipping_minor=0, **PACKAGE),
        offer(code="IT", price_minor=4_000, shipping_minor=0),
    ]


def test_every_door_prices_a_route_alike(tmp_path: Path) -> None:
    found = offers()
    prices = price_routes(prepare_offers(found, now=NOW), PROFILE, TABLES, RATES, on=ON)
    best, *_ = prices.routes(now=NOW, listings=lambda _: found)
    assert (best.id, best.fulfilment) == ("IT:DE", "fba-local")
    with SqliteStore(tmp_path / "store.db") as store:
        store.put([Update(o, None) for o in found])
        inputs = Inputs(PROFILE, TABLES, RATES, ON)
        detected = detect(scan_states(store), inputs, parameters=DetectParameters(), run_id="", now=NOW)
    assert unforecast(detected.opportunities[0]) == best.opportunity
    table = routes_frame(prices, found).set_index(["source", "target"])
    assert table["profit"]["IT", "DE"] == best.profit
    assert table["unknown"]["IT", "UK"] == "not listed on UK"
    request, package = quote_request_for(best, found, PROFILE, on=ON)
    assert quote(request, PROFILE, TABLES, RATES, package=package).profit == best.profit
    assert best.opportunity is not None
    (again,) = routes_under(
        [f"{best.asin}:IT:DE"], found, Assumptions(profile=PROFILE), PROFILE, on=ON, now=NOW
    ).values()
    assert again.then == again.now
    assert again.then is not None
    assert (again.then.profit, again.then.fulfilment) == (best.profit, best.fulfilment)


@given(
    category=st.sampled_from(
        [
            "Beauty",
            "Toys & Games",
            "Elektro-Großgeräte",
            "Elektro-Großgeräte › Filter",
            "Elektro-Großgeräte › Waschmaschinen",
        ]
    ),
    sides=st.none() | st.tuples(*[st.integers(20, 900)] * 3),
    weight_g=st.none() | st.integers(20, 29_000),
    fee_minor=st.none() | st.integers(200, 900),
    buy_minor=st.integers(300, 9_000),
    sell_minor=st.integers(900, 20_000),
    fulfilment=st.sampled_from([("fba-local",), ("fba-local", "efn"), ("efn",)]),
)
@hypothesis_settings(max_examples=30, deadline=None)
def test_a_quote_has_the_range_that_detection_finds_by_the_same_facts(
    category: str, sides: tuple[int, int, int] | None, weight_g: int | None, fee_minor: int | None, buy_minor: int,
    sell_minor: int, fulfilment: tuple[Any, ...],
) -> None:  # fmt: skip
    profile = Profile.neutral(fulfilment=fulfilment, expected_days=60)
    package: dict[str, Any] = {} if sides is None else dict(zip(SIDES, sides, strict=True))
    package |= {} if weight_g is None else {"weight_g": weight_g}
    path = tuple(category.split(" › "))
    of_category: dict[str, Any] = {"category": path[0], "category_path": path if len(path) > 1 else ()}
    fee: dict[str, Any] = {} if fee_minor is None else {"keepa_fba_fee_minor": fee_minor, "keepa_fba_fee_at": int(NOW)}
    found = [
        offer(code="IT", price_minor=buy_minor, shipping_minor=0, **of_category, **package),
        offer(code="DE", price_minor=sell_minor, shipping_minor=0, **of_category, **package, **fee),
    ]
    prices = price_routes(prepare_offers(found, now=NOW), profile, TABLES, RATES, on=ON)
    route = next(r for r in prices.routes(now=NOW) if r.id == "IT:DE")
    by_hand = QuoteRequest.parse(
        {
            "source": "IT", "buy": buy_minor / 100, "target": "DE", "sell": sell_minor / 100, "category": category,
            "on": ON, **({"size_mm": "x".join(map(str, sides))} if sides else {}),
            **({"weight_g": weight_g} if weight_g else {}), **({"keepa_fba_fee": fee_minor / 100} if fee_minor else {}),
        }
    )  # fmt: skip
    stored, of_store = quote_request_for(route, found, profile, on=ON)
    for answer in (
        quote(by_hand, profile, TABLES, RATES, what_if=False),
        quote(stored, profile, TABLES, RATES, what_if=False, package=of_store),
    ):
        if route.opportunity is None:
            assert (answer.profit, answer.range) == (None, None)
            continue
        likely, low, high = (getattr(route.opportunity, name) for name in ("profit", "profit_low", "profit_high"))
        assert (answer.profit, answer.fulfilment) == (likely, route.fulfilment)
        measured = sides is not None and weight_g is not None
        assert answer.range == (None if measured else ProfitRange(low=low, likely=likely, high=high))


def test_a_route_that_cannot_be_priced_says_why_and_comes_last() -> None:
    routes = price_routes(prepare_offers(offers(), now=NOW), PROFILE, TABLES, RATES, on=ON).routes(now=NOW)
    profits = [r.profit for r in routes]
    assert profits == sorted([p for p in profits if p is not None], reverse=True) + [None] * profits.count(None)
    unknown = {r.id: r.unknown for r in routes if r.profit is None}
    assert unknown["ES:DE"] == ("no price where it is bought",)
    assert all(r.opportunity is None for r in routes if r.profit is None)


def test_package_facts_come_from_another_listing() -> None:
    rows = prepare_offers(offers(), now=NOW).set_index("market")
    assert rows["package_from"].to_dict() == {"DE": "", "ES": "", "IT": "DE"}
    assert rows["weight_g"]["IT"] == pytest.approx(800)
    assert (rows["package_certainty"] == Certainty.MEASURED).all()


def test_one_offer_has_no_route() -> None:
    prices = price_routes(prepare_offers(offers()[:1], now=NOW), PROFILE, TABLES, RATES, on=ON)
    assert prices.routes(now=NOW) == []
    assert prices.opportunities(now=NOW) == []


def test_a_product_is_priced_alike_alone_and_among_others() -> None:
    found = [
        replace(o, asin=asin, title=f"{asin}, 2er Pack" if o.market == "DE" else o.title, category=category)
        for asin, category in (("B0TESTA001", "Kitchen"), ("B0TESTA002", "Books"), ("B0TESTA003", "Toys & Games"))
        for o in [*offers(), offer(code="FR", price_minor=8_000, price_avg90_minor=5_000, updated_at=1_780_000_000)]
    ]

    def priced(wanted: list[Offer]) -> list[Opportunity]:
        prices = price_routes(prepare_offers(wanted, now=NOW), PROFILE, TABLES, RATES, on=ON)
        return prices.opportunities(now=NOW, listings=lambda asins: [o for o in wanted if o.asin in asins])

    alone = [o for asin in sorted({o.asin for o in found}) for o in priced([x for x in found if x.asin == asin])]
    together = priced(found)
    assert len(together) > 6
    assert sorted(together, key=lambda o: o.id) == sorted(alone, key=lambda o: o.id)


def test_what_is_only_sold_there_is_priced_by_the_offer_that_sells() -> None:
    bought = [offer(code="IT", price_minor=4_000, shipping_minor=0, **PACKAGE)]
    sold = [*bought, offer(code="DE", price_minor=6_999, shipping_minor=0, sales_rank=7, **PACKAGE)]
    prices = price_routes(
        prepare_offers(bought, now=NOW), PROFILE, TABLES, RATES, on=ON, selling=prepare_offers(sold, now=NOW)
    )
    (found,) = prices.opportunities(now=NOW)
    assert (found.source, found.target, found.sell_price) == ("IT", "DE", 69.99)
    # Its demand is not among what was asked about.
    assert (found.rank, found.amazon_sells) == (None, None)


def test_an_offer_without_title_and_package_is_priced_by_the_range_of_its_category() -> None:
    found = [offer(code="DE", title=None, price_minor=6_999), offer(code="IT", price_minor=4_000)]
    rows = prepare_offers(found, now=NOW)
    assert (rows["package_certainty"] > Certainty.MEASURED).all()
    assert rows["weight_g"].notna().all()


def test_an_average_price_is_named_where_there_is_no_price_of_now() -> None:
    found = [
        offer(code="DE", price_minor=None, price_basis=None, price_avg90_minor=6_999, **PACKAGE),
        offer(code="FR", price_minor=5_999, price_basis="buy_box", price_avg90_minor=6_499, **PACKAGE),
        offer(code="IT", price_minor=4_000, price_basis="buy_box", **PACKAGE),
    ]
    profile = Profile.neutral(sell_basis="avg90")
    rows = price_routes(prepare_offers(found, now=NOW), profile, TABLES, RATES, on=ON).evaluation.frame()
    bases = rows[rows["source"] == "IT"].set_index("target")["sell_basis"].to_dict()
    assert bases == {"DE": "90-day average", "FR": "buy_box, 90-day average"}


def test_the_branch_that_any_listing_names_holds_for_the_product() -> None:
    root = "Elektro-Großgeräte"
    filters = offer("B0TESTA001", "DE", category=root, category_path=(root, "Wasserfilter"))
    vague = offer("B0TESTA001", "FR", category="Gros électroménager", category_path=())
    other = offer("B0TESTA002", "DE", category=root, category_path=(root, "Waschmaschinen"))
    rows = prepare_offers([vague, filters, other], now=NOW)
    part, same, machine = rows["weight_g"]
    assert part == same < 1_000
    assert machine > 10_000
    (alone,) = prepare_offers([vague], now=NOW)["weight_g"]
    assert part < alone < machine
