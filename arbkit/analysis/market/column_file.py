"""A file of named columns that is mapped into memory: whole and as it was written, or refused."""

from __future__ import annotations

import mmap
import os
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import orjson

from arbkit.core.errors import ServiceError
from arbkit.core.files import NEW_FILE, writing
from arbkit.core.results import Json
from arbkit.profit.route_frame import Column

Array = npt.NDArray[Any]

_MAGIC = b"arbkit-columns-2"
_ALIGNED = 64
_PRIVATE = 0o600
_PIECE = 1 << 22
_LENGTH, _CHECK = 8, 4
"""Bytes that say how long the foot is, and of the checksum over all before it."""


class ForeignFileError(ServiceError):
    """A file is torn, of another arbkit, or none of these at all: it is made anew, and never believed."""


@dataclass(frozen=True)
class ColumnFile:
    """Arrays by name, mapped read-only, with the texts that codes in them stand for; ``checksum`` is of all of it."""

    columns: Mapping[str, Array]
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    about: Mapping[str, Json] = field(default_factory=dict)
    checksum: int = 0
    mapped: mmap.mmap | None = None

    def rest(self) -> None:
        """Let go of the memory that reading has taken; what is asked for next is mapped again."""
        if self.mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            self.mapped.madvise(mmap.MADV_DONTNEED)


def write_columns(
    path: Path,
    columns: Mapping[str, Column],
    *,
    texts: Mapping[str, Sequence[str]] | None = None,
    about: Mapping[str, Json] | None = None,
) -> int:
    """Write columns to a new file that only this user may read; its checksum. Readers see all of it or nothing.

    Raises:
        ServiceError: it cannot be written.
    """
    fresh = path.with_name(f".{uuid4().hex[:8]}-{path.name}")
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(fresh, NEW_FILE, _PRIVATE), "wb") as file:
                check, at, places = 0, 0, {}
                for name, values in columns.items():
                    # An empty view cannot be cast to bytes.
                    data: Any = np.ascontiguousarray(values).reshape(-1).view(np.uint8).data if values.size else b""
                    places[name] = {"type": values.dtype.str, "shape": list(values.shape), "at": at}
                    padding = bytes(-len(data) % _ALIGNED)
                    file.write(data)
                    file.write(padding)
                    check = zlib.crc32(padding, zlib.crc32(data, check))
                    at += len(data) + len(padding)
                foot = orjson.dumps({"columns": places, "texts": dict(texts or {}), "about": dict(about or {})})
                foot += len(foot).to_bytes(_LENGTH, "little")
                check = zlib.crc32(foot, check)
                file.write(foot + check.to_bytes(_CHECK, "little") + _MAGIC)
            fresh.replace(path)
    finally:
        with suppress(OSError):
            fresh.unlink()
    return check


def map_columns(path: Path) -> ColumnFile:
    """The columns of a file, mapped into memory and shared by all processes that do so.

    Raises:
        FileNotFoundError: there is none.
        ForeignFileError: it is not as arbkit wrote it.
        ServiceError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise
    except ValueError:
        raise ForeignFileError("is empty", field=str(path)) from None
    except OSError as error:
        raise ServiceError(f"cannot be read: {error.strerror or error}", field=str(path)) from error
    checked = len(mapped) - len(_MAGIC) - _CHECK
    end = checked - _LENGTH
    if end < 0 or mapped[-len(_MAGIC) :] != _MAGIC:
        raise ForeignFileError("is no file of columns of this arbkit", field=str(path))
    checksum = int.from_bytes(mapped[checked : checked + _CHECK], "little")
    if _checksum(mapped, checked) != checksum:
        raise ForeignFileError("is not whole", field=str(path))
    length = int.from_bytes(mapped[end:checked], "little")
    foot = orjson.loads(mapped[end - length : end])
    found = {
        name: np.frombuffer(mapped, place["type"], int(np.prod(place["shape"])), place["at"]).reshape(place["shape"])
        for name, place in foot["columns"].items()
    }
    made = ColumnFile(found, foot["texts"], foot["about"], checksum, mapped)
    made.rest()
    return made


def _checksum(mapped: mmap.mmap, end: int) -> int:
    with memoryview(mapped) as view:
        found = 0
        for start in range(0, end, _PIECE):
            found = zlib.crc32(view[start : min(end, start + _PIECE)], found)
    return found
