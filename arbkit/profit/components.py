"""The components of a route's profit, and their rounding to cents that still add up."""

from __future__ import annotations

import math
from typing import TypedDict

import numpy as np

from arbkit.profit.fees.arrays import Floats


class Components(TypedDict):
    """What each part of a route's profit comes to, signed."""

    sale_price: float
    output_vat: float
    referral_fee: float
    closing_fee: float
    fulfilment_fee: float
    fuel_surcharge: float
    peak_surcharge: float
    digital_services_fee: float
    vat_on_fees: float
    packaging_fee: float
    storage: float
    refunds: float
    purchase_price: float
    input_vat: float
    duty: float
    import_vat: float
    freight: float
    other_costs: float
    fx_cost: float


COMPONENTS = tuple(Components.__annotations__)
_TAXES = frozenset({"output_vat", "input_vat", "vat_on_fees", "import_vat", "duty"})
_IS_TAX = np.array([name in _TAXES for name in COMPONENTS])


def rounded(value: float) -> float | None:
    """A figure to two digits, minus zero as zero; None where it is NaN."""
    return None if math.isnan(value) else round(float(value), 2) + 0.0


def whole_cents(amounts: Floats) -> Floats:
    """Amounts rounded to whole cents, half a cent up, as is usual in commerce; binary fractions do not matter."""
    return np.asarray(np.floor(amounts * 100 + 0.5 + 1e-7) / 100)


def round_components(exact: Floats) -> tuple[dict[str, Floats], Floats]:
    """Components, of shape (rows, components), and the profit, in whole cents that add up.

    The remainder of rounding each component goes to the largest one that is no tax: a tax has to be its rate's.
    """
    values = exact * 100
    rounded = np.round(values)
    profit = np.round(values.sum(axis=1))
    rest = np.nan_to_num(profit - rounded.sum(axis=1))
    untaxed = np.where(_IS_TAX, -1.0, np.abs(np.nan_to_num(rounded)))
    rounded[np.arange(len(rest)), untaxed.argmax(axis=1)] += rest
    # + 0.0 turns minus zero into zero
    return {name: rounded[:, i] / 100 + 0.0 for i, name in enumerate(COMPONENTS)}, profit / 100 + 0.0
