"""The seller: where the business sits, its VAT status, what it may do and what it pays."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from arbkit.errors import ConfigError
from arbkit.markets import MARKETS

__all__ = ["Customs", "Package", "Profile", "VatStatus", "Way", "load_profile"]

_P = TypeVar("_P", bound="Profile")
VatStatus = Literal["reclaiming", "not-reclaiming", "unregistered"]
Way = Literal["fba-local", "efn", "fbm"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Customs(_Model):
    """UK ↔ EU: duty in percent of value and freight (an assumption until the user states it), freight in
    the home currency."""

    duty_pct: float | None = Field(None, ge=0, le=100)
    freight_per_unit: float = Field(0, ge=0)
    freight_per_kg: float = Field(0, ge=0)


class Package(_Model):
    """A package: sides in millimetres, weight in grams."""

    length_mm: float = Field(gt=0)
    width_mm: float = Field(gt=0)
    height_mm: float = Field(gt=0)
    weight_g: float = Field(gt=0)


class Profile(_Model):
    """A seller. Amounts in the currency of ``home``, net of VAT; percents as percents."""

    name: str = Field(min_length=1, max_length=80)
    home: str = "DE"
    vat_status: VatStatus = "reclaiming"
    registrations: tuple[str, ...] = tuple(MARKETS)
    fulfilment: tuple[Way, ...] = Field(("fba-local", "efn"), min_length=1)
    warehouses: Literal["de", "cep"] = "de"
    stock: str | None = Field(None, description="country of EFN stock; empty: where it was bought")
    vat_class: str = "standard"
    prep_per_unit: float = Field(0, ge=0)
    inbound_per_unit: float = Field(0, ge=0)
    inbound_per_kg: float = Field(0, ge=0)
    other_costs: float | None = Field(None, ge=0, description="one sum in place of prep and inbound")
    fbm_shipping: float | None = Field(None, ge=0)
    exchange_spread_pct: float = Field(0, ge=0, le=20)
    customs: Customs = Customs()
    freight: float | None = Field(None, ge=0, description="freight per unit on any route")
    assumed_package: Package | None = None

    @field_validator("home", "stock")
    @classmethod
    def _market(cls, code: str | None) -> str | None:
        if code is not None and code not in MARKETS:
            raise ValueError(f"use one of {', '.join(MARKETS)}")
        return code

    @field_validator("registrations")
    @classmethod
    def _markets(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            cls._market(code)
        return codes

    @model_validator(mode="after")
    def _legal(self) -> Self:
        if self.vat_status == "unregistered" and any(c != self.home for c in self.registrations):
            raise ValueError(
                "an unregistered seller cannot hold stock abroad: storing goods in a country needs a VAT number "
                "there from the first unit; set registrations to []"
            )
        return self

    @property
    def currency(self) -> str:
        """The home currency: what profit is counted in."""
        return MARKETS[self.home].currency

    def may_store_in(self, code: str) -> bool:
        """Whether stock may lie in a country: with a VAT number there, or at home."""
        return code == self.home or code in self.registrations

    @classmethod
    def neutral(cls, **fields: object) -> Self:
        """A seller without costs of their own or assumptions, for calculating one route."""
        return cls.checked({"name": "neutral", **fields})

    @classmethod
    def checked(cls, fields: Mapping[str, object]) -> Self:
        """The profile of these fields.

        Raises:
            ConfigError: a field is unknown, mistyped, or the combination impossible.
        """
        return _validated(cls, fields, "profile")


def load_profile(path: Path | None) -> Profile:
    """The profile of a TOML file, or the built-in one.

    Raises:
        ConfigError: the file cannot be read, or a field is unknown, mistyped or impossible.
    """
    if path is None:
        text = resources.files("arbkit.money").joinpath("default_profile.toml").read_text("utf-8")
        return _validated(Profile, tomllib.loads(text), "built-in profile")
    try:
        return _validated(Profile, tomllib.loads(path.read_text("utf-8")), str(path))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"the seller profile cannot be read: {error}", field="ARBKIT_PROFILE", value=str(path)
        ) from None


def _validated(kind: type[_P], fields: Mapping[str, object], where: str) -> _P:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            first["msg"].removeprefix("Value error, "),
            field=f"{where}: {name}" if name else where,
            value=None if first["type"] == "value_error" and not name else first.get("input"),
        ) from None
