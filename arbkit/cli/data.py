"""Commands for the data: the watchlist, imports, exports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from arbkit.cli.model_options import given_options, options_from
from arbkit.cli.shared import console, counted, load_settings, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from arbkit.core.results import JsonObject
    from arbkit.pipeline.file_report import FileReport

_JSON = typer.Option(False, "--json", help="One JSON document on standard output.")
_MAX_NAMED = 8
"""Columns that are named without ``--dry-run``."""
_SHOWN = ("row", "asin", "market", "title", "price_minor", "price_basis", "sales_rank", "weight_g")
"""Fields of an offer that ``--dry-run`` prints."""
watch_app = typer.Typer(help="The watchlist: add, remove and list products.", no_args_is_help=True)


@watch_app.command("add")
def watch_add(asins: list[str] = typer.Argument(..., help="ASINs or Amazon product URLs.")) -> None:
    """Add products to the watchlist."""
    from arbkit.core.input.asin import parse_asin
    from arbkit.sources.watchlist import add, locate

    settings = load_settings()
    wanted = [parse_asin(text) for text in asins]
    path = locate(settings)
    added = add(path, wanted)
    console().print(f"added {len(added)} of {len(wanted)} to {path}", markup=False)


@watch_app.command("remove")
def watch_remove(asins: list[str] = typer.Argument(..., help="ASINs.")) -> None:
    """Remove products from the watchlist."""
    from arbkit.core.errors import UsageError
    from arbkit.core.input.asin import parse_asin
    from arbkit.sources.watchlist import locate, remove

    settings = load_settings()
    for asin in map(parse_asin, asins):
        if not remove(locate(settings), asin):
            raise UsageError("not on the watchlist", field="asin", value=asin)


@watch_app.command("list")
def watch_list(json: bool = _JSON) -> None:
    """Show the watchlist, and its lines that are not ASINs."""
    from arbkit.sources.watchlist import load

    settings = load_settings()
    watchlist = load(settings)
    if json:
        print_json({"asins": list(watchlist.asins), "bad": [str(line) for line in watchlist.bad]})
        return
    out = console()
    for asin in watchlist.asins:
        out.print(asin, markup=False)
    for line in watchlist.bad:
        console(stderr=True).print(str(line), markup=False)


def import_command(
    files: list[Path] = typer.Argument(..., help="Keepa exports (CSV, XLSX) or saved Keepa responses (JSON, gzip)."),
    market: str | None = typer.Option(None, help="Marketplace of files that do not name theirs."),
    dated: str | None = typer.Option(
        None, metavar="YYYY-MM-DD", help="Day on which the prices of files without a date were true."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show what would be read; store nothing."),
    json: bool = _JSON,
) -> None:
    """Import Keepa exports and saved Keepa responses."""
    from arbkit.core.marketplaces import market as marketplace
    from arbkit.core.service.process import stop_on_signals
    from arbkit.pipeline.consumer import drain
    from arbkit.pipeline.file_import import import_files, preview_files

    given, day = marketplace(market) if market else None, _day(dated)
    if dry_run:
        report = preview_files(files, market=given, dated=day)
    else:
        settings = load_settings()
        report = import_files(settings, files, market=given, dated=day)
        if report.products and not drain(settings, stop=stop_on_signals()):
            console(stderr=True).print("not all of it is enriched yet: see `arbkit status` for the lag", markup=False)
    if json:
        print_json(report.to_dict())
    else:
        for file in report.files:
            _print_file(file)
    raise typer.Exit(report.exit_code)


def _day(text: str | None) -> date | None:
    from datetime import UTC, date, datetime

    from arbkit.core.errors import UsageError

    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError("is no date", field="--dated", value=text, remedy="Write it as 2026-01-31") from None
    if day > datetime.now(UTC).date():
        raise UsageError("is in the future", field="--dated", value=text)
    return day


def _print_file(file: FileReport) -> None:
    out = console()
    dated = {"row": "dated row by row", "unknown": "undated"}.get(file.facts_from or "")
    found = f"{counted(file.products, 'product')} of {file.market}, {dated or f'prices of {file.exported_at}'}"
    out.print(f"{file.path}: {file.refused or found}", markup=False)
    if file.dead_lettered and file.sample is None:
        out.print(f"  {file.dead_lettered} of {file.rows} rows were rejected: see `arbkit dlq list`", markup=False)
    for note in file.notes:
        out.print(f"  {note}", markup=False)
    if file.sample is not None:
        _print_preview(file, file.sample)
    elif unread := file.columns["unread"]:
        names = ", ".join(unread[:_MAX_NAMED]) + (", …" if len(unread) > _MAX_NAMED else "")
        out.print(f"  {counted(len(unread), 'column')} not read: {names}", markup=False)


def _print_preview(file: FileReport, sample: Sequence[JsonObject]) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = console()
    if file.dead_lettered:
        out.print(f"  {file.dead_lettered} of {file.rows} rows would be rejected", markup=False)
    if file.notation is not None:
        wanted = ("decimal", "thousands", "currency", "dates")
        said = ", ".join(f"{name} {value}" for name, value in file.notation.items() if name in wanted)
        out.print(f"  notation: {said}", markup=False)
    for name, headers in (("read", file.columns["read"]), ("not read", file.columns["unread"])):
        out.print(f"  columns {name}: {', '.join(headers) or 'none'}", markup=False)
    if sample:
        table = Table(*_SHOWN)
        for offer in sample:
            table.add_row(*(escape(str(offer.get(name, ""))[:48]) for name in _SHOWN))
        out.print(table)


def export(
    context: typer.Context,
    file: Path = typer.Argument(..., help="NAME.csv or NAME.xlsx; an existing file is replaced."),
    view: str = typer.Option("", help="Filter, as after the ? in the address of the opportunities page."),
    json: bool = _JSON,
) -> None:
    """Write opportunities, with every fee and tax, to a CSV or XLSX file."""
    import time

    from arbkit.core.errors import UsageError
    from arbkit.core.input.filters import OpportunityFilter
    from arbkit.display.spreadsheet import HEADINGS, opportunity_rows, write
    from arbkit.store import open_store
    from arbkit.store.address import AddressFilter, describe_errors

    settings = load_settings()
    viewed, wrong = AddressFilter.parse_address(view)
    if wrong:
        raise UsageError(describe_errors(wrong), field="--view")
    given = OpportunityFilter.parse(given_options(context))
    wanted = viewed.changed(**given.filters())
    with open_store(settings, read_only=True) as store:
        rows = write(file, HEADINGS, opportunity_rows(store, wanted.query(now=time.time())))
    if json:
        print_json({"file": str(file), "rows": rows})
    else:
        console().print(f"{rows} opportunities into {file}", markup=False)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("import")(import_command)
    app.command(cls=options_from("arbkit.core.input.filters:OpportunityFilter"))(export)
    app.add_typer(watch_app, name="watch")
