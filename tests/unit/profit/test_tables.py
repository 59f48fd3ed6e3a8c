"""The fee tables: dated, complete, and refused with file, row and rule when they are broken."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from arbkit.core.errors import ConfigError
from arbkit.profit.fees.tables import load_tables, parse_tables
from tests.helpers.paths import ROOT

FOLDER = ROOT / "arbkit" / "profit" / "fees" / "data"
FILES = {
    path.stem: tomllib.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.toml") if path.stem != "confidence"
}
TABLES = load_tables()


def test_every_version_says_when_and_where_from() -> None:
    for subject, versions in TABLES.versions.items():
        for version in versions:
            assert version.provenance.source, subject
            assert version.content["checked_on"] >= date(2026, 11, 1), subject
    assert all(row["source"] and row["valid_from"] for row in TABLES.digital)


@pytest.mark.parametrize(
    ("first_day", "subject"),
    [
        (date(2024, 10, 1), "referral"),
        (date(2025, 10, 15), "surcharges.peak"),
        (date(2025, 12, 15), "referral"),
        (date(2026, 2, 1), "referral"),
        (date(2026, 2, 1), "fulfilment_low_price"),
        (date(2026, 4, 17), "surcharges.fuel"),
        (date(2026, 10, 15), "surcharges.peak"),
    ],
)
def test_the_known_changes_are_in(first_day: date, subject: str) -> None:
    before, after = TABLES.on(first_day - timedelta(1)), TABLES.on(first_day)
    assert after.versions[subject].first == first_day
    assert before.get(subject) != after.get(subject)


def test_the_digital_services_fee_was_widened_on_20_march_2026() -> None:
    # support.selleramp.com: 2 % before, which the earlier table did not have.
    for day, percents in ((date(2026, 3, 19), (2.0, 2.0)), (date(2026, 3, 20), (3.0, 3.0))):
        row = TABLES.on(day).digital_services("DE", "FR")
        assert row is not None
        assert (row["selling"], row["fba"]) == percents


def test_the_peak_season_ends() -> None:
    assert TABLES.on(date(2027, 1, 14)).has("surcharges.peak")
    assert not TABLES.on(date(2027, 1, 15)).has("surcharges.peak")


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(files: dict[str, Any]) -> None:
        *way, last = path.split("/")
        at: Any = files
        for key in way:
            at = at[int(key) if key.isdigit() else key]
        at[int(last) if last.isdigit() else last] = value

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_set("fulfilment_local/version/0/bands/1/up_to_kg", 0.01), "fulfilment_local.toml: light envelope: weights"),
        (_set("fulfilment_local/version/0/bands/4/DE", 1.00), "fees must not fall"),
        (_set("fulfilment_efn/version/0/bands/0/EU4", 0), "fees are above zero"),
        (_set("referral/version/0/rows/2/up_to_EUR", [10.0, 5.0]), "referral.toml: Baby products: bounds in EUR"),
        (_set("referral/version/0/rows/0/percent", [145.0]), "between 0 and 100"),
        (_set("referral/version/0/rows/1/mode", "sliced"), "no such mode"),
        (_set("referral/version/2/changes/0/name", "Cloth"), "changes a schedule that was not there"),
        (_set("referral/version/2/valid_from", date(2024, 9, 1)), "overlaps"),
        (_set("referral/version/1/valid_to", date(2025, 1, 1)), "leaves a hole"),
        (_set("vat/version/0/source", None), "source is missing"),
        (_set("surcharges/peak/0/valid_to", date(2025, 1, 1)), "before valid_from"),
        (_set("digital_services/rows/1/store", ["DE", "US"]), "no such store"),
        (_set("categories/roots/toys/schedules", ["Toys"]), "no referral schedule is called 'Toys'"),
    ],
)
def test_a_broken_table_names_file_row_and_rule(change: Callable[[dict[str, Any]], None], says: str) -> None:
    files = copy.deepcopy(FILES)
    change(files)
    with pytest.raises(ConfigError, match=r"\.toml") as caught:
        parse_tables(files)
    assert says in str(caught.value)
