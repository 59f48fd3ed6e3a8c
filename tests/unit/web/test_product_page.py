"""The product page without a browser: one product over all marketplaces, and what it does with bad addresses."""

from __future__ import annotations

import re
import time
from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest

from arbkit.analysis import detection
from arbkit.analysis.demand import AMAZON_SELLERS
from arbkit.analysis.price_history import thin
from arbkit.analysis.routes import PricedRoute
from arbkit.core.history.facts import amazon_shares
from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM, RATING_COUNT_FROZEN_FROM, to_minutes, to_unix
from arbkit.core.models import History, Series, Update
from arbkit.core.offers.looks import Look
from arbkit.core.settings import Settings
from arbkit.profit import load_rates
from arbkit.sources import watchlist
from arbkit.store import OpportunityQuery, open_store
from arbkit.web.dashboards.product.history_chart import MOST_POINTS, history_chart
from arbkit.web.dashboards.product.one_product import OneProduct
from tests.helpers.decisions import decision
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.pages import Seen, shipped_page
from tests.helpers.routes import store_routes
from tests.helpers.sales import sale
from tests.helpers.settlements import item, settlement

HOSTILE = "<img src=x onerror=alert(1)>"
ASIN, ALONE, STRANGE = "B00000000A", "B00000000B", "B00000000C"
PACKAGE = {"length_mm": 300, "width_mm": 200, "height_mm": 100, "weight_g": 700}


def sold(asin: str, code: str, **fields: Any) -> Update:
    defaults: dict[str, Any] = {
        **PACKAGE, "price_minor": 4_000 if code == "IT" else 9_000, "eans": ("4005808158003",), "package_quantity": 1,
        "price_at": int(time.time()),
    }  # fmt: skip
    return Update(offer(asin, code, **{**defaults, **fields}), history(asin, code))


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """A product on four marketplaces (the last without a price), one on one only, one that is not the same."""
    with open_store(settings) as store:
        store.put([sold(ASIN, code, title="Acme Toaster 800 W") for code in ("DE", "IT", "UK")])
        store.put([sold(ASIN, "FR", price_minor=None, price_basis=None, title="Acme grille-pain 800 W")])
        store.put([sold(ALONE, "DE", title="Only here")])
        store.put([sold(STRANGE, "DE", title=f"{HOSTILE} Tabs 40 Stück", brand=HOSTILE, category=HOSTILE,
                        eans=(HOSTILE,), image=HOSTILE),
                   sold(STRANGE, "IT", title="Tabs 80 pezzi", eans=("4005808158010",))])  # fmt: skip
    return settings


@pytest.fixture
def seen(filled: Settings) -> Seen:
    return Seen(shipped_page("product", filled))


def routes(seen: Seen) -> Sequence[PricedRoute]:
    found: Sequence[PricedRoute] = seen.page.subject(OneProduct).routes
    return found


def text(html: str) -> str:
    return " ".join(re.sub("<[^>]*>", " ", html).split())


def test_every_route_is_there_also_those_that_cannot_be_priced_with_the_reason(seen: Seen) -> None:
    seen.begin(f"?asin={ASIN}")
    routes = seen.column("Route", region="routes")
    assert len(routes) == len(set(routes)) == 12
    assert routes[0] == "IT → UK"
    profits = dict(zip(routes, seen.column("Profit", region="routes"), strict=True))
    told = dict(zip(routes, seen.column("Notes", region="routes"), strict=True))
    assert profits["IT → DE"].endswith(" EUR")
    assert profits["DE → IT"].startswith("−")
    assert profits["FR → DE"] == "–"
    assert "no price where it is bought" in told["FR → DE"]
    assert "no price where it is sold" in told["DE → FR"]
    assert routes.index("FR → DE") > routes.index("DE → IT")


def test_the_best_route_is_chosen_and_its_parts_add_up_to_its_profit(seen: Seen) -> None:
    seen.begin(f"?asin={ASIN}")
    best = routes(seen)[0].opportunity
    assert best is not None
    assert round(sum(float(p["amount"] or 0) for p in best.components), 2) == best.profit
    assert f"{best.profit:.2f} EUR profit" in seen.html("route")
    assert "Referral fee" in seen.html("components")
    assert "Amazon Rate Card" in seen.html("components")
    assert seen.shown("waterfall")


def test_another_route_can_be_chosen_and_is_in_the_address(seen: Seen) -> None:
    seen.begin(f"?asin={ASIN}")
    seen.emit("select", region="routes", id="DE:UK")
    assert "DE → UK" in seen.html("route")
    assert parse_qs(seen.address) == {"asin": [ASIN], "route": ["DE:UK"]}
    seen.emit("select", region="routes", id="FR:DE")
    assert "profit unknown" in seen.html("route")
    assert not seen.shown("waterfall")
    parts = text(seen.html("components"))
    assert "– no price on www.amazon.fr" in parts
    assert "nan" not in parts.split()
    seen.emit("select", region="routes", id="<nonsense>")
    assert parse_qs(seen.address)["route"] == ["FR:DE"]


def test_decisions_are_taken_and_shown_for_the_selected_route_and_for_a_product_that_left(
    seen: Seen, filled: Settings
) -> None:
    seen.begin(f"?asin={ASIN}&route=DE:UK")
    assert not seen.shown("decided")
    seen.fill("decision", status="bought", quantity="3", price="9.50")
    seen.click("decide")
    assert "3 units at 9.50 EUR each" in seen.html("decided")
    assert f"{ASIN} DE → UK" in seen.html("decided")
    seen.click("cancel_purchase", id="1")
    assert "purchase cancelled" in seen.html("decided")
    gone = "B00000000Z"
    with open_store(filled) as store:
        assert store.decisions([ASIN])[-1].cancels == 1
        store.add_decisions([decision(gone, "buy_list", note=HOSTILE)])
    seen.emit("visit", search=f"?asin={ALONE}")
    assert not seen.shown("decided")
    seen.emit("visit", search=f"?asin={gone}")
    assert "buy list" in seen.html("decided")
    assert "<img" not in seen.html("decided")
    seen.fill("decision", status="new")
    seen.click("decide")
    with open_store(filled) as store:
        assert [one.status for one in store.decisions([gone])] == ["buy_list", "new"]


def test_what_came_of_a_purchase_stands_beside_its_forecast_and_unknown_is_no_zero(
    seen: Seen, filled: Settings
) -> None:
    seen.begin(f"?asin={ASIN}&route=IT:DE")
    assert not seen.shown("purchases")
    detection.run(filled, run_id="r")
    seen.fill("decision", status="bought", quantity="3", price="40")
    seen.click("decide")
    assert "3 at 40.00 EUR" in text(seen.html("purchases"))
    assert "nothing is sold yet" in seen.html("purchases")
    with open_store(filled) as store:
        (bought,) = store.decisions([ASIN])
        store.put_sales([sale(asin=ASIN, day=str(bought.bought_on), principal=90.0), sale(2, asin=ASIN, units=9)])
    seen.emit("visit", search=seen.address)
    assert "not yet" in text(seen.html("purchases"))
    assert "VAT as the route was priced when it was bought" in seen.html("purchases")
    assert "belong to no purchase" in seen.html("purchases")


def test_a_settlement_is_taken_in_from_the_browser_in_pieces_and_skus_are_said_there(
    seen: Seen, filled: Settings
) -> None:
    sold = {"ItemPrice/Principal": "90,00", "ItemFees/Commission": "-13,50"}
    file = settlement(*item(sold), *item(sold, order="305-2", sku="Ö-9"), total="153,00").encode("cp1252")
    seen.begin(f"?asin={ASIN}&route=IT:DE")
    seen.fill("salesform", skus="DE-1")
    seen.upload("salesform", "settlement", "settlement.txt", file, piece=300)
    assert "2 lines new" in seen.notices[-1]
    assert "Ö-9" in seen.notices[-1]
    seen.fill("salesform", skus="DE-1, Ö-9")
    seen.click("assign_skus")
    with open_store(filled) as store:
        assert [line.asin for line in store.sales()] == [ASIN, ASIN]
    seen.upload("salesform", "settlement", "settlement.txt", file)
    assert "0 lines new, 0 changed, 2 known already" in seen.notices[-1]
    seen.upload("salesform", "settlement", "photo.jpg", b"\xff\xd8\0\0")
    assert "is no text" in seen.notices[-1]
    about = {"name": "settlement", "file": "settlement.txt", "offset": 300}
    seen.emit("file", region="salesform", buffers=[b"x"], size=900, **about)
    assert "did not come whole" in seen.notices[-1]
    seen.emit("file", region="salesform", buffers=[b"x" * 20], size=10, **{**about, "offset": 0})
    assert "did not come whole" in seen.notices[-1]
    seen.emit("file", region="salesform", buffers=[b"x"], size=1 << 40, **about)
    assert "more than 20 MB" in seen.notices[-1]


def test_the_address_opens_the_same_view_again(filled: Settings) -> None:
    first = Seen(shipped_page("product", filled)).begin(f"?asin={ASIN}&route=UK:DE&currency=GBP&series=new,offers")
    again = Seen(shipped_page("product", filled)).begin("?" + first.address)
    assert again.address == first.address
    assert again.regions["routes"]["selected"] == "UK:DE"
    assert again.field("series", "currency")["value"] == "GBP"
    assert again.field("series", "new")["value"] is True
    assert again.field("series", "rank")["value"] is False
    assert "GBP" in str(again.regions["history"]["figure"]["layout"]["annotations"])


def test_the_page_and_detection_agree(filled: Settings) -> None:
    found = detection.run(filled, run_id="r")
    assert found.opportunities
    with open_store(filled) as store:
        stored = {o.id: o for o in store.opportunities(OpportunityQuery(asin=ASIN)).items}
    page = shipped_page("product", filled)
    seen = Seen(page).begin(f"?asin={ASIN}")
    here = {
        r.opportunity.id: r.opportunity
        for r in page.subject(OneProduct).routes
        if r.opportunity and r.opportunity.profit > 0
    }
    assert here.keys() == stored.keys()
    for name, one in here.items():
        other = stored[name]
        assert (one.profit, one.roi_pct, one.margin_pct, one.fulfilment, one.confidence) == (
            other.profit, other.roi_pct, other.margin_pct, other.fulfilment, other.confidence,
        )  # fmt: skip
        assert [dict(p) for p in one.components] == [dict(p) for p in other.components]
    assert all("sub" not in r["cells"][3] for r in seen.regions["routes"]["rows"])


def test_a_profit_that_was_another_at_the_last_detection_says_so(filled: Settings) -> None:
    with open_store(filled) as store:
        store_routes(store, [opportunity(ASIN, profit=1.0)])
    rows = Seen(shipped_page("product", filled)).begin(f"?asin={ASIN}").regions["routes"]["rows"]
    assert next(r for r in rows if r["id"] == "IT:DE")["cells"][3]["sub"].startswith("+1.00")


def test_a_product_on_one_marketplace_says_why_there_is_no_route(seen: Seen) -> None:
    seen.begin(f"?asin={ALONE}")
    assert seen.regions["routes"]["rows"] == []
    assert "known on DE only" in seen.regions["routes"]["message"]
    assert not any(map(seen.shown, ("route", "waterfall", "components", "warning")))
    assert seen.shown("history")
    assert "only one listing" in seen.html("match")
    assert "not listed on FR, IT, ES, UK" in seen.html("about")


@pytest.mark.parametrize(
    ("search", "says"),
    [
        ("?asin=B0", "asin: an ASIN has 10 characters"),
        ("?asin=<script>alert(1)</script>", "asin: "),
        ("?asin=" + "B" * 5_000, "asin: at most 200 characters"),
        ("?asin=" + "B" * 10_000, "all of it was ignored"),
        (f"?asin={ASIN}&route=XX:DE", "route: not a route, as IT:DE"),
        (f"?asin={ASIN}&currency=USD", "currency: must be one of EUR, GBP"),
        (f"?asin={ASIN}&series=evil", "series: must be one or more of"),
        (f"?asin={ASIN}&asni=1", "asni: no such field; did you mean asin?"),
    ],
)
def test_what_is_wrong_in_the_address_is_told_in_a_sentence(seen: Seen, search: str, says: str) -> None:
    seen.begin(search)
    assert says in seen.notices[-1]
    assert len(seen.notices[-1]) < 400
    assert seen.shown("results") or seen.shown("about")


def test_without_a_product_one_can_be_searched_and_chosen(seen: Seen) -> None:
    seen.begin()
    assert len(seen.regions["results"]["rows"]) == 3
    assert not seen.shown("about")
    seen.fill("find", q="only here")
    assert [r["id"] for r in seen.regions["results"]["rows"]] == [ALONE]
    assert parse_qs(seen.address) == {"q": ["only here"]}
    seen.emit("select", region="results", id=ALONE)
    assert "Only here" in seen.html("about")
    assert not seen.shown("results")
    assert parse_qs(seen.address) == {"asin": [ALONE]}


@pytest.mark.parametrize("typed", [ASIN, ASIN.lower(), f"https://www.amazon.it/dp/{ASIN}?th=1"])
def test_an_asin_or_an_address_opens_the_product(seen: Seen, typed: str) -> None:
    seen.begin()
    seen.fill("find", q=typed)
    assert parse_qs(seen.address) == {"asin": [ASIN]}
    assert seen.field("find", "q")["value"] == ""


def test_a_word_of_ten_letters_is_searched_for(seen: Seen, filled: Settings) -> None:
    with open_store(filled) as store:
        store.put([sold("B00000000D", "DE", title="Blackdecke tools")])
    seen.begin()
    seen.fill("find", q="BLACKDECKE")
    assert [r["id"] for r in seen.regions["results"]["rows"]] == ["B00000000D"]
    seen.fill("find", q="x" * 10_000)
    assert seen.field("find", "q")["wrong"] == "at most 200 characters"


def test_an_unknown_product_can_be_put_on_the_watchlist_and_is_shown_when_it_comes(
    seen: Seen, filled: Settings
) -> None:
    seen.begin("?asin=B0UNKNOWN0")
    assert "no data about this product yet" in seen.html("about")
    assert "amazon.co.uk/dp/B0UNKNOWN0" in seen.html("about")
    seen.click("watch", id="B0UNKNOWN0")
    assert "B0UNKNOWN0" in watchlist.load(filled).asins
    assert "It is on the watchlist" in seen.html("about")
    with open_store(filled) as store:
        store.put([sold("B0UNKNOWN0", code, title="Here at last") for code in ("DE", "ES")])
    seen.emit("tick")
    assert "Here at last" in seen.html("about")
    assert len(seen.regions["routes"]["rows"]) == 2
    seen.click("unwatch", id="B0UNKNOWN0")
    assert "B0UNKNOWN0" not in watchlist.load(filled).asins
    assert "Add to the watchlist" in seen.html("about")


def test_listings_that_contradict_each_other_are_warned_of(seen: Seen) -> None:
    seen.begin(f"?asin={STRANGE}")
    assert "The listings may not match: DE and IT." in seen.html("warning")
    shown = text(seen.html("match"))
    assert "40 in DE, 80 in IT" in shown
    assert "different" in shown
    assert "Price per unit 2.25 EUR 0.50 EUR" in shown
    seen.emit("form", region="find", changed="q", values={"q": ASIN})
    assert not seen.shown("warning")


def test_hostile_texts_are_escaped_everywhere(seen: Seen) -> None:
    seen.begin(f"?asin={STRANGE}")
    for region, data in seen.regions.items():
        if "html" in data:
            assert "<img" not in data["html"], region
    assert "&lt;img" in seen.html("about")
    assert "m.media-amazon" not in seen.html("about")
    assert "<img" not in str(seen.regions["history"]) + str(seen.regions["waterfall"])


def test_unknown_figures_are_dashes_with_the_reason(seen: Seen) -> None:
    seen.begin(f"?asin={ASIN}")
    assert "– not checked by Keepa" in text(seen.html("offers"))
    assert "– Amazon shows no badge" in text(seen.html("demand"))
    assert "– none from Keepa" in text(seen.html("fees"))
    assert "nan" not in text(seen.html("fees")).lower()


def test_the_price_of_likely_sales_is_shown_with_their_number_or_why_there_is_none(settings: Settings) -> None:
    now = int(time.time())
    known = {"sale_price_minor": 6_510, "sale_price_sales": 12}
    stored = {
        "DE": {"updated_at": now, **known}, "IT": {"updated_at": now, "sale_price_sales": 3},
        "FR": {"updated_at": now}, "ES": {"updated_at": now - 40 * 86_400, **known},
    }  # fmt: skip
    with open_store(settings) as store:
        store.put([sold(ASIN, code, **fields, version=9_000_000) for code, fields in stored.items()])
    shown = text(Seen(shipped_page("product", settings)).begin(f"?asin={ASIN}").html("offers"))
    row = shown.partition("Inferred sale price median of 90 days")[2].partition("Sales rank")[0]
    assert "65.10 EUR inferred from 12 sales" in row
    assert "– too few sales: 3" in row
    assert "– no price and rank history" in row
    assert "65.10 EUR 40 d old: too old to say what sells now" in row


def test_coming_sales_are_forecast_or_the_reason_is_said(settings: Settings) -> None:
    now = int(time.time())
    ranked = {"sales_rank": 60_000, "sales_rank_at": now, "rank_drops30": 12, "rank_drops90": 36, "updated_at": now}
    with open_store(settings) as store:
        store.put([sold(ASIN, "DE", **ranked, version=9_000_000), sold(ASIN, "IT")])
    shown = text(Seen(shipped_page("product", settings)).begin(f"?asin={ASIN}").html("demand"))
    assert re.search(
        r"Sales of the listing \S.* of all sellers \d+\.\d+ \d+\S* to \d+\S* with 80 % – no sales rank", shown
    )
    assert re.search(r"Days to sell one forecast: with 90 % \d+\.?\d* – no sales rank", shown)
    assert re.search(r"One sold within 30 days forecast \d+\.?\d* % – no sales rank", shown)
    assert "nobody recorded who held the buy box" in shown


def test_fee_facts_name_the_listing_that_has_the_package(settings: Settings) -> None:
    with open_store(settings) as store:
        nothing = dict.fromkeys(PACKAGE)
        store.put(
            [sold(ASIN, "DE"), sold(ASIN, "IT", **nothing, keepa_fba_fee_minor=612, keepa_fba_fee_at=1_750_000_000)]
        )
    fees = text(Seen(shipped_page("product", settings)).begin(f"?asin={ASIN}").html("fees"))
    assert "from the DE listing" in fees
    assert "small parcel" in fees
    assert "6.12 EUR of 2025-06-15" in fees
    assert "valid from 20" in fees


def test_an_empty_store_and_one_that_is_not_there_say_what_to_do(settings: Settings) -> None:
    seen = Seen(shipped_page("product", settings)).begin("?asin=B0UNKNOWN0")
    assert seen.notices
    assert "No products yet" in seen.html("hint")
    with open_store(settings) as store:
        store.put([sold("B0UNKNOWN0", "DE")])
    seen.emit("tick")
    assert "Product B0UNKNOWN0" in seen.html("about")


def test_a_store_that_goes_away_is_said_and_what_is_shown_stays(seen: Seen, filled: Settings) -> None:
    seen.begin(f"?asin={ASIN}")
    before = seen.html("about")
    for file in filled.home.glob("arbkit.db*"):
        file.rename(file.with_suffix(file.suffix + ".away"))
    seen.page._store.close()
    seen.page.refresh()
    assert "Updates automatically" in seen.notices[-1]
    assert seen.html("about") == before


def test_nothing_is_drawn_twice_while_nothing_changed(seen: Seen) -> None:
    seen.begin(f"?asin={ASIN}")
    del seen.regions["history"], seen.regions["waterfall"]
    seen.page.refresh()
    assert not {"history", "waterfall"} & seen.regions.keys()
    seen.fill("series", currency="GBP")
    assert seen.shown("history")


# The chart


def series(name: str, values: list[int], *, start: float, step_days: float = 1.0) -> tuple[Any, History]:
    times = array("i", [to_minutes(start) + round(1_440 * step_days * i) for i in range(len(values))])
    one = offer(code="DE", updated_at=to_unix(times[-1]), price_basis="new")
    return one, History(one.asin, "DE", 1, "EUR", {name: Series(times, array("i", values))})


@pytest.mark.parametrize(
    ("name", "shown", "at", "says"),
    [
        ("new", "new", NEW_INCLUDES_SHIPPING_FROM, "includes shipping"),
        ("reviews", "ratings", RATING_COUNT_FROZEN_FROM, "stopped updating"),
    ],
)
def test_days_on_which_a_series_changed_its_meaning_are_marked(name: str, shown: str, at: int, says: str) -> None:
    one, known = series(name, [2_000] * 20, start=at - 10 * 86_400)
    figure, _ = history_chart([known], [one], (shown,), "EUR", load_rates())
    assert len(figure.layout.shapes) == 1
    assert says in str(figure.layout.annotations)
    one, known = series(name, [2_000] * 20, start=at + 86_400)
    assert not history_chart([known], [one], (shown,), "EUR", load_rates())[0].layout.shapes


def test_a_very_long_history_is_thinned_out_but_keeps_its_extremes_and_says_so() -> None:
    chance = np.random.default_rng(1)
    values = chance.integers(1_000, 9_000, 60_000).tolist()
    values[30_000], values[31_000], values[32_000] = 99_999, 1, -1
    one, known = series("new", values, start=1_400_000_000, step_days=0.05)
    figure, told = history_chart([known], [one], ("new",), "EUR", load_rates())
    drawn = np.asarray(figure.data[0].y, float)
    assert len(drawn) <= MOST_POINTS * 1.05
    assert np.nanmax(drawn) == 999.99
    assert np.nanmin(drawn) == 0.01
    assert np.isnan(drawn).any()
    assert any("Thinned out: of up to 60,000 points" in words for words in told)


def test_thinning_leaves_short_histories_and_the_last_months_alone() -> None:
    times = np.arange(2_000) * 1_440
    values = np.sin(times / 9_999.0)
    assert len(thin(times, values, 5_000)) == 2_000
    kept = thin(times, values, 400)
    assert len(kept) <= 400
    assert set(range(1_910, 2_000)) <= set(kept.tolist())


def test_ranks_are_drawn_with_the_best_on_top_and_gaps_as_gaps() -> None:
    one, known = series("sales_rank", [500, -1, 900], start=1_760_000_000)
    figure, told = history_chart([known], [one], ("priced", "rank"), "EUR", load_rates())
    assert figure.layout.yaxis.type == "log"
    assert figure.layout.yaxis.autorange == "reversed"
    assert np.isnan(figure.data[0].y[1])
    assert figure.data[0].connectgaps is False
    assert "No history of the price on any marketplace." in told


def test_nothing_to_draw_says_so() -> None:
    figure, _ = history_chart((), (), ("priced",), "EUR", load_rates())
    assert "Nothing to plot" in figure.layout.annotations[0].text


# Fresh looks


def test_who_asks_for_a_fresh_look_sees_what_becomes_of_it(filled: Settings) -> None:
    polled = filled.model_copy(update={"demo": True, "markets": ("DE", "IT")})
    one = Seen(shipped_page("product", polled))
    one.begin(f"?asin={ASIN}")
    assert "Fresh look" not in text(one.html("about"))
    one.click("look", id=ASIN)
    assert text(one.html("about")).count("queued 0 s ago") == 2
    with open_store(polled) as store:
        assert [look.id for look in store.looks(status="waiting")] == [f"{ASIN}:DE", f"{ASIN}:IT"]
        german, italian = store.looks()
        now = time.time()
        why = f"{HOSTILE} are used up"
        store.put_looks(
            [
                replace(german, status="served", answered_at=now),
                replace(italian, status="refused", answered_at=now, why=why),
            ]
        )
        store.put_looks([Look(asin=ALONE, market="DE", asked_at=now)])
    one.page.refresh()
    about = one.html("about")
    assert HOSTILE not in about
    assert "Fresh look at DE: served" in text(about)
    assert re.search("Fresh look at IT: refused .* are used up", text(about))


@pytest.mark.parametrize(
    ("changes", "named"), [({"demo": False}, "KEEPA_API_KEY"), ({"demo": True, "look_tokens": 0}, "ARBKIT_LOOK_TOKENS")]
)
def test_a_look_that_nobody_can_serve_is_refused_with_the_reason(
    filled: Settings, changes: dict[str, Any], named: str
) -> None:
    one = Seen(shipped_page("product", filled.model_copy(update=changes)))
    one.begin(f"?asin={ASIN}")
    one.click("look", id=ASIN)
    assert named in one.notices[-1]
    assert "Fresh look" not in one.html("about")


# Demand


def test_amazons_share_is_of_the_time_that_somebody_held_the_buy_box() -> None:
    end = to_minutes(1_760_000_000)
    day = 1_440
    times = array("i", [end - 200 * day, end - 80 * day, end - 60 * day, end - 40 * day])
    known = History(
        "B000000001", "DE", 1, "EUR", {"buy_box_seller": Series(times, array("i", [0, 1, 2, 0]))},
        (AMAZON_SELLERS["DE"], "A1OTHER", "-1"),
    )  # fmt: skip
    # Of 90 days: Amazon 10, the other 20, nobody 20, Amazon 40.
    assert amazon_shares([known, history()], [1_760_000_000] * 2) == [71.43, None]


def test_a_size_that_is_typed_in_is_kept_and_priced(settings: Settings) -> None:
    with open_store(settings) as store:
        bare = dict.fromkeys(PACKAGE)
        store.put([sold(ASIN, code, **bare, title="Acme Toaster 800 W") for code in ("DE", "IT")])
    one = Seen(shipped_page("product", settings))
    one.begin(f"?asin={ASIN}")
    before = {r.id: r.profit for r in routes(one)}
    one.fill("size", size="300x200", weight="700")
    one.click("save_size")
    assert "three sides" in str(one.field("size", "size")["wrong"])
    one.fill("size", size="300x200x100", weight="0")
    one.click("save_size")
    assert one.field("size", "weight")["wrong"]
    one.fill("size", size="300 x 200 x 100", weight="700")
    one.click("save_size")
    assert one.field("size", "size")["value"] == "300x200x100"
    after = {r.id: r for r in routes(one)}
    best = after["IT:DE"].opportunity
    assert best is not None
    assert (best.profit_low, best.profit_high) == (best.profit, best.profit)
    assert before["IT:DE"] != after["IT:DE"].profit
    one.click("forget_size")
    assert {r.id: r.profit for r in routes(one)} == before


def test_what_a_route_will_earn_is_forecast_with_what_makes_it_wide(settings: Settings) -> None:
    now = int(time.time())
    ranked = {"sales_rank": 60_000, "sales_rank_at": now, "rank_drops30": 12, "rank_drops90": 36, "updated_at": now}
    with open_store(settings) as store:
        store.put([sold(ASIN, "DE", **ranked, version=9_000_000), sold(ASIN, "IT")])
    seen = Seen(shipped_page("product", settings)).begin(f"?asin={ASIN}&route=IT:DE")
    shown = text(seen.html("forecast"))
    assert "More than 19 of 20 such purchases would make money" in shown
    assert re.search(r"10 % leave less than \S+ EUR, 10 % more than \S+ EUR; worst plausible \S+ EUR", shown)
    assert re.search(r"Expected profit \S+ EUR ?: −?\d+\.\d+ % a day of the capital", shown)
    assert re.search(r"\d+ % are sold within 30 days, half within \d+ days", shown)
    assert re.search(r"What makes it so wide\? Selling price \d+ %", shown)
    assert "Assumed: unsold after 90 days: sold off" in shown
    seen.emit("select", id="DE:IT", region="routes")
    assert "such purchases" not in (text(seen.html("forecast")) if seen.shown("forecast") else "")


def test_a_route_whose_sales_nobody_knows_has_no_forecast_and_says_why(seen: Seen) -> None:
    shown = text(seen.begin(f"?asin={ASIN}&route=IT:DE").html("forecast"))
    assert "What it will earn is unknown: no sales rank" in shown


def test_a_verdict_on_the_best_route_stands_on_top(seen: Seen) -> None:
    seen.begin(f"?asin={ASIN}")
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", seen.html("verdict")))
    assert re.search(r"\w\w → \w\w:", shown)
    assert re.search(r"(Buy \d+ units?|Watch|Pass)", shown)
    ids = [region["id"] for region in seen.widget.regions]
    assert ids.index("verdict") < ids.index("about")
