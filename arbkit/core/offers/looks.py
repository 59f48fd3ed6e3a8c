"""A fresh look at a product that somebody asks for, and what became of it: only the producer asks the source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from pydantic import JsonValue

from arbkit.core.results import JsonObject

LookStatus: TypeAlias = Literal["waiting", "served", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look at one product on one marketplace; times in Unix seconds.

    ``why`` says why it was refused, or why it still waits; ``served`` means that what the source says is on the log.
    """

    asin: str
    market: str
    asked_at: float
    status: LookStatus = "waiting"
    answered_at: float | None = None
    why: str | None = None

    @property
    def id(self) -> str:
        """``asin:market``: who asks for what waits already waits with the other."""
        return f"{self.asin}:{self.market}"

    def to_dict(self) -> JsonObject:
        """The stored document."""
        return asdict(self)

    @classmethod
    def from_dict(cls, row: Mapping[str, JsonValue]) -> Look:
        """The look of a stored document."""
        fields: dict[str, Any] = dict(row)
        return cls(**fields)
