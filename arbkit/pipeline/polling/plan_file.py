"""The plan as JSON, and the file in which a producer shows it to pages and to `arbkit status`."""

from __future__ import annotations

import orjson
from pydantic import ValidationError

from arbkit.core.files import read_if_there, write_atomically
from arbkit.core.results import Result
from arbkit.core.settings import Settings
from arbkit.pipeline.polling.outlook import Outlook, Pace, PlannedCall

_FILE = "plan.json"


class ReasonDocument(Result):
    """Why a product is looked at: ``moved_pct`` is the chance that its price has moved, ``stake`` what hangs on it.

    ``age_s`` is the time since its last look; None: it never had one. Money is in the home currency.
    """

    asin: str
    age_s: float | None
    moved_pct: float
    stake: float
    value: float


class CallDocument(Result):
    """A call to come ``at`` (Unix seconds): what it costs, what it is expected to reveal, and why.

    ``for_age``: it is made because its products have waited for so long.
    """

    at: float
    market: str
    asins: list[str]
    tokens: int
    buy_box: bool
    value: float
    value_per_token: float
    why: str
    for_age: bool
    first: list[ReasonDocument]


class RoundTokens(Result):
    """What one look at each offer costs."""

    with_buy_box: int
    without: int


class TokensLeft(Result):
    """Tokens at the time of the plan, never below zero: a debt is a wait. None: nobody has asked yet."""

    left: int | None
    refill_per_minute: int | None


class PaceDocument(Result):
    """What a number of tokens a minute comes to; None: nothing was played through."""

    refill_per_minute: int | None
    tokens_per_day: float | None
    value_per_day: float | None
    age_p50_s: float | None
    age_p90_s: float | None
    oldest_s: float | None


class WatchlistDocument(PaceDocument):
    """What is watched, and what the present tokens come to for it."""

    products: int
    markets: int
    round_tokens: RoundTokens


class OtherPaceDocument(PaceDocument):
    """What another subscription comes to; ``value_ratio`` is what its looks reveal by what those of now do."""

    value_ratio: float | None


class PlanDocument(Result):
    """The plan ``at`` a time (Unix seconds); ``state`` says what keeps it from being known or done (empty: nothing)."""

    at: float
    state: str
    tokens: TokensLeft
    next: list[CallDocument]
    watchlist: WatchlistDocument
    with_double: OtherPaceDocument


def write_plan(settings: Settings, found: Outlook) -> None:
    """Leave a plan for the other processes.

    Raises:
        ServiceError: the file cannot be written.
    """
    write_atomically(settings.home / _FILE, orjson.dumps(outlook_document(found).model_dump(mode="json")))


def read_plan(settings: Settings) -> PlanDocument | None:
    """The plan that a producer left last; None if none did, or another version of arbkit."""
    try:
        return PlanDocument.model_validate_json(read_if_there(settings.home / _FILE) or b"")
    except ValidationError:
        return None


def outlook_document(found: Outlook) -> PlanDocument:
    """What ``arbkit plan --json`` prints. Times in Unix seconds, ages in seconds, money in the home currency."""
    now, other = found.now, found.other
    with_box, without = found.round_tokens
    ratio = other.value / now.value if other is not None and now is not None and now.value else None
    return PlanDocument(
        at=found.at,
        state=found.state,
        tokens=TokensLeft(
            left=None if found.tokens_left is None else max(0, found.tokens_left),
            refill_per_minute=found.refill_per_minute,
        ),
        next=[_call_document(call) for call in found.calls],
        watchlist=WatchlistDocument(
            products=found.products,
            markets=found.markets,
            round_tokens=RoundTokens(with_buy_box=with_box, without=without),
            **_pace_document(now).model_dump(),
        ),
        with_double=OtherPaceDocument(**_pace_document(other).model_dump(), value_ratio=ratio),
    )


def _pace_document(pace: Pace | None) -> PaceDocument:
    return PaceDocument(
        refill_per_minute=pace and pace.refill_per_minute,
        tokens_per_day=pace and pace.tokens,
        value_per_day=pace and pace.value,
        age_p50_s=pace and pace.age_p50_s,
        age_p90_s=pace and pace.age_p90_s,
        oldest_s=pace and pace.oldest_s,
    )


def _call_document(call: PlannedCall) -> CallDocument:
    return CallDocument(
        at=call.at,
        market=call.market,
        asins=list(call.asins),
        tokens=call.tokens,
        buy_box=call.buybox,
        value=call.value,
        value_per_token=call.value / call.tokens,
        why=call.why,
        for_age=call.for_age,
        first=[
            ReasonDocument(asin=asin, age_s=one.age_s, moved_pct=100 * one.moved, stake=one.stake, value=one.value)
            for asin, one in call.first
        ],
    )
