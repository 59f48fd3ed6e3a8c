"""Which products somebody watches: those on the buy list, and those that a rule names."""

from __future__ import annotations

from pathlib import Path

import pytest

from arbkit.alerts.watching import WatchedProducts
from arbkit.core.settings import Settings
from arbkit.store import open_store
from tests.helpers.decisions import decision

NAMED, LISTED, DISMISSED = (f"B00000000{number}" for number in range(1, 4))


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "watchlist.txt").write_text(f"{NAMED}\n")
    return settings.model_copy(update={"folder": tmp_path, "watchlist": tmp_path / "watchlist.txt", "demo": None})


def test_the_built_in_rule_names_nobody(settings: Settings) -> None:
    assert WatchedProducts(settings)() == frozenset()


def test_products_of_a_rule_and_of_the_buy_list_are_watched(settings: Settings) -> None:
    (settings.user_folder / "alerts.toml").write_text(f'[[rule]]\nname = "mine"\nasins = ["{NAMED}"]\n', "utf-8")
    with open_store(settings) as store:
        store.add_decisions([decision(LISTED, "buy_list"), decision(DISMISSED)])
    watched = WatchedProducts(settings)
    assert watched() == {NAMED, LISTED}
    with open_store(settings) as store:
        store.add_decisions([decision(LISTED, "looked_at", version=2)])
    assert watched() == {NAMED}
