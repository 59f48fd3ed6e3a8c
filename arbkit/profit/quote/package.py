"""The package that a quote is of: stated in the request, known of a stored product, or a range by category."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from arbkit.profit.facts.packages import EXTREMES, PACKAGE, Certainty, estimate_packages
from arbkit.profit.facts.priors import load_package_priors
from arbkit.profit.fees.tables import Tables
from arbkit.profit.offer_facts import numbers
from arbkit.profit.quote.request import QuoteRequest, parse_size

_COLUMNS = (*PACKAGE, *(f"{extreme}_{name}" for extreme in EXTREMES for name in PACKAGE))


@dataclass(frozen=True, slots=True)
class QuotedPackage:
    """The package columns of :func:`~arbkit.profit.facts.packages.estimate_packages`, of one offer.

    ``sizes``: millimetres and grams by column, NaN unknown; ``taken_from``: the marketplace whose listing a measured
    package was taken from, or empty; ``fee_at``: when Keepa observed its fee, Unix seconds, NaN unknown, None: on the
    day of the request.
    """

    sizes: Mapping[str, float]
    certainty: Certainty = Certainty.MEASURED
    taken_from: str = ""
    fee_at: float | None = None

    @property
    def uncertain(self) -> bool:
        """Whether it is a range of packages."""
        return self.certainty is not Certainty.MEASURED

    @classmethod
    def of_offers(cls, offers: pd.DataFrame) -> Self:
        """That of the first of these prepared offers."""
        row = offers.iloc[0]
        sizes = {name: float(row[name]) for name in _COLUMNS}
        certainty = Certainty(int(row["package_certainty"]))
        return cls(sizes, certainty, str(row["package_from"]), float(numbers(offers, "keepa_fba_fee_at")[0]))

    @classmethod
    def of_request(cls, request: QuoteRequest, tables: Tables) -> Self:
        """What the request states; what it leaves out is estimated where its category is known."""
        sides = parse_size(request.size_mm) if request.size_mm else (np.nan,) * 3
        stated = dict(zip(PACKAGE, (*sides, request.weight_g or np.nan), strict=True))
        if not np.isnan([*stated.values()]).any() or not tables.on(request.day()).schedules_of(request.category):
            return cls(stated)
        priors, (top, *below) = load_package_priors(), (name.strip() for name in str(request.category).split("›"))
        offers = pd.DataFrame([{"asin": "", "market": request.target, **stated}])
        estimated = estimate_packages(offers, np.array([priors.key_of(tables.root_of(top), below)], object), priors)
        return replace(cls.of_offers(estimated), fee_at=None)

    def columns(self) -> dict[str, float | str]:
        """The same as columns of offers."""
        if self.uncertain:
            return {**self.sizes, "package_certainty": int(self.certainty)}
        # Prices are searched over thousands of rows: what says nothing is left out.
        measured: dict[str, float | str] = {name: self.sizes[name] for name in PACKAGE}
        return measured | ({"package_from": self.taken_from} if self.taken_from else {})
