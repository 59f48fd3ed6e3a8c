"""The files of the market in a home: what a sweep leaves whole and the detector adds to, read by all pages at once.

``manifest.json`` names the segments of now and is swapped atomically, so that a reader sees all of one state. A file
that is torn or of another arbkit is refused; the next sweep makes all anew.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import uuid4

import orjson

from arbkit.analysis.market.column_file import ColumnFile, ForeignFileError, map_columns, write_columns
from arbkit.analysis.market.segment import Segment, merged
from arbkit.core.files import changing, read_if_there, write_atomically
from arbkit.core.settings import Settings

logger = logging.getLogger(__name__)

FOLDER = "market"
"""Within the home."""
_VERSION = 1
_PRIVATE = 0o600
_MOST_SEGMENTS = 8
"""Of changes; more are made one, so that a question reads few."""
_SMALL = 1_000
"""Products of changes that are left apart, however small the large segment is."""
_TRIES = 5
_OLD_FILES_S = 600.0
"""How long files that no manifest names are kept for those who are about to map them."""


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """A file of the manifest; ``products`` is how many it has."""

    name: str
    checksum: int
    products: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The segments of now, the large one first, and when (Unix seconds) the last was added."""

    segments: tuple[SegmentFile, ...]
    at: float


@dataclass(frozen=True, slots=True)
class OpenSegment:
    """A segment with the file that it is mapped from."""

    path: Path
    file: ColumnFile
    offers: Segment


class MarketFiles:
    """The snapshot of one store in a home. Safe to use from several processes at once."""

    def __init__(self, home: Path, *, store: str = "") -> None:
        """``store`` is what tells the store from others: a snapshot of another one is none."""
        self.folder = home / FOLDER
        self._store = hashlib.sha256(store.encode()).hexdigest()[:16]
        self._manifest = self.folder / "manifest.json"
        self._open: dict[SegmentFile, OpenSegment] = {}

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The snapshot of the configured store."""
        return cls(settings.home, store=f"{settings.store_url} {settings.store_prefix}")

    def forget(self) -> None:
        """Leave no snapshot: what is stored is not what was priced any more."""
        self._manifest.unlink(missing_ok=True)

    def manifest(self) -> Manifest | None:
        """What there is; None: nothing, or nothing that this arbkit can read."""
        data = read_if_there(self._manifest)
        if data is None:
            return None
        try:
            found = orjson.loads(data)
            if (found["version"], found["store"]) != (_VERSION, self._store):
                return None
            segments = tuple(SegmentFile(one["name"], one["checksum"], one["products"]) for one in found["segments"])
            return Manifest(segments, float(found["at"]))
        except (ValueError, KeyError, TypeError):
            return None

    def read(self) -> tuple[Manifest, list[OpenSegment]] | None:
        """The segments of now; None where there is none, or one of them cannot be believed.

        Raises:
            ServiceError: they cannot be read.
        """
        for _ in range(_TRIES):
            manifest = self.manifest()
            if manifest is None or not manifest.segments:
                return None
            try:
                known = {one: self._open.get(one) or self._opened(one) for one in manifest.segments}
            except FileNotFoundError:
                # Replaced between the manifest and the file.
                continue
            except ForeignFileError as error:
                logger.warning("the market's snapshot is not used until the next sweep: %s", error)
                return None
            self._open = known
            return manifest, list(known.values())
        return None

    def replace(self, parts: Sequence[Segment], *, since: float) -> None:
        """Make these all that there is, together with what was added after ``since`` (Unix seconds).

        Raises:
            ServiceError: it cannot be written.
        """
        with changing(self._manifest):
            later = [one for one in self._changes() if (self.folder / one.name).stat().st_mtime >= since]
            self._put([self._written(merged(parts)), *later] if parts else later)

    def append(self, part: Segment) -> None:
        """Add products that have changed; without a snapshot nothing, which the next sweep makes.

        Raises:
            ServiceError: it cannot be written.
        """
        if not len(part) or self.manifest() is None:
            return
        added = self._written(part)
        with changing(self._manifest):
            manifest = self.manifest()
            if manifest is None:
                return
            base, changes = manifest.segments[0], [*manifest.segments[1:], added]
            try:
                self._put(self._compacted(base, changes))
            except (ForeignFileError, FileNotFoundError) as error:
                logger.warning("the market's snapshot is removed until the next sweep: %s", error)
                self.forget()

    def _compacted(self, base: SegmentFile, changes: list[SegmentFile]) -> list[SegmentFile]:
        if sum(one.products for one in changes) > max(base.products, _SMALL):
            return [self._merged([base, *changes])]
        if len(changes) > _MOST_SEGMENTS:
            # The small ones, so that no product is written again often.
            kept = len(changes) - 2
            while kept and changes[kept - 1].products <= _MOST_SEGMENTS * changes[-1].products:
                kept -= 1
            changes = [*changes[:kept], self._merged(changes[kept:])]
        return [base, *changes]

    def _merged(self, files: Sequence[SegmentFile]) -> SegmentFile:
        return self._written(merged([self._opened(one).offers for one in files]))

    def _changes(self) -> tuple[SegmentFile, ...]:
        manifest = self.manifest()
        return () if manifest is None else manifest.segments[1:]

    def _opened(self, one: SegmentFile) -> OpenSegment:
        path = self.folder / one.name
        file = map_columns(path)
        if file.checksum != one.checksum:
            raise ForeignFileError("is not the one that was written", field=str(path))
        return OpenSegment(path, file, Segment.of_file(file))

    def _written(self, part: Segment) -> SegmentFile:
        name = f"{uuid4().hex[:16]}.offers"
        checksum = write_columns(self.folder / name, part.columns, texts=part.texts)
        return SegmentFile(name, checksum, len(part))

    def _put(self, segments: Sequence[SegmentFile]) -> None:
        document = {
            "version": _VERSION,
            "store": self._store,
            "at": time.time(),
            "segments": [{"name": s.name, "checksum": s.checksum, "products": s.products} for s in segments],
        }
        write_atomically(self._manifest, orjson.dumps(document), rights=_PRIVATE)
        self._tidy({one.name.partition(".")[0] for one in segments})

    def _tidy(self, used: set[str]) -> None:
        """Remove files of before, those of costs too, once nobody can be about to map them."""
        now = time.time()
        for path in self.folder.iterdir():
            if path == self._manifest or path.name.partition(".")[0] in used:
                continue
            # A file that is mapped cannot be removed on Windows.
            with suppress(OSError):
                if now - path.stat().st_mtime > _OLD_FILES_S:
                    path.unlink()
