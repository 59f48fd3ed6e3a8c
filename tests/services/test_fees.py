"""`arbkit fees` and `arbkit profile` as users type them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from arbkit.cli import app
from arbkit.core.errors import ArbkitError
from arbkit.core.settings import Settings
from arbkit.profit import load_profile
from arbkit.profit.seller.profile_file import load_profiles
from tests.helpers.processes import arbkit


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.home.mkdir(parents=True)
    monkeypatch.chdir(settings.home)


def command(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(words))
    if isinstance(done.exception, ArbkitError):
        return done.exception.exit_code, "", str(done.exception)
    return done.exit_code, done.stdout, done.stderr


def document(*words: str) -> Any:
    code, out, error = command(*words, "--json")
    assert code == 0, error
    return orjson.loads(out)


def test_the_fees_of_a_category_in_a_store_on_a_day() -> None:
    found = document("fees", "show", "Home Products", "--market", "DE", "--on", "2026-02-01")
    (schedule,) = found["referral"]["schedules"]
    assert (schedule["percent"], schedule["up_to"]) == ([8.0, 15.0], [20.0])
    assert found["referral"]["valid_from"] == "2026-02-01"
    assert {"tier": "standard envelope", "up_to_kg": 0.21, "DE": 2.57, "CEP": 2.31} in found["fulfilment"]["bands"]
    before = document("fees", "show", "Home Products", "--market", "DE", "--on", "2026-01-31")
    assert before["referral"]["schedules"][0]["percent"] == [15.0]
    assert before["fulfilment"]["bands"] == []
    code, text, _ = command("fees", "show", "Home & Kitchen", "--market", "UK")
    assert code == 0
    assert "Kitchen" in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("fees", "show", "Toyz", "--market", "DE"), "Toyz"),
        (("fees", "show", "Books", "--market", "US"), "US"),
        (("fees", "show", "Books", "--market", "DE", "--on", "soon"), "2026-08-01"),
        (("fees", "diff", "2026-02-01", "x"), "DATE"),
    ],
)
def test_wrong_usage_is_one_error(words: tuple[str, ...], says: str) -> None:
    code, _, error = command(*words)
    assert code == 2
    assert says in error


def test_what_changes_between_two_days() -> None:
    found = document("fees", "diff", "2026-04-16", "2026-04-17")
    (change,) = found["changes"]
    assert (change["subject"], change["change"]) == ("surcharges.fuel", "begins")
    assert change["after"]["source"]
    clothing = document("fees", "diff", "2025-12-14", "2025-12-15")["changes"][0]
    percent = next(v for v in clothing["values"] if v["what"].endswith("percent"))
    assert (percent["before"], percent["after"]) == ([8.0, 15.0], [5.0, 10.0, 15.0])
    assert document("fees", "diff", "2026-08-01", "2026-08-02")["changes"] == []
    assert "nothing changes" in command("fees", "diff", "2026-08-01", "2026-08-02")[1]


def test_what_a_change_does_to_the_stored_opportunities(settings: Settings, tmp_path: Path) -> None:
    rows = "B0CKYPBYLY,{},Toys & Games,{},360,100,100,800"
    heads = "ASIN,Locale,Categories: Root,Buy Box: Current,Package: Length (cm),Package: Width (cm),"
    heads += "Package: Height (cm),Package: Weight (g)"
    for code, price in (("it", "40.00"), ("de", "89.99")):
        text = rows.format(code, price).replace("360,100,100", "36,10,10")
        (tmp_path / f"{code}.csv").write_text(f"{heads}\n{text}\n")
        today = datetime.now(UTC).date().isoformat()
        done = arbkit(settings, "import", str(tmp_path / f"{code}.csv"), "--dated", today)
        assert done.returncode == 0, done.stderr
    for words in (["consume", "--until-empty"], ["detect", "--json"]):
        done = arbkit(settings, *words)
        assert done.returncode == 0, done.stderr
    done = arbkit(settings, "fees", "diff", "2026-04-16", "2026-04-17", "--opportunities", "--json")
    assert done.returncode == 0, done.stderr
    (touched,) = orjson.loads(done.stdout)["opportunities"]
    # 1.5 % of 3.44
    assert (touched["source"], touched["target"], touched["change"]) == ("IT", "DE", -0.05)
    assert touched["before"] > touched["after"]


def test_our_fees_against_those_keepa_observed(real_data: Path) -> None:
    found = document("fees", "audit", str(real_data / "export-it-2025-07-17.xlsx"))["files"][0]
    assert found["rows"] == 100
    assert sum(found["referral"].values()) == sum(found["fulfilment"].values()) == 100
    assert found["referral_agrees_pct"] >= 85
    assert found["referral"]["differs: digital services fee still inside (before October 2024)"] == 12
    assert "older tariffs" in found["note"]
    code, text, _ = command("fees", "audit", str(real_data / "product-de-2024-06-08.json"))
    assert code == 0
    assert "agrees with a schedule of the category" in text


def test_a_file_without_a_row_to_compare_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("nothing,of\nuse,here\n")
    code, _, error = command("fees", "audit", str(tmp_path / "x.csv"))
    assert code == 5
    assert "x.csv" in error


def test_a_profile_is_written_shown_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    words = ("profile", "init", str(path), "--home", "DE", "--reclaims", *["--vat-number", "DE", "--vat-number", "FR"])
    assert command(*words)[0] == 0
    assert load_profile(path).registrations == ("DE", "FR")
    assert command(*words)[0] == 2
    assert "is valid" in command("profile", "check", str(path))[1]
    (tmp_path / "short.toml").write_text('name = "short"\nregistrations = ["DE"]\n')
    checked = command("profile", "check", str(tmp_path / "short.toml"))[1]
    assert "short: Seller: DE, registered in DE, input VAT recovered" in checked
    assert "left out, so taken as: sell_basis = robust" in checked
    assert "registrations =" not in checked
    shown = command("profile", "show", str(path))[1]
    assert "DE reseller" in shown
    assert document("profile", "show", str(path))["profiles"][0]["home"] == "DE"


def test_profiles_stand_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(
        'name = "main"\nprep_per_unit = 0.5\ninbound_per_unit = 0\ninbound_per_kg = 0\n'
        "[customs]\nduty_pct = 3\nfreight_per_unit = 1\n"
        "[profiles.lean]\nprep_per_unit = 0.1\ncustoms = { duty_pct = 0 }\n"
    )
    profiles = load_profiles(path)
    assert list(profiles) == ["main", "lean"]
    assert (profiles["lean"].prep_per_unit, profiles["lean"].customs.duty_pct) == (0.1, 0)
    assert profiles["lean"].customs.freight_per_unit == 1
    words = "profit --source IT --buy 40 --target DE --sell 69.99 --category Books --size-mm 300x200x20 --weight-g 150"
    costs = {}
    for name in ("main", "lean"):
        found = document(*words.split(), "--keepa-fba-fee", "2", "--profile", str(path), "--profile-name", name)
        costs[name] = {c["name"]: c["amount"] for c in found["components"]}["other_costs"]
        assert found["profile"] == name
    assert costs == {"main": -0.5, "lean": -0.1}
    code, _, error = command(*words.split(), "--profile", str(path), "--profile-name", "rich")
    assert code == 3
    assert "lean" in error


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('name = "x"\nvat_statsu = "reclaiming"', "vat_statsu"),
        ('name = "x"\nprep_per_unit = "cheap"', "prep_per_unit"),
        ('name = "x"\nhome = "US"', "UK, DE, FR, IT, ES"),
        ('name = "x"\nvat_status = "unregistered"\nregistrations = ["DE", "FR"]', "VAT number"),
        ('name = "x"\nwarehouses = "cep"\nregistrations = ["DE"]', "Poland and Czechia"),
        ('name = "x"\nfulfilment = ["pan-eu"]\nregistrations = ["DE", "FR"]', "VAT numbers in all four"),
        ('name = "x"\n[customs]\nduty_pct = 1\nduty_preset = "originating"', "exclude each other"),
        ('name = "x"\n[[parcels]]\nto = "US"\nup_to_kg = 1\ncost = 1', "parcels"),
        ("name = ", "cannot be read"),
        ('name = "x"\n[profiles]\nlean = 3', "profiles.lean"),
    ],
)
def test_an_impossible_profile_is_refused_with_the_reason(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text)
    code, _, error = command("profile", "check", str(path))
    assert code == 3
    assert says in error
    assert str(path) in error


def test_efn_between_the_uk_and_the_eu_needs_customs() -> None:
    words = "profit --source UK --buy 40 --target DE --sell 90 --category Books --size-mm 300x200x20 --weight-g 150"
    found = document(*words.split(), "--no-profile", "--fulfilment", "efn", "--keepa-fba-fee", "2")
    assert found["profit"] is None
    assert any("EORI" in reason for reason in found["unknown"])
