"""Lag, freshness, tokens and last runs as one document, built of what its caller has read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from arbkit.core.errors import StoreError
from arbkit.core.models import Run
from arbkit.core.results import Result
from arbkit.core.service.addresses import base_url, dashboard_url
from arbkit.core.settings import Mode, Settings
from arbkit.ops.stream_state import StreamState
from arbkit.sources.keepa_api.token_budget import Tokens
from arbkit.store import Stats, open_store
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC

if TYPE_CHECKING:
    from arbkit.pipeline.polling.plan_file import PlanDocument
    from arbkit.pipeline.polling.plan_notes import PlanNote
    from arbkit.reports.schedule.scheduler import EntryStatus

_LATEST_RUNS = 5


class LogFigures(Result):
    """Raw messages on the log: waiting (in all and by partition), kept, published since it began, rejected."""

    lag: int
    lag_by_partition: dict[str, int]
    messages: int
    published: int
    dead_letters: int


class RunFigures(Result):
    """A run of a report; ``age_s``: seconds since it started."""

    run_id: str
    report: str
    status: str
    age_s: int | None
    error: str | None


class StoreFigures(Result):
    """Documents in the store, ages in seconds (None: nothing there), and its latest runs.

    ``unpriced_products`` changed after they were priced; ``hidden_products`` are the demo market's beside real ones.
    """

    products: int
    offers: int
    opportunities: int
    demo_products: int
    freshest_age_s: int | None
    oldest_age_s: int | None
    evaluated_age_s: int | None
    unpriced_products: int
    hidden_products: int
    runs: list[RunFigures]


class TokenFigures(Result):
    """Keepa tokens at the last answer, ``age_s`` seconds ago; ``wait_s``: seconds until there are some again."""

    left: int
    refill_rate_per_min: int
    wait_s: float
    age_s: int | None
    source: str


class PlanNoteFigures(Result):
    """One thing that stands in the way of the plan, in words, with its remedy."""

    code: str
    says: str
    remedy: str


class NextCallFigures(Result):
    """The next call to the source: in how many seconds (0: now), and why it is made."""

    in_s: float
    market: str
    products: int
    tokens: int
    why: str


class PlanFigures(Result):
    """What is looked at next, as a producer left it ``age_s`` seconds ago (None: none did); what stands in its way."""

    age_s: int | None
    next: NextCallFigures | None
    notes: list[PlanNoteFigures]


class ScheduleFigures(Result):
    """An entry of the schedule: seconds since its last run and until its next; ``error``: why it does not run."""

    name: str | None
    report: str | None = None
    enabled: bool = False
    last_age_s: int | None = None
    last_status: str | None = None
    next_in_s: int | None = None
    error: str | None = None


class Addresses(Result):
    """Where everything is, without passwords and tokens; None: its port is left to chance."""

    dashboards: str | None
    api: str | None
    log: str
    store: str


class Status(Result):
    """How arbkit stands; ``store`` and ``tokens`` are None where nothing was stored or asked yet.

    ``profile_note`` says where opportunities are not those of the seller profile in force, ``alert_faults`` what is
    wrong with the rules and channels of alerts; ``plan`` is None where nothing is polled.
    """

    mode: Mode
    source: str
    addresses: Addresses
    log: LogFigures
    store: StoreFigures | None
    tokens: TokenFigures | None
    schedule: list[ScheduleFigures]
    profile_note: str = ""
    alert_faults: list[str] = Field(default_factory=list)
    plan: PlanFigures | None = None


@dataclass(frozen=True, slots=True)
class StoreState:
    """What a status needs of the store."""

    stats: Stats
    runs: Sequence[Run]
    swept: str | None


def read_store_state(settings: Settings) -> StoreState | None:
    """The figures and latest runs of the store; None where nothing has been stored yet.

    Raises:
        StoreError: the store is there but cannot be read.
    """
    try:
        with open_store(settings, read_only=True) as store:
            return StoreState(store.stats(), store.runs(limit=_LATEST_RUNS), store.swept())
    except StoreError as error:
        if error.kind != "empty":
            raise
        return None


def build_status(
    settings: Settings,
    *,
    stream: StreamState,
    store: StoreState | None,
    tokens: Tokens | None,
    schedule: Sequence[EntryStatus],
    now: float,
    profile_note: str = "",
    alert_faults: Sequence[str] = (),
) -> Status:
    """The status at ``now`` (Unix seconds), of what was read of each part."""
    return Status(
        mode=settings.mode,
        source="imported data only" if settings.mode == "imported" else settings.shown_source,
        addresses=addresses(settings),
        log=log_figures(stream),
        store=None if store is None else store_figures(store, now),
        tokens=None if tokens is None else token_figures(tokens, now),
        schedule=[_schedule_figures(entry, now) for entry in schedule],
        profile_note=profile_note,
        alert_faults=list(alert_faults),
    )


def addresses(settings: Settings) -> Addresses:
    """Where people, scripts and services find the parts of these settings."""
    shown = settings.masked()
    return Addresses(
        dashboards=dashboard_url(settings, with_its_token=False) if settings.dashboards_port else None,
        api=base_url(settings.host, settings.api_port) if settings.api_port else None,
        log=shown["ARBKIT_LOG"] or settings.log_url,
        store=shown["ARBKIT_STORE"] or settings.store_url,
    )


def log_figures(stream: StreamState) -> LogFigures:
    """Of the raw topic, and the dead letters of all."""
    lag = stream.lag(ENRICH_GROUP)
    return LogFigures(
        lag=sum(lag.values()),
        lag_by_partition={str(partition): behind for partition, behind in sorted(lag.items())},
        messages=stream.retained(RAW_TOPIC),
        published=stream.published(RAW_TOPIC),
        dead_letters=sum(stream.dead_letters().values()),
    )


def store_figures(store: StoreState, now: float) -> StoreFigures:
    """Of the store, with ages at ``now`` (Unix seconds)."""
    stats = store.stats
    runs = [
        RunFigures(run_id=r.run_id, report=r.report, status=r.status, age_s=_age(now, r.started_at), error=r.error)
        for r in store.runs
    ]
    return StoreFigures(
        products=stats.products,
        offers=stats.offers,
        opportunities=stats.opportunities,
        demo_products=stats.demo_products,
        freshest_age_s=_age(now, stats.newest_at),
        oldest_age_s=_age(now, stats.oldest_at),
        evaluated_age_s=_age(now, stats.evaluated_at),
        unpriced_products=stats.unpriced_products,
        hidden_products=stats.hidden_products,
        runs=runs,
    )


def token_figures(tokens: Tokens, now: float) -> TokenFigures:
    """Of the Keepa tokens, with ages at ``now`` (Unix seconds)."""
    return TokenFigures(
        left=tokens.left,
        refill_rate_per_min=tokens.refill_rate,
        wait_s=round(tokens.wait_s(now), 1),
        age_s=_age(now, tokens.at),
        source=tokens.origin,
    )


def plan_figures(plan: PlanDocument | None, notes: Sequence[PlanNote], now: float) -> PlanFigures:
    """Of the plan that a producer left, and of what stands in its way."""
    said = [PlanNoteFigures(code=note.code, says=note.what, remedy=note.remedy) for note in notes]
    if plan is None:
        return PlanFigures(age_s=None, next=None, notes=said)
    coming = next(iter(plan.next), None)
    first = coming and NextCallFigures(
        in_s=max(0.0, round(coming.at - now, 1)), market=coming.market, products=len(coming.asins),
        tokens=coming.tokens, why=coming.why,
    )  # fmt: skip
    return PlanFigures(age_s=_age(now, plan.at), next=first, notes=said)


def _schedule_figures(entry: EntryStatus, now: float) -> ScheduleFigures:
    next_in_s = None if entry.next_at is None else max(0, round(entry.next_at - now))
    same = entry.model_dump(include={"name", "report", "enabled", "last_status", "error"})
    return ScheduleFigures(**same, last_age_s=_age(now, entry.last_at), next_in_s=next_in_s)


def _age(now: float, at: float | None) -> int | None:
    return None if at is None else max(0, round(now - at))
