"""Decisions as a file, from one store to another: what is read is what was written."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from arbkit.core.decisions.event import Decision
from arbkit.core.errors import RefusedFileError
from arbkit.core.files import write_atomically
from arbkit.core.formatting import guarded, unguarded
from arbkit.store import Store

_COLUMNS = tuple(field.name for field in fields(Decision))
_JSON = frozenset({"forecast"})
_KIND: TypeAdapter[Decision] = TypeAdapter(Decision)
_LARGEST = 100 << 20
"""Bytes of a file: a decision has some hundreds."""


def write_decisions(path: Path, decisions: Sequence[Decision]) -> None:
    """Write all to a file, as CSV or JSON by the ending of its name.

    Raises:
        RefusedFileError: the name has another ending.
        ServiceError: it cannot be written.
    """
    write_atomically(path, _csv(decisions) if _is_csv(path) else decisions_document(decisions))


def decisions_document(decisions: Sequence[Decision]) -> bytes:
    """The JSON file of these decisions."""
    return orjson.dumps([one.to_dict() for one in decisions], option=orjson.OPT_INDENT_2)


def read_decisions(path: Path) -> list[Decision]:
    """The decisions of a file.

    Raises:
        RefusedFileError: it cannot be read, or one is none; names it.
    """
    is_csv = _is_csv(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise RefusedFileError(f"has more than {_LARGEST >> 20} MB", field=str(path))
        text = path.read_bytes().decode("utf-8-sig")
        rows = _rows(text) if is_csv else orjson.loads(text)
    except OSError as error:
        raise RefusedFileError(f"cannot be read: {error.strerror}", field=str(path)) from None
    except ValueError:
        why = "is no CSV or JSON file of decisions"
        raise RefusedFileError(why, field=str(path), remedy="Write one with `arbkit decide export`") from None
    return [_decision(path, number, row) for number, row in enumerate(rows, 1)]


def import_decisions(store: Store, decisions: Sequence[Decision]) -> tuple[int, list[Decision]]:
    """Keep decisions of a file, as they were; how many are new, and those of the store that are in the way of one.

    Raises:
        StoreError: not all are kept; it may be tried again.
    """
    keys = list(dict.fromkeys(one.key for one in decisions))
    known = {one.id for one in store.decisions(keys)}
    there = store.add_decisions(decisions)
    return sum(one.id not in known for one in decisions), there


def _decision(path: Path, number: int, row: Any) -> Decision:
    try:
        return _KIND.validate_python(row)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(map(str, fault["loc"])) or "decision"
        raise RefusedFileError(f"decision {number}: {place}: {fault['msg']}", field=str(path)) from None


def _csv(decisions: Sequence[Decision]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for one in decisions:
        writer.writerow([_cell(name, value) for name, value in one.to_dict().items()])
    return text.getvalue().encode()


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name in _JSON:
        return orjson.dumps(value).decode()
    return guarded(value) if isinstance(value, str) else str(value)


def _rows(text: str) -> list[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if "key" not in (reader.fieldnames or ()):
        raise ValueError("has no column of what was decided on")
    return list(map(_row, reader))


def _row(cells: dict[str, Any]) -> dict[str, Any]:
    """A row as :meth:`Decision.to_dict` says it, whose texts pydantic makes numbers of."""
    row: dict[str, Any] = {}
    for name, text in cells.items():
        if not isinstance(text, str) or (not text and name not in ("note", "by")):
            continue
        row[name] = orjson.loads(text) if name in _JSON else unguarded(text)
    return row


def _is_csv(path: Path) -> bool:
    ending = path.suffix.lower()
    if ending not in (".csv", ".json"):
        raise RefusedFileError("is neither .csv nor .json", field=str(path), remedy="Name it decisions.csv or .json")
    return ending == ".csv"
