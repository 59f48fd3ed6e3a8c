"""The opportunities page without a browser: what it answers to wishes, and what it does with bad ones."""

from __future__ import annotations

import asyncio
import csv
import io

import pytest
from markupsafe import Markup

from arbkit.core.formatting import age_words
from arbkit.core.models import Offer, Update
from arbkit.core.results import ComponentRow
from arbkit.core.settings import Settings
from arbkit.sources import watchlist
from arbkit.store import OpportunityQuery, Stats, open_store
from arbkit.web.dashboards.download import Download, Downloads
from arbkit.web.dashboards.html import components_html, demo_words, opportunity_html, route_map_html
from arbkit.web.dashboards.opportunities.columns import COLUMNS, chosen_columns, table_row
from arbkit.web.dashboards.opportunities.filters import parse
from arbkit.web.dashboards.opportunities.forms import filter_fields
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.pages import Seen, part_of, shipped_page
from tests.helpers.routes import store_routes

HOSTILE = "<img src=x onerror=alert(1)>"
ASINS = [f"B0000000{i:02}" for i in range(1, 31)]


def sold(asin: str, code: str) -> Offer:
    """An offer with all that pricing needs."""
    return offer(asin, code, length_mm=300, width_mm=200, height_mm=100, weight_g=700, price_minor=7_000)


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """Thirty opportunities, 1 to 30 EUR."""
    with open_store(settings) as store:
        store.put([Update(sold(a, code), history(a, code)) for a in ASINS for code in ("DE", "IT", "FR")])
        found = [
            opportunity(
                a, profit=float(i), brand="Acme" if i % 2 else "Zeta", amazon_sells=i > 20, evaluated_at=1_785_000_000.0
            )
            for i, a in enumerate(ASINS, 1)
        ]
        store_routes(store, found)
    return settings


@pytest.fixture
def seen(filled: Settings) -> Seen:
    return Seen(shipped_page("opportunities", filled))


def test_nothing_is_read_before_a_browser_has_drawn_the_page(seen: Seen) -> None:
    assert seen.regions == {}
    seen.begin()
    assert seen.column("Profit")[0] == "30.00 EUR"
    table = seen.regions["table"]
    assert table["selected"] == table["rows"][0]["id"]
    assert "465.00 EUR" in seen.html("figures")


def test_events_turn_pages_and_sort(seen: Seen) -> None:
    seen.begin()
    seen.emit("page", region="table", page=2)
    assert seen.column("Profit") == [f"{n}.00 EUR" for n in (5, 4, 3, 2, 1)]
    seen.emit("sort", region="table", sort="profit")
    assert seen.column("Profit")[0] == "30.00 EUR"
    seen.emit("sort", region="table", sort="profit")
    assert seen.column("Profit")[0] == "1.00 EUR"
    seen.emit("page", region="table", page=99)
    assert seen.regions["table"]["page"] == 2
    before = seen.regions["table"]["rows"]
    for kind, content in (
        ("sort", {"sort": "1; drop"}), ("page", {"page": "x"}), ("page", {"page": -1}), ("?", {}),
        ("select", {"id": "B000000001"}),
    ):  # fmt: skip
        seen.emit(kind, region="table", **content)
    assert [r["id"] for r in seen.regions["table"]["rows"]] == [r["id"] for r in before]


def test_filters_begin_again_at_the_first_page_and_figures_follow(seen: Seen) -> None:
    seen.begin()
    seen.emit("page", region="table", page=2)
    seen.fill("filters", min_profit="29")
    assert seen.column("Profit") == ["30.00 EUR", "29.00 EUR"]
    assert "59.00 EUR" in seen.html("figures")
    seen.fill("filters", amazon="no", min_profit="")
    assert seen.column("Profit")[0] == "20.00 EUR"
    seen.fill("filters", brand="Zeta")
    assert seen.column("Profit")[:2] == ["20.00 EUR", "18.00 EUR"]
    seen.fill("filters", target="UK")
    assert seen.regions["table"]["message"].startswith("No opportunity")
    seen.click("clear")
    assert seen.regions["table"]["total"] == 30


def test_a_wrong_number_is_named_at_its_field_and_changes_nothing(seen: Seen) -> None:
    seen.begin()
    for text, why in (("abc", "not a number"), ("1e999", "between"), ("nan", "between"), ("-1e9", "between")):
        seen.fill("filters", min_profit=text)
        assert why in seen.field("filters", "min_profit")["wrong"]
        assert seen.field("filters", "min_profit")["value"] == text
        assert seen.regions["table"]["total"] == 30
    seen.fill("filters", min_profit="29,5")
    assert seen.regions["table"]["total"] == 1
    assert "wrong" not in seen.field("filters", "min_profit")


def test_a_percent_may_be_typed_with_its_sign(seen: Seen) -> None:
    seen.begin()
    for plain, signed in (("12", "12 %"), ("12,5", "12,5%")):
        seen.fill("filters", min_roi=plain)
        total = seen.regions["table"]["total"]
        seen.fill("filters", min_roi=signed)
        assert seen.regions["table"]["total"] == total
        assert "wrong" not in seen.field("filters", "min_roi")
    seen.fill("filters", min_roi="", min_confidence="80%")
    assert "not a number" in seen.field("filters", "min_confidence")["wrong"]


def test_the_address_opens_the_same_view_again(seen: Seen, filled: Settings) -> None:
    seen.begin()
    seen.fill("filters", min_profit="4", q="product")
    seen.emit("sort", region="table", sort="roi")
    seen.emit("page", region="table", page=2)
    seen.emit("select", region="table", id=seen.regions["table"]["rows"][1]["id"])
    again = Seen(shipped_page("opportunities", filled)).begin(f"?{seen.address}")
    assert again.regions["table"] == seen.regions["table"]
    assert again.address == seen.address
    assert "profit" in seen.address


@pytest.mark.parametrize(
    ("search", "says"),
    [
        ("?min_proft=5", "min_proft: no such field; did you mean min_profit?"),
        ("?min_profit=1e400", "min_profit: must be between"),
        ("?source=XX", "source: 'XX' must be one of UK, DE, FR, IT, ES"),
        ("?page=-3", "page: must be between"),
        ("?page=1.5", "page: must be a whole number"),
        ("?sort=" + "x" * 300, "sort: at most 200 characters"),
        ("?q=" + "x" * 10_000, "characters are more than the 8,000"),
        ("?<script>alert(1)</script>=1", "no such field"),
        ("?chosen=B1:IT", "chosen: not a route"),
    ],
)
def test_a_bad_address_is_told_in_a_sentence_and_the_rest_of_it_is_used(seen: Seen, search: str, says: str) -> None:
    seen.begin(search + "&target=DE&token=secret")
    assert says in seen.notices[0]
    assert "secret" not in seen.address
    assert seen.regions["table"]["total"] == 30


def test_a_view_is_saved_under_a_name_shown_again_and_deleted(seen: Seen, filled: Settings) -> None:
    seen.begin()
    seen.fill("filters", min_profit="25")
    seen.fill("views", naming="  dear   ones ")
    seen.click("save")
    other = Seen(shipped_page("opportunities", filled)).begin()
    other.fill("views", view="dear ones")
    assert other.column("Profit")[-1] == "25.00 EUR"
    assert other.field("views", "view")["value"] == "dear ones"
    other.click("delete")
    assert [o["value"] for o in other.field("views", "view")["options"]] == [""]
    other.fill("views", naming="")
    other.click("save")
    assert "1 to 60 characters" in other.notices[-1]


def test_a_damaged_file_of_views_is_named_and_left_as_it_is(seen: Seen, filled: Settings) -> None:
    (filled.home / "views.json").write_text("{")
    seen.begin()
    assert "views.json" in seen.notices[-1]
    assert seen.regions["table"]["total"] == 30
    assert (filled.home / "views.json").read_text() == "{"


def test_what_filters_leave_out_is_not_shown_below_the_table(seen: Seen) -> None:
    seen.begin()
    seen.emit("page", region="table", page=2)
    assert "B000000030" in seen.html("route")
    seen.fill("filters", amazon="no")
    assert "B000000020" in seen.html("route")


def test_a_route_of_the_map_narrows_the_table_and_pressed_again_widens_it(seen: Seen) -> None:
    seen.begin()
    seen.click("route", id="IT:FR")
    assert seen.regions["table"]["total"] == 0
    assert "IT to DE: 30 opportunities" in seen.html("map")
    seen.click("route", id="IT:FR")
    assert seen.regions["table"]["total"] == 30


def test_columns_are_chosen(seen: Seen) -> None:
    seen.begin()
    seen.fill("columns", brand=True, roi=False)
    labels = [c["label"] for c in seen.regions["table"]["columns"]]
    assert "Brand" in labels
    assert "ROI" not in labels
    assert seen.column("Brand")[0] == "Zeta"
    seen.fill("columns", brand=False, roi=True)
    assert "columns" not in seen.address


def test_what_if_asks_the_shown_routes_again_and_back(seen: Seen) -> None:
    seen.begin()
    assert not seen.shown("outcome")
    seen.emit("toggle", region="whatif", open=True)
    assert "Break-even" in seen.html("quote")
    seen.fill("whatif", vat_status="unregistered")
    assert len(set(seen.column("Profit if …"))) == 1
    assert "instead of" in seen.html("outcome")
    one = float(seen.column("Profit if …")[0].split()[0].replace("−", "-"))
    seen.fill("whatif", sell_change="-10")
    assert float(seen.column("Profit if …")[0].split()[0].replace("−", "-")) < one
    changed = seen.column("Profit if …")
    seen.fill("whatif", sell_change="-10 %")
    assert seen.column("Profit if …") == changed
    seen.fill("whatif", sell_change="many")
    assert "not a number" in seen.field("whatif", "sell_change")["wrong"]
    seen.click("reset")
    assert "Profit if …" not in [c["label"] for c in seen.regions["table"]["columns"]]


def test_the_watchlist_is_changed_from_the_page(seen: Seen, filled: Settings) -> None:
    watchlist.locate(filled).write_text("# mine\n")
    seen.begin()
    asin = seen.regions["table"]["selected"].split(":")[0]
    seen.click("watch", id=asin)
    assert watchlist.load(filled).asins == (asin,)
    assert "Remove from the watchlist" in seen.html("route")
    seen.click("unwatch", id=asin)
    assert watchlist.locate(filled).read_text() == "# mine\n"
    seen.click("watch", id="nonsense")
    assert "nonsense" in seen.notices[-1]


def test_without_a_store_the_page_says_what_is_wrong_and_recovers(settings: Settings) -> None:
    seen = Seen(shipped_page("opportunities", settings)).begin()
    assert "nothing is stored yet" in seen.notices[-1]
    assert "Updates automatically" in seen.regions["table"]["message"]
    with open_store(settings) as store:
        store.put([Update(offer(), history())])
        store_routes(store, [opportunity()])
    seen.emit("tick")
    assert seen.notices[-1] == "The store answers again."
    assert seen.column("Profit") == ["10.00 EUR"]
    assert seen.shown("filters")


def test_a_store_that_goes_away_leaves_what_is_shown(
    seen: Seen, filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arbkit.core.errors import StoreError

    def refuse(*_: object) -> None:
        raise StoreError("cannot be reached", remedy="Start it")

    seen.begin()
    with monkeypatch.context() as broken:
        broken.setattr(type(seen.page.store), "opportunities", refuse)
        seen.click("clear")
        assert seen.notices[-1] == "cannot be reached. Start it. Updates automatically."
        assert seen.regions["table"]["total"] == 30
    seen.emit("tick")
    assert seen.notices[-1] == "The store answers again."


def test_a_fault_of_ours_is_no_traceback(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    seen.begin()
    monkeypatch.setattr(seen.page, "load", lambda: 1 / 0)
    seen.click("clear")
    assert "Something went wrong in arbkit itself" in seen.notices[-1]


def test_a_chosen_route_that_is_gone_is_not_shown_any_more(seen: Seen, filled: Settings) -> None:
    seen.begin()
    with open_store(filled) as store:
        store_routes(store, [opportunity("B000000001", evaluated_at=1_760_000_200.0)])
    seen.page._stats_at = 0.0
    seen.click("clear")
    assert seen.regions["table"]["selected"] == "B000000001:IT:DE"


def test_every_column_says_something_of_a_route() -> None:
    found = opportunity(demo=True)
    one = table_row(found, list(COLUMNS), now=1_760_000_300)
    shown = dict(zip(COLUMNS, one["cells"], strict=True))
    hosts = [c["href"].split("/")[2] for c in shown.values() if c.get("href", "").startswith("https")]
    assert hosts == ["www.amazon.it", "www.amazon.de"]
    assert shown["product"]["tag"] == "DEMO"
    assert shown["product"]["href"] == "product.ipynb?asin=B000000001"
    assert shown["profit"]["text"] == "10.00 EUR"
    assert shown["age"]["text"] == "5 min"
    assert shown["amazon"]["text"] == "–"
    assert chosen_columns((), what_if=False)[:2] == ["route", "product"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (2e5, "2 d")]
)
def test_ages_in_words(seconds: float, words: str) -> None:
    assert age_words(seconds) == words


def test_hostile_texts_are_escaped_everywhere() -> None:
    part: ComponentRow = {**opportunity().components[0], "rule": HOSTILE, "source": HOSTILE}
    found = opportunity(title=HOSTILE, brand=HOSTILE, category=HOSTILE, confidence_reasons=(HOSTILE,), profile=HOSTILE)
    pages = (
        opportunity_html(found, watched=False, glance=Markup()),
        components_html((part,), 1.0, "EUR"),
        route_map_html({}, ("DE", "FR"), HOSTILE, ""),
    )
    for html in pages:
        assert "<img" not in html
        assert "&lt;img" in html


@pytest.mark.parametrize(
    ("products", "invented", "demo_mode", "says"),
    [
        (0, 0, True, "DEMO: invented products and prices"),
        (300, 300, True, "DEMO: invented products and prices"),
        (300, 0, True, None),
        (300, 20, False, "DEMO: 20 of 300 products are invented"),
        (0, 0, False, None),
    ],
)
def test_genuine_products_are_not_called_demo(products: int, invented: int, demo_mode: bool, says: str | None) -> None:
    stats = Stats(
        products=products, offers=0, opportunities=0, total_profit=0, currency=None, demo_products=invented, markets={},
        routes={}, categories=(), brands=(), oldest_at=None, newest_at=None, evaluated_at=None,
    )  # fmt: skip
    html = demo_words(stats, demo_mode=demo_mode)
    assert (says in html) if says else ("DEMO" not in html)


def test_a_category_is_offered_once_whatever_its_language(settings: Settings) -> None:
    with open_store(settings) as store:
        found = [("Spielzeug", "IT"), ("Toys & Games", "FR"), ("Own", "ES")]
        store_routes(store, [opportunity(f"B00000000{i}", s, category=c) for i, (c, s) in enumerate(found)])
        stats = store.stats()
    fields = {one["name"]: one for one in filter_fields(parse("category=Juguetes+y+juegos")[0], {}, ("DE",), stats)}
    assert [option["value"] for option in fields["category"]["options"]] == ["Own", "Toys & Games"]
    assert fields["category"]["value"] == "Toys & Games"


def test_several_categories_are_ticked_and_stand_in_the_address(settings: Settings) -> None:
    made = ["Spielzeug", "Toys & Games", "Küche, Haushalt & Wohnen", "Own"]
    with open_store(settings) as store:
        store_routes(store, [opportunity(f"B00000000{i}", profit=float(9 - i), category=c) for i, c in enumerate(made)])
    seen = Seen(shipped_page("opportunities", settings)).begin("?sort=profit")
    seen.fill("filters", category="Toys & Games|Home & Kitchen")
    assert [row["id"][9] for row in seen.regions["table"]["rows"]] == ["0", "1", "2"]
    again = Seen(shipped_page("opportunities", settings)).begin(seen.address)
    assert [row["id"][9] for row in again.regions["table"]["rows"]] == ["0", "1", "2"]
    assert again.field("filters", "category")["value"] == "Toys & Games|Home & Kitchen"
    seen.fill("filters", category="")
    assert len(seen.regions["table"]["rows"]) == 4


def test_a_download_holds_all_pages_in_order_and_only_one_runs(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    seen.begin("?min_profit=3&sort=profit")
    sent: list[bytes] = []
    monkeypatch.setattr(seen.page.widget, "chunk", sent.append)
    ended = []

    async def both() -> None:
        download = Download(seen.page.widget, seen.page.settings)
        query = OpportunityQuery(min_profit=3.0, limit=5)
        for _ in range(2):
            download.start(".csv", seen.page.store, query, 28, ["profit"], then=lambda: ended.append(1))
        while download.running:
            await asyncio.sleep(0.01)

    asyncio.run(both())
    rows = list(csv.DictReader(io.StringIO(b"".join(sent).decode("utf-8-sig"))))
    assert [float(r["profit"]) for r in rows] == [float(n) for n in range(30, 2, -1)]
    assert ended == [1]
    assert "28 opportunities were downloaded." in seen.notices


def test_a_download_has_the_columns_and_the_notation_that_were_chosen(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen.begin("?min_profit=30&columns=profit,roi")
    sent: list[bytes] = []
    monkeypatch.setattr(seen.page.widget, "chunk", sent.append)

    downloads = part_of(seen.page, Downloads)

    async def downloaded(ending: str) -> bytes:
        sent.clear()
        seen.click(f"export{ending}")
        while downloads.download.running:
            await asyncio.sleep(0.01)
        return b"".join(sent)

    shown = asyncio.run(downloaded(".csv")).decode("utf-8-sig")
    assert shown.splitlines()[0].split(",")[4:7] == ["profit", "currency", "roi_pct"]
    assert "margin_pct" not in shown
    seen.fill("tools", file_columns="all", notation="european")
    assert seen.field("tools", "notation")["value"] == "european"
    (row,) = csv.DictReader(io.StringIO(asyncio.run(downloaded(".csv")).decode("utf-8-sig")), delimiter=";")
    assert (row["profit"], row["margin_pct"]) == ("30,0", "18,3")
    assert asyncio.run(downloaded(".parquet"))[:4] == b"PAR1"


def test_what_if_prices_of_one_route_are_not_those_of_the_next(seen: Seen) -> None:
    seen.begin()
    seen.emit("toggle", region="whatif", open=True)
    seen.fill("whatif", buy="1", expected_days="10")
    first = seen.html("quote")
    seen.emit("select", region="table", id=seen.regions["table"]["rows"][4]["id"])
    assert seen.field("whatif", "buy")["value"] == ""
    assert seen.field("whatif", "expected_days")["value"] == "10"
    assert seen.html("quote") != first
