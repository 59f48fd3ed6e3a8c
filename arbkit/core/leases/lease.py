"""A lease: who may do what only one process may, and until when."""

from __future__ import annotations

from dataclasses import dataclass

_FARTHEST = 2
"""Lengths of a lease beyond which an end in the future is none: a clock was set back since."""


@dataclass(frozen=True, slots=True)
class Lease:
    """``name`` is held by ``holder`` since ``taken_at`` and, unless it is renewed, until ``expires_at`` (Unix seconds).

    Both times are of the holder's clock, and each who asks compares them with the clock of its own machine: those of
    all must agree to about half the length of a lease.
    """

    name: str
    holder: str
    taken_at: float
    expires_at: float

    def is_in_force(self, *, seconds: float, now: float) -> bool:
        """Whether it has not ended by this clock; leases of its name last ``seconds``.

        One that ends much later than a lease can was taken before a clock was set back: it would last for as long as
        that, though its holder is gone.
        """
        return now < self.expires_at <= now + _FARTHEST * seconds


def lease_after(there: Lease | None, name: str, holder: str, *, seconds: float, now: float) -> Lease:
    """The lease in force once ``holder`` has asked for it: ``there`` itself, if another one has it."""
    if there is None or (there.holder != holder and not there.is_in_force(seconds=seconds, now=now)):
        return Lease(name, holder, now, now + seconds)
    return there if there.holder != holder else Lease(name, holder, there.taken_at, now + seconds)
