"""Every table of a notebook becomes a file with pandas' own methods."""

from __future__ import annotations

import time
from collections.abc import Callable
from inspect import unwrap
from pathlib import Path

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

import arbkit
from arbkit.analysis import detection
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.display.frames import DisplayFrame
from arbkit.ops.setup import initialise
from arbkit.store import open_store
from arbkit.workbench import Workbench
from tests.helpers.factories import PACKAGE, history, offer

ASIN = "B000000001"
TITLE = "=HYPERLINK(1)"
CALLS: dict[str, Callable[[Workbench], DisplayFrame]] = {
    "decide": lambda arb: arb.decide(asin=ASIN, status="buy_list", note="=1+1"),
    "decisions": lambda arb: arb.decisions(),
    "facts": lambda arb: arb.facts(),
    "forecasts": lambda arb: arb.forecasts(ASIN),
    "history": lambda arb: arb.history(ASIN),
    "offers": lambda arb: arb.offers(ASIN),
    "opportunities": lambda arb: arb.opportunities(),
    "products": lambda arb: arb.products(),
    "purchases": lambda arb: arb.purchases(),
    "reprice": lambda arb: arb.reprice(),
    "routes": lambda arb: arb.routes(ASIN),
    "runs": lambda arb: arb.runs(),
    "sales": lambda arb: arb.sales(),
    "set_facts": lambda arb: arb.set_facts(ASIN, weight_g=900),
    "stats": lambda arb: arb.stats(),
    "track_record": lambda arb: arb.track_record(),
    "unset_facts": lambda arb: arb.unset_facts(ASIN),
    "watchlist": lambda arb: arb.watchlist(),
    "windows": lambda arb: arb.windows(ASIN),
}


@pytest.fixture(scope="module")
def arb(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """One product on three marketplaces, priced, with a title that is a formula."""
    folder = tmp_path_factory.mktemp("frames")
    settings = Settings.load(_env_file=None, home=folder / "var", watchlist=folder / "watchlist.txt", demo=True)
    initialise(settings)
    (folder / "watchlist.txt").write_text(f"{ASIN}\n", "utf-8")
    at = int(time.time())
    with open_store(settings) as store:
        store.put(
            [
                Update(
                    offer(code=c, price_minor=p, shipping_minor=0, title=TITLE, price_at=at, **PACKAGE), history(code=c)
                )
                for c, p in {"DE": 69_99, "FR": 59_00, "IT": 40_00}.items()
            ]
        )
    detection.run(settings, run_id="r1")
    return arbkit.open(settings)


def test_no_table_of_a_notebook_is_left_out() -> None:
    methods = {name: unwrap(getattr(Workbench, name)) for name in dir(Workbench) if not name.startswith("_")}
    tables = {
        name for name, one in methods.items() if getattr(one, "__annotations__", {}).get("return") == "DisplayFrame"
    }
    assert tables == CALLS.keys()


@pytest.mark.parametrize("name", CALLS)
def test_every_table_becomes_a_file(arb: Workbench, name: str, tmp_path: Path) -> None:
    table = CALLS[name](arb)
    table.to_excel(tmp_path / "t.xlsx")
    table.to_csv(tmp_path / "t.csv")
    table.to_parquet(tmp_path / "t.parquet")
    assert len(pd.read_csv(tmp_path / "t.csv")) == len(table)
    read = pd.read_parquet(tmp_path / "t.parquet")
    assert [*read.columns] == [*table.columns]
    for column in table.columns:
        if isinstance(table[column].dtype, pd.DatetimeTZDtype):
            assert read[column].equals(table[column].dt.as_unit("us"))
    assert len(CalamineWorkbook.from_path(tmp_path / "t.xlsx").get_sheet_by_index(0).to_python()) >= len(table)


def test_times_are_named_utc_and_titles_are_text(arb: Workbench, tmp_path: Path) -> None:
    found = arb.opportunities()
    with pd.ExcelWriter(tmp_path / "t.xlsx") as writer:
        found.to_excel(writer, index=False)
        found.head(1).to_excel(writer, sheet_name="first", index=False)
    for sheet in (0, 1):
        headings, first, *_ = CalamineWorkbook.from_path(tmp_path / "t.xlsx").get_sheet_by_index(sheet).to_python()
        row = dict(zip(headings, first, strict=True))
        assert row["title"] == TITLE
        assert row["data_at [UTC]"] == found["data_at"][0].tz_localize(None).to_pydatetime()
    found.to_csv(tmp_path / "t.csv")
    assert pd.read_csv(tmp_path / "t.csv")["title"][0] == f"'{TITLE}"
