"""A home is not open to every user, whatever the shell takes from the rights of new files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from arbkit.core.settings import Settings
from tests.helpers.processes import arbkit


@pytest.mark.skipif(os.name != "posix", reason="these are POSIX rights")
@pytest.mark.parametrize(("umask", "expected"), [(0o000, 0o775), (0o002, 0o775), (0o077, 0o700)], ids=oct)
def test_nobody_else_may_change_what_is_made(settings: Settings, umask: int, expected: int) -> None:
    def taken() -> None:
        os.umask(umask)

    done = arbkit(settings, "init", preexec_fn=taken)
    assert done.returncode == 0, done.stderr
    made: list[Path] = [settings.home, *settings.home.rglob("*")]
    assert [path.name for path in made if path.stat().st_mode & stat.S_IWOTH] == []
    assert settings.home.stat().st_mode & 0o777 == expected
