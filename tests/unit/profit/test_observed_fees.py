"""Keepa's own fulfilment fee: used while it is as new as its table, and never charged a peak that it holds."""

from __future__ import annotations

import copy
import math
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest

from arbkit.profit import Profile, Tables, evaluate, load_rates, load_tables
from arbkit.profit.fees.tables import parse_tables
from arbkit.profit.reason_codes import ReasonCode
from arbkit.profit.route_frame import RouteRow, route_rows
from tests.unit.profit.test_evaluation import offer
from tests.unit.profit.test_tables import FILES

TABLES, RATES = load_tables(), load_rates()
SUMMER, PEAK = date(2026, 8, 1), date(2026, 11, 24)
SELLER = Profile.neutral(fulfilment=("fba-local",), customs={"duty_pct": 0})
NO_PACKAGE: dict[str, Any] = dict.fromkeys(("length_mm", "width_mm", "height_mm", "weight_g"), math.nan)


def seen(
    fee: float, at: date | None, *, on: date = SUMMER, target: str = "DE", tables: Tables = TABLES, **fields: Any
) -> RouteRow:
    """A toy of 0.8 kg in a standard parcel (3.44 in DE, 3.66 in the season), whose fee Keepa saw on a day."""
    when = math.nan if at is None else datetime(at.year, at.month, at.day, tzinfo=UTC).timestamp()
    sold = {**offer(target, 6_999, keepa_fba_fee_minor=fee * 100, keepa_fba_fee_at=when), **fields}
    frame = pd.DataFrame([offer("IT", 4_000), sold])
    return next(route_rows(evaluate(frame, SELLER, tables, RATES, on=on, routes=[("IT", target)]).frame()))


def codes(row: RouteRow) -> set[ReasonCode]:
    return {reason.code for reason in row["assumed"]}


@pytest.mark.parametrize(
    ("at", "used"),
    [(date(2026, 2, 1), True), (date(2026, 7, 31), True), (date(2026, 1, 31), False), (date(2025, 2, 1), False),
     (None, False)],
)  # fmt: skip
def test_a_fee_older_than_its_table_gives_way_to_it(at: date | None, used: bool) -> None:
    row = seen(3.11, at)
    assert (row["fulfilment_fee"], row["fulfilment_from"]) == ((-3.11, "keepa") if used else (-3.44, "table"))
    assert ReasonCode.KEEPA_FEE_OLD not in codes(row)


@pytest.mark.parametrize(("at", "old"), [(date(2026, 3, 1), False), (date(2025, 2, 1), True), (None, True)])
def test_without_a_package_an_old_fee_is_better_than_none_and_said_to_be_old(at: date | None, old: bool) -> None:
    row = seen(3.11, at, **NO_PACKAGE)
    assert (row["fulfilment_fee"], row["fulfilment_from"]) == (-3.11, "keepa")
    assert (ReasonCode.KEEPA_FEE_OLD in codes(row)) == old


@pytest.mark.parametrize("target", ["DE", "UK"])
def test_a_fee_that_holds_the_peak_gets_none_on_top(target: str) -> None:
    usual, peak = {"DE": (3.44, 3.66), "UK": (3.06, 3.18)}[target]
    rate = {"DE": 1.0, "UK": seen(1.0, date(2026, 11, 1), on=PEAK, target="UK")["sale_price"] / 69.99}[target]
    holds = seen(peak, date(2026, 11, 1), on=PEAK, target=target)
    assert holds["fulfilment_fee"] == pytest.approx(-peak * rate, abs=0.0051)
    assert holds["peak_surcharge"] == 0
    assert holds["fuel_surcharge"] == pytest.approx(-0.015 * peak * rate, abs=0.0051)
    for fee in (usual, usual - 0.3):
        other = seen(fee, date(2026, 9, 1), on=PEAK, target=target)
        assert other["fulfilment_fee"] == pytest.approx(-fee * rate, abs=0.0051)
        assert other["peak_surcharge"] == pytest.approx(-(peak - usual) * rate, abs=0.0051)
        assert other["fuel_surcharge"] == pytest.approx(-0.015 * (fee + peak - usual) * rate, abs=0.0051)


def test_a_peak_fee_of_another_package_seen_in_the_season_gets_none_on_top() -> None:
    # 3.61: a small parcel to 0.9 kg. Seen before the season it is no peak fee.
    assert seen(3.61, date(2026, 11, 1), on=PEAK)["peak_surcharge"] == 0
    assert seen(3.61, date(2026, 9, 1), on=PEAK)["peak_surcharge"] == -0.22


def test_a_peak_fee_is_not_used_once_the_season_is_over() -> None:
    after = date(2027, 1, 20)
    assert (seen(3.66, date(2026, 12, 1), on=after)["fulfilment_fee"]) == -3.44
    assert (seen(3.44, date(2026, 12, 1), on=after)["fulfilment_from"]) == "keepa"
    unknown = seen(3.66, date(2026, 12, 1), on=after, **NO_PACKAGE)
    assert unknown["fulfilment_fee"] == -3.66
    assert ReasonCode.KEEPA_FEE_OLD in codes(unknown)


def test_the_season_is_over_on_the_day_after_its_last() -> None:
    after = date(2027, 1, 20)
    for at, used in ((date(2027, 1, 14), "table"), (date(2027, 1, 15), "keepa"), (date(2026, 10, 14), "keepa")):
        assert seen(3.61, at, on=after)["fulfilment_from"] == used


@pytest.mark.parametrize("newer", ["fulfilment_selected", "fulfilment_low_price"])
def test_the_table_a_fee_belongs_to_is_that_of_its_package_and_price(newer: str) -> None:
    files = copy.deepcopy(FILES)
    files[newer]["version"][0]["valid_from"] = date(2026, 6, 1)
    tables, spring = parse_tables(files), date(2026, 4, 1)
    small = {"length_mm": 300.0, "width_mm": 200.0, "height_mm": 20.0, "weight_g": 150.0, "price_minor": 1_500}
    grocery = {"category": "Grocery & Gourmet"}
    belongs = grocery if newer == "fulfilment_selected" else small
    for fields in ({}, grocery, small):
        row = seen(2.22, spring, tables=tables, **fields)
        assert (row["fulfilment_from"] == "keepa") == (fields is not belongs)
        assert (row["fulfilment_fee"] == -2.22) == (fields is not belongs)


def test_without_a_package_nobody_knows_the_peak_unless_the_fee_holds_it() -> None:
    assert ReasonCode.PEAK_UNKNOWN in codes(seen(3.11, date(2026, 9, 1), on=PEAK, **NO_PACKAGE))
    assert ReasonCode.PEAK_UNKNOWN not in codes(seen(3.66, date(2026, 11, 1), on=PEAK, **NO_PACKAGE))
    assert ReasonCode.PEAK_UNKNOWN not in codes(seen(3.11, date(2026, 9, 1), **NO_PACKAGE))
    assert ReasonCode.PEAK_UNKNOWN not in codes(seen(3.11, date(2026, 9, 1), on=PEAK, target="FR", **NO_PACKAGE))


def test_dangerous_goods_cost_more_by_efn_whatever_keepa_saw_locally() -> None:
    efn = SELLER.model_copy(update={"fulfilment": ("efn",)})
    fees = []
    for hazmat in (0.0, 1.0):
        sold = offer("DE", 6_999, keepa_fba_fee_minor=311.0, hazmat=hazmat)
        frame = pd.DataFrame([offer("IT", 4_000, hazmat=hazmat), sold])
        row = next(route_rows(evaluate(frame, efn, TABLES, RATES, on=SUMMER, routes=[("IT", "DE")]).frame()))
        fees.append(row["fulfilment_fee"])
    assert fees == [-9.19, -9.29]
