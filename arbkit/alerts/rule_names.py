"""Whether what a rule names is there: of a category or a channel that is not, nobody is ever alerted."""

from __future__ import annotations

from collections.abc import Collection

from arbkit.alerts.rules import Rule
from arbkit.alerts.rules_file import read_alerts_file
from arbkit.core.errors import StoreError, UsageError, did_you_mean, nearest
from arbkit.core.offers.categories import CATEGORIES, category_of
from arbkit.core.settings import Settings
from arbkit.pipeline.watchlist.following import WatchedGroups
from arbkit.store import Store, open_store
from arbkit.store.queries import ProductQuery

_EVERYTHING = "every opportunity meets this rule"
_LOOKED_AT = 200
"""Products of a search among which a brand is looked for that has no opportunity."""


def refuse_unknown_names(settings: Settings, rule: Rule) -> None:
    """Refuse a rule of a category that there is not, or for a channel that is not in the file.

    Raises:
        UsageError: names the first that there is not, and the nearest or all that there are.
        ConfigError: the file of channels cannot be used as a whole.
    """
    where = f"rule {rule.name}"
    for word in categories_nowhere(settings, rule):
        names = [name for one in CATEGORIES.values() for name in (one.id, *one.names)]
        near = nearest(word, names)
        remedy = f"Did you mean {near[0]}?" if near else f"There is: {', '.join(CATEGORIES)}"
        raise UsageError("no such category", field=f"{where}: categories", value=word, remedy=remedy)
    if rule.channels:
        channels = [str(table.get("name")) for table in read_alerts_file(settings).channels if "name" in table]
        for name in rule.missing_channels(channels):
            remedy = did_you_mean(name, channels)
            raise UsageError("no such channel", field=f"{where}: channels", value=name, remedy=remedy)


def categories_nowhere(settings: Settings, rule: Rule) -> list[str]:
    """The categories of a rule that are none of arbkit's, nor that of a stored product as far as it can be read."""
    strangers = _not_ours(rule)
    if not strangers:
        return []
    try:
        with open_store(settings, read_only=True) as store:
            return unknown_categories(rule, store)
    except StoreError:
        return strangers


def unknown_categories(rule: Rule, store: Store) -> list[str]:
    """The categories of a rule that are none of arbkit's, nor that of a stored product.

    Raises:
        StoreError: the store cannot be read.
    """
    return [word for word in _not_ours(rule) if not store.products(ProductQuery(category=word, limit=1)).items]


def _not_ours(rule: Rule) -> list[str]:
    return [word for word in rule.categories if category_of(word) is None]


def notes_on(settings: Settings, rule: Rule) -> list[str]:
    """What a user may not have meant with a rule, in sentences: it limits nothing, or names what nothing has yet."""
    return [*([_EVERYTHING] if rule.meets_everything else []), *_doubtful_names(settings, rule)]


def _doubtful_names(settings: Settings, rule: Rule) -> list[str]:
    """What a rule names and nothing has yet, in sentences: brands without a product, groups without one.

    Both may come later. None where there are no products, or the store cannot be read.
    """
    if not (rule.brands or rule.groups):
        return []
    try:
        with open_store(settings, read_only=True) as store:
            stats = store.stats()
            if not stats.products:
                return []
            brands = [brand for brand in rule.brands if not _is_stored(store, brand, stats.brands)]
            groups = set[str]().union(*WatchedGroups(settings)(store).values()) if rule.groups else set[str]()
    except StoreError:
        return []
    return [
        *(_doubt("no stored product is of the brand", brand, stats.brands) for brand in brands),
        *(_doubt("no watched product is in the group", one, groups) for one in rule.groups if one not in groups),
    ]


def _is_stored(store: Store, brand: str, known: Collection[str]) -> bool:
    wanted = brand.casefold()
    if wanted in {one.casefold() for one in known}:
        return True
    found = store.products(ProductQuery(q=brand, limit=_LOOKED_AT)).items
    return any((product.brand or "").casefold() == wanted for product in found)


def _doubt(what: str, name: str, known: Collection[str]) -> str:
    near = nearest(name, known)
    return f"{what} {name} yet{f': did you mean {near[0]}?' if near else ''}"
