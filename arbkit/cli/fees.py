"""Commands about the fee tables: ``arbkit fees``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from arbkit.cli.shared import JSON, console, counted, load_settings, print_json
from arbkit.core.formatting import count, number, percent, signed

if TYPE_CHECKING:
    from arbkit.core.settings import Settings
    from arbkit.profit import Tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from arbkit.analysis.fee_changes import OpportunityChange
    from arbkit.core.settings import Settings
    from arbkit.profit import Tables

_ON = typer.Option(None, help="Date, as 2026-08-01 (default: today).")

_MAX_VALUES = 12
"""Values of a change that are printed."""
_MAX_OPPORTUNITIES = 40

fees = typer.Typer(
    help="Fee tables: what applies on a date, what changes, what agrees with Keepa.", no_args_is_help=True
)


@fees.command()
def show(
    category: str = typer.Argument(..., help="Referral category, or Amazon's root category."),
    market: str = typer.Option(..., help="Marketplace to sell on."),
    on: str | None = _ON,
    json: bool = JSON,
) -> None:
    """Show every fee for products of a category on a marketplace."""
    from arbkit.analysis.fee_changes import fees_on
    from arbkit.core.marketplaces import market as marketplace
    from arbkit.profit import load_tables

    load_settings()
    found = fees_on(load_tables(), category, marketplace(market), _date(on, "--on"))
    if json:
        print_json(found)
        return
    _print_fees(found)


@fees.command()
def diff(
    first: str = typer.Argument(..., metavar="DATE", help="Earlier date, as 2026-01-31."),
    second: str = typer.Argument(..., metavar="DATE", help="Later date, as 2026-02-01."),
    opportunities: bool = typer.Option(False, "--opportunities", help="Show the effect on the stored opportunities."),
    json: bool = JSON,
) -> None:
    """Show what changes in the fee tables between two dates."""
    from arbkit.analysis.fee_changes import compare_dates
    from arbkit.profit import load_tables

    settings = load_settings()
    dates = _date(first, "DATE"), _date(second, "DATE")
    tables = load_tables()
    changes = compare_dates(tables, *dates)
    affected = _affected(settings, tables, *dates) if opportunities else None
    if json:
        document: dict[str, Any] = {"first": dates[0].isoformat(), "second": dates[1].isoformat(), "changes": changes}
        if affected is not None:
            document["opportunities"] = affected
        print_json(document)
        return
    _print_changes(changes)
    if affected is not None:
        _print_affected(affected)


@fees.command()
def audit(
    files: list[Path] = typer.Argument(..., help="Keepa exports or saved Keepa responses."),
    on: str | None = _ON,
    market: str | None = typer.Option(None, help="Marketplace of files that do not name theirs."),
    json: bool = JSON,
) -> None:
    """Compare our fees with those that Keepa observed, row by row."""
    from arbkit.analysis.fee_audit import compare_with_keepa
    from arbkit.core.marketplaces import market as marketplace
    from arbkit.profit import load_tables

    load_settings()
    given = None if market is None else marketplace(market)
    found = [compare_with_keepa(path, load_tables(), on=_date(on, "--on"), market=given).to_dict() for path in files]
    if json:
        print_json({"files": [*found]})
        return
    for one in found:
        _print_audit(one)


def _date(text: str | None, field: str) -> date:
    from datetime import UTC, datetime

    from arbkit.core.errors import UsageError

    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("is not a date", field=field, value=text, remedy="Write it as 2026-08-01") from None


def _affected(settings: Settings, tables: Tables, first: date, second: date) -> list[OpportunityChange]:
    """The stored opportunities whose profit differs between the two dates."""
    from arbkit.analysis.fee_changes import compare_opportunities
    from arbkit.profit import load_rates
    from arbkit.profit.profile_file import load_profile
    from arbkit.store import OpportunityQuery, open_store
    from arbkit.store.iteration import iter_opportunities

    profile = load_profile(settings.profile_path, settings.profile_name)
    with open_store(settings, read_only=True) as store:
        found = list(iter_opportunities(store, OpportunityQuery()))
        offers = store.offers([o.asin for o in found])
    return compare_opportunities(found, offers, profile, tables, load_rates(), first, second)


def _print_fees(found: Mapping[str, Any]) -> None:
    out = console()
    heading = f"{found['category']} in {found['market']} on {found['on']}, {found['currency']}, net of VAT"
    out.print(heading, markup=False)
    _print_referral(found["referral"])
    for title, key in (("FBA", "fulfilment"), ("Low-Price FBA", "low_price"), ("EFN", "efn")):
        _print_bands(title, found[key])
    if found["low_price"]["limit"] is not None:
        out.print(f"  Low-Price FBA up to a price of {number(found['low_price']['limit'])}")
    if found["selected_parcels"]["applies"]:
        out.print("  parcels of this category are priced by unit weight (selected categories)")
    out.print(f"  fuel and logistics surcharge {_plain(found['fuel_percent']['percent'])} %")
    if found["peak"]["bands"]:
        _print_bands("Peak season", found["peak"])
    for kind, amount in found["peak"]["amounts"].items():
        out.print(f"  peak season: {number(amount)} per {kind}")
    for row in found["digital_services"]:
        out.print(
            f"  digital services fee, seller in {row['seller_in']}: {row['selling_percent']:g} % of selling fees, "
            f"{row['fba_percent']:g} % of FBA fees"
        )


def _print_referral(referral: Mapping[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"Referral fee, {_period(referral)}", title_justify="left")
    for name in ("schedule", "percent", "up to", "mode"):
        table.add_column(name)
    for s in referral["schedules"]:
        bounds = " / ".join(f"{b:g}" for b in s["up_to"]) or "any price"
        name = escape(s["schedule"]) + (" (disputed)" if s["disputed"] else "")
        table.add_row(name, " / ".join(f"{p:g}" for p in s["percent"]), bounds, s["mode"])
    out = console()
    out.print(table)
    for s in referral["schedules"]:
        if s["by_fba"]:
            rest = s["by_fba"]
            out.print(f"  {escape(s['schedule'])} by FBA: {rest['percent']:g} % of what is above {rest['above']:g}")
    out.print(f"  minimum {number(referral['minimum'])} per item" if referral["minimum"] else "")


def _print_bands(title: str, fees: Mapping[str, Any]) -> None:
    from rich.table import Table

    rows = fees["bands"]
    if not rows:
        console().print(f"  {title}: no table for this date")
        return
    table = Table(title=f"{title}, {_period(fees)}", title_justify="left")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="left" if name == "tier" else "right")
    for row in rows:
        table.add_row(*(v if isinstance(v, str) else number(v) for v in row.values()))
    console().print(table)


def _period(table: Mapping[str, Any]) -> str:
    return f"from {table['valid_from']}" + (f" to {table['valid_to']}" if table["valid_to"] else "")


def _print_changes(changes: Sequence[Mapping[str, Any]]) -> None:
    out = console()
    if not changes:
        out.print("nothing changes between these dates")
    for change in changes:
        source = change["after"]["source"] or change["before"]["source"] or ""
        out.print(f"{change['subject']} {change['change']}: {source}", markup=False)
        printed = change["values"][:_MAX_VALUES] if change["change"] == "changes" else []
        for value in printed:
            out.print(f"  {value['what']}: {_plain(value['before'])} → {_plain(value['after'])}", markup=False)
        rest = len(change["values"]) - len(printed)
        if rest > 0:
            out.print(f"  {counted(rest, 'more value' if printed else 'value')} (--json shows all)")


def _print_affected(affected: Sequence[Mapping[str, Any]]) -> None:
    from rich.table import Table

    table = Table(title=f"{count(len(affected))} stored opportunities", title_justify="left")
    for name in ("asin", "route", "before", "after", "change"):
        table.add_column(name, justify="left" if name in ("asin", "route") else "right")
    for row in affected[:_MAX_OPPORTUNITIES]:
        route = f"{row['source']} → {row['target']}"
        table.add_row(row["asin"], route, number(row["before"]), number(row["after"]), signed(row["change"]))
    console().print(table)


def _plain(value: object) -> str:
    """A value of a table, of whatever kind, without trailing zeros."""
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _print_audit(found: Mapping[str, Any]) -> None:
    out = console()
    about = f"{count(found['rows'])} rows, exported {found['exported_on']}, tables of {found['on']}"
    out.print(f"{found['path']}: {about}", markup=False)
    if found["note"]:
        out.print(f"  {found['note']}", markup=False)
    for name, title in (("fulfilment", "fulfilment fee"), ("referral", "referral percentage")):
        out.print(f"  {title}: {percent(found[f'{name}_agrees_pct'])} of the comparable rows agree")
        for text, rows in found[name].items():
            out.print(f"    {count(rows):>6}  {text}", markup=False)


def register(app: typer.Typer) -> None:
    """Add ``fees`` to the command line."""
    app.add_typer(fees, name="fees")
