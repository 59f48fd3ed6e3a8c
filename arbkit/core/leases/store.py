"""The part of a store that keeps leases."""

from __future__ import annotations

from typing import Protocol

from arbkit.core.leases.lease import Lease


class LeaseStore(Protocol):
    """The part of a store that keeps leases: true of this moment alone, so in no backup and no replay."""

    def take_lease(self, name: str, holder: str, *, seconds: float, now: float | None = None) -> Lease:
        """Take the lease of this name for so long, or renew it; if another one has it, that stays as it is.

        Of several who ask at once one gets it. ``now`` is by the clock of who asks (None: that of this machine).

        Returns:
            The lease in force: that of ``holder``, or that of another.
        """
        ...

    def drop_lease(self, name: str, holder: str) -> None:
        """Give it up, if ``holder`` has it: others need not wait until it ends."""
        ...
