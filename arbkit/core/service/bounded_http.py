"""HTTP requests that end: within a time and a size, whatever the other side sends, and however slowly."""

from __future__ import annotations

import socket
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import BinaryIO, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from arbkit.core.closing import Closing

_CHUNK = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS


class AnswerTooLargeError(requests.RequestException):
    """An answer is larger than any real one: none of it is used."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as a whole; the ``body`` is unpacked, header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class BoundedSession(Closing):
    """Requests over one kept connection, for one thread at a time. A context manager.

    Args:
        headers: sent with each request.
        use_proxies: whether to heed the proxies that the environment names.
        timeouts_s: seconds for connecting, for each silence, and for a request as a whole.
        most_bytes: of an answer, packed and unpacked.
    """

    def __init__(
        self, headers: Mapping[str, str], *, use_proxies: bool, timeouts_s: tuple[float, float, float], most_bytes: int
    ) -> None:
        self._session = requests.Session()
        self._session.headers.update({"Accept-Encoding": "gzip", **headers})
        self._session.trust_env = use_proxies
        self._adapter = _CuttableAdapter()
        self._connect_s, self._silence_s, self._total_s = timeouts_s
        self._most_bytes = most_bytes

    def get(self, url: str, parameters: Mapping[str, str | int], *, copy: BinaryIO | None = None) -> Answer:
        """The answer to a GET; a redirect is one, and not followed.

        The body of a good answer (200) goes to ``copy`` as it comes in, still packed, as long as that can be written.

        Raises:
            AnswerTooLargeError: it is larger than it may be.
            requests.RequestException: there is none in time, or it is not whole.
            ValueError: ``url`` is no address.
        """
        return self._answer(requests.Request("GET", url, params=parameters), copy)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer to a POST of ``body`` with these headers too; a redirect is one, and not followed.

        Raises:
            AnswerTooLargeError: it is larger than it may be.
            requests.RequestException: there is none in time, or it is not whole.
            ValueError: ``url`` is no address.
        """
        return self._answer(requests.Request("POST", url, data=body, headers=dict(headers)), None)

    def _answer(self, asked: requests.Request, copy: BinaryIO | None) -> Answer:
        request = self._session.prepare_request(asked)
        kept = self._session.merge_environment_settings(request.url or asked.url, {}, True, True, None)
        with _Deadline(self._total_s, self._adapter):
            # A session would read the body of a redirect whole, however large.
            response = self._adapter.send(
                request,
                stream=True,
                timeout=(self._connect_s, self._silence_s),
                verify=kept["verify"] or False,
                proxies=kept["proxies"],
            )
            try:
                body = _unpacked(response, self._most_bytes, copy if response.status_code == HTTPStatus.OK else None)
            except urllib3.exceptions.HTTPError as error:
                is_late = isinstance(error, urllib3.exceptions.TimeoutError)
                raise (requests.Timeout if is_late else requests.ConnectionError)(str(error)) from error
            finally:
                # What is left of a body is not waited for: the connection goes too.
                response.close()
        return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)

    def close(self) -> None:
        """Give up the connection."""
        self._adapter.close()


class _CuttableAdapter(HTTPAdapter):
    """Knows its connection in use, so that another thread can cut it off."""

    connection: HTTPConnection | None = None

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> HTTPConnectionPool:
        pool = cast("HTTPConnectionPool", super().get_connection_with_tls_context(request, verify, proxies, cert))
        if not hasattr(pool.ConnectionCls, "adapter"):
            pool.ConnectionCls = type("Cuttable", (_Cuttable, pool.ConnectionCls), {"adapter": self})
        return pool

    def cut(self) -> None:
        """Make whatever is read from the connection end here and now."""
        reached = None if self.connection is None else self.connection.sock
        if isinstance(reached, socket.socket):
            with suppress(OSError):
                # Of a TLS connection, too, without its good-bye: a read that is under way ends.
                socket.socket.shutdown(reached, socket.SHUT_RDWR)


class _Cuttable(HTTPConnection):
    adapter: _CuttableAdapter

    def connect(self) -> None:
        self.adapter.connection = self
        super().connect()


class _Deadline:
    """Cuts the connection when the block takes too long, which is an error then, whatever it has seen of the answer."""

    def __init__(self, seconds: float, adapter: _CuttableAdapter) -> None:
        self._seconds = seconds
        self._adapter = adapter
        self._timer = threading.Timer(seconds, self._run_out)
        self._timer.daemon = True
        self._is_over = False

    def _run_out(self) -> None:
        self._is_over = True
        self._adapter.cut()

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._is_over and (error is None or isinstance(error, Exception)):
            raise requests.Timeout(f"no whole answer within {self._seconds:.0f} s") from None


def _unpacked(response: requests.Response, most: int, copy: BinaryIO | None) -> bytes:
    """The body, never more of it in memory than it may have."""
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packing not in ("identity", "gzip", "x-gzip", ""):
        raise requests.exceptions.ContentDecodingError(f"packed as {packing!r}, which was not asked for")
    # Whatever is there, at once: `stream` would wait until it has a chunk together.
    arriving = iter(partial(response.raw.read1, _CHUNK, decode_content=False), b"")
    packed = _bounded(arriving, most)
    if copy is not None:
        packed = _copied(packed, copy)
    return b"".join(_gunzipped(packed, most) if "gzip" in packing else packed)


def _bounded(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        if (size := size + len(chunk)) > most:
            raise _too_large(most)
        yield chunk


def _copied(chunks: Iterator[bytes], copy: BinaryIO) -> Iterator[bytes]:
    is_whole = True
    for chunk in chunks:
        if is_whole:
            with suppress(OSError):
                is_whole = copy.write(chunk) == len(chunk)
        yield chunk


def _gunzipped(packed: Iterator[bytes], most: int) -> Iterator[bytes]:
    unpacker, size, is_whole = zlib.decompressobj(_GZIP), 0, True
    try:
        for chunk in packed:
            rest = chunk
            while rest:
                if unpacker.eof:
                    # Several members after each other are one file.
                    unpacker = zlib.decompressobj(_GZIP)
                plain = unpacker.decompress(rest, most - size + 1)
                if (size := size + len(plain)) > most:
                    raise _too_large(most)
                yield plain
                rest, is_whole = unpacker.unconsumed_tail or unpacker.unused_data, unpacker.eof
    except zlib.error as error:
        raise requests.exceptions.ContentDecodingError(str(error)) from error
    if not is_whole:
        raise requests.exceptions.ContentDecodingError("cut off")


def _too_large(most: int) -> AnswerTooLargeError:
    return AnswerTooLargeError(f"the answer is larger than {most >> 20} MiB, which no real one is")
