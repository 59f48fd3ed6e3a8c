"""Settlements from the file to the score, on the command line and in a notebook, over both stores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

import arbkit as arbkit_of_notebooks
from arbkit.analysis.decisions.taking import decide
from arbkit.core.decisions.request import DecisionRequest
from arbkit.core.settings import Settings
from arbkit.store import open_store
from tests.helpers.processes import arbkit
from tests.helpers.settlements import item, settlement
from tests.services.test_workbench import fill

ASIN = "B000000001"
SALE = {"ItemPrice/Principal": "69,99", "ItemFees/Commission": "-10,50", "ItemFees/FBAPerUnitFulfillmentFee": "-3,71"}
REFUND = {"ItemPrice/Principal": "-69,99", "ItemFees/Commission": "8,40"}


@pytest.fixture
def bought(either_store: Settings) -> Settings:
    """Two purchases on a route that was priced."""
    fill(either_store)
    with open_store(either_store) as store:
        for quantity in (2, 3):
            given = {"asin": ASIN, "source": "IT", "target": "DE", "status": "bought", "quantity": quantity}
            day = f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%d}"
            decide(store, DecisionRequest.parse({**given, "price": 40.0, "bought_on": day}), by="ann")
    return either_store


def test_a_settlement_is_taken_in_once_and_held_against_the_forecasts(bought: Settings, tmp_path: Path) -> None:
    days = [f"{datetime.now(UTC) + timedelta(days=number):%d.%m.%Y}" for number in range(4)]
    sales = [item(SALE, order=f"305-{at}", sku="DE-9" if at == 1 else "DE-1", day=days[at]) for at in range(3)]
    paid_back = item(REFUND, order="305-2", type_="Refund", day=days[3], quantity="")
    rows = [row for one in (*sales, paid_back) for row in one]
    file, skus = tmp_path / "settlement.txt", tmp_path / "skus.csv"
    file.write_bytes(settlement(*rows, total="105,75").encode("cp1252"))
    skus.write_text("sku,asin\nDE-1,B000000001\n")
    first = arbkit(bought, "sales", "import", str(file), "--skus", str(skus), "--json")
    assert first.returncode == 0, first.stderr
    taken = orjson.loads(first.stdout)
    assert (taken["new"], taken["known"], taken["unknown_skus"], taken["mismatches"]) == (4, 0, {"DE-9": 1}, [])
    again = orjson.loads(arbkit(bought, "sales", "import", str(file), "--json").stdout)
    assert (again["new"], again["changed"], again["known"]) == (0, 0, 4)
    score = orjson.loads(arbkit(bought, "sales", "score", "--json").stdout)
    second, oldest = score["purchases"]
    assert (oldest["sold"], oldest["refunded"], oldest["left"]) == (2, 1, 0)
    assert (second["sold"], second["left"], second["unknown"]) == (0, 3, "nothing is sold yet")
    assert oldest["profit"] is not None
    assert (oldest["vat_basis"], oldest["currency"]) == ("priced", "EUR")
    assert score["scores"][0]["units"] == 2
    # Now that the SKU is said it belongs to the second purchase.
    skus.write_text("sku,asin\nDE-9,B000000001\n")
    mended = orjson.loads(arbkit(bought, "sales", "import", str(file), "--skus", str(skus), "--json").stdout)
    assert (mended["new"], mended["changed"], mended["unknown_skus"]) == (0, 1, {})
    words = arbkit(bought, "sales", "score")
    # First in, first out: the sale that was unknown before it is of the first purchase, the refunded one of the second.
    assert "2 sold, 0 refunded, 0 left" in " ".join(words.stdout.split())
    assert "1 sold, 1 refunded, 2 left" in " ".join(words.stdout.split())
    arb = arbkit_of_notebooks.open(bought)
    assert list(arb.sales()["kind"]) == ["sale", "sale", "sale", "refund"]
    assert set(arb.purchases(ASIN)["sold"]) == {2, 1}


def test_a_row_with_a_fault_is_named_and_all_others_are_kept(bought: Settings, tmp_path: Path) -> None:
    file = tmp_path / "settlement.txt"
    bad = [line.replace("-10,50", "?") for line in item(SALE, order="305-2")]
    file.write_text(settlement(*item(SALE), *bad, total="1,00"))
    done = arbkit(bought, "sales", "import", str(file))
    assert done.returncode == 5
    assert "row 7" in done.stderr
    assert "'?' is no amount" in done.stderr
    with open_store(bought) as store:
        assert [line.order for line in store.sales()] == ["305-1"]


def test_what_is_written_down_by_hand_counts_and_can_be_removed(bought: Settings, tmp_path: Path) -> None:
    typed = [
        "--date",
        "2026-11-02",
        "--marketplace",
        "de",
        "--principal",
        "139.98",
        "--units",
        "2",
        "--referral-fee",
        "21",
    ]
    made = arbkit(bought, "sales", "add", ASIN, *typed, "--json")
    assert made.returncode == 0, made.stderr
    assert arbkit(bought, "sales", "add", ASIN, "--date", "2026-11-02", "--principal", "1").returncode == 2
    line = orjson.loads(made.stdout)
    assert (line["units"], line["fees"], line["currency"]) == (2, {"Referral fee": -21.0}, "EUR")
    listed = arbkit(bought, "sales", "list", ASIN)
    assert "sale of 2 units" in listed.stdout + listed.stderr
    assert arbkit(bought, "sales", "remove", line["id"]).returncode == 0
    assert orjson.loads(arbkit(bought, "sales", "list", "--json").stdout)["total"] == 0
    template = tmp_path / "sales.csv"
    assert arbkit(bought, "sales", "template", str(template)).returncode == 0
    assert arbkit(bought, "sales", "template", str(template)).returncode == 2
    assert orjson.loads(arbkit(bought, "sales", "import", str(template), "--json").stdout)["new"] == 1
