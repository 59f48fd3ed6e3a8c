"""The endpoints for products."""

from __future__ import annotations

import time
from typing import Annotated, cast

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import Field, JsonValue

from arbkit.analysis.forecast.sales.forecast import MOST_UNITS, SalesForecast, forecast_sales
from arbkit.analysis.offers import known_offers
from arbkit.analysis.track_record.forecasting import forecast_stored
from arbkit.core.input.filters import Filter
from arbkit.core.results import JsonObject, ProductOut, Result
from arbkit.core.settings import Settings
from arbkit.profit import load_profile
from arbkit.store import OpportunityQuery, ProductQuery, Store
from arbkit.store.queries import Order
from arbkit.web.api.listing import Components, Stretch, naming_page, opportunities_json
from arbkit.web.api.schemas import Listing, ProductDetail, ProductsRequest, offer_json, product_json
from arbkit.web.dependencies import Asin, SharedDep, StoreDep
from arbkit.web.http import ANY_ROUTE, json_answer, problem_responses, refuse_unknown
from arbkit.web.known_routes import opportunity_identity

_NOT_FOUND = problem_responses(404)
_UNAVAILABLE = problem_responses(503)

router = APIRouter(dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE))


@router.get("/products", tags=["products"], response_model=Listing[ProductOut], responses=_UNAVAILABLE)
def products(request: Request, store: StoreDep, asked: Annotated[ProductsRequest, Query()]) -> Response:
    """Products over all marketplaces, each with its best opportunity."""
    here = Stretch.of(asked.page, asked.page_size, asked.cursor)
    order: Order = {**here.order, "sort": asked.sort_by, "descending": asked.descends(asked.sort_by)}
    with naming_page():
        found = store.products(ProductQuery.of(asked, **order))
    return here.answer(request, [product_json(p) for p in found.items], found)


class SalesRequest(Filter):
    """Query of ``GET /products/{asin}/sales``."""

    units: int = Field(1, ge=1, le=MOST_UNITS, description="how many you would sell")


class SalesOut(Result):
    """How fast one more seller sells units of a product, by marketplace code."""

    asin: str
    units: int
    markets: dict[str, SalesForecast]


@router.get("/products/{asin}/sales", tags=["products"], responses={**_NOT_FOUND, **_UNAVAILABLE})
def sales(store: StoreDep, asin: Asin, asked: Annotated[SalesRequest, Query()]) -> SalesOut:
    """How fast one more seller at the going price sells some units: days, and chances in 30 to 90 days."""
    if store.product(asin) is None:
        raise HTTPException(404, f"{asin} is not in the store")
    offers = store.offers([asin])
    found = forecast_sales(offers, now=time.time(), units=asked.units)
    markets = {offer.market: one for offer, one in zip(offers, found, strict=True)}
    return SalesOut(asin=asin, units=asked.units, markets=markets)


@router.get(
    "/products/{asin}", tags=["products"], response_model=ProductDetail, responses={**_NOT_FOUND, **_UNAVAILABLE}
)
def product(
    request: Request,
    store: StoreDep,
    shared: SharedDep,
    asin: Asin,
    components: Components = False,
    forecasts: Annotated[bool, Query(description="what each opportunity will earn: takes a moment")] = False,
) -> Response:
    """A product, its offers and its opportunities, the best first."""
    found = store.product(asin)
    if found is None:
        raise HTTPException(404, f"{asin} is not in the store")
    offers = store.offers([asin])
    routes = store.opportunities(OpportunityQuery(asin=asin, limit=100)).items
    opportunities = opportunities_json(routes, components=components)
    if forecasts:
        coming = _forecasts(shared.settings, store, asin)
        opportunities = [
            {**cast("JsonObject", shown), "forecast": coming.get((asin, one.source, one.target))}
            for shown, one in zip(opportunities, routes, strict=True)
        ]
    body: JsonObject = {
        **product_json(found),
        "offers": [offer_json(o) for o in offers],
        "opportunities": opportunities,
    }
    # A forecast changes with the time and with what is known beside the product.
    kept: JsonValue = [found.version, product_json(found), [opportunity_identity(o) for o in routes]]
    return json_answer(request, body, identity=body if forecasts else kept)


def _forecasts(settings: Settings, store: Store, asin: str) -> dict[tuple[str, str, str], JsonObject]:
    """What the routes of a product will earn, at its offers of now."""
    profile = load_profile(settings.profile_path, settings.profile_name)
    found = forecast_stored(settings, store, known_offers(store, [asin]), profile, now=time.time())
    return {route: one.model_dump() for route, one in found.items()}
