"""The records of a chaos run, what a store must hold after them, and the process that publishes them.

Each record is a pure function of the seed and its place, so that every process can make it alone.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import orjson

from arbkit.core.errors import StreamError
from arbkit.core.files import write_atomically
from arbkit.core.marketplaces import MARKETS
from arbkit.core.service.process import log_to_stderr, stop_on_signals
from arbkit.core.settings import Settings
from arbkit.sources.envelope import envelope
from arbkit.stream import RAW_TOPIC, Record, open_stream

__all__ = ["Deck", "Expected", "number_in"]

AT_ONCE = 25
"""Records the feeder publishes between two checkpoints."""
_LOOK_S = 0.02
_FIRST_VERSION = 7_900_000
_POISON, _DUPLICATE, _STALE = 0.01, 0.06, 0.11
"""Upper ends of their shares: 1 %, 5 % and 5 %."""
_BIG_POINTS = 300_000
"""Change points in the history of the big record: about 4 MB."""
_BIG_ASIN = "B0CHAOSBIG"


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One record before it is written: ``poison`` numbers its kind, None for a good one."""

    asin: str
    market: str
    version: int
    poison: int | None = None


@dataclass(slots=True)
class Expected:
    """What is left after all records: the newest version of every offer, and what nobody can use.

    ``offers``: id → version and price; ``products``: ASIN → version; ``histories``: id → version and all points of
    new prices, flat; ``poison``: key and bytes.
    """

    offers: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    products: dict[str, int] = field(default_factory=dict)
    histories: dict[str, tuple[int, list[int]]] = field(default_factory=dict)
    poison: set[tuple[str, bytes]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Deck:
    """``count`` records: several versions of each offer in order, among them stale ones, duplicates and poison."""

    seed: int
    count: int

    def records(self, start: int, end: int) -> list[Record]:
        return [self._record(self._draw(place)) for place in range(start, end)]

    def expected(self) -> Expected:
        """Counted here and by nobody else's code."""
        found = Expected()
        newest: dict[tuple[str, str], int] = {}
        points: dict[tuple[str, str], dict[int, int]] = {}
        for drawn in map(self._draw, range(self.count)):
            if drawn.poison is not None:
                record = self._record(drawn)
                found.poison.add((record.key, record.value))
            else:
                one = drawn.asin, drawn.market
                newest[one] = max(drawn.version, newest.get(one, 0))
                prices, known = self._prices(*one, drawn.version), points.setdefault(one, {})
                for at, price in zip(prices[::2], prices[1::2], strict=True):
                    known[at] = max(price, known.get(at, -1))
        for (asin, market), version in newest.items():
            prices = self._prices(asin, market, version)
            found.offers[f"{asin}:{market}"] = version, prices[-1] if prices[-1] > 0 else None
            every = sorted(points[asin, market].items())
            found.histories[f"{asin}:{market}"] = version, [number for point in every for number in point]
            found.products[asin] = found.products.get(asin, 0) + version
        return found

    def _draw(self, place: int) -> _Drawn:
        if place == self.count // 2:
            return _Drawn(_BIG_ASIN, "DE", _FIRST_VERSION + place)
        rng = Random(f"{self.seed}:{place}")
        lot = rng.random()
        if place and _POISON <= lot < _DUPLICATE:
            return self._draw(rng.randrange(place))
        # About five records to an offer.
        asin = f"B{rng.randrange(max(1, self.count // 25)):09d}"
        market = rng.choice(list(MARKETS))
        if lot < _POISON:
            return _Drawn(asin, market, _FIRST_VERSION + place, rng.randrange(len(_SPOILERS)))
        late = place and lot < _STALE
        return _Drawn(asin, market, _FIRST_VERSION + (rng.randrange(place) if late else place))

    def _record(self, drawn: _Drawn) -> Record:
        message = self._envelope(drawn)
        if drawn.poison is None:
            return Record(drawn.asin, orjson.dumps(message))
        key, value = _SPOILERS[drawn.poison](message)
        return Record(key, value)

    def _envelope(self, drawn: _Drawn) -> dict[str, Any]:
        market = MARKETS[drawn.market]
        csv: list[list[int] | None] = [None] * 34
        csv[1] = self._prices(drawn.asin, drawn.market, drawn.version)
        product = {
            "asin": drawn.asin,
            "domainId": market.keepa_domain,
            "title": f"Chaos {drawn.asin} in {market.name}",
            "brand": "Chaos",
            "lastUpdate": drawn.version,
            "csv": csv,
            "packageWeight": 1 + drawn.version % 900,
            "packageLength": 200,
            "packageWidth": 100,
            "packageHeight": 50,
            "categoryTree": [{"catId": 1, "name": "Toys & Games"}],
        }
        message = envelope(
            asin=drawn.asin, market=drawn.market, origin="raw", fetched_at="2026-01-01T00:00:00Z", run_id="chaos",
            product=product,
        )  # fmt: skip
        return {**message}

    def _prices(self, asin: str, market: str, version: int) -> list[int]:
        """New prices as change points; the last may be "no offer"."""
        rng = Random(f"{self.seed}:{asin}:{market}:{version}")
        points = _BIG_POINTS if asin == _BIG_ASIN else rng.randrange(1, 6)
        values = [rng.randrange(500, 90_000) for _ in range(points)]
        if rng.random() < 0.05:
            values[-1] = -1
        return [number for i, value in enumerate(values) for number in (version - points + i, value)]


def _spoiled(message: dict[str, Any], **changed: Any) -> bytes:
    return orjson.dumps({**message, "product": {**message["product"], **changed}})


def _no_json(message: dict[str, Any]) -> tuple[str, bytes]:
    return message["asin"], b"not JSON %d" % message["product"]["lastUpdate"]


def _no_text(message: dict[str, Any]) -> tuple[str, bytes]:
    return message["asin"], orjson.dumps(message).replace(b"Chaos", b"\xff\xfe\x00")


def _cut(message: dict[str, Any]) -> tuple[str, bytes]:
    return message["asin"], orjson.dumps(message)[:-7]


def _a_list(message: dict[str, Any]) -> tuple[str, bytes]:
    return message["asin"], orjson.dumps([message])


def _later_version(message: dict[str, Any]) -> tuple[str, bytes]:
    return message["asin"], orjson.dumps({**message, "v": 9})


def _wrong_shape(message: dict[str, Any]) -> tuple[str, bytes]:
    return message["asin"], _spoiled(message, csv=[[1, 2, 3], [4]])


def _unknown_market(message: dict[str, Any]) -> tuple[str, bytes]:
    return message["asin"], orjson.dumps({**message, "market": "XX"})


def _too_large(message: dict[str, Any]) -> tuple[str, bytes]:
    return message["asin"], _spoiled(message, rootCategory=2**63)


def _no_key(message: dict[str, Any]) -> tuple[str, bytes]:
    return "", b"no key %d" % message["product"]["lastUpdate"]


def _nothing(message: dict[str, Any]) -> tuple[str, bytes]:
    return message["asin"], b""


_SPOILERS = (
    _no_json, _no_text, _cut, _a_list, _later_version, _wrong_shape, _unknown_market, _too_large, _no_key, _nothing,
)  # fmt: skip


def number_in(path: Path) -> int:
    """The number a file holds; 0 if there is none."""
    return int(path.read_bytes()) if path.exists() else 0


def main() -> int:
    """The feeder: publish the records up to the one allowed, and note durably how far it came.

    Killed at any moment it begins again at its last note, so records are published twice, as by any producer.
    """
    parser = argparse.ArgumentParser(description=main.__doc__)
    for name in ("seed", "records"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("checkpoint", "allowance"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    asked = parser.parse_args()
    log_to_stderr()
    stop = stop_on_signals()
    deck = Deck(asked.seed, asked.records)
    try:
        with open_stream(Settings.load(_env_file=None)) as log:
            at = number_in(asked.checkpoint)
            while not stop.is_set():
                upto = min(at + AT_ONCE, number_in(asked.allowance))
                if upto <= at:
                    stop.wait(_LOOK_S)
                    continue
                log.publish(RAW_TOPIC, deck.records(at, upto))
                write_atomically(asked.checkpoint, b"%d" % upto)
                at = upto
    except StreamError as error:
        sys.stderr.write(f"feeder: {error}\n")
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
