"""The rules of now are put to each changed route, whatever state their file is in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from arbkit.alerts.announcer import Announcer
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.pipeline.watchlist.editing import add
from arbkit.store import OpportunityQuery, Store, open_store
from tests.helpers.factories import offer, opportunity
from tests.helpers.routes import store_routes


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(update={"folder": tmp_path})


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings) as opened:
        yield opened


@pytest.fixture
def file(settings: Settings) -> Path:
    return settings.user_folder / "alerts.toml"


def announced(store: Store) -> list[tuple[str, str]]:
    """Type and rule of each alert, the oldest first."""
    found = [orjson.loads(notice.value) for notice in store.unsent(1_000)]
    return [(alert["type"], alert["rule"]) for alert in found]


def price(store: Store, announcer: Announcer, *routes: dict[str, Any]) -> None:
    """Store a product with these routes, as a detector does."""
    store_routes(store, [opportunity(**fields) for fields in routes], announce=announcer(store))


def test_a_changed_file_is_in_force_at_once_and_a_damaged_one_leaves_what_was(
    settings: Settings, store: Store, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    announcer = Announcer(settings)
    price(store, announcer, {"profit": 1.0})
    assert announced(store) == [], "the built-in rule asks for more"
    file.write_text('[[rule]]\nname = "small"\n', "utf-8")
    price(store, announcer, {"profit": 1.0})
    assert announced(store) == [("new_opportunity", "small")]
    file.write_text("[[rule\n", "utf-8")
    price(store, announcer, {"profit": 1.0}, {"profit": 1.0, "target": "FR"})
    price(store, announcer, {"profit": 1.0}, {"profit": 1.0, "target": "FR"})
    assert announced(store) == [("new_opportunity", "small")] * 2
    assert [r.message for r in caplog.records if "stay in force" in r.message] != []
    assert len([r for r in caplog.records if "stay in force" in r.message]) == 1, "it is said once"


def test_what_came_while_no_rule_could_be_read_is_announced_once_the_file_is_mended(
    settings: Settings, store: Store, file: Path
) -> None:
    file.write_text("[[rule\n", "utf-8")
    announcer = Announcer(settings)
    price(store, announcer, {"profit": 1.0})
    assert announced(store) == []
    file.write_text('[[rule]]\nname = "small"\n', "utf-8")
    price(store, announcer, {"profit": 1.0})
    assert announced(store) == [("new_opportunity", "small")]


def test_a_rule_with_a_mistake_forgets_nothing_while_the_others_are_at_work(
    settings: Settings, store: Store, file: Path
) -> None:
    good = '[[rule]]\nname = "a"\n[[rule]]\nname = "b"\n'
    file.write_text(good, "utf-8")
    announcer = Announcer(settings)
    price(store, announcer, {})
    file.write_text(good + "min_profit = []\n", "utf-8")
    price(store, announcer, {}, {"target": "FR"})
    file.write_text(good, "utf-8")
    price(store, announcer, {}, {"target": "FR"})
    assert announced(store) == [("new_opportunity", name) for name in ("a", "b", "a", "b")]


def test_a_group_of_the_watchlist_decides(settings: Settings, store: Store, file: Path) -> None:
    file.write_text('[[rule]]\nname = "mine"\ngroups = ["toys"]\n', "utf-8")
    price(store, Announcer(settings), {})
    price(store, Announcer(settings, groups=lambda _: {"B000000001": frozenset({"books"})}), {})
    assert announced(store) == []
    price(store, Announcer(settings, groups=lambda _: {"B000000001": frozenset({"toys"})}), {})
    assert announced(store) == [("new_opportunity", "mine")]


def test_groups_are_those_that_the_watchlist_has_at_that_moment(settings: Settings, store: Store, file: Path) -> None:
    file.write_text('[[rule]]\nname = "mine"\ngroups = ["toys"]\n', "utf-8")
    announcer = Announcer(settings)
    add(settings, store, ["B000000001"], groups=["books"])
    price(store, announcer, {})
    assert announced(store) == []
    add(settings, store, ["B000000001"], groups=["toys"])
    price(store, announcer, {})
    assert announced(store) == [("new_opportunity", "mine")]


def test_the_demo_market_is_announced_only_while_there_is_nothing_real(settings: Settings, store: Store) -> None:
    announcer = Announcer(settings)
    price(store, announcer, {"demo": True})
    assert announced(store) == [("new_opportunity", "worth-a-look")]
    store.put([Update(offer("B000000009"), None)])
    result = opportunity("B000000001", target="FR", demo=True)
    # The store shows it no longer; a message of it that is on its way may still be priced.
    made = announcer(store)([_change(result)])
    assert (made.notices, made.memories) == ((), {})
    forced = Announcer(settings.model_copy(update={"demo": True}))(store)([_change(result)])
    assert len(forced.notices) == 1


def test_a_large_first_detection_with_the_built_in_rule_announces_what_is_worth_it(
    settings: Settings, store: Store
) -> None:
    routes: Sequence[dict[str, Any]] = [
        {"asin": f"B{number:09d}", "profit": number / 10, "roi_pct": 20.0, "confidence": 0.5} for number in range(200)
    ]
    price(store, Announcer(settings), *routes)
    assert store.sums(OpportunityQuery()).count == 200
    assert len(announced(store)) == len([r for r in routes if r["profit"] >= 10.0])
    found = [orjson.loads(notice.value) for notice in store.unsent(1_000)]
    assert {alert["priority"] >= 5.0 for alert in found} == {True}, "the dispatcher sends the first by priority"


def _change(route: Any) -> Any:
    from arbkit.store.routes import RouteChange

    return RouteChange(route.id, 1, route, None)
