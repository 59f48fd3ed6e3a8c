"""Several files about the same products: whatever their order, the store holds the latest of each fact."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import orjson
import pytest

from arbkit.core.settings import Settings
from arbkit.store import open_store
from tests.helpers.processes import arbkit

WIDE = """"Locale","Title","Brand","Sales Rank: Current","Buy Box: Current","FBA Pick&Pack Fee","Referral Fee %",\
"ASIN","Package: Weight (g)","Package: Length (cm)","Package: Width (cm)","Package: Height (cm)"
"de","Wide product","Alpha","345","€ 19.99","€ 3.21","15 %","B0TESTD001","620","30","20","5"
"Exported on 2026-11-24 10:00 (UTC) by ✜ Keepa.com",,,,,,,,,,,
"""
NARROW = """"Locale","Buy Box: Current","ASIN"
"de","€ 18.99","B0TESTD001"
"Exported on 2026-11-25 10:00 (UTC) by ✜ Keepa.com",,
"""
BRAND = """"Locale","Brand","Sales Rank: Current","New: Current","ASIN"
"de","Beta","340","€ 18.50","B0TESTD001"
"Exported on 2026-11-25 12:00 (UTC) by ✜ Keepa.com",,,,
"""


def files(folder: Path) -> list[Path]:
    paths = [folder / name for name in ("1-wide.csv", "2-narrow.csv", "3-brand.csv")]
    for path, text in zip(paths, (WIDE, NARROW, BRAND), strict=True):
        path.write_text(text, "utf-8")
    return paths


def run(settings: Settings, *paths: Path) -> list[dict[str, Any]]:
    done = arbkit(settings, "import", *map(str, paths), "--json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = orjson.loads(done.stdout)["files"]
    return found


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_files_in_any_order_give_the_latest_of_each_fact(
    settings: Settings, tmp_path: Path, order: tuple[int, ...]
) -> None:
    paths = files(tmp_path)
    for place in (*order, order[0]):
        run(settings, paths[place])
    with open_store(settings) as store:
        (offer,) = store.offers(["B0TESTD001"])
    assert (offer.title, offer.brand, offer.sales_rank) == ("Wide product", "Beta", 340)
    assert (offer.price_minor, offer.price_basis, offer.weight_g, offer.length_mm) == (1_899, "buy_box", 620, 300)
    assert offer.keepa_fba_fee_minor == 321


def test_an_import_says_what_became_of_each_file(settings: Settings, tmp_path: Path) -> None:
    wide, narrow, brand = files(tmp_path)

    def became(*paths: Path) -> list[tuple[int, ...]]:
        return [tuple(one[n] for n in ("stored", "updated", "older", "equal")) for one in run(settings, *paths)]

    assert became(wide) == [(1, 0, 0, 0)]
    assert became(narrow) == [(0, 1, 0, 0)]
    assert became(narrow) == [(0, 0, 0, 1)]
    assert became(wide, brand) == [(0, 0, 1, 0), (0, 1, 0, 0)]
    done = arbkit(settings, "import", str(narrow))
    assert "0 new, 0 updated, 1 older" in " ".join(done.stdout.split())


def test_the_consumer_says_what_became_of_its_records(settings: Settings) -> None:
    assert arbkit(settings, "init").returncode == 0
    done = arbkit(settings, "consume", "--until-empty", "--json")
    assert orjson.loads(done.stdout) == {
        "stored": 0, "updated": 0, "older": 0, "equal": 0, "read": 0, "unknown": 0, "dead_lettered": 0, "files": {},
    }  # fmt: skip
