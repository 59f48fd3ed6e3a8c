"""One category over all marketplaces, each of which has a name of its own for it (``categories.toml``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from pydantic import BaseModel

from arbkit.core.files import shipped_table


@dataclass(frozen=True, slots=True)
class Category:
    """A root category of Amazon: ``name`` is the English one, ``names`` are those of all marketplaces."""

    id: str
    name: str
    names: tuple[str, ...]


class _File(BaseModel):
    checked_on: date
    source: str
    categories: dict[str, tuple[str, ...]]


_FILE = shipped_table(_File, "arbkit.core.offers", "categories.toml")
CATEGORIES: Mapping[str, Category] = MappingProxyType(
    {key: Category(key, names[0], names) for key, names in _FILE.categories.items()}
)
"""By id, as ``toys``."""
_BY_WORD = {name.casefold(): one for one in CATEGORIES.values() for name in (*one.names, one.id)}


def category_of(word: str | None) -> Category | None:
    """The category of this id or name, in any language and case; None if it is none of ours."""
    return _BY_WORD.get((word or "").strip().casefold())


def category_id(name: str | None) -> str | None:
    """The id of the category of this name; None if it is none of ours."""
    return None if (found := category_of(name)) is None else found.id


def names_of_category(word: str) -> tuple[str, ...]:
    """The names under which products of a category are stored, which is given by its id or any name.

    One that is none of ours has only the name that is given.
    """
    known = category_of(word)
    return tuple(dict.fromkeys([word, *(known.names if known else ())]))
