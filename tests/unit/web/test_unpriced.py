"""Until detection has seen a change, pages and `status` say how many products are not priced yet."""

from __future__ import annotations

import time

import pytest

from arbkit.analysis import detection
from arbkit.cli.ops import _data_rows, _status
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.sources.keepa_api.token_budget import Tokens, write_tokens
from arbkit.store import open_store
from tests.helpers.factories import PACKAGE, offer
from tests.helpers.pages import Seen, shipped_page


def put(settings: Settings, *asins: str) -> None:
    with open_store(settings) as store:
        store.put([Update(offer(asin, code, **PACKAGE), None) for asin in asins for code in ("DE", "IT")])


def said(settings: Settings) -> tuple[str, str]:
    """What the page's figures and the command say of detection."""
    figures = Seen(shipped_page("opportunities", settings)).begin().html("figures")
    return figures, "; ".join(text for name, text in _data_rows(_status(settings)) if name == "detection")


@pytest.mark.parametrize(
    ("asins", "words"), [(("B000000001",), "1 product"), (("B000000001", "B000000002"), "2 products")]
)
def test_what_is_not_priced_yet_is_counted_until_it_is(settings: Settings, asins: tuple[str, ...], words: str) -> None:
    put(settings, *asins)
    figures, row = said(settings)
    assert f"{words} not priced yet" in figures
    assert row == f"{words} not priced yet"
    detection.run(settings, run_id="r")
    figures, row = said(settings)
    assert "not priced yet" not in figures
    assert row == ""
    put(settings, "B000000003")
    assert "1 product not priced yet" in said(settings)[0]


@pytest.mark.parametrize(("left", "shown"), [(12, "<dd>12"), (-54, "<dd>0")])
def test_tokens_below_zero_are_none_and_the_page_says_when_the_next_come(
    settings: Settings, left: int, shown: str
) -> None:
    settings = settings.model_copy(update={"demo": True})
    put(settings, "B000000001")
    write_tokens(
        settings, Tokens(left=left, refill_rate=5, refill_in_s=90.0, at=time.time(), consumed=3, origin="demo")
    )
    figures = said(settings)[0]
    assert shown in figures.split("Keepa tokens left")[1]
    assert ("next in" in figures) == (left < 0)
