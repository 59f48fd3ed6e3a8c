"""Once a day: score the forecasts whose horizon has ended, and learn from them."""

from __future__ import annotations

import logging
import threading
import time

from arbkit.analysis.track_record.results import headline_of
from arbkit.analysis.track_record.run import bring_up_to_date
from arbkit.core.errors import ArbkitError, StoreError
from arbkit.core.settings import Settings
from arbkit.store import open_store

logger = logging.getLogger(__name__)

_EVERY_S = 86_400.0
_AGAIN_AFTER_S = 600.0


def score_forecasts_daily(settings: Settings, stop: threading.Event) -> None:
    """Score when started, and once a day from then on, until ``stop`` is set; what fails is tried again soon."""
    while not stop.is_set():
        stop.wait(_EVERY_S if _score(settings) else _AGAIN_AFTER_S)


def _score(settings: Settings) -> bool:
    try:
        with open_store(settings, read_only=True):
            # Whoever opens a store that is not there makes one.
            pass
        with open_store(settings) as store:
            logger.info("forecasts: %s", headline_of(bring_up_to_date(store, now=time.time())))
    except StoreError as error:
        if error.kind != "empty":
            logger.error("forecasts could not be scored: %s", error)
        return False
    except ArbkitError as error:
        logger.error("forecasts could not be scored: %s", error)
        return False
    return True
