"""Lists that are pasted: what is read of a text, what adding it would do, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbkit.core.errors import RefusedFileError
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.pipeline.watchlist.editing import add
from arbkit.pipeline.watchlist.lists import check_list, look_cost, products_of_code
from arbkit.pipeline.watchlist.pasted import MAX_BYTES, MAX_LINES, PastedCode, PastedList, check_pasted, parse_pasted
from arbkit.sources.keepa_api.token_budget import Tokens
from arbkit.store import Store, open_store
from tests.helpers.factories import history, offer

ONE, TWO, THREE = "B000000001", "B000000002", "B000000003"
EAN, UPC = "4006381333931", "012345678905"


def read(text: str) -> PastedList:
    return parse_pasted(text.encode())


def asins(text: str) -> list[str]:
    found = read(text)
    assert found.bad == ()
    return [one for one in found.products if isinstance(one, str)]


@pytest.mark.parametrize(
    "text",
    [
        f"{ONE},{TWO};{THREE}", f"{ONE} {TWO}\t{THREE}", f"{ONE}\r\n{TWO}\r{THREE}\n",
        f"\ufeff{ONE}\n\n{TWO}, {THREE},", f'"{ONE}","{TWO}"\n({THREE})', f"{ONE} {TWO} {ONE} {THREE}",
        f"{ONE.lower()} {TWO} # not this: B000000009\n{THREE}",
    ],
)  # fmt: skip
def test_whatever_separates_them_products_are_read_in_order_and_once(text: str) -> None:
    assert asins(text) == [ONE, TWO, THREE]


@pytest.mark.parametrize(
    "text",
    [
        f"https://www.amazon.de/Lego,-blau/dp/{ONE}/ref=sr_1_1?keywords=a,b {TWO}",
        f"https://www.amazon.de/dp/{ONE},https://www.amazon.it/gp/product/{TWO}?th=1",
        f"amazon.co.uk/dp/{ONE},{TWO}", f"<https://www.amazon.fr/dp/{ONE}>;\n{TWO}",
    ],
)  # fmt: skip
def test_an_address_keeps_its_commas_and_ends_before_the_next_product(text: str) -> None:
    assert asins(text) == [ONE, TWO]


def test_codes_are_told_from_asins_and_isbns() -> None:
    found = read(f"{EAN}\n{UPC} 3551551677")
    assert found.products == (PastedCode(1, EAN), PastedCode(2, UPC), "3551551677")
    assert not found.bad


def test_what_cannot_be_used_is_named_with_its_line_the_reason_and_the_remedy() -> None:
    found = read(f"{ONE}\nLEGO Star Wars 75192\n{TWO}, B00, https://example.org/dp/{THREE}\n")
    assert found.products == (ONE, TWO)
    assert [(one.line, one.text) for one in found.bad] == [
        (2, "LEGO Star Wars 75192"), (3, "B00"), (3, f"https://example.org/dp/{THREE}"),
    ]  # fmt: skip
    assert "names no product" in found.bad[0].why
    assert "10 characters" in found.bad[1].why
    assert "not the address of a product page" in found.bad[2].why
    assert all(one.remedy for one in found.bad)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b" " * (MAX_BYTES + 1), "more than 1 MB"),
        (b"\n" * MAX_LINES + b"x", "more than 10,000 lines"),
        (" ".join(f"B{number:09}" for number in range(MAX_LINES + 1)).encode(), "more than 10,000 products"),
        (b"PK\x03\x04\0\0", "is no text"),
        (b" # nothing\n", "names no product"),
    ],
)
def test_a_text_that_is_none_or_too_large_is_refused_in_one_sentence(data: bytes, why: str) -> None:
    with pytest.raises(RefusedFileError, match=why) as caught:
        parse_pasted(data, "mine.txt")
    assert caught.value.field == "mine.txt"
    assert caught.value.remedy


def test_a_text_as_spreadsheets_save_it_is_read() -> None:
    assert parse_pasted(f"{ONE}\n{TWO}".encode("utf-16")).products == (ONE, TWO)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_and_every_fault_is_of_one_of_its_lines(text: str) -> None:
    try:
        found = read(text)
    except RefusedFileError:
        return
    assert all(1 <= one.line <= text.count("\n") + text.count("\r") + 1 for one in found.bad)
    assert len({one if isinstance(one, str) else one.code for one in found.products}) == len(found.products)


def test_a_code_stands_for_every_product_that_has_it_and_an_unknown_one_is_named() -> None:
    known = {EAN: [TWO, THREE]}
    found = check_pasted(read(f"{ONE} {EAN}\n{UPC}\n4006381333930"), {TWO}, lambda code: known.get(code, []))
    assert (found.fresh, found.watched) == ((ONE, THREE), (TWO,))
    assert [(one.line, one.why) for one in found.bad] == [
        (2, "no product that is stored has this EAN"), (3, "an EAN whose check digit is wrong"),
    ]  # fmt: skip
    assert "ASIN" in (found.bad[0].remedy or "")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """Two products, one with an EAN and one with a UPC, which a source wrote as an EAN."""
    with open_store(settings) as opened:
        opened.put([
            Update(offer(ONE, eans=(EAN, "4006381333948")), history(ONE)),
            Update(offer(TWO, eans=(f"0{UPC}",)), history(TWO)),
            Update(offer(THREE, eans=("4006381399999",)), history(THREE)),
        ])  # fmt: skip
        yield opened


@pytest.mark.parametrize(
    ("code", "wanted"),
    [(EAN, [ONE]), (f"0{EAN}", [ONE]), (UPC, [TWO]), (UPC.lstrip("0"), [TWO]), (f"0{UPC}", [TWO]), ("40063813", [])],
)
def test_a_code_is_found_exactly_with_or_without_zeros_before_it(store: Store, code: str, wanted: list[str]) -> None:
    assert list(products_of_code(store, code)) == wanted


def test_a_list_is_checked_against_the_watchlist_and_changes_nothing(settings: Settings, store: Store) -> None:
    add(settings, store, [ONE])
    before = settings.watchlist and settings.watchlist.read_bytes()
    found = check_list(settings, store, f"{EAN} {UPC} {THREE}".encode())
    assert (found.fresh, found.watched, found.bad) == ((TWO, THREE), (ONE,), ())
    assert before == (settings.watchlist and settings.watchlist.read_bytes())
    assert check_list(settings, None, EAN.encode()).bad[0].why == "no product that is stored has this EAN"


def tokens(refill_rate: int) -> Tokens:
    return Tokens(left=1, refill_rate=refill_rate, refill_in_s=1.0, at=0.0, consumed=0, origin="keepa")


def test_the_cost_of_a_list_goes_by_markets_buy_box_and_refill(settings: Settings) -> None:
    given = settings.model_copy(update={"markets": ("DE", "IT"), "keepa_buybox": True, "poll_interval": 300})
    cost = look_cost(given, 1_000, tokens(20))
    assert (cost.tokens, cost.every_s) == (6_000, 18_000)
    assert "6,000 Keepa tokens" in cost.words
    assert "up to 5 h old" in cost.words
    plain = look_cost(given.model_copy(update={"keepa_buybox": False}), 1, tokens(20))
    assert (plain.tokens, plain.every_s) == (2, 300), "no more often than the interval"
    for unknown in (None, tokens(0)):
        assert look_cost(given, 1_000, unknown).every_s is None
        assert "not known" in look_cost(given, 1_000, unknown).words
