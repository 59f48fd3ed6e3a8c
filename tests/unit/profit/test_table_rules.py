"""The rules of the fee tables' files, on either side of each limit."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from arbkit.core.errors import ConfigError
from arbkit.core.results import ComponentRow
from arbkit.profit import Profile, components, evaluate, load_rates
from arbkit.profit.fees.tables import Tables, parse_tables
from arbkit.profit.reason_codes import ReasonCode
from arbkit.profit.route_frame import RouteRow, route_rows
from tests.unit.profit.test_evaluation import offer
from tests.unit.profit.test_tables import FILES

Change = Callable[[dict[str, Any]], None]
DAY = timedelta(1)


def parsed(*changes: Change) -> Tables:
    files = copy.deepcopy(FILES)
    for change in changes:
        change(files)
    return parse_tables(files)


def versions(*spans: tuple[date, date | None], seasonal: bool = False) -> Change:
    """The refunds table with these versions alone, in this order."""

    def change(files: dict[str, Any]) -> None:
        first = files["refunds"]["version"][0]
        files["refunds"]["version"] = [
            {**first, "valid_from": start, "seasonal": seasonal, **({"valid_to": end} if end else {})}
            for start, end in spans
        ]

    return change


SPRING, SUMMER, AUTUMN = date(2026, 3, 1), date(2026, 6, 1), date(2026, 9, 1)


@pytest.mark.parametrize(
    ("spans", "seasonal", "says"),
    [
        ([(SPRING, SPRING)], False, None),
        ([(SPRING, SPRING - DAY)], False, "is before valid_from"),
        ([(SPRING, None), (SUMMER, None)], False, None),
        ([(SPRING, None), (SPRING, None)], False, "overlaps"),
        ([(SUMMER, None), (SPRING, None)], False, "overlaps"),
        ([(SPRING, SUMMER), (SUMMER, None)], False, "overlaps"),
        ([(SPRING, SUMMER - DAY), (SUMMER, None)], False, None),
        ([(SPRING, SUMMER - DAY), (SUMMER + DAY, None)], False, f"leaves a hole after {SUMMER - DAY}"),
        ([(SPRING, SUMMER - DAY), (AUTUMN, None)], True, None),
    ],
)
def test_versions_follow_each_other(spans: list[tuple[date, date | None]], seasonal: bool, says: str | None) -> None:
    if says is None:
        found = parsed(versions(*spans, seasonal=seasonal)).versions["refunds"]
        assert [version.first for version in found] == [start for start, _ in spans]
        return
    with pytest.raises(ConfigError, match=says):
        parsed(versions(*spans, seasonal=seasonal))


def test_a_version_without_an_end_holds_until_the_day_before_the_next() -> None:
    tables = parsed(versions((SPRING, None), (SUMMER, AUTUMN)))
    assert [version.last for version in tables.versions["refunds"]] == [SUMMER - DAY, AUTUMN]
    held = {day: tables.on(day).has("refunds") for day in (SPRING - DAY, SPRING, SUMMER, AUTUMN, AUTUMN + DAY)}
    assert list(held.values()) == [False, True, True, True, False]
    assert AUTUMN + DAY in tables.changes
    assert tables.on(AUTUMN + DAY).get("refunds") == {}
    assert tables.on(AUTUMN + DAY).provenance("refunds") is None


def schedule(**fields: Any) -> Change:
    """The first referral schedule with changes."""

    def change(files: dict[str, Any]) -> None:
        rows = files["referral"]["version"][0]["rows"]
        rows[0] = {"name": rows[0]["name"], **fields}

    return change


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"mode": "flat", "percent": [0.0]}, None),
        ({"mode": "flat", "percent": [100.0]}, None),
        ({"mode": "flat", "percent": [-0.5]}, "between 0 and 100"),
        ({"mode": "flat", "percent": [100.5]}, "between 0 and 100"),
        ({"mode": "marginal", "percent": [15.0, 8.0], "up_to_EUR": [10.0], "up_to_GBP": [10.0]}, None),
        ({"mode": "threshold", "percent": [8.0, 15.0], "up_to_EUR": [10.0], "currencies": ["EUR"]}, None),
        ({"mode": "threshold", "percent": [8.0, 15.0], "up_to_EUR": [10.0]}, "bounds in GBP"),
        ({"mode": "flat", "percent": [8.0, 15.0], "up_to_EUR": [10.0], "up_to_GBP": [10.0]}, "no such mode"),
        ({"mode": "threshold", "percent": [8.0]}, "no such mode"),
        ({"mode": "marginal", "percent": [9.0, 8.0], "up_to_EUR": [0.0], "up_to_GBP": [9.0]}, "bounds in EUR"),
        ({"mode": "marginal", "percent": [9.0, 8.0, 7.0], "up_to_EUR": [5.0, 5.0], "up_to_GBP": [5.0, 6.0]},
         "bounds in EUR"),
        ({"mode": "marginal", "percent": [9.0, 8.0], "up_to_EUR": [5.0, 6.0], "up_to_GBP": [5.0]}, "bounds in EUR"),
    ],
)  # fmt: skip
def test_referral_schedules_have_rising_bounds_one_fewer_than_percents(
    fields: dict[str, Any], says: str | None
) -> None:
    if says is None:
        parsed(schedule(**fields))
        return
    with pytest.raises(ConfigError, match=says):
        parsed(schedule(**fields))


def band(index: int, **fields: Any) -> Change:
    def change(files: dict[str, Any]) -> None:
        files["fulfilment_local"]["version"][0]["bands"][index].update(fields)

    return change


def test_fees_may_stay_but_not_fall_and_weights_must_rise() -> None:
    rows = FILES["fulfilment_local"]["version"][0]["bands"]
    first, second = next((i - 1, i) for i in range(1, len(rows)) if rows[i]["tier"] == rows[i - 1]["tier"])
    parsed(band(second, DE=rows[first]["DE"]))
    for fields, says in (
        ({"DE": rows[first]["DE"] - 0.01}, "fees must not fall with the weight"),
        ({"up_to_kg": rows[first]["up_to_kg"]}, "weights must rise"),
        ({"tier": "standard parcel"}, "rows of a tier belong together"),
    ):
        with pytest.raises(ConfigError, match=says):
            parsed(band(second, **fields))
    for fee in (0.0, -1.0):
        with pytest.raises(ConfigError, match="fees are above zero"):
            parsed(band(first, DE=fee))
    parsed(band(0, DE=0.01))


@pytest.mark.parametrize("key", ["valid_from", "checked_on", "source"])
@pytest.mark.parametrize("value", [None, 3])
def test_a_version_states_its_day_check_and_source(key: str, value: Any) -> None:
    def change(files: dict[str, Any]) -> None:
        files["duty"]["version"][0][key] = value

    with pytest.raises(ConfigError, match=f"{key} is missing or mistyped"):
        parsed(change)


@pytest.mark.parametrize(("begins", "refused"), [(SUMMER, True), (SUMMER - DAY, True), (SUMMER + DAY, False)])
def test_rows_of_the_digital_services_fee_do_not_overlap(begins: date, refused: bool) -> None:
    def change(files: dict[str, Any]) -> None:
        row = files["digital_services"]["rows"][0]
        row["valid_to"] = SUMMER
        files["digital_services"]["rows"].append({**row, "valid_from": begins, "valid_to": AUTUMN, "selling": 9.0})

    if refused:
        with pytest.raises(ConfigError, match="overlaps"):
            parsed(change)
        return
    tables = parsed(change)
    selling = [
        None if row is None else row["selling"]
        for row in (tables.on(day).digital_services("UK", "UK") for day in (SUMMER, begins, AUTUMN, AUTUMN + DAY))
    ]
    assert selling == [2.0, 9.0, 9.0, None]


def test_a_branch_of_an_unknown_schedule_is_refused() -> None:
    def change(files: dict[str, Any]) -> None:
        files["categories"]["branches"]["Sofas"] = ["sofas"]

    with pytest.raises(ConfigError, match="no referral schedule is called 'Sofas'"):
        parsed(change)


def test_a_later_version_keeps_what_it_does_not_change() -> None:
    tables = parsed()
    before, after = tables.on(date(2026, 1, 31)), tables.on(date(2026, 2, 1))
    assert [s.name for s in after.schedules] == [s.name for s in before.schedules]
    flat = after.schedules[after.schedule_index("Toys & Games")]
    assert flat == before.schedules[before.schedule_index("Toys & Games")]
    assert after.get("referral")["minimum"] == before.get("referral")["minimum"]
    assert tables.on(date(2026, 8, 1)).uplifts == (1.0, 1.02, 1.03)


def test_tables_are_equal_whatever_days_were_asked_for() -> None:
    one, other = parsed(), parsed()
    one.on(date(2026, 5, 5))
    assert one == other
    assert parsed(versions((SPRING, None))) != one


def priced(
    tables: Tables, source: str, *, on: date, package: dict[str, float] | None = None, **seller: Any
) -> tuple[RouteRow, dict[str, ComponentRow]]:
    """A toy for 20 from a marketplace, sold in Germany for 60, and its components."""
    profile, rates = Profile.neutral(fulfilment=("fba-local",), **seller), load_rates()
    frame = pd.DataFrame([offer(source, 2_000), offer("DE", 6_000, **(package or {}))])
    row = next(route_rows(evaluate(frame, profile, tables, rates, on=on, routes=[(source, "DE")]).frame()))
    return row, {line["name"]: line for line in components(row, profile, tables.on(on), rates)}


def test_duty_by_a_preset_is_that_of_the_table() -> None:
    def change(files: dict[str, Any]) -> None:
        files["duty"]["version"][0]["presets"] = {"toys": 4.7, "originating": 0.0}

    tables, on = parsed(change), date(2026, 8, 1)
    row, lines = priced(tables, "UK", on=on, customs={"duty_preset": "toys"})
    net = -(row["purchase_price"] + row["input_vat"])
    assert row["duty"] == pytest.approx(-0.047 * net, abs=0.011)
    duty = lines["duty"]
    assert (duty["rule"], duty["table"], duty["assumed"]) == ("toys goods, as the profile states", "duty", True)
    free, _ = priced(tables, "UK", on=on, customs={"duty_preset": "originating"})
    assert (free["duty"], free["unknown"]) == (0, ())
    unheard, _ = priced(tables, "UK", on=on, customs={"duty_preset": "unheard of"})
    assert [reason.code for reason in unheard["unknown"]] == [ReasonCode.DUTY_UNKNOWN]


def test_a_known_point_of_the_lightest_band_holds_from_the_first_gram() -> None:
    def change(files: dict[str, Any]) -> None:
        rows = files["fulfilment_local"]["version"][0]["bands"]
        lightest = next(row["up_to_kg"] for row in rows if row["tier"] == "standard parcel")
        point = {"column": "DE", "tier": "standard parcel", "up_to_kg": lightest, "amount": 0.5}
        files["surcharges"]["peak"][1]["known"] = [point]

    on, tables = date(2026, 11, 24), parsed(change)
    bands = tables.on(on).local
    assert bands is not None
    lightest = float(bands.tiers["standard parcel"][1][0])
    for kg, surcharge in ((lightest, -0.5), (lightest + 0.001, -0.19)):
        thin = {"length_mm": 360.0, "width_mm": 50.0, "height_mm": 40.0, "weight_g": 1_000 * kg}
        row, _ = priced(tables, "IT", on=on, package=thin)
        assert (row["size_tier"], row["peak_surcharge"]) == ("standard parcel", surcharge)


@pytest.mark.parametrize("assumed", [True, False, None])
def test_a_season_rests_on_the_last_one_only_where_its_table_says_so(assumed: bool | None) -> None:
    def change(files: dict[str, Any]) -> None:
        season = files["surcharges"]["peak"][1]
        season.pop("assumed")
        if assumed is not None:
            season["assumed"] = assumed

    row, lines = priced(parsed(change), "IT", on=date(2026, 11, 24))
    assert row["peak_surcharge"] < 0
    noted = [reason.code for reason in row["assumed"]]
    assert (ReasonCode.PEAK_OF_LAST_SEASON in noted) == bool(assumed)
    assert lines["peak_surcharge"]["assumed"] == bool(assumed)


def test_each_started_step_of_weight_costs_once_more() -> None:
    bands = parsed().on(date(2026, 8, 1)).local
    assert bands is not None
    row = bands.row_index(np.array([1], np.int8), ("none", "small oversize"), np.array([0.5]))
    base, step = bands.base[row[0], bands.columns["DE"]], bands.per_step[row[0], bands.columns["DE"]]
    start = bands.start_kg[row[0]]
    assert step > 0
    for over, steps in ((-0.1, 0), (0.0, 0), (0.01, 1), (1.0, 1), (1.01, 2), (2.0, 2)):
        fee = bands.fee(row, np.array([start + over]), "DE")
        assert fee[0] == pytest.approx(base + steps * step)
    unknown = bands.row_index(np.array([-1, 0, 1], np.int8), ("none", "small oversize"), np.array([1, 1, np.nan]))
    assert np.isnan(bands.fee(unknown, np.array([1, 1, np.nan]), "DE")).all()
