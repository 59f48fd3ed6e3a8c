"""Who may ask what: on loopback everybody may read, and what changes anything needs a key; elsewhere all does."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware

from arbkit.core.errors import ArbkitError, ConfigError
from arbkit.core.service.addresses import is_loopback
from arbkit.core.service.api_keys import TOKEN_FILE, Caller, KeyRing, Scope
from arbkit.core.service.failed_logins import FailedLogins
from arbkit.core.settings import Settings
from arbkit.web.http import problem, scope_needed

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Send
    from starlette.types import Scope as Asked

logger = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/", "/health", "/health/live", "/health/ready", "/docs", "/openapi.json"})
"""What says nothing that the package itself does not: whether the service runs, and how to ask it."""
_CALLER = "arbkit.caller"
_HOW = "as `Authorization: Bearer …` or `X-API-Key`"
_REMEDY = f"Send the token in $ARBKIT_HOME/{TOKEN_FILE} {_HOW}, or a key of `arbkit api keys add NAME --scope"


def caller_of(asked: Asked) -> Caller | None:
    """Whose key a request came with; None: it came without one."""
    caller: Caller | None = asked.get(_CALLER)
    return caller


class Guard:
    """ASGI middleware: lets in to what the caller may, and notes who it is.

    On loopback a host name that does not mean this machine is refused. An address that gave too many wrong keys must
    wait.

    Raises:
        ConfigError: the address is not loopback, and there is neither a token nor a key.
        ServiceError: the file of the keys cannot be read.
    """

    def __init__(self, app: ASGIApp, settings: Settings, keys: KeyRing) -> None:
        self._app = app
        self._keys = keys
        self._failed = FailedLogins()
        self._notes: set[asyncio.Task[None]] = set()
        self._hosts: list[str] = []
        if is_loopback(settings.host):
            own = f"[{settings.host}]" if ":" in settings.host else settings.host
            # A page on another site may point its own name at 127.0.0.1; the Host header gives it away.
            self._hosts = ["127.0.0.1", "localhost", "[::1]", own]
        elif not keys.has_any():
            raise ConfigError(
                f"{settings.host} can be reached from outside, and there is neither a token nor a key",
                field="ARBKIT_TOKEN",
                remedy="Set ARBKIT_TOKEN, make a key with `arbkit api keys add NAME`, or bind to 127.0.0.1",
            )

    async def __call__(self, scope: Asked, receive: Receive, send: Send) -> None:
        """Pass the request on if it may be answered, else refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._hosts:
            await self._check_host(scope, receive, send)
        else:
            await self._check_key(scope, receive, send)

    async def _check_key(self, scope: Asked, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        caller = caller_of(scope)
        if caller is not None and self._keys.is_use_due(caller):
            # Nobody waits for it, and it is kept from being collected while it runs.
            note = asyncio.create_task(self._note_use(caller))
            self._notes.add(note)
            note.add_done_callback(self._notes.discard)
        await self._app(scope, receive, send)

    async def _note_use(self, caller: Caller) -> None:
        try:
            await run_in_threadpool(self._keys.note_use, caller)
        except ArbkitError as error:
            logger.warning("the use of the key %s is not noted: %s", caller.name, error)

    def _refusal(self, scope: Asked) -> Response | None:
        """The answer to who may not; None for who may, whose key is noted in the scope."""
        needed = scope_needed(scope["method"], scope["path"])
        given = _given_key(Headers(scope=scope))
        if scope["path"] in OPEN_PATHS:
            return None
        if not given:
            return None if self._hosts and needed == "read" else self._unknown(needed)
        address = (scope.get("client") or ("",))[0]
        if wait := self._failed.wait_s(address):
            detail = f"Too many wrong keys came from this address; try again in {wait} seconds"
            return problem(429, detail, headers={"Retry-After": str(wait)})
        caller = self._known(given)
        if caller is None:
            self._failed.note(address)
            detail = "This key is unknown, has expired or was revoked"
            return problem(401, detail, headers={"WWW-Authenticate": "Bearer"})
        if not caller.may(needed):
            detail = f"The key {caller.name} is for {caller.scope}, and this needs one for {needed}"
            return problem(403, detail)
        scope[_CALLER] = caller
        return None

    def _known(self, given: bytes) -> Caller | None:
        try:
            return self._keys.caller(given)
        except ArbkitError as error:
            # Nobody is let in by a file that cannot be read, and nothing of it is said to who is not let in.
            logger.error("no key is good: %s", error)
            return None

    def _unknown(self, needed: Scope) -> Response:
        why = "Every address but /health, /docs and /openapi.json asks for a key."
        if self._hosts:
            why = (
                "This changes what the user has, so it asks for a key." if needed == "write" else "Keys ask for a key."
            )
        detail = f"{why} {_REMEDY} {needed}`"
        return problem(401, detail, headers={"WWW-Authenticate": "Bearer"})

    async def _check_host(self, scope: Asked, receive: Receive, send: Send) -> None:
        passed = False

        async def inner(scope: Asked, receive: Receive, _: Send) -> None:
            nonlocal passed
            passed = True
            await self._check_key(scope, receive, send)

        async def swallow(message: Message) -> None:
            """Starlette's refusal is plain text; ours follows below."""

        await TrustedHostMiddleware(inner, self._hosts, www_redirect=False)(scope, receive, swallow)
        if not passed:
            await problem(400, "This host name is not served here; use 127.0.0.1 or localhost")(scope, receive, send)


def _given_key(headers: Headers) -> bytes:
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    given = bearer.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
    return given.encode("latin-1")
