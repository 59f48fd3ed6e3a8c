"""The alerts page: rules and channels with how they stand, and what became of the latest alerts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from arbkit.alerts.channels.quiet_hours import start_of_day
from arbkit.alerts.delivery.plan import DeliveryPlan, PlanMark, load_plan, plan_mark
from arbkit.alerts.delivery.trial import SentTest, send_test
from arbkit.alerts.editing import mute_rule
from arbkit.alerts.rule_names import notes_on
from arbkit.alerts.rules import Rule
from arbkit.alerts.rules_file import Rules, alerts_path, load_rules
from arbkit.alerts.trial import Trial, try_rules
from arbkit.core.errors import ConfigError
from arbkit.core.formatting import count, utc_time
from arbkit.core.settings import Settings
from arbkit.pipeline.watchlist.following import WatchedGroups
from arbkit.profit import load_profile
from arbkit.store import Page, open_store
from arbkit.store.alerts import AlertRecord
from arbkit.store.queries import AlertQuery
from arbkit.web.address import describe_errors
from arbkit.web.dashboards.alerts.channels import ChannelFacts, channel_rows, read_channel_facts, read_sent
from arbkit.web.dashboards.alerts.history import HistoryView, history_table
from arbkit.web.dashboards.alerts.html import SPANS, channels_html, rules_html, trial_html
from arbkit.web.dashboards.alerts.rule_form import RuleForm
from arbkit.web.dashboards.alerts.rules import read_alerts_made, rule_rows, what_is_lacking
from arbkit.web.dashboards.background_task import BackgroundTask
from arbkit.web.dashboards.content import Region, UserEvent
from arbkit.web.dashboards.html import Figure
from arbkit.web.dashboards.page import DashboardPage
from arbkit.web.dashboards.part import Figures

_MOST_COUNTED = 10_000
"""Opportunities that are put to all rules unasked: that takes a second of a thread."""
_COUNT_EVERY_S = 60.0
_BEST = 5
_SPANS = {"8h": timedelta(hours=8), "1d": timedelta(days=1), "7d": timedelta(days=7)}
_BUILT_IN = (
    "No `alerts.toml` yet: the built-in rule is in force. Muting it, or adding one of yours, makes the file with a "
    "copy of it."
)
_NOTHING = "No alert yet: rules make them as prices change, and arbkit up keeps them here."
_NO_MATCH = "No alert of this type and outcome."
_NO_STORE = "Nothing is stored yet: arbkit up fills the store. Updates automatically."


class AlertsPage(DashboardPage):
    """The page over one store and the file of rules and channels; ``widget`` is what a notebook displays."""

    NAME = "alerts"
    TITLE = "Alerts"
    REGIONS = (
        Region("head", "html", waiting="Alerts"),
        Figures.REGION,
        Region("rules", "html", title="Rules", waiting="Reading alerts.toml …"),
        Region("add", "form", waiting="…", collapsible="Add a rule"),
        Region("tried", "html"),
        Region("channels", "html", title="Channels", waiting="Reading alerts.toml …"),
        Region("filter", "form", title="History"),
        Region("history", "table", waiting="Reading the store …"),
    )

    def __init__(self, settings: Settings) -> None:
        self._figures = Figures()
        super().__init__(settings, (self._figures,))
        self._view = HistoryView()
        self._form = RuleForm()
        self._rules: Rules | None = None
        self._plan: DeliveryPlan | None = None
        self._fault = ""
        self._mark: PlanMark = None
        self._made: Mapping[str, int] = {}
        self._facts: Mapping[str, ChannelFacts] = {}
        self._found: Page[AlertRecord] = Page((), 0, None)
        self._groups = WatchedGroups(settings)
        self._trials: Mapping[str, Trial] = {}
        self._counted: tuple[Rule, ...] = ()
        self._count_at = 0.0
        self._testing = self._notice = ""
        self._for_counts: BackgroundTask[list[Trial]] = BackgroundTask(self._counts_read)
        self._for_trial: BackgroundTask[list[Trial]] = BackgroundTask(self._tried)
        self._for_test: BackgroundTask[SentTest] = BackgroundTask(self._tested)

    async def settled(self) -> None:
        """Wait until no background task is running."""
        for task in (self._for_counts, self._for_trial, self._for_test):
            await task.settled()

    # Reading

    def open(self, search: str) -> None:
        """Show the alerts that the address asks for; say what of it is ignored."""
        self._view, wrong = HistoryView.parse(search)
        if wrong:
            self.widget.notify(describe_errors(wrong), "bad")

    def show_empty(self) -> None:
        """Show rules and channels, which need no store, and that nothing is stored."""
        self._read_file()
        for region in ("figures", "filter"):
            self.widget.hide(region)
        self._show_rules()
        self._show_form()
        self._show_channels()
        self._show_history(_NO_STORE)

    def is_stale(self) -> bool:
        """Whether rules or channels have changed, or something became of an alert that is shown.

        Raises:
            ArbkitError: the store cannot be read.
        """
        return plan_mark(self.settings) != self._mark or self.store.alerts(self._view.query()) != self._found

    def load(self) -> None:
        """Read rules, channels and alerts.

        Raises:
            ArbkitError: the store cannot be read.
        """
        now = time.time()
        stats = self.stats(now=now)
        self._read_file()
        self._found = self.store.alerts(self._view.query())
        since = now if self._plan is None else start_of_day(now, self._plan.zone)
        self._made = {} if self._rules is None else read_alerts_made(self.store, self._rules, since=since)
        self._facts = read_channel_facts(self.store)
        self.show_header()
        self._show_figures(since)
        self._show_rules()
        self._show_form()
        self._show_channels()
        self.widget.show_form("filter", self._view.fields())
        self._show_history(_NO_MATCH if self._view.type or self._view.outcome else _NOTHING)
        self.widget.address(self._view.search())
        if stats.opportunities <= _MOST_COUNTED:
            self.defer(self._count)

    def _read_file(self) -> None:
        self._mark, self._fault = plan_mark(self.settings), ""
        try:
            self._rules, self._plan = load_rules(self.settings), load_plan(self.settings)
        except ConfigError as error:
            self._rules, self._plan, self._fault = None, None, str(error).rstrip(".")

    @property
    def _currency(self) -> str:
        """That of the seller profile; empty where it cannot be read, which the head says."""
        try:
            return load_profile(self.settings.profile_path, self.settings.profile_name).currency
        except ConfigError:
            return ""

    def _count(self) -> None:
        """Put the stored opportunities to the rules, unless that was done lately."""
        rules = self._rules.rules if self._rules else ()
        now = time.time()
        is_fresh = rules == self._counted and now - self._count_at < _COUNT_EVERY_S
        if not rules or is_fresh or self._for_counts.began_at is not None:
            return
        self._counted, self._count_at = rules, now
        self._for_counts.start(lambda: self._try_rules(rules))

    def _try_rules(self, rules: Iterable[Rule]) -> list[Trial]:
        with open_store(self.settings, read_only=True) as store:
            groups = WatchedGroups(self.settings)(store)
            return try_rules(store, list(rules), limit=_BEST, now=time.time(), groups=groups)

    def _counts_read(self, trials: list[Trial] | None, error: str) -> None:
        if trials is None:
            self.widget.notify(error, "bad")
            return
        self._trials = {one.rule: one for one in trials}
        self.widget.run_guarded(self._show_rules)

    # Showing

    def _show_figures(self, since: float) -> None:
        rules, bad = (self._rules.rules, self._rules.bad) if self._rules else ((), ())
        muted = sum(rule.is_muted(time.time()) for rule in rules)
        beside = [*([f"{muted} muted"] if muted else []), *([f"{len(bad)} with a mistake"] if bad else [])]
        zone = f"since midnight in {self._plan.zone.key}" if self._plan else ""

        def total(**asked: str | float) -> str:
            return count(self.store.alerts(AlertQuery.parse({**asked, "limit": 1})).total)

        sent = {} if self._plan is None else read_sent(self.store, self._plan.names, since=since)
        beside_sent = ", ".join(f"{name} {count(number)}" for name, number in sent.items()) or "there is no channel"
        failed = total(status="failed")
        figures: list[Figure] = [
            ("Rules", count(len(rules)), ", ".join(beside) or "all work"),
            ("Made today", total(since=since), f"sent or not, {zone}" if zone else "sent or not"),
            ("Sent today", count(sum(sent.values())), beside_sent),
            ("Suspicious, held back", total(since=since, type="data_problem"), "today"),
            ("Waiting", total(status="pending"), "to be sent"),
            ("Failed", failed, "" if failed == "0" else "arbkit dlq replay sends them again"),
        ]
        self._figures.show(figures)

    def _show_rules(self) -> None:
        rows = []
        if self._rules is not None and self._plan is not None:
            store = self.store if self._stats else None
            rows = rule_rows(
                self._rules, lacking=what_is_lacking(self._rules.rules, self._plan.names, store),
                made=self._made, trials=self._known_trials(), currency=self._currency, now=time.time(),
            )  # fmt: skip
        stored = self._stats.opportunities if self._stats else 0
        html = rules_html(
            rows, path=alerts_path(self.settings), intro=_BUILT_IN if self._mark is None else "", fault=self._fault,
            uncounted=stored if stored > _MOST_COUNTED else None,
        )  # fmt: skip
        self.widget.show_html("rules", html)

    def _known_trials(self) -> Mapping[str, Trial]:
        """What is known of rules that are still as they were when they were tried."""
        now = self._rules.rules if self._rules else ()
        return {
            rule.name: self._trials[rule.name] for rule in now if rule in self._counted and rule.name in self._trials
        }

    def _show_form(self) -> None:
        stats = self._stats
        groups = set().union(*self._groups(self.store).values()) if stats else set()
        suggestions = {
            "category": stats.categories if stats else (), "brand": stats.brands if stats else (), "group": groups
        }  # fmt: skip
        self.widget.show_form("add", self._form.fields(self.settings.markets, suggestions, self._currency))

    def _show_channels(self) -> None:
        if self._plan is None:
            self.widget.hide("channels")
            return
        rows = channel_rows(self._plan, self._facts, elsewhere=bool(self.settings.shared), now=time.time())
        path = alerts_path(self.settings)
        self.widget.show_html("channels", channels_html(rows, path=path, testing=self._testing, notice=self._notice))

    def _show_history(self, message: str) -> None:
        self.widget.show_table("history", history_table(self._found, self._view, message=message, now=time.time()))

    # What the user does

    def on_form(self, event: UserEvent) -> None:
        """Filter the history, or type into the new rule."""
        if event["region"] == "add":
            self._form.take(event["values"])
        elif event["region"] == "filter":
            self._view = self._view.chosen(event["values"])
            self.refresh()

    def on_page(self, event: UserEvent) -> None:
        """Another page of the history."""
        self._view = self._view.on_page(event["page"])
        self.refresh()

    def on_action(self, event: UserEvent) -> None:
        """Mute a rule, add one or try it, count what meets all, or test a channel."""
        name, target = event["name"], str(event.get("id", ""))
        if name == "unmute" or name.removeprefix("mute-") in SPANS:
            self._mute(target, name.removeprefix("mute-"))
        elif name == "add":
            self._add()
        elif name == "try":
            self._try()
        elif name == "count":
            self._counted = ()
            self._count()
        elif name == "test":
            self._test(target)

    def _mute(self, rule: str, span: str) -> None:
        """Silence a rule for a span, or (``unmute``) no longer."""
        until = datetime.now(UTC).replace(microsecond=0) + _SPANS[span] if span in _SPANS else None
        path = mute_rule(self.settings, rule, until)
        became = "is no longer muted" if until is None else f"is muted until {utc_time(until.timestamp())}"
        self.widget.notify(f"Rule {rule} {became}: {path} says so.", "good")
        self.refresh()

    def _add(self) -> None:
        added = self._form.add(self.settings)
        if added is None:
            self._show_form()
            return
        name, path = added
        notes = notes_on(self.settings, load_rules(self.settings).rule(name))
        said = "".join(f" Note: {note.rstrip('?')}{'?' if note.endswith('?') else '.'}" for note in notes)
        self.widget.notify(f"Rule {name} is added to {path}, and in force with the next price.{said}", "good")
        self.widget.hide("tried")
        self.refresh()

    def _try(self) -> None:
        rule = self._form.rule(self.settings)
        self._show_form()
        if rule is not None:
            self._for_trial.start(lambda: self._try_rules([rule]))

    def _tried(self, trials: list[Trial] | None, error: str) -> None:
        if trials is None:
            self.widget.notify(error, "bad")
        else:
            self.widget.show_html("tried", trial_html(trials[0]))

    def _test(self, channel: str) -> None:
        if self._for_test.began_at is not None:
            return
        self._testing, self._notice = channel, ""
        self._for_test.start(lambda: send_test(self.settings, channel))
        self._show_channels()

    def _tested(self, sent: SentTest | None, error: str) -> None:
        channel, self._testing = self._testing, ""
        if sent is None:
            self._notice = f"No test was sent to {channel}. {error.rstrip('.')}."
        else:
            self._notice = f"{channel} took a test message."
        self.widget.notify(self._notice, "bad" if sent is None else "good")
        self.widget.run_guarded(self._show_channels)
