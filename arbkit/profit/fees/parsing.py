"""Table contents → schedules and fee bands that can be computed with; what breaks a rule is named."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np

from arbkit.core.errors import ConfigError
from arbkit.profit.fees.bands import Provenance, Schedule, WeightBands
from arbkit.profit.fees.contents import BandRow, ParcelRow, ScheduleRow, TableContent, column_fee, column_steps

SPECIAL = "special oversize"
_Row = tuple[str, float, float, list[float], list[float]]
"""tier, highest weight, weight from which steps are counted, and by column: base and fee per step"""


def schedules_of(content: TableContent) -> tuple[Schedule, ...]:
    """The referral schedules of a version.

    Raises:
        ConfigError: a row breaks a rule; names it.
    """
    return tuple(_schedule(row) for row in content["rows"])


def _schedule(row: ScheduleRow) -> Schedule:
    name, percent = row["name"], row["percent"]
    every = {"EUR": tuple(row.get("up_to_EUR", ())), "GBP": tuple(row.get("up_to_GBP", ()))}
    bounds = {currency: every[currency] for currency in row.get("currencies", every)}
    for currency, edges in bounds.items():
        if len(edges) != len(percent) - 1 or any(b <= a for a, b in zip((0, *edges), edges, strict=False)):
            raise broken_table("referral", name, f"bounds in {currency} must rise, one fewer than percents")
    if not all(0 <= p <= 100 for p in percent):
        raise broken_table("referral", name, "percents are between 0 and 100")
    if row["mode"] not in {"flat", "threshold", "marginal"} or (row["mode"] == "flat") != (len(percent) == 1):
        raise broken_table("referral", name, f"no such mode for {len(percent)} percents: {row['mode']}")
    fractions = tuple(p / 100 for p in percent)
    fba = row.get("fba")
    return Schedule(
        name,
        row["mode"],
        fractions,
        MappingProxyType(bounds),
        bool(row.get("disputed")),
        fba_rest=None if fba is None else fba["percent"] / 100,
        fba_above=MappingProxyType({} if fba is None else {"EUR": fba["above_EUR"], "GBP": fba["above_GBP"]}),
    )


def bands_of(content: TableContent, provenance: Provenance) -> WeightBands:
    """Rows of ``bands``, ``oversize`` and ``special`` in one table of bases and steps.

    Raises:
        ConfigError: a row breaks a rule; names it.
    """
    columns = [k for k in content["bands"][0] if k not in {"tier", "up_to_kg"}]

    def fixed(tier: str, row: BandRow) -> _Row:
        return tier, row["up_to_kg"], 0.0, [column_fee(row, c) for c in columns], [0.0] * len(columns)

    rows = [fixed(r["tier"], r) for r in content["bands"]]
    rows += [(r["tier"], np.inf, r["base_kg"], *_steps(r, columns)) for r in content.get("oversize", ())]
    if special := [fixed(SPECIAL, r) for r in content.get("special", ())]:
        _, up_to, _, base, _ = special[-1]
        per_kg = content["special_per_kg"]
        rows += [*special, (SPECIAL, np.inf, up_to, base, [per_kg[c] for c in columns])]
    return _table(provenance, columns, rows, 1.0)


def parcels_of(content: TableContent, provenance: Provenance) -> WeightBands:
    """The parcels of the selected categories.

    Raises:
        ConfigError: a row breaks a rule; names it.
    """
    parcels = content["parcels"]
    columns = [k for k in parcels[0] if k not in {"tier", "sides_mm", "max_unit_kg"}]
    rows = [(r["tier"], r["max_unit_kg"], 0.1, *_steps(r, columns)) for r in parcels]
    return _table(provenance, columns, rows, 0.1)


def _steps(row: BandRow | ParcelRow, columns: Sequence[str]) -> tuple[list[float], list[float]]:
    steps = [column_steps(row, column) for column in columns]
    return [base for base, _ in steps], [per_step for _, per_step in steps]


def _table(provenance: Provenance, columns: Sequence[str], rows: Sequence[_Row], step_kg: float) -> WeightBands:
    name = provenance.table_id
    tiers: dict[str, list[int]] = {}
    for row, (tier, up_to, _, base, _) in enumerate(rows):
        of_tier = tiers.setdefault(tier, [])
        if of_tier and row != of_tier[-1] + 1:
            raise broken_table(name, tier, "rows of a tier belong together")
        if of_tier and up_to <= rows[of_tier[-1]][1]:
            raise broken_table(name, tier, f"weights must rise: {up_to} kg")
        if of_tier and any(now < before for now, before in zip(base, rows[of_tier[-1]][3], strict=True)):
            raise broken_table(name, f"{tier}, {up_to} kg", "fees must not fall with the weight")
        if min(base) <= 0:
            raise broken_table(name, f"{tier}, {up_to} kg", "fees are above zero")
        of_tier.append(row)
    nothing = [np.nan] * len(columns)
    return WeightBands(
        provenance=provenance,
        columns=MappingProxyType({c: i for i, c in enumerate(columns)}),
        tiers=MappingProxyType({t: (p[0], np.array([rows[i][1] for i in p])) for t, p in tiers.items()}),
        base=np.array([r[3] for r in rows] + [nothing]),
        per_step=np.array([r[4] for r in rows] + [[0.0] * len(columns)]),
        start_kg=np.array([r[2] for r in rows] + [0.0]),
        step_kg=step_kg,
    )


def broken_table(file: str, row: str, rule: str) -> ConfigError:
    """The error of a row that breaks a rule."""
    return ConfigError(rule, field=f"{file}.toml: {row}")
