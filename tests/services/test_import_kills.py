"""The same files in any order, twice, with kills in the middle, on both stores: the same store."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from uuid import uuid4

import orjson
import pytest

from arbkit.core.marketplaces import market
from arbkit.core.settings import Settings
from tests.chaos.compare import Contents, between, contents
from tests.helpers.exports import csv_text
from tests.helpers.processes import arbkit
from tests.servers.launch import die_with_parent

Columns = dict[str, Callable[[int], str]]
"""Header → cell of a product by its number."""

_ROWS = 400
_ANSWERED = 60
"""Products that a saved answer of Keepa holds too, with their history."""
_VERSION = 8_360_000
_PATIENCE_S = 60.0
_LOOK_S = 0.005


def asin(number: int) -> str:
    return f"B0KILL{number:04}"


def export(folder: Path, name: str, code: str, at: str, columns: Columns) -> Path:
    """An export of all products from a marketplace, of that minute."""
    headers = ("Locale", "ASIN", *columns)
    rows = [(code, asin(i), *(cell(i) for cell in columns.values())) for i in range(_ROWS)]
    path = folder / name
    path.write_text(csv_text(headers, *rows, footer=f"Exported on 2026-11-{at} (UTC) by ✜ Keepa.com"), "utf-8")
    return path


def answer(folder: Path, name: str, version: int, *, points: range) -> Path:
    """A saved answer of Keepa with these points of each history, the newest at its own time."""
    products = []
    for number in range(_ANSWERED):
        csv: list[list[int] | None] = [None] * 34
        csv[1] = [each for i in points for each in (_VERSION - 1_000 + i, 1_500 + (number + i) % 900)]
        csv[3] = [each for i in points[::2] for each in (_VERSION - 1_000 + i, 10 + i)]
        products.append(
            {
                "asin": asin(number), "domainId": market("DE").keepa_domain, "title": f"Answered {number}",
                "lastUpdate": version, "csv": csv, "packageWeight": 100 + number,
            }
        )  # fmt: skip
    path = folder / name
    path.write_bytes(orjson.dumps({"products": products}))
    return path


def given_files(folder: Path) -> list[Path]:
    """Wide and narrow files of several days, two of one minute that contradict each other, and histories."""
    wide: Columns = {
        "Title": lambda i: f"Product {i}", "Brand": lambda i: "Alpha", "Sales Rank: Current": lambda i: f"{i + 9}",
        "Buy Box: Current": lambda i: f"€ {10 + i}.99", "Package: Weight (g)": lambda i: f"{200 + i}",
    }  # fmt: skip
    price: Columns = {"Buy Box: Current": lambda i: f"€ {9 + i}.49" if i % 7 else ""}
    one: Columns = {"Brand": lambda i: "Beta", "New: Current": lambda i: f"€ {8 + i}.00"}
    two: Columns = {"Brand": lambda i: "Gamma", "New: Current": lambda i: f"€ {7 + i}.00"}
    other: Columns = {"Title": lambda i: f"Produit {i}", "New: Current": lambda i: f"€ {i + 5}.00"}
    return [
        export(folder, "wide.csv", "de", "20 10:00", wide),
        export(folder, "price.csv", "de", "22 10:00", price),
        export(folder, "one.csv", "de", "21 09:00", one),
        export(folder, "two.csv", "de", "21 09:00", two),
        export(folder, "other.csv", "fr", "20 11:00", other),
        answer(folder, "years.json", _VERSION, points=range(300)),
        answer(folder, "days.json", _VERSION + 60, points=range(290, 320)),
    ]


def stored(settings: Settings) -> Contents:
    """All that the store holds, but the times of imports and versions, which count changes."""
    found = contents(settings)
    return replace(
        found,
        offers={name: replace(offer, version=0, fetched_at=0.0) for name, offer in found.offers.items()},
        products={name: replace(product, version=0) for name, product in found.products.items()},
    )


def written(settings: Settings) -> int:
    """Bytes in the log's and the store's journal, which grows while a command writes."""
    return sum(path.stat().st_size for path in settings.home.glob("*.db-wal"))


def kill_amid(settings: Settings, rng: Random, *words: str) -> None:
    """Start a command and kill it: after it wrote some of what it has to, or at any moment of its start."""
    before, began = written(settings), time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "arbkit", *words], env={**os.environ, **settings.environment()},
        cwd=settings.home.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent,
    )  # fmt: skip
    enough = before + rng.choice([1, 30_000, 100_000, 300_000, 700_000])
    oldest = rng.uniform(0.0, 1.5) if rng.random() < 0.2 else _PATIENCE_S
    while process.poll() is None and time.monotonic() - began < oldest and written(settings) < enough:
        time.sleep(_LOOK_S)
    time.sleep(rng.uniform(0.0, 0.05))
    process.kill()
    process.wait()


def done(settings: Settings, *words: str) -> None:
    result = arbkit(settings, *words)
    assert result.returncode == 0, result.stderr


@pytest.fixture(params=["sqlite", "elasticsearch"])
def killed(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    if request.param == "sqlite":
        return settings
    url = request.getfixturevalue("elasticsearch").url
    return settings.model_copy(update={"store": url, "store_prefix": f"t{uuid4().hex[:10]}-"})


def test_files_in_any_order_twice_with_kills_are_the_store_of_a_calm_import(killed: Settings, tmp_path: Path) -> None:
    seed = Random().randrange(1_000_000)
    print(f"seed {seed}")
    rng, files = Random(seed), [str(path) for path in given_files(tmp_path)]
    calm = killed.model_copy(update={"home": tmp_path / "calm" / "var", "store": ""})
    calm.home.parent.mkdir()
    done(calm, "import", *files)
    done(calm, "consume", "--until-empty")
    expected = stored(calm)
    assert (len(expected.offers), len(expected.histories)) == (2 * _ROWS, _ANSWERED)
    done(killed, "init")
    shuffled = [rng.sample(files, len(files)) for _ in range(2)]
    for order in shuffled:
        kill_amid(killed, rng, "import", *order)
        kill_amid(killed, rng, "consume", "--until-empty")
        done(killed, "import", *order)
        for _ in range(2):
            kill_amid(killed, rng, "consume", "--until-empty")
    done(killed, "consume", "--until-empty")
    differences = between("after kills", expected, stored(killed))
    assert differences == [], f"seed {seed}, orders {shuffled}"
