"""Requests as bytes on a socket, however wrong they are, and what comes back."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Answer", "Client", "Request"]

_PATIENCE_S = 120.0
_STREAM_BYTES = 1 << 16
Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as it goes out.

    ``whole``: it is well-formed HTTP and complete, so that an answer must come. ``source``: the loopback address it
    comes from; empty: the usual one. ``stream``: its answer may never end.
    """

    method: bytes
    target: bytes
    headers: Sequence[Header]
    body: bytes = b""
    whole: bool = True
    stream: bool = False
    source: str = ""

    @property
    def data(self) -> bytes:
        """Its bytes."""
        lines = [b"%s %s HTTP/1.1" % (self.method, self.target), *(b"%s: %s" % header for header in self.headers)]
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body

    def __str__(self) -> str:
        head = b" | ".join(b"%s: %s" % (name, value[:200]) for name, value in self.headers)
        return f"{self.method!r} {self.target[:1_500]!r} {head!r} {self.body[:500]!r}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``status`` 0: the connection was closed without an answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def kind(self) -> str:
        """The media type of the body."""
        return self.headers.get("content-type", "").partition(";")[0]


class Client:
    """Sends requests over one connection, and over a new one wherever that is closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def send(self, request: Request) -> Answer:
        """Send one, and read its answer.

        Raises:
            TimeoutError: neither an answer came nor was the connection closed.
        """
        if request.source:
            with contextlib.closing(Client(self._port)) as other:
                return other._ask(request, other._connect(request.source))
        fresh = self._socket is None
        answer = self._ask(request, self._socket or self._connect())
        if answer.status == 0 and not fresh:
            # The server may have closed what was idle, just as it was used again.
            answer = self._ask(request, self._connect())
        return answer

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self, source: str = "") -> socket.socket:
        place = (source, 0) if source else None
        self._socket = socket.create_connection(("127.0.0.1", self._port), _PATIENCE_S, source_address=place)
        return self._socket

    def _ask(self, request: Request, connection: socket.socket) -> Answer:
        response = http.client.HTTPResponse(connection, method=request.method.decode("latin-1"))
        try:
            # Who refuses a request early may close while the rest of it is sent; the answer is there all the same.
            with contextlib.suppress(ConnectionError):
                connection.sendall(request.data)
                if not request.whole:
                    # Nothing more comes: the server need not wait for the rest.
                    connection.shutdown(socket.SHUT_WR)
            response.begin()
            body = response.read(_STREAM_BYTES) if request.stream else response.read()
        except (ConnectionError, http.client.HTTPException):
            self.close()
            return Answer(0, http.client.HTTPMessage(), b"")
        finally:
            ended = response.isclosed() and not response.will_close
            response.close()
        if not (ended and request.whole):
            self.close()
        return Answer(response.status, response.headers, body)
