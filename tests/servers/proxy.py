"""A proxy before a real Elasticsearch that answers some requests itself: the faults a server shows only seldom."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

__all__ = ["Fault", "Proxy", "error_body"]

Fault = Callable[[str, str, bytes], tuple[int, Any] | None]
"""From method, path and body to a status and a JSON body in the server's place, or None to let it answer."""


class Proxy:
    """Forwards to ``target`` what :attr:`fault` leaves to it; ``seen`` counts all requests."""

    def __init__(self, target: str) -> None:
        self.fault: Fault = lambda method, path, body: None
        self.seen = 0
        address = urlsplit(target)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                proxy.seen += 1
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                made = proxy.fault(self.command, self.path, body)
                if made is None:
                    status, content, kind = self.forward(body)
                else:
                    status, content, kind = made[0], json.dumps(made[1]).encode(), "application/json"
                self.send_response(status)
                self.send_header("X-Elastic-Product", "Elasticsearch")
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def forward(self, body: bytes) -> tuple[int, bytes, str]:
                connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
                try:
                    headers = {n: v for n, v in self.headers.items() if n.lower() in ("content-type", "accept")}
                    connection.request(self.command, self.path, body, headers)
                    answer = connection.getresponse()
                    return answer.status, answer.read(), answer.headers.get("Content-Type", "application/json")
                finally:
                    connection.close()

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815 - the library's names

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def error_body(kind: str, reason: str, status: int) -> dict[str, Any]:
    """An error as Elasticsearch words it."""
    cause = {"type": kind, "reason": reason}
    return {"error": {**cause, "root_cause": [cause]}, "status": status}
