"""Settings: read once from the environment, shown without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from arbkit.core.errors import ConfigError
from arbkit.core.settings import Settings


def test_a_value_that_cannot_be_used_names_its_variable_and_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARBKIT_API_PORT", "70000")
    with pytest.raises(ConfigError, match=r"ARBKIT_API_PORT: .*65535.*got '70000'.*in \.env"):
        Settings.load(_env_file=None)


def test_no_secret_is_shown(tmp_path: Path) -> None:
    settings = Settings.load(
        _env_file=None,
        home=tmp_path,
        keepa_api_key="k" * 64,
        token="tok-en",
        store="http://me:pass-word@localhost:9200",
    )
    shown = str(settings.masked()) + repr(settings)
    assert settings.masked()["KEEPA_API_KEY"] == "********"
    assert not [secret for secret in ("k" * 64, "tok-en") if secret in shown]
    assert "pass-word" not in str(settings.masked())


def test_a_child_process_sees_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = Settings.load(_env_file=None, home=tmp_path, markets="de,it", demo=False, keepa_api_key="k", report_keep=3)
    for name, value in given.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings.load(_env_file=None) == given


def test_without_the_key_everything_else_stays_and_so_does_the_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Settings.load(_env_file=None, keepa_api_key="k" * 64, markets="DE,IT", token="t")
    bare = whole.without_key()
    assert (bare.mode, bare.has_key, bare.source_url) == ("keepa", True, whole.source_url)
    assert "k" * 64 not in str(bare.environment())
    changed = {name for name, value in bare.environment().items() if whole.environment()[name] != value}
    assert changed == {"KEEPA_API_KEY", "ARBKIT_KEY_ELSEWHERE"}
    # A child process is of the same mind, even where a .env in its folder has the key.
    for variable, value in bare.environment().items():
        monkeypatch.setenv(variable, value)
    assert (Settings.load().mode, Settings.load().keepa_api_key.get_secret_value()) == ("keepa", "")
    for keyless in (Settings.load(_env_file=None, keepa_api_key=""), Settings.load(_env_file=None, demo=True)):
        assert keyless.without_key().mode == keyless.mode


def test_what_only_tests_read_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARBKIT_REQUIRE", "all")
    monkeypatch.setenv("ARBKIT_REAL_DATA", "/nowhere")
    assert not {"ARBKIT_REQUIRE", "ARBKIT_REAL_DATA"} & Settings.load(_env_file=None).masked().keys()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("store", "http://h:99999"), ("store", "http://h"), ("store", "http://"), ("store", "https:///x"),
        ("store", "sqlite://"), ("store", "sqlite:///"), ("store", "sqlite:////"), ("store", "sqlite:x.db"),
        ("log", "sqlite://host/x.db"), ("log", "kafka://"), ("log", "sqlite:///a\0b"), ("home", "a\0b"),
        ("profile", "a\0b"), ("poll_interval", "inf"), ("poll_interval", "1e300"), ("detect_interval", "nan"),
        ("report_time_limit", "inf"), ("log_retention_hours", "inf"), ("log_retention_mb", "1e308"),
        ("store_shards", "0"), ("store_shards", "many"), ("store_replicas", "all"), ("store_replicas", "2-1"),
        ("store_replicas", "-1"), ("store_replicas", "1-"), ("store_replicas", ""), ("store_refresh", "1"),
        ("store_refresh", "0s"), ("store_refresh", "-1"), ("store_refresh", "1h"), ("store_refresh", "soon"),
    ],
)  # fmt: skip
def test_a_value_that_would_fail_later_is_refused_now(field: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"ARBKIT_{field.upper()}: "):
        Settings.load(_env_file=None, **{field: value})


@pytest.mark.parametrize("address", ["http://me:pass-word@[::1", "http://me:pass-word@h:99999", "ftp://me:pass-word@h"])
@pytest.mark.parametrize("field", ["log", "store"])
def test_a_mistyped_address_is_named_without_its_password(field: str, address: str) -> None:
    with pytest.raises(ConfigError, match=r"me:\*{8}@") as caught:
        Settings.load(_env_file=None, **{field: address})
    assert "pass-word" not in str(caught.value)


def test_the_password_of_a_proxy_is_in_no_message(tmp_path: Path) -> None:
    settings = Settings.load(_env_file=None, home=tmp_path, keepa_url="https://me:pass:w@rd/x@proxy:8443", demo=False)
    assert settings.shown_source == "https://me:********@proxy:8443"
    assert settings.masked()["ARBKIT_KEEPA_URL"] == settings.shown_source


def test_a_file_of_a_windows_editor_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes("KEEPA_API_KEY=secret\r\nARBKIT_MARKETS=DE\r\n".encode("utf-8-sig"))
    read = Settings.load(_env_file=file)
    assert (read.keepa_api_key.get_secret_value(), read.markets) == ("secret", ("DE",))


def test_a_file_that_is_no_text_is_one_error(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes("KEEPA_API_KEY=secret".encode("utf-16"))
    with pytest.raises(ConfigError, match=r"\.env: is not text in UTF-8"):
        Settings.load(_env_file=file)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("KEEPA_API_KEY='secret\n", 1),
        ('# mine\n\nKEEPA_API_KEY="secret\nARBKIT_DEMO=0\n', 3),
        ("ARBKIT_DEMO=0\n=secret", 2),
    ],
)
def test_a_line_that_is_no_setting_is_one_error_without_what_it_says(tmp_path: Path, text: str, line: int) -> None:
    file = tmp_path / ".env"
    file.write_text(text)
    with pytest.raises(ConfigError, match=rf"\.env: line {line} is no setting") as refused:
        Settings.load(_env_file=file)
    assert "secret" not in str(refused.value)


def test_an_empty_home_is_the_usual_one_and_a_tilde_is_the_users_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARBKIT_HOME", "")
    assert Settings.load(_env_file=None).home == Path("var")
    monkeypatch.setenv("ARBKIT_HOME", "~/arbkit")
    assert Settings.load(_env_file=None).home == Path.home() / "arbkit"
    assert Settings.load(_env_file=None, home=".").home == Path()


def test_a_secret_in_another_case_is_not_inherited(tmp_path: Path) -> None:
    settings = Settings.load(_env_file=None, home=tmp_path, keepa_api_key="k" * 64)
    inherited = {"PATH": "/bin", "keepa_api_key": "k" * 64, "Arbkit_Home": "elsewhere"}
    given = settings.without_key().child_environment(inherited)
    assert "k" * 64 not in str(given)
    assert (given["PATH"], given["ARBKIT_HOME"], "Arbkit_Home" in given) == ("/bin", str(tmp_path), False)


def test_a_value_of_any_length_is_one_short_line() -> None:
    with pytest.raises(ConfigError, match=r"and \d+ more") as caught:
        Settings.load(_env_file=None, markets="x" * 100_000)
    assert len(str(caught.value)) < 2_000
