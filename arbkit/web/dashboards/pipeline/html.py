"""What the pipeline page shows as markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from arbkit.analysis.track_record.results import TrackRecord, headline_of, recalibration_words
from arbkit.core.formatting import age_words, count, percent
from arbkit.core.models import Run
from arbkit.display.html import macro
from arbkit.display.labels import run_figures
from arbkit.ops.service_checks import ServiceHealth
from arbkit.ops.stream_state import StreamState, Throughput
from arbkit.reports.catalogue.own_reports import BadNotebook
from arbkit.sources.keepa_api.token_budget import Tokens
from arbkit.stream import ENRICH_GROUP, GROUPS, RAW_TOPIC, dead_letter_topic
from arbkit.web.dashboards.cells import printable
from arbkit.web.dashboards.html import Figure, page_html
from arbkit.web.dashboards.pipeline.charts import AGE_BUCKETS
from arbkit.web.dashboards.report_files import report_address

_NO_PRODUCER = "No producer has run yet, so the state of Keepa's tokens is unknown. Start one with `arbkit up`."
_NO_OFFERS = "Nothing is stored yet. `arbkit up` fills the store, or `arbkit import` and then `arbkit consume`."
_NEXT_REFRESH = "available after the next refresh"


def paragraph_html(text: str) -> Markup:
    """A sentence, with what stands between backticks as code."""
    return macro("paragraph", text, template="pipeline_cells.html.j2", package="arbkit.web.dashboards")


@dataclass(frozen=True, slots=True)
class FiledRun:
    """A run, and whether its report can be opened here."""

    run: Run
    has_page: bool


@dataclass(slots=True)
class Known:
    """What the page has read so far; None: not yet, or not available."""

    state: StreamState | None = None
    services: Sequence[ServiceHealth] | None = None
    tokens: Tokens | None = None
    ages: Mapping[str, Sequence[int]] | None = None


def pipeline_figures(known: Known, through: Throughput, *, now: float) -> list[Figure]:
    """The state of the pipeline in seven numbers."""
    state, pace = known.state, through.latest
    queue = None if state is None else sum(state.lag(ENRICH_GROUP).values())
    kept = None if state is None else state.retained(RAW_TOPIC)
    dead = None if state is None else sum(state.dead_letters().values())
    no_log = "the log has not answered" if state is None else ""
    over = no_log or (_NEXT_REFRESH if pace is None else f"over the last {age_words(pace.over_s)}")
    up = None if known.services is None else sum(s.state == "running" for s in known.services)
    level = None if known.tokens is None else max(0, known.tokens.level(now))
    is_polling = known.services is None or any(s.name == "producer" for s in known.services)
    no_tokens = "no producer has run yet" if is_polling else "none needed: nothing is polled"
    rate = no_tokens if known.tokens is None else _refill_words(known.tokens, now)
    fresh, of_offers = _fresh(known.ages)
    return [
        ("Services up", count(up), "" if known.services is None else f"of {len(known.services)}"),
        ("Queue", count(queue), no_log or f"of {count(kept)} kept"),
        ("Published per minute", count(None if pace is None else pace.published), over),
        ("Enriched per minute", count(None if pace is None else pace.enriched), over),
        ("Dead letters", count(dead), no_log or ("kept" if dead else "")),
        ("Keepa tokens", count(level), rate),
        ("Offers under 1 h old", percent(fresh, 0), of_offers),
    ]


def _refill_words(tokens: Tokens, now: float) -> str:
    pace = f"+{count(tokens.refill_rate)} a minute"
    if tokens.level(now) >= 1:
        return f"forecast, {pace}"
    return f"next in {age_words(tokens.wait_s(now))}, {pace}" if tokens.refill_rate > 0 else "none come in"


def _fresh(ages: Mapping[str, Sequence[int]] | None) -> tuple[float | None, str]:
    """The percentage of offers under an hour old, and of how many."""
    if ages is None:
        return None, "the store has not answered"
    total = sum(map(sum, ages.values()))
    if not total:
        return None, "nothing is stored yet"
    return sum(some[0] + some[1] for some in ages.values()) / total * 100, f"of {count(total)}"


def services_html(services: Sequence[ServiceHealth]) -> Markup:
    """Each service, its state, how that is known, and what to do."""
    return page_html("pipeline_services.html.j2", services=services)


def lag_html(state: StreamState) -> Markup:
    """Each group's lag by partition; a log without a message says how to get some."""
    partitions = {
        group: [
            (str(p), count(behind), count(committed.get(p)), count(state.watermarks[GROUPS[group]][p][1]))
            for p, behind in sorted(state.lag(group).items())
        ]
        for group, committed in state.committed.items()
    }
    empty = not state.published(RAW_TOPIC)
    return page_html("pipeline_lag.html.j2", state=state, topics=GROUPS, partitions=partitions, empty=empty)


def throughput_words(through: Throughput) -> str:
    """The throughput in a sentence."""
    pace = through.latest
    if pace is None:
        return f"Throughput is {_NEXT_REFRESH}, in a few seconds."
    return (
        f"{count(pace.published)} records per minute are published and {count(pace.enriched)} enriched; "
        f"observed for {age_words(through.observed_s)}."
    )


def tokens_html(tokens: Tokens | None, *, needed: int | None, now: float) -> Markup:
    """The state of the tokens with its age, and when ``needed`` tokens will be available."""
    if tokens is None:
        return paragraph_html(_NO_PRODUCER)
    return page_html("pipeline_tokens.html.j2", tokens=tokens, needed=needed, now=now)


def ages_html(ages: Mapping[str, Sequence[int]]) -> Markup:
    """Offers by age on each marketplace, and on all together."""
    if not ages:
        return paragraph_html(_NO_OFFERS)
    together = {"all": [sum(column) for column in zip(*ages.values(), strict=True)]} if len(ages) > 1 else {}
    return page_html("pipeline_ages.html.j2", ages={**ages, **together}, buckets=AGE_BUCKETS)


def forecasts_html(found: TrackRecord | None, *, is_recalibrated: bool) -> Markup:
    """How forecasts that were shown have come out, and what coming ones are widened by."""
    learnt = recalibration_words(None if found is None else found.recalibration, is_on=is_recalibrated)
    return macro("record", found, headline_of(found), learnt, template="track_record.html.j2")


def dead_html(state: StreamState, *, shown: int, notice: str, busy: bool) -> Markup:
    """How many dead letters each topic has, how to replay them, and ``notice``: what came of the last action."""
    topics = {topic: dead_letter_topic(topic) for topic in state.dead_letters()}
    return page_html("pipeline_dead.html.j2", state=state, topics=topics, shown=shown, notice=notice, busy=busy)


def runs_html(runs: Sequence[FiledRun], bad: Sequence[BadNotebook] = (), *, now: float, limit_s: float) -> Markup:
    """The runs of reports: when, how long, with which result, and the report itself; and notebooks that can be none."""
    return page_html(
        "pipeline_runs.html.j2",
        runs=runs,
        figures=run_figures,
        bad=bad,
        now=now,
        limit_s=limit_s,
        printable=printable,
        report_address=report_address,
    )
