"""A file of opportunities says all that a row knows, as scripts or people read it."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from arbkit.analysis.verdict.judging import Judge
from arbkit.core.errors import ServiceError, UsageError
from arbkit.core.models import Opportunity
from arbkit.core.settings import Settings
from arbkit.display.export import workbook
from arbkit.display.export.columns import FOR_PEOPLE, FOR_SCRIPTS
from arbkit.display.export.csv_file import NotationName
from arbkit.display.export.opportunities import write_opportunities
from arbkit.display.export.writing import write
from arbkit.profit.seller.profile_file import load_profile
from arbkit.store import OpportunityQuery, open_store
from arbkit.web.dashboards.opportunities.columns import COLUMNS
from tests.helpers.decisions import decision
from tests.helpers.factories import opportunity
from tests.helpers.routes import store_routes

SELLER = load_profile(None)
HOSTILE = "<img src=x onerror=alert(1)>"
SOLD_IN_UK = opportunity(
    "B000000007", "DE", "UK", profit=7.5, roi_pct=31.5, rank=1_234, rank_drops30=12, rank_drops90=31, monthly_sold=50,
    sellers=9, sellers_fba=4, sellers_fbm=5, amazon_share90_pct=40.0, amazon_share_basis="buy_box", sell_avg90=66.0,
    sell_position_pct=6.0, break_even=58.2, max_buy=44.0, eans=("4006381333931", "0042100005264"), amazon_sells=False,
    profit_chance_pct=82.0, expected_profit_per_day_pct=0.314, forecast_unknown=None,
)  # fmt: skip


def written(
    settings: Settings,
    path: Path,
    *found: Opportunity,
    page_columns: Sequence[str] | None = None,
    notation: NotationName = "english",
) -> Path:
    with open_store(settings) as store:
        store_routes(store, found)
        query = OpportunityQuery(target=found[0].target, min_profit=5.0)
        rows = write_opportunities(
            path, store, query, SELLER, Judge(settings), page_columns=page_columns, notation=notation
        )
        assert rows == len(found)
    return path


def sheets(path: Path) -> dict[str, list[list[object]]]:
    book = CalamineWorkbook.from_path(path)
    return {name: [[*row] for row in book.get_sheet_by_name(name).to_python()] for name in book.sheet_names}


def first_row(path: Path) -> dict[str, object]:
    headings, row, *_ = sheets(path)["Opportunities"]
    return dict(zip(map(str, headings), row, strict=True))


def test_every_figure_of_a_row_is_in_a_csv(settings: Settings, tmp_path: Path) -> None:
    text = written(settings, tmp_path / "o.csv", SOLD_IN_UK).read_bytes().decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    for name in (
        "rank", "rank_drops30", "rank_drops90", "monthly_sold", "sellers", "sellers_fba", "sellers_fbm",
        "amazon_share90_pct", "amazon_share_basis", "sell_avg90", "sell_position_pct", "break_even", "max_buy",
    ):  # fmt: skip
        assert row[name] == str(getattr(SOLD_IN_UK, name)), name
    assert (row["eans"], row["decision"]) == ("4006381333931 0042100005264", "new")
    assert row["keepa_target_url"] == "https://keepa.com/#!product/2-B000000007"
    assert row["data_at"] == "2025-10-09 08:53:20"


def test_the_note_of_a_decision_is_in_a_file_and_begins_no_formula(settings: Settings, tmp_path: Path) -> None:
    with open_store(settings) as store:
        store.add_decisions([decision(SOLD_IN_UK.asin, "buy_list", note="=HYPERLINK(1) ask Ann <b>first</b>")])
    text = written(settings, tmp_path / "o.csv", SOLD_IN_UK).read_bytes().decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["decision"], row["decision_note"]) == ("buy_list", "'=HYPERLINK(1) ask Ann <b>first</b>")
    written(settings, tmp_path / "o.xlsx", SOLD_IN_UK)
    assert first_row(tmp_path / "o.xlsx")["Decision note"] == "=HYPERLINK(1) ask Ann <b>first</b>"


def test_both_orders_have_every_column_once_and_those_of_the_page_are_its() -> None:
    assert len(FOR_SCRIPTS) == len(FOR_PEOPLE) == len({column.label for column in FOR_PEOPLE})
    assert {*FOR_SCRIPTS} == {*FOR_PEOPLE}
    assert {column.page for column in FOR_PEOPLE} - {"", "always"} <= {*COLUMNS}
    names = {column.name for column in FOR_PEOPLE}
    assert {column.unit for column in FOR_PEOPLE if column.kind == "amount"} <= names
    assert {
        "profit_chance_pct [%]", "profit_p10 [currency]", "expected_profit_per_day_pct [% of the capital a day]",
        "days_to_sell_p50 [days]", "data_at [UTC]",
    } <= {column.heading for column in FOR_SCRIPTS}  # fmt: skip


def test_a_european_csv_has_commas_in_numbers_and_semicolons_between_cells(settings: Settings, tmp_path: Path) -> None:
    path = written(settings, tmp_path / "o.csv", SOLD_IN_UK, notation="european")
    (row,) = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), delimiter=";")
    assert (row["profit"], row["break_even"], row["rank"]) == ("7,5", "58,2", "1234")


def test_a_workbook_reads_like_one_that_a_person_made(settings: Settings, tmp_path: Path) -> None:
    path = written(settings, tmp_path / "o.xlsx", SOLD_IN_UK)
    row = first_row(path)
    assert row["Profit"] == 7.5
    assert row["ROI"] == pytest.approx(0.315)
    assert row["Prices of (UTC)"] == datetime(2025, 10, 9, 8, 53, 20)  # noqa: DTZ001  # Excel has no zones
    assert row["EANs"] == "4006381333931 0042100005264"
    assert row["Amazon as seller"] == "no"
    assert (row["Amazon, to sell"], row["Keepa, to sell"]) == ("amazon.co.uk", "keepa.com")
    with zipfile.ZipFile(path) as inside:
        sheet, styles = inside.read("xl/worksheets/sheet1.xml").decode(), inside.read("xl/styles.xml").decode()
        links = inside.read("xl/worksheets/_rels/sheet1.xml.rels").decode()
    assert "https://www.amazon.co.uk/dp/B000000007" in links
    assert "https://keepa.com/" in links
    for part in ("<autoFilter", "<cols>", 'state="frozen"', "<hyperlink "):
        assert part in sheet
    for sign in ("€", "£", "0.0%", "yyyy-mm-dd"):
        assert sign in styles


def test_a_workbook_explains_itself(settings: Settings, tmp_path: Path) -> None:
    invented = replace(SOLD_IN_UK, demo=True)
    about = sheets(written(settings, tmp_path / "o.xlsx", invented))["About"]
    heads = [row[0] for row in about].index("Column")
    said, columns = (
        {str(row[0]): [str(cell) for cell in row[1:]] for row in rows} for rows in (about[:heads], about[heads:])
    )
    assert said["Seller"][0].startswith(SELLER.name)
    assert said["Sell on"][0] == "UK"
    assert said["Profit, min."][0] == "5"
    assert said["Order"][0] == "Expected profit a day, highest first"
    assert columns["Break-even"] == [
        "break_even", "Currency to sell", "VAT included", "The selling price at which the profit is 0",
    ]  # fmt: skip
    assert said["Made at"][0].endswith("UTC")


def test_a_file_has_the_columns_of_the_page_when_asked(settings: Settings, tmp_path: Path) -> None:
    path = written(settings, tmp_path / "o.xlsx", SOLD_IN_UK, page_columns=["profit", "sellers"])
    assert [*first_row(path)] == [
        "ASIN", "Product", "Buy on", "Sell on", "Verdict", "Profit", "Sellers", "Sellers, FBA", "Sellers, FBM",
        "Verdict in words", "Amazon, to buy", "Amazon, to sell", "Keepa, to buy", "Keepa, to sell", "Home currency",
    ]  # fmt: skip


def test_more_rows_than_a_sheet_can_have_go_on_in_the_next(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = workbook._FORMATS.model_copy(update={"most_rows": 3, "most_links": 2})
    monkeypatch.setattr(workbook, "_FORMATS", small)
    found = [opportunity(f"B00000000{n}", profit=20.0 - n) for n in range(5)]
    book = sheets(written(settings, tmp_path / "o.xlsx", *found))
    assert [*book] == ["Opportunities", "Opportunities 2", "Opportunities 3", "About"]
    shown = [row[0] for name, rows in book.items() if name != "About" for row in rows[1:]]
    assert shown == [o.asin for o in found]
    # What is no link any more is the address itself.
    assert "https://www.amazon.it/dp/B000000004" in book["Opportunities 3"][1]


def test_parquet_has_types(settings: Settings, tmp_path: Path) -> None:
    unknown = opportunity("B000000008", "DE", "UK", profit=6.0)
    frame = pd.read_parquet(written(settings, tmp_path / "o.parquet", SOLD_IN_UK, unknown)).set_index("asin")
    assert [*frame.columns] == [column.name for column in FOR_SCRIPTS[1:]]
    assert str(frame["data_at"].dtype) == "datetime64[us, UTC]"
    assert frame["data_at"]["B000000007"] == pd.Timestamp(SOLD_IN_UK.data_at, unit="s", tz="UTC")
    assert (str(frame["rank"].dtype), str(frame["profit"].dtype)) == ("Int64", "float64")
    assert frame["rank"]["B000000007"] == 1_234
    assert pd.isna(frame["rank"]["B000000008"])
    assert frame["title"]["B000000008"] == "Product B000000008"
    assert len(pd.read_parquet(write_empty(tmp_path / "none.parquet"))) == 0


def write_empty(path: Path) -> Path:
    assert write(path, FOR_SCRIPTS, iter([])) == 0
    return path


@pytest.mark.parametrize(
    "title",
    [
        "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\xa0=1", "\u3000=1", "\u200b=1", "\ufeff=1",
        "\u202e=1", " \u2060\xa0@x", "＝1", "＋1", "－1", "＠SUM(A1)", "\u3000＝1",
    ],
)  # fmt: skip
def test_no_title_becomes_a_formula(settings: Settings, tmp_path: Path, title: str) -> None:
    hostile = opportunity(title=title, brand=HOSTILE, fees=-3.0)
    text = written(settings, tmp_path / "o.csv", hostile).read_bytes().decode("utf-8-sig")
    (read,) = csv.DictReader(io.StringIO(text, newline=""))
    assert read["title"] == "'" + title
    assert float(read["fees"]) == -3.0
    cell = first_row(written(settings, tmp_path / "o.xlsx", hostile))["Product"]
    assert isinstance(cell, str)
    assert cell.strip() == title.strip()
    with zipfile.ZipFile(tmp_path / "o.xlsx") as inside:
        assert not any(b"<f>" in inside.read(name) for name in inside.namelist())


@pytest.mark.parametrize("name", ["o.csv", "o.xlsx", "o.parquet"])
def test_a_file_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    with pytest.raises(ServiceError, match="cannot be written"):
        write(tmp_path / "gone" / name, FOR_SCRIPTS, iter([]))
    with pytest.raises(UsageError, match=r"\.csv, \.xlsx, \.parquet"):
        write(tmp_path / "o.pdf", FOR_SCRIPTS, iter([]))
    assert list(tmp_path.iterdir()) == []
