"""Mutated exports, saved answers, answers of the service and messages of the log, each from its number and the seed."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random
from typing import Any, Literal

from arbkit.sources.envelope import envelope
from tests.mutated import json_mutators, mutators
from tests.mutated.seeds import Export, asin_of, export, products, real, real_files

Kind = Literal["export", "saved", "answer", "message"]
_SHARES: dict[Kind, float] = {"export": 0.55, "saved": 0.1, "answer": 0.1, "message": 0.25}
FETCHED_AT = "2025-11-24T16:00:00+00:00"
_HEADERS: list[dict[str, str]] = [
    {}, {"attempts": "1"}, {"attempts": "x"}, {"attempts": "9" * 5_000}, {"attempts": "-1"}, {"error": "x"},
    {"file": ""}, {"row": "nan"}, {"topic": "other", "offset": "x"}, {"": ""}, {"damaged": "1"},
    {"time": "yesterday"}, {"x" * 300: "y" * 3_000}, {"ключ": "значение 🚚"},
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """Bytes, and how they reach arbkit: ``market`` and ``dated`` are what the user says,
    ``headers`` the message's."""

    number: int
    kind: Kind
    name: str
    data: bytes
    market: str | None = None
    dated: date | None = None
    asins: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)


def case(number: int, seed: int) -> Case:
    """The case with this number."""
    rng = Random(f"{seed}:{number}")
    kind = rng.choices([*_SHARES], [*_SHARES.values()])[0]
    return _MAKERS[kind](number, rng)


def _export(number: int, rng: Random) -> Case:
    dated = date(2025, 11, 3) if rng.random() < 0.1 else None
    files = [path for path in real_files() if path.suffix != ".json"]
    if files and rng.random() < 0.3:
        return _real(number, rng, rng.choice(files), dated)
    made = export(number, rng, xlsx=rng.random() < 0.35)
    for _ in range(rng.choice([0, 1, 1, 2])):
        made = rng.choice(mutators.TABLE)(made, rng)
    data = _in_bytes(made.bytes(), rng, 0.35)
    return Case(number, "export", _name(number, rng, "xlsx" if made.xlsx else "csv"), data, _market(made, rng), dated)


def _market(made: Export, rng: Random) -> str | None:
    return made.market if rng.random() < 0.15 else "DE" if rng.random() < 0.02 else None


def _name(number: int, rng: Random, ending: str) -> str:
    day = rng.choice(["2025-11-21", "2025-11-21", "2026-02-30", "2098-01-01"])
    return f"KeepaExport-{day}-{number}.{ending}" if rng.random() < 0.1 else f"{number}.{ending}"


def _real(number: int, rng: Random, path: Path, dated: date | None) -> Case:
    data = _in_bytes(real(path, number), rng, 0.9)
    return Case(number, "export", f"{number}{path.suffix}", data, None if rng.random() < 0.9 else "DE", dated)


def _in_bytes(data: bytes, rng: Random, share: float) -> bytes:
    """The bytes, a share of them damaged; of a spreadsheet mostly inside."""
    while rng.random() < share:
        inside = data.startswith(b"PK") and rng.random() < 0.8
        data = (mutators.xlsx_part if inside else rng.choice(mutators.BYTES))(data, rng)
        share *= 0.3
    return data


def _document(number: int, rng: Random) -> tuple[str, dict[str, Any]]:
    market, found = products(number, rng)
    return market, {
        "timestamp": 1_764_000_500_000, "tokensLeft": 290, "refillIn": 1_000, "refillRate": 5, "tokensConsumed": 1,
        "products": found,
    }  # fmt: skip


def _mutated(document: Any, rng: Random) -> bytes:
    document = copy.deepcopy(document)
    if rng.random() < 0.85:
        document = json_mutators.changed(document, rng)
    return _in_bytes(json_mutators.written(document), rng, 0.2)


def _saved(number: int, rng: Random) -> Case:
    files = [path for path in real_files() if path.suffix == ".json"]
    if files and rng.random() < 0.15:
        document = json.loads(real(rng.choice(files), number))
    else:
        document = _document(number, rng)[1]
    if rng.random() < 0.1 and isinstance(document, dict):
        document = document.get("products", document)
    return Case(number, "saved", f"{number}.json", _mutated(document, rng), "DE" if rng.random() < 0.05 else None)


def _answer(number: int, rng: Random) -> Case:
    market, document = _document(number, rng)
    asked = tuple(str(product["asin"]) for product in document["products"])
    return Case(number, "answer", str(number), _mutated(document, rng), market, asins=asked)


def _message(number: int, rng: Random) -> Case:
    message = _of_row(number, rng) if rng.random() < 0.5 else _of_product(number, rng)
    return Case(number, "message", str(number), _mutated(message, rng), headers=rng.choice([{}, {}, *_HEADERS]))


def _of_product(number: int, rng: Random) -> Any:
    market, (product, *_) = products(number, rng)
    return envelope(
        asin=product["asin"], market=market, origin=rng.choice(["keepa", "raw"]), fetched_at=FETCHED_AT,
        run_id="mutated", product=product,
    )  # fmt: skip


def _of_row(number: int, rng: Random) -> Any:
    made = export(number, rng, xlsx=rng.random() < 0.3)
    comma = made.delimiter == ";"
    product: dict[str, Any] = {
        "exported_at": "2025-11-20T10:15:00+00:00",
        "facts_at": rng.choice(["2025-11-19T10:15:00+00:00", None, "2025-11-20T10:15:00+00:00"]),
        "notation": {"decimal": "," if comma else ".", "thousands": "." if comma else ",", "currency": None,
        "dates": None, "fractions": []},
        "row": 2,
        "file": "export.csv",
        "columns": dict(zip(made.headers, made.rows[0], strict=True)),
    }  # fmt: skip
    return envelope(
        asin=asin_of(number, 0), market=made.market, origin="export", fetched_at="2025-11-20T10:15:00+00:00",
        run_id="mutated", product=product,
    )  # fmt: skip


_MAKERS = {"export": _export, "saved": _saved, "answer": _answer, "message": _message}
