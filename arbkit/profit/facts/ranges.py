"""The lowest and the highest profit of each route, where a package is not measured."""

from __future__ import annotations

import numpy as np
import pandas as pd

from arbkit.profit.evaluation import Evaluation
from arbkit.profit.facts.packages import EXTREMES, PACKAGE, Certainty
from arbkit.profit.fees.arrays import Floats
from arbkit.profit.offer_costs import cost_offers


def profit_range(evaluation: Evaluation, offers: pd.DataFrame) -> tuple[Floats, Floats]:
    """The lowest and the highest profit, each of shape (routes, products); equal where the package is measured.

    NaN where any of the package's sizes leaves the profit unknown.

    Args:
        evaluation: of the likely packages.
        offers: what is sold, of :func:`~arbkit.profit.facts.packages.estimate_packages`.
    """
    low, high = evaluation.profit.copy(), evaluation.profit.copy()
    open_rows = offers["package_certainty"].to_numpy("int8") > Certainty.MEASURED
    if not open_rows.any():
        return low, high
    # NumPy compares texts one by one with all others.
    products = np.flatnonzero(pd.Index(evaluation.selling.asins).isin(offers.loc[open_rows, "asin"].unique()))
    sold = offers[offers["asin"].isin(evaluation.selling.asins[products])].reset_index(drop=True)
    for extreme in EXTREMES:
        sized = sold.copy()
        for name in PACKAGE:
            sized[name] = sized[f"{extreme}_{name}"].fillna(sized[name])
        profit = evaluation.profit_of(cost_offers(sized, evaluation.seller.profile, evaluation.seller.day), products)
        low[:, products] = np.minimum(low[:, products], profit)
        high[:, products] = np.maximum(high[:, products], profit)
    return low, high
