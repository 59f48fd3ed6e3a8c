"""Real routes whose true sizes were typed in: each profitable one is an opportunity, and no other one is."""

from __future__ import annotations

import json
import math
import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from arbkit.cli import app
from arbkit.core.settings import Settings
from arbkit.profit import load_profile, load_rates
from arbkit.store import open_store
from tests.helpers import oracle
from tests.helpers.exports import csv_text

EXPORTED_ON = date(2026, 5, 20)
ON = EXPORTED_ON + timedelta(1)


class TrueSize(NamedTuple):
    """A route of a product whose parcel is known; ``buy``: its price of a day later, None: that of the export."""

    route: str
    size_mm: str
    weight_g: int
    size_from: str
    profitable: bool
    buy: float | None = None

    @property
    def parts(self) -> tuple[str, str, str]:
        asin, source, target = self.route.split(":")
        return asin, source, target


ROWS = [
    TrueSize(**row) for row in tomllib.loads(Path(__file__).with_name("true_sizes.toml").read_text("utf-8"))["rows"]
]


class Found(NamedTuple):
    """Route → what detection calls it before and after the sizes were typed in (routes that leave nothing are not
    listed), and its profit by hand.
    """

    before: dict[str, str]
    after: dict[str, str]
    by_hand: dict[str, float]


def test_there_are_forty_of_which_twenty_are_profitable() -> None:
    assert len({row.route for row in ROWS}) == len({row.parts[0] for row in ROWS}) == 40
    assert sum(row.profitable for row in ROWS) == 20


@pytest.fixture(scope="module")
def found(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("sized")
    settings = Settings.load(
        _env_file=None, home=folder / "var", watchlist=folder / "watchlist.txt", profile=None, demo=False
    )
    run(settings, "import", *sorted(str(path) for path in real_data.glob("GAE_*.xlsx")))
    for code in ("DE", "ES", "FR"):
        cheaper = [(row.parts[0], f"{row.buy:.2f}") for row in ROWS if row.buy and row.parts[1] == code]
        file = folder / f"{code}.csv"
        file.write_text(csv_text(("ASIN", "Buy Box: Current"), *cheaper, footer=""), "utf-8")
        run(settings, "import", str(file), "--market", code, "--dated", ON.isoformat())
    run(settings, "consume", "--until-empty")
    before = statuses(settings)
    for row in ROWS:
        run(settings, "facts", "set", row.parts[0], "--size-mm", row.size_mm, "--weight-g", str(row.weight_g))
    return Found(before, statuses(settings), {row.route: profit_by_hand(settings, row) for row in ROWS})


def run(settings: Settings, *words: str) -> str:
    done = CliRunner().invoke(app, [*words], env=settings.environment())
    assert done.exit_code == 0, (words, done.output, done.exception)
    return done.stdout


def statuses(settings: Settings) -> dict[str, str]:
    """Route → what detection calls it, of all that it lists."""
    found = json.loads(run(settings, "detect", "--on", ON.isoformat(), "--all", "--json"))
    assert found["routes"] >= 500
    assert found["total"] == len(found["items"])
    return {"{asin}:{source}:{target}".format(**item): item["status"] for item in found["items"]}


def profit_by_hand(settings: Settings, row: TrueSize) -> float:
    """What the route leaves by the best method of the built-in seller, worked out without arbkit's calculation."""
    asin, source, target = row.parts
    with open_store(settings, read_only=True) as store:
        offers = {offer.market: offer for offer in store.offers([asin])}
    length, width, height = map(float, row.size_mm.split("x"))

    def facts(code: str, price: float | None) -> dict[str, Any]:
        offer = offers[code]
        assert offer.price_minor is not None
        cents = offer.price_minor + (offer.shipping_minor or 0) if price is None else round(price * 100)
        return {
            "market": code, "price_minor": cents, "category": offer.category, "length_mm": length, "width_mm": width,
            "height_mm": height, "weight_g": float(row.weight_g), "hazmat": bool(offer.hazmat),
            "keepa_fba_fee_minor": math.nan, "keepa_fba_fee_at": math.nan,
        }  # fmt: skip

    profile, rates = load_profile(None), load_rates()
    ways = [
        oracle.route(facts(source, row.buy), facts(target, None), way, profile, rates, ON) for way in profile.fulfilment
    ]
    return max(sum(components.values()) for components in ways if components is not None)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.route)
def test_a_true_size_decides(found: Found, row: TrueSize) -> None:
    assert (found.by_hand[row.route] > 0) == row.profitable
    # Without the size it is at best in doubt.
    assert found.before.get(row.route) != "opportunity"
    assert found.after.get(row.route) == ("opportunity" if row.profitable else None)


def test_without_its_size_every_profitable_one_waits_for_it(found: Found) -> None:
    waiting = {row.route for row in ROWS if found.before.get(row.route) == "needs_size"}
    assert {row.route for row in ROWS if row.profitable} <= waiting
