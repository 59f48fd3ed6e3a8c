"""Rules on a store whose detectors are killed anywhere announce what they announce on one where nothing happens."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import orjson
import pytest

import arbkit.store.sqlite.rows
from arbkit.alerts.announcer import announce_by
from arbkit.alerts.rules import Rule
from arbkit.alerts.rules_file import Rules
from arbkit.core.models import Opportunity, Update
from arbkit.store import Store
from arbkit.store.elastic.routes import RouteWriter
from arbkit.store.routes import ProductRoutes
from arbkit.store.sqlite.store import SqliteStore
from tests.helpers.factories import offer, opportunity

ASIN = "B000000001"
START = int(time.time()) - 86_400
"""What ended long before now is forgotten."""
RULES = Rules(
    "test",
    (
        Rule(name="quiet", min_profit=8, clears_at=6, min_roi=20),
        Rule(name="all", on=("new_opportunity", "price_drop", "margin_increase", "ended"), cool_down_hours=0),
    ),
)
STEPS = (
    (arbkit.store.sqlite.rows, "best_summary"),
    *((RouteWriter, n) for n in ("_name", "_announce", "_write", "_mark")),
)
Open = Callable[[], Store]


class Killed(BaseException):
    """As if the process ended here."""


def routes(rng: random.Random, at: float) -> tuple[Opportunity, ...]:
    """Some of the product's routes, with figures of this time."""
    targets = [target for target in ("DE", "FR") if rng.random() < 0.8]
    return tuple(
        opportunity(
            ASIN,
            target=target,
            buy_price=rng.choice([10.0, 20.0, 30.0, 40.0]),
            profit=(profit := rng.choice([2.0, 7.0, 9.0, 20.0])),
            profit_low=profit,
            roi_pct=rng.choice([10.0, 30.0]),
            evaluated_at=at,
            data_at=int(at),
        )
        for target in targets
    )


def change(store: Store, version: int) -> int:
    return store.put([Update(offer(ASIN, version=version, updated_at=version), None)]).states[ASIN].change


def put(store: Store, found: Sequence[Opportunity], number: int, at: float) -> None:
    announce = partial(announce_by, RULES, now=at)
    result = ProductRoutes(ASIN, number, int(at), tuple(found))
    store.put_routes([result], generation=store.generation("a"), announce=announce)


def said(store: Store) -> Counter[tuple[str, str, str, str, float]]:
    found = [orjson.loads(notice.value) for notice in store.unsent(1_000)]
    assert len({alert["id"] for alert in found}) == len(found)
    return Counter((a["type"], a["rule"], f"{a['source']}:{a['target']}", a["why"], a["at"]) for a in found)


@pytest.mark.parametrize("seed", range(2))
def test_killed_anywhere_each_alert_is_made_once_and_no_other(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rng = random.Random(seed)
    store = opened()
    with SqliteStore(tmp_path / "calm.db") as calm:
        for step in range(12):
            at = START + step * 1_800.0
            found = routes(rng, at)
            put(calm, found, change(calm, 8_000_000 + step), at)
            number = change(store, 8_000_000 + step)
            for _ in range(rng.randrange(3)):
                with monkeypatch.context() as patch:
                    _kill(patch, *rng.choice(STEPS), after=rng.random() < 0.5)
                    try:
                        put(opened(), found, number, at)
                    except Killed:
                        continue
            put(store, found, number, at)
        expected = said(calm)
        assert said(store) == expected
        assert {kind for kind, *_ in expected} >= {"new_opportunity", "price_drop", "margin_increase", "ended"}


def _kill(patch: pytest.MonkeyPatch, owner: object, name: str, *, after: bool) -> None:
    act: Callable[..., object] = getattr(owner, name)

    def die(*given: object) -> None:
        if after:
            act(*given)
        raise Killed

    patch.setattr(owner, name, die)
