"""What is taken of a package that is not, or only in part, known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arbkit.profit.facts.packages import EXTREMES, KNOWN_PARTS, PACKAGE, Certainty, estimate_packages
from arbkit.profit.facts.priors import load_package_priors

PRIORS = load_package_priors()
WHOLE = {"length_mm": 300.0, "width_mm": 200.0, "height_mm": 100.0, "weight_g": 800.0}


def estimated(*rows: dict[str, Any], category: str | None = None) -> pd.DataFrame:
    frame = pd.DataFrame([{"asin": "A", "market": "DE", **dict.fromkeys(PACKAGE, np.nan), **row} for row in rows])
    return estimate_packages(frame, np.full(len(rows), category, object), PRIORS)


def sizes(row: Any, extreme: str = "") -> list[float]:
    return [row[f"{extreme}_{name}" if extreme else name] for name in PACKAGE]


def test_a_measured_package_has_no_range() -> None:
    row = estimated(WHOLE).iloc[0]
    assert row["package_certainty"] == Certainty.MEASURED
    assert sizes(row) == list(WHOLE.values())
    assert np.isnan([*sizes(row, "smallest"), *sizes(row, "largest")]).all()


def test_a_package_measured_on_another_marketplace_is_the_same_package() -> None:
    rows = estimated({**WHOLE, "market": "FR"}, {"market": "IT", "weight_g": 999.0})
    assert rows["package_from"].tolist() == ["", "FR"]
    assert (rows["package_certainty"] == Certainty.MEASURED).all()
    assert sizes(rows.iloc[1]) == list(WHOLE.values())


def test_weight_and_volume_without_sides_are_used() -> None:
    row = estimated({"weight_g": 320.0, "volume_cm3": 976.0}).iloc[0]
    assert row["package_certainty"] == Certainty.DERIVED
    for extreme in ("", *EXTREMES):
        *sides, weight = sizes(row, extreme)
        assert weight == 320
        assert np.prod(sides) / 1_000 == pytest.approx(976)


def test_a_part_that_any_listing_states_holds_for_all() -> None:
    rows = estimated({"market": "DE", "weight_g": 320.0}, {"market": "FR", "volume_cm3": 976.0})
    assert sizes(rows.iloc[0]) == sizes(rows.iloc[1])
    assert rows["weight_g"].tolist() == [320, 320]


def test_goods_are_packed() -> None:
    stated = {"stated_length_mm": 290.0, "stated_width_mm": 510.0, "stated_height_mm": 40.0, "stated_weight_g": 4_700.0}
    row = estimated(stated).iloc[0]
    assert sizes(row, "smallest") == [510, 290, 40, 4_700]
    assert all(likely > small for likely, small in zip(sizes(row), sizes(row, "smallest"), strict=True))
    assert all(large > likely for large, likely in zip(sizes(row, "largest"), sizes(row), strict=True))


def test_a_fridge_is_no_small_parcel() -> None:
    row = estimated({"stated_capacity_cm3": 43_000.0}, category="appliances").iloc[0]
    *sides, weight = sizes(row)
    assert np.prod(sides) / 1_000 == pytest.approx(86_000)
    assert weight > 10_000
    assert max(sizes(row, "largest")[:3]) > 600


def test_nothing_known_is_a_wide_range_by_category() -> None:
    small, any_product = estimated({}, category="beauty").iloc[0], estimated({}).iloc[0]
    assert small["package_certainty"] == any_product["package_certainty"] == Certainty.ASSUMED
    assert sizes(small, "largest")[3] < sizes(any_product, "largest")[3]


@hypothesis_settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([n for n in KNOWN_PARTS if n != "height_mm"]), st.floats(1, 50_000), min_size=0, max_size=6
    ),
    st.sampled_from(["beauty", "appliances", "machines", "toys", None]),
)
def test_every_range_rises_and_keeps_what_is_known(known: dict[str, float], category: str | None) -> None:
    row = estimated(known, category=category).iloc[0]
    volumes = [np.prod(sizes(row, extreme)[:3]) for extreme in ("smallest", "", "largest")]
    weights = [sizes(row, extreme)[3] for extreme in ("smallest", "", "largest")]
    assert volumes == pytest.approx(sorted(volumes))
    assert weights == pytest.approx(sorted(weights))
    assert min(volumes) > 0
    assert min(weights) > 0
    if "weight_g" in known:
        assert weights == pytest.approx([known["weight_g"]] * 3)


@pytest.mark.parametrize(
    ("below", "key"),
    [
        (["Wasserfilter"], "any"),
        (["Ampoules de four"], "any"),
        (["Termómetros para frigoríficos"], "any"),
        (["Guarnizioni"], "any"),
        (["Waschmaschinen"], "machines"),
        (["Zubehör", "Kochfelder"], "machines"),
        (["HOTTES ASPIRANTES"], "machines"),
        (["Haushaltsgroßgeräte, Geschirrspüler 60cm"], "machines"),
        (["Waschmaschinenzubehör"], "appliances"),
        (["Pièces et accessoires pour lave-linges"], "appliances"),
        (["Podeste & Rahmen"], "appliances"),
        ([], "appliances"),
    ],
)
def test_the_branch_says_whether_it_is_a_part_or_a_machine(below: list[str], key: str) -> None:
    assert PRIORS.key_of("appliances", below) == key
    assert PRIORS.key_of("kitchen", below) == "kitchen"
    assert PRIORS.key_of(None, below) is None


def test_a_machine_is_no_small_parcel_and_a_part_no_machine() -> None:
    part, machine = estimated({}, category="any").iloc[0], estimated({}, category="machines").iloc[0]
    assert sizes(part)[3] < 1_000 < 20_000 < sizes(machine)[3]
    assert sizes(part, "largest")[3] < sizes(machine)[3]


def test_every_branch_is_like_a_prior_that_there_is() -> None:
    assert {branch.like for branch in PRIORS.branches} <= {"any", *PRIORS.categories}
    assert all(branch.words or branch.names for branch in PRIORS.branches)
    assert all(name == name.casefold() for branch in PRIORS.branches for name in (*branch.words, *branch.names))
