"""Decisions on what a store finds: which routes a query wants, and the status that each route is shown with."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from arbkit.core.decisions.rules import DecisionsInForce, Holding, RouteChoice, RouteProfit, today_utc
from arbkit.core.models import Opportunity
from arbkit.core.results import DecisionStatus
from arbkit.store.queries import OpportunityQuery, Page


def choice_of(query: OpportunityQuery, decided: DecisionsInForce) -> RouteChoice | None:
    """Which routes a query wants by what was decided; None: any."""
    wanted = query.statuses
    return None if wanted is None else decided.choice(wanted, today=_today(query.at))


def status_of(found: Opportunity, decided: DecisionsInForce, *, at: float | None = None) -> DecisionStatus:
    """The status of a route at a time (Unix seconds; None: now)."""
    return _holding(found, decided, _today(at)).status


def with_status(found: Iterable[Opportunity], decided: DecisionsInForce) -> tuple[Opportunity, ...]:
    """The same routes, each with its status of now."""
    if not decided.products and not decided.brands:
        return tuple(found)
    today = _today(None)
    return tuple(_with(o, _holding(o, decided, today)) for o in found)


def page_with_status(page: Page[Opportunity], decided: DecisionsInForce) -> Page[Opportunity]:
    """The same page, each route with its status of now."""
    return replace(page, items=with_status(page.items, decided))


def _holding(found: Opportunity, decided: DecisionsInForce, today: str) -> Holding:
    profit = RouteProfit(found.profit, found.currency)
    return decided.holds_of(found.asin, found.source, found.target, brand=found.brand, now=profit, today=today)


def _with(found: Opportunity, now: Holding) -> Opportunity:
    if now == (found.decision, found.decision_note, found.decision_at):
        return found
    return replace(found, decision=now.status, decision_note=now.note, decision_at=now.at)


def _today(at: float | None) -> str:
    return today_utc(time.time() if at is None else at)
