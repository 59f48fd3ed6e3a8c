"""The fee tables as people read them: what holds on a day, what changes between two, and whom it touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import product
from typing import Any, Literal, TypedDict

from pydantic import JsonValue

from arbkit.analysis.offers import prepare_offers
from arbkit.analysis.routes import price_routes
from arbkit.core.errors import UsageError
from arbkit.core.marketplaces import MARKETS, Market
from arbkit.core.models import Offer, Opportunity
from arbkit.core.results import JsonObject
from arbkit.profit import Profile, Rates, Tables
from arbkit.profit.components import rounded
from arbkit.profit.fees.contents import TableContent, column_fee, column_steps
from arbkit.profit.fees.fulfilment import efn_columns
from arbkit.profit.fees.tables import TABLE_IDS, EffectiveTables
from arbkit.profit.reason_codes import join_messages
from arbkit.profit.route_frame import route_rows

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
    store, currency = market.code, market.currency
    schedules = [
        {
            "schedule": s.name, "mode": s.mode, "percent": [round(100 * f, 4) for f in s.fractions],
            "up_to": list(s.bounds[currency]), "disputed": s.disputed,
        }
        for s in (day.schedules[p] for p in matching)
        if currency in s.bounds
    ]  # fmt: skip
    chosen = {str(s["schedule"]) for s in schedules}
    content = {name: day.get(name) for name in TABLE_IDS}
    referral, columns = content["referral"], ("DE", "CEP") if store == "DE" else (store,)

    def table(name: str, **figures: Any) -> dict[str, Any]:
        return {**figures, **_about(day, name)}

    found: dict[str, Any] = {
        "category": category,
        "market": store,
        "currency": currency,
        "on": on.isoformat(),
        "tables_version": day.version,
        "referral": table(
            "referral",
            schedules=schedules,
            minimum=referral.get("minimum", {}).get(currency),
            uplift_percent=referral.get("uplift_percent", {}).get(store, 0),
        ),
        "closing": table(
            "closing", fee=content["closing"].get("fee", {}).get(store) if chosen & _named(day, "closing") else 0
        ),
        "fulfilment": table(
            "fulfilment_local",
            bands=_bands(content["fulfilment_local"], columns),
            oversize=_oversize(content["fulfilment_local"], columns),
        ),
        "low_price": table(
            "fulfilment_low_price",
            limit=_limit(content["fulfilment_low_price"], store, chosen),
            bands=_bands(content["fulfilment_low_price"], columns),
        ),
        "selected_parcels": table("fulfilment_selected", applies=bool(chosen & _named(day, "fulfilment_selected"))),
        "efn": table("fulfilment_efn", bands=_bands(content["fulfilment_efn"], efn_columns(store))),
        "fuel_percent": table("surcharges.fuel", percent=content["surcharges.fuel"].get("percent", 0)),
        "peak": table("surcharges.peak", amounts=dict(day.peak_amounts(store))),
        "digital_services": [
            {
                "seller_in": home, "selling_percent": row["selling"], "fba_percent": row["fba"],
                "valid_from": row["valid_from"].isoformat(), "source": row["source"],
                "assumed": bool(row.get("assumed")),
            }
            for home in MARKETS
            if (row := day.digital_services(home, store))
        ],
        "vat_percent": table("vat", **{c: round(100 * day.vat(store, c), 4) for c in day.vat_classes}),
    }  # fmt: skip
    return found


def compare_dates(tables: Tables, first: date, second: date) -> list[TableChange]:
    """What changes from one day to another: per subject the values that differ, with the version each is of."""
    before, after = tables.on(first), tables.on(second)
    changes: list[TableChange] = []
    for subject in TABLE_IDS:
        old, new = (dict(_leaves(_content(day, subject))) for day in (before, after))
        values: list[ValueChange] = [
            {"what": key, "before": old.get(key), "after": new.get(key)}
            for key in dict.fromkeys([*old, *new])
            if old.get(key) != new.get(key)
        ]
        if values:
            kind: Literal["begins", "changes", "ends"] = "begins" if not old else "ends" if not new else "changes"
            changes.append(
                {
                    "subject": subject, "change": kind, "before": _about(before, subject),
                    "after": _about(after, subject), "values": values,
                }
            )  # fmt: skip
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
    prepared = prepare_offers(offers)
    routes = sorted({(o.source, o.target) for o in opportunities})
    old, new = (
        {row["asin"] + row["source"] + row["target"]: row for row in route_rows(prices.evaluation.frame())}
        for prices in (price_routes(prepared, profile, tables, rates, on=on, routes=routes) for on in (first, second))
    )
    rows: list[OpportunityChange] = []
    for o in sorted(opportunities, key=lambda o: (o.source, o.target)):
        key = o.asin + o.source + o.target
        if key in old:
            before, after = rounded(old[key]["profit"]), rounded(new[key]["profit"])
            rows.append(
                {
                    "asin": o.asin, "title": o.title, "source": o.source, "target": o.target,
                    "currency": profile.currency, "before": before, "after": after,
                    "change": None if before is None or after is None else round(after - before, 2),
                    "unknown": join_messages(new[key]["unknown"]) or None,
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


def _limit(content: TableContent, store: str, chosen: set[str]) -> float | None:
    if not content:
        return None
    strict = chosen and chosen <= set(content["selected"]["schedules"])
    return (content["limit_selected"] if strict else content["limit"])[store]


def _oversize(content: TableContent, columns: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "tier": row["tier"],
            "base_kg": row["base_kg"],
            **{c: dict(zip(("base", "per_kg"), column_steps(row, c), strict=True)) for c in columns},
        }
        for row in content.get("oversize", ())
    ]


def _bands(content: TableContent, columns: Sequence[str]) -> list[dict[str, Any]]:
    rows = content.get("bands", ())
    return [{"tier": r["tier"], "up_to_kg": r["up_to_kg"], **{c: column_fee(r, c) for c in columns}} for r in rows]


def _content(day: EffectiveTables, subject: str) -> Mapping[str, Any]:
    """What a table states on a day, or the digital services fee of every seller's country and store."""
    if subject != "digital_services":
        return {k: v for k, v in day.get(subject).items() if k not in _ABOUT_A_VERSION}
    return {
        f"seller in {home}, store {store}": {"selling": row["selling"], "fba": row["fba"]}
        for home, store in product(MARKETS, repeat=2)
        if (row := day.digital_services(home, store))
    }


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
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
