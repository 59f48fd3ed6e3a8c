"""The endpoints for a product's past: its histories, and when its routes were opportunities."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Self

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import AfterValidator, Field, JsonValue, WithJsonSchema, model_validator

from arbkit.core.errors import UsageError, did_you_mean
from arbkit.core.input.filters import Filter
from arbkit.core.marketplaces import MarketCode
from arbkit.core.models import History
from arbkit.core.offers.history_points import LEAST_POINTS, UNITS, Points, points_of
from arbkit.core.results import JsonObject, Result
from arbkit.store import Store
from arbkit.web.dependencies import Asin, StoreDep
from arbkit.web.http import ANY_ROUTE, json_answer, problem_responses, refuse_unknown

_REFUSED = problem_responses(404, 503)

router = APIRouter(tags=["products"], dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE))


def _in_utc(value: datetime) -> datetime:
    try:
        at = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        # The last microseconds of the year 9999 are, as a number of seconds, in the next.
        datetime.fromtimestamp(at.timestamp(), UTC)
        return at
    except (OverflowError, ValueError):
        raise ValueError("is no time that can be") from None


def _known_series(value: str) -> str:
    for name in value.split(","):
        if name not in UNITS:
            raise ValueError(f"{name[:40]!r} is no series. {did_you_mean(name, UNITS, otherwise='Use some of')}")
    return value


Time = Annotated[datetime, AfterValidator(_in_utc), WithJsonSchema({"type": "string"})]
"""A time in ISO 8601, UTC where it names no zone, or in Unix seconds."""
_NOTATION = "ISO 8601, as 2026-08-01 or with a time, or Unix seconds"


class HistoryRequest(Filter):
    """Query of ``GET /products/{asin}/history``."""

    start: Time | None = Field(None, alias="from", description=f"what held then is the first point: {_NOTATION}")
    to: Time | None = Field(None, description=f"until this time: {_NOTATION}")
    series: Annotated[str, AfterValidator(_known_series)] | None = Field(
        None, description=f"only these, with commas between them, of {', '.join(UNITS)}"
    )
    market: MarketCode | None = Field(None, description="only this marketplace")
    max_points: int = Field(500, ge=LEAST_POINTS, le=2_000, description="maximum number of points of a series")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start is not None and self.to is not None and self.start > self.to:
            given = UsageError("is after to", field="from", value=self.start, remedy="Give the earlier time as from")
            raise ValueError("from is after to") from given
        return self


class HistoryPoint(Result):
    """What held from a time on, until the next point."""

    at: datetime
    value: float | str | None = Field(description="null: no offer; of buy_box_seller the seller's id")
    shipping: float | None = Field(None, description="of buy_box: what a buyer pays on top; null: unknown")


class HistorySeries(Result):
    """The points of one series in the stretch of time that is asked for."""

    unit: str = Field(description="a currency for prices, VAT included; rank, offers, stars, reviews, …")
    total: int = Field(description="points in this stretch of time")
    thinned: bool = Field(
        description="whether there are more than are shown: the first and the last and, in between, the lowest and the "
        "highest of stretches of as many points; a shorter stretch of time shows all"
    )
    points: list[HistoryPoint]


class MarketHistory(Result):
    """The series of one marketplace, by name."""

    currency: str
    series: dict[str, HistorySeries]


class HistoryOut(Result):
    """The histories of a product by marketplace code; times in ISO 8601, UTC."""

    asin: str
    start: datetime | None = Field(alias="from")
    to: datetime | None
    markets: dict[str, MarketHistory]


class WindowOut(Result):
    """A time in which a route was an opportunity, by the times of its prices; Unix seconds."""

    id: str
    asin: str
    source: str
    target: str
    started_at: int
    ended_at: int | None = Field(description="null: it still is one")
    best_profit: float = Field(description="at one unit, in currency")
    currency: str
    known_at: float = Field(description="when arbkit knew of the start")
    demo: bool


class WindowsOut(Result):
    """When the routes of a product were opportunities, by route and start."""

    items: list[WindowOut]
    total: int


@router.get("/products/{asin}/history", response_model=HistoryOut, responses=_REFUSED)
def history(request: Request, store: StoreDep, asin: Asin, asked: Annotated[HistoryRequest, Query()]) -> Response:
    """What a product cost and how it sold, by marketplace: change points, in major units and readable times."""
    _check_stored(store, asin)
    wanted = asked.series.split(",") if asked.series else list(UNITS)
    found = [h for h in store.history(asin) if asked.market in (None, h.market)]
    markets: JsonObject = {h.market: _market_history(h, wanted, asked) for h in found}
    body: JsonObject = {"asin": asin, "from": _iso(asked.start), "to": _iso(asked.to), "markets": markets}
    return json_answer(request, body)


@router.get("/products/{asin}/windows", response_model=WindowsOut, responses=_REFUSED)
def windows(request: Request, store: StoreDep, asin: Asin) -> Response:
    """When routes of a product were opportunities, also those that have ended; kept for 400 days after their end."""
    _check_stored(store, asin)
    items: list[JsonValue] = [window.to_dict() for window in store.windows([asin])]
    return json_answer(request, {"items": items, "total": len(items)})


def _check_stored(store: Store, asin: str) -> None:
    if store.product(asin) is None:
        raise HTTPException(404, f"{asin} is not in the store")


def _market_history(history: History, wanted: Sequence[str], asked: HistoryRequest) -> JsonObject:
    start, end = (None if at is None else at.timestamp() for at in (asked.start, asked.to))
    series: JsonObject = {}
    for name in (name for name in wanted if name in history.series):
        points = points_of(history, name, start=start, end=end, most=asked.max_points)
        unit = history.currency if UNITS[name] == "currency" else UNITS[name]
        thinned = points.total > len(points.times)
        series[name] = {"unit": unit, "total": points.total, "thinned": thinned, "points": _points_json(points)}
    return {"currency": history.currency, "series": series}


def _points_json(points: Points) -> list[JsonValue]:
    times = [_iso(datetime.fromtimestamp(at, UTC)) for at in points.times]
    if points.shipping is None:
        return [{"at": at, "value": value} for at, value in zip(times, points.values, strict=True)]
    rows = zip(times, points.values, points.shipping, strict=True)
    return [{"at": at, "value": value, "shipping": shipping} for at, value, shipping in rows]


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
