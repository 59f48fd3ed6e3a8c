"""The seller: where the business sits, its VAT status, what it may do and what it pays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from arbkit.core.errors import ConfigError
from arbkit.core.input.faults import first_fault
from arbkit.core.marketplaces import MARKETS
from arbkit.core.results import Json
from arbkit.profit.reason_codes import Reason, ReasonCode

VatStatus = Literal["reclaiming", "not-reclaiming", "unregistered"]
InputVat = Literal["net-intra-eu", "domestic-recovered", "domestic-lost", "import"]
INPUT_VAT_CASES: tuple[InputVat, ...] = get_args(InputVat)
FulfilmentMethod = Literal["fba-local", "efn", "pan-eu", "fbm"]
FULFILMENT_METHODS: tuple[FulfilmentMethod, ...] = get_args(FulfilmentMethod)
SellingPlan = Literal["professional", "individual"]
Warehouses = Literal["de", "cep"]
Basis = Literal["spot", "avg30", "avg90", "avg180", "robust", "inferred"]
COUNTRIES = (*MARKETS, "PL", "CZ")
"""Where stock may lie: the marketplaces, and Amazon's warehouses for Germany beyond its borders."""
EU_COUNTRIES = frozenset(COUNTRIES) - {"UK"}
"""Those of them between which goods move without customs."""
_PAN_EU = ("DE", "FR", "IT", "ES")
_CEP = ("PL", "CZ")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Customs(_Model):
    """UK ↔ EU. Amounts in the home currency."""

    duty_pct: float | None = Field(None, ge=0, le=100, description="duty, percent of goods and freight")
    duty_preset: str | None = Field(None, description="instead of duty_pct: originating (made in the UK or the EU)")
    freight_per_unit: float = Field(0, ge=0, description="freight of one unit")
    freight_per_kg: float = Field(0, ge=0, description="freight of one kg")


class Package(_Model):
    """A package: sides in millimetres, weight in grams."""

    length_mm: float = Field(gt=0)
    width_mm: float = Field(gt=0)
    height_mm: float = Field(gt=0)
    weight_g: float = Field(gt=0)


class Parcel(_Model):
    """A row of the seller's own shipping table; net cost in the home currency."""

    to: str = Field("all", description="marketplace shipped to, or all")
    up_to_kg: float = Field(gt=0)
    cost: float = Field(ge=0)


class Profile(_Model):
    """A seller. Amounts in the currency of ``home``, net of VAT; percents as percents."""

    name: str = Field(min_length=1, max_length=80, description="what results are marked with")
    home: str = Field("DE", description="where the business is established")
    vat_status: VatStatus = Field(
        "reclaiming",
        description="reclaiming: registered, input VAT recovered; not-reclaiming: registered, this input VAT is lost; "
        "unregistered: small business",
    )
    input_vat: Mapping[str, InputVat] = Field(
        default_factory=dict,
        description="how the VAT of a purchase stands, by marketplace: net-intra-eu, domestic-recovered, domestic-lost "
        "or import; left out: as the VAT numbers give it",
    )
    plan: SellingPlan = Field("professional", description="Amazon selling plan")
    registrations: tuple[str, ...] = Field(
        COUNTRIES, description="countries with a VAT number: stock may lie only there (PL and CZ for cep)"
    )
    fulfilment: tuple[FulfilmentMethod, ...] = Field(
        ("fba-local", "efn"), min_length=1, description="methods that may be used; the most profitable one is taken"
    )
    warehouses: Warehouses = Field("de", description="warehouse region (DE): Germany only, or also PL and CZ")
    stock: str | None = Field(None, description="country of EFN stock; left out: where it was bought")
    vat_class: str = Field("auto", description="VAT class of the goods; auto: as their category suggests")
    schedules: Mapping[str, str] = Field(
        default_factory=dict, description="your own choice of referral schedules, by ASIN or by category"
    )
    buy_basis: Basis = Field(
        "spot", description="price bought at: spot, avg30, avg90, avg180, robust (the higher), inferred (from sales)"
    )
    sell_basis: Basis = Field(
        "spot", description="price sold at: spot, avg30, avg90, avg180, robust (the lower), inferred (from sales)"
    )
    lead_days: float | None = Field(
        None, ge=1, le=89, description="days from buying until it is on sale; left out: what forecasts assume"
    )
    prep_per_unit: float = Field(0, ge=0, description="preparing one unit")
    inbound_per_unit: float = Field(0, ge=0, description="sending one unit to Amazon")
    inbound_per_kg: float = Field(0, ge=0, description="sending one kg to Amazon")
    other_costs: float | None = Field(None, ge=0, description="one sum instead of prep and inbound")
    fbm_shipping: float | None = Field(None, ge=0, description="a buyer's parcel, where no row of parcels fits")
    parcels: tuple[Parcel, ...] = Field((), description="your own shipping table for fbm")
    expected_days: float = Field(0, ge=0, le=3650, description="days in Amazon's storage before the sale")
    return_rate_pct: float = Field(0, ge=0, le=100, description="share of units that are returned")
    return_handling: float = Field(0, ge=0, description="what one returned unit costs you beside Amazon's fees")
    return_value_loss_pct: float = Field(
        0, ge=0, le=100, description="what a returned unit loses of its purchase price, on average"
    )
    return_outbound_lost: bool = Field(
        False, description="count the fulfilment fee (fbm: your parcel) of a returned unit, which nobody refunds"
    )
    sipp_certified: bool = Field(
        False, description="oversize is certified to ship in its own packaging: no packaging fee"
    )
    cover_days: int = Field(28, ge=0, description="days that Pan-EU stock lasts: little stock costs a fee")
    exchange_spread_pct: float = Field(0, ge=0, le=20, description="paid above the ECB rate when money is exchanged")
    target_roi_pct: float = Field(30, ge=0, le=1_000, description="ROI that max cost is for")
    target_profit: float | None = Field(None, ge=0, description="profit that it must leave too")
    customs: Customs = Customs()
    freight: float | None = Field(None, ge=0, description="freight per unit on any route, instead of customs'")
    assumed_package: Package | None = Field(
        None, description="of arbkit 0.1, read and not used: an unknown package is a range, and a size can be typed in"
    )

    @field_validator("home", "stock")
    @classmethod
    def _market(cls, code: str | None) -> str | None:
        if code is not None and code not in MARKETS:
            raise ValueError(f"use one of {', '.join(MARKETS)}")
        return code

    @field_validator("registrations")
    @classmethod
    def _countries(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        if not set(codes) <= set(COUNTRIES):
            raise ValueError(f"use countries of {', '.join(COUNTRIES)}")
        return codes

    @field_validator("input_vat")
    @classmethod
    def _purchases(cls, cases: Mapping[str, InputVat]) -> Mapping[str, InputVat]:
        for code in cases:
            cls._market(code)
        return cases

    @field_validator("parcels")
    @classmethod
    def _parcels(cls, rows: tuple[Parcel, ...]) -> tuple[Parcel, ...]:
        for row in rows:
            if row.to != "all":
                cls._market(row.to)
        return tuple(sorted(rows, key=lambda r: (r.to == "all", r.to, r.up_to_kg)))

    @model_validator(mode="after")
    def _legal(self) -> Self:
        if self.vat_status == "unregistered" and any(c != self.home for c in self.registrations):
            raise ValueError(
                "an unregistered seller cannot hold stock abroad: storing goods in a country needs a VAT number "
                "there from the first unit; set registrations to []"
            )
        for code, case in self.input_vat.items():
            self._check_input_vat(code, case)
        if self.warehouses == "cep" and not all(map(self.may_store_in, _CEP)):
            raise ValueError(
                "warehouses = cep puts stock in Poland and Czechia, which needs VAT numbers there from the first "
                "unit; add PL and CZ to registrations, or set warehouses to de"
            )
        if "pan-eu" in self.fulfilment and not all(map(self.may_store_in, _PAN_EU)):
            raise ValueError(
                "pan-eu spreads stock over Germany, France, Italy and Spain, which needs VAT numbers in all four; "
                "complete registrations, or leave pan-eu out of fulfilment"
            )
        if self.customs.duty_pct is not None and self.customs.duty_preset is not None:
            raise ValueError("customs.duty_pct and customs.duty_preset exclude each other")
        return self

    def _check_input_vat(self, code: str, case: InputVat) -> None:
        """Refuse a case that recovers VAT without the VAT number it takes."""
        if case == "domestic-lost":
            return
        if self.vat_status != "reclaiming":
            raise ValueError(
                f"input_vat.{code} = {case} recovers VAT, which a seller that is {self.vat_status} does not; "
                "leave it out, or set vat_status to reclaiming"
            )
        if case == "domestic-recovered" and not self.may_store_in(code):
            raise ValueError(
                f"input_vat.{code} = domestic-recovered needs a VAT number in {code}, which registrations does not "
                f"name; add {code} to registrations, or set it to domestic-lost"
            )
        if case == "net-intra-eu" and not any(map(self.may_store_in, EU_COUNTRIES - {code})):
            raise ValueError(
                f"input_vat.{code} = net-intra-eu needs a VAT number in another EU country; add one to registrations, "
                "or set it to domestic-lost"
            )
        if case == "net-intra-eu" and code not in EU_COUNTRIES:
            raise ValueError(f"input_vat.{code} = net-intra-eu: {code} is not in the EU; use import or domestic-lost")

    @property
    def currency(self) -> str:
        """The home currency: what profit is counted in."""
        return MARKETS[self.home].currency

    @property
    def has_customs(self) -> bool:
        """Whether goods may cross between the UK and the EU: the duty they pay is stated."""
        return self.customs.duty_pct is not None or self.customs.duty_preset is not None

    @property
    def seller_line(self) -> str:
        """Whose profit it is: ``Seller: DE, registered in DE, FR, IT, ES, input VAT recovered``."""
        said = f"Seller: {self.home}"
        if self.vat_status == "unregistered":
            return f"{said}, not VAT-registered"
        numbers = ", ".join(dict.fromkeys((self.home, *self.registrations)))
        kept = "recovered" if self.vat_status == "reclaiming" else "not recovered"
        stated = "".join(f", {code}: {case}" for code, case in sorted(self.input_vat.items()))
        return f"{said}, registered in {numbers}, input VAT {kept}{stated}"

    def may_store_in(self, code: str) -> bool:
        """Whether stock may lie in a country: with a VAT number there, or at home."""
        return code == self.home or code in self.registrations

    def stock_country(self, method: FulfilmentMethod, source: str, target: str) -> str:
        """The country in which the goods of a route lie before the sale."""
        if method == "efn":
            return self.stock or source
        return self.home if method == "fbm" else target

    @classmethod
    def neutral(cls, **fields: Json) -> Self:
        """A seller without costs of their own or assumptions, for calculating one route.

        Raises:
            ConfigError: as :meth:`checked`.
        """
        return cls.checked({"name": "neutral", **fields})

    @classmethod
    def checked(cls, fields: Mapping[str, Json], where: str = "profile") -> Self:
        """The profile of these fields; ``where`` they come from.

        Raises:
            ConfigError: a field is unknown, mistyped, or the combination impossible.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            name, why, value = first_fault(error)
            field = f"{where}: {name}" if name else where
            raise ConfigError(why, field=field, value=value if name else None) from None


def ineligibility_reason(method: FulfilmentMethod, profile: Profile, source: str, target: str) -> Reason | None:
    """Why a seller may not use a fulfilment method on a route, None if it may."""
    if method == "fba-local" and not profile.may_store_in(target):
        return Reason.of(ReasonCode.STOCK_NEEDS_REGISTRATION, country=target)
    if method == "pan-eu":
        return _pan_eu_ineligibility(profile, target)
    if method == "efn":
        return _efn_ineligibility(profile, profile.stock or source, target)
    return None


def _pan_eu_ineligibility(profile: Profile, target: str) -> Reason | None:
    if target not in _PAN_EU:
        return Reason.of(ReasonCode.PAN_EU_OUT_OF_REACH, country=target)
    lacking = [country for country in _PAN_EU if not profile.may_store_in(country)]
    return Reason.of(ReasonCode.PAN_EU_NEEDS_REGISTRATIONS, countries=", ".join(lacking)) if lacking else None


def _efn_ineligibility(profile: Profile, stock: str, target: str) -> Reason | None:
    if stock == target:
        return Reason.of(ReasonCode.STOCK_IS_LOCAL, country=target)
    if not profile.may_store_in(stock):
        return Reason.of(ReasonCode.STOCK_NEEDS_REGISTRATION, country=stock)
    if (stock == "UK") != (target == "UK") and not profile.has_customs:
        return Reason.of(ReasonCode.UK_EU_NEEDS_CUSTOMS)
    return None
