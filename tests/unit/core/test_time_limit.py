"""A read that takes too long is ended, and the next one is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from arbkit.core.errors import StoreError
from arbkit.core.sqlite import connect, time_limit, wrap_errors

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
FINITE = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000) SELECT count(*) FROM n"


def test_it_is_ended_in_words_and_the_connection_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    connection = connect(path)
    with pytest.raises(StoreError, match=r"took longer than a reader may.*filters"), wrap_errors(path, "store"):  # noqa: SIM117
        with time_limit(connection, 0.05):
            connection.execute(ENDLESS).fetchone()
    with time_limit(connection, 60):
        assert connection.execute("SELECT 1").fetchone() == (1,)
    connection.close()


def test_without_a_limit_nothing_is_ended(tmp_path: Path) -> None:
    connection = connect(tmp_path / "a.db")
    with time_limit(connection, None):
        assert connection.execute(FINITE).fetchone() == (50_000,)
    with pytest.raises(connection.OperationalError, match="interrupted"), time_limit(connection, -1):
        connection.execute(ENDLESS).fetchone()
    connection.close()
