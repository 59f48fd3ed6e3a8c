"""The lease of a Keepa key: of all producers that share a key and a store, on whichever machine, one spends its tokens.

The others stand by, and one of them takes over when that one ends, or has not renewed its lease for a minute.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

import orjson

from arbkit.core.closing import Closing
from arbkit.core.errors import ServiceError, StoreError
from arbkit.core.files import read_if_there, write_atomically
from arbkit.core.leases.lease import Lease
from arbkit.core.service.heartbeat import Pulse
from arbkit.core.service.identity import has_ended, this_process
from arbkit.core.settings import Settings
from arbkit.store import open_store

logger = logging.getLogger(__name__)

LENGTH_S = 60.0
"""How long others wait for a producer that died."""
_RENEW_S = LENGTH_S / 3
_ASK_AGAIN_S = 5.0
"""How often a producer that stands by asks, and one whose store did not answer."""
_TICK_S = 1.0
_HOLDER_FILE = "key.holder"
"""Under which name the producer of this home asks, and which process it is; no backup has a file of this ending."""


class KeyLease(Closing):
    """The right to spend the tokens of the key in ``settings``, asked for and renewed by :meth:`hold`.

    Without a key, and for the demo market, there is none to take: it is held always. For one thread at a time.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        key = settings.keepa_api_key.get_secret_value()
        self._name = lease_name(key) if key and settings.mode == "keepa" else None
        self._holder = ""
        self._died: str | None = None
        self._is_mine = False
        self._other: Lease | None = None
        self._fault: StoreError | None = None
        self._asked_at = 0.0
        self._said: str | None = None

    def hold(self) -> Lease | None:
        """None if the key is ours to spend now; else the lease of the one that spends it, for whom to stand by.

        The store is asked every 20 s while it is ours, and every 5 s while it is not: in between this costs nothing.
        Where the store does not answer, who has held it last goes on: it does not answer the others either.

        Raises:
            StoreError: the store does not answer, and we have not held it last: so we stand by.
        """
        if self._name is None:
            return None
        if self._is_due():
            self._ask(self._name)
        if self._is_mine:
            return None
        if self._other is None and self._fault is not None:
            raise self._fault
        return self._other

    def renew(self) -> None:
        """Keep the key over a long request or an idle wait, if it is ours; to be called with each heartbeat."""
        if self._name is not None and self._is_mine and self._is_due():
            self._ask(self._name)

    def wait_for_turn(self, *, stop: threading.Event, pulse: Pulse, may_wait: bool = True) -> bool:
        """Stand by until the key is ours to spend; False if stopped before.

        Raises:
            StoreError: the store does not answer, we have not held the key last, and nobody ``may_wait``.
            ServiceError: another one spends it, and nobody ``may_wait``.
        """
        while not stop.is_set():
            pulse.beat()
            try:
                other = self.hold()
            except StoreError as error:
                if not may_wait:
                    raise
                pulse.failed(error)
                self._say(f"{error}; whether another producer spends this key is not known, so this one stands by")
            else:
                if other is None:
                    self._said = None
                    return True
                if not may_wait:
                    why = f"{holder_words(other.holder)} spends the tokens of this Keepa key"
                    raise ServiceError(why, remedy="Stop that one first, or wait until it has ended")
                pulse.succeeded()
                self._say(f"{holder_words(other.holder)} spends the tokens of this Keepa key: this producer stands by")
            stop.wait(_TICK_S)
        return False

    def release(self) -> None:
        """Give the key up at a clean end, so that another one takes over at once."""
        if self._name is None or not self._holder:
            return
        was_mine, self._is_mine, self._asked_at = self._is_mine, False, 0.0
        try:
            with open_store(self._settings) as store:
                store.drop_lease(self._name, self._holder)
        except StoreError as error:
            if was_mine:
                logger.warning("%s; the next producer of this key waits for up to %.0f s", error, LENGTH_S)

    def close(self) -> None:
        """As :meth:`release`."""
        self.release()

    def _is_due(self) -> bool:
        every_s = _RENEW_S if self._is_mine and self._fault is None else _ASK_AGAIN_S
        # A clock that was set back must not keep it from being renewed.
        return not 0 <= self._clock() - self._asked_at < every_s

    def _ask(self, name: str) -> None:
        if not self._holder:
            self._holder, self._died = _announce(self._settings)
        self._asked_at = self._clock()
        try:
            with open_store(self._settings) as store:
                if self._died is not None:
                    store.drop_lease(name, self._died)
                    self._died = None
                found = store.take_lease(name, self._holder, seconds=LENGTH_S, now=self._asked_at)
        except StoreError as error:
            if self._is_mine and self._fault is None:
                logger.warning("%s; the lease of the Keepa key is not renewed, and this producer goes on", error)
            # Counted from now: a store that is slow to fail is not asked again at once.
            self._fault, self._other, self._asked_at = error, None, self._clock()
        else:
            self._fault = None
            was_mine, self._is_mine = self._is_mine, found.holder == self._holder
            self._other = None if self._is_mine else found
            if was_mine and not self._is_mine:
                logger.warning("%s has taken over: this producer did not renew its lease", holder_words(found.holder))

    def _say(self, what: str) -> None:
        if what != self._said:
            logger.warning("%s", what)
        self._said = what


def lease_name(key: str) -> str:
    """The name of a key's lease: it tells keys apart, and nobody the key."""
    return hashlib.sha256(f"arbkit{key}".encode()).hexdigest()[:16]


def holder_words(holder: str) -> str:
    """Whom people know the holder of a lease as: ``host (pid)``."""
    host, _, rest = holder.partition("/")
    return f"{host} ({rest.partition('/')[0]})"


def _announce(settings: Settings) -> tuple[str, str | None]:
    """A name for this process to hold leases under, and that of the producer of this home that is known to have died.

    Nobody has to wait for that one. A home has one producer at a time.
    """
    path = settings.home / _HOLDER_FILE
    died = None
    with suppress(ValueError, KeyError, TypeError, AttributeError, ServiceError):
        before = orjson.loads(read_if_there(path) or b"{}")
        died = str(before["holder"]) if has_ended(before["process"]) else None
    holder = f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:12]}"
    # Where it cannot be written, the next producer of this home waits until the lease of this one has ended.
    with suppress(ServiceError):
        write_atomically(path, orjson.dumps({"holder": holder, "process": this_process()}))
    return holder, died
