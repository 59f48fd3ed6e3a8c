"""Announcements without rules, for the contract of stores."""

from __future__ import annotations

import time
from collections.abc import Sequence

from arbkit.store import Announcement, Notice
from arbkit.store.routes import RouteChange, RouteMemory, RuleState


def announce(changes: Sequence[RouteChange], *, ends: bool = False) -> Announcement:
    """A notice when a route begins to pay, and (``ends``) when it has ended, as it was; that it pays is remembered."""
    notices = list[Notice]()
    memories = dict[str, RouteMemory]()
    for change in changes:
        paid = change.memory is not None and change.memory.standing
        pays = change.after is not None
        route = change.after or change.before
        if pays != paid and (pays or ends):
            assert route is not None
            text = f"{route.id} {'begins' if pays else 'ends'} at {route.profit}"
            notices.append(Notice(f"{text} in {change.number}", "alerts", route.asin, b"\x00" + text.encode()))
        memories[change.route] = RouteMemory(
            buy_price=0.0 if route is None else route.buy_price,
            rules={"paid": RuleState(standing=pays)},
            ended_at=None if pays else time.time(),
        )
    return Announcement(notices, memories)


def announce_ends(changes: Sequence[RouteChange]) -> Announcement:
    """A notice when a route begins to pay, and when it has ended."""
    return announce(changes, ends=True)
