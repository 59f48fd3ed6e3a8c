"""Whether an alert still holds when it is sent: fresh looks that a rule asks for, and the figures stored now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from arbkit.alerts.alert import Alert
from arbkit.alerts.channels.message import Shown
from arbkit.alerts.rules import Recheck, Rule, low_end
from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.formatting import money
from arbkit.core.models import Opportunity
from arbkit.core.offers.looks import Look
from arbkit.core.results import OpportunityOut
from arbkit.core.settings import Settings
from arbkit.pipeline.looks import ask
from arbkit.store import OpportunityQuery, Store
from arbkit.store.alerts import AlertRecord

OF_OPPORTUNITIES = frozenset({"new_opportunity", "price_drop", "margin_increase"})
"""The types of alerts that are of no use once their route is no opportunity."""
_SETTLE_S = 30.0
"""How long what a look brought may take until it is priced; where it brought nothing new, nothing is priced."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of an alert: it goes as ``shown``, is held for the reason ``why``, or waits (both None)."""

    shown: Shown | None = None
    why: str | None = None


_WAITS = Verdict()


def needs_look(alert: Alert, recheck: Recheck | None, *, now: float) -> bool:
    """Whether the prices of an alert are older at ``now`` (Unix seconds) than its rule lets them be."""
    if recheck is None or alert.type not in OF_OPPORTUNITIES:
        return False
    return Shown.as_made(alert, now).data_age_s > 60 * recheck.max_age_minutes


def ask_for_looks(settings: Settings, store: Store, alert: Alert) -> str | None:
    """Ask for a fresh look at both sides of the route; why nobody can have one, or None.

    Raises:
        StoreError: the store cannot be written.
    """
    try:
        ask(settings, store, [alert.asin], [alert.source, alert.target])
    except (ConfigError, UsageError) as error:
        return error.what
    return None


def after_look(
    store: Store, record: AlertRecord, alert: Alert, rule: Rule, looks: Sequence[Look], *, now: float
) -> Verdict:
    """What becomes of an alert whose looks were asked for at ``record.asked_at``.

    Args:
        store: where the route is.
        record: the alert as it is kept.
        alert: the same.
        rule: its rule, which has a ``recheck``.
        looks: all that the store holds.
        now: Unix seconds.

    Raises:
        StoreError: the store cannot be read.
    """
    recheck, asked_at = rule.recheck, record.asked_at
    if recheck is None or asked_at is None:
        return Verdict(Shown.as_made(alert, now))
    mine = [look for look in looks if look.asin == alert.asin and look.market in (alert.source, alert.target)]
    if any(look.status == "waiting" for look in mine) or not mine:
        # A clock that was set back must not keep it waiting.
        if 0 <= now - asked_at < 60 * recheck.wait_minutes:
            return _WAITS
        return _unseen(store, alert, rule, recheck, now=now)
    refused = next((look for look in mine if look.status == "refused"), None)
    if refused is not None:
        return not_looked_at(alert, recheck, f"no fresh look: {refused.why or 'refused'}", now=now)
    answered_at = max(look.answered_at or 0.0 for look in mine)
    stored = stored_route(store, alert)
    is_priced = stored is not None and stored.evaluated_at >= answered_at
    if not is_priced and 0 <= now - answered_at < _SETTLE_S:
        return _WAITS
    return as_stored(alert, rule, stored, now=now)


def not_looked_at(alert: Alert, recheck: Recheck, why: str, *, now: float) -> Verdict:
    """What the rule says of an alert that nobody could look at."""
    if recheck.then == "hold":
        return Verdict(why=why)
    return Verdict(Shown.as_made(alert, now, f"not looked up again: {why}"))


def _unseen(store: Store, alert: Alert, rule: Rule, recheck: Recheck, *, now: float) -> Verdict:
    """What becomes of an alert that nobody has looked at in time: what is stored may say meanwhile that it is over."""
    found = not_looked_at(alert, recheck, "nobody has looked at its prices in time", now=now)
    if found.shown is None:
        return found
    stored = as_stored(alert, rule, stored_route(store, alert), now=now)
    return stored if stored.shown is None else Verdict(replace(stored.shown, note=found.shown.note))


def stored_route(store: Store, alert: Alert) -> Opportunity | None:
    """The route of an alert as it is stored now, whatever its status; None where there is none.

    Raises:
        StoreError: the store cannot be read.
    """
    route: Mapping[str, str] = {"asin": alert.asin, "source": alert.source, "target": alert.target}
    found = store.opportunities(OpportunityQuery.model_validate({**route, "all_routes": True, "limit": 1})).items
    return found[0] if found else None


def as_stored(alert: Alert, rule: Rule | None, stored: Opportunity | None, *, now: float) -> Verdict:
    """The alert with the figures stored now, or why these say that it need not be sent."""
    if alert.type not in OF_OPPORTUNITIES:
        return Verdict(Shown.as_made(alert, now))
    if stored is None:
        return Verdict(why="its route is not stored any more")
    if stored.status != "opportunity":
        return Verdict(why="is no opportunity any more")
    if rule is not None and not rule.is_met(stored):
        return Verdict(why=f"no longer reaches what the rule {rule.name} asks for")
    figures = OpportunityOut.model_validate(stored.public(now=now))
    shown = alert.model_copy(update={"opportunity": figures, "why": _why_now(alert, stored)})
    return Verdict(Shown(shown, figures.data_age_s))


def _why_now(alert: Alert, stored: Opportunity) -> str:
    """Why it was made, which holds figures of then, and what its route leaves now where that is something else."""
    then, now = low_end(alert.opportunity), low_end(stored)
    return alert.why if then == now else f"{alert.why} Now it leaves at least {money(now, stored.currency)}."
