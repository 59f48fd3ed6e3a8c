"""What people expect of a notebook: their profile everywhere, orders by columns, a map of any table, and help."""

from __future__ import annotations

import time
from inspect import getdoc, signature
from pathlib import Path

import jedi
import pytest

import arbkit
from arbkit.analysis import detection
from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from arbkit.store import open_store
from arbkit.workbench import Workbench
from tests.helpers.factories import PACKAGE, offer

METHODS = sorted(
    name for name in dir(Workbench) if not name.startswith("_") and callable(getattr(Workbench, name))
)  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two products on two marketplaces, priced with the built-in profile."""
    folder = tmp_path_factory.mktemp("habits")
    settings = Settings.load(_env_file=None, home=folder / "var", watchlist=folder / "watchlist.txt", demo=True)
    initialise(settings)
    at = int(time.time())
    with open_store(settings) as store:
        store.put(
            [
                Update(offer(asin, code=c, price_minor=p, shipping_minor=0, price_at=at, **PACKAGE), None)
                for asin, prices in (
                    ("B000000001", {"IT": 40_00, "DE": 69_99}),
                    ("B000000002", {"IT": 30_00, "DE": 90_00, "UK": 95_00}),
                )
                for c, p in prices.items()
            ]
        )
    detection.run(settings, run_id="r1")
    return settings


@pytest.fixture
def dear(tmp_path: Path) -> Path:
    """A seller who pays 5 EUR more for each unit, and one beside it who pays nothing."""
    path = tmp_path / "dear.toml"
    path.write_text('name = "dear"\nother_costs = 5.0\n[profiles.lean]\nother_costs = 0.0\n', "utf-8")
    return path


def test_stored_routes_of_another_profile_say_so_and_name_the_call_that_prices_them(
    filled: Settings, dear: Path
) -> None:
    with arbkit.open(filled) as arb:
        assert "seller profile" not in repr(arb.opportunities())
        stored = arb.opportunities(sort_by="route")
    with arbkit.open(filled.model_copy(update={"profile": dear})) as arb:
        for table in (arb.opportunities(), arb.products(), arb.stats()):
            assert "Stored routes are of another seller profile than yours: arb.reprice()" in repr(table)
        mine, lean = arb.reprice(sort_by="route"), arb.reprice("lean", sort_by="route")
        assert "priced now with profile 'dear'" in repr(mine)
        assert list(mine.columns) == list(stored.columns)
        both = mine.merge(lean, on=["asin", "source", "target"])
        assert len(both) > 0
        assert (both["profit_y"] - both["profit_x"]).round(2).eq(5.0).all()
        # Nothing of it is stored.
        assert arb.opportunities(sort_by="route")["profit"].tolist() == stored["profit"].tolist()


def test_repricing_with_the_same_seller_finds_what_is_stored_in_the_same_order(filled: Settings) -> None:
    with arbkit.open(filled) as arb:
        for order in ({}, {"sort_by": "roi"}, {"sort_by": "profit", "descending": False}, {"sort_by": "route"}):
            stored, now = arb.opportunities(**order), arb.reprice(**order)
            assert now[["asin", "source", "target", "profit"]].equals(stored[["asin", "source", "target", "profit"]])
        assert arb.reprice(source="IT", min_profit=30)["asin"].unique().tolist() == ["B000000002"]
        assert "the first 1 of" in repr(arb.reprice(limit=1))


def test_a_market_is_repriced_with_changed_fields_another_profile_file_or_another_rate(
    filled: Settings, dear: Path
) -> None:
    with arbkit.open(filled) as arb:
        plain = arb.reprice(asin="B000000001", source="IT", target="DE")["profit"].iloc[0]
        for seller in ({"other_costs": 5.0}, dear, str(dear), arb.profile.model_copy(update={"other_costs": 5.0})):
            changed = arb.reprice(seller, asin="B000000001", source="IT", target="DE")["profit"].iloc[0]
            assert changed < plain - 2
        strong, weak = (
            arb.reprice(asin="B000000002", source="IT", target="UK", min_profit=-50, gbp_eur=rate)["profit"].iloc[0]
            for rate in (1.3, 1.0)
        )
        assert strong > weak + 10
        assert arb.reprice({"other_costs": 40.0}, min_profit=-60)["status"].eq("loss").any()


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda arb: arb.reprice({"vat_statu": "x"}), UsageError, "'vat_statu'). Did you mean vat_status?"),
        (lambda arb: arb.reprice("lean"), ConfigError, "there is no such profile (got 'lean')"),
        (lambda arb: arb.reprice(gbp_eur=0), UsageError, "gbp_eur: must be at least 0.01"),
        (lambda arb: arb.reprice(min_rio=3), UsageError, "Did you mean min_roi?"),
        (lambda arb: arb.opportunities(min_confidence=80), UsageError, "min_confidence: must be at most 1 (got 80)"),
        (lambda arb: arb.opportunities(sort_by="roi_pc"), UsageError, "sort_by: no such value (got 'roi_pc')"),
        (lambda arb: arb.plot_routes(arb.stats()), UsageError, "of: has no column of this name (got 'source, target"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_clear_error(filled: Settings, call: object, error: type[Exception], said: str) -> None:
    with arbkit.open(filled) as arb, pytest.raises(error) as raised:
        call(arb)  # type: ignore[operator]  # one of the above
    assert said in str(raised.value)


def test_the_columns_of_a_table_are_names_of_its_orders(filled: Settings) -> None:
    with arbkit.open(filled) as arb:
        for column, order in (
            ("roi_pct", "roi"), ("margin_pct", "margin"), ("data_at", "age"), ("profit_p10", "p10"),
            ("expected_profit_per_day_pct", "profit_per_day"), ("days_to_sell_p50", "days_to_sell"),
        ):  # fmt: skip
            assert arb.opportunities(sort_by=column).equals(arb.opportunities(sort_by=order))
        assert arb.products(sort_by="updated_at").equals(arb.products(sort_by="updated"))


def test_every_filter_of_the_api_is_an_argument(filled: Settings) -> None:
    with arbkit.open(filled) as arb:
        assert len(arb.opportunities(max_age=2)) > 0
        assert len(arb.opportunities(max_age_hours=0)) == 0
        assert len(arb.opportunities(amazon=True)) == 0


def test_a_map_is_drawn_of_any_table_of_routes(filled: Settings) -> None:
    with arbkit.open(filled) as arb:
        found = arb.opportunities()
        best = found[(found["source"] == "IT") & (found["target"] == "DE")]["profit"].max()
        for table in (found, arb.reprice()):
            assert arb.plot_routes(table).data[0].z[2][0] == best
        assert arb.plot_routes(arb.products()).data[0].z[2].count(None) < 5
        assert arb.plot_routes(arb.routes("B000000001")).data[0].z[2][0] < best
        assert "rows on each route" in arb.plot_routes(found.head(2)).layout.title.text


def test_a_completer_knows_what_every_method_takes(filled: Settings) -> None:
    with arbkit.open(filled) as arb:
        found = {c.name: c for c in jedi.Interpreter("arb.", [{"arb": arb}]).complete()}
        for name in METHODS:
            assert found[name].type == "function"
            [taken] = found[name].get_signatures()
            assert [p.name for p in taken.params] == list(signature(getattr(Workbench, name)).parameters)[1:]
            assert getdoc(getattr(Workbench, name))


def test_the_text_of_profit_comes_after_a_dozen_arguments_and_names_the_others() -> None:
    shown = signature(Workbench.profit).parameters
    assert len(shown) <= 12
    assert {"source", "buy", "target", "sell", "category", "size_mm", "neutral"} <= set(shown)
    text = getdoc(Workbench.profit) or ""
    assert text.startswith("The profit of one route")
    assert "return_rate_pct: return rate" in text
