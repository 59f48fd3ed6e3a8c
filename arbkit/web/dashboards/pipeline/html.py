"""What the pipeline page says, as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from arbkit.core.formatting import UNKNOWN, age_words, count, percent
from arbkit.core.models import Run
from arbkit.ops.service_checks import ServiceHealth
from arbkit.ops.stream_state import StreamState, Throughput
from arbkit.sources.token_budget import Tokens
from arbkit.stream import ENRICH_GROUP, GROUPS, RAW_TOPIC, dead_letter_topic
from arbkit.web.dashboards.html_cells import Html, ago, html_table, marked, worded
from arbkit.web.dashboards.html_parts import press_html
from arbkit.web.dashboards.opportunities.columns import moment
from arbkit.web.dashboards.pipeline.charts import AGE_BUCKETS
from arbkit.web.dashboards.pipeline.dead_letters import plain
from arbkit.web.dashboards.report_files import report_address

__all__ = [
    "FiledRun", "Known", "ages_html", "dead_html", "figures", "lag_html", "pace_words", "runs_html", "services_html",
    "tokens_html",
]  # fmt: skip

_MOODS = {"running": "good", "late": "warn", "down": "bad", "unknown": "quiet"}
_STATUSES = {
    "succeeded": ("good", "succeeded"),
    "failed": ("bad", "failed"),
    "timed_out": ("bad", "timed out"),
    "running": ("quiet", "running"),
}
_LONGEST_ERROR = 400
_SUMMED = {"total": "opportunities"}
_NO_PRODUCER = "No producer has run yet, so nothing is known of Keepa's tokens. Start one with `arbkit up`."


@dataclass(frozen=True, slots=True)
class FiledRun:
    """A run, and whether its report can be opened here."""

    run: Run
    has_page: bool


@dataclass(slots=True)
class Known:
    """All that the page has seen so far; None: not yet, or it cannot be had."""

    state: StreamState | None = None
    services: Sequence[ServiceHealth] | None = None
    tokens: Tokens | None = None
    ages: Mapping[str, Sequence[int]] | None = None


def figures(known: Known, through: Throughput, *, now: float) -> list[tuple[str, str, str]]:
    """The page in seven numbers: label, value, and what stands small beside it."""
    state, pace = known.state, through.latest
    waiting = None if state is None else sum(state.lag(ENRICH_GROUP).values())
    kept = None if state is None else state.retained(RAW_TOPIC)
    dead = None if state is None else sum(state.dead_letters().values())
    no_log = "the log has not answered" if state is None else ""
    over = no_log or ("known from the second look on" if pace is None else f"over the last {age_words(pace.over_s)}")
    ages = known.ages
    total = sum(map(sum, ages.values())) if ages else 0
    fresh = sum(some[0] + some[1] for some in ages.values()) / total * 100 if ages and total else None
    old = f"of {count(total)}" if total else "the store has not answered" if ages is None else "nothing is stored yet"
    running = None if known.services is None else sum(s.state == "running" for s in known.services)
    level = None if known.tokens is None else known.tokens.level(now)
    rate = (
        "no producer has run yet" if known.tokens is None else f"forecast, +{count(known.tokens.refill_rate)} a minute"
    )
    return [
        ("Services up", count(running), "" if known.services is None else f"of {len(known.services)}"),
        ("Waiting to be enriched", count(waiting), no_log or f"of {count(kept)} kept"),
        ("Put on the log, a minute", count(None if pace is None else pace.published), over),
        ("DecodedBatch, a minute", count(None if pace is None else pace.enriched), over),
        ("Dead letters", count(dead), no_log or ("kept" if dead else "")),
        ("Keepa tokens", count(level), rate),
        ("Offers under 1 h old", percent(fresh, 0), old),
    ]


def services_html(services: Sequence[ServiceHealth]) -> Html:
    rows = [
        (s.name, marked(_MOODS[s.state], s.state), s.detail, worded(f"{s.remedy}.") if s.remedy else "nothing")
        for s in services
    ]
    return html_table(
        "Services", [("Service", "text"), ("State", "text"), ("Seen", "title"), ("What to do", "title")], rows
    )


def lag_html(state: StreamState) -> Html:
    """Each group's lag by partition; a log without a message says how to get some."""
    if not state.published(RAW_TOPIC):
        empty = (
            "The log is empty: nothing was ever put on it. Start a producer with `arbkit up`, or `arbkit import` a file"
        )
        return Html(f"<p>{worded(empty)}.</p>")
    groups = ""
    for group in state.committed:
        topic = GROUPS[group]
        lag, places = state.lag(group), state.committed[group]
        rows = [
            (str(p), count(behind), count(places.get(p)), count(state.watermarks[topic][p][1]))
            for p, behind in sorted(lag.items())
        ]
        heads = [("Partition", "text"), ("Waiting", "number"), ("Committed", "number"), ("End", "number")]
        waiting = sum(lag.values())
        mood = marked("good", "all done") if not waiting else marked("quiet", f"{count(waiting)} wait")
        groups += (
            f"<h3>{escape(group)} on {escape(topic)}: {mood}</h3>"
            + html_table(f"Lag of {group}", heads, rows)
            + f'<p class="arb-quiet">{count(state.retained(topic))} messages are kept, '
            f"{count(state.published(topic))} were published in all.</p>"
        )
    absent = [group for group in GROUPS if group not in state.committed]
    if absent:
        groups += f'<p class="arb-quiet">Nobody reads as {escape(" or ".join(absent))}.</p>'
    return Html(f'<div class="arb-lag">{groups}</div>')


def pace_words(through: Throughput) -> str:
    """How fast it goes, in a sentence."""
    pace = through.latest
    if pace is None:
        return "How fast records go is known from the second look on, in some seconds."
    return (
        f"{count(pace.published)} records a minute are put on the log and {count(pace.enriched)} enriched; "
        f"this page has looked for {age_words(through.observed_s)}."
    )


def tokens_html(tokens: Tokens | None, *, needed: int | None, now: float) -> Html:
    """What is known of the tokens and when, and when there will be how many."""
    if tokens is None:
        return Html(f"<p>{worded(_NO_PRODUCER)}</p>")
    wait, full = tokens.wait_s(now), tokens.until_s(tokens.full, now)
    facts = [
        (
            "Left now",
            f"about {count(tokens.level(now))}",
            f"{count(tokens.left)} as of {age_words(now - tokens.at)} ago",
        ),
        ("Refill", f"{count(tokens.refill_rate)} a minute", ""),
        ("Last request", f"cost {count(tokens.consumed)}", moment(tokens.at)),
        (
            "Next request",
            "may run now" if not wait else f"in {age_words(wait)}",
            "" if not wait else moment(now + wait),
        ),
        ("Full bucket", _when(full), f"{count(tokens.full)} tokens, an hour's refill"),
    ]
    if needed is not None:
        ready = tokens.until_s(needed, now)
        never = f"the bucket holds {count(tokens.full)} at most" if ready is None else ""
        facts.append((f"{count(needed)} tokens", _when(ready), never or (moment(now + ready) if ready else "")))
    rows = "".join(
        f'<div><dt>{escape(name)}</dt><dd>{escape(value)} <span class="arb-sub">{escape(small)}</span></dd></div>'
        for name, value, small in facts
    )
    return Html(f'<dl class="arb-list">{rows}</dl>')


def _when(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    return "now" if seconds <= 0 else f"in {age_words(seconds)}"


def ages_html(ages: Mapping[str, Sequence[int]]) -> Html:
    """Offers by age on each marketplace, and of all together."""
    if not ages:
        text = "Nothing is stored yet. `arbkit up` fills the store, or `arbkit import` and then `arbkit consume`."
        return Html(f"<p>{worded(text)}</p>")
    heads = [("Marketplace", "text"), *((name, "number") for name in AGE_BUCKETS), ("All", "number")]
    rows = [(market, *(_share(n, sum(some)) for n in some), count(sum(some))) for market, some in ages.items()]
    if len(ages) > 1:
        together = [sum(column) for column in zip(*ages.values(), strict=True)]
        rows.append(("all", *(_share(n, sum(together)) for n in together), count(sum(together))))
    return html_table("Offers by age", heads, rows)


def _share(number: int, total: int) -> Html:
    if not number:
        return Html('<span class="arb-quiet">0</span>')
    part = number / total * 100
    return Html(
        f'{count(number)}<span class="arb-sub">{"<1 %" if part < 1 else percent(part, 0)}</span>'.replace("<1", "&lt;1")
    )


def dead_html(state: StreamState, *, shown: int, told: str, busy: bool) -> Html:
    """How many there are of each topic, how to try them again, and what came of it."""
    parts = [f'<p role="status"><b>{escape(told)}</b></p>' if told else ""]
    dead = state.dead_letters()
    if not any(dead.values()):
        parts.append(f"<p>{marked('good', 'No dead letters: all that came could be used.')}</p>")
        return Html("".join(parts))
    for topic, number in dead.items():
        fresh = state.unreplayed(topic)
        again = ""
        if fresh and not busy:
            again = press_html("replay-all", f"Replay all ({count(fresh)})", id=topic, label=f"Replay all of {topic}")
        words = f"{count(number)} kept" if number else "none"
        if number > fresh:
            words += f"; “Replay all” has given {count(number - fresh)} of them back before, and takes only the others"
        parts.append(
            f"<p><b>{escape(dead_letter_topic(topic))}</b>: {escape(words)}.</p>"
            + (f'<div class="arb-actions">{again}</div>' if again else "")
        )
    total = sum(dead.values())
    if total > shown:
        parts.append(f'<p class="arb-quiet">Below are the latest {count(shown)} of {count(total)}.</p>')
    return Html("".join(parts))


def runs_html(runs: Sequence[FiledRun], *, now: float, limit_s: float) -> Html:
    heads = [
        ("Report", "text"), ("Started", "text"), ("Took", "number"), ("Status", "text"), ("Found", "title"),
        ("Page", "text"), ("Folder", "title"),
    ]  # fmt: skip
    rows = [
        (
            one.run.report,
            ago(one.run.started_at, now),
            _took(one.run, now),
            _status(one.run, now, limit_s),
            _found(one.run),
            _page(one),
            Html(f"<code>{escape(plain(one.run.output, 300))}</code>") if one.run.output else "it left none",
        )
        for one in runs
    ]
    empty = "No report has run yet. The scheduler runs `detect` once there are prices; `arbkit detect` does so now."
    return html_table("Runs of reports", heads, rows, empty=empty)


def _took(run: Run, now: float) -> str:
    seconds = (run.finished_at or now) - run.started_at
    words = f"{seconds:.1f} s" if seconds < 10 else age_words(seconds)
    return words if run.finished_at else f"{words} so far"


def _status(run: Run, now: float, limit_s: float) -> Html:
    if run.status == "running" and now - run.started_at > limit_s:
        return marked("warn", "running, longer than any run may: it was killed")
    return marked(*_STATUSES[run.status])


def _found(run: Run) -> str:
    if run.error:
        return Html(f'<span class="arb-bad">{escape(plain(run.error, _LONGEST_ERROR))}</span>')
    told = [
        f"{count(value)} {_SUMMED.get(name, name)}"
        for name, value in run.summary.items()
        if isinstance(value, int | float)
    ]
    return ", ".join(told) or ("not yet known" if run.status == "running" else UNKNOWN)


def _page(one: FiledRun) -> str:
    if one.has_page:
        address = escape(report_address(one.run.report, one.run.run_id))
        label = escape(f"Open the report {one.run.report} {one.run.run_id}")
        return Html(f'<a href="{address}" target="_blank" rel="noopener" aria-label="{label}">Open</a>')
    return "not yet" if one.run.status == "running" else "gone, or on another machine"
