"""How things stand: lag, freshness, tokens, last runs. Read-only."""

from __future__ import annotations

import time
from typing import Any

from arbkit.core.errors import ConfigError, StoreError
from arbkit.core.settings import Settings
from arbkit.reports.schedule.scheduler import schedule_status
from arbkit.sources.token_budget import read_tokens
from arbkit.store import open_store
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, dead_letter_topic, open_stream

__all__ = ["collect"]


def collect(settings: Settings, *, now: float | None = None) -> dict[str, Any]:
    """The state as one JSON-ready document; ages in seconds, None where nothing is known.

    Raises:
        StreamError, StoreError: one of them is there but cannot be read.
    """
    now = time.time() if now is None else now
    return {
        "mode": "demo" if settings.demo_mode else "keepa",
        "source": settings.source_url,
        "log": _log(settings),
        "store": _store(settings, now),
        "tokens": _tokens(settings, now),
        "schedule": _schedule(settings, now),
    }


def _log(settings: Settings) -> dict[str, Any]:
    with open_stream(settings) as log:
        lag = log.lag(ENRICH_GROUP, RAW_TOPIC)
        ends = log.watermarks(RAW_TOPIC).values()
        dead = log.watermarks(dead_letter_topic(RAW_TOPIC)).values()
        return {
            "lag": sum(lag.values()),
            "lag_by_partition": {str(place.partition): behind for place, behind in sorted(lag.items())},
            "messages": sum(end - begin for begin, end in ends),
            "published": sum(end for _, end in ends),
            "dead_letters": sum(end - begin for begin, end in dead),
        }


def _store(settings: Settings, now: float) -> dict[str, Any] | None:
    try:
        with open_store(settings, read_only=True) as store:
            stats, runs = store.stats(), store.runs(limit=5)
    except StoreError as error:
        if not settings.store_url.startswith("sqlite:") or (
            settings.database.exists() and type(error) is not StoreError
        ):
            raise
        return None
    return {
        "products": stats.products,
        "offers": stats.offers,
        "opportunities": stats.opportunities,
        "demo_products": stats.demo_products,
        "freshest_age_s": _age(now, stats.newest_at),
        "oldest_age_s": _age(now, stats.oldest_at),
        "evaluated_age_s": _age(now, stats.evaluated_at),
        "runs": [
            {
                "run_id": r.run_id,
                "report": r.report,
                "status": r.status,
                "age_s": _age(now, r.started_at),
                "error": r.error,
            }
            for r in runs
        ],
    }


def _schedule(settings: Settings, now: float) -> list[dict[str, Any]]:
    try:
        entries = schedule_status(settings, now=now)
    except ConfigError as error:
        return [{"name": None, "report": None, "last_age_s": None, "next_in_s": None, "error": str(error)}]
    return [
        {
            "name": one["name"],
            "report": one["report"],
            "enabled": one["enabled"],
            "last_age_s": _age(now, one["last_at"]),
            "last_status": one["last_status"],
            "next_in_s": None if one["next_at"] is None else max(0, round(one["next_at"] - now)),
            "error": one["error"],
        }
        for one in entries
    ]


def _tokens(settings: Settings, now: float) -> dict[str, Any] | None:
    tokens = read_tokens(settings)
    if tokens is None:
        return None
    return {
        "left": tokens.left,
        "refill_rate_per_min": tokens.refill_rate,
        "wait_s": round(tokens.wait_s(now), 1),
        "age_s": _age(now, tokens.at),
        "source": tokens.origin,
    }


def _age(now: float, at: float | None) -> int | None:
    return None if at is None else max(0, round(now - at))
