"""Pricing into a store, until nothing that a result was made of has changed meanwhile."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection
from dataclasses import replace

from arbkit.analysis.detection_inputs import fingerprint, today
from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.detector.pricing import PricedProducts, price_products
from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.forecast.price.recalibration import Recalibration
from arbkit.analysis.track_record.recording import record_forecasts
from arbkit.analysis.track_record.run import recalibration_in_force
from arbkit.core.models import ProductState
from arbkit.core.settings import Settings
from arbkit.store import Announce, Store
from arbkit.stream import CHANGES_TOPIC

logger = logging.getLogger(__name__)

_ATTEMPTS = 10
_LEARNT_EVERY_S = 60.0
Announcing = Callable[[Store], Announce]
"""Gives what decides, for a store, which of its changed routes are announced: by the rules of now."""


class CurrentInputs:
    """What is priced with now, read anew when any of it has changed, with its number in the store."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._known: Inputs | None = None
        self._recalibration: Recalibration | None = None
        self._learnt_at = -math.inf

    def __call__(self) -> Inputs:
        """The inputs.

        Raises:
            ConfigError: the profile, a table or a setting is wrong.
            StoreError: they cannot be numbered.
        """
        while True:
            if self._known is None or self._known.fingerprint != self._fingerprint():
                self._known = Inputs.load(self._settings)
            number = self._store.generation(self._known.fingerprint)
            # Whoever was held up before this would have numbered old ones as the newest.
            if self._fingerprint() == self._known.fingerprint:
                return replace(self._known, generation=number, recalibration=self._learnt())

    def _learnt(self) -> Recalibration | None:
        """What forecasts are widened by: a new one comes once in weeks, and inputs are asked for with every batch."""
        if (now := time.monotonic()) - self._learnt_at > _LEARNT_EVERY_S:
            self._recalibration = recalibration_in_force(self._settings, self._store)
            self._learnt_at = now
        return self._recalibration

    def _fingerprint(self) -> str:
        return fingerprint(self._settings, today())


def price_into(
    store: Store,
    states: Collection[ProductState],
    load: Callable[[], Inputs],
    announcing: Announcing | None = None,
    *,
    left: Callable[[Collection[ProductState], PricedProducts], None] | None = None,
) -> list[str]:
    """Price products and store their routes; the ids of opportunities that were none before.

    ``left`` gets all that was priced, with what it was priced from.

    Products that have changed meanwhile, and all where the inputs have, are priced again as they are then: a sweep with
    new inputs may have passed them before they were written.

    Raises:
        ConfigError: the inputs cannot be read.
        StoreError: not all is stored; it may be tried again.
    """
    new: list[str] = []
    inputs = load()
    for _ in range(_ATTEMPTS):
        priced = price_products(states, inputs)
        announce = announcing and announcing(store)
        done = store.put_routes(
            priced.results, generation=inputs.generation, announce=announce, changes_to=CHANGES_TOPIC
        )
        _record(store, priced, inputs, unstored=frozenset(done.again))
        if left is not None:
            left(states, priced)
        new += done.new
        fresh = load()
        again = done.again if fresh.generation == inputs.generation else [state.asin for state in states]
        if not again:
            return new
        inputs, states = fresh, store.states(again).values()
    logger.warning("%d products change faster than they are priced: they are priced later", len(states))
    return new


def _record(store: Store, priced: PricedProducts, inputs: Inputs, *, unstored: frozenset[str]) -> None:
    """Keep the forecasts of the routes that are stored: those are what is shown."""
    if priced.outlook is not None:
        routes = [one for result in priced.results if result.asin not in unstored for one in result.routes]
        record_forecasts(store, routes, priced.outlook, load_price_model().recalibrated(inputs.recalibration))
