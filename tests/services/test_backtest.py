"""`arbkit backtest` for real: its page, pictures and JSON, and what it says where there is nothing to judge."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.store import open_store
from tests.helpers.factories import offer
from tests.helpers.processes import arbkit
from tests.price_forecast.made import market

pytestmark = pytest.mark.e2e


def test_a_home_without_histories_gets_one_line(settings: Settings) -> None:
    ran = arbkit(settings, "backtest", "--no-pictures")
    assert (ran.returncode, ran.stdout) == (5, "")
    [line] = ran.stderr.strip().splitlines()
    assert line.startswith("arbkit: no product has a history of its new price over 61 days")


def test_the_report_is_filed_and_copied(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", "/nonexistent")
    with open_store(settings) as store:
        store.put([Update(offer(one.history.asin), one.history) for one in market(6)])
    out = tmp_path / "copies" / "of it"
    ran = arbkit(settings, "backtest", "--horizon-days", "21", "--market", "DE", "--out", str(out), "--json")
    assert ran.returncode == 0, ran.stderr
    document = orjson.loads(ran.stdout)
    assert [one["horizon_days"] for one in document["price"]["horizons"]] == [21]
    assert {path.name for path in out.iterdir()} == {"report.html", "result.json"}
    assert orjson.loads((out / "result.json").read_bytes())["price"] == document["price"]
    pictures = orjson.loads((out / "result.json").read_bytes())["pictures"]
    assert {one["name"] for one in pictures} == {"reliability-21-days", "pit-21-days", "examples"}
    assert "After 21 days" in (out / "report.html").read_text("utf-8")


def test_a_wrong_option_starts_nothing(settings: Settings) -> None:
    ran = arbkit(settings, "backtest", "--horizon-days", "400")
    assert ran.returncode == 2
    assert "horizon_days" in ran.stderr
    assert not (settings.reports_dir / "backtest").exists()
