"""``arbkit alerts``: the rules by which opportunities are announced."""

from __future__ import annotations

import math
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import typer

from arbkit.cli.alerts.delivery import register, send_test
from arbkit.cli.model_options import given_options, options_from
from arbkit.cli.shared import JSON, Document, answer, load_settings, print_table, say
from arbkit.core.errors import UsageError
from arbkit.core.formatting import counted, money, number, percent, utc_time

if TYPE_CHECKING:
    from arbkit.alerts.rules import Rule
    from arbkit.alerts.trial import Trial

_INVALID = 3
_SPAN = re.compile(r"(\d{1,4})\s*(min|m|h|d)")
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days"}
app = typer.Typer(
    name="alerts", help="Alerts: their rules, their delivery, and what became of each.", no_args_is_help=True
)


@app.command("list")
def list_rules(json: bool = JSON) -> None:
    """Show every rule, and what is wrong with any. Exits with 3 if any is invalid."""
    from arbkit.alerts.editing import rule_fields
    from arbkit.alerts.rules_file import load_rules

    found = load_rules(load_settings())
    document: dict[str, Document] = {
        "file": found.where,
        "rules": [rule_fields(rule) for rule in found.rules],
        "wrong": [{"name": bad.name, "error": str(bad.error)} for bad in found.bad],
    }

    def show(_: object) -> None:
        say(found.where)
        now = time.time()
        for rule in found.rules:
            until = rule.muted_until.timestamp() if rule.muted_until and rule.is_muted(now) else None
            say(f"\n{rule.name}{'' if until is None else f', muted until {utc_time(until)}'}")
            print_table(("", ""), _rows(rule), grid=False)
        for bad in found.bad:
            say(f"wrong: {bad.error}", whole=True)

    answer(document, json, show)
    if found.bad:
        raise typer.Exit(_INVALID)


def _rows(rule: Rule) -> list[tuple[str, str]]:
    return [
        ("  announces", ", ".join(rule.on).replace("_", " ")),
        ("  at least", _bounds(rule)),
        ("  only", ", ".join([*rule.routes, *rule.categories, *rule.brands, *rule.groups, *rule.asins]) or "all"),
        ("  without", ", ".join(rule.exclude_brands) or "-"),
        ("  channels", "all" if rule.channels is None else ", ".join(rule.channels) or "none"),
        ("  a day", "no limit" if rule.per_day is None else f"at most {rule.per_day}"),
    ]


def _bounds(rule: Rule) -> str:
    from arbkit.alerts.forecast_words import bound_words

    bounds = [
        "" if math.isinf(rule.least_profit) else f"profit {number(rule.least_profit)}",
        "" if rule.min_roi is None else f"ROI {percent(rule.min_roi)}",
        "" if rule.min_confidence is None else f"confidence {number(rule.min_confidence)}",
        *bound_words(rule, ""),
    ]
    return ", ".join(filter(None, bounds)) or "anything"


def add(
    context: typer.Context,
    name: str = typer.Argument(..., help="Name of the rule: letters, digits, dots and dashes."),
    target_price: list[str] = typer.Option(
        [], help="Buying price that is waited for on a marketplace, in its currency: IT=24.90; repeatable."
    ),
    json: bool = JSON,
) -> None:
    """Add a rule to alerts.toml, which is made if there is none; everything else in it stays as it is."""
    from arbkit.alerts.editing import add_rule
    from arbkit.alerts.rule_names import notes_on
    from arbkit.alerts.rules_file import load_rules

    settings = load_settings()
    fields: dict[str, Any] = {"name": name, **given_options(context)}
    if target_price:
        fields["target_price"] = dict(map(_target, target_price))
    path = add_rule(settings, fields)
    notes = notes_on(settings, load_rules(settings).rule(name))
    document: dict[str, Document] = {"file": str(path), "rule": fields, "notes": notes}

    def show(_: object) -> None:
        say(f"rule {name} added to {path}; `arbkit alerts test {name}` tries it", whole=True)
        for note in notes:
            say(f"note: {note}", whole=True)

    answer(document, json, show)


def _target(text: str) -> tuple[str, float]:
    code, equals, price = text.partition("=")
    try:
        if equals:
            return code, float(price)
    except ValueError:
        pass
    raise UsageError("is no price on a marketplace", field="--target-price", value=text, remedy="Write it as IT=24.90")


@app.command()
def mute(
    name: str = typer.Argument(..., metavar="RULE", help="Rule, as `arbkit alerts list` names it."),
    span: str = typer.Option("", "--for", help="How long: 30m, 8h, 2d."),
    off: bool = typer.Option(False, "--off", help="No longer."),
    json: bool = JSON,
) -> None:
    """Silence a rule for some time; what still holds then is announced."""
    from arbkit.alerts.editing import mute_rule

    if off == bool(span):
        raise UsageError("is needed, or --off", field="--for", remedy="Write it as --for 8h")
    until = None if off else datetime.now(UTC).replace(microsecond=0) + _span(span)
    path = mute_rule(load_settings(), name, until)
    document = {"file": str(path), "rule": name, "muted_until": None if until is None else until.isoformat()}
    became = "is no longer muted" if until is None else f"is muted until {utc_time(until.timestamp())}"
    answer(document, json, lambda _: say(f"rule {name} {became}"))


def _span(text: str) -> timedelta:
    found = _SPAN.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise UsageError("is no span of time", field="--for", value=text, remedy="Write it as 30m, 8h or 2d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


@app.command("test")
def try_one(
    name: str = typer.Argument("", metavar="[RULE]", help="Rule, as `arbkit alerts list` names it."),
    channel: str = typer.Option("", help="Send one message, marked as a test, to this channel of alerts.toml instead."),
    limit: int = typer.Option(20, min=1, max=1_000, help="Maximum number of alerts to show."),
    json: bool = JSON,
) -> None:
    """Show which stored opportunities meet a rule now, and why, as if none had been announced; or try a channel."""
    if bool(name) == bool(channel):
        raise UsageError("is needed, or --channel", field="RULE", remedy="`arbkit alerts list` names the rules")
    if channel:
        send_test(channel, json=json)
        return
    from arbkit.alerts.rules_file import load_rules
    from arbkit.alerts.trial import try_rule
    from arbkit.pipeline.watchlist.following import WatchedGroups
    from arbkit.store import open_store

    settings = load_settings()
    rule = load_rules(settings).rule(name)
    with open_store(settings, read_only=True) as store:
        groups = WatchedGroups(settings)(store) if rule.groups else None
        trial = try_rule(store, rule, limit=limit, now=time.time(), groups=groups)
    answer(trial, json, _print_trial)


def _print_trial(trial: Trial) -> None:
    stored = counted(trial.opportunities, "stored opportunity", "stored opportunities")
    held = f", {trial.held} of them held back" if trial.held else ""
    say(f"rule {trial.rule}: {trial.meeting} of {stored} meet it{held}")
    for reason, number_of in trial.unknown.items():
        more = counted(number_of, "more has", "more have")
        say(f"{more} all else that it asks for, but no figure: {reason}", whole=True)
    rows = [
        [
            f"{alert.source} → {alert.target}",
            f"{alert.asin} {(alert.opportunity.title or '')[:48]}",
            money(alert.opportunity.profit_low, alert.opportunity.currency),
            "held back" if alert.type == "data_problem" else "",
            alert.why,
        ]
        for alert in trial.items
    ]
    if rows:
        print_table(("route", "product", ">low profit", "", "why"), rows)


app.command(
    "add",
    cls=options_from(
        "arbkit.alerts.rules:Rule",
        skip=("name", "target_price", "recheck", "muted_until"),
        routes="route",
        categories="category",
        brands="brand",
        exclude_brands="exclude-brand",
        groups="group",
        asins="asin",
        channels="channel",
    ),
)(add)
register(app)
