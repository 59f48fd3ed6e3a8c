"""What pydantic finds wrong, in plain words (``wording.toml``)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from arbkit.core.errors import ErrorValue, UsageError, did_you_mean
from arbkit.core.files import shipped_table


class _Wording(BaseModel):
    why: dict[str, str]
    remedy: dict[str, str]


_WORDING = shipped_table(_Wording, "arbkit.core.input", "wording.toml")
_QUOTED = re.compile(r"'([^']*)'")


def fault_words(faults: Sequence[ErrorDetails]) -> tuple[str, str | None]:
    """What is wrong with one value, and what to do about it.

    Several faults are what each kind that the value may be finds wrong with it: the words are of all values that can be
    where there are such, else of the first.
    """
    first = next((fault for fault in faults if fault["type"] == "literal_error"), faults[0])
    kind, context = first["type"], {name: _whole(value) for name, value in first.get("ctx", {}).items()}
    if (cause := cause_of(first)) is not None:
        return cause.why, cause.remedy
    if kind == "literal_error":
        expected = [word for fault in faults for word in _QUOTED.findall(fault.get("ctx", {}).get("expected", ""))]
        return _WORDING.why[kind], did_you_mean(str(first["input"]), expected, otherwise="Use one of")
    words = _WORDING.why.get(kind)
    return (words.format(**context) if words else _own_words(first)), _WORDING.remedy.get(kind)


def cause_of(fault: ErrorDetails) -> UsageError | None:
    """The error of ours that a validator raised its own from; None: there is none."""
    cause = getattr(fault.get("ctx", {}).get("error"), "__cause__", None)
    return cause if isinstance(cause, UsageError) else None


def first_fault(error: ValidationError) -> tuple[str, str, ErrorValue]:
    """Where the first mistake is (``customs.duty_pct``; empty: the whole), what is wrong, and the value."""
    faults = error.errors(include_url=False)
    place = place_of(faults[0])
    why, remedy = fault_words([fault for fault in faults if place_of(fault) == place])
    value = None if faults[0]["type"] == "missing" else faults[0]["input"]
    return ".".join(place), f"{why}. {remedy}" if remedy else why, value


def place_of(fault: ErrorDetails) -> tuple[str, ...]:
    """Where it is, without the names of the kinds that a value may be: pydantic writes these as ``literal['a']``."""
    return tuple(str(part) for part in fault["loc"] if not (isinstance(part, str) and "[" in part))


def _whole(bound: str | float | Exception) -> str | float | Exception:
    """A bound as people write it: 1000 and not 1000.0."""
    return int(bound) if isinstance(bound, float) and bound.is_integer() else bound


def _own_words(fault: ErrorDetails) -> str:
    return fault["msg"].removeprefix("Value error, ")
