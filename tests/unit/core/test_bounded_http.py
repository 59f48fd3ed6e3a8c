"""Requests that end, whatever is at the other end of the line."""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import requests

from arbkit.core.service.bounded_http import AnswerTooLargeError, BoundedSession

MOST = 1 << 20
OK = b"HTTP/1.1 200 OK\r\n"
Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve) -> Iterator[str]:
    """Reads one request of each connection, then does what the test wants."""
    listening = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            got = b""
            while b"\r\n\r\n" not in got:
                got += connection.recv(65536)
            serve(connection)

    threading.Thread(target=run, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.close()


def session(total_s: float = 60.0) -> BoundedSession:
    return BoundedSession({"User-Agent": "test"}, use_proxies=False, timeouts_s=(5, 60, total_s), most_bytes=MOST)


def sends(data: bytes) -> Serve:
    return lambda connection: connection.sendall(data)


_ENDLESS_NAME = b"\x1f\x8b\x08\x08" + bytes(6)
"""The head of a packed file after which its name comes, however long it is."""


def drips(data: Iterator[bytes]) -> Serve:
    """Sends a byte now and then, never silent for long and never done."""

    def serve(connection: socket.socket) -> None:
        for piece in data:
            connection.sendall(piece)
            time.sleep(0.02)

    return serve


def body(data: bytes, packing: str = "identity") -> bytes:
    return OK + f"Content-Encoding: {packing}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        OK + b"X-Filler: ",
        OK + b"Content-Length: 100000\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 100000\r\n\r\n" + _ENDLESS_NAME,
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 100000\r\n\r\n",
    ],
    ids=["status line", "continue", "header", "body", "chunk size", "gzip", "redirect"],
)
def test_who_drips_is_cut_off(start: bytes) -> None:
    with server(drips(itertools.chain([start], itertools.repeat(b"1")))) as url, session(total_s=0.5) as bounded:
        with pytest.raises(requests.Timeout, match="within"):
            bounded.get(url, {})
        # The session is good for the next request.
        with server(sends(body(b"well"))) as other:
            assert bounded.get(other, {}).body == b"well"


def endless(head: bytes, piece: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(piece)

    return serve


def _bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return b"".join([*(packer.compress(bytes(MOST)) for _ in range(300)), packer.flush()])


@pytest.mark.parametrize(
    "serve",
    [
        endless(OK + b"Connection: close\r\n\r\n", b" " * 65536),
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65536 + b"\r\n"),
        endless(OK + b"Content-Length: 99999999999999\r\n\r\n", b" " * 65536),
        endless(b"HTTP/1.1 302 Found\r\nLocation: /a\r\nConnection: close\r\n\r\n", b" " * 65536),
        endless(OK + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n", gzip.compress(b"")),
        sends(body(_bomb(), "gzip")),
        sends(body(gzip.compress(b" " * (MOST + 1)), "gzip")),
    ],
    ids=["endless", "chunks", "length", "redirect", "empty members", "bomb", "one too many"],
)
def test_what_is_too_large_is_refused_and_never_held(serve: Serve) -> None:
    with server(serve) as url, session() as bounded:
        tracemalloc.start()
        try:
            with pytest.raises(AnswerTooLargeError, match="1 MiB"):
                bounded.get(url, {})
            assert tracemalloc.get_traced_memory()[1] < 16 * MOST
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("cut", [1, 8, 9, 20])
def test_an_answer_that_was_cut_is_none(cut: int) -> None:
    whole = gzip.compress(b"prices" * 100)
    for sent in (body(whole[:-cut], "gzip"), body(whole, "gzip")[:-cut], body(b"prices" * 100)[:-cut]):
        with server(sends(sent)) as url, session() as bounded, pytest.raises(requests.RequestException):
            bounded.get(url, {})


@pytest.mark.parametrize("packing", ["deflate", "br", "zstd", "gzip, gzip", "nonsense"])
def test_what_is_packed_otherwise_was_not_asked_for(packing: str) -> None:
    with server(sends(body(b"data", packing))) as url, session() as bounded, pytest.raises(requests.RequestException):
        bounded.get(url, {})


def test_what_is_within_bounds_arrives_whole() -> None:
    text = b"0123456789" * 1000
    split = gzip.compress(text[:400]) + gzip.compress(text[400:])
    for sent in (body(text), body(gzip.compress(text), "gzip"), body(split, "x-gzip"), body(b""), body(text, "")):
        with server(sends(sent)) as url, session() as bounded:
            got = bounded.get(f"{url}/x", {"a": 1})
        assert got.status == 200
        assert got.body == (b"" if sent == body(b"") else text)
    assert got.headers["content-length"] == str(len(text))
