"""Commands about the fee tables: ``arbkit fees``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from arbkit.cli.shared import JSON, answer, load_settings, print_json, print_table, say
from arbkit.core.errors import UsageError
from arbkit.core.formatting import count, counted, number, percent, signed
from arbkit.core.marketplaces import market as marketplace

if TYPE_CHECKING:
    from arbkit.analysis.fee_changes import OpportunityChange
    from arbkit.core.settings import Settings
    from arbkit.profit import Tables

_ON = typer.Option(None, help="Date, as 2026-08-01 (default: today).")

_MAX_VALUES = 12
"""Values of a change that are printed."""
_MAX_OPPORTUNITIES = 40

app = typer.Typer(
    name="fees", help="Fee tables: what applies on a date, what changes, what agrees with Keepa.", no_args_is_help=True
)


@app.command()
def show(
    category: str = typer.Argument(..., help="Referral category, or Amazon's root category."),
    market: str = typer.Option(..., help="Marketplace to sell on."),
    on: str | None = _ON,
    json: bool = JSON,
) -> None:
    """Show every fee for products of a category on a marketplace."""
    from arbkit.analysis.fee_changes import fees_on
    from arbkit.profit import load_tables

    load_settings()
    answer(fees_on(load_tables(), category, marketplace(market), _date(on, "--on")), json, _print_fees)


@app.command()
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
        document: dict[str, Any] = {"first": str(dates[0]), "second": str(dates[1]), "changes": changes}
        if affected is not None:
            document["opportunities"] = affected
        print_json(document)
        return
    _print_changes(changes)
    if affected is not None:
        _print_affected(affected)


@app.command()
def audit(
    files: list[Path] = typer.Argument(..., help="Keepa exports or saved Keepa responses."),
    on: str | None = _ON,
    market: str | None = typer.Option(None, help="Marketplace of files that do not name theirs."),
    json: bool = JSON,
) -> None:
    """Compare our fees with those that Keepa observed, row by row."""
    from arbkit.analysis.fee_audit import compare_with_keepa
    from arbkit.profit import load_tables

    load_settings()
    given = None if market is None else marketplace(market)
    found = [compare_with_keepa(path, load_tables(), on=_date(on, "--on"), market=given).to_dict() for path in files]
    if json:
        print_json({"files": found})
        return
    for one in found:
        _print_audit(one)


def _date(text: str | None, field: str) -> date:
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("is not a date", field=field, value=text, remedy="Write it as 2026-08-01") from None


def _affected(settings: Settings, tables: Tables, first: date, second: date) -> list[OpportunityChange]:
    """The stored opportunities whose profit differs between the two dates."""
    from arbkit.analysis.fee_changes import compare_opportunities
    from arbkit.analysis.offers import known_offers
    from arbkit.profit import load_rates
    from arbkit.profit.seller.profile_file import load_profile
    from arbkit.store import OpportunityQuery, open_store
    from arbkit.store.iteration import iter_opportunities

    profile = load_profile(settings.profile_path, settings.profile_name)
    with open_store(settings, read_only=True) as store:
        found = list(iter_opportunities(store, OpportunityQuery()))
        offers = known_offers(store, [o.asin for o in found])
    return compare_opportunities(found, offers, profile, tables, load_rates(), first, second)


def _print_fees(found: Mapping[str, Any]) -> None:
    say(f"{found['category']} in {found['market']} on {found['on']}, {found['currency']}, net of VAT")
    if found["later_changes_unknown"]:
        say(f"  tables of {found['tables_version']}, later changes unknown")
    _print_referral(found["referral"])
    for title, key in (("FBA", "fulfilment"), ("Low-Price FBA", "low_price"), ("EFN", "efn")):
        _print_bands(title, found[key])
    if found["low_price"]["limit"] is not None:
        say(f"  Low-Price FBA up to a price of {number(found['low_price']['limit'])}")
    if found["selected_parcels"]["applies"]:
        say("  parcels of this category are priced by unit weight (selected categories)")
    say(f"  fuel and logistics surcharge {_plain(found['fuel_percent']['percent'])} %")
    if found["peak"]["bands"]:
        _print_bands("Peak season", found["peak"])
    for kind, amount in found["peak"]["amounts"].items():
        say(f"  peak season: {number(amount)} per {kind}")
    for row in found["digital_services"]:
        say(
            f"  digital services fee, seller in {row['seller_in']}: {row['selling_percent']:g} % of selling fees, "
            f"{row['fba_percent']:g} % of FBA fees"
        )


def _print_referral(referral: Mapping[str, Any]) -> None:
    rows = [
        (
            s["schedule"] + (" (disputed)" if s["disputed"] else ""),
            " / ".join(f"{p:g}" for p in s["percent"]),
            " / ".join(f"{b:g}" for b in s["up_to"]) or "any price",
            s["mode"],
        )
        for s in referral["schedules"]
    ]
    print_table(("schedule", "percent", "up to", "mode"), rows, title=f"Referral fee, {_period(referral)}")
    for rest, name in ((s["by_fba"], s["schedule"]) for s in referral["schedules"] if s["by_fba"]):
        say(f"  {name} by FBA: {rest['percent']:g} % of what is above {rest['above']:g}")
    say(f"  minimum {number(referral['minimum'])} per item" if referral["minimum"] else "")


def _print_bands(title: str, fees: Mapping[str, Any]) -> None:
    bands = fees["bands"]
    if not bands:
        say(f"  {title}: no table for this date")
        return
    columns = [name if name == "tier" else f">{name.replace('_', ' ')}" for name in bands[0]]
    rows = [[v if isinstance(v, str) else number(v) for v in band.values()] for band in bands]
    print_table(columns, rows, title=f"{title}, {_period(fees)}")


def _period(table: Mapping[str, Any]) -> str:
    return f"from {table['valid_from']}" + (f" to {table['valid_to']}" if table["valid_to"] else "")


def _print_changes(changes: Sequence[Mapping[str, Any]]) -> None:
    if not changes:
        say("nothing changes between these dates")
    for change in changes:
        source = change["after"]["source"] or change["before"]["source"] or ""
        say(f"{change['subject']} {change['change']}: {source}")
        printed = change["values"][:_MAX_VALUES] if change["change"] == "changes" else []
        for value in printed:
            say(f"  {value['what']}: {_plain(value['before'])} → {_plain(value['after'])}")
        rest = len(change["values"]) - len(printed)
        if rest > 0:
            say(f"  {counted(rest, 'more value' if printed else 'value')} (--json shows all)")


def _print_affected(affected: Sequence[OpportunityChange]) -> None:
    rows = [
        (o["asin"], f"{o['source']} → {o['target']}", number(o["before"]), number(o["after"]), signed(o["change"]))
        for o in affected[:_MAX_OPPORTUNITIES]
    ]
    title = f"{count(len(affected))} stored opportunities"
    print_table(("asin", "route", ">before", ">after", ">change"), rows, title=title)


def _plain(value: object) -> str:
    """A value of a table, of whatever kind, without trailing zeros."""
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _print_audit(found: Mapping[str, Any]) -> None:
    about = f"{count(found['rows'])} rows, exported {found['exported_on']}, tables of {found['on']}"
    say(f"{found['path']}: {about}")
    if found["note"]:
        say(f"  {found['note']}")
    for name, title in (("fulfilment", "fulfilment fee"), ("referral", "referral percentage")):
        say(f"  {title}: {percent(found[f'{name}_agrees_pct'])} of the comparable rows agree")
        for text, rows in found[name].items():
            say(f"    {count(rows):>6}  {text}")
