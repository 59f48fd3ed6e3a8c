"""Keys of the API: shown once, kept as hashes, good until they expire or are revoked, in whatever process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from arbkit.core.errors import ServiceError, UsageError
from arbkit.core.service.api_keys import KeyRing, home_token, keys_file, parse_duration, parse_scope, token_file
from arbkit.core.settings import Settings

NOON = 1_790_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ring(settings: Settings, clock: Clock) -> KeyRing:
    return KeyRing(settings, clock=clock)


def test_a_key_lets_in_and_its_file_does_not_hold_it(ring: KeyRing, settings: Settings) -> None:
    made = ring.add("tool", "write")
    caller = ring.caller(made.secret.encode())
    assert caller is not None
    assert (caller.name, caller.scope) == ("tool", "write")
    assert [caller.may(scope) for scope in ("read", "write", "admin")] == [True, True, False]
    assert len(made.secret) >= 43
    file = keys_file(settings)
    assert made.secret not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "sha256" not in made.about.model_dump()
    assert ring.caller(b"arbkit_wrong") is None
    assert ring.caller(b"") is None
    assert ring.caller(caller.sha256.encode()) is None


def test_a_key_is_good_until_it_expires(ring: KeyRing, clock: Clock) -> None:
    secret = ring.add("tool", lasts_s=parse_duration("30m")).secret.encode()
    caller = ring.caller(secret)
    assert caller is not None
    clock.now += 1_799
    assert ring.is_valid(caller)
    clock.now += 1
    assert not ring.is_valid(caller)
    assert ring.caller(secret) is None
    assert [key.name for key in ring.listed()] == ["tool"]
    assert not ring.has_any()


def test_another_process_sees_a_key_and_its_revocation_at_once(ring: KeyRing, settings: Settings) -> None:
    api = KeyRing(settings)
    assert api.caller(b"none") is None
    secret = ring.add("tool").secret.encode()
    caller = api.caller(secret)
    assert caller is not None
    assert ring.revoke("tool")
    assert api.caller(secret) is None
    assert not api.is_valid(caller)
    assert not ring.revoke("tool")


def test_a_key_that_is_made_anew_under_the_same_name_is_another_one(ring: KeyRing) -> None:
    first = ring.caller(ring.add("tool").secret.encode())
    assert first is not None
    with pytest.raises(UsageError, match="there is a key of this name"):
        ring.add("tool")
    ring.revoke("tool")
    ring.add("tool", "admin")
    assert not ring.is_valid(first)


def test_its_use_is_noted_once_a_minute(ring: KeyRing, settings: Settings, clock: Clock) -> None:
    caller = ring.caller(ring.add("tool").secret.encode())
    assert caller is not None
    assert ring.listed()[0].used_at is None
    assert ring.is_use_due(caller)
    ring.note_use(caller)
    written = keys_file(settings).stat().st_mtime_ns
    assert ring.listed()[0].used_at == NOON
    clock.now += 59
    assert not ring.is_use_due(caller)
    # Another API has not noted it, but sees that it is.
    other = KeyRing(settings, clock=clock)
    assert other.is_use_due(caller)
    other.note_use(caller)
    assert keys_file(settings).stat().st_mtime_ns == written
    clock.now += 1
    ring.note_use(caller)
    assert ring.listed()[0].used_at == NOON + 60


def test_a_note_brings_no_revoked_key_back(ring: KeyRing) -> None:
    caller = ring.caller(ring.add("tool").secret.encode())
    assert caller is not None
    ring.revoke("tool")
    ring.note_use(caller)
    assert ring.listed() == []


@pytest.mark.parametrize("name", ["", "a b", "ü", "-x", "x" * 65, "../x", "a\n"])
def test_a_name_is_one_that_every_line_of_a_log_can_hold(ring: KeyRing, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        ring.add(name)


@pytest.mark.parametrize(("text", "seconds"), [("90d", 7_776_000), ("12h", 43_200), ("30m", 1_800)])
def test_a_duration_is_days_hours_or_minutes(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("parse", [parse_duration, parse_scope])
@pytest.mark.parametrize("text", ["", "0d", "-1d", "1y", "1.5h", "99999d", "d", "write,admin"])
def test_what_is_neither_a_duration_nor_a_scope_is_refused(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_the_token_of_a_home_is_private_and_stays(settings: Settings) -> None:
    token = home_token(settings)
    path = token_file(settings)
    assert path.stat().st_mode & 0o777 == 0o600
    assert home_token(settings) == token
    ring = KeyRing(settings)
    assert not ring.has_any()
    ring.admit("home", token)
    caller = ring.caller(token.encode())
    assert caller is not None
    assert (caller.name, caller.scope) == ("home", "admin")
    # Others were let read it: it is worth nothing any more.
    path.chmod(0o644)
    assert home_token(settings) != token
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_lets_nobody_in_and_is_named(ring: KeyRing, settings: Settings) -> None:
    secret = ring.add("tool").secret.encode()
    keys_file(settings).write_text("[{")
    with pytest.raises(ServiceError, match="is damaged"):
        ring.caller(secret)
    with pytest.raises(ServiceError, match="is damaged"):
        ring.add("other")


def test_what_services_share_includes_the_keys(settings: Settings) -> None:
    shared = settings.model_copy(update={"shared": settings.home.parent / "shared"})
    KeyRing(shared).add("tool")
    other = shared.model_copy(update={"home": settings.home.parent / "other"})
    assert [key.name for key in KeyRing(other).listed()] == ["tool"]
