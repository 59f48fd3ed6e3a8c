"""What alerts are sent to: a webhook and a mail server on loopback, which keep what they get and fail when asked to."""

from __future__ import annotations

import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import orjson
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from arbkit.alerts.channels.webhook import signature

SECRET = "hook-secret-0123456789"


@dataclass
class Hook:
    """A webhook's receiver; ``status`` is what it answers, ``hangs`` whether it keeps its callers waiting instead."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hangs: threading.Event = field(default_factory=threading.Event)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    seen: list[dict[str, str]] = field(default_factory=list)
    tries: int = 0
    unsigned: int = 0
    release: threading.Event = field(default_factory=threading.Event)

    def times(self) -> Counter[str]:
        """How often each alert has come, by id."""
        return Counter(alert["id"] for body in list(self.bodies) for alert in body["alerts"])

    def take(self, headers: dict[str, str], body: bytes) -> int:
        self.tries += 1
        if self.hangs.is_set():
            self.release.wait(60)
        expected = signature(SECRET.encode(), headers["arbkit-timestamp"], body)
        if headers["arbkit-signature"] != f"sha256={expected}":
            self.unsigned += 1
        if self.status < 300:
            self.bodies.append(orjson.loads(body))
            self.seen.append(headers)
        return self.status


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        # Senders are killed in the middle of a message: what comes of that is seen by what has come.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def hook() -> Iterator[Hook]:
    """A running receiver."""
    one = Hook()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                # Whoever sent it was killed.
                self.close_connection = True
                return
            status = one.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            for name, value in one.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    one.url = f"http://127.0.0.1:{server.server_address[1]}/hooks/path-secret-987"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield one
    finally:
        one.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Mail:
    """A mail server; ``refuses`` is what it says to every message, empty: it takes them."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    refuses: str = ""

    @property
    def url(self) -> str:
        """Its address for apprise."""
        return f"mailto://127.0.0.1:{self.port}?from=arbkit@example.org&to=me@example.org&format=html"

    def texts(self) -> list[str]:
        """The plain text of each message."""
        parts = [message.get_body(("plain",)) for message in self.messages]
        return [part.get_content() for part in parts if part is not None]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refuses:
            return self.refuses
        found = message_from_bytes(cast("bytes", envelope.content), policy=policy.default)
        self.messages.append(found)
        return "250 taken"


@contextmanager
def mail() -> Iterator[Mail]:
    """A running mail server."""
    one = Mail()
    # It cannot say which port it was given.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        one.port = taken.getsockname()[1]
    controller = Controller(one, hostname="127.0.0.1", port=one.port)
    controller.start()
    try:
        yield one
    finally:
        controller.stop()
