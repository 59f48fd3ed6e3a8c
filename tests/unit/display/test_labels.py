"""What people call the names in the data."""

from __future__ import annotations

from pydantic import JsonValue

from arbkit.display.labels import run_figures


def test_the_figures_of_a_run_are_in_words() -> None:
    summary: dict[str, JsonValue] = {
        "routes": 4452, "total": 4, "stored": 187, "need_size": 3, "new": 0, "unknown": {"no price": 7},
    }  # fmt: skip
    assert run_figures(summary) == [
        "4,452 routes", "4 opportunities", "187 in the store", "3 need a size", "0 new",
    ]  # fmt: skip
