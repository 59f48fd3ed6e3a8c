"""The watchlist's file as people and programs edit it."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arbkit.core.errors import ConfigError, ServiceError, UsageError
from arbkit.core.input.asin import parse_asin
from arbkit.core.settings import Settings
from arbkit.sources import watchlist
from arbkit.sources.watchlist import parse
from tests.helpers.paths import ROOT


def test_comments_blank_lines_case_bom_and_windows_line_ends() -> None:
    data = "\ufeff# mine\r\nb07dvm36ps\r\n\r\n  B0C5X98L5G  # a fridge\r\nB0C61L77FZ# close by\r\n".encode()
    found = parse(data)
    assert found.asins == ("B07DVM36PS", "B0C5X98L5G", "B0C61L77FZ")
    assert found.bad == ()


@pytest.mark.parametrize(
    "address",
    [
        "https://www.amazon.de/dp/B07DVM36PS",
        "https://www.amazon.co.uk/Some-Name/dp/b07dvm36ps/ref=sr_1_1?keywords=x#top",
        "http://amazon.fr/gp/product/B07DVM36PS?th=1",
        "www.amazon.it/gp/aw/d/B07DVM36PS",
        "amazon.es/exec/obidos/ASIN/B07DVM36PS/",
        "https://www.amazon.de/some/page?asin=B07DVM36PS",
        "https://www.amazon.com.be/dp/B07DVM36PS",
    ],
)
def test_the_address_of_a_product_page_is_its_asin(address: str) -> None:
    assert parse_asin(address) == "B07DVM36PS"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("B07DVM36P", "10 characters, this has 9"),
        ("B07DVM36PSX", "10 characters, this has 11"),
        ("A07DVM36PS", "not an ASIN"),
        ("B07DVM36P-", "not an ASIN"),
        ("B07DVM36Pſ", "not an ASIN"),
        ("3161484101", "check digit"),
        ("4006381333931", "EAN"),
        ("B07DVM36PS, B0C5X98L5G", "one ASIN on a line"),
        ("https://www.amazon.de/gp/bestsellers", "product page"),
        ("https://amazon.evil.example/dp/B07DVM36PS", "product page"),
        ("https://[/dp/B07DVM36PS", "product page"),
        ("\x00\x01", "10 characters"),
    ],
)
def test_a_bad_line_is_named_with_number_and_reason_and_the_rest_runs(line: str, why: str) -> None:
    found = parse(f"# first\nB0C5X98L5G\n{line}\nB0C61L77FZ\n".encode())
    assert found.asins == ("B0C5X98L5G", "B0C61L77FZ")
    (bad,) = found.bad
    assert bad.line == 3
    assert why in bad.why
    assert str(bad).startswith("line 3: ")


def test_an_isbn_10_is_an_asin_if_its_check_digit_holds() -> None:
    assert parse_asin("316148410x") == "316148410X"
    assert parse_asin("0306406152") == "0306406152"


def test_a_duplicate_counts_once_and_is_reported_once() -> None:
    found = parse(b"B0C5X98L5G\nb0c5x98l5g\nB0C5X98L5G\n")
    assert found.asins == ("B0C5X98L5G",)
    assert [(bad.line, bad.why) for bad in found.bad] == [(2, "already in line 1")]


@hypothesis_settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_can_be_read(data: bytes) -> None:
    found = parse(data)
    assert all(parse_asin(asin) == asin for asin in found.asins)
    assert len({bad.line for bad in found.bad}) == len(found.bad)


@hypothesis_settings(deadline=None)
@given(st.lists(st.sampled_from(["# x é", "", "B0C5X98L5G # a", "nonsense", "B0C61L77FZ"]), max_size=8))
def test_add_then_remove_gives_the_same_file(lines: list[str]) -> None:
    before = "".join(f"{line}\n" for line in lines).encode()
    with_it = _edited(before, add="B07DVM36PS")
    assert parse(with_it).asins == (*parse(before).asins, "B07DVM36PS")
    assert _edited(with_it, remove="B07DVM36PS") == before


def _edited(data: bytes, *, add: str | None = None, remove: str | None = None) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.txt"
        path.write_bytes(data)
        if add:
            watchlist.add(path, [add])
        if remove:
            watchlist.remove(path, [remove])
        return path.read_bytes()


def test_add_keeps_everything_and_appends_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.txt"
    path.write_bytes(b"\xef\xbb\xbf# caf\xe9 in latin-1\r\nB0C5X98L5G # fridge")
    added = watchlist.add(path, ["b0c61l77fz", "B0C5X98L5G", "https://www.amazon.de/dp/B07DVM36PS"])
    assert added == ("B0C61L77FZ", "B07DVM36PS")
    assert path.read_bytes() == (
        b"\xef\xbb\xbf# caf\xe9 in latin-1\r\nB0C5X98L5G # fridge\r\nB0C61L77FZ\r\nB07DVM36PS\r\n"
    )


def test_add_with_one_bad_asin_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.txt"
    with pytest.raises(UsageError, match="nonsense"):
        watchlist.add(path, ["B0C5X98L5G", "nonsense"])
    assert not path.exists()


def test_remove_takes_out_every_line_of_the_asin_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.txt"
    path.write_bytes(b"# caf\xe9\nB0C5X98L5G # fridge\nB0C61L77FZ\nb0c5x98l5g\nnonsense\n")
    assert watchlist.remove(path, ["b0c5x98l5g", "B07DVM36PS"]) == ("B0C5X98L5G",)
    assert path.read_bytes() == b"# caf\xe9\nB0C61L77FZ\nnonsense\n"
    assert watchlist.remove(path, ["B0C5X98L5G"]) == ()


def test_rewriting_keeps_rights_and_symbolic_link_and_leaves_no_scraps(tmp_path: Path) -> None:
    real = tmp_path / "real" / "list.txt"
    real.parent.mkdir()
    real.write_text("B0C5X98L5G\n")
    real.chmod(0o640)
    link = tmp_path / "watchlist.txt"
    link.symlink_to(real)
    watchlist.add(link, ["B0C61L77FZ"])
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert [p.name for p in real.parent.iterdir()] == ["list.txt"]


def test_a_place_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceError, match=r"watchlist\.txt: cannot be"):
        watchlist.add(tmp_path / "file" / "watchlist.txt", ["B0C5X98L5G"])


def test_no_watchlist_is_a_configuration_error_with_remedy(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="arbkit watch add") as caught:
        watchlist.load(settings)
    assert caught.value.field == "ARBKIT_WATCHLIST"


def test_the_demo_market_brings_its_own_list_and_leaves_a_changed_one_alone(tmp_path: Path) -> None:
    settings = Settings.load(_env_file=None, home=tmp_path / "var")
    found = watchlist.load(settings)
    assert len(found.asins) == 300
    assert found.bad == ()
    path = watchlist.locate(settings)
    assert path == tmp_path / "var" / "demo-watchlist.txt"
    assert watchlist.remove(path, found.asins[:1])
    assert watchlist.load(settings).asins == found.asins[1:]


def test_the_shipped_watchlist_is_clean() -> None:
    found = parse((ROOT / "watchlist.txt").read_bytes())
    assert 20 <= len(found.asins) <= 30
    assert found.bad == ()
