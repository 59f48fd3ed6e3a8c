"""The plan as JSON, and the file in which a producer shows it to pages and to `arbkit status`.

Times are in Unix seconds, ages in seconds, money in the home currency; None is unknown.
"""

from __future__ import annotations

from typing import TypedDict, cast

import orjson

from arbkit.core.files import read_if_there, write_atomically
from arbkit.core.settings import Settings
from arbkit.pipeline.polling.outlook import Outlook, Pace, PlannedCall

_FILE = "plan.json"
_SHOWN = frozenset({"at", "state", "tokens", "next", "watchlist"})


class TokensRow(TypedDict):
    """The tokens now, and how many come a minute."""

    left: int | None
    refill_per_minute: int | None


class ReasonRow(TypedDict):
    """Why a product is looked at; ``age_s`` None: it never was."""

    asin: str
    age_s: float | None
    moved_pct: float
    stake: float
    value: float


class CallRow(TypedDict):
    """A call to come, and the reasons of the first of its products."""

    at: float
    market: str
    asins: list[str]
    tokens: int
    buy_box: bool
    value: float
    value_per_token: float
    why: str
    for_age: bool
    first: list[ReasonRow]


class RoundRow(TypedDict):
    """Tokens of one look at everything."""

    with_buy_box: int
    without: int


class PaceRow(TypedDict):
    """What a number of tokens a minute comes to."""

    refill_per_minute: int | None
    tokens_per_day: float | None
    value_per_day: float | None
    age_p50_s: float | None
    age_p90_s: float | None
    oldest_s: float | None


class WatchlistRow(PaceRow):
    """The same of the list as it is, with its size."""

    products: int
    markets: int
    round_tokens: RoundRow


class OtherPaceRow(PaceRow):
    """The same of other tokens a minute, and how much more that reveals."""

    value_ratio: float | None


class PlanRow(TypedDict):
    """What ``arbkit plan --json`` prints; ``state`` says what keeps it from being made or done, or is empty."""

    at: float
    state: str
    tokens: TokensRow
    next: list[CallRow]
    watchlist: WatchlistRow
    with_double: OtherPaceRow


def write_plan(settings: Settings, found: Outlook) -> None:
    """Leave a plan for the other processes.

    Raises:
        ServiceError: the file cannot be written.
    """
    write_atomically(settings.home / _FILE, orjson.dumps(outlook_document(found)))


def read_plan(settings: Settings) -> PlanRow | None:
    """The plan that a producer left last; None if none did."""
    try:
        plan = orjson.loads(read_if_there(settings.home / _FILE) or b"")
    except ValueError:
        return None
    return cast("PlanRow", plan) if isinstance(plan, dict) and plan.keys() >= _SHOWN else None


def outlook_document(found: Outlook) -> PlanRow:
    """The plan as JSON."""
    now, other = found.now, found.other
    ratio = other.value / now.value if other is not None and now is not None and now.value else None
    with_buy_box, without = found.round_tokens
    return {
        "at": found.at,
        "state": found.state,
        "tokens": {"left": found.tokens_left, "refill_per_minute": found.refill_per_minute},
        "next": [_call_row(call) for call in found.calls],
        "watchlist": {
            "products": found.products,
            "markets": found.markets,
            "round_tokens": {"with_buy_box": with_buy_box, "without": without},
            **_pace_row(now),
        },
        "with_double": {**_pace_row(other), "value_ratio": ratio},
    }


def _pace_row(pace: Pace | None) -> PaceRow:
    return {
        "refill_per_minute": None if pace is None else pace.refill_per_minute,
        "tokens_per_day": None if pace is None else pace.tokens,
        "value_per_day": None if pace is None else pace.value,
        "age_p50_s": None if pace is None else pace.age_p50_s,
        "age_p90_s": None if pace is None else pace.age_p90_s,
        "oldest_s": None if pace is None else pace.oldest_s,
    }


def _call_row(call: PlannedCall) -> CallRow:
    return {
        "at": call.at,
        "market": call.market,
        "asins": list(call.asins),
        "tokens": call.tokens,
        "buy_box": call.buybox,
        "value": call.value,
        "value_per_token": call.value / call.tokens,
        "why": call.why,
        "for_age": call.for_age,
        "first": [
            {"asin": asin, "age_s": one.age_s, "moved_pct": 100 * one.moved, "stake": one.stake, "value": one.value}
            for asin, one in call.first
        ],
    }
