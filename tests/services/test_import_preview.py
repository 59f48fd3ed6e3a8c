"""`arbkit import` as people use it: what a dry run shows, what is refused, and how an undated file counts."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from arbkit.core.settings import Settings
from arbkit.pipeline.consumer import drain
from arbkit.pipeline.files.importing import import_files, preview_files
from arbkit.store import open_store
from tests.helpers.exports import csv_text
from tests.helpers.processes import arbkit

HEADERS = ("Locale", "ASIN", "Title", "Buy Box: Current", "Sales Rank: Current", "Used: Current")


def _file(folder: Path, *rows: tuple[str, ...], name: str = "export.csv", footer: str | None = None) -> Path:
    path = folder / name
    text = csv_text(HEADERS, *rows) if footer is None else csv_text(HEADERS, *rows, footer=footer)
    path.write_text(text, "utf-8")
    return path


def _dry_run(settings: Settings, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = arbkit(settings, "import", "--dry-run", "--json", *arguments)
    return done.returncode, orjson.loads(done.stdout)


def test_a_dry_run_shows_what_would_be_read_and_stores_nothing(settings: Settings, tmp_path: Path) -> None:
    rows = [("it", f"B0TESTA{number:03}", "Articolo", f"1.2{number:02},50", "12.345", "1,00") for number in range(12)]
    path = _file(tmp_path, *rows)
    code, said = _dry_run(settings, str(path))
    assert code == 0
    (file,) = said["files"]
    assert (file["market"], file["products"], file["refused"]) == ("IT", 12, None)
    assert (file["facts_from"], file["exported_at"]) == ("footer", "2026-11-25T20:00:00+00:00")
    assert {name: file["notation"][name] for name in ("decimal", "thousands", "currency", "dates")} == {
        "decimal": ",",
        "thousands": ".",
        "currency": None,
        "dates": None,
    }
    assert file["columns"] == {"read": list(HEADERS[:-1]), "unread": ["Used: Current"]}
    assert len(file["sample"]) == 10
    assert (file["sample"][0]["price_minor"], file["sample"][0]["sales_rank"]) == (120050, 12345)
    assert not settings.home.exists() or not list(settings.home.glob("*.db*"))


def test_the_dry_run_of_a_terminal_names_columns_and_rows(settings: Settings, tmp_path: Path) -> None:
    done = arbkit(settings, "import", "--dry-run", str(_file(tmp_path, ("de", "B0TESTA001", "Ding", "1.50", "", ""))))
    assert done.returncode == 0, done.stderr
    assert "columns not read: Used: Current" in done.stdout
    assert "B0TESTA001" in done.stdout
    assert ("1.50 EUR" in done.stdout, "buy box" in done.stdout, "buy_box" in done.stdout) == (True, True, False)


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("--market", "UK"), 5, "is from marketplace DE"),
        (("--dated", "2999-01-01"), 2, "future"),
        (("--dated", "0226-01-31"), 2, "before Keepa's first day"),
        (("--dated", "2010-12-31"), 2, "before Keepa's first day"),
        (("--dated", "20.01.2026"), 2, "no date"),
    ],
)
def test_options_that_make_no_sense(
    settings: Settings, tmp_path: Path, arguments: tuple[str, ...], code: int, why: str
) -> None:
    done = arbkit(settings, "import", str(_file(tmp_path, ("de", "B0TESTA001", "x", "1.50", "", ""))), *arguments)
    assert done.returncode == code
    assert why in done.stdout + done.stderr


def test_a_file_without_a_known_price_is_refused(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Locale,ASIN,Kaufbox\nde,B0TESTA001,1.50\n", "utf-8")
    code, said = _dry_run(settings, str(path))
    assert code == 5
    assert "Kaufbox" in said["files"][0]["refused"]


def test_an_undated_file_is_imported_and_never_fresh(settings: Settings, tmp_path: Path) -> None:
    path = _file(tmp_path, ("de", "B0TESTA001", "Ding", "12.50", "", ""), footer="")
    report = import_files(settings, [path]).files[0]
    assert (report.facts_from, report.exported_at, report.products) == ("unknown", None, 1)
    assert drain(settings, stop=threading.Event())
    with open_store(settings) as store:
        (offer,) = store.offers(["B0TESTA001"])
    assert offer.price_minor == 1250
    assert time.time() - offer.updated_at > 10 * 365 * 86_400


def test_of_a_product_that_is_there_twice_the_newer_row_counts(tmp_path: Path) -> None:
    headers = ("Locale", "ASIN", "Buy Box: Current", "Last Update")
    rows = (("de", "B0TESTA001", "1.50", "2026/11/01 10:00"), ("de", "B0TESTA001", "2.50", "2026/11/02 10:00"))
    for order in (rows, rows[::-1]):
        path = tmp_path / "x.csv"
        path.write_text(csv_text(headers, *order), "utf-8")
        (file,) = preview_files([path]).files
        assert (file.products, file.duplicates) == (1, 1)
        assert file.sample is not None
        assert file.sample[0]["price_minor"] == 250


def test_the_small_cases_beside_the_real_files(settings: Settings, real_data: Path) -> None:
    cases = real_data.parent / "cases" / "imports"
    if not cases.is_dir():
        pytest.skip("no small cases beside the real files")
    paths = sorted(p for p in cases.rglob("*") if p.suffix in (".csv", ".xlsx", ".json"))
    report = preview_files(paths)
    refused = [Path(file.path).parent.name for file in report.files if file.refused]
    assert refused == ["h-currency-in-cell-format"], "it names no marketplace"
    assert all(file.dead_lettered == 0 for file in report.files)
