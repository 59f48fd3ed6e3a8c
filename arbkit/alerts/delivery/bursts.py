"""Alerts that come in together: of a rule with a limit a day, the best of them are to go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_GAP_S = 2.0
"""How soon one must come after another to be of the same burst: the detector announces in batches."""
_LONGEST_S = 30.0
"""How long the first of a burst waits for the last: the first detection of a catalogue takes minutes."""


@dataclass(slots=True)
class _Burst:
    began_at: float
    last_at: float
    alerts: int


class Bursts:
    """Which rules have a burst of alerts coming in; all times in monotonic seconds."""

    def __init__(self) -> None:
        self._by_rule: dict[str, _Burst] = {}

    def note(self, rules: Iterable[str], now: float) -> None:
        """Take account of alerts that have come in now, by their rules, one entry each."""
        for rule, alerts in Counter(rules).items():
            burst = self._by_rule.get(rule)
            if burst is None or now - burst.last_at >= _GAP_S:
                burst = self._by_rule[rule] = _Burst(now, now, 0)
            burst.last_at = now
            burst.alerts += alerts

    def wait_s(self, rule: str, now: float) -> float:
        """Seconds that alerts of this rule are to wait for others; 0 of one that came alone, and of a long burst."""
        burst = self._by_rule.get(rule)
        if burst is None or burst.alerts == 1:
            return 0.0
        return max(0.0, min(burst.last_at + _GAP_S, burst.began_at + _LONGEST_S) - now)
