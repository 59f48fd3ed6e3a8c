"""The plan of looks as a page shows it: what comes next and why, and what stands in its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from arbkit.core.errors import ConfigError, StoreError
from arbkit.core.settings import Settings
from arbkit.pipeline.polling.plan_file import PlanDocument, read_plan
from arbkit.pipeline.polling.plan_notes import PlanNote, read_plan_notes
from arbkit.profit import load_profile
from arbkit.sources.keepa_api.token_budget import Tokens
from arbkit.store import Store
from arbkit.web.dashboards.cells import printable
from arbkit.web.dashboards.html import page_html
from arbkit.web.dashboards.pipeline.html import paragraph_html

_CALLS = 8
_NONE_NEEDED = "Nothing is polled, so no looks are planned: prices come from imported files."
_NONE_YET = "No producer has left a plan yet: one does within a minute of its start. `arbkit plan` makes one now."


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """What is known of the plan; ``plan`` None: no producer left one. ``titles`` are those of the products it names."""

    is_polling: bool
    plan: PlanDocument | None
    notes: Sequence[PlanNote]
    titles: Mapping[str, str]
    currency: str | None


def read_shown_plan(settings: Settings, store: Store | None, now: float) -> ShownPlan:
    """The plan that a producer left, at ``now``; a store that does not answer leaves products without their titles."""
    if settings.mode == "imported":
        return ShownPlan(False, None, (), {}, None)
    plan = read_plan(settings)
    asins = [] if plan is None else [call.first[0].asin for call in plan.next[:_CALLS]]
    return ShownPlan(True, plan, read_plan_notes(settings, now), _titles(store, asins), _currency(settings))


def _titles(store: Store | None, asins: Sequence[str]) -> dict[str, str]:
    try:
        offers = [] if store is None or not asins else store.offers(sorted(set(asins)))
    except StoreError:
        # What does not answer is said of the parts that are about the store.
        return {}
    return {offer.asin: printable(offer.title) for offer in reversed(offers) if offer.title}


def _currency(settings: Settings) -> str | None:
    try:
        return load_profile(settings.profile_path, settings.profile_name).currency
    except ConfigError:
        return None


def plan_html(shown: ShownPlan, *, tokens: Tokens | None, oldest_at: float | None, now: float) -> Markup:
    """What comes next and why, tokens and ages; ``oldest_at``: of the oldest offer that is stored."""
    if not shown.is_polling:
        return paragraph_html(_NONE_NEEDED)
    said = paragraph_html(_NONE_YET) if shown.plan is None else None
    calls = [] if shown.plan is None else shown.plan.next[:_CALLS]
    return page_html(
        "pipeline_plan.html.j2", plan=shown.plan, calls=calls, notes=shown.notes, titles=shown.titles,
        currency=shown.currency, tokens=tokens, oldest_at=oldest_at, now=now, said=said,
    )  # fmt: skip
