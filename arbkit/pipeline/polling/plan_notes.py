"""What stands in the way of the plan, in words and with a remedy: for `arbkit status`, `arbkit doctor` and the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from arbkit.core.errors import ConfigError, ServiceError
from arbkit.core.formatting import age_words, count, counted
from arbkit.core.service.heartbeat import LIMIT_S, Fault, read_fault, seconds_since_heartbeat
from arbkit.core.settings import Settings
from arbkit.pipeline.planning.ages import age_bound
from arbkit.pipeline.planning.parameters import planning_parameters
from arbkit.pipeline.polling.plan_file import PlanDocument, read_plan
from arbkit.pipeline.polling.request import MAX_ASINS
from arbkit.pipeline.watchlist.reading import load_now
from arbkit.sources.keepa_api.token_budget import Tokens, read_tokens
from arbkit.sources.keepa_api.token_costs import tokens_of_look

_DAY_S = 86_400.0
_OLD_PLAN_S = 600.0
"""A producer leaves a plan every two minutes; past this it hangs, or cannot write."""
_AHEAD_S = 60.0
"""How far a time may be in the future before the clock was set back."""

Code = Literal[
    "no_products", "tokens_unknown", "no_refill", "looks_fail", "not_looking", "old_plan", "value_unknown", "clock",
    "small_calls", "long_round",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlanNote:
    """One thing that keeps the plan from being known, made or worth its tokens, and what to do about it."""

    code: Code
    what: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFacts:
    """What is known of the plan. ``looked_at``: when a look was published last; None where that, or others, is unknown.

    ``plan`` is what a producer left, as of :func:`read_plan`; ``fault`` what each of its tries fails with.
    """

    products: int | None
    markets: int
    call_tokens: int
    interval_s: float
    tokens: Tokens | None
    plan: PlanDocument | None
    looked_at: float | None
    producer_runs: bool
    fault: Fault | None = None

    @property
    def offers(self) -> int:
        """Products by marketplaces."""
        return (self.products or 0) * self.markets


def read_plan_facts(settings: Settings, now: float) -> PlanFacts:
    """What files and the store say of the plan at ``now`` (Unix seconds)."""
    plan, beat_s = read_plan(settings), seconds_since_heartbeat(settings, "producer")
    runs = beat_s is not None and beat_s <= LIMIT_S
    return PlanFacts(
        products=_products(settings, plan, now),
        markets=len(settings.markets),
        call_tokens=MAX_ASINS * tokens_of_look(buybox=settings.keepa_buybox),
        interval_s=settings.poll_interval,
        tokens=read_tokens(settings),
        plan=plan,
        looked_at=_looked_at(settings),
        producer_runs=runs,
        fault=read_fault(settings, "producer"),
    )


def read_plan_notes(settings: Settings, now: float) -> list[PlanNote]:
    """As :func:`plan_notes` of these settings, whose mode is settled; none where nothing is polled."""
    return [] if settings.mode == "imported" else plan_notes(read_plan_facts(settings, now), now)


def plan_notes(facts: PlanFacts, now: float) -> list[PlanNote]:
    """All that stands in the way, what weighs most first. Pure."""
    return [*_of_list_and_tokens(facts), *_of_looks(facts, now), *_of_pace(facts)]


def _products(settings: Settings, plan: PlanDocument | None, now: float) -> int | None:
    """How many products are watched: as the newest plan says it, for to read a long list takes seconds."""
    if plan is not None and 0 <= now - plan.at <= _OLD_PLAN_S and (planned := plan.watchlist.products):
        return planned
    if settings.demo_mode and not settings.watchlist_path.exists():
        # The demo market makes its list when it starts.
        return None
    try:
        return len(load_now(settings).items)
    except ConfigError:
        return 0
    except ServiceError:
        return None


def _looked_at(settings: Settings) -> float | None:
    """When the producer noted a look last; its file is written with each, and large."""
    try:
        return (settings.home / "producer.json").stat().st_mtime
    except OSError:
        return None


def _of_list_and_tokens(facts: PlanFacts) -> Iterator[PlanNote]:
    if facts.products == 0:
        what = "the watchlist is empty, so nothing is looked at"
        yield PlanNote("no_products", what, "Add a product with `arbkit watch add`")
    if (tokens := facts.tokens) is None:
        what = "how many tokens there are is not known before a producer has asked"
        yield PlanNote("tokens_unknown", what, "`arbkit up` or `arbkit produce` asks, which costs none")
    elif tokens.refill_rate <= 0:
        what = f"no tokens come in, so only the {count(max(0, tokens.left))} that are left are spent"
        yield PlanNote("no_refill", what, "The key has no running subscription: renew it at Keepa")


def _of_looks(facts: PlanFacts, now: float) -> Iterator[PlanNote]:
    tokens, plan, looked_at = facts.tokens, facts.plan, facts.looked_at
    times = (None if tokens is None else tokens.at, None if plan is None else plan.at, looked_at)
    ahead = max((at - now for at in times if at is not None), default=0.0)
    if ahead > _AHEAD_S:
        what = f"what the producer has noted is from {age_words(ahead)} in the future: the clock was set back"
        remedy = "Set the clock right (NTP); until then what was looked at lately counts as looked at just now"
        yield PlanNote("clock", what, remedy)
    has_tokens = tokens is not None and tokens.level(now) >= 1
    if facts.products and has_tokens and looked_at is not None:
        silent_s = now - looked_at
        if silent_s > max(_DAY_S, 2 * facts.interval_s):
            yield _silent(facts, silent_s)
    if plan is None:
        return
    if facts.producer_runs and (age_s := now - plan.at) > _OLD_PLAN_S:
        what = f"a producer runs, but its plan is {age_words(age_s)} old"
        yield PlanNote("old_plan", what, "Look at its log; `arbkit plan` makes a plan now")
    if said := _why_unvalued(plan):
        remedy = "The first looks show it; with a producer, a consumer must run: `arbkit up`"
        yield PlanNote("value_unknown", said, remedy)


def _silent(facts: PlanFacts, silent_s: float) -> PlanNote:
    what = f"for {age_words(silent_s, days='days')} no look has succeeded, although there are tokens"
    if not facts.producer_runs:
        return PlanNote("not_looking", f"{what}: no producer runs", "Start one: `arbkit up` or `arbkit produce`")
    if facts.fault is None:
        return PlanNote("looks_fail", what, "Look at the producer's log")
    remedy = facts.fault.remedy or "Look at the producer's log"
    return PlanNote("looks_fail", f"{what}: {facts.fault.why}", remedy)


def _why_unvalued(plan: PlanDocument) -> str:
    """Why the plan does not go by what looks are worth; empty: it does."""
    if not plan.watchlist.products or not plan.tokens.refill_per_minute:
        # It has a state for another reason.
        return ""
    if plan.state:
        return plan.state
    calls = plan.next
    if calls and not any(call.value for call in calls):
        return "what looks are worth is not known: no route of what comes next has prices in the store"
    if calls and all(one.age_s is None for call in calls for one in call.first):
        return "what looks are worth is guessed: of nothing that comes next a price is known"
    return ""


def _of_pace(facts: PlanFacts) -> Iterator[PlanNote]:
    tokens, offers = facts.tokens, facts.offers
    if tokens is None or tokens.refill_rate <= 0 or not offers:
        return
    refill, limit_days = tokens.refill_rate, planning_parameters().oldest_days
    if tokens.full < facts.call_tokens and (facts.products or 0) * facts.call_tokens > tokens.full * MAX_ASINS:
        what = (
            f"the bucket holds {counted(tokens.full, 'token')}, less than a call for {MAX_ASINS} products costs "
            f"({facts.call_tokens}): calls are made smaller"
        )
        yield PlanNote("small_calls", what, "Nothing needs doing; a larger subscription makes larger calls")
    round_days = offers / (refill * 60 * 24)
    if round_days > limit_days:
        bound = age_words(_DAY_S * age_bound(offers, refill), days="days")
        enough = -(-offers // int(limit_days * 60 * 24))
        what = (
            f"one cheap look at all {count(offers)} offers takes {age_words(_DAY_S * round_days, days='days')}, longer "
            f"than the {age_words(_DAY_S * limit_days, days='days')} after which each is looked at: some wait {bound}"
        )
        remedy = f"Watch fewer products or marketplaces, or take {counted(enough, 'token')} a minute"
        yield PlanNote("long_round", what, remedy)
