"""One line of the log for each request: what was asked, by whose key, what came of it and how long that took."""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING

from arbkit.core.formatting import printable
from arbkit.web.edge.guard import OPEN_PATHS, caller_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

_LONGEST = 300
"""Characters of an address that are logged."""
_SECRET = re.compile(r"((?:^|&)[^=&]*(?:key|token|secret|passw|auth|sig)[^=&]*=)[^&]*", re.IGNORECASE)
_QUIET = OPEN_PATHS | {"/metrics"}
"""What machines ask all the time: logged only where it fails, or details are wanted."""
_NO_ANSWER = 499
"""The status that is logged where the caller left before one was sent."""


class RequestLog:
    """ASGI middleware: logs each request when its answer has been sent, whole or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and log what came of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = _NO_ANSWER, time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:
            # Its answer is made further out.
            status = 500
            raise
        finally:
            level = logging.DEBUG if scope["path"] in _QUIET and status < 400 else logging.INFO
            if logger.isEnabledFor(level):
                caller = caller_of(scope)
                logger.log(
                    level,
                    "%s %s %d %.0f ms%s",
                    scope["method"],
                    shown_address(scope),
                    status,
                    1_000 * (time.perf_counter() - began),
                    f" key={caller.name}" if caller else "",
                )


def shown_address(scope: Scope) -> str:
    """The path and query of a request as a log may show them: without secrets, on one line, not too long."""
    path = scope.get("raw_path") or scope["path"].encode()
    query = _SECRET.sub(r"\1…", scope["query_string"].decode("latin-1"))
    shown = printable(path.decode("latin-1") + (f"?{query}" if query else "")).replace("\n", " ")
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
