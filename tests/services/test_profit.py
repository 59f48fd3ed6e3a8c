"""`arbkit profit` and `GET /profit`: the worked example as a user asks it, and everything that can be wrong."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from arbkit.cli import app
from arbkit.core.errors import ArbkitError
from arbkit.core.results import Json
from arbkit.core.settings import Settings
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.profit.quote.quote import quote
from arbkit.profit.quote.request import QuoteRequest
from arbkit.web.api import create_app

TABLES, RATES = load_tables(), load_rates()
EXAMPLE = {
    "source": "IT", "buy": "40.00", "target": "DE", "sell": "69.99", "category": "Toys & Games",
    "size-mm": "360x100x100", "weight-g": "800", "vat-status": "reclaiming", "home": "DE",
    "fulfilment": "fba-local", "warehouses": "de", "other-costs": "1.30", "on": "2026-08-01",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """No `.env` or `profile.toml` of the folder the tests run in."""
    settings.home.mkdir(parents=True)
    monkeypatch.chdir(settings.home)


def command(*more: str, **changed: str | None) -> tuple[int, Any, str]:
    """Exit code, parsed standard output and error of the command for the example with changes."""
    options = {**EXAMPLE, **{k.replace("_", "-"): v for k, v in changed.items()}}
    arguments = [part for k, v in options.items() if v is not None for part in (f"--{k}", v)]
    done = CliRunner().invoke(app, ["profit", *arguments, "--no-profile", "--json", *more])
    if isinstance(done.exception, ArbkitError):
        return done.exception.exit_code, None, str(done.exception)
    return done.exit_code, orjson.loads(done.stdout) if done.exit_code == 0 else None, done.stderr


@pytest.mark.parametrize(
    ("changed", "profit", "break_even"),
    [
        ({}, 10.74, [54.44]),
        ({"vat_status": "not-reclaiming"}, 3.52, None),
        ({"vat_status": "unregistered"}, 11.79, [55.63]),
        ({"fulfilment": "efn"}, 4.90, None),
    ],
)
def test_the_worked_example(changed: dict[str, str], profit: float, break_even: list[float] | None) -> None:
    code, found, _ = command(**changed)
    assert code == 0
    assert found["profit"] == profit
    assert round(sum(c["amount"] for c in found["components"]), 2) == profit
    assert break_even is None or found["break_even_sell"] == break_even
    assert found["fulfilment"] == changed.get("fulfilment", "fba-local")


@pytest.mark.parametrize(
    ("case", "profit"), [("net-intra-eu", 10.74), ("domestic-recovered", 10.74), ("domestic-lost", 3.52)]
)
def test_how_the_vat_of_the_purchase_stands_can_be_said(case: str, profit: float) -> None:
    _, found, _ = command(input_vat=case)
    assert (found["profit"], found["input_vat"]) == (profit, case)
    assert {row["input_vat"] for row in found["vat_grid"]} == {
        "net-intra-eu", "domestic-recovered", "domestic-lost", "import",
    }  # fmt: skip
    code, _, error = command(input_vat="import")
    assert (code, "no customs border lies between IT and DE" in error) == (2, True)


def test_the_terminal_says_whose_profit_it_is() -> None:
    arguments = [part for name, value in EXAMPLE.items() for part in (f"--{name}", value)]
    said = " ".join(CliRunner().invoke(app, ["profit", *arguments]).stdout.split())
    assert "Seller: DE, registered in DE, FR, IT, ES, input VAT recovered (change: `arbkit profile init`)" in said
    assert "VAT of the purchase: bought net, intra-EU with a VAT number" in said


def test_what_a_reseller_asks_next() -> None:
    _, found, _ = command()
    assert found["max_buy"] == {"target_roi_pct": 30, "price": 40.48, "currency": "EUR"}
    assert (found["roi_pct"], found["margin_net_pct"], found["margin_gross_pct"]) == (31.5, 18.25, 15.34)
    efn, _, fbm = found["alternatives"]
    assert (efn["fulfilment"], efn["profit"], efn["allowed"]) == ("efn", 4.9, True)
    assert (fbm["fulfilment"], fbm["profit"], fbm["why_not"]) == (
        "fbm", None, "own shipping cost unknown: set fbm_shipping",
    )  # fmt: skip


def test_an_unregistered_seller_may_not_store_abroad() -> None:
    _, found, _ = command(vat_status="unregistered", fulfilment="best")
    efn = next(a for a in found["alternatives"] if a["fulfilment"] == "efn")
    assert not efn["allowed"]
    assert "VAT registration" in efn["why_not"]


def test_best_takes_the_way_that_leaves_most() -> None:
    _, found, _ = command(fulfilment="best", fbm_shipping="1.00")
    assert found["fulfilment"] == "fbm"
    assert all(found["profit"] >= other["profit"] for other in found["alternatives"])


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"category": None}, "category unknown"),
        ({"category": "Toyz and Gamez"}, "category unknown"),
        ({"size_mm": None, "category": None}, "package size"),
        ({"source": "UK"}, "duty unknown"),
        ({"on": "2019-01-01"}, "no fee tables"),
    ],
)
def test_what_is_unknown_is_named_and_no_profit_is_claimed(changed: dict[str, str | None], reason: str) -> None:
    code, found, _ = command(**changed)
    assert code == 0
    assert found["profit"] is None
    assert found["break_even_sell"] == []
    assert found["max_buy"]["price"] is None
    assert any(reason in text for text in found["unknown"])


@pytest.mark.parametrize(
    ("changed", "name", "amount"),
    [
        ({"expected_days": "31"}, "storage", -0.10),  # 0.0036 m³ × 27.54 EUR × 1 month
        ({"expected_days": "31", "on": "2026-10-01"}, "storage", -0.19),  # 52.20 EUR from October
        ({"return_rate_pct": "10"}, "refunds", -0.21),  # 10 % of 20 % of 10.50
        ({"return_rate_pct": "10", "return_handling": "3.00"}, "refunds", -0.51),
        ({"plan": "individual"}, "closing_fee", -0.99),
    ],
)
def test_costs_that_depend_on_the_seller(changed: dict[str, str], name: str, amount: float) -> None:
    _, found, _ = command(**changed)
    assert {c["name"]: c["amount"] for c in found["components"]}[name] == amount


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"size_mm": None, "weight_g": None}, "package size and weight unknown: the range of its category"),
        ({"size_mm": None}, "package derived from what is known of it"),
        ({"weight_g": None}, "package derived from what is known of it"),
        ({"size_mm": None, "category": "Beauty", "sell": "21.50", "buy": "6"}, "package derived"),
    ],
)
def test_a_package_that_is_not_given_makes_the_profit_a_range(changed: dict[str, str | None], reason: str) -> None:
    _, found, _ = command(**changed)
    bounds = found["range"]
    assert bounds["low"] < bounds["high"]
    assert bounds["low"] <= bounds["likely"] == found["profit"] <= bounds["high"]
    assert any(reason in text for text in found["warnings"])
    assert any("--size-mm and --weight-g" in text for text in found["hints"])
    assert next(c for c in found["components"] if c["name"] == "fulfilment_fee")["assumed"]
    assert found["unknown"] == []
    options = {**EXAMPLE, **{name.replace("_", "-"): value for name, value in changed.items()}}
    arguments = [part for k, v in options.items() if v is not None for part in (f"--{k}", v)]
    shown = CliRunner().invoke(app, ["profit", *arguments, "--no-profile"]).output
    signed = f"{bounds['low']:.2f}".replace("-", "−")
    assert f"profit {signed} to {bounds['high']:.2f} EUR, depending on the package" in shown


def test_a_whole_package_makes_one_profit() -> None:
    assert command()[1]["range"] is None
    assert "depending on the package" not in CliRunner().invoke(app, shlex.split(
        "profit --source IT --buy 40 --target DE --sell 69.99 --category 'Toys & Games' --size-mm 360x100x100 "
        "--weight-g 800 --no-profile"
    )).output  # fmt: skip


def test_a_near_miss_of_a_category_is_answered_with_the_right_one() -> None:
    _, found, _ = command(category="Toys and Game")
    assert "Toys & Games" in found["hints"][0]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"sell": "-3"}, "sell"),
        ({"buy": "nan"}, "buy"),
        ({"source": "US"}, "UK, DE, FR, IT, ES"),
        ({"size_mm": "36x10"}, "360x100x100"),
        ({"vat_status": "maybe"}, "vat_status"),
        ({"on": "soon"}, "on"),
        ({"warehouses": "fr"}, "warehouses"),
    ],
)
def test_wrong_usage_is_one_error_with_exit_code_2(changed: dict[str, str], says: str) -> None:
    code, _, error = command(**changed)
    assert code == 2
    assert says in error


def test_a_table_for_people() -> None:
    words = shlex.split("profit --source IT --buy 40 --target DE --sell 69.99 --category 'Toys & Games' --no-profile")
    shown = CliRunner().invoke(app, [*words, "--size-mm", "360x100x100", "--weight-g", "800", "--on", "2026-08-01"])
    assert shown.exit_code == 0
    for text in ("referral fee", "−10.50", "break-even", "EFN: "):
        assert text in shown.stdout
    aimed = CliRunner().invoke(app, [*words, "--target-profit", "5", "--size-mm", "360x100x100", "--weight-g", "800"])
    assert "5.00 profit)" in aimed.stdout


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as one:
        yield one


def test_the_api_answers_as_the_command_does(client: TestClient) -> None:
    query = {k.replace("-", "_"): v for k, v in EXAMPLE.items()}
    found = client.get("/profit", params={**query, "no_profile": "true"})
    assert found.status_code == 200
    assert found.json() == command()[1]


@pytest.mark.parametrize(("name", "value"), [("sell", "0"), ("source", "US"), ("size_mm", "x"), ("nonsense", "1")])
def test_the_api_names_what_is_wrong(client: TestClient, name: str, value: str) -> None:
    query = {k.replace("-", "_"): v for k, v in EXAMPLE.items()}
    refused = client.get("/profit", params={**query, name: value})
    assert refused.status_code == 422
    assert [e["field"] for e in refused.json()["errors"]] == [name]


prices = st.integers(100, 40_000).map(lambda cents: cents / 100)


@given(buy=prices, sell=prices, category=st.sampled_from(["Toys & Games", "Beauty", "Automotive & Powersports"]))
@hypothesis_settings(max_examples=12, deadline=None, phases=[Phase.generate])
def test_break_even_and_highest_price_are_what_they_say(buy: float, sell: float, category: str) -> None:
    base: dict[str, Json] = {
        "source": "IT", "target": "DE", "buy": buy, "sell": sell, "category": category,
        "size_mm": "300x200x100", "weight_g": 900, "fulfilment": "fba-local", "on": "2026-08-01",
    }  # fmt: skip

    def ask(**changed: float) -> dict[str, Any]:
        found = quote(QuoteRequest.parse({**base, **changed}), Profile.neutral(other_costs=1.0), TABLES, RATES)
        return found.model_dump(mode="json")

    found = ask()
    for root in found["break_even_sell"]:
        below, above = ask(sell=round(root - 0.02, 2))["profit"], ask(sell=round(root + 0.02, 2))["profit"]
        assert min(below, above) <= 0.01
        assert max(below, above) >= -0.01
    highest = found["max_buy"]["price"]
    if highest is not None and not math.isclose(highest, 0.01):
        assert ask(buy=highest)["roi_pct"] == pytest.approx(30, abs=0.5) or ask(buy=highest)["roi_pct"] > 30
        assert ask(buy=round(highest + 0.05, 2))["roi_pct"] < 30.2
