"""What the producer keeps: when each product was looked at, and what it has paid for."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from arbkit.core.files import read_if_there, write_atomically, writing
from arbkit.stream import Record

logger = logging.getLogger(__name__)

MAX_SHOWN = 20
"""Products that a log line names."""


class Progress:
    """When each (ASIN, market) was last polled, and last with its buy box (``full``), kept in a file over restarts."""

    def __init__(self, path: Path) -> None:
        self.looks: dict[tuple[str, str], float] = {}
        self.full: dict[tuple[str, str], float] = {}
        self._path = path
        data = read_if_there(path)
        if data is None:
            return
        try:
            kept = orjson.loads(data)
            self.looks.update(_times(kept["looks"]))
            self.full.update(_times(kept.get("full", {})))
        except (ValueError, KeyError, TypeError, AttributeError):
            self.looks.clear()
            self.full.clear()
            put_aside(path, "beginning anew")

    def keep(self, asins: Iterable[str], markets: Iterable[str], *, interval: float) -> None:
        """Forget what is no longer watched, and due anyway: a list that is being written is short for a moment."""
        watched, markets, due = set(asins), set(markets), time.time() - interval
        self.looks = {k: at for k, at in self.looks.items() if (k[0] in watched and k[1] in markets) or at > due}
        self.full = {k: at for k, at in self.full.items() if k in self.looks}

    def mark(self, seen: Iterable[tuple[str, str]], *, full: bool) -> None:
        """Note these as looked at now, ``full``: with their buy box, durably.

        Raises:
            ServiceError: the file cannot be written.
        """
        now_looked = dict.fromkeys(seen, time.time())
        self.looks.update(now_looked)
        if full:
            self.full.update(now_looked)
        kept = {"v": 1, "looks": _by_market(self.looks), "full": _by_market(self.full)}
        write_atomically(self._path, orjson.dumps(kept))


def _times(kept: Mapping[str, Mapping[str, float]]) -> Iterator[tuple[tuple[str, str], float]]:
    for market, looks in kept.items():
        yield from (((asin, market), float(at)) for asin, at in looks.items())


def _by_market(looks: Mapping[tuple[str, str], float]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for (asin, market), at in looks.items():
        found.setdefault(market, {})[asin] = at
    return found


@dataclass(frozen=True, slots=True)
class PaidBatch:
    """An answer that was paid for, as it goes on the log.

    ``missing`` are the products that it left out; ``fetched_at`` in Unix seconds, 0 where that is not known. ``full``:
    it was asked for with the buy box.
    """

    market: str
    records: Sequence[Record]
    missing: tuple[str, ...]
    fetched_at: float
    full: bool = True


class KeptBatch:
    """The batch that is paid for and not published yet, in a file of the home, so that a restart does not lose it.

    Its first line is a header, each other line an envelope.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, batch: PaidBatch) -> None:
        """Keep the batch, durably.

        Raises:
            ServiceError: the file cannot be written.
        """
        header = {"v": 1, "market": batch.market, "missing": batch.missing, "fetched_at": batch.fetched_at}
        header["full"] = batch.full
        write_atomically(self._path, b"\n".join([orjson.dumps(header), *(record.value for record in batch.records)]))

    def read(self) -> PaidBatch | None:
        """The batch that an earlier run could not publish; None if there is none.

        Raises:
            ServiceError: the file is there and cannot be read.
        """
        data = read_if_there(self._path)
        if data is None:
            return None
        try:
            header, *envelopes = data.split(b"\n")
            said = orjson.loads(header)
            records = [Record(str(orjson.loads(envelope)["asin"]), envelope) for envelope in envelopes]
            missing = tuple(map(str, said["missing"]))
            return PaidBatch(
                str(said["market"]), records, missing, float(said.get("fetched_at", 0)), bool(said.get("full", True))
            )
        except (ValueError, KeyError, TypeError):
            put_aside(self._path, "what is in it is not published")
            return None

    def drop(self) -> None:
        """Forget the batch, once it is published."""
        with writing(self._path):
            self._path.unlink(missing_ok=True)


def put_aside(path: Path, instead: str) -> None:
    """Move a damaged file of the producer out of the way, and say so."""
    aside = path.with_name(f"{path.name}.damaged")
    with writing(aside):
        path.replace(aside)
    logger.warning("%s is damaged: kept as %s; %s", path, aside.name, instead)
