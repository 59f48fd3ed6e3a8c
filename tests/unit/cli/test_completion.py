"""What the Tab key offers in a shell."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from arbkit.cli import app


@pytest.mark.parametrize(
    ("words", "offered"),
    [("arbkit rep", {"replay", "reports"}), ("arbkit fees ", {"show"}), ("arbkit detect --min-r", {"--min-roi"})],
)
def test_commands_and_options_are_completed(words: str, offered: set[str]) -> None:
    given = {"_ARBKIT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = CliRunner().invoke(app, env=given, prog_name="arbkit")
    assert offered <= set(done.stdout.split())
