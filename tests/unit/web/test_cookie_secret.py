"""The key by which a browser stays logged in."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from arbkit.core.errors import ServiceError
from arbkit.web.dashboards.server.login import cookie_secret


def test_it_is_the_same_at_the_next_start_and_another_for_another_token(tmp_path: Path) -> None:
    home = tmp_path / "var"
    first = cookie_secret(home, own_token="one")
    assert len(first) == 32
    assert cookie_secret(home, own_token="one") == first
    assert cookie_secret(home, own_token="two") != first
    assert cookie_secret(tmp_path / "elsewhere", own_token="one") != first
    assert (home / "dashboards.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("spoiled", ["readable", "short", "empty", "a link"])
def test_a_key_that_is_no_secret_is_replaced(tmp_path: Path, spoiled: str) -> None:
    before, path = cookie_secret(tmp_path, own_token=""), tmp_path / "dashboards.key"
    if spoiled == "readable":
        path.chmod(0o644)
    elif spoiled == "a link":
        path = path.rename(tmp_path / "known to others")
        (tmp_path / "dashboards.key").symlink_to(path)
    else:
        path.write_bytes(b"x" if spoiled == "short" else b"")
    assert cookie_secret(tmp_path, own_token="") != before
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="there are no owners")
def test_a_key_that_another_user_has_put_there_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cookie_secret(tmp_path, own_token="")
    mine = os.geteuid()
    monkeypatch.setattr("arbkit.web.dashboards.server.login.os.geteuid", lambda: mine + 1)
    assert cookie_secret(tmp_path, own_token="") != before


def test_two_that_start_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as several:
        found = set(several.map(lambda _: cookie_secret(tmp_path, own_token=""), range(64)))
    assert len(found) == 1


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    with pytest.raises(ServiceError, match="cannot be written"):
        cookie_secret(tmp_path / "var", own_token="")
