"""Answers as they arrive, in files of the home: a kill, or a line that breaks, costs nothing of what has come in.

Keepa takes its tokens when it answers, and an answer of megabytes takes its time.
"""

from __future__ import annotations

import logging
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import orjson

from arbkit.core.models import Origin
from arbkit.sources.raw_types import Json, RawProduct, decode_leniently

logger = logging.getLogger(__name__)

MAX_ANSWER = 60 << 20
"""Bytes of the largest answer, unpacked: 100 full products have 17 MB. Less than what the log keeps of one message."""
_GZIP, _GZIP_BEGINS = 16 + zlib.MAX_WBITS, b"\x1f\x8b"
_PRODUCTS = re.compile(r'"products"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")


@dataclass(frozen=True, slots=True)
class Arrived:
    """What has come in of an answer: whole product objects of the requested ones; ``fetched_at`` in Unix seconds."""

    market: str
    origin: Origin
    products: tuple[RawProduct, ...]
    fetched_at: float


class ArrivingAnswers:
    """The answers to one request and its repetitions, a file each, beside ``path``.

    The first line of a file says what was asked for, the rest is the body as it came.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def receiving(self, market: str, asins: Sequence[str], origin: Origin) -> Iterator[BinaryIO | None]:
        """Where the body of the next answer is to be written; None where there is no room for it."""
        header = orjson.dumps({"v": 1, "market": market, "asins": list(asins), "origin": origin}) + b"\n"
        file = None
        try:
            handle = os.open(self._file(len(self._files())), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            file = os.fdopen(handle, "wb", buffering=0)
            file.write(header)
        except OSError as error:
            logger.warning("%s: %s; a kill would cost the answer that is asked for", self._path, error.strerror)
        try:
            yield file
        finally:
            if file is not None:
                file.close()

    def read(self) -> Arrived | None:
        """What has come in of the answers, None if it is nothing; what makes no sense or cannot be read is left out.

        It is as old as the oldest of them.
        """
        answers = [arrived for path in self._files() if (arrived := _read(path)) is not None]
        if not answers:
            return None
        products = {product["asin"]: product for one in answers for product in one.products}
        return replace(answers[0], products=tuple(products.values()))

    def drop(self) -> None:
        """Forget the answers, once they are kept elsewhere."""
        # The newest first: those that are left by a kill are then the beginning of the row.
        for path in reversed(self._files()):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                logger.warning("%s cannot be removed: %s", path, error.strerror)

    def _file(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _files(self) -> list[Path]:
        files: list[Path] = []
        while (path := self._file(len(files))).exists():
            files.append(path)
        return files


def _read(path: Path) -> Arrived | None:
    try:
        header, _, body = path.read_bytes().partition(b"\n")
        fetched_at = path.stat().st_mtime
    except OSError as error:
        logger.warning("%s cannot be read: %s", path, error.strerror)
        return None
    try:
        said = orjson.loads(header)
        asked, market, origin = set(map(str, said["asins"])), str(said["market"]), said["origin"]
    except (ValueError, KeyError, TypeError):
        return None
    if origin not in ("keepa", "demo"):
        return None
    products = tuple(p for p in whole_products(body) if isinstance(p.get("asin"), str) and p["asin"] in asked)
    return Arrived(market, origin, products, fetched_at) if products else None


def whole_products(body: bytes) -> Iterator[RawProduct]:
    """The product objects that are whole in the beginning of an answer, packed or not."""
    text = _unpacked(body).decode("utf-8", "ignore")
    begins = _PRODUCTS.search(text)
    at = begins.end() if begins else len(text)
    while (at := _skip(text, at)) < len(text):
        product: Json = None
        with suppress(ValueError, RecursionError):
            product, at = decode_leniently(text, at)
        if not isinstance(product, dict):
            return
        yield product


def _skip(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    return at if found is None else found.end()


def _unpacked(body: bytes) -> bytes:
    if not body.startswith(_GZIP_BEGINS):
        return body[:MAX_ANSWER]
    try:
        return zlib.decompressobj(_GZIP).decompress(body, MAX_ANSWER)
    except zlib.error:
        # Cut off it would be right as far as it goes; this is damaged, and any number in it may be another.
        return b""
