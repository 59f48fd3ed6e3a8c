"""What a page shows of alerts: rules and channels as their file has them, how they stand, and the latest alerts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from arbkit.alerts.channels.quiet_hours import start_of_day
from arbkit.alerts.delivery.plan import DeliveryPlan, PlanMark, load_plan, plan_mark
from arbkit.alerts.rules import Rule
from arbkit.alerts.rules_file import Rules, load_rules
from arbkit.alerts.trial import Trial, try_rules
from arbkit.core.errors import ConfigError
from arbkit.core.formatting import count
from arbkit.pipeline.watchlist.following import WatchedGroups
from arbkit.profit import load_profile
from arbkit.store import Page, open_store
from arbkit.store.alerts import AlertRecord
from arbkit.store.queries import AlertQuery
from arbkit.web.dashboards.alerts.channels import ChannelFacts, read_channel_facts, read_sent
from arbkit.web.dashboards.alerts.history import HistoryView
from arbkit.web.dashboards.alerts.rules import read_alerts_made
from arbkit.web.dashboards.background_task import BackgroundTask
from arbkit.web.dashboards.composed.subject import Subject
from arbkit.web.dashboards.html import Figure

if TYPE_CHECKING:
    from arbkit.web.dashboards.composed.page import Page as PartsPage

_MOST_COUNTED = 10_000
"""Opportunities that are put to all rules unasked: that takes a second of a thread."""
_COUNT_EVERY_S = 60.0
_BEST = 5


class AlertsInForce(Subject):
    """Rules, channels and the alerts that ``view`` asks for; ``found`` are those of its page.

    ``rules`` and ``plan`` are None where their file cannot be used: ``fault`` says why.
    """

    NAME = "alerts"

    def __init__(self, page: PartsPage) -> None:
        super().__init__(page)
        self.view = HistoryView()
        self.rules: Rules | None = None
        self.plan: DeliveryPlan | None = None
        self.fault = ""
        self.mark: PlanMark = None
        self.made: Mapping[str, int] = {}
        self.facts: Mapping[str, ChannelFacts] = {}
        self.found: Page[AlertRecord] = Page((), 0, None)
        self._figures: list[Figure] = []
        self._groups = WatchedGroups(page.settings)
        self._trials: Mapping[str, Trial] = {}
        self._counted: tuple[Rule, ...] = ()
        self._count_at = 0.0
        self._counting: BackgroundTask[list[Trial]] = BackgroundTask(self._counts_read)

    @property
    def currency(self) -> str:
        """That of the seller profile; empty where it cannot be read, which the head says."""
        settings = self.page.settings
        try:
            return load_profile(settings.profile_path, settings.profile_name).currency
        except ConfigError:
            return ""

    @property
    def uncounted(self) -> int | None:
        """How many stored opportunities are put to the rules only when that is asked for; None: all are unasked."""
        stats = self.page.known_stats
        return stats.opportunities if stats and stats.opportunities > _MOST_COUNTED else None

    def open(self, search: str) -> Mapping[str, str]:
        """Take which alerts are shown."""
        self.view, wrong = HistoryView.parse(search)
        return wrong

    def search(self) -> str:
        """Which alerts are shown."""
        return self.view.search()

    def is_stale(self) -> bool:
        """Whether rules or channels have changed, or something became of an alert that is shown."""
        return plan_mark(self.page.settings) != self.mark or self.store.alerts(self.view.query()) != self.found

    def load_without_store(self) -> None:
        """Read rules and channels."""
        self.mark, self.fault = plan_mark(self.page.settings), ""
        try:
            self.rules, self.plan = load_rules(self.page.settings), load_plan(self.page.settings)
        except ConfigError as error:
            self.rules, self.plan, self.fault = None, None, str(error).rstrip(".")

    def load(self, *, now: float) -> None:
        """Read rules, channels and alerts."""
        self.load_without_store()
        self.found = self.store.alerts(self.view.query())
        since = now if self.plan is None else start_of_day(now, self.plan.zone)
        self.made = {} if self.rules is None else read_alerts_made(self.store, self.rules, since=since)
        self.facts = read_channel_facts(self.store)
        self._figures = self._read_figures(since)
        if self.uncounted is None:
            self.page.defer(self.count)

    def figures(self) -> list[Figure]:
        """How many rules there are, and what became of the alerts of today."""
        return self._figures

    async def settled(self) -> None:
        """Wait until the rules are counted."""
        await self._counting.settled()

    def groups(self) -> set[str]:
        """The groups of the watchlist.

        Raises:
            StoreError: the store cannot be read.
        """
        return set().union(*self._groups(self.store).values()) if self.page.known_stats else set()

    def trials(self) -> Mapping[str, Trial]:
        """What is known of rules that are still as they were when they were tried, by name."""
        now = self.rules.rules if self.rules else ()
        return {
            rule.name: self._trials[rule.name] for rule in now if rule in self._counted and rule.name in self._trials
        }

    def count(self, *, anew: bool = False) -> None:
        """Put the stored opportunities to the rules, unless that was done lately; or ``anew``."""
        rules, now = self.rules.rules if self.rules else (), time.time()
        is_fresh = not anew and rules == self._counted and now - self._count_at < _COUNT_EVERY_S
        if not rules or is_fresh or self._counting.began_at is not None:
            return
        self._counted, self._count_at = rules, now
        self._counting.start(lambda: self.try_rules(rules))

    def try_rules(self, rules: Iterable[Rule]) -> list[Trial]:
        """Which stored opportunities meet these rules, read in a thread with a store of its own."""
        with open_store(self.page.settings, read_only=True) as store:
            groups = WatchedGroups(self.page.settings)(store)
            return try_rules(store, list(rules), limit=_BEST, now=time.time(), groups=groups)

    def _counts_read(self, trials: list[Trial] | None, error: str) -> None:
        if trials is None:
            self.page.widget.notify(error, "bad")
            return
        self._trials = {one.rule: one for one in trials}
        self.page.widget.run_guarded(self.page.redraw)

    def _read_figures(self, since: float) -> list[Figure]:
        rules, bad = (self.rules.rules, self.rules.bad) if self.rules else ((), ())
        muted = sum(rule.is_muted(time.time()) for rule in rules)
        beside = [*([f"{muted} muted"] if muted else []), *([f"{len(bad)} with a mistake"] if bad else [])]
        zone = f"since midnight in {self.plan.zone.key}" if self.plan else ""

        def total(**asked: str | float) -> str:
            return count(self.store.alerts(AlertQuery.parse({**asked, "limit": 1})).total)

        sent = {} if self.plan is None else read_sent(self.store, self.plan.names, since=since)
        beside_sent = ", ".join(f"{name} {count(number)}" for name, number in sent.items()) or "there is no channel"
        failed = total(status="failed")
        return [
            ("Rules", count(len(rules)), ", ".join(beside) or "all work"),
            ("Made today", total(since=since), f"sent or not, {zone}" if zone else "sent or not"),
            ("Sent today", count(sum(sent.values())), beside_sent),
            ("Suspicious, held back", total(since=since, type="data_problem"), "today"),
            ("Waiting", total(status="pending"), "to be sent"),
            ("Failed", failed, "" if failed == "0" else "arbkit dlq replay sends them again"),
        ]
