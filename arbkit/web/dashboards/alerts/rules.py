"""The rules in force: what each asks for, how it stands, and what it finds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from arbkit.alerts.rule_names import unknown_categories
from arbkit.alerts.rules import Rule
from arbkit.alerts.rules_file import Rules
from arbkit.alerts.trial import Trial
from arbkit.core.formatting import UNKNOWN, age_words, count, utc_time
from arbkit.store import Store
from arbkit.store.queries import AlertQuery
from arbkit.web.dashboards.alerts.words import rule_words


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule as the page shows it.

    ``words`` say what it asks for, ``tone`` colours ``state``; ``today`` is how many alerts it made, ``meets`` how many
    stored opportunities meet it now, and ``note`` what is small beside that.
    """

    name: str
    words: Sequence[str]
    tone: str
    state: str
    today: str
    meets: str = UNKNOWN
    note: str = ""
    is_muted: bool = False
    may_change: bool = True


def read_alerts_made(store: Store, rules: Rules, *, since: float) -> dict[str, int]:
    """How many alerts each rule has made since then (Unix seconds), by name.

    Raises:
        StoreError: the store cannot be read.
    """
    names = [*(rule.name for rule in rules.rules), *(bad.name for bad in rules.bad)]
    return {name: store.alerts(AlertQuery(rule=name, since=since, limit=1)).total for name in names}


def what_is_lacking(rules: Iterable[Rule], channels: Collection[str], store: Store | None) -> dict[str, str]:
    """What rules name and there is not, in words by name of the rule; those that lack nothing are left out.

    Args:
        rules: those in force.
        channels: names of all channels of the file.
        store: with the products that may have a category; None: nothing is stored.

    Raises:
        StoreError: the store cannot be read.
    """
    found = {}
    for rule in rules:
        strangers = [] if store is None else unknown_categories(rule, store)
        named = {"channel": rule.missing_channels(channels), "category": strangers}
        found[rule.name] = " and ".join(f"no {kind} {', '.join(names)}" for kind, names in named.items() if names)
    return {name: f"there is {words}" for name, words in found.items() if words}


def rule_rows(
    rules: Rules,
    *,
    lacking: Mapping[str, str],
    made: Mapping[str, int],
    trials: Mapping[str, Trial],
    currency: str,
    now: float,
) -> list[RuleRow]:
    """A row for each rule, those with a mistake last.

    Args:
        rules: those in force, and the wrong ones.
        lacking: what of what a rule names is not there, in words, by name of the rule; see :func:`what_is_lacking`.
        made: how many alerts each made today, by name, as far as known.
        trials: what each finds among the stored opportunities, by name, as far as known.
        currency: of the seller profile.
        now: Unix seconds.
    """
    good = [_row(rule, lacking.get(rule.name, ""), made, trials.get(rule.name), currency, now) for rule in rules.rules]
    bad = [
        RuleRow(one.name, (), "bad", f"{one.error}", count(made.get(one.name)), may_change=False) for one in rules.bad
    ]
    return [*good, *bad]


def _row(rule: Rule, lacking: str, made: Mapping[str, int], trial: Trial | None, currency: str, now: float) -> RuleRow:
    tone, state = _state(rule, lacking, now)
    return RuleRow(
        rule.name,
        rule_words(rule, currency),
        tone,
        state,
        count(made.get(rule.name)),
        count(None if trial is None else trial.meeting),
        _note(trial),
        is_muted=rule.is_muted(now),
    )


def _state(rule: Rule, lacking: str, now: float) -> tuple[str, str]:
    if rule.muted_until is not None and rule.is_muted(now):
        until = rule.muted_until.timestamp()
        return "quiet", f"muted until {utc_time(until)}, {age_words(until - now)} from now"
    return ("warn", f"works, but {lacking}") if lacking else ("good", "works")


def _note(trial: Trial | None) -> str:
    if trial is None:
        return ""
    held = f", {count(trial.held)} held back" if trial.held else ""
    unknown = f", {count(sum(trial.unknown.values()))} without a forecast" if trial.unknown else ""
    return f"of {count(trial.opportunities)}{held}{unknown}"
