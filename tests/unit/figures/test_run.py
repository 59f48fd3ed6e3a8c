"""`make figures`: a line for each figure with its goal and state, and the same as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arbkit.analysis.backtest.scores import Interval
from tests.figures import run
from tests.figures.extent import Extent
from tests.figures.lines import state_within

LITTLE = Extent(range(100, 101), (range(300, 301),), 40, (240, 480), 60)


def test_every_kind_of_figure_has_its_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ARBKIT_REAL_DATA", raising=False)
    monkeypatch.setattr(run, "SHORT", LITTLE)
    path = tmp_path / "figures.json"
    assert run.main(["--short", "--json", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "selling price" in shown
    assert "left out" in shown
    for part in (
        "sold in 30 days, fitted processes, as_it_was", "sold in 30 days, fitted processes, hidden_competitor",
        "P(profit), fitted processes, changed_season", "the same money in each", "    by seed", "300: ",
        "offers forecast: price, sales and profit", "memory by offer", "below the proven bound", "goals reached",
    ):  # fmt: skip
        assert part in shown
    document = json.loads(path.read_text("utf-8"))
    assert {one["state"] for one in document["figures"]} <= {"reached", "missed", "too few products", "no goal"}
    assert all(one["goal"] for one in document["figures"] if one["state"] != "no goal")
    assert len(document["figures"]) == len(shown.splitlines()) - 1


@pytest.mark.parametrize(
    ("low", "high", "state"),
    [(0.02, 0.06, "reached"), (0.06, 0.1, "missed"), (0.02, 0.2, "too few products"), (None, None, "too few products")],
)
def test_a_goal_holds_where_the_interval_meets_it_and_shows_something(
    low: float | None, high: float | None, state: str
) -> None:
    assert state_within(Interval(value=low, low=low, high=high), 0, 0.05) == state
