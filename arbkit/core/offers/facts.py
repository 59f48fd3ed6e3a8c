"""What a user typed in about a product: checked, and worth more than what any source says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self, TypeAlias

from pydantic import Field, model_validator

from arbkit.core.errors import UsageError
from arbkit.core.input.asin import parse_asin
from arbkit.core.input.validation import Request, Value
from arbkit.core.marketplaces import market as marketplace
from arbkit.core.results import JsonObject

FactName: TypeAlias = Literal["package", "vat_class", "category"]
_SIDES = ("length_mm", "width_mm", "height_mm")
_DENSEST_G_PER_CM3 = 22.6
"""That of osmium: no goods are denser, so sides of less volume are mostly centimetres typed as millimetres."""


class PackageFact(Request):
    """The package as it is sent: its three sides, its weight, or both."""

    length_mm: int | None = Field(None, ge=1, le=3_000, description="longest side in millimetres")
    width_mm: int | None = Field(None, ge=1, le=3_000, description="second side in millimetres")
    height_mm: int | None = Field(None, ge=1, le=3_000, description="third side in millimetres")
    weight_g: int | None = Field(None, ge=1, le=200_000, description="weight in grams")

    @model_validator(mode="after")
    def _something_whole(self) -> Self:
        sides = [getattr(self, side) is not None for side in _SIDES]
        if any(sides) and not all(sides):
            cause = UsageError("a package has three sides", remedy="Give length, width and height, or only the weight")
            raise ValueError(cause.why) from cause
        if all(sides) and self.weight_g is not None:
            self._refuse_impossible_density(self.weight_g)
        if not any(sides) and self.weight_g is None:
            cause = UsageError("says nothing", remedy="Give three sides in millimetres, a weight in grams, or both")
            raise ValueError(cause.why) from cause
        return self

    def _refuse_impossible_density(self, weight_g: int) -> None:
        volume_cm3 = (self.length_mm or 0) * (self.width_mm or 0) * (self.height_mm or 0) / 1_000
        if weight_g > _DENSEST_G_PER_CM3 * volume_cm3:
            why = f"{weight_g:,} g in {volume_cm3:,.1f} cm³ would be denser than any metal: are the sides centimetres?"
            cause = UsageError(why, remedy="Give sides in millimetres, the weight in grams")
            raise ValueError(cause.why) from cause


class VatClassFact(Request):
    """The class of goods whose VAT rate holds."""

    vat_class: str = Field(min_length=1, max_length=40, description="class of VAT, such as standard, books or food")


class CategoryFact(Request):
    """The category whose referral fee holds."""

    category: str = Field(min_length=1, max_length=200, description="category, as the fee tables name it")


FactValue: TypeAlias = PackageFact | VatClassFact | CategoryFact
_VALUES: Mapping[FactName, type[PackageFact] | type[VatClassFact] | type[CategoryFact]] = {
    "package": PackageFact, "vat_class": VatClassFact, "category": CategoryFact,
}  # fmt: skip
_REMEDIES = {
    **dict.fromkeys(_SIDES, "Give each side in whole millimetres, 1 to 3,000"),
    "weight_g": "Give the weight in whole grams, 1 to 200,000",
}


class Fact(Request):
    """What a user said of a product at a time (Unix seconds); ``market`` is empty where it holds everywhere."""

    asin: str
    market: str = ""
    name: FactName
    value: FactValue
    at: float = Field(ge=0)

    @classmethod
    def of(cls, asin: str, name: FactName, given: Mapping[str, Value], *, at: float, market: str = "") -> Fact:
        """The fact of what a user typed.

        Raises:
            UsageError: ASIN, marketplace or value cannot be; names the field, its value and the remedy.
        """
        code = marketplace(market).code if market else ""
        try:
            value = _VALUES[name].parse(given)
        except UsageError as error:
            remedy = error.remedy or _REMEDIES.get(error.field or "")
            raise UsageError(error.why, field=error.field or name, value=error.value, remedy=remedy) from None
        return cls(asin=parse_asin(asin), market=code, name=name, value=value, at=at)

    @classmethod
    def stored(cls, asin: str, market: str, name: FactName, *, value: JsonObject, at: float) -> Fact:
        """The fact that a store holds."""
        return cls(asin=asin, market=market, name=name, value=_VALUES[name].model_validate(value), at=at)

    @property
    def id(self) -> str:
        """``asin:market:name``."""
        return f"{self.asin}:{self.market}:{self.name}"

    def value_json(self) -> JsonObject:
        """What the user said, without what he left out."""
        return self.value.model_dump(exclude_none=True)

    def to_dict(self) -> JsonObject:
        """The fact as JSON."""
        return {"asin": self.asin, "market": self.market, "name": self.name, "value": self.value_json(), "at": self.at}


class TypedFacts(Request):
    """What can be typed in about a product in one call."""

    size_mm: str | None = Field(None, description="package size in millimetres, as 510x450x470")
    weight_g: int | None = Field(None, description="package weight in grams")
    vat_class: str | None = Field(None, description="VAT class, such as standard, books or food")
    category: str | None = Field(None, description="category, as the fee tables name it")
    market: str = Field("", description="only on this marketplace; default: on all")

    def values(self) -> dict[FactName, dict[str, Value]]:
        """The fields of each fact that is stated; they are not checked yet.

        Raises:
            UsageError: the size is not three whole numbers.
        """
        package = {} if self.size_mm is None else parse_sides(self.size_mm)
        package |= {} if self.weight_g is None else {"weight_g": self.weight_g}
        stated: dict[FactName, dict[str, Value]] = {"package": package} if package else {}
        stated |= {} if self.vat_class is None else {"vat_class": {"vat_class": self.vat_class}}
        return stated | ({} if self.category is None else {"category": {"category": self.category}})


def parse_sides(text: str) -> dict[str, Value]:
    """The sides of ``510x450x470`` (millimetres) by field, the longest first; they are not checked yet.

    Raises:
        UsageError: it is not three whole numbers.
    """
    sides = text.lower().replace("×", "x").replace(" ", "").split("x")
    try:
        numbers = sorted(map(int, sides), reverse=True)
    except ValueError:
        numbers = []
    if len(numbers) != len(_SIDES):
        raise UsageError(
            "not three sides in whole millimetres", field="size_mm", value=text[:60], remedy="Write it as 510x450x470"
        )
    return dict(zip(_SIDES, numbers, strict=True))
