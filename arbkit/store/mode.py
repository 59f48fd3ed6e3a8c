"""Where prices come from: without a key, what the store holds decides."""

from __future__ import annotations

from collections.abc import Callable

from arbkit.core.errors import ArbkitError, ConfigError, StoreError
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.store.base import Store

_HOLDS_NOTHING = ("empty", "missing")


def settle_mode(settings: Settings, store: Store | None = None) -> Settings:
    """The settings with their ``mode`` as it is now: imported data only, where real products are all there is.

    Without a key, and with a demo market that is neither forced nor forbidden, the store is asked (``store``, or the
    one that the settings name); one that is not there yet holds nothing.

    Raises:
        ConfigError: the demo market is forbidden, and there is neither a key nor anything imported.
        StoreError: the store does not answer, and only it knows.
    """
    if settings.demo or settings.has_key:
        return settings
    holds_real = _holds_real(settings, store)
    if settings.demo is None:
        return settings.model_copy(update={"demo": False}) if holds_real else settings
    if not holds_real:
        why = "ARBKIT_DEMO=0 forbids the demo market, but there is no key and nothing is imported"
        remedy = "Put your Keepa key into .env, `arbkit import` a Keepa export, or drop ARBKIT_DEMO=0"
        raise ConfigError(why, field="KEEPA_API_KEY", remedy=remedy)
    return settings


def mode_at_start(settings: Settings) -> Settings:
    """As :func:`settle_mode`, for a service that may start before its store: until that answers, as the settings say.

    Raises:
        ConfigError: as :func:`settle_mode`.
    """
    try:
        return settle_mode(settings)
    except StoreError:
        return settings


def known_mode(settings: Settings, opened: Callable[[], Store] | None = None) -> Settings:
    """As :func:`settle_mode`; where no mode is possible, the settings as they are.

    ``opened`` gives the store that is open already.

    Raises:
        StoreError: the store does not answer, and only it knows: a guess could take one watchlist for the other.
    """
    if settings.demo or settings.has_key:
        return settings
    try:
        return settle_mode(settings, opened and store_if_any(opened))
    except ConfigError:
        return settings


def mode_in_force(settings: Settings, opened: Callable[[], Store] | None = None) -> Settings:
    """As :func:`known_mode`, for who only says it: a store that does not answer is no fault either."""
    try:
        return known_mode(settings, opened)
    except ArbkitError:
        return settings


def takes_demo(settings: Settings, store: Store) -> bool:
    """Whether what the demo market invented may go into this store."""
    return settle_mode(settings, store).demo_mode if settings.demo is None else settings.demo


def _holds_real(settings: Settings, store: Store | None) -> bool:
    if store is not None:
        return store.holds_real_products()
    try:
        with open_store(settings, read_only=True) as opened:
            return opened.holds_real_products()
    except StoreError as error:
        if error.kind in _HOLDS_NOTHING:
            return False
        raise


def store_if_any(opened: Callable[[], Store]) -> Store | None:
    """What ``opened`` gives; None where there is no store yet.

    Raises:
        StoreError: it cannot be used.
    """
    try:
        return opened()
    except StoreError as error:
        if error.kind in _HOLDS_NOTHING:
            return None
        raise
