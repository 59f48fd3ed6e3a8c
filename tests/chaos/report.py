"""What a campaign has done and seen, and how long what was disturbed needs until it does its work again."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.chaos.model import Difference

__all__ = ["Recoveries", "Report"]

_LIMIT_S = 60.0
_HANG_LIMIT_S = 180.0
"""A hang is seen when there was no sign of life for two minutes; what holds a lock meanwhile keeps others waiting."""


@dataclass(frozen=True, slots=True)
class _Disturbance:
    fault: str
    ended_at: float


@dataclass(slots=True)
class Recoveries:
    """What waits for its victim's next work, and how long that took before; times are Unix seconds."""

    _open: dict[str, _Disturbance] = field(default_factory=dict)
    _took: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    _late: list[str] = field(default_factory=list)
    _hung_until: float = 0.0

    def disturbed(self, victim: str, fault: str, now: float) -> None:
        """An injection has ended now; a hang begins. What it was not recovered from before is late, or forgotten."""
        if (one := self._open.get(victim)) is not None:
            self._judge(victim, one, now)
        self._open[victim] = _Disturbance(fault, now)

    def since(self, victim: str) -> float | None:
        """When the injection ended that the victim has not recovered from yet."""
        one = self._open.get(victim)
        return None if one is None else one.ended_at

    def serves(self, victim: str, now: float) -> None:
        """The victim has done its work."""
        if (one := self._open.pop(victim, None)) is None:
            return
        if one.fault == "hang":
            self._hung_until = now
        self._took[one.fault].append((self._judge(victim, one, now), victim))

    def _judge(self, victim: str, one: _Disturbance, now: float) -> float:
        """How long it has taken until now, noted if that is too long."""
        seconds = max(0.0, now - one.ended_at)
        beside_a_hang = one.ended_at < self._hung_until or any(other.fault == "hang" for other in self._open.values())
        limit = _HANG_LIMIT_S if one.fault == "hang" or beside_a_hang else _LIMIT_S
        if seconds > limit:
            self._late.append(f"{victim} after {one.fault}: {seconds:.0f} s, where {limit:.0f} s may be")
        return seconds

    def late(self) -> list[str]:
        """Every victim that needed longer than it may."""
        return list(self._late)

    def lines(self) -> Iterator[str]:
        """Median and worst of each fault."""
        for fault, took in sorted(self._took.items()):
            worst, victim = max(took)
            median = statistics.median(seconds for seconds, _ in took)
            yield f"serving again after {fault}: median {median:.1f} s, worst {worst:.1f} s ({victim}), of {len(took)}"


@dataclass(slots=True)
class Report:
    """What was done and what differs; ``ended`` counts exit codes by process, ``means`` says how it was done."""

    seed: int
    injections: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    recoveries: Recoveries = field(default_factory=Recoveries)
    means: str = ""
    seconds: float = 0.0
    differences: list[Difference] = field(default_factory=list)

    def lines(self) -> list[str]:
        def of(counts: Counter[str]) -> str:
            return ", ".join(f"{n} {name}" for name, n in sorted(counts.items())) or "none"

        return [
            f"seed {self.seed}: {self.injections.total()} injections in {self.seconds:.0f} s: {of(self.injections)}",
            self.means,
            f"ended: {of(self.ended)}",
            f"acknowledged: {of(self.acknowledged)}",
            *self.recoveries.lines(),
            *(f"DIFFERENCE {one}" for one in self.differences),
            "as it must be" if not self.differences else f"{len(self.differences)} differences",
        ]
