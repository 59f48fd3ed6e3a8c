"""Seller profiles: their bounds, what the law forbids, and several of them in one file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from arbkit.core.errors import ConfigError
from arbkit.profit import Profile
from arbkit.profit.seller.profile_file import built_in, inherited_fields, load_profile, load_profiles

PACKAGE = {"length_mm": 300, "width_mm": 200, "height_mm": 20, "weight_g": 150}


@pytest.mark.parametrize(
    ("field", "allowed", "refused"),
    [
        ("name", ["a", "a" * 80], ["", "a" * 81]),
        *((name, [0], [-0.01]) for name in (
            "prep_per_unit", "inbound_per_unit", "inbound_per_kg", "other_costs", "fbm_shipping", "return_handling",
            "freight", "target_profit", "cover_days",
        )),
        ("expected_days", [0, 3_650], [-1, 3_651]),
        ("return_rate_pct", [0, 100], [-1, 101]),
        ("exchange_spread_pct", [0, 20], [-1, 21]),
        ("target_roi_pct", [0, 1_000], [-1, 1_001]),
        ("fulfilment", [("efn",)], [(), ("fba",)]),
        ("home", ["UK"], ["PL", "US"]),
        ("stock", ["FR"], ["PL", "US"]),
        ("registrations", [("DE", "PL", "CZ")], [("DE", "US")]),
        ("vat_status", ["not-reclaiming"], ["some"]),
    ],
)  # fmt: skip
def test_fields_have_bounds(field: str, allowed: list[Any], refused: list[Any]) -> None:
    for value in allowed:
        assert getattr(Profile.neutral(**{field: value}), field) == value
    for value in refused:
        with pytest.raises(ConfigError) as caught:
            Profile.neutral(**{field: value})
        assert f"profile: {field}" in str(caught.value)


def test_a_neutral_seller_has_no_costs_of_its_own() -> None:
    neutral = Profile.neutral()
    costs = (
        neutral.prep_per_unit, neutral.inbound_per_unit, neutral.inbound_per_kg, neutral.expected_days,
        neutral.return_rate_pct, neutral.return_handling, neutral.exchange_spread_pct,
        neutral.customs.freight_per_unit, neutral.customs.freight_per_kg,
    )  # fmt: skip
    assert set(costs) == {0}
    assert (neutral.target_roi_pct, neutral.cover_days, neutral.fulfilment) == (30, 28, ("fba-local", "efn"))


@pytest.mark.parametrize(
    ("field", "inner", "allowed", "refused"),
    [
        ("customs", "duty_pct", [0, 100], [-1, 101]),
        ("customs", "freight_per_unit", [0], [-0.1]),
        ("customs", "freight_per_kg", [0], [-0.1]),
        *(("assumed_package", name, [0.1], [0]) for name in PACKAGE),
    ],
)
def test_fields_of_tables_have_bounds(field: str, inner: str, allowed: list[float], refused: list[float]) -> None:
    others = PACKAGE if field == "assumed_package" else {}
    for value in allowed:
        assert getattr(getattr(Profile.neutral(**{field: {**others, inner: value}}), field), inner) == value
    for value in refused:
        with pytest.raises(ConfigError, match=rf"{field}\.{inner}"):
            Profile.neutral(**{field: {**others, inner: value}})


def test_rows_of_the_shipping_table_have_bounds_and_known_destinations() -> None:
    rows: list[Any] = [
        {"up_to_kg": 2, "cost": 0},
        {"to": "FR", "up_to_kg": 1, "cost": 4},
        {"to": "DE", "up_to_kg": 3, "cost": 3},
    ]
    found = Profile.neutral(parcels=rows).parcels
    assert [(row.to, row.up_to_kg) for row in found] == [("DE", 3), ("FR", 1), ("all", 2)]
    refused: list[Any] = [
        {"up_to_kg": 0, "cost": 1}, {"up_to_kg": 1, "cost": -1}, {"to": "US", "up_to_kg": 1, "cost": 1},
    ]  # fmt: skip
    for broken in refused:
        with pytest.raises(ConfigError, match="parcels"):
            Profile.neutral(parcels=[broken])


@pytest.mark.parametrize(
    ("allowed", "refused", "says"),
    [
        ({"vat_status": "unregistered", "registrations": ("DE",)},
         {"vat_status": "unregistered", "registrations": ("DE", "FR")}, "cannot hold stock abroad"),
        ({"warehouses": "cep", "registrations": ("PL", "CZ")},
         {"warehouses": "cep", "registrations": ("PL",)}, "add PL and CZ"),
        ({"fulfilment": ("pan-eu",), "registrations": ("FR", "IT", "ES")},
         {"fulfilment": ("pan-eu",), "registrations": ("FR", "IT")}, "all four"),
        ({"customs": {"duty_pct": 3}}, {"customs": {"duty_pct": 0, "duty_preset": "originating"}}, "exclude each"),
        ({"customs": {"duty_preset": "originating"}}, {"customs": {"duty_pct": 3, "duty_preset": "x"}}, "exclude each"),
    ],
)  # fmt: skip
def test_impossible_combinations_are_refused(allowed: dict[str, Any], refused: dict[str, Any], says: str) -> None:
    Profile.neutral(**allowed)
    with pytest.raises(ConfigError, match=says):
        Profile.neutral(**refused)


def test_goods_may_cross_the_channel_once_the_duty_is_stated() -> None:
    assert not Profile.neutral().has_customs
    assert Profile.neutral(customs={"duty_pct": 0}).has_customs
    assert Profile.neutral(customs={"duty_preset": "originating"}).has_customs


def test_profiles_of_a_file_state_what_differs_from_its_main_one(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    path.write_text(
        'name = "main"\nprep_per_unit = 0.3\n[customs]\nduty_pct = 4\nfreight_per_unit = 1\n'
        "[profiles.lean]\nprep_per_unit = 0\n[profiles.lean.customs]\nfreight_per_unit = 2\n[profiles.same]\n",
        "utf-8",
    )
    main, lean, same = load_profiles(path).values()
    assert (main.name, lean.name, same.name) == ("main", "lean", "same")
    assert (main.prep_per_unit, lean.prep_per_unit, same.prep_per_unit) == (0.3, 0, 0.3)
    assert (lean.customs.duty_pct, lean.customs.freight_per_unit) == (4, 2)
    assert same.customs == main.customs
    assert load_profile(path) == main
    assert load_profile(path, "lean") == lean
    with pytest.raises(ConfigError, match="no such profile") as caught:
        load_profile(path, "fat")
    assert "lean" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = ", "cannot be read"),
        ('name = "a"\nprofiles = 3', "holds tables"),
        ('name = "a"\n[profiles]\nlean = 3', "is a table of fields"),
        ('name = "a"\n[profiles.lean]\nprep = 1', r"profiles\.lean: prep"),
        ("home = 'DE'", ": name"),
    ],
)
def test_a_broken_file_says_what_is_wrong_and_where(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "profile.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=says):
        load_profiles(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_profile(tmp_path / "missing.toml")


def test_a_profile_of_its_own_needs_no_table_in_the_main_one(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    path.write_text('name = "main"\n[profiles.uk.customs]\nduty_pct = 3\n', "utf-8")
    assert load_profile(path, "uk").customs.duty_pct == 3
    # What nobody states is as in the built-in profile.
    assert load_profile(path).customs == load_profile(None).customs


def test_the_assumed_package_of_0_1_is_read_with_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "profile.toml"
    path.write_text(
        'name = "old"\n[assumed_package]\nlength_mm = 300\nwidth_mm = 200\nheight_mm = 20\nweight_g = 150\n'
    )
    assert load_profile(path).name == load_profile(path).name == "old"
    (record,) = caplog.records
    assert "arbkit facts set" in record.getMessage()


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "profile.toml"
    path.write_text(text, "utf-8")
    return path


def test_what_a_file_leaves_out_is_as_the_built_in_profile_has_it(tmp_path: Path) -> None:
    path = written(tmp_path, 'name = "by hand"\nhome = "FR"\nvat_status = "reclaiming"\nfulfilment = ["efn"]\n')
    own, built_in = load_profile(path), load_profile(None)
    # Whose VAT numbers they would be, nobody knows.
    stated = {"name": "by hand", "home": "FR", "fulfilment": ("efn",), "registrations": ()}
    assert own == built_in.model_copy(update=stated)
    inherited = inherited_fields(path)["by hand"]
    assert {"sell_basis", "prep_per_unit", "registrations", "customs.duty_pct"} <= inherited.keys()
    assert not {"name", "home", "vat_status", "fulfilment"} & inherited.keys()
    assert inherited["sell_basis"] == "robust"


def test_every_value_of_the_built_in_profile_is_inherited_and_none_that_is_stated(tmp_path: Path) -> None:
    everything = built_in()
    path = written(tmp_path, everything)
    assert inherited_fields(path) == {load_profile(None).name: {}}
    bare = inherited_fields(written(tmp_path, 'name = "bare"'))["bare"]
    tables = {name: value for name, value in tomllib.loads(everything).items() if isinstance(value, dict)}
    plain = tomllib.loads(everything).keys() - tables.keys() - {"name"}
    assert bare.keys() == plain | {f"{name}.{key}" for name, table in tables.items() for key in table}
    assert inherited_fields(None) == {}


@pytest.mark.parametrize(
    ("text", "registrations"),
    [
        ("", ("DE", "FR", "IT", "ES")),
        ('warehouses = "cep"', ("DE", "FR", "IT", "ES", "PL", "CZ")),
        ('vat_status = "unregistered"', ()),
        ('registrations = ["UK"]', ("UK",)),
        ('home = "DE"', ("DE", "FR", "IT", "ES")),
        ('home = "UK"', ()),
        ('home = "FR"\nwarehouses = "cep"', ("PL", "CZ")),
        ('home = "FR"\nfulfilment = ["pan-eu"]', ("DE", "FR", "IT", "ES")),
    ],
)
def test_vat_numbers_are_inherited_by_who_is_registered(
    tmp_path: Path, text: str, registrations: tuple[str, ...]
) -> None:
    assert load_profile(written(tmp_path, f'name = "own"\n{text}\n')).registrations == registrations


def test_a_preset_of_duty_takes_the_place_of_the_inherited_percentage(tmp_path: Path) -> None:
    path = written(tmp_path, 'name = "own"\n[customs]\nduty_preset = "originating"\n')
    customs = load_profile(path).customs
    assert (customs.duty_pct, customs.duty_preset) == (None, "originating")
    assert customs.freight_per_unit == load_profile(None).customs.freight_per_unit
    assert "customs.duty_pct" not in inherited_fields(path)["own"]


def test_a_profile_inherits_first_from_the_main_one_of_its_file(tmp_path: Path) -> None:
    path = written(tmp_path, 'name = "main"\nprep_per_unit = 1\n[profiles.lean]\ninbound_per_unit = 0\n')
    lean = load_profile(path, "lean")
    assert (lean.prep_per_unit, lean.inbound_per_unit) == (1, 0)
    assert lean.expected_days == load_profile(None).expected_days
    assert "prep_per_unit" not in inherited_fields(path)["lean"]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "Seller: DE, registered in DE, FR, IT, ES, input VAT recovered"),
        ({"home": "UK", "registrations": ("FR",)}, "Seller: UK, registered in UK, FR, input VAT recovered"),
        ({"vat_status": "not-reclaiming"}, "Seller: DE, registered in DE, FR, IT, ES, input VAT not recovered"),
        ({"vat_status": "unregistered", "registrations": ()}, "Seller: DE, not VAT-registered"),
        ({"input_vat": {"FR": "domestic-lost"}},
         "Seller: DE, registered in DE, FR, IT, ES, input VAT recovered, FR: domestic-lost"),
    ],
)  # fmt: skip
def test_a_line_says_whose_profit_it_is(fields: dict[str, Any], line: str) -> None:
    assert Profile.checked({**load_profile(None).model_dump(), **fields}).seller_line == line


def test_a_lead_time_is_said_in_the_profile_and_old_files_without_one_keep_working(tmp_path: Path) -> None:
    assert load_profile(written(tmp_path, 'name = "old"')).lead_days is None
    assert load_profile(written(tmp_path, 'name = "slow"\nlead_days = 21\nsell_basis = "inferred"')).lead_days == 21
    for days in (0, 90):
        with pytest.raises(ConfigError, match="lead_days"):
            load_profile(written(tmp_path, f'name = "impossible"\nlead_days = {days}'))
