"""The parts about alerts: the rules, a form for another one, the channels, and what became of the latest alerts."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from arbkit.alerts.delivery.trial import SentTest, send_test
from arbkit.alerts.editing import mute_rule
from arbkit.alerts.rule_names import notes_on
from arbkit.alerts.rules_file import alerts_path, load_rules
from arbkit.alerts.trial import Trial
from arbkit.core.formatting import utc_time
from arbkit.core.settings import Settings
from arbkit.web.dashboards.alerts.channels import channel_rows
from arbkit.web.dashboards.alerts.history import history_table
from arbkit.web.dashboards.alerts.html import SPANS, channels_html, rules_html, trial_html
from arbkit.web.dashboards.alerts.in_force import AlertsInForce
from arbkit.web.dashboards.alerts.rule_form import RuleForm
from arbkit.web.dashboards.alerts.rules import rule_rows, what_is_lacking
from arbkit.web.dashboards.background_task import BackgroundTask
from arbkit.web.dashboards.content import Region, UserEvent
from arbkit.web.dashboards.part import Part, StorePart

_SPANS = {"8h": timedelta(hours=8), "1d": timedelta(days=1), "7d": timedelta(days=7)}
_BUILT_IN = (
    "No `alerts.toml` yet: the built-in rule is in force. Muting it, or adding one of yours, makes the file with a "
    "copy of it."
)
_NOTHING = "No alert yet: rules make them as prices change, and arbkit up keeps them here."
_NO_MATCH = "No alert of this type and outcome."
_NO_STORE = "Nothing is stored yet: arbkit up fills the store. Updates automatically."


class AlertPart(StorePart):
    """A part about the alerts of its page; what needs no store is shown without one."""

    SUBJECT = AlertsInForce

    @property
    def subject(self) -> AlertsInForce | None:
        """What is in force; None: the part is of no page."""
        return None if self.page is None else self.page.subject(AlertsInForce)

    def follow(self, shown: AlertsInForce) -> None:
        """Show what is in force."""

    def draw(self) -> None:
        """Show what is known."""
        if self.subject is not None:
            self.follow(self.subject)

    def show_empty(self) -> bool:
        """Show what is known without a store."""
        self.draw()
        return False


class AlertRules(AlertPart):
    """Every rule: what it asks for, how it stands, what it makes and finds, with buttons that mute it."""

    REGION = Region("rules", "html", title="Rules", waiting="Reading alerts.toml …")

    def follow(self, shown: AlertsInForce) -> None:
        """Show the rules."""
        rows = []
        if shown.rules is not None and shown.plan is not None:
            store = shown.store if shown.page.known_stats else None
            rows = rule_rows(
                shown.rules, lacking=what_is_lacking(shown.rules.rules, shown.plan.names, store),
                made=shown.made, trials=shown.trials(), currency=shown.currency, now=time.time(),
            )  # fmt: skip
        html = rules_html(
            rows, path=alerts_path(self.settings), intro=_BUILT_IN if shown.mark is None else "", fault=shown.fault,
            uncounted=shown.uncounted,
        )  # fmt: skip
        self.widget.show_html(self.region, html)

    def handle(self, event: UserEvent) -> bool:
        """Mute a rule, or count what meets all."""
        if self.page is None or self.subject is None or event["type"] != "action":
            return False
        name = event["name"]
        if name == "unmute" or name.removeprefix("mute-") in SPANS:
            self._mute(str(event.get("id", "")), name.removeprefix("mute-"))
            self.page.refresh()
        elif name == "count":
            self.subject.count(anew=True)
        else:
            return False
        return True

    def _mute(self, rule: str, span: str) -> None:
        """Silence a rule for a span, or (``unmute``) no longer."""
        until = datetime.now(UTC).replace(microsecond=0) + _SPANS[span] if span in _SPANS else None
        path = mute_rule(self.settings, rule, until)
        became = "is no longer muted" if until is None else f"is muted until {utc_time(until.timestamp())}"
        self.widget.notify(f"Rule {rule} {became}: {path} says so.", "good")


class _TriedRule(Part):
    """Which stored opportunities meet the rule that was typed in."""

    REGION = Region("tried", "html")

    def show(self, trial: Trial) -> None:
        """Show what was found."""
        self.widget.show_html(self.region, trial_html(trial))

    def show_empty(self) -> bool:
        """Stay as it is: an answer is not of the store."""
        return False


class AddRule(AlertPart):
    """A form for another rule, which can be tried first."""

    REGION = Region("add", "form", waiting="…", collapsible="Add a rule")

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        self._form = RuleForm()
        self._tried = _TriedRule()
        self._trying: BackgroundTask[list[Trial]] = BackgroundTask(self._show_tried)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The form, and what a rule that is tried finds."""
        return self, self._tried

    def follow(self, shown: AlertsInForce) -> None:
        """Show the fields; suggestions come from what is stored."""
        stats = shown.page.known_stats
        suggestions = {
            "category": stats.categories if stats else (), "brand": stats.brands if stats else (),
            "group": shown.groups(),
        }  # fmt: skip
        self.widget.show_form(self.region, self._form.fields(self.settings.markets, suggestions, shown.currency))

    def handle(self, event: UserEvent) -> bool:
        """Keep what is typed; try or add the rule."""
        if event["type"] == "form":
            self._form.take(event["values"])
        elif event["type"] == "action" and event["name"] == "add":
            self._add()
        elif event["type"] == "action" and event["name"] == "try":
            self._try()
        else:
            return event["type"] == "toggle"
        return True

    async def settled(self) -> None:
        """Wait until a rule is tried."""
        await self._trying.settled()

    def _add(self) -> None:
        added = self._form.add(self.settings)
        if self.page is None or self.subject is None or added is None:
            self.draw()
            return
        name, path = added
        notes = notes_on(self.settings, load_rules(self.settings).rule(name))
        said = "".join(f" Note: {note.rstrip('?')}{'?' if note.endswith('?') else '.'}" for note in notes)
        self.widget.notify(f"Rule {name} is added to {path}, and in force with the next price.{said}", "good")
        self._tried.hide()
        self.page.refresh()

    def _try(self) -> None:
        rule, subject = self._form.rule(self.settings), self.subject
        self.draw()
        if rule is not None and subject is not None:
            self._trying.start(lambda: subject.try_rules([rule]))

    def _show_tried(self, trials: list[Trial] | None, error: str) -> None:
        if trials is None:
            self.widget.notify(error, "bad")
        else:
            self._tried.show(trials[0])


class AlertChannels(AlertPart):
    """Every channel and how it stands, with a button that sends a test."""

    REGION = Region("channels", "html", title="Channels", waiting="Reading alerts.toml …")

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        self._testing = self._notice = ""
        self._sending: BackgroundTask[SentTest] = BackgroundTask(self._tested)

    def follow(self, shown: AlertsInForce) -> None:
        """Show the channels; nothing where their file cannot be used."""
        if shown.plan is None:
            self.hide()
            return
        rows = channel_rows(shown.plan, shown.facts, elsewhere=bool(self.settings.shared), now=time.time())
        path = alerts_path(self.settings)
        self.widget.show_html(self.region, channels_html(rows, path=path, testing=self._testing, notice=self._notice))

    def handle(self, event: UserEvent) -> bool:
        """Send a test."""
        if event["type"] != "action" or event["name"] != "test":
            return False
        if self._sending.began_at is None:
            channel = str(event.get("id", ""))
            self._testing, self._notice = channel, ""
            self._sending.start(lambda: send_test(self.settings, channel))
            self.draw()
        return True

    async def settled(self) -> None:
        """Wait until a test is sent."""
        await self._sending.settled()

    def _tested(self, sent: SentTest | None, error: str) -> None:
        channel, self._testing = self._testing, ""
        if sent is None:
            self._notice = f"No test was sent to {channel}. {error.rstrip('.')}."
        else:
            self._notice = f"{channel} took a test message."
        self.widget.notify(self._notice, "bad" if sent is None else "good")
        self.widget.run_guarded(self.draw)


class AlertFilter(AlertPart):
    """Which alerts of the history are shown: by type and outcome."""

    REGION = Region("filter", "form", title="History")

    def follow(self, shown: AlertsInForce) -> None:
        """Show what is chosen."""
        self.widget.show_form(self.region, shown.view.fields())

    def show_empty(self) -> bool:
        """There is nothing to choose from."""
        self.hide()
        return False

    def handle(self, event: UserEvent) -> bool:
        """Show other alerts."""
        if self.page is None or self.subject is None or event["type"] != "form":
            return False
        self.subject.view = self.subject.view.chosen(event["values"])
        self.page.refresh()
        return True


class AlertHistory(AlertPart):
    """The latest alerts, a page at a time: what they were about, and what became of them on each channel."""

    REGION = Region("history", "table", waiting="Reading the store …")

    def follow(self, shown: AlertsInForce) -> None:
        """Show the alerts."""
        self._show(shown, _NO_MATCH if shown.view.type or shown.view.outcome else _NOTHING)

    def show_empty(self) -> bool:
        """Show in place of rows that nothing is stored."""
        if self.subject is not None:
            self._show(self.subject, _NO_STORE)
        return True

    def handle(self, event: UserEvent) -> bool:
        """Turn a page."""
        if self.page is None or self.subject is None or event["type"] != "page":
            return False
        self.subject.view = self.subject.view.on_page(event["page"])
        self.page.refresh()
        return True

    def _show(self, shown: AlertsInForce, message: str) -> None:
        self.widget.show_table(self.region, history_table(shown.found, shown.view, message=message, now=time.time()))
