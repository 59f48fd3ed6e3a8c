"""Settlements of Amazon: languages and encodings, refunds, what is no sale, and files with faults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from arbkit.core.errors import RefusedFileError
from arbkit.sources.settlements.files import parse_sales
from arbkit.sources.settlements.read import ReadSales
from tests.helpers.settlements import COLUMNS, item, row, settlement

SALE = {"ItemPrice/Principal": "59,98", "ItemPrice/Shipping": "3,99", "ItemFees/Commission": "-9,00",
        "ItemFees/FBAPerUnitFulfillmentFee": "-7,04"}  # fmt: skip


def read(text: str | bytes) -> ReadSales:
    return parse_sales(text if isinstance(text, bytes) else text.encode(), "settlement.txt", added_at=1.0)


def test_the_rows_of_one_item_are_one_line() -> None:
    found = read(settlement(*item(SALE, quantity="2"), total="47,93"))
    (line,) = found.lines
    assert (line.kind, line.day, line.currency, line.market) == ("sale", "2026-11-02", "EUR", "DE")
    assert (line.sku, line.order, line.units, line.principal, line.vat) == ("DE-1", "305-1", 2, 59.98, None)
    assert line.fees == {"Commission": -9.0, "FBAPerUnitFulfillmentFee": -7.04}
    assert line.other == {"Shipping": 3.99}
    assert (line.total, found.faults, found.mismatches) == (47.93, (), ())


@pytest.mark.parametrize(
    ("market", "code", "day", "principal", "fee"),
    [
        ("Amazon.de", "DE", "02.11.2026", "1.159,98", "-9,00"), ("Amazon.fr", "FR", "02/11/2026", "1 159,98", "-9,00"),
        ("amazon.it", "IT", "02/11/2026", "1.159,98", "-9,00"), ("Amazon.es", "ES", "02/11/2026", "1159,98", "-9,00"),
        ("Amazon.co.uk", "UK", "2026-11-02", "1,159.98", "-9.00"),
    ],
)  # fmt: skip
def test_the_notation_of_each_marketplace_says_the_same(
    market: str, code: str, day: str, principal: str, fee: str
) -> None:
    rows = item({"ItemPrice/Principal": principal, "ItemFees/Commission": fee}, day=day, market=market)
    (line,) = read(settlement(*rows, total=principal)).lines
    assert (line.market, line.day, line.principal, line.fees) == (code, "2026-11-02", 1159.98, {"Commission": -9.0})


def test_the_same_settlement_in_another_encoding_order_and_notation_has_the_same_lines() -> None:
    rows = [*item(SALE, sku="Öko-1"), *item(SALE, order="305-2", sku="Öko-2"), *item(SALE, sku="Öko-1", order="305-3")]
    text = settlement(*rows, total="1,00")
    first = read(text)
    iso = text.replace("02.11.2026", "2026-11-02").replace(",", ".")
    encoded = [text.encode(encoding) for encoding in ("cp1252", "utf-8-sig", "utf-16")]
    others: list[str | bytes] = [*encoded, iso, text.replace("\n", "\r\n")]
    for other in others:
        assert read(other).lines == first.lines
    assert {line.id for line in read(settlement(*rows[::-1], total="1,00")).lines} == {line.id for line in first.lines}


def test_a_refund_and_its_words_in_other_languages() -> None:
    refund = {"ItemPrice/Principal": "-29,99", "ItemFees/Commission": "4,50", "ItemFees/RefundCommission": "-0,90"}
    for word in ("Refund", "Erstattung", "Remboursement", "Rimborso", "Reembolso", "refund"):
        (line,) = read(settlement(*item(refund, type_=word, quantity="", adjustment_id="A1"), total="1,00")).lines
        assert (line.kind, line.principal, line.units, line.fee_total) == ("refund", -29.99, 0, 3.6)
    for word in ("Bestellung", "Commande", "Ordine", "Pedido"):
        assert read(settlement(*item(SALE, type_=word), total="1,00")).lines[0].kind == "sale"


def test_vat_that_amazon_reports_apart_is_kept_apart_also_what_it_keeps_for_the_tax_office() -> None:
    apart = {"ItemPrice/Principal": "50,40", "ItemPrice/Tax": "9,58", "Promotion/TaxDiscount": "-0,58"}
    (line,) = read(settlement(*item(apart), total="1,00")).lines
    assert (line.principal, line.vat) == (50.4, 9.0)
    kept = {**apart, "ItemWithheldTax/MarketplaceFacilitatorVAT-Principal": "-9,00"}
    (line,) = read(settlement(*item(kept), total="1,00")).lines
    assert line.vat == 0.0


def test_what_is_no_sale_is_kept_counted_and_named() -> None:
    more = {"settlement_id": "11", "transaction_type": "other-transaction", "posted_date": "03.11.2026"}
    fees = [("Versand durch Amazon Lagergebühr", "-12,00"), *[("Subscription Fee", "-39,00")] * 2]
    rows = [row(**more, amount_type="other-transaction", amount_description=what, amount=paid) for what, paid in fees]
    strange = row(**{**more, "transaction_type": "Neue Sache"}, amount="1,00")
    found = read(settlement(*item(SALE), *rows, strange, total="-41,07"))
    assert found.others == {
        "other-transaction / Subscription Fee": 2, "other-transaction / Versand durch Amazon Lagergebühr": 1,
        "Neue Sache": 1,
    }  # fmt: skip
    assert len({line.id for line in found.lines}) == len(found.lines) == 5
    assert round(sum(line.total for line in found.lines), 2) == -41.07
    assert found.mismatches == ()


def test_a_row_that_cannot_be_read_stops_its_sale_alone_and_is_named() -> None:
    bad = [*item(SALE)]
    bad[2] = bad[2].replace("-9,00", "-9,oo")
    text = settlement(*bad, *item(SALE, order="305-2"), "\t".join(["11"] * 30), total="47,93")
    found = read(text)
    assert [line.order for line in found.lines] == ["305-2"]
    assert [fault.number for fault in found.faults] == [5, 11]
    assert "-9,oo" in found.faults[0].why
    assert found.left_out == 1
    mended = read(text.replace("-9,oo", "-9,00"))
    assert [line.order for line in mended.lines] == ["305-1", "305-2"]
    assert replace(mended.lines[1], added_at=0) == replace(found.lines[0], added_at=0)


def test_a_settlement_whose_lines_do_not_come_to_its_total_says_so() -> None:
    (mismatch,) = read(settlement(*item(SALE), total="1.000,00")).mismatches
    assert (mismatch.settlement, mismatch.stated, mismatch.found) == ("11", 1000.0, 47.93)


def test_other_files_are_refused_with_what_to_download() -> None:
    for text, what in (
        ("\t".join([*COLUMNS[:-12], "price-type", "item-related-fee-type"]) + "\n", "older flat file"),
        ('"Alle Beträge in Euro"\n"Datum/Uhrzeit","Typ","Umsätze"\n"1","2","3"\n', "transaction view"),
        ("asin,title\nB07DVM36PS,x\n", "no file of sales"),
    ):
        with pytest.raises(RefusedFileError, match=what) as refused:
            read(text)
        assert "Flat File V2" in str(refused.value)
    for nothing in (b"", b"PK\x03\x04\0\0\0", b"\n\n"):
        with pytest.raises(RefusedFileError):
            read(nothing)
    with pytest.raises(RefusedFileError, match="amount"):
        read(settlement(*item(SALE)).replace("\tamount\t", "\tbetrag\t"))
