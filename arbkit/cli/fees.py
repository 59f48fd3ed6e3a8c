"""Commands about the tables and the seller: ``arbkit fees`` and ``arbkit profile``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from arbkit.cli.shared import begin, console, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from arbkit.analysis.fee_changes import OpportunityChange, TableChange
    from arbkit.core.settings import Settings
    from arbkit.profit import Tables

__all__ = ["register"]

_JSON = typer.Option(False, "--json", help="One JSON document on standard output.")
_ON = typer.Option(None, help="Day, as 2026-08-01; default: today.")

_SHOWN = 12
"""Values of a change, and opportunities, that are printed for people."""

fees = typer.Typer(help="Fee tables: what holds on a day, what changes, what agrees with Keepa.", no_args_is_help=True)
profile = typer.Typer(help="Seller profiles: write one, look at it, check it.", no_args_is_help=True)


@fees.command()
def show(
    category: str = typer.Argument(..., help="Referral category, or Amazon's root category."),
    market: str = typer.Option(..., help="Marketplace sold on."),
    on: str | None = _ON,
    json: bool = _JSON,
) -> None:
    """Every fee that a product of a category meets in a store."""
    from arbkit.analysis.fee_changes import fees_on
    from arbkit.core.marketplaces import market as marketplace
    from arbkit.profit import load_tables

    begin()
    found = fees_on(load_tables(), category, marketplace(market), _day(on, "--on"))
    if json:
        print_json(found)
        return
    _print_fees(found)


@fees.command()
def diff(
    first: str = typer.Argument(..., metavar="DATE", help="Day, as 2026-01-31."),
    second: str = typer.Argument(..., metavar="DATE", help="Day, as 2026-02-01."),
    opportunities: bool = typer.Option(False, "--opportunities", help="What it does to the stored opportunities."),
    json: bool = _JSON,
) -> None:
    """What changes in the tables from one day to another."""
    from arbkit.analysis.fee_changes import compare_dates
    from arbkit.profit import load_tables

    settings = begin()
    days = _day(first, "DATE"), _day(second, "DATE")
    tables = load_tables()
    changes = compare_dates(tables, *days)
    touched = _touched(settings, tables, *days) if opportunities else None
    if json:
        document: dict[str, Any] = {"first": days[0].isoformat(), "second": days[1].isoformat(), "changes": changes}
        print_json(document if touched is None else {**document, "opportunities": touched})
        return
    _print_diff(changes, touched)


@fees.command()
def audit(
    files: list[Path] = typer.Argument(..., help="Keepa exports."),
    on: str | None = _ON,
    market: str | None = typer.Option(None, help="Marketplace of exports that do not name theirs."),
    json: bool = _JSON,
) -> None:
    """Our fees against those that Keepa observed, row by row."""
    from arbkit.analysis.fee_audit import compare_with_keepa
    from arbkit.core.marketplaces import market as marketplace
    from arbkit.profit import load_tables

    begin()
    given = None if market is None else marketplace(market)
    found = [compare_with_keepa(path, load_tables(), on=_day(on, "--on"), market=given).to_dict() for path in files]
    if json:
        print_json({"files": found})
        return
    for one in found:
        _print_audit(one)


@profile.command()
def init(
    path: Path = typer.Argument(Path("profile.toml"), help="File to write."),
) -> None:
    """Write the built-in profile to a file, every field explained, to make it yours."""
    from arbkit.core.errors import UsageError
    from arbkit.core.files import write_atomically
    from arbkit.profit.profile_file import built_in

    begin()
    if path.exists():
        raise UsageError("is there already", field=str(path), remedy="Name another file, or move this one away")
    write_atomically(path, built_in().encode())
    console(stderr=True).print(f"wrote {path}: edit it, then `arbkit profile check {path}`", markup=False)


@profile.command("show")
def show_profile(
    path: Path | None = typer.Argument(None, help="File; default: the configured one."),
    json: bool = _JSON,
) -> None:
    """The profiles of a file side by side, every field with its meaning."""
    from rich.table import Table

    from arbkit.profit import Profile
    from arbkit.profit.profile_file import load_profiles

    profiles = load_profiles(path or begin().profile_path)
    if json:
        print_json({"profiles": [p.model_dump(mode="json") for p in profiles.values()]})
        return
    table = Table(show_lines=False)
    for name in ("field", *profiles, "meaning"):
        table.add_column(name, overflow="fold")
    for name, field in Profile.model_fields.items():
        table.add_row(name, *(_shown(getattr(p, name)) for p in profiles.values()), field.description or "")
    console().print(table)


@profile.command()
def check(path: Path | None = typer.Argument(None, help="File; default: the configured one.")) -> None:
    """Check a profile: fields, types, and whether the combination is legal."""
    from arbkit.profit.profile_file import load_profiles

    where = path or begin().profile_path
    profiles = load_profiles(where)
    console().print(f"{where or 'built-in profile'}: {', '.join(profiles)} can be used", markup=False)


def _shown(value: Any) -> str:
    from pydantic import BaseModel

    if value is None:
        return "–"
    if isinstance(value, BaseModel):
        return ", ".join(f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in value if v is not None)
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _day(text: str | None, field: str) -> Any:
    from datetime import UTC, date, datetime

    from arbkit.core.errors import UsageError

    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("is no day", field=field, value=text, remedy="Write it as 2026-08-01") from None


def _touched(settings: Settings, tables: Tables, first: date, second: date) -> list[OpportunityChange]:
    from arbkit.analysis.fee_changes import compare_opportunities
    from arbkit.profit import load_rates
    from arbkit.profit.profile_file import configured_profile
    from arbkit.store import OpportunityQuery, open_store
    from arbkit.store.iteration import iter_opportunities

    profile = configured_profile(settings)
    with open_store(settings, read_only=True) as store:
        found = list(iter_opportunities(store, OpportunityQuery()))
        offers = store.offers([o.asin for o in found])
    return compare_opportunities(found, offers, profile, tables, load_rates(), first, second)


def _print_fees(found: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    out, currency = console(), found["currency"]
    out.print(f"{found['category']} in {found['market']} on {found['on']}, {currency}, net of VAT", markup=False)
    referral = Table(title=f"Referral fee, {_dates(found['referral'])}", title_justify="left")
    for name in ("schedule", "percent", "up to", "mode"):
        referral.add_column(name)
    for s in found["referral"]["schedules"]:
        bounds = " / ".join(f"{b:g}" for b in s["up_to"]) or "any price"
        name = escape(s["schedule"]) + (" (disputed)" if s["disputed"] else "")
        referral.add_row(name, " / ".join(f"{p:g}" for p in s["percent"]), bounds, s["mode"])
    out.print(referral)
    out.print(f"  at least {found['referral']['minimum']:.2f} an item" if found["referral"]["minimum"] else "")
    for title, key in (("FBA", "fulfilment"), ("Low-Price FBA", "low_price"), ("EFN", "efn")):
        rows = found[key]["bands"]
        if not rows:
            out.print(f"  {title}: no table of this day")
            continue
        table = Table(title=f"{title}, {_dates(found[key])}", title_justify="left")
        for name in rows[0]:
            table.add_column(name.replace("_", " "), justify="left" if name == "tier" else "right")
        for row in rows:
            table.add_row(*(v if isinstance(v, str) else f"{v:.2f}" for v in row.values()))
        out.print(table)
    if found["low_price"]["limit"] is not None:
        out.print(f"  Low-Price FBA up to a shop price of {found['low_price']['limit']:.2f}")
    if found["selected_parcels"]["applies"]:
        out.print("  parcels of this category are priced by unit weight (selected categories)")
    out.print(f"  fuel and logistics surcharge {found['fuel_percent']['percent']:g} %")
    for kind, amount in found["peak"]["amounts"].items():
        note = " (last season's amount)" if found["peak"]["assumed"] else ""
        out.print(f"  peak season: {amount:.2f} a {kind}{note}")
    for row in found["digital_services"]:
        out.print(
            f"  digital services fee, seller in {row['seller_in']}: {row['selling_percent']:g} % of selling fees, "
            f"{row['fba_percent']:g} % of FBA fees"
        )


def _dates(about: dict[str, Any]) -> str:
    return f"from {about['valid_from']}" + (f" to {about['valid_to']}" if about["valid_to"] else "")


def _print_diff(changes: Sequence[TableChange], touched: Sequence[OpportunityChange] | None) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = console()
    if not changes:
        out.print("nothing changes between these days")
    for change in changes:
        source = change["after"]["source"] or change["before"]["source"] or ""
        out.print(f"{change['subject']} {change['change']}: {escape(source)}")
        shown = change["values"][:_SHOWN] if change["change"] == "changes" else []
        for value in shown:
            out.print(f"  {value['what']}: {_value(value['before'])} → {_value(value['after'])}", markup=False)
        if len(change["values"]) > len(shown):
            out.print(f"  {len(change['values']) - len(shown)} {'more ' if shown else ''}values (--json shows all)")
    if touched is None:
        return
    table = Table(title=f"{len(touched)} stored opportunities", title_justify="left")
    for name in ("asin", "route", "before", "after", "change"):
        table.add_column(name, justify="left" if name in ("asin", "route") else "right")
    for row in touched[:40]:
        cells = map(_value, (row["before"], row["after"], row["change"]))
        table.add_row(row["asin"], f"{row['source']} → {row['target']}", *cells)
    out.print(table)


def _value(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _print_audit(found: dict[str, Any]) -> None:
    out = console()
    out.print(
        f"{found['path']}: {found['rows']} rows, exported {found['exported_on']}, tables of {found['on']}", markup=False
    )
    if found["note"]:
        out.print(f"  {found['note']}", markup=False)
    for name, title in (("fulfilment", "fulfilment fee"), ("referral", "referral percentage")):
        out.print(f"  {title}: {found[f'{name}_agrees_pct']} % of the rows that can be compared agree")
        for text, count in found[name].items():
            out.print(f"    {count:6d}  {text}", markup=False)


def register(app: typer.Typer) -> None:
    app.add_typer(fees, name="fees")
    app.add_typer(profile, name="profile")
