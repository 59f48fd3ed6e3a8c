"""The fee tables as people read them: what holds on a day, what changes between two, and whom it touches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal, TypedDict

import numpy as np
from pydantic import JsonValue

from arbkit.analysis.routes import prepare_offers, price_routes
from arbkit.core.errors import UsageError
from arbkit.core.marketplaces import MARKETS, Market
from arbkit.core.models import Offer, Opportunity
from arbkit.core.results import JsonObject
from arbkit.profit import Profile, Rates, Tables
from arbkit.profit.fees.contents import column_amount, column_steps
from arbkit.profit.fees.tables import TABLE_IDS, EffectiveTables, Version
from arbkit.profit.reason_codes import join_messages

_ABOUT_A_VERSION = frozenset(
    {"valid_from", "valid_to", "source", "checked_on", "page", "seasonal", "changes", "assumed"}
)


class TableDates(TypedDict):
    """When a table holds, and where it is from; all None where there is no table."""

    valid_from: str | None
    valid_to: str | None
    source: str | None
    assumed: bool


class ValueChange(TypedDict):
    """One value of a table that differs between two days; None where the table of that day has none."""

    what: str
    before: JsonValue
    after: JsonValue


class TableChange(TypedDict):
    """What changes in one table from one day to another."""

    subject: str
    change: Literal["begins", "changes", "ends"]
    before: TableDates
    after: TableDates
    values: list[ValueChange]


class OpportunityChange(TypedDict):
    """What a stored opportunity leaves on two days, in ``currency``; None where something is unknown that day."""

    asin: str
    title: str | None
    source: str
    target: str
    currency: str
    before: float | None
    after: float | None
    change: float | None
    unknown: str | None


def fees_on(tables: Tables, category: str, market: Market, on: date) -> JsonObject:
    """Every fee table that a product of a category meets in a store on a day; amounts net of VAT, in its currency.

    Raises:
        UsageError: no such category.
    """
    day = tables.on(on)
    matching = day.schedules_of(category)
    if not matching and day.schedules:
        names = [s.name for s in day.schedules]
        raise UsageError("no such category", field="CATEGORY", value=category, remedy=f"Use one of {', '.join(names)}")
    content = day.get("referral")
    schedules = [
        {
            "schedule": s.name,
            "mode": s.mode,
            "percent": [round(100 * f, 4) for f in s.fractions],
            "up_to": list(s.bounds[market.currency]),
            "disputed": s.disputed,
            "by_fba": None
            if s.fba_rest is None
            else {"percent": round(100 * s.fba_rest, 4), "above": s.fba_above.get(market.currency)},
        }
        for s in (day.schedules[p] for p in matching)
        if market.currency in s.bounds
    ]
    chosen = {str(s["schedule"]) for s in schedules}
    exempt = chosen <= set(content.get("no_minimum", ()))
    digital = {home: row for home in MARKETS if (row := day.digital_services(home, market.code))}
    found: dict[str, Any] = {
        "category": category,
        "market": market.code,
        "currency": market.currency,
        "on": on.isoformat(),
        "tables_version": day.version,
        "referral": {
            "schedules": schedules,
            "minimum": 0 if schedules and exempt else content.get("minimum", {}).get(market.currency),
            "uplift_percent": content.get("uplift_percent", {}).get(market.code, 0),
            **_about(day, "referral"),
        },
        "closing": {
            "fee": _closing_fee(day, market, chosen),
            **_about(day, "closing"),
        },
        "fulfilment": _fulfilment(day, market),
        "low_price": {
            "limit": _limit(day, market, chosen),
            "bands": _bands(day.get("fulfilment_low_price").get("bands", ()), _columns(market)),
            **_about(day, "fulfilment_low_price"),
        },
        "selected_parcels": {
            "applies": bool(chosen & _named(day, "fulfilment_selected")),
            **_about(day, "fulfilment_selected"),
        },
        "efn": {
            "bands": _bands(day.get("fulfilment_efn").get("bands", ()), _efn_columns(market)),
            **_about(day, "fulfilment_efn"),
        },
        "fuel_percent": {"percent": day.get("surcharges.fuel").get("percent", 0), **_about(day, "surcharges.fuel")},
        "peak": {
            "amounts": dict(day.peak_amounts(market.code)),
            "bands": _peak_bands(day, market),
            **_about(day, "surcharges.peak"),
        },
        "digital_services": [
            {
                "seller_in": home, "selling_percent": row["selling"], "fba_percent": row["fba"],
                "valid_from": row["valid_from"].isoformat(), "source": row["source"],
                "assumed": bool(row.get("assumed")),
            }
            for home, row in digital.items()
        ],
        "vat_percent": {c: round(100 * day.vat(market.code, c), 4) for c in day.vat_classes} | _about(day, "vat"),
    }  # fmt: skip
    return found


def compare_dates(tables: Tables, first: date, second: date) -> list[TableChange]:
    """What changes from one day to another: per subject the values that differ, with the version each is of."""
    before, after = tables.on(first), tables.on(second)
    changes: list[TableChange] = []
    for subject in TABLE_IDS:
        if subject == "digital_services":
            old, new = _flat(_rows_by_home(before)), _flat(_rows_by_home(after))
        else:
            old, new = _flat(_content(before.versions.get(subject))), _flat(_content(after.versions.get(subject)))
        values: list[ValueChange] = [
            {"what": key, "before": old.get(key), "after": new.get(key)}
            for key in dict.fromkeys([*old, *new])
            if old.get(key) != new.get(key)
        ]
        if values:
            changes.append(
                {
                    "subject": subject,
                    "change": "begins" if not old else "ends" if not new else "changes",
                    "before": _about(before, subject),
                    "after": _about(after, subject),
                    "values": values,
                }
            )
    return changes


def compare_opportunities(
    opportunities: Sequence[Opportunity],
    offers: Sequence[Offer],
    profile: Profile,
    tables: Tables,
    rates: Rates,
    first: date,
    second: date,
) -> list[OpportunityChange]:
    """The stored opportunities with their profit by the tables, VAT and exchange rates of each day.

    The greatest change comes first; None where something is unknown on that day.
    """
    if not opportunities:
        return []
    prepared = prepare_offers(offers, profile)
    wanted = {(o.asin, o.source, o.target): o for o in opportunities}
    routes = sorted({(o.source, o.target) for o in opportunities})
    found: dict[tuple[str, str, str], list[tuple[float | None, str]]] = {}
    for on in (first, second):
        frame = price_routes(prepared, profile, tables, rates, on=on, routes=routes).frame()
        for asin, source, target, profit, unknown in zip(
            *(frame[n].tolist() for n in ("asin", "source", "target", "profit", "unknown")), strict=True
        ):
            if (asin, source, target) in wanted:
                known = None if np.isnan(profit) else profit
                found.setdefault((asin, source, target), []).append((known, join_messages(unknown)))
    rows: list[OpportunityChange] = []
    for key, ((old, _), (new, why)) in found.items():
        change = None if old is None or new is None else round(new - old, 2)
        rows.append(
            {
                "asin": key[0], "title": wanted[key].title, "source": key[1], "target": key[2],
                "currency": profile.currency, "before": old, "after": new, "change": change,
                "unknown": why or None,
            }
        )  # fmt: skip
    return sorted(rows, key=lambda r: (r["change"] is None, -abs(r["change"] or 0), r["asin"]))


def _about(day: EffectiveTables, subject: str) -> TableDates:
    version = day.versions.get(subject)
    if version is None:
        return {"valid_from": None, "valid_to": None, "source": None, "assumed": False}
    last = None if version.last == date.max else version.last.isoformat()
    table = version.provenance
    return {
        "valid_from": version.first.isoformat(), "valid_to": last, "source": table.source, "assumed": table.assumed,
    }  # fmt: skip


def _named(day: EffectiveTables, subject: str) -> set[str]:
    return set(day.get(subject).get("schedules", ()))


def _limit(day: EffectiveTables, market: Market, chosen: set[str]) -> float | None:
    content = day.get("fulfilment_low_price")
    if not content:
        return None
    strict = chosen and chosen <= set(content["selected"]["schedules"])
    return (content["limit_selected"] if strict else content["limit"])[market.code]


def _closing_fee(day: EffectiveTables, market: Market, chosen: set[str]) -> float | None:
    """The highest closing fee of the schedules; None where nobody knows the store's, 0 if none of them has one."""
    rows = [row for row in day.get("closing").get("fees", ()) if chosen & set(row["schedules"])]
    known = [fee for row in rows if not math.isnan(fee := column_amount(row, market.code))]
    return max(known, default=None if rows else 0)


def _peak_bands(day: EffectiveTables, market: Market) -> list[dict[str, Any]]:
    """The peak fees of local stock on this day."""
    rows = day.get("surcharges.peak").get("bands", ())
    columns = [column for column in _columns(market) if rows and column in rows[0]]
    return _bands(rows, columns) if columns else []


def _columns(market: Market) -> tuple[str, ...]:
    return ("DE", "CEP") if market.code == "DE" else (market.code,)


def _efn_columns(market: Market) -> tuple[str, ...]:
    return ("EU4_UK",) if market.code == "UK" else ("EU4", "DE", "UK_EU4")


def _fulfilment(day: EffectiveTables, market: Market) -> dict[str, Any]:
    content, columns = day.get("fulfilment_local"), _columns(market)
    oversize = [
        {
            "tier": row["tier"],
            "base_kg": row["base_kg"],
            **{c: dict(zip(("base", "per_kg"), column_steps(row, c), strict=True)) for c in columns},
        }
        for row in content.get("oversize", ())
    ]
    return {"bands": _bands(content.get("bands", ()), columns), "oversize": oversize, **_about(day, "fulfilment_local")}


def _bands(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[dict[str, Any]]:
    return [{"tier": r["tier"], "up_to_kg": r["up_to_kg"], **{c: r[c] for c in columns}} for r in rows]


def _content(version: Version | None) -> Mapping[str, Any]:
    if version is None:
        return {}
    return {k: v for k, v in version.content.items() if k not in _ABOUT_A_VERSION}


def _rows_by_home(day: EffectiveTables) -> dict[str, dict[str, float]]:
    return {
        f"seller in {home}, store {store}": {"selling": row["selling"], "fba": row["fba"]}
        for home in MARKETS
        for store in MARKETS
        if (row := day.digital_services(home, store))
    }


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    return dict(_leaves(value, path))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Each value with the path to it; rows of a list are named by their tier, schedule and weight."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}, {key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
        for row in value:
            name = str(row.get("name") or row.get("tier") or row.get("column") or "")
            name += f" up to {row['up_to_kg']:g} kg" if "up_to_kg" in row else ""
            rest = {k: v for k, v in row.items() if k not in {"name", "tier", "up_to_kg", "column"}}
            yield from _leaves(rest, name)
    else:
        yield path, value
