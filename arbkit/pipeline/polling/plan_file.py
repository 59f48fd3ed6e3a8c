"""The plan as JSON, and the file in which a producer shows it to pages and to `arbkit status`."""

from __future__ import annotations

import orjson

from arbkit.core.files import read_if_there, write_atomically
from arbkit.core.results import JsonObject
from arbkit.core.settings import Settings
from arbkit.pipeline.polling.outlook import Outlook, Pace, PlannedCall

_FILE = "plan.json"


def write_plan(settings: Settings, found: Outlook) -> None:
    """Leave a plan for the other processes.

    Raises:
        ServiceError: the file cannot be written.
    """
    write_atomically(settings.home / _FILE, orjson.dumps({"at": found.at, **outlook_document(found)}))


def read_plan(settings: Settings) -> JsonObject | None:
    """The plan that a producer left last, as :func:`outlook_document` with its time ``at``; None if none did."""
    try:
        plan = orjson.loads(read_if_there(settings.home / _FILE) or b"")
    except ValueError:
        return None
    return plan if isinstance(plan, dict) and {"at", "state", "tokens", "next", "watchlist"} <= plan.keys() else None


def outlook_document(found: Outlook) -> JsonObject:
    """What ``arbkit plan --json`` prints. Times in Unix seconds, ages in seconds, money in the home currency."""
    now, other = found.now, found.other
    return {
        "state": found.state,
        "tokens": {"left": found.tokens_left, "refill_per_minute": found.refill_per_minute},
        "next": [_call_document(call) for call in found.calls],
        "watchlist": {
            "products": found.products,
            "markets": found.markets,
            "round_tokens": {"with_buy_box": found.round_tokens[0], "without": found.round_tokens[1]},
            **_pace_document(now),
        },
        "with_double": {
            **_pace_document(other),
            "value_ratio": other.value / now.value if other is not None and now is not None and now.value else None,
        },
    }


def _pace_document(pace: Pace | None) -> JsonObject:
    if pace is None:
        names = ("refill_per_minute", "tokens_per_day", "value_per_day", "age_p50_s", "age_p90_s", "oldest_s")
        return dict.fromkeys(names)
    return {
        "refill_per_minute": pace.refill_per_minute,
        "tokens_per_day": pace.tokens,
        "value_per_day": pace.value,
        "age_p50_s": pace.age_p50_s,
        "age_p90_s": pace.age_p90_s,
        "oldest_s": pace.oldest_s,
    }


def _call_document(call: PlannedCall) -> JsonObject:
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
