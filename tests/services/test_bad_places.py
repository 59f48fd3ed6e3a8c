"""A home that cannot be used, or a damaged store: one clear error, and nothing created or changed."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from arbkit.core.errors import StreamError
from arbkit.core.settings import Settings
from arbkit.core.sqlite import connect, immediate, wrap_errors
from tests.helpers.processes import arbkit

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


def test_a_full_disk_is_one_error_and_nothing_is_half_written(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    connection = connect(path)
    connection.execute("CREATE TABLE kept (value BLOB)")
    connection.execute("PRAGMA max_page_count = 20")

    def fill() -> None:
        with wrap_errors(path, "log"), immediate(connection):
            connection.execute("INSERT INTO kept VALUES ('first')")
            connection.executemany("INSERT INTO kept VALUES (?)", [(bytes(20_000),)] * 50)

    with pytest.raises(StreamError, match="disk of the log is full") as caught:
        fill()
    assert caught.value.exit_code == 4
    assert "Free some space" in str(caught.value)
    assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    connection.close()


def test_a_disk_that_takes_no_more_while_importing_loses_nothing(settings: Settings, tmp_path: Path) -> None:
    export = tmp_path / "export.csv"
    rows = [f"B0{number:08},amazon.de,{'long title ' * 50},12.34" for number in range(3_000)]
    export.write_text("ASIN,Locale,Title,New: Current\n" + "\n".join(rows) + "\n")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    failed = arbkit(settings, "import", str(export), preexec_fn=limit)
    assert failed.returncode == 4, failed.stderr
    assert "takes no more" in failed.stderr
    assert "Traceback" not in failed.stderr
    with connect(settings.database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    done = arbkit(settings, "import", str(export))
    assert done.returncode == 0, done.stderr
    with connect(settings.database) as connection:
        (stored,) = connection.execute("SELECT count(DISTINCT key) FROM log_messages").fetchone()
    assert stored == 3_000
