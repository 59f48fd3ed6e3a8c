"""How far long work is, as somebody sees it at a terminal, and as a log has it."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from arbkit.cli.progress import progress
from arbkit.core.service.process import log_to_stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_away_from_a_terminal_a_line_comes_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    caplog.set_level(logging.INFO)
    with progress("reading rows", clock=lambda: now[0]) as shown:
        for second in range(25):
            now[0] = float(second)
            shown(second * 100, 2_500)
    assert [one.message for one in caplog.records] == ["reading rows: 1,000 of 2,500", "reading rows: 2,000 of 2,500"]


def test_work_that_is_over_soon_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with progress("reading rows") as shown:
        shown(1, 1)
    assert caplog.records == []


def test_at_a_terminal_a_bar_stands_for_lines_but_for_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, root = Terminal(), logging.getLogger()
    before = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    try:
        log_to_stderr()
        with progress("storing products") as shown:
            shown(1_500, 2_000)
            logging.getLogger("arbkit").info("500 records")
            logging.getLogger("arbkit").warning("a cell is odd")
        logging.getLogger("arbkit").info("the next command")
    finally:
        root.handlers[:], root.level = before
    said = terminal.getvalue()
    assert "storing products" in said
    assert "1,500 of 2,000" in said
    assert "a cell is odd" in said
    assert "500 records" not in said
    assert "the next command" in said
