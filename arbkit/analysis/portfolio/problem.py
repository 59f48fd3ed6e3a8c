"""The plan as an integer programme: a column for every unit, order and box, a row for every limit. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from arbkit.analysis.portfolio.candidates import Candidates
from arbkit.analysis.portfolio.parameters import DEFAULTS, PortfolioParameters
from arbkit.profit.fees.arrays import Floats, Ints, Mask

TAIL = 0.1
"""CVaR is the mean of this part of the scenarios, the worst ones."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A limit: low ≤ Σ values · columns ≤ high; ``kind`` names it, as budget, product or brand."""

    kind: str
    columns: Ints
    values: Floats
    low: float
    high: float


class Problem:
    """What to choose from and within which limits.

    Columns are the units (route, kth), then the orders (one a marketplace that is bought on), then the boxes (one a
    pair of marketplaces). A unit that is not expected to earn anything is no column: it is never bought.
    """

    def __init__(self, candidates: Candidates, parameters: PortfolioParameters) -> None:
        self.candidates, self.parameters = candidates, parameters
        units = min(parameters.most_units, candidates.profits.shape[1])
        usable = np.array([reason is None for reason in candidates.why_not()], bool)
        with np.errstate(invalid="ignore"):
            gains = (candidates.expected[:, :units] > 0) & usable[:, None]
        self.route, self.unit = np.nonzero(gains)
        """Of each column of a unit its route, and which unit of it it is, from 0."""
        self.cash: Floats = candidates.cash[self.route]
        self.profits: Floats = candidates.profits[self.route, self.unit]
        self.sources = sorted({candidates.sources[route] for route in self.route.tolist()})
        self.lanes = sorted({(candidates.sources[r], candidates.targets[r]) for r in self.route.tolist()})

    @property
    def units(self) -> int:
        """How many columns are units; those of orders and boxes follow."""
        return len(self.route)

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return self.units + len(self.sources) + len(self.lanes)

    @cached_property
    def objective(self) -> Floats:
        """(columns) what one of each earns, expected."""
        return np.concatenate([self.profits.mean(axis=1), -self.fixed_costs])

    @cached_property
    def fixed_costs(self) -> Floats:
        """What each order and each box costs."""
        orders, boxes = self.parameters.order_cost, self.parameters.box_cost
        return np.concatenate([np.full(len(self.sources), orders), np.full(len(self.lanes), boxes)])

    @cached_property
    def upper(self) -> Floats:
        """(columns) how many of each there may be."""
        boxes = range(self.units + len(self.sources), self.columns)
        most = [np.ceil(self.weight[self._needing(box)].sum() / self.parameters.box_kg) for box in boxes]
        return np.concatenate([np.ones(self.units + len(self.sources)), np.array(most, np.float64)])

    @cached_property
    def weight(self) -> Floats:
        """(units) weight in kg, where it is unknown what is assumed."""
        known = self.candidates.weight_kg[self.route]
        return np.where(known > 0, known, DEFAULTS.costs.unknown_weight_kg)

    @cached_property
    def needed(self) -> tuple[Ints, Ints]:
        """(units) each: the column of the order, and that of the box, without which a unit is not bought."""
        sources, targets = self.candidates.sources, self.candidates.targets
        orders = [self.sources.index(sources[route]) for route in self.route.tolist()]
        boxes = [self.lanes.index((sources[route], targets[route])) for route in self.route.tolist()]
        first = self.units + len(self.sources)
        return np.array(orders, np.int64) + self.units, np.array(boxes, np.int64) + first

    @cached_property
    def rows(self) -> list[Constraint]:
        """All limits but that of risk."""
        asked, candidates = self.parameters, self.candidates
        every = np.arange(self.units)
        fixed = np.arange(self.units, self.columns)
        made = [
            Constraint("budget", np.concatenate([every, fixed]), np.concatenate([self.cash, self.fixed_costs]),
                -np.inf, asked.budget)
        ]  # fmt: skip
        made += self._caps("product", candidates.asins, asked.product_pct)
        made += self._caps("brand", candidates.brands, asked.brand_pct)
        made += self._caps("market", candidates.sources, asked.market_pct)
        made += self._caps("hazmat", [True if one else None for one in candidates.hazmat], asked.hazmat_pct)
        return [*made, *self._shared_sales(), *self._orders(), *self._boxes()]

    def _caps(self, kind: str, names: Sequence[str | bool | None], percent: float) -> Iterator[Constraint]:
        most = percent / 100 * self.parameters.budget
        for columns in self._groups(lambda column: names[self.route[column]]):
            if self.cash[columns].sum() > most:
                yield Constraint(kind, columns, self.cash[columns], -np.inf, most)

    def _shared_sales(self) -> Iterator[Constraint]:
        """The kth unit of a product that is sold on a marketplace is bought on one other."""
        asins, targets = self.candidates.asins, self.candidates.targets
        for columns in self._groups(lambda at: (asins[self.route[at]], targets[self.route[at]], int(self.unit[at]))):
            if len(columns) > 1:
                yield Constraint("sales", columns, np.ones(len(columns)), -np.inf, 1.0)

    def _orders(self) -> Iterator[Constraint]:
        """Whatever is bought on a marketplace takes an order there, of at least the minimum."""
        for order in range(self.units, self.units + len(self.sources)):
            units = self._needing(order)
            columns, bought = np.append(units, order), np.asarray(self.cash[units])
            most = min(self.parameters.budget, float(bought.sum()))
            yield Constraint("order", columns, np.append(bought, -most), -np.inf, 0.0)
            if self.parameters.min_order:
                yield Constraint("min_order", columns, np.append(bought, -self.parameters.min_order), 0.0, np.inf)

    def _boxes(self) -> Iterator[Constraint]:
        for box in range(self.units + len(self.sources), self.columns):
            units = self._needing(box)
            yield Constraint(
                "box", np.append(units, box), np.append(self.weight[units], -self.parameters.box_kg), -np.inf, 0.0
            )

    def _groups(self, key: Callable[[int], str | bool | tuple[str, str, int] | None]) -> list[Ints]:
        """The columns of units by their key, without those of None."""
        found: dict[str | bool | tuple[str, str, int], list[int]] = {}
        for column in range(self.units):
            if (name := key(column)) is not None:
                found.setdefault(name, []).append(column)
        return [np.array(columns, np.int64) for columns in found.values()]

    def _needing(self, column: int) -> Ints:
        """The units that need this order or box."""
        orders, boxes = self.needed
        return np.flatnonzero((orders == column) | (boxes == column))

    @property
    def most_loss(self) -> float:
        """What the worst tenth of the scenarios may lose on average."""
        return self.parameters.risk_pct / 100 * self.parameters.budget

    def outcomes(self, chosen: Floats) -> Floats:
        """(scenarios) profit of the whole in each; ``chosen`` (columns) is how many of each."""
        return np.asarray(chosen[: self.units] @ self.profits - chosen[self.units :] @ self.fixed_costs)

    def worst_tenth(self, chosen: Floats) -> Ints:
        """The scenarios in which this choice earns least."""
        outcomes = self.outcomes(chosen)
        return np.argsort(outcomes, kind="stable")[: tail_size(len(outcomes))]

    def risk_row(self, scenarios: Ints) -> Constraint:
        """That these scenarios lose no more on average than the worst tenth may: it holds for any tenth if for that."""
        values = np.concatenate([self.profits[:, scenarios].mean(axis=1), -self.fixed_costs])
        return Constraint("risk", np.arange(self.columns), values, -self.most_loss, np.inf)

    def completed(self, bought: Mask) -> Floats:
        """The choice of these units with the orders and boxes that they take."""
        chosen = np.zeros(self.columns)
        chosen[: self.units] = bought
        orders, boxes = (columns[bought] for columns in self.needed)
        chosen[orders] = 1
        weight = np.bincount(boxes, self.weight[bought], minlength=self.columns)
        chosen[boxes] = np.ceil(weight[boxes] / self.parameters.box_kg - 1e-9)
        return chosen

    def broken(self, chosen: Floats) -> set[str]:
        """The kinds of the limits that this choice breaks."""
        found = set()
        for row in (*self.rows, self.risk_row(self.worst_tenth(chosen))):
            total = float(chosen[row.columns] @ row.values)
            slack = _TOLERANCE * max(1.0, abs(total))
            if total > row.high + slack or total < row.low - slack:
                found.add(row.kind)
        return found


_TOLERANCE = 1e-6


def tail_size(scenarios: int) -> int:
    """How many scenarios are the worst tenth."""
    return max(1, round(TAIL * scenarios))
