"""The part of a store that keeps decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from arbkit.core.decisions.event import Decision
from arbkit.core.decisions.rules import DecisionsInForce


class DecisionStore(Protocol):
    """The part of a store that keeps what people decided; no sweep, replay or rebuilding changes any of it."""

    def add_decisions(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Keep those whose key and version nobody has used; the ones that were there in place of the others.

        One that is there just as it is given is no conflict. Every later question finds what was added.
        """
        ...

    def decisions(self, keys: Sequence[str] | None = None) -> list[Decision]:
        """All that was decided under these keys (None: under any), by key and version."""
        ...

    def decisions_in_force(self) -> DecisionsInForce:
        """The decisions that may hold now, with the profits that some of them depend on."""
        ...
