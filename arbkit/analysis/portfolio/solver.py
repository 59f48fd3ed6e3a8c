"""HiGHS on the integer programme of a plan, with the bound that it proves.

The limit of risk holds for every tenth of the scenarios; only the tenths that a choice would break are given to the
solver, one after the other (Künzi-Bay and Mayer 2006). Each step leaves limits out, so its bound holds for the whole.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import highspy
import numpy as np

from arbkit.analysis.portfolio.problem import Problem
from arbkit.profit.fees.arrays import Floats, Mask

Status = Literal["optimal within the gap", "time limit"]
_MOST_CUTS = 200
_ROUNDS_OF_RELAXATION = 60
_LP_PART = 0.4
"""Part of the time limit that the relaxation may take."""
_FIRST_UNITS, _MORE_UNITS = 600, 3_000
"""Units among which whole numbers are sought first: those that the relaxation minds least."""


@dataclass(frozen=True, slots=True)
class Solution:
    """The units bought, as a mask over the columns of units, and what is proven of it.

    ``value`` is the expected profit after orders and boxes; no plan within the limits earns more than ``bound``.
    ``budget_price`` is about what one more unit of money would earn.
    """

    bought: Mask
    chosen: Floats
    value: float
    bound: float
    status: Status
    budget_price: float
    risk_cuts: int
    seconds: float

    @property
    def gap_pct(self) -> float:
        """How far at most from the optimum, in percent of it."""
        return 0.0 if self.bound <= 0 else max(0.0, 100 * (self.bound - self.value) / self.bound)


def solve(problem: Problem) -> Solution:
    """The best plan within the gap, or the best that was found in time.

    Raises:
        RuntimeError: the solver failed.
    """
    return _Search(problem).run()


class _Search:
    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._begun = time.monotonic()
        self._cuts = 0
        self._highs = _model(problem)
        self._best: Floats = np.zeros(problem.columns)

    def run(self) -> Solution:
        if not self._problem.units or not self._problem.parameters.budget:
            return self._solution(bound=0.0, price=0.0)
        relaxed = self._relax()
        self._round(relaxed.values)
        every = np.arange(self._problem.columns, dtype=np.int32)
        self._highs.changeColsIntegrality(len(every), every, np.ones(len(every), np.uint8))
        bound = relaxed.bound
        for most in (_FIRST_UNITS, _MORE_UNITS, self._problem.units):
            if self._is_done(bound):
                break
            left_out = self._keep(relaxed.loss, most)
            bound = min(bound, max(self._search(bound), relaxed.bound - left_out))
        return self._solution(bound=bound, price=relaxed.price)

    def _search(self, bound: float) -> float:
        """Solve in whole numbers, with every tenth of the scenarios that comes up broken: the bound of what is open."""
        proven = bound
        while not self._is_done(proven):
            found = self._integers()
            proven = min(proven, found)
            if self._highs.getInfo().primal_solution_status != _FEASIBLE:
                break
            values = self._values()
            if self._try(values[: self._problem.units] > 0.5) or not self._cut(values):
                break
        return proven

    def _is_done(self, bound: float) -> bool:
        return self._gap(bound) <= self._problem.parameters.gap_pct / 100 + 1e-7 or self._left() <= 0

    def _left(self) -> float:
        return self._problem.parameters.seconds - (time.monotonic() - self._begun)

    def _value(self, chosen: Floats) -> float:
        return float(chosen @ self._problem.objective)

    def _gap(self, bound: float) -> float:
        return 0.0 if bound <= 1e-9 else (bound - self._value(self._best)) / bound

    def _values(self) -> Floats:
        return np.array(self._highs.getSolution().col_value)

    def _relax(self) -> _Relaxed:
        """Solve without whole numbers until it breaks no tenth of the scenarios and has an order for each unit.

        Raises:
            RuntimeError: the solver failed.
        """
        for _ in range(_ROUNDS_OF_RELAXATION):
            self._highs.run()
            if self._highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                raise RuntimeError(f"HiGHS: {self._highs.getModelStatus()}")
            values = self._values()
            late = self._left() < (1 - _LP_PART) * self._problem.parameters.seconds
            if late or not (self._strengthen(values) | self._cut(values)):
                break
        else:
            self._highs.run()
        solved = self._highs.getSolution()
        loss = np.maximum(0.0, -np.array(solved.col_dual))[: self._problem.units]
        bound = float(self._highs.getInfo().objective_function_value)
        return _Relaxed(bound, abs(float(solved.row_dual[0])), np.array(solved.col_value), loss)

    def _strengthen(self, values: Floats) -> bool:
        """Say of units that are bought more than their order or box is that they are not; whether there are any."""
        units = np.arange(self._problem.units)
        added = False
        for needed in self._problem.needed:
            over = np.flatnonzero(values[units] > values[needed] + 1e-4)
            if not len(over):
                continue
            pairs = np.stack([units[over], needed[over]], axis=1).ravel().astype(np.int32)
            number = len(over)
            self._highs.addRows(
                number, np.full(number, -np.inf), np.zeros(number), 2 * number,
                2 * np.arange(number, dtype=np.int32), pairs, np.tile([1.0, -1.0], number),
            )  # fmt: skip
            added = True
        return added

    def _keep(self, loss: Floats, most: int) -> float:
        """Leave open the units that cost the relaxation least; what the best of the others costs it."""
        order = np.argsort(loss, kind="stable")
        upper = np.zeros(len(loss))
        upper[order[:most]] = 1
        upper[self._best[: len(loss)] > 0.5] = 1
        units = np.arange(len(loss), dtype=np.int32)
        self._highs.changeColsBounds(len(units), units, np.zeros(len(units)), upper)
        return float(loss[order[most]]) if most < len(loss) else np.inf

    def _integers(self) -> float:
        """Solve in whole numbers: the bound that is proven."""
        self._highs.setOptionValue("time_limit", self._highs.getRunTime() + max(0.01, self._left()))
        self._highs.setOptionValue("mip_rel_gap", self._problem.parameters.gap_pct / 110)
        every = np.arange(self._problem.columns, dtype=np.int32)
        self._highs.setSolution(len(every), every, self._best)
        self._highs.run()
        return float(self._highs.getInfo().mip_dual_bound)

    def _cut(self, chosen: Floats) -> bool:
        """Give the solver the tenth of the scenarios that this choice breaks; whether there is one."""
        row = self._problem.risk_row(self._problem.worst_tenth(chosen))
        loss = -float(chosen @ row.values)
        if loss <= self._problem.most_loss * (1 + 1e-6) + 1e-6 or self._cuts >= _MOST_CUTS:
            return False
        self._cuts += 1
        self._highs.addRow(row.low, row.high, len(row.columns), row.columns.astype(np.int32), row.values)
        return True

    def _try(self, bought: Mask) -> bool:
        """Keep this choice if it is within all limits and the best so far; whether it is within them."""
        chosen = self._problem.completed(bought)
        within = not self._problem.broken(chosen)
        if within and self._value(chosen) > self._value(self._best):
            self._best = chosen
        return within

    def _round(self, relaxed: Floats) -> None:
        """A first plan: the whole units of the relaxation, without the worst ones while a limit is broken."""
        bought = relaxed[: self._problem.units] > 1 - 1e-6
        worth = self._problem.objective[: self._problem.units] / self._problem.cash
        for column in np.flatnonzero(bought)[np.argsort(worth[bought])]:
            if self._try(bought.copy()) or self._left() <= 0:
                return
            bought[column] = False

    def _solution(self, *, bound: float, price: float) -> Solution:
        chosen = self._best
        within = self._gap(bound) <= self._problem.parameters.gap_pct / 100 + 1e-7
        return Solution(
            bought=chosen[: self._problem.units] > 0.5,
            chosen=chosen,
            value=self._value(chosen),
            bound=max(bound, self._value(chosen)),
            status="optimal within the gap" if within else "time limit",
            budget_price=price,
            risk_cuts=self._cuts,
            seconds=time.monotonic() - self._begun,
        )


@dataclass(frozen=True, slots=True)
class _Relaxed:
    """The solution without whole numbers: its value, the price of money, the columns, and what each unit costs it."""

    bound: float
    price: float
    values: Floats
    loss: Floats


_FEASIBLE = 2
"""What HiGHS says of a solution that keeps all limits it knows of."""


class _QuietHighs(highspy.Highs):
    def enableCallbacks(self) -> None:  # noqa: N802
        # The first that the constructor calls: after it HiGHS would have put its name on standard output.
        self.setOptionValue("output_flag", False)
        super().enableCallbacks()  # type: ignore[no-untyped-call]


def _model(problem: Problem) -> highspy.Highs:
    highs = _QuietHighs()  # type: ignore[no-untyped-call]
    rows = problem.rows
    starts = np.concatenate([[0], np.cumsum([len(row.columns) for row in rows])]).astype(np.int32)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = problem.columns, len(rows)
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_ = problem.objective
    model.col_lower_, model.col_upper_ = np.zeros(problem.columns), problem.upper
    model.row_lower_ = np.array([row.low for row in rows])
    model.row_upper_ = np.array([row.high for row in rows])
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = starts
    model.a_matrix_.index_ = np.concatenate([row.columns for row in rows]).astype(np.int32)
    model.a_matrix_.value_ = np.concatenate([row.values for row in rows])
    highs.passModel(model)
    return highs
