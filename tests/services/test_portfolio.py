"""`arbkit portfolio` for real: its page, shopping list and JSON, and what it says where there is nothing to buy."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from arbkit.core.settings import Settings
from arbkit.ops.fill_demo import fill_demo
from arbkit.sources.demo.market import asins
from tests.helpers.processes import arbkit

pytestmark = pytest.mark.e2e


def test_nothing_to_buy_and_nothing_to_spend_are_one_line_each(settings: Settings) -> None:
    for options, says in (((), "there are no opportunities to buy"), (("--budget", "0"), "the budget is 0")):
        ran = arbkit(settings, "portfolio", "--no-pictures", *options)
        assert (ran.returncode, ran.stdout) == (5, "")
        [line] = ran.stderr.strip().splitlines()
        assert line.startswith(f"arbkit: {says}")


def test_a_wrong_option_starts_nothing(settings: Settings) -> None:
    ran = arbkit(settings, "portfolio", "--risk-pct", "101")
    assert ran.returncode == 2
    assert "risk_pct" in ran.stderr
    assert not (settings.reports_dir / "portfolio").exists()


def test_the_plan_is_filed_and_copied(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", "/nonexistent")
    settings.home.parent.joinpath("watchlist.txt").write_text("\n".join(asins()), "utf-8")
    fill_demo(settings)
    out = tmp_path / "copies" / "of it"
    ran = arbkit(settings, "portfolio", "--budget", "1500", "--market", "IT", "--out", str(out), "--json")
    assert ran.returncode == 0, ran.stderr
    document = orjson.loads(ran.stdout)
    assert {line["source"] for line in document["lines"]} == {"IT"}
    assert 0 < document["cash_out"] <= 1_500
    assert {path.name for path in out.iterdir()} == {
        "report.html", "result.json", "shopping-list.csv", "shopping-list.xlsx",
    }  # fmt: skip
    assert orjson.loads((out / "result.json").read_bytes())["portfolio"] == document
    assert "Buy on IT" in (out / "report.html").read_text("utf-8")
    shown = arbkit(settings, "portfolio", "--budget", "1500", "--no-pictures")
    assert shown.returncode == 0, shown.stderr
    assert "buy on IT" in shown.stdout
    assert "the plan" in shown.stdout
