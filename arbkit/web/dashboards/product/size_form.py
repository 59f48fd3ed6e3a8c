"""The package that a user types in for a product: two fields, and what is wrong with them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from arbkit.core.errors import UsageError
from arbkit.core.offers.facts import Fact, PackageFact, parse_sides
from arbkit.web.dashboards.content import Field

_LONGEST = 60


class SizeForm:
    """What stands in the fields; empty where the user has typed nothing since the product was opened."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._wrong: dict[str, str] = {}

    def take(self, values: Mapping[str, str | bool]) -> None:
        """Keep what the user typed."""
        self._values = {name: str(value).strip()[:_LONGEST] for name, value in values.items()}

    def fact(self, asin: str) -> Fact | None:
        """What was typed as a fact of the product; None where a field is wrong, which is then marked."""
        self._wrong = {}
        size, weight = (self._values.get(name, "") for name in ("size", "weight"))
        try:
            given = {**(parse_sides(size) if size else {}), **({"weight_g": weight} if weight else {})}
            return Fact.of(asin, "package", given, at=time.time())
        except UsageError as error:
            self._wrong["weight" if error.field == "weight_g" else "size"] = str(error)
            return None

    def fields(self, facts: Sequence[Fact]) -> list[Field]:
        """The fields and buttons, with what the user said of the product before."""
        said = next((fact.value for fact in facts if isinstance(fact.value, PackageFact) and not fact.market), None)
        sides = said and said.length_mm and f"{said.length_mm}x{said.width_mm}x{said.height_mm}"
        shown = {"size": sides or "", "weight": str(said.weight_g or "") if said else ""} | self._values
        return [
            {"name": "size", "label": "Sides, mm", "kind": "text", "value": shown["size"],
             "wrong": self._wrong.get("size"), "placeholder": "510x450x470"},
            {"name": "weight", "label": "Weight, g", "kind": "text", "value": shown["weight"],
             "wrong": self._wrong.get("weight"), "placeholder": "14000"},
            {"name": "save_size", "kind": "button", "label": "Use this package",
             "hint": "Yours, for this product on every marketplace, until you take it back"},
            {"name": "forget_size", "kind": "button", "label": "Take it back", "disabled": said is None},
        ]  # fmt: skip
