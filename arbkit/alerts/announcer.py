"""What the detector announces: the rules in force, read anew when their file changes, put to each changed route."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence

from arbkit.alerts.evaluation import decide
from arbkit.alerts.rules_file import Rules, alerts_path, load_rules
from arbkit.core.decisions.event import OPEN_STATUSES
from arbkit.core.decisions.rules import DecisionsInForce
from arbkit.core.errors import ConfigError
from arbkit.core.settings import Settings
from arbkit.pipeline.watchlist.following import WatchedGroups
from arbkit.store import Announce, Announcement, Store
from arbkit.store.decisions.applying import status_of
from arbkit.store.routes import RouteChange

logger = logging.getLogger(__name__)

Groups = Callable[[Store], Mapping[str, frozenset[str]]]
"""The groups of each product of the watchlist, by ASIN."""


class Announcer:
    """Gives, for a store, what decides which of its changed routes are announced, by the rules of now.

    A file that cannot be read leaves the rules of before at work. Where there never were any, nothing is announced and
    nothing forgotten: what still pays is announced once the file is mended. Products of the demo market are announced
    only while there are no real ones, unless the demo market is forced.
    """

    def __init__(self, settings: Settings, *, groups: Groups | None = None) -> None:
        self._settings = settings
        self._groups = groups or WatchedGroups(settings)
        self._content: bytes | None = None
        self._rules: Rules | None = None
        self._is_read = False
        self._holds_real = False

    def __call__(self, store: Store) -> Announce:
        """What decides for the next batch of results.

        Raises:
            StoreError: the store cannot be read.
        """
        self._read_changed()
        self._holds_real = self._holds_real or store.holds_real_products()
        demo = self._settings.demo is True or not self._holds_real
        groups = self._groups(store) if self._rules and any(rule.groups for rule in self._rules.rules) else {}
        # Before the batch is written: whoever decides meanwhile is heard with the next.
        decided = store.decisions_in_force()

        def announce(changes: Sequence[RouteChange]) -> Announcement:
            return announce_by(self._rules, changes, now=time.time(), demo=demo, groups=groups, decided=decided)

        return announce

    def _read_changed(self) -> None:
        content = _content_of(self._settings)
        if self._is_read and content == self._content:
            return
        self._content, self._is_read = content, True
        try:
            self._rules = load_rules(self._settings)
        except ConfigError as error:
            rest = "nothing is announced" if self._rules is None else "the rules of before stay in force"
            logger.error("%s; until then %s", error, rest)
            return
        for bad in self._rules.bad:
            logger.error("%s; the other rules are in force", bad.error)


def announce_by(
    rules: Rules | None,
    changes: Sequence[RouteChange],
    *,
    now: float,
    demo: bool = True,
    groups: Mapping[str, frozenset[str]] | None = None,
    decided: DecisionsInForce | None = None,
) -> Announcement:
    """What these rules announce and remember of changed routes.

    Args:
        rules: None: none are known, so nothing is announced, and nothing that is remembered changes.
        changes: the routes after a result, with what is remembered of them.
        now: Unix seconds, the time of the alerts of routes that have ended.
        demo: whether products of the demo market are announced.
        groups: the groups of each product of the watchlist, by ASIN.
        decided: what was decided about routes: those that are dismissed, or of a blocked brand, are not announced.
    """
    if rules is None:
        return Announcement()
    held = [bad.name for bad in rules.bad]
    notices, memories = [], {}
    for change in changes:
        route = change.after or change.before
        if route is not None and route.demo and not demo:
            continue
        of_product = (groups or {}).get(change.route.partition(":")[0], frozenset())
        is_dismissed = (
            decided is not None and route is not None and status_of(route, decided, at=now) not in OPEN_STATUSES
        )
        decision = decide(rules.rules, change, now=now, groups=of_product, held=held, is_dismissed=is_dismissed)
        if decision is not None:
            notices += [alert.notice() for alert in decision.alerts]
            memories[change.route] = decision.memory
    return Announcement(tuple(notices), memories)


def _content_of(settings: Settings) -> bytes | None:
    """What the file of rules holds; None where it is not there or cannot be read."""
    try:
        return alerts_path(settings).read_bytes()
    except OSError:
        return None
