"""The endpoints for realised sales."""

from __future__ import annotations

import binascii
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, HTTPException, Query, Request, Response
from pydantic import JsonValue

from arbkit.analysis.sales.importing import enter_sale, import_result, preview_sales, take_sales
from arbkit.analysis.sales.listing import find_sales
from arbkit.analysis.sales.results import SalesImport, SalesReport
from arbkit.analysis.sales.scoring import sales_report
from arbkit.core.errors import UsageError
from arbkit.core.sales.filter import SalesFilter
from arbkit.core.sales.line import SaleLine
from arbkit.sources.settlements.exported import export_csv
from arbkit.sources.settlements.files import parse_sales
from arbkit.store import Page, open_store
from arbkit.store.mode import store_if_any
from arbkit.web.api.listing import Stretch
from arbkit.web.api.sales.schemas import (
    SaleOut,
    SaleRequest,
    SalesImportRequest,
    SalesRequest,
    SalesScoreRequest,
    sale_json,
)
from arbkit.web.api.schemas import Listing
from arbkit.web.dependencies import SharedDep, StoreDep
from arbkit.web.http import ANY_ROUTE, json_answer, problem_responses, refuse_unknown

_NOT_FOUND = problem_responses(404)
_UNAVAILABLE = problem_responses(503)
_MOST_FAULTS = 1_000
_CSV = "text/csv"
_PLACE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) (.+)", re.DOTALL)
# Whatever a client calls the bytes, they are taken.
_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}

router = APIRouter(dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE), tags=["sales"])


class _CsvFile(Response):
    media_type = _CSV


async def _body(request: Request) -> bytes:
    return await request.body()


@router.get("/sales", response_model=Listing[SaleOut], responses=_UNAVAILABLE)
def list_sales(request: Request, store: StoreDep, asked: Annotated[SalesRequest, Query()]) -> Response:
    """What was sold and paid back, the earliest first, also of products that are no longer in the store."""
    here = Stretch.of(asked.page, asked.page_size, asked.cursor)
    found = _page(find_sales(store, asked), here)
    items: list[JsonValue] = [sale_json(line) for line in found.items]
    return here.answer(request, items, found)


@router.post("/sales", status_code=201, responses=_UNAVAILABLE)
def add_sale(shared: SharedDep, wanted: Annotated[SaleRequest, Body()]) -> SaleOut:
    """Write down one sale or refund."""
    with shared.writing, open_store(shared.settings) as store:
        made = enter_sale(store, wanted)
    return SaleOut.model_validate(sale_json(made))


@router.post(
    "/sales/import",
    responses={201: {"description": "Some are new or changed", "model": SalesImport}, **_UNAVAILABLE},
    openapi_extra=_FILE,
)
def import_sales(
    response: Response,
    shared: SharedDep,
    data: Annotated[bytes, Depends(_body)],
    asked: Annotated[SalesImportRequest, Query()],
) -> SalesImport:
    """Take in a file: a settlement of Amazon (Flat File V2), a filled-in template, or an export of sales.

    The same file again adds nothing. Lines that cannot be used are left out and named (the first 1,000 of them), all
    others are kept.
    """
    read = parse_sales(data, asked.name, added_at=time.time())
    if asked.preview:
        taken = preview_sales(store_if_any(shared.store.get), read.lines, asked.skus)
    else:
        with shared.writing, open_store(shared.settings) as store:
            taken = take_sales(store, read.lines, asked.skus)
        response.status_code = 201 if taken.new or taken.changed else 200
    return import_result(read, taken, preview=asked.preview, most_faults=_MOST_FAULTS)


@router.get("/sales/score", response_model=SalesReport, responses=_UNAVAILABLE)
def score_sales(request: Request, store: StoreDep, asked: Annotated[SalesScoreRequest, Query()]) -> Response:
    """What was forecast of each purchase against what came of it, the newest first."""
    return json_answer(request, sales_report(store, asked.asin).model_dump(mode="json"))


@router.get(
    "/sales/export",
    response_class=_CsvFile,
    responses={200: {"description": "A line each", "content": {_CSV: {"schema": {"type": "string"}}}}, **_UNAVAILABLE},
)
def export_sales(store: StoreDep, asked: Annotated[SalesFilter, Query()]) -> Response:
    """All lines that a filter finds as a CSV, which an import takes again as they were."""
    headers = {"Content-Disposition": 'attachment; filename="sales.csv"'}
    return Response(export_csv(find_sales(store, asked)), media_type=_CSV, headers=headers)


@router.delete("/sales/lines/{sale:path}", status_code=204, responses={**_NOT_FOUND, **_UNAVAILABLE})
def remove_sale(shared: SharedDep, sale: str) -> None:
    """Forget a line that was taken in or written down by mistake."""
    with shared.writing, open_store(shared.settings) as store:
        if not store.remove_sales([sale]):
            raise HTTPException(404, f"no sale has the id {sale[:80]}")


def _page(found: Sequence[SaleLine], here: Stretch) -> Page[SaleLine]:
    """A part of lines that are in the order of their days and ids."""
    if here.cursor is None:
        begin = (here.page - 1) * here.page_size
    else:
        begin = bisect_right(found, _after(here.cursor), key=_place)
    items = tuple(found[begin : begin + here.page_size])
    more = bool(items) and begin + len(items) < len(found)
    return Page(items, len(found), _cursor(items[-1]) if more else None)


def _place(line: SaleLine) -> tuple[str, str]:
    return line.day, line.id


def _cursor(line: SaleLine) -> str:
    return urlsafe_b64encode(" ".join(_place(line)).encode()).decode()


def _after(cursor: str) -> tuple[str, str]:
    try:
        found = _PLACE.fullmatch(urlsafe_b64decode(cursor).decode())
    except (binascii.Error, UnicodeDecodeError):
        found = None
    if found is None:
        remedy = "Begin without a cursor"
        raise UsageError("is not one that arbkit made", field="cursor", value=cursor[:80], remedy=remedy)
    return found[1], found[2]
