"""The endpoint for whether the service works."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from arbkit import __version__
from arbkit.analysis.detection_inputs import profile_note
from arbkit.core.errors import ArbkitError
from arbkit.store.mode import mode_in_force
from arbkit.web.api.schemas import Health
from arbkit.web.dependencies import SharedDep
from arbkit.web.http import ANY_ROUTE, problem_responses, refuse_unknown, without_paths

router = APIRouter(dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE))


@router.get("/health", tags=["service"], response_model=Health)
def health(shared: SharedDep) -> Health:
    """Whether the service runs, on which prices, and whether the store answers."""
    answers, details = True, list[str]()
    try:
        store = shared.store.get()
        unpriced = store.stats().unpriced_products
        if unpriced:
            details.append(f"{unpriced} {'product' if unpriced == 1 else 'products'} not priced yet")
        details.append(profile_note(shared.settings, store.swept()))
    except ArbkitError as error:
        answers, details = False, [without_paths(shared.settings, str(error))]
    return Health(
        status="ok" if answers else "degraded",
        mode=mode_in_force(shared.settings, shared.store.get).mode,
        version=__version__,
        store=answers,
        detail="; ".join(filter(None, details)) or None,
    )
