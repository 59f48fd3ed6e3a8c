"""How large a request to the API may be, and how long it may take to come."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from uvicorn.protocols.http.h11_impl import H11Protocol

from arbkit.web.http import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_HEADERS = 32 << 10
"""Bytes of a request's line and headers: the longest cursor and all filters together are a tenth of it."""
LARGEST_BODY = 1 << 20
"""Bytes of a body: 10,000 products for the watchlist are a tenth of it."""
BODY_S = 30.0
"""Seconds in which a body must have come: a phone on a slow network sends a megabyte in less."""
_TOO_LARGE = f"A body may have {LARGEST_BODY:,} bytes"
HEADERS_S = 10.0
"""Seconds that a connection may take to begin a request, or to send all of its headers."""


class Bounds:
    """ASGI middleware: refuses bodies that are too large or come too slowly."""

    def __init__(self, app: ASGIApp, *, body_s: float = BODY_S) -> None:
        self._app = app
        self._body_s = body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 413 or 408."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        if len(declared) > len(str(LARGEST_BODY)) or (declared.isdecimal() and int(declared) > LARGEST_BODY):
            await problem(413, _TOO_LARGE, headers={"Connection": "close"})(scope, receive, send)
            return
        deadline = asyncio.get_running_loop().time() + self._body_s
        taken, complete = 0, False

        async def bounded() -> Message:
            nonlocal taken, complete
            if complete:
                # Only the end of the connection can follow, and that may take as long as the answer does.
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"The body did not come within {self._body_s:.0f} seconds") from None
            taken += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if taken > LARGEST_BODY:
                raise HTTPException(413, _TOO_LARGE, {"Connection": "close"})
            return message

        await self._app(scope, bounded, send)


class BoundedConnection(H11Protocol):
    """Closes a connection that neither asks anything nor finishes its headers, nor reads the end of its last answer."""

    _seen: object = None
    _unread = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch it."""
        super().connection_made(transport)
        self.loop.call_later(HEADERS_S, self._look)

    def _look(self) -> None:
        if self.transport.is_closing():
            self._cut_if_unread()
            return
        at_work = self.cycle is not None and not self.cycle.response_complete
        if not at_work and self.cycle is self._seen:
            self.transport.close()
            return
        self._seen = self.cycle
        self.loop.call_later(HEADERS_S, self._look)

    def _cut_if_unread(self) -> None:
        """A closed connection waits until all is read: for who reads nothing at all, not any longer."""
        unread = self.transport.get_write_buffer_size()
        if unread and unread == self._unread:
            self.transport.abort()
        elif unread:
            self._unread = unread
            self.loop.call_later(HEADERS_S, self._look)
