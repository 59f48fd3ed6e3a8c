"""A seller profile that is made, changed, broken or removed while all runs: nobody has to restart, or to guess."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import arbkit
from arbkit.analysis import detection
from arbkit.analysis.detection_parameters import DetectParameters
from arbkit.cli.ops import _data_rows, _status
from arbkit.core.errors import ConfigError
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.profit.seller.profile_file import built_in
from arbkit.store import OpportunityQuery, open_store
from arbkit.web.api import create_app
from tests.helpers.factories import PACKAGE, offer
from tests.helpers.pages import Seen, shipped_page

ASIN = "B000000001"
OWN = built_in().replace("built-in DE reseller", "shop of mine").replace("prep_per_unit = 0.30", "prep_per_unit = 2.50")
CHANGED = "Seller profile changed, re-pricing"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Of a store that was detected with the built-in profile, and a folder in which one may be written."""
    one = settings.model_copy(update={"folder": tmp_path})
    with open_store(one) as store:
        prices = {"IT": 4_000, "DE": 9_000}
        for code, cents in prices.items():
            one_offer = offer(ASIN, code, price_minor=cents, price_at=int(time.time()), shipping_minor=0, **PACKAGE)
            store.put([Update(one_offer, None)])
    detection.run(one, run_id="r1")
    return one


def say(settings: Settings) -> list[str]:
    """What API, command and notebook say of the profile."""
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        health = client.get("/health").json()["services"]["store"]["detail"] or ""
    status = "; ".join(text for name, text in _data_rows(_status(settings)) if name == "profile")
    with arbkit.open(settings) as arb:
        note = arb.opportunities().attrs.get("note", "")
    return [health, status, note]


def profit(settings: Settings) -> float:
    with open_store(settings, read_only=True) as store:
        (best,) = store.opportunities(OpportunityQuery(source="IT", target="DE")).items
    return best.profit


def profiles_of(page: Seen) -> list[str]:
    page.emit("toggle", region="whatif", open=True)
    return [option["label"] for option in page.field("whatif", "profile")["options"]]


Change = Callable[[Path], object]
MADE: Change = lambda file: file.write_text(OWN, "utf-8")  # noqa: E731 - one of several


@pytest.mark.parametrize(
    ("before", "change", "name", "more"),
    [
        (None, MADE, "shop of mine", -2.2),
        (OWN, lambda file: file.write_text(OWN.replace("2.50", "4.00"), "utf-8"), "shop of mine", -1.5),
        (OWN, lambda file: file.unlink(), "built-in DE reseller", 2.2),
    ],
    ids=["made", "changed", "removed"],
)
def test_a_changed_profile_is_used_at_once_and_said_so_until_all_is_priced_with_it(
    settings: Settings, tmp_path: Path, before: str | None, change: Change, name: str, more: float
) -> None:
    file = tmp_path / "profile.toml"
    if before is not None:
        file.write_text(before, "utf-8")
        detection.run(settings, run_id="r2")
    was = profit(settings)
    pages = [
        Seen(shipped_page("opportunities", settings)).begin(),
        Seen(shipped_page("product", settings)).begin(f"?asin={ASIN}"),
    ]
    priced = pages[1].html("route")
    assert not any(CHANGED in page.html("head") for page in pages)
    assert not any(CHANGED in text for text in say(settings))

    change(file)
    pages.append(Seen(shipped_page("opportunities", settings)).begin())
    for page in pages:
        page.page.refresh()
        assert CHANGED in page.html("head")
    health, status, note = say(settings)
    assert CHANGED in health
    assert CHANGED in status
    # A notebook may have been opened with a profile of its own, which nothing else will price with.
    assert "Stored routes are of another seller profile than yours: arb.reprice()" in note
    assert f"{was:.2f}" in pages[0].column("Profit")[0]
    # What is priced when it is looked at is of the new profile already, also in a page that was open before.
    assert profiles_of(pages[0])[0] == profiles_of(pages[2])[0] == name
    assert f"Seller profile: {name}" in pages[1].html("route")
    assert pages[1].html("route") != priced

    detection.run(settings, run_id="r3")
    assert profit(settings) == pytest.approx(was + more)
    for page in pages:
        # It waits for that, and asks more often meanwhile.
        page.emit("tick")
        assert CHANGED not in page.html("head")
    assert f"{was + more:.2f}" in pages[0].column("Profit")[0]
    assert not any(CHANGED in text for text in say(settings))


def test_a_broken_profile_prices_nothing_and_says_what_is_wrong_until_it_is_mended(
    settings: Settings, tmp_path: Path
) -> None:
    was = profit(settings)
    pages = [
        Seen(shipped_page("opportunities", settings)).begin(),
        Seen(shipped_page("product", settings)).begin(f"?asin={ASIN}"),
    ]
    file = tmp_path / "profile.toml"
    file.write_text("prep_per_unit = lots", "utf-8")
    with pytest.raises(ConfigError, match="cannot be read"):
        detection.run(settings, run_id="r2")
    for page in pages:
        page.page.refresh()
        assert "The seller profile cannot be used" in page.html("head")
        assert str(file) in page.html("head")
    # What was detected before is still there to be read.
    assert f"{was:.2f}" in pages[0].column("Profit")[0]
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        assert "The seller profile cannot be used" in client.get("/health").json()["services"]["store"]["detail"]
        assert client.get("/arbitrage").json()["items"][0]["profit"] == was

    file.write_text(OWN, "utf-8")
    for page in pages:
        page.emit("tick")
        assert CHANGED in page.html("head")
    detection.run(settings, run_id="r3")
    for page in pages:
        page.emit("tick")
        assert "arb-note" not in page.html("head")


def test_the_same_profile_again_and_another_day_are_no_change_of_it(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "profile.toml"
    file.write_text(OWN, "utf-8")
    page = Seen(shipped_page("opportunities", settings)).begin()
    assert CHANGED in page.html("head")
    file.unlink()
    page.emit("tick")
    assert CHANGED not in page.html("head")
    detection.run(settings, DetectParameters(on=date(2026, 5, 20)), run_id="r2")
    page.page.refresh()
    assert CHANGED not in page.html("head")
