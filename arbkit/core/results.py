"""What every door answers with: the API, ``--json``, notebooks and reports share these models.

Field names and units are those of the public JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypedDict

from pydantic import BaseModel, ConfigDict

__all__ = ["Component", "ComponentRow", "Json", "Result"]

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
"""What can be written as JSON."""


class ComponentRow(TypedDict):
    """A :class:`Component` as it is stored and computed in bulk: a plain dictionary of the same fields."""

    name: str
    amount: float | None
    currency: str
    rule: str
    table: str | None
    valid_from: str | None
    source: str | None
    assumed: bool


class Result(BaseModel):
    """Base of all results: closed and immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Component(Result):
    """One line of a route's money: a signed amount (costs negative), to the cent, and the rule it comes from.

    ``amount`` is None where it is unknown; ``valid_from`` is the ISO day the table began; ``assumed`` marks a
    figure that rests on a guess. The amounts of a route add up to its profit.
    """

    name: str
    amount: float | None
    currency: str
    rule: str
    table: str | None
    valid_from: str | None
    source: str | None
    assumed: bool
