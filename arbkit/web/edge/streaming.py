"""Answers that go on: sent piece by piece to who reads them, given up where nobody does, a few at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from starlette.responses import Response

from arbkit.web.http import problem

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

STALL_S = 30.0
"""Seconds for which a reader may take nothing: then its connection is closed, and whoever waits has its slot."""
_RETRY_S = 5


class BrokenOffError(Exception):
    """A stream ends here and is not whole: its connection is cut, so that nobody takes it for all."""


class Slots:
    """How many answers of a kind may be under way at once."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self.taken = 0

    def take(self) -> bool:
        """Take one, to be given back; False if there is none left."""
        if self.taken >= self._most:
            return False
        self.taken += 1
        return True

    def give_back(self) -> None:
        """Give one back."""
        self.taken -= 1

    def full(self) -> Response:
        """The answer to who finds none left."""
        detail = f"{self._most} {self._what} are under way already; try again when one has ended"
        return problem(503, detail, headers={"Retry-After": str(_RETRY_S)})


class PieceByPiece(Response):
    """The pieces of ``source``, each asked for when the one before it has been taken: memory does not grow.

    It needs one of ``slots``, and is 503 where none is left. Who reads nothing for :data:`STALL_S` is cut off.
    """

    def __init__(
        self, source: AsyncGenerator[bytes], slots: Slots, *, media_type: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(None, 200, {"Cache-Control": "no-store", **(headers or {})}, media_type)
        del self.headers["content-length"]
        self._source = source
        self._slots = slots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        if not self._slots.take():
            await self._slots.full()(scope, receive, send)
            return
        gone, sending = asyncio.create_task(_until_gone(receive)), asyncio.create_task(self._send(scope, send))
        try:
            await asyncio.wait((gone, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            sending.cancel()
            await asyncio.gather(gone, sending, return_exceptions=True)
            self._slots.give_back()
        if not sending.cancelled() and (error := sending.exception()) is not None:
            raise error

    async def _send(self, scope: Scope, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for piece in self._source:
                await _to_reader(send, {"type": "http.response.body", "body": piece, "more_body": True})
            await _to_reader(send, {"type": "http.response.body", "body": b"", "more_body": False})
        except BrokenOffError:
            # Without its end the transfer is not whole, which every client notices.
            logger.warning("%s %s was broken off", scope["method"], scope["path"])
        except TimeoutError:
            logger.warning(
                "%s %s: nothing was read for %.0f s, so it is closed", scope["method"], scope["path"], STALL_S
            )
        finally:
            close = getattr(self._source, "aclose", None)
            if close is not None:
                await close()


async def _to_reader(send: Send, message: Message) -> None:
    async with asyncio.timeout(STALL_S):
        await send(message)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
