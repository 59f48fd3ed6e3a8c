"""`arbkit.open()` as a person uses it in a notebook, over both stores."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from inspect import signature
from uuid import uuid4

import pandas as pd
import pytest
from elasticsearch import Elasticsearch as Client

import arbkit
from arbkit.analysis import detection
from arbkit.core.errors import ArbkitError, StoreError, UsageError
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.display.frames import DisplayFrame
from arbkit.ops.setup import initialise
from arbkit.sources.demo.market import asins
from arbkit.store import open_store
from arbkit.workbench import Workbench
from tests.helpers.factories import PACKAGE, history, offer, opportunity
from tests.helpers.paths import ROOT
from tests.helpers.routes import store_routes
from tests.servers.launch import Elasticsearch

HOSTILE = "<script>alert(1)</script> $x$ a very long title that nobody would want to see whole in a table"
PRICES = {"DE": 69_99, "FR": 59_00, "IT": 40_00, "ES": None}


@pytest.fixture(params=["sqlite", "elasticsearch"])
def chosen(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """Settings of an empty store of each kind."""
    if request.param == "sqlite":
        yield settings
        return
    server: Elasticsearch = request.getfixturevalue("elasticsearch")
    prefix = f"w{uuid4().hex[:12]}-"
    yield settings.model_copy(update={"store": server.url, "store_prefix": prefix})
    with Client(server.url) as client:
        client.indices.delete(index=",".join(client.indices.get_alias(name=f"{prefix}*")))


def fill(settings: Settings) -> None:
    """One product on four marketplaces, sold out on one of them, and detection over it."""
    initialise(settings)
    with open_store(settings) as store:
        store.put(
            [
                Update(
                    offer(code=c, price_minor=p, shipping_minor=0, title=HOSTILE, price_at=int(time.time()), **PACKAGE),
                    history(code=c),
                )
                for c, p in PRICES.items()
            ]
        )
        # Reading lets every reader see at once what was written here; Elasticsearch would take a second.
        store.stats()
    detection.run(settings, run_id="r1")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of such a store, for tests that only read it."""
    folder = tmp_path_factory.mktemp("filled")
    one = Settings.load(_env_file=None, home=folder / "var", watchlist=folder / "watchlist.txt", demo=True)
    fill(one)
    return one


def html_of(table: DisplayFrame) -> str:
    """What a notebook displays."""
    html = table._repr_html_()
    assert html is not None
    return html


def test_a_newcomer_looks_around(chosen: Settings) -> None:
    fill(chosen)
    with arbkit.open(chosen) as arb:
        asin = arb.pick()
        assert asin == "B000000001"
        assert arb.stats()["products"].tolist() == [1]
        products = arb.products(market="de", max_price=70, sort_by="profit")
        assert products[["asin", "DE_EUR", "IT_EUR"]].to_numpy().tolist() == [[asin, 69.99, 40.0]]
        assert math.isnan(products["ES_EUR"].iloc[0])
        offers = arb.offers(asin)
        assert offers["market"].tolist() == ["DE", "ES", "FR", "IT"]
        assert str(offers["updated_at"].dtype).endswith("UTC]")
        best = arb.opportunities(min_profit=5).iloc[0]
        assert (best["source"], best["target"]) == ("IT", "DE")
        assert set(arb.history(asin, currency="gbp")["currency"]) == {"GBP"}
        windows = arb.windows(asin)
        assert set(zip(windows["source"], windows["target"], strict=True)) >= {("IT", "DE")}
        assert windows["best_profit"].max() == best["profit"]
        assert windows["ended_at"].isna().all()
        assert (windows["days"] >= 0).all()
        assert arb.route(asin, "IT", "DE").profit == best["profit"]
        coming = arb.forecasts(asin).set_index(["source", "target"])
        assert coming["unknown"]["IT", "DE"].startswith("no sales rank")
        assert math.isnan(coming["profit_p50"]["IT", "DE"])
        assert arb.plot_waterfall(best).data[0].y[-1] == best["profit"]
        assert arb.plot_waterfall("B000000001:IT:DE").data[0].y[-1] == best["profit"]
        assert len(arb.plot_prices(asin).data) == 4
        assert arb.plot_routes(asin).data[0].z[2][0] == best["profit"]
        assert arb.plot_routes().data[0].z[2][0] == best["profit"]


def test_every_route_has_a_profit_or_a_reason(chosen: Settings) -> None:
    fill(chosen)
    with arbkit.open(chosen) as arb:
        routes = arb.routes("B000000001", components=True)
    assert len(routes) == 20
    assert (routes["profit"].isna() == (routes["unknown"] != "")).all()
    reasons = routes.set_index(["source", "target"])["unknown"]
    assert reasons["IT", "UK"] == "not listed on UK"
    assert reasons["ES", "DE"] == "no price where it is bought"
    known = routes[routes["profit"].notna()]
    parts = known.loc[:, "sale_price":"fx_cost"].sum(axis=1)
    assert (abs(parts - known["profit"]) < 0.005).all()
    assert known["profit"].is_monotonic_decreasing


def test_more_than_a_page_is_walked_to_the_limit(settings: Settings) -> None:
    with open_store(settings) as store:
        store.put([Update(offer(f"B{n:09d}"), None) for n in range(1_203)])
        store_routes(store, [opportunity(f"B{n:09d}", profit=float(n)) for n in range(1_203)])
    with arbkit.open(settings) as arb:
        found = arb.opportunities(limit=1_100)
        assert found["profit"].tolist() == [float(n) for n in range(1_202, 102, -1)]
        assert "the first 1,100 of 1,203" in repr(found)
        assert len(arb.opportunities(limit=2_000)) == arb.products(limit=2_000)["asin"].nunique() == 1_203


def test_a_table_shows_units_and_no_script_and_stays_a_data_frame(filled: Settings) -> None:
    with arbkit.open(filled) as arb:
        found = arb.opportunities()
    html = html_of(found)
    assert "<script" not in html
    assert "whole in a table" not in html
    assert 'class="dataframe tex2jax_ignore mathjax_ignore"' in html
    for shown in ("40.00 EUR", "69.99 EUR", " %", " UTC", 'href="https://www.amazon.de/dp/B000000001"'):
        assert shown in html
    assert found["title"].iloc[0] == HOSTILE
    dear = found[found["roi_pct"] > 20].sort_values("roi_pct").head(1)
    assert f"{dear['roi_pct'].iloc[0]:.1f} %" in repr(dear)
    assert isinstance(dear, pd.DataFrame)
    assert found.groupby("source")["profit"].max()["IT"] == found["profit"].max()
    assert "mean" in repr(found.describe())
    # An address in a title is no link of ours.
    assert "href" not in html_of(found[["title"]].assign(title="https://example.invalid/"))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda arb: arb.products(marekt="DE"), "'marekt'). Did you mean market?"),
        (lambda arb: arb.products(market="US"), "market: not a marketplace arbkit knows (got 'US'). Use UK, DE, FR"),
        (lambda arb: arb.products(max_price=10), "max_price: needs the marketplace"),
        (
            lambda arb: arb.products(category="Toy Game"),
            "no product is of this category (got 'Toy Game'). Did you mean",
        ),
        (lambda arb: arb.opportunities(amazon_sells="no"), "amazon_sells: neither true nor false (got 'no')"),
        (lambda arb: arb.opportunities(min_confidence=2), "min_confidence: must be at most 1 (got 2)"),
        (lambda arb: arb.runs(limt=2), "'limt'). Did you mean limit?"),
        (lambda arb: arb.products(limit=0), "limit: must be at least 1 (got 0)"),
        (lambda arb: arb.opportunities(sort_by="profits"), "sort_by: no such value (got 'profits'). Did you mean"),
        (lambda arb: arb.opportunities(min_profit="5"), "min_profit: not a number (got '5')"),
        (lambda arb: arb.offers("B00000000"), "an ASIN has 10 characters"),
        (lambda arb: arb.offers("B0NOTTHERE"), "asin: not in the store (got 'B0NOTTHERE')"),
        (lambda arb: arb.history("B000000001", currency="XXX"), "currency: there are no rates of this currency"),
        (lambda arb: arb.routes("B000000001", on="tomorrow"), "on: not a day (got 'tomorrow'). Write it as 2026-08-01"),
        (lambda arb: arb.route("B000000001", "IT", "IT"), "target: source and target are the same"),
        (lambda arb: arb.route("B000000001", "ES", "DE"), "cannot be priced: no price where it is bought"),
        (lambda arb: arb.plot_waterfall("x"), "route: names no route (got 'x')"),
        (lambda arb: arb.profit(source="IT", buy=40, target="DE", sel=69.99), "'sel'). Did you mean sell?"),
        (lambda arb: arb.profit(source="IT", buy=40, target="DE"), "sell: is missing"),
        (lambda arb: arb.profit(source="IT", buy=40, target="DE", sell=60).plot(), "cannot be priced: category"),
        (lambda arb: arbkit.open(hme="x"), "setting: there is no such setting (got 'hme'). Did you mean home?"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_clear_error(filled: Settings, call: object, said: str) -> None:
    with arbkit.open(filled) as arb, pytest.raises(UsageError) as raised:
        call(arb)  # type: ignore[operator]  # one of the above
    assert said in str(raised.value)
    # A notebook shows this line in place of a traceback.
    assert raised.value._render_traceback_() == [f"UsageError: {raised.value}"]


def test_without_a_store_it_says_what_to_do(settings: Settings) -> None:
    with arbkit.open(settings) as arb:
        assert "arb.fill_demo()" in repr(arb)
        with pytest.raises(StoreError, match=r"arb\.fill_demo\(\)"):
            arb.products()
    real = settings.model_copy(update={"demo": False, "keepa_api_key": type(settings.keepa_api_key)("k" * 64)})
    with arbkit.open(real) as arb:
        with pytest.raises(StoreError, match="arbkit import"):
            arb.products()
        with pytest.raises(UsageError, match="must not mix"):
            arb.fill_demo()
    assert not settings.database.exists()


def test_an_empty_store_is_filled_from_the_demo_market_once(chosen: Settings) -> None:
    assert chosen.watchlist is not None
    chosen.watchlist.write_text("\n".join([*asins()[:12], "B0NOTINDEM"]))
    with arbkit.open(chosen) as arb:
        arb.fill_demo()
        stats = arb.stats()
        assert stats["products"].iloc[0] == 12
        assert stats["opportunities"].iloc[0] == len(arb.opportunities()) > 0
        assert "DEMO market" in repr(arb)
        for table in (stats, arb.products(), arb.opportunities(), arb.offers(arb.pick()), arb.routes(arb.pick())):
            assert "DEMO market" in html_of(table)
        assert "DEMO" in arb.plot_prices(arb.pick()).layout.title.text
        watched = arb.watchlist().set_index("asin")["markets"]
        assert watched["B0NOTINDEM"] == ""
        assert watched[arb.pick()] != ""
        arb.fill_demo()
        assert arb.stats().equals(stats)


def test_the_answer_of_the_worked_example(settings: Settings) -> None:
    with arbkit.open(settings) as arb:
        found = arb.profit(
            source="IT", buy=40.00, target="DE", sell=69.99, category="Toys & Games", size_mm="360x100x100",
            weight_g=800, vat_status="reclaiming", home="DE", fulfilment="fba-local", warehouses="de",
            other_costs=1.30, on="2026-08-01", neutral=True,
        )  # fmt: skip
        missing = arb.profit(source="IT", buy=40, target="DE", sell=69.99)
    assert (found.profit, found.roi_pct, found.margin_pct) == (10.74, 31.5, 18.25)
    assert round(found.components["amount"].sum(), 2) == 10.74
    assert list(found.plot().data[0].y)[-1] == 10.74
    assert "10.74 EUR profit, FBA (local stock)" in found._repr_html_()
    assert missing.profit is None
    assert "size_mm" in "; ".join(missing.hints)
    assert "profit unknown: " in repr(missing)
    assert {"buy", "sell", "size_mm", "neutral"} <= set(signature(Workbench.profit).parameters)
    assert "size_mm: package size in millimetres, as 360x100x100" in str(Workbench.profit.__doc__)


def test_a_figure_carries_its_script_once_and_asks_no_other_host(settings: Settings) -> None:
    with arbkit.open(settings) as arb:
        figure = arb.profit(
            source="IT", buy=40, target="DE", sell=69.99, category="Toys & Games", keepa_fba_fee=3.44, neutral=True
        ).plot()
    pages = [figure._repr_mimebundle_() for _ in range(3)]
    assert all("application/vnd.plotly.v1+json" in page for page in pages)
    sizes = [len(page["text/html"]) for page in pages]
    assert max(sizes[1:]) < 100_000
    assert not re.search(r"<script[^>]+src=|<link", pages[1]["text/html"])


def test_importing_arbkit_is_quick() -> None:
    script = "import sys, arbkit; print(sorted({'pandas', 'numpy', 'plotly', 'pydantic'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_example_of_the_guide_runs(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    [example] = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "guide" / "notebooks.md").read_text("utf-8"), re.DOTALL
    )
    assert settings.watchlist is not None
    settings.watchlist.write_text("\n".join(asins()[:12]))
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    settings.home.mkdir()
    monkeypatch.chdir(settings.home)
    names: dict[str, object] = {}
    try:
        exec(compile(example, "notebooks.md", "exec"), names)  # noqa: S102 - our own text
    except ArbkitError as error:
        pytest.fail(str(error))
    finally:
        arb = names["arb"]
        assert isinstance(arb, Workbench)
        arb.close()
