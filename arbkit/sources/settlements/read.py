"""What a file of sales holds: its lines, what is wrong with others, and what is no sale."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from arbkit.core.sales.line import SaleLine

_ID_LENGTH = 20


class LineFault(NamedTuple):
    """A line of a file that cannot be used, and why; the sale that it belongs to is left out."""

    number: int
    why: str
    remedy: str | None = None

    @property
    def words(self) -> str:
        """What is wrong and, where more is known than that, what to do."""
        return f"{self.why}. {self.remedy}" if self.remedy else self.why


class TotalMismatch(NamedTuple):
    """A settlement whose lines do not come to what its first line says."""

    settlement: str
    stated: float
    found: float


@dataclass(frozen=True, slots=True)
class ReadSales:
    """The lines of a file. ``left_out`` counts those that are none of them because of ``faults``."""

    lines: tuple[SaleLine, ...]
    faults: tuple[LineFault, ...]
    left_out: int
    mismatches: tuple[TotalMismatch, ...]

    @property
    def others(self) -> Mapping[str, int]:
        """How many lines are no sale and no refund, by what they are; the most frequent first."""
        return dict(Counter(line.what for line in self.lines if line.kind == "other").most_common())


class LineIds:
    """Ids that are the same whenever a file is read again; lines that are equal are counted."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._times: Counter[str] = Counter()

    def of(self, parts: Iterable[str]) -> str:
        """The id of the next line that says this."""
        digest = hashlib.sha256("\t".join(parts).encode()).hexdigest()[:_ID_LENGTH]
        self._times[digest] += 1
        times = self._times[digest]
        return f"{self._prefix}:{digest}" + (f":{times}" if times > 1 else "")
