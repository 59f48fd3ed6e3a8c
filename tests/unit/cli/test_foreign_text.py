"""Titles and values come from outside: none of them reaches the terminal as a command."""

from __future__ import annotations

import pytest

from arbkit.cli import main
from arbkit.cli.shared import print_table, say

HOSTILE = (
    "\x1b[2J", "\x1b]52;c;cm0gLXJm\x07", "\x9b31m", "\x08\x08", "\r", "\u202e", "\u2066", "\x00", "\u200b",
)  # fmt: skip


@pytest.mark.parametrize("sign", HOSTILE, ids=ascii)
def test_no_control_sign_reaches_the_terminal(sign: str, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.text import Text

    text = f"Ball{sign}red"
    say(text)
    print_table(("product", "title"), [(text, Text.assemble(text, (" DEMO", "yellow")))], title="two\nlines")
    shown = capsys.readouterr().out
    assert all(c.isprintable() or c == "\n" for c in shown), ascii(shown)
    assert shown.count("Ball") == 3
    assert shown.count("red") == 3
    assert "DEMO" in shown


@pytest.mark.parametrize("sign", HOSTILE[:3], ids=ascii)
def test_nor_by_an_error_that_names_a_value(
    sign: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["arbkit", "fees", "show", f"Toys{sign}", "--market", "DE"])
    with pytest.raises(SystemExit):
        main()
    caught = capsys.readouterr()
    assert "Toys" in caught.out + caught.err
    assert "\x1b" not in caught.out + caught.err
    assert "\x9b" not in caught.out + caught.err
