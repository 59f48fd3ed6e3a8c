"""arbkit's own file of sales, and files of SKUs."""

from __future__ import annotations

from pathlib import Path

import pytest

from arbkit.core.errors import RefusedFileError
from arbkit.sources.settlements.files import parse_sales, read_skus
from arbkit.sources.settlements.template import template

HEAD = "date,kind,asin,sku,marketplace,order,units,currency,principal,vat,referral_fee,fulfilment_fee\n"


def test_the_template_with_its_example_is_read() -> None:
    (line,) = parse_sales(template().encode(), "sales.csv", added_at=1.0).lines
    assert (line.kind, line.asin, line.units, line.market, line.currency) == ("sale", "B07DVM36PS", 2, "DE", "EUR")
    assert (line.principal, line.vat, line.total) == (59.98, None, 43.94)


def test_a_refund_is_written_as_its_sale_and_counts_the_other_way() -> None:
    text = HEAD + "2026-11-09,refund,B07DVM36PS,,DE,305-1,1,,29.99,,4.50,\n"
    (line,) = parse_sales(text.encode(), "sales.csv", added_at=1.0).lines
    assert (line.principal, line.fee_total, line.total) == (-29.99, 4.5, -25.49)


def test_a_sheet_that_grows_adds_its_new_lines_alone_and_equal_lines_are_two() -> None:
    lines = ["02.11.2026;sale;B07DVM36PS;;DE;;1;;29,99;;4,50;"] * 2 + ["03.11.2026;sale;;DE-1;;;1;EUR;9,99;1,60;;"]
    head = HEAD.replace(",", ";")
    first = parse_sales((head + "\n".join(lines)).encode(), "sales.csv", added_at=1.0).lines
    later = parse_sales((head + "\n".join([*lines, lines[0]])).encode("cp1252"), "other.csv", added_at=2.0).lines
    assert len({line.id for line in later}) == 4
    assert [line.id for line in later[:3]] == [line.id for line in first]
    assert (first[2].vat, first[2].sku, first[2].market) == (1.6, "DE-1", None)


def test_a_line_with_a_fault_stops_itself_alone() -> None:
    rows = ["2026-11-02,sale,B07DVM36PS,,DE,,1,,29.99,,,", "2026-11-02,sale,,,DE,,1,,29.99,,,",
            "soon,sale,B07DVM36PS,,DE,,1,,29.99,,,", "2026-11-02,sold,B07DVM36PS,,DE,,1,,29.99,,,",
            "2026-11-02,sale,B07DVM36PS,,,,1,,29.99,,,", "2026-11-02,sale,B07DVM36PS,,XX,,1,,29.99,,,"]  # fmt: skip
    found = parse_sales((HEAD + "\n".join(rows)).encode(), "sales.csv", added_at=1.0)
    assert (len(found.lines), found.left_out, [fault.number for fault in found.faults]) == (1, 5, [3, 4, 5, 6, 7])
    assert "names no product" in found.faults[0].why
    assert "currency" in found.faults[3].why


def test_skus_come_from_a_file_of_ones_own_or_amazons_listing_report(tmp_path: Path) -> None:
    own, report = tmp_path / "skus.csv", tmp_path / "listings.txt"
    own.write_text("SKU;ASIN\nDE-1;B07DVM36PS\nDE-2;nonsense\n;\nDE-1;B07DVM36PT\n")
    known, faults = read_skus(own)
    assert known == {"DE-1": "B07DVM36PS"}
    assert [fault.number for fault in faults] == [3, 5]
    report.write_bytes('item-name\tseller-sku\tasin1\nGrüner "Becher\tDE-2\tB07DVM36PT\n'.encode("cp1252"))
    assert read_skus(report)[0] == {"DE-2": "B07DVM36PT"}
    (tmp_path / "none.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RefusedFileError, match="sku and asin"):
        read_skus(tmp_path / "none.csv")
