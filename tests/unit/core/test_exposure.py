"""Secrets that others could read are named, and never shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from arbkit.core.service.exposure import exposures
from arbkit.core.settings import Settings

KEY = "a-very-secret-key-0123456789"


def found(tmp_path: Path, **given: Any) -> str:
    settings = Settings.load(_env_file=None, home=tmp_path / "var", **given)
    return "\n".join(map(str, exposures(settings, env_file=tmp_path / ".env")))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"keepa_api_key": KEY, "keepa_url": "http://keepa.example:8080/x"}, "ARBKIT_KEEPA_URL"),
        ({"store_api_key": KEY, "store": "http://search.example:9200"}, "ARBKIT_STORE"),
        ({"store": f"http://elastic:{KEY}@search.example:9200"}, "ARBKIT_STORE"),
    ],
)
def test_a_secret_sent_in_plain_text_is_named_with_its_remedy(tmp_path: Path, given: Any, named: str) -> None:
    said = found(tmp_path, **given)
    assert named in said
    assert "https://" in said
    assert KEY not in said


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"keepa_api_key": KEY},
        {"keepa_api_key": KEY, "keepa_url": "https://keepa.example"},
        {"keepa_api_key": KEY, "keepa_url": "http://127.0.0.1:8080"},
        {"keepa_api_key": KEY, "keepa_url": "http://[::1]:8080"},
        # The demo market never sees the key.
        {"keepa_api_key": KEY, "keepa_url": "http://demo.example", "demo": True},
        {"keepa_url": "http://keepa.example"},
        {"store": "http://search.example:9200"},
        {"store_api_key": KEY, "store": "https://search.example:9200"},
        {"store_api_key": KEY},
    ],
)
def test_what_nobody_can_read_is_no_exposure(tmp_path: Path, given: Any) -> None:
    assert found(tmp_path, **given) == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such bits")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666])
def test_a_file_of_secrets_that_others_may_read_is_named(tmp_path: Path, mode: int) -> None:
    file = tmp_path / ".env"
    file.write_text(f"KEEPA_API_KEY={KEY}\narbkit_token='{KEY}'\n#ARBKIT_STORE_API_KEY={KEY}\nARBKIT_KAFKA_OPTIONS=\n")
    file.chmod(mode)
    said = found(tmp_path)
    assert "ARBKIT_TOKEN, KEEPA_API_KEY" in said
    assert "ARBKIT_STORE_API_KEY" not in said
    assert "chmod 600" in said
    assert KEY not in said
    file.chmod(0o600)
    assert found(tmp_path) == ""


def test_a_file_without_secrets_may_be_read_by_all(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ARBKIT_MARKETS=DE\n#KEEPA_API_KEY=\n")
    (tmp_path / ".env").chmod(0o644)
    assert found(tmp_path) == ""
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").mkdir()
    assert found(tmp_path) == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_what_every_user_may_change_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ARBKIT_MARKETS=DE\n")
    (tmp_path / "var").mkdir()
    for path in (tmp_path / ".env", tmp_path / "var"):
        path.chmod(0o775)
    assert found(tmp_path) == ""
    for path in (tmp_path / ".env", tmp_path / "var"):
        path.chmod(0o777)
    said = found(tmp_path)
    assert f"{tmp_path / '.env'}: every user may change it" in said
    assert f"chmod o-w {tmp_path / 'var'}" in said


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such owners")
def test_an_env_file_of_another_user_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("ARBKIT_KEEPA_URL=https://elsewhere.example\n")
    if os.geteuid() == 0:
        os.chown(file, 65534, 65534)
    else:
        mine = os.geteuid()
        monkeypatch.setattr("arbkit.core.service.exposure.os.geteuid", lambda: mine + 1)
    assert "belongs to another user" in found(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such bits")
def test_addresses_of_channels_are_nobody_elses_business(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "alerts.toml"
    here = settings.model_copy(update={"alerts": path})
    env_file = tmp_path / ".env"
    for text, mode, exposed in (
        ('[[channel]]\nname = "a"\nurl = "x://secret"', 0o644, True),
        ('[[channel]]\nname = "a"\nurl = "x://secret"', 0o600, False),
        ('[[channel]]\nname = "a"\nurl_env = "A"', 0o644, False),
        ("channel = 1", 0o644, False),
        ("[[", 0o644, False),
    ):
        path.write_text(text)
        path.chmod(mode)
        found = [str(one) for one in exposures(here, env_file=env_file)]
        assert [f"{path}: other users" in one for one in found] == ([True] if exposed else [])
        assert "secret" not in "".join(found)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such bits")
def test_the_variables_that_channels_name_are_secrets_of_the_env_file_too(settings: Settings, tmp_path: Path) -> None:
    path, env_file = tmp_path / "alerts.toml", tmp_path / ".env"
    path.write_text(
        '[[channel]]\nname = "phone"\nurl_env = "PHONE_URL"\n'
        '[[channel]]\nname = "sheet"\nwebhook = { url = "https://example.org", secret_env = "HOOK_SECRET" }\n'
        '[[channel]]\nname = 3\nwebhook = "x"\n'
    )
    env_file.write_text(f"PHONE_URL=tgram://{KEY}/1\nHOOK_SECRET={KEY}\nOTHER=1\n")
    env_file.chmod(0o644)
    given = settings.model_copy(update={"alerts": path})
    [exposure] = exposures(given, env_file=env_file)
    assert exposure.what.endswith("and it holds HOOK_SECRET, PHONE_URL")
    assert KEY not in exposure.what
    env_file.chmod(0o600)
    assert exposures(given, env_file=env_file) == []
