"""The endpoints for the runs of reports."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import JsonValue

from arbkit.core.models import Run
from arbkit.core.results import JsonObject, RunOut
from arbkit.core.settings import Settings
from arbkit.reports.run_folders import read_json
from arbkit.store import RunQuery
from arbkit.web.api.listing import Components, Cursor, PageNumber, PageSize, Stretch, naming_page
from arbkit.web.api.schemas import Listing, RunDetail
from arbkit.web.dependencies import SharedDep, StoreDep
from arbkit.web.http import ANY_ROUTE, json_answer, problem_responses, refuse_unknown, without_paths

_NOT_FOUND = problem_responses(404)
_UNAVAILABLE = problem_responses(503)

router = APIRouter(dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE))


@router.get("/reports", tags=["reports"], response_model=Listing[RunOut], responses=_UNAVAILABLE)
def reports(
    request: Request,
    store: StoreDep,
    shared: SharedDep,
    report: str | None = None,
    page: PageNumber = None,
    page_size: PageSize = 50,
    cursor: Cursor = None,
) -> Response:
    """The runs of reports, the latest first."""
    here = Stretch.of(page, page_size, cursor)
    with naming_page():
        found = store.run_page(RunQuery.model_validate({"report": report, **here.order}))
    items: list[JsonValue] = [_run(shared.settings, r) for r in found.items]
    return here.answer(request, items, found)


@router.get("/reports/{run}", tags=["reports"], response_model=RunDetail, responses={**_NOT_FOUND, **_UNAVAILABLE})
def report_run(
    request: Request, store: StoreDep, shared: SharedDep, run: str, components: Components = False
) -> Response:
    """A run and its ``result``, null while there is none."""
    found = store.run(run)
    if found is None:
        raise HTTPException(404, f"there is no run {run}")
    result = _result(shared.settings, found, components=components)
    return json_answer(request, {**_run(shared.settings, found), "result": result})


def _run(settings: Settings, run: Run) -> JsonObject:
    """A run, its folder named within the home, as callers know it."""
    output = None if run.output is None else f"{settings.reports_dir.name}/{run.report}/{run.run_id}"
    error = None if run.error is None else without_paths(settings, run.error)
    return {**run.to_dict(), "output": output, "error": error}


def _result(settings: Settings, run: Run, *, components: bool) -> JsonObject | None:
    """The ``result.json`` of a run, or None where there is none or it is damaged."""
    result: Any = read_json(settings.reports_dir / run.report / run.run_id / "result.json")[0]
    if not isinstance(result, dict):
        return None
    if not components and isinstance(items := result.get("items"), list):
        for item in items:
            item.pop("components", None)
    return result
