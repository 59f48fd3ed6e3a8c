"""What producer and consumer count of themselves, for Prometheus."""

from __future__ import annotations

import hmac
import logging
import threading
from contextlib import AbstractContextManager, suppress
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import Counter, Gauge, Histogram, make_wsgi_app

from arbkit.core.errors import ConfigError
from arbkit.core.service.addresses import base_url, is_loopback
from arbkit.core.service.failed_logins import FailedLogins
from arbkit.core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from prometheus_client.context_managers import Timer

logger = logging.getLogger(__name__)
_REQUEST_S = 10.0
"""Seconds that a connection may take to ask: Prometheus does it at once."""

PRODUCED = Counter(
    "arbkit_produced_records", "Records put on the log by outcome and marketplace", ["outcome", "market"]
)
KEEPA_RETRIES = Counter("arbkit_keepa_retries", "Requests to Keepa that failed and are made again", ["kind"])
TOKENS_LEFT = Gauge("arbkit_producer_tokens_left", "Keepa tokens at the last answer")
CONSUMED = Counter("arbkit_consumed_records", "Records read from the log by what became of them", ["outcome"])
BATCH_SECONDS = Histogram(
    "arbkit_batch_seconds", "Time of one batch in each of its steps", ["service", "step"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
)  # fmt: skip
STORE_RETRIES = Counter("arbkit_store_retries", "Documents or batches that the store did not take at once", ["kind"])
CONSUMER_LAG = Gauge("arbkit_consumer_lag_messages", "Messages of this member's partitions that wait", ["partition"])
CONSUMER_PARTITIONS = Gauge("arbkit_consumer_partitions", "Partitions that this member owns")


def timed(service: str, step: str) -> AbstractContextManager[Timer]:
    """Count how long a block takes."""
    return BATCH_SECONDS.labels(service, step).time()


def expose(settings: Settings, port: int | None, variable: str) -> int | None:
    """Serve this process' counts under ``/metrics``; the port, or None where none is wanted.

    Off loopback it asks for the token, as the API does, and an address that gave too many wrong ones must wait.

    Raises:
        ConfigError: the port cannot be had (names ``variable``), or there is no token where one is needed.
    """
    if port is None:
        return None
    token = "" if is_loopback(settings.host) else settings.token.get_secret_value()
    if not token and not is_loopback(settings.host):
        remedy = f"Set ARBKIT_TOKEN, bind to 127.0.0.1, or leave {variable} empty"
        why = f"{settings.host} can be reached from outside, and there is no token"
        raise ConfigError(why, field="ARBKIT_TOKEN", remedy=remedy)
    app = _guarded(make_wsgi_app(), token.encode()) if token else make_wsgi_app()
    try:
        server = make_server(settings.host, port, app, server_class=_Server, handler_class=_Bounded)
    except OSError as error:
        why = f"port {port} on {settings.host} cannot be used: {error.strerror or error}"
        remedy = f"Set {variable} to another port, to 0 for any free one, or leave it empty"
        raise ConfigError(why, field=variable, remedy=remedy) from None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    logger.info("metrics: %s/metrics", base_url(settings.host, server.server_port))
    return server.server_port


def _guarded(shown: WSGIApplication, token: bytes) -> WSGIApplication:
    """The same page, for who knows the token."""
    failed, at_once = FailedLogins(), threading.Lock()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        given = environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ").encode("latin-1")
        caller = environ["REMOTE_ADDR"]
        with at_once:
            wait = failed.wait_s(caller) if given else 0
            if not wait and hmac.compare_digest(given, token):
                return shown(environ, start_response)
            if given and not wait:
                failed.note(caller)
        if wait:
            start_response("429 Too Many Requests", [("Retry-After", str(wait))])
        else:
            start_response("401 Unauthorized", [("WWW-Authenticate", "Bearer")])
        return [b""]

    return app


class _Server(ThreadingMixIn, WSGIServer):
    """One that answers others while a caller is slow."""

    daemon_threads = True


class _Bounded(WSGIRequestHandler):
    timeout = _REQUEST_S

    def handle(self) -> None:
        """Answer one request, or end a connection that does not finish it."""
        with suppress(TimeoutError, ConnectionError):
            super().handle()

    def log_message(self, *_: object) -> None:
        """Whoever scrapes every few seconds needs no line for it."""
