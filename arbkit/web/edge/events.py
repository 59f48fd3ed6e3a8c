"""The stream of events: opportunities, ended ones and alerts as they happen, for who keeps a connection open."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request, Response

from arbkit.core.errors import ArbkitError
from arbkit.core.results import JsonObject
from arbkit.core.service.api_keys import Caller, KeyRing
from arbkit.web.edge.feed import Event, EventFeed, Position
from arbkit.web.edge.guard import caller_of
from arbkit.web.edge.streaming import PieceByPiece, Slots
from arbkit.web.http import ANY_ROUTE, problem_responses, refuse_unknown, without_paths

HEARTBEAT_S = 15.0
"""Seconds without an event after which something is sent: proxies close a connection that is silent for a minute."""
MOST_READERS = 32
_RETRY_MS = 2_000
_GAP = "events after your last one are kept no longer: look at /arbitrage for what there is now"
_STREAM = "text/event-stream"

router = APIRouter(tags=["events"], dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE))


class EventStream(Response):
    """Names the form of the answer."""

    media_type = _STREAM


_ANSWER = {
    "description": "Events, each with `id`, `event` and its JSON as `data`",
    "content": {_STREAM: {"schema": {"type": "string"}}},
}


@router.get("/events", response_class=EventStream, responses={200: _ANSWER, **problem_responses(503)})
async def events(
    request: Request,
    last_event_id: Annotated[str | None, Header(max_length=4_000, description="go on after this `id`")] = None,
    after: Annotated[str | None, Query(max_length=4_000, description="as the header, for who can set none")] = None,
    max_seconds: Annotated[
        float | None, Query(gt=0, le=86_400, description="end after this time; default: never")
    ] = None,
) -> Response:
    """What happens from now on, or after the last event that you have seen, as server-sent events.

    ``event`` is ``opportunity`` (a route became one), ``ended`` (it is none any more) or ``alert`` (what a rule made of
    it); ``gap`` says that some are kept no longer, ``closed`` why the stream ends. Who reconnects with the last ``id``
    misses nothing, also after a restart; an event may come twice, under the same ``id`` in its data.
    """
    feed: EventFeed = request.app.state.feed
    readers: Slots = request.app.state.readers
    known = last_event_id or after
    position = Position.parse(known) if known else await feed.now()
    reader = _Reader(request, feed, position, None if max_seconds is None else time.monotonic() + max_seconds)
    return PieceByPiece(reader.pieces(), readers, media_type=_STREAM, headers={"X-Accel-Buffering": "no"})


class _Reader:
    """Who reads the stream: how far, until when, and by whose key."""

    def __init__(self, request: Request, feed: EventFeed, position: Position, until: float | None) -> None:
        self._settings = request.app.state.shared.settings
        self._keys: KeyRing = request.app.state.keys
        self._caller: Caller | None = caller_of(request.scope)
        self._feed = feed
        self._position = position
        self._until = until

    async def pieces(self) -> AsyncGenerator[bytes]:
        yield b"retry: %d\nid: %s\n\n" % (_RETRY_MS, str(self._position).encode())
        said_at = time.monotonic()
        while (why := self._ending()) is None:
            try:
                batch = await self._feed.after(self._position)
            except ArbkitError as error:
                why = without_paths(self._settings, str(error))
                break
            moved = batch.position != self._position
            self._position = batch.position
            if batch.gap:
                yield _piece("gap", batch.position, {"why": _GAP})
            if batch.events:
                yield b"".join(map(_event, batch.events))
                said_at = time.monotonic()
            elif time.monotonic() - said_at >= HEARTBEAT_S:
                # With the position: who reconnects after hours of silence goes on from here.
                yield b": nothing happened\nid: %s\n\n" % str(self._position).encode()
                said_at = time.monotonic()
            if not moved:
                await self._feed.rest()
        if why:
            yield _piece("closed", self._position, {"why": why})

    def _ending(self) -> str | None:
        """Why it is over, in words, empty if nobody need be told; None: it is not."""
        if self._feed.stopped:
            return "the API is being stopped; reconnect soon"
        try:
            if self._caller is not None and not self._keys.is_valid(self._caller):
                return "your key has expired, or is revoked"
        except ArbkitError:
            return "whether your key is still good cannot be known now"
        return "" if self._until is not None and time.monotonic() >= self._until else None


def _event(event: Event) -> bytes:
    return _piece(event.kind, event.position, event.data)


def _piece(kind: str, position: Position, data: JsonObject) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (str(position).encode(), kind.encode(), orjson.dumps(data))
