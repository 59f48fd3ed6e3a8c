"""Whole lists as one file, sent while it is read: NDJSON or CSV, in memory that does not grow with them."""

from __future__ import annotations

import time
from codecs import BOM_UTF8
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from arbkit.analysis.verdict.judging import Judge
from arbkit.core.errors import ArbkitError
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Opportunity
from arbkit.core.offers.categories import category_id
from arbkit.core.offers.images import image_url
from arbkit.core.offers.product import Product
from arbkit.core.results import JsonObject, StoredPrice
from arbkit.core.settings import Settings
from arbkit.display.export.columns import FOR_SCRIPTS
from arbkit.display.export.csv_file import NotationName, csv_text
from arbkit.display.export.rows import Cell, FileRow, moment, opportunity_row
from arbkit.store import OpportunityQuery, Page, ProductQuery
from arbkit.web.api.schemas import ArbitrageExportRequest, ProductsExportRequest, product_json
from arbkit.web.dependencies import SharedDep, StoreDep
from arbkit.web.edge.streaming import BrokenOffError, PieceByPiece, Slots
from arbkit.web.http import ANY_ROUTE, problem_of, problem_responses, refuse_unknown

MOST_EXPORTS = 4
_PAGE = 1_000
"""Rows that are in memory at once."""
_NDJSON, _CSV = "application/x-ndjson", "text/csv"
_PRODUCT_HEADINGS = (
    "asin", "title", "brand", "category", "category_id", "eans", "image", "image_url", "updated_at [UTC]",
    "first_seen [UTC]", "created_at [UTC]", "demo",
    *(f"{name}_{code} [{unit}]" for code, market in MARKETS.items()
      for name, unit in (("price", market.currency), ("sales_rank", "rank"))),
    "best_source", "best_target", "best_profit [best_currency]", "best_currency", "best_roi [%]", "best_margin [%]",
)  # fmt: skip
Item = TypeVar("Item", Opportunity, Product)
Asked = TypeVar("Asked", OpportunityQuery, ProductQuery)

router = APIRouter(dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE))
_ANSWER = {
    "description": "All that is found: a row a line",
    "content": {_CSV: {"schema": {"type": "string"}}, _NDJSON: {"schema": {"type": "string"}}},
}
_ANSWERS = {200: _ANSWER, **problem_responses(503)}


class ExportFile(Response):
    """Names the form of the answer."""

    media_type = _CSV


@router.get("/arbitrage/export", tags=["arbitrage"], response_class=ExportFile, responses=_ANSWERS)
async def export_arbitrage(
    request: Request, shared: SharedDep, store: StoreDep, asked: Annotated[ArbitrageExportRequest, Query()]
) -> Response:
    """All routes that a filter finds, in one file, as they are while it is read.

    A transfer that is cut is not whole; the last line says why then.
    """
    query = OpportunityQuery.of(
        asked, sort=asked.sort_by, descending=asked.descends(asked.sort_by), limit=_PAGE, at=time.time()
    ).model_copy(update={"walk": True})

    judge = Judge(shared.settings)

    def as_json(found: Sequence[Opportunity]) -> Iterator[JsonObject]:
        now = time.time()
        for one, verdict in judge.each(store, found, now=now):
            yield {**one.public(now=now, components=asked.components), "verdict": verdict.model_dump()}

    def as_rows(found: Sequence[Opportunity]) -> Iterator[FileRow]:
        for one, verdict in judge.each(store, found, now=time.time()):
            yield opportunity_row(one, FOR_SCRIPTS, verdict)

    headings = [column.heading for column in FOR_SCRIPTS]
    form = _csv(headings, as_rows, asked.notation) if asked.format == "csv" else _ndjson(as_json)
    export = _Export(shared.settings, store.opportunities, query, form, asked.limit)
    return await _answer(request, export, f"arbitrage.{asked.format}")


@router.get("/products/export", tags=["products"], response_class=ExportFile, responses=_ANSWERS)
async def export_products(
    request: Request, shared: SharedDep, store: StoreDep, asked: Annotated[ProductsExportRequest, Query()]
) -> Response:
    """All products that a filter finds, in one file, as they are while it is read.

    A transfer that is cut is not whole; the last line says why then.
    """
    query = ProductQuery.of(asked, sort=asked.sort_by, descending=asked.descends(asked.sort_by), limit=_PAGE)

    def as_json(found: Sequence[Product]) -> Iterable[JsonObject]:
        return map(product_json, found)

    def as_rows(found: Sequence[Product]) -> Iterable[FileRow]:
        return map(_product_row, found)

    form = _csv(_PRODUCT_HEADINGS, as_rows, asked.notation) if asked.format == "csv" else _ndjson(as_json)
    export = _Export(shared.settings, store.products, query, form, asked.limit)
    return await _answer(request, export, f"products.{asked.format}")


@dataclass(frozen=True, slots=True)
class _Form(Generic[Item]):
    """How rows become bytes; ``head`` comes before them, and what ``broken`` says of an error after them."""

    media_type: str
    head: bytes
    rows: Callable[[Sequence[Item]], bytes]
    broken: Callable[[Response], bytes]


def _ndjson(as_json: Callable[[Sequence[Item]], Iterable[JsonObject]]) -> _Form[Item]:
    def rows(found: Sequence[Item]) -> bytes:
        return b"".join(orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in as_json(found))

    return _Form(_NDJSON, b"", rows, lambda problem: b'{"error":%s}\n' % bytes(problem.body))


def _csv(
    headings: Sequence[str], as_rows: Callable[[Sequence[Item]], Iterable[FileRow]], notation: NotationName
) -> _Form[Item]:
    def text(rows: Iterable[FileRow]) -> bytes:
        return csv_text(rows, notation).encode()

    def broken(problem: Response) -> bytes:
        return text([[f"not complete: {orjson.loads(problem.body)['detail']}"]])

    # Excel recognises UTF-8 by the byte order mark.
    return _Form(_CSV, BOM_UTF8 + text([list(headings)]), lambda found: text(as_rows(found)), broken)


@dataclass(frozen=True, slots=True)
class _Export(Generic[Asked, Item]):
    """What is asked of the store page by page, and how it is written; ``limit``: most rows (None: all)."""

    settings: Settings
    ask: Callable[[Asked], Page[Item]]
    query: Asked
    form: _Form[Item]
    limit: int | None

    def read(self, cursor: str | None, done: int) -> tuple[bytes, str | None, int]:
        """The rows after ``cursor``, where the next ones begin (None: there are none), and how many are done then."""
        limit = _PAGE if self.limit is None else min(_PAGE, self.limit - done)
        page = self.ask(self.query.model_copy(update={"cursor": cursor, "limit": limit}))
        done += len(page.items)
        return self.form.rows(page.items), None if done == self.limit else page.next, done

    async def pieces(self, rows: bytes, following: str | None, done: int) -> AsyncGenerator[bytes]:
        """The file, whose first rows have been read."""
        yield self.form.head + rows
        while following is not None:
            try:
                rows, following, done = await run_in_threadpool(self.read, following, done)
            except ArbkitError as error:
                yield self.form.broken(problem_of(self.settings, error))
                raise BrokenOffError from error
            yield rows


async def _answer(request: Request, export: _Export[Asked, Item], name: str) -> Response:
    # A store that fails at once is an error like any other.
    first = await run_in_threadpool(export.read, None, 0)
    exports: Slots = request.app.state.exports
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return PieceByPiece(export.pieces(*first), exports, media_type=export.form.media_type, headers=headers)


def _product_row(product: Product) -> FileRow:
    best = product.best
    of_best = (None,) * 6 if best is None else (
        best["source"], best["target"], best["profit"], best["currency"], best["roi_pct"], best["margin_pct"],
    )  # fmt: skip
    prices = [product.markets.get(code) for code in MARKETS]
    first_seen = None if product.first_seen is None else moment(product.first_seen)
    return [
        product.asin,
        product.title,
        product.brand,
        product.category,
        category_id(product.category),
        " ".join(product.eans),
        product.image,
        image_url(product.image),
        moment(product.updated_at),
        first_seen,
        first_seen,
        product.demo,
        *(cell for price in prices for cell in _price_cells(price)),
        *of_best,
    ]


def _price_cells(price: StoredPrice | None) -> tuple[Cell, Cell]:
    if price is None:
        return None, None
    minor = price["price_minor"]
    return None if minor is None else minor / 100, price["sales_rank"]
