"""Who may ask the API: keys that its user hands out, kept as hashes, and the token of a home.

Keys lie in a file of the user's, beside what he typed: a store that is down, replaced or shared with others decides
nothing about who may ask, and every API that shares the folder sees a key from the next request on, or no more.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
import stat
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from arbkit.core.errors import ServiceError, UsageError
from arbkit.core.files import changing, read_if_there, write_atomically, writing
from arbkit.core.results import Result
from arbkit.core.settings import Settings

logger = logging.getLogger(__name__)

Scope = Literal["read", "write", "admin"]
"""What a key lets in to: each scope includes those before it; ``admin`` also makes and revokes keys."""
_RANKS: dict[Scope, int] = {"read": 0, "write": 1, "admin": 2}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PREFIX = "arbkit_"
"""Lets people, and scanners for leaked secrets, see what it is."""
_BYTES = 32
_PRIVATE = 0o600
_MOST_KEYS = 1_000
_NOTE_EVERY_S = 60.0
_LONGEST_S = 10 * 366 * 86_400.0
_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_UNITS_S = {"m": 60.0, "h": 3_600.0, "d": 86_400.0}
TOKEN_FILE = "api.token"  # noqa: S105 - a name
KEYS_FILE = "api-keys.json"


class ApiKey(Result):
    """What is known of a key of the API; times in Unix seconds, null: never."""

    name: str
    scope: Scope
    created_at: float
    expires_at: float | None
    used_at: float | None = Field(description="when it was last used, to the minute")


class _StoredKey(ApiKey):
    """A key is 256 random bits: nobody finds it by trying, so a plain SHA-256 hides it as well as a slow hash would."""

    sha256: str


_FILE = TypeAdapter(list[_StoredKey])


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was made, with its ``secret``, which is shown this once and kept nowhere."""

    about: ApiKey
    secret: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name of a key, what it lets in to, and its hash, by which it is found again."""

    name: str
    scope: Scope
    sha256: str

    def may(self, wanted: Scope) -> bool:
        """Whether this is let in to that."""
        return _RANKS[self.scope] >= _RANKS[wanted]


def keys_file(settings: Settings) -> Path:
    """The file of the keys, which all services share that share what users made."""
    return settings.facts_file.with_name(KEYS_FILE)


def token_file(settings: Settings) -> Path:
    """The file with the token of this home, which only its user may read."""
    return settings.home / TOKEN_FILE


def home_token(settings: Settings) -> str:
    """The token by which whoever may read this home's private files may do all; made where there is none yet.

    One that others were let read is replaced.

    Raises:
        ServiceError: it can be neither read nor written.
    """
    path = token_file(settings)
    with changing(path):
        if (known := read_if_there(path)) and _is_private(path):
            return known.decode("ascii", "replace").strip()
        with writing(path):
            path.unlink(missing_ok=True)
        token = secrets.token_urlsafe(_BYTES)
        write_atomically(path, f"{token}\n".encode(), rights=_PRIVATE)
        return token


def _is_private(path: Path) -> bool:
    found = path.stat()
    # Windows has neither such bits nor such owners.
    return os.name == "nt" or (found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def parse_duration(text: str) -> float:
    """The seconds of ``90d``, ``12h`` or ``30m``.

    Raises:
        UsageError: it is no such time, or longer than ten years.
    """
    found = _DURATION.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS_S[found[2]] if found else 0.0
    if not 0 < seconds <= _LONGEST_S:
        remedy = "Write 90d (days), 12h (hours) or 30m (minutes), ten years at most"
        raise UsageError("is no time from now", field="expires", value=text[:40], remedy=remedy)
    return seconds


def parse_scope(text: str) -> Scope:
    """The scope of this name.

    Raises:
        UsageError: there is none.
    """
    for scope in _RANKS:
        if text.strip().lower() == scope:
            return scope
    raise UsageError("is no scope", field="scope", value=text[:40], remedy=f"Use one of {', '.join(_RANKS)}")


class KeyRing:
    """The keys of the API as its file holds them now, with ``ARBKIT_TOKEN`` as an admin's.

    Safe to use from several threads and processes at once. ``clock`` gives Unix seconds.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self._path = keys_file(settings)
        self._clock = clock
        token = settings.token.get_secret_value()
        self._own = [Caller("ARBKIT_TOKEN", "admin", _hash(token.encode()))] if token else []
        self._lock = threading.Lock()
        self._read_as: tuple[int, int, int] | None = None
        self._known: Sequence[_StoredKey] = ()
        self._noted: dict[str, float] = {}

    def admit(self, name: str, token: str) -> None:
        """Let in whoever has this token, as an admin; ``name`` is what he is called."""
        self._own = [*self._own, Caller(name, "admin", _hash(token.encode()))]

    def listed(self) -> list[ApiKey]:
        """The keys that were handed out, also expired ones, in the order in which they were made.

        Raises:
            ServiceError: their file cannot be read.
        """
        return [_public(key) for key in self._stored()]

    def caller(self, given: bytes) -> Caller | None:
        """Whose key this is; None: nobody's, or it has expired.

        Raises:
            ServiceError: the file of the keys cannot be read.
        """
        digest, now = _hash(given), self._clock()
        # A damaged file of keys does not keep the user himself out.
        if (own := _matching(self._own, digest)) is not None:
            return own
        good = [_caller(key) for key in self._stored() if key.expires_at is None or now < key.expires_at]
        return _matching(good, digest)

    def is_valid(self, caller: Caller) -> bool:
        """Whether a key that was good is so still: neither revoked nor expired, nor let in to less.

        Raises:
            ServiceError: the file of the keys cannot be read.
        """
        now = self._clock()
        return caller in self._own or any(
            _caller(key) == caller and (key.expires_at is None or now < key.expires_at) for key in self._stored()
        )

    def has_any(self) -> bool:
        """Whether anybody is let in: by ``ARBKIT_TOKEN``, or a key that has not expired.

        Raises:
            ServiceError: the file of the keys cannot be read.
        """
        now = self._clock()
        return bool(self._own) or any(key.expires_at is None or now < key.expires_at for key in self._stored())

    def is_use_due(self, caller: Caller) -> bool:
        """Whether the use of a key now is to be noted: the last note is a minute old, and it is one of the file."""
        return caller not in self._own and self._clock() - self._noted.get(caller.name, 0.0) >= _NOTE_EVERY_S

    def note_use(self, caller: Caller) -> None:
        """Keep that a key was used now, once a minute at most.

        Raises:
            ServiceError: the file cannot be written.
        """
        now = self._clock()
        # Before it is written: what fails is not tried again with each request.
        self._noted[caller.name] = now
        with changing(self._path):
            known = self._read()
            changed = [
                key.model_copy(update={"used_at": now})
                if _caller(key) == caller and now - (key.used_at or 0.0) >= _NOTE_EVERY_S
                else key
                for key in known
            ]
            if changed != known:
                self._write(changed)

    def add(self, name: str, scope: Scope = "read", *, lasts_s: float | None = None) -> NewKey:
        """Make a key; ``lasts_s``: for how long it is good (None: until it is revoked).

        Raises:
            UsageError: the name cannot be one, is taken, or there are too many keys.
            ServiceError: the file cannot be written.
        """
        if _NAME.fullmatch(name) is None:
            remedy = "Use up to 64 letters, digits, dots, dashes and underscores"
            raise UsageError("cannot be the name of a key", field="name", value=name[:80], remedy=remedy)
        secret, now = _PREFIX + secrets.token_urlsafe(_BYTES), self._clock()
        with changing(self._path):
            known = self._read()
            if any(key.name == name for key in known):
                remedy = f"Name it otherwise, or `arbkit api keys revoke {name}` first"
                raise UsageError("there is a key of this name", field="name", value=name, remedy=remedy)
            if len(known) >= _MOST_KEYS:
                raise UsageError(f"there are {_MOST_KEYS:,} keys", field="name", remedy="Revoke some first")
            made = _StoredKey(
                name=name,
                scope=scope,
                created_at=now,
                expires_at=None if lasts_s is None else now + lasts_s,
                used_at=None,
                sha256=_hash(secret.encode()),
            )
            self._write([*known, made])
        return NewKey(_public(made), secret)

    def revoke(self, name: str) -> bool:
        """Let the key of this name in no more, from now on; False if there is none.

        Raises:
            ServiceError: the file cannot be written.
        """
        with changing(self._path):
            known = self._read()
            left = [key for key in known if key.name != name]
            if len(left) == len(known):
                return False
            self._write(left)
        return True

    def _stored(self) -> Sequence[_StoredKey]:
        """The keys of the file, read anew when it has changed."""
        with self._lock:
            try:
                found = self._path.stat()
            except FileNotFoundError:
                self._read_as, self._known = None, ()
                return ()
            except OSError:
                # Reading it says why, as an error of ours.
                return self._read()
            there = (found.st_ino, found.st_mtime_ns, found.st_size)
            if there != self._read_as:
                self._known, self._read_as = self._read(), there
            return self._known

    def _read(self) -> list[_StoredKey]:
        data = read_if_there(self._path)
        try:
            return _FILE.validate_json(data) if data else []
        except ValidationError:
            remedy = "Mend the file, or remove it: its keys are good no more then"
            raise ServiceError("is damaged", field=str(self._path), remedy=remedy) from None

    def _write(self, keys: Sequence[_StoredKey]) -> None:
        rows = [key.model_dump(mode="json") for key in keys]
        write_atomically(self._path, orjson.dumps(rows, option=orjson.OPT_INDENT_2) + b"\n", rights=_PRIVATE)


def _hash(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


def _matching(callers: Sequence[Caller], digest: str) -> Caller | None:
    """Which of these has this hash; all are compared, and each takes as long whatever it is."""
    found = None
    for one in callers:
        if hmac.compare_digest(one.sha256, digest):
            found = one
    return found


def _caller(key: _StoredKey) -> Caller:
    return Caller(key.name, key.scope, key.sha256)


def _public(key: _StoredKey) -> ApiKey:
    return ApiKey.model_validate(key.model_dump(exclude={"sha256"}))
