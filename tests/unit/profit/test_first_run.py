"""Three answers make a seller's own profile, which never takes the place of one that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from arbkit.core.errors import UsageError
from arbkit.pipeline.seller.own_profile import write_profile
from arbkit.profit import load_profile
from arbkit.profit.seller.first_run import Answers
from arbkit.profit.seller.profile_file import inherited_fields


def test_what_was_answered_is_stated_and_all_else_inherited(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    changes = write_profile(path, Answers.of("gb", ["uk, de"], reclaims=False))
    own, built_in = load_profile(path), load_profile(None)
    assert own.seller_line == "Seller: UK, registered in UK, DE, input VAT not recovered"
    stated = {"name", "home", "vat_status", "registrations"}
    assert own == built_in.model_copy(update={field: getattr(own, field) for field in stated})
    assert not stated & {*inherited_fields(path)[own.name]}
    assert changes == [
        "home: DE → UK",
        "currency of profit and of your own costs: EUR → GBP",
        "vat_status: reclaiming → not-reclaiming",
        "VAT numbers: DE, FR, IT, ES → UK, DE",
    ]


def test_every_field_of_the_file_is_explained_for_whoever_edits_it(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    write_profile(path, Answers.of("FR", [], reclaims=False))
    assert load_profile(path).seller_line == "Seller: FR, not VAT-registered"
    text = path.read_text("utf-8")
    edited = text.replace("# prep_per_unit = 0.30", "prep_per_unit = 0.75")
    path.write_text(edited.replace("# [customs]\n# duty_pct = 3.0", "[customs]\nduty_pct = 7"), "utf-8")
    assert load_profile(path).prep_per_unit == 0.75
    assert load_profile(path).customs.duty_pct == 7


def test_a_file_that_is_there_stays_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    path.write_text('name = "mine"\n', "utf-8")
    with pytest.raises(UsageError, match="exists already") as refused:
        write_profile(path, Answers.of("DE", ["DE"], reclaims=True))
    assert str(path) in str(refused.value)
    assert path.read_text("utf-8") == 'name = "mine"\n'


def test_countries_are_taken_by_name_too() -> None:
    answers = Answers.of("de", ["Germany, france", "United Kingdom GB"], reclaims=True)
    assert answers.vat_numbers == ("DE", "FR", "UK")


@pytest.mark.parametrize(
    ("home", "numbers", "reclaims", "field", "remedy"),
    [
        ("US", [], False, "home", "Use UK, DE, FR, IT, ES"),
        ("DE", ["DE", "XX"], True, "VAT numbers", "Use countries of"),
        ("DE", ["FR"], True, "VAT numbers", "Add DE"),
        ("DE", [], True, "VAT numbers", "Name the country"),
    ],
)
def test_answers_that_make_no_sense_are_refused_with_what_to_do(
    home: str, numbers: list[str], reclaims: bool, field: str, remedy: str
) -> None:
    with pytest.raises(UsageError) as refused:
        Answers.of(home, numbers, reclaims=reclaims)
    assert refused.value.field == field
    assert remedy in str(refused.value)
