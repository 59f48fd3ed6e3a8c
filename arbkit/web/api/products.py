"""The endpoints for products."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from arbkit.core.results import JsonObject, ProductOut
from arbkit.store import OpportunityQuery, ProductQuery
from arbkit.store.queries import Order
from arbkit.web.api.listing import Components, Stretch, naming_page, opportunities_json
from arbkit.web.api.schemas import Listing, ProductDetail, ProductsRequest, offer_json, product_json
from arbkit.web.dependencies import Asin, StoreDep
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


@router.get(
    "/products/{asin}", tags=["products"], response_model=ProductDetail, responses={**_NOT_FOUND, **_UNAVAILABLE}
)
def product(request: Request, store: StoreDep, asin: Asin, components: Components = False) -> Response:
    """A product, its offers and its opportunities, the best first."""
    found = store.product(asin)
    if found is None:
        raise HTTPException(404, f"{asin} is not in the store")
    offers = store.offers([asin])
    routes = store.opportunities(OpportunityQuery(asin=asin, limit=100)).items
    body: JsonObject = {
        **product_json(found),
        "offers": [offer_json(o) for o in offers],
        "opportunities": opportunities_json(routes, components=components),
    }
    return json_answer(
        request, body, identity=[found.version, product_json(found), [*map(opportunity_identity, routes)]]
    )
