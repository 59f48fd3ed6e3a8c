"""A home that cannot be used, or a damaged store: one clear error, and nothing created or changed."""

from __future__ import annotations

import pytest

from arbkit.settings import Settings
from tests.processes import arbkit

COMMANDS = [["up"], ["produce", "--once"], ["consume", "--until-empty"], ["detect", "--json"], ["status", "--json"]]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c[0])
def test_a_damaged_store_is_one_error_and_stays_as_it_is(settings: Settings, command: list[str]) -> None:
    settings.home.mkdir(parents=True)
    damaged = b"not a database at all" * 1_000
    settings.database.write_bytes(damaged)
    done = arbkit(settings, *command)
    assert done.returncode == 4
    error = done.stderr.strip().splitlines()[-1]
    assert str(settings.database) in error
    assert "Restore a copy" in error
    assert "Traceback" not in done.stderr
    assert settings.database.read_bytes() == damaged
    assert done.stdout == ""


@pytest.mark.parametrize("command", COMMANDS[:3], ids=lambda c: c[0])
def test_a_home_that_cannot_be_written_to_is_one_error(settings: Settings, command: list[str]) -> None:
    settings.home.write_text("a file where the folder should be")
    done = arbkit(settings, *command)
    assert done.returncode == 4
    assert "ARBKIT_HOME" in done.stderr
    assert "Traceback" not in done.stderr
    assert settings.home.read_text().startswith("a file")
