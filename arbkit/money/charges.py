"""Charges beside referral and fulfilment: closing fee, digital services fee, the seller's own costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from arbkit.markets import MARKETS
from arbkit.money.profile import Profile, Way
from arbkit.money.tables import Tables

__all__ = ["Reasons", "closing_fees", "digital_services_fees", "mapped", "mapped_text", "own_costs", "share"]

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]


@dataclass(slots=True)
class Reasons:
    """Reasons by row, as masks: joined into text once, at the end."""

    found: list[tuple[str, npt.NDArray[np.bool_]]] = field(default_factory=list)

    def add(self, words: str, mask: npt.NDArray[np.bool_]) -> None:
        if mask.any():
            self.found.append((words, mask))

    def text(self, count: int) -> Objects:
        texts = np.full(count, "", object)
        for words, mask in self.found:
            empty = mask & (texts == "")
            more = mask & ~empty
            texts[empty] = words
            texts[more] = texts[more] + "; " + words
        return texts

    def copy(self) -> Reasons:
        return Reasons(list(self.found))


def own_costs(profile: Profile, weight_kg: Floats, way: Way) -> Floats:
    """Preparation and inbound, or the one sum in their place, net, in the home currency."""
    if profile.other_costs is not None:
        return np.full(len(weight_kg), profile.other_costs)
    if way == "fbm":
        return np.full(len(weight_kg), profile.prep_per_unit)
    per_kg = profile.inbound_per_kg * weight_kg if profile.inbound_per_kg else np.zeros(len(weight_kg))
    return np.asarray(profile.prep_per_unit + profile.inbound_per_unit + per_kg)


def digital_services_fees(
    exact: dict[str, Floats],
    profile: Profile,
    tables: Tables,
    target: Objects,
    on: date,
    assumed: Reasons,
    *,
    fba: bool,
) -> Floats:
    selling, logistics, guessed = {}, {}, {}
    for code in MARKETS:
        row = next(
            (
                r
                for r in tables.files["digital_services"]["rows"]
                if profile.home in r["home"] and code in r["store"] and r["valid_from"] <= on
            ),
            None,
        )
        selling[code] = row["selling"] / 100 if row else 0.0
        logistics[code] = row["fba"] / 100 if row and fba else 0.0
        guessed[code] = float(bool(row and row.get("assumed")))
    assumed.add("digital services fee: sources disagree, the dearer taken", mapped(target, guessed) > 0)
    amazon = exact["fulfilment_fee"] + exact["fuel_surcharge"] + exact["peak_surcharge"]
    selling_fees = exact["referral_fee"] + exact["closing_fee"]
    return share(mapped(target, selling), selling_fees) + share(mapped(target, logistics), amazon)


def share(rate: Floats | float, amount: Floats) -> Floats:
    """A share of an amount; none of an unknown amount is none."""
    return np.asarray(np.where(np.equal(rate, 0), 0.0, rate * amount))


def closing_fees(tables: Tables, target: Objects, schedule: npt.NDArray[np.int64], keepa_minor: Floats) -> Floats:
    """The closing fee in the store's currency: Keepa's own, else the table's on media, else 0."""
    file = tables.files["closing"]
    media = np.isin(schedule, [i for i, s in enumerate(tables.schedules) if s.name in file["schedules"]])
    table = mapped(target, {m: float(file["fee"].get(m, np.nan)) for m in MARKETS})
    return np.asarray(np.where(keepa_minor >= 0, keepa_minor / 100, np.where(media, table, 0.0)))


def mapped(keys: Objects, values: dict[str, float]) -> Floats:
    return np.asarray(pd.Series(keys, dtype=object).map(values).to_numpy("float64"))


def mapped_text(keys: Objects, values: dict[str, str]) -> Objects:
    return np.asarray(pd.Series(keys, dtype=object).map(values).to_numpy(object))
