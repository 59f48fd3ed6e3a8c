"""The endpoints for the figures of the whole: for people, and for Prometheus."""

from __future__ import annotations

import time

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import Field, JsonValue

from arbkit.analysis.track_record.results import TrackRecord, headline_of
from arbkit.analysis.track_record.run import kept_track_record
from arbkit.core.errors import ArbkitError
from arbkit.core.offers.categories import CATEGORIES
from arbkit.core.results import Result
from arbkit.core.settings import Settings
from arbkit.ops.prometheus import exposition, exposition_while_down
from arbkit.ops.status import log_figures, read_store_state, store_figures, token_figures
from arbkit.ops.stream_state import read_stream_state
from arbkit.profit import load_profile
from arbkit.sources.keepa_api.token_budget import read_tokens
from arbkit.store.mode import mode_in_force
from arbkit.stream import open_stream
from arbkit.web.api.schemas import CategoriesOut, StatsOut, stats_json
from arbkit.web.dependencies import SharedDep, StoreDep
from arbkit.web.http import ANY_ROUTE, json_answer, problem_responses, refuse_unknown

_UNAVAILABLE = problem_responses(503)

router = APIRouter(dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE))


class TrackRecordOut(Result):
    """How forecasts that were shown have come out."""

    headline: str = Field(description="in words")
    score: TrackRecord | None


@router.get("/stats", tags=["service"], response_model=StatsOut, responses=_UNAVAILABLE)
def stats(request: Request, store: StoreDep, shared: SharedDep) -> Response:
    """Head figures of the store, and whose profit it states; times in Unix seconds."""
    seller = load_profile(shared.settings.profile_path, shared.settings.profile_name).seller_line
    return json_answer(request, stats_json(store.stats(), seller))


@router.get("/categories", tags=["products"], response_model=CategoriesOut)
def categories(request: Request) -> Response:
    """Arbkit's categories: each has one id over all marketplaces, and takes any of its names as ``category``."""
    items: list[JsonValue] = [{"id": one.id, "name": one.name, "names": list(one.names)} for one in CATEGORIES.values()]
    return json_answer(request, {"items": items, "total": len(items)})


@router.get("/forecasts/score", tags=["products"], response_model=TrackRecordOut, responses=_UNAVAILABLE)
def track_record(request: Request, store: StoreDep) -> Response:
    """How forecasts that were shown have come out, as of the last scoring; null: there was none yet."""
    found = kept_track_record(store)
    score = None if found is None else found.model_dump(mode="json")
    return json_answer(request, {"headline": headline_of(found), "score": score})


@router.get("/metrics", tags=["service"], response_class=PlainTextResponse)
def metrics(shared: SharedDep) -> Response:
    """The state for Prometheus; ``arbkit_up`` is 0 where log or store cannot be read."""
    return Response(
        _metrics(mode_in_force(shared.settings, shared.store.get), now=time.time()), media_type=CONTENT_TYPE_LATEST
    )


def _metrics(settings: Settings, *, now: float) -> bytes:
    try:
        with open_stream(settings) as log:
            stream = read_stream_state(log, now=now)
        store = read_store_state(settings)
        tokens = None if settings.mode == "imported" else read_tokens(settings)
    except ArbkitError:
        return exposition_while_down(demo=settings.demo_mode)
    return exposition(
        demo=settings.demo_mode,
        log=log_figures(stream),
        store=None if store is None else store_figures(store, now),
        tokens=None if tokens is None else token_figures(tokens, now),
    )
