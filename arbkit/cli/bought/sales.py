"""Commands for realised sales: taken in, listed, and held against the forecasts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from arbkit.cli.model_options import given_options, options_from
from arbkit.cli.shared import JSON, Document, answer, load_settings, printing, say
from arbkit.core.errors import RefusedFileError, UsageError
from arbkit.core.formatting import counted, money, percent, signed

if TYPE_CHECKING:
    from arbkit.analysis.sales.importing import TakenSales
    from arbkit.analysis.sales.results import PurchaseOutcome, SalesReport
    from arbkit.core.sales.filter import SalesFilter
    from arbkit.core.sales.line import SaleLine
    from arbkit.sources.settlements.read import ReadSales

app = typer.Typer(
    name="sales", help="What was really sold, and how the forecasts of your purchases came out.", no_args_is_help=True
)
_MOST_FAULTS = 20


@app.command("template")
def print_template(
    file: Path | None = typer.Argument(None, help="Where to write it; default: standard output."),
) -> None:
    """Write a CSV file to fill in: the columns and one line as an example."""
    from arbkit.core.files import write_new
    from arbkit.sources.settlements.template import template

    if file is None:
        typer.echo(template(), nl=False)
    elif not write_new(file, template().encode()):
        raise UsageError("is there already", field="file", value=str(file), remedy="Name another one")
    else:
        say(f"written to {file}")


@app.command("import")
def import_file(
    file: Path = typer.Argument(
        ...,
        help="A settlement of Amazon (Payments > All statements, “Flat File V2”), a filled-in template, or a file of "
        "`arbkit sales export`.",
    ),
    skus: Path | None = typer.Option(
        None, "--skus", help="A file with the columns sku and asin: which product each SKU is. It is remembered."
    ),
    preview: bool = typer.Option(False, "--preview", help="Say what would become of the file, and keep nothing of it."),
    json: bool = JSON,
) -> None:
    """Take in sales and refunds of a file; what is known already adds nothing."""
    from arbkit.analysis.sales.importing import import_result
    from arbkit.sources.settlements.files import read_sales, read_skus

    read = read_sales(file, added_at=time.time())
    known, sku_faults = ({}, []) if skus is None else read_skus(skus)
    taken = _preview(read, known) if preview else _take(read, known)
    document: dict[str, Document] = {
        **import_result(read, taken, preview=preview).model_dump(mode="json"),
        "sku_faults": [one._asdict() for one in sku_faults],
    }

    def show(_: Document) -> None:
        would = "nothing is kept yet; it would be: " if preview else ""
        say(f"{would}{counted(taken.new, 'line')} new, {taken.changed} changed, {taken.known} known already")
        _print_read(read)
        for one in sku_faults[:_MOST_FAULTS]:
            say(f"    {skus}, line {one.number}: {one.why}")
        for words in (taken.unknown_words, taken.unmatched_words):
            if words:
                say(words)

    answer(document, json, show)
    if read.faults:
        rest = "all others would be kept" if preview else "all others are kept"
        raise RefusedFileError(
            f"{counted(read.left_out, 'line')} left out, the first because row {read.faults[0].number} "
            f"{read.faults[0].words}",
            field=str(file), remedy=f"Mend these rows and import the file again: {rest}",
        )  # fmt: skip


@app.command("export", cls=options_from("arbkit.core.sales.filter:SalesFilter", start="from"))
def export(
    context: typer.Context,
    file: Path | None = typer.Argument(None, help="NAME.csv; an existing file is replaced; default: standard output."),
    json: bool = JSON,
) -> None:
    """Write sales to a CSV file, for a spreadsheet or another store: `arbkit sales import` takes it as it was."""
    from arbkit.analysis.sales.listing import find_sales
    from arbkit.core.files import write_atomically
    from arbkit.sources.settlements.exported import export_csv
    from arbkit.store import open_store

    if file is None and json:
        raise UsageError("is missing", field="file", remedy="Name one, or take `arbkit sales list --json`")
    wanted = _wanted(context)
    with open_store(load_settings(), read_only=True) as store:
        found = find_sales(store, wanted)
    if file is None:
        with printing():
            typer.echo(export_csv(found), nl=False)
        return
    write_atomically(file, export_csv(found))
    answer({"file": str(file), "lines": len(found)}, json, lambda _: say(f"{counted(len(found), 'line')} into {file}"))


@app.command("add", cls=options_from("arbkit.core.sales.entry:SaleEntry", skip=("asin",)))
def add(
    context: typer.Context, asin: str = typer.Argument(..., help="ASIN or Amazon product URL."), json: bool = JSON
) -> None:
    """Write down one sale or refund by hand."""
    from arbkit.analysis.sales.importing import enter_sale
    from arbkit.core.sales.entry import SaleEntry
    from arbkit.store import open_store

    entry = SaleEntry.parse({**given_options(context), "asin": asin})
    with open_store(load_settings()) as store:
        made = enter_sale(store, entry)
    answer(made.to_dict(), json, lambda _: _print_lines([made]))


@app.command("remove")
def remove(ids: list[str] = typer.Argument(..., help="Ids of lines, as `arbkit sales list --json` has them.")) -> None:
    """Forget lines that were taken in or written down by mistake."""
    from arbkit.store import open_store

    with open_store(load_settings()) as store:
        removed = store.remove_sales(ids)
    say(f"removed {removed} of {len(ids)}")


@app.command("list", cls=options_from("arbkit.core.sales.filter:SalesFilter", skip=("asin",), start="from"))
def list_sales(
    context: typer.Context,
    asin: str | None = typer.Argument(None, help="Only those of this product."),
    json: bool = JSON,
) -> None:
    """Show the sales, refunds and other lines that were taken in."""
    from arbkit.analysis.sales.listing import find_sales
    from arbkit.store import open_store

    wanted = _wanted(context, asin=asin)
    with open_store(load_settings(), read_only=True) as store:
        found = find_sales(store, wanted)
    document: dict[str, Document] = {"items": [one.to_dict() for one in found], "total": len(found)}
    answer(document, json, lambda _: _print_lines(found))


@app.command("score")
def score(
    asin: str | None = typer.Argument(None, help="Only the purchases of this product."), json: bool = JSON
) -> None:
    """Hold what was forecast of each purchase against what came of it."""
    from arbkit.analysis.sales.scoring import sales_report
    from arbkit.core.input.asin import parse_asin
    from arbkit.store import open_store

    with open_store(load_settings(), read_only=True) as store:
        found = sales_report(store, None if asin is None else parse_asin(asin))
    answer(found.model_dump(mode="json"), json, lambda _: _print_report(found))


def _wanted(context: typer.Context, **more: str | None) -> SalesFilter:
    from arbkit.core.sales.filter import SalesFilter

    # "from" is a word of Python, so the field has another name.
    given = {"from" if name == "start" else name: value for name, value in given_options(context).items()}
    return SalesFilter.parse({**given, **more})


def _take(read: ReadSales, skus: Mapping[str, str]) -> TakenSales:
    from arbkit.analysis.sales.importing import take_sales
    from arbkit.store import open_store

    with open_store(load_settings()) as store:
        return take_sales(store, read.lines, skus)


def _preview(read: ReadSales, skus: Mapping[str, str]) -> TakenSales:
    from arbkit.analysis.sales.importing import preview_sales
    from arbkit.store import open_store
    from arbkit.store.mode import store_if_any

    settings = load_settings()
    store = store_if_any(lambda: open_store(settings, read_only=True))
    with contextlib.nullcontext() if store is None else store:
        return preview_sales(store, read.lines, skus)


def _print_read(read: ReadSales) -> None:
    for what, many in read.others.items():
        say(f"    no sale, kept: {many} × {what}")
    for one in read.mismatches:
        say(
            f"    settlement {one.settlement} says {one.stated:.2f} and its lines come to {one.found:.2f}: is it whole?"
        )
    for fault in read.faults[:_MOST_FAULTS]:
        say(f"    row {fault.number}: {fault.words}")
    if len(read.faults) > _MOST_FAULTS:
        say(f"    … and {len(read.faults) - _MOST_FAULTS} more rows")


def _print_lines(found: Sequence[SaleLine]) -> None:
    if not found:
        say("no sales are known")
    for one in found:
        product = one.asin or f"SKU {one.sku or '–'}, product unknown"
        units = f" of {counted(one.units, 'unit')}" if one.units else ""
        what = one.what if one.kind == "other" else f"{one.kind}{units}, {product}"
        where = f" on {one.market}" if one.market else ""
        say(f"{one.day} {what}{where}: {money(one.total, one.currency)} ({one.source})")


def _print_report(found: SalesReport) -> None:
    from arbkit.analysis.sales.words import score_words, unmatched_words

    if not found.purchases:
        say("nothing was bought yet: decide `bought` with quantity and price")
    for one in found.purchases:
        _print_outcome(one)
    for line in (*map(score_words, found.scores), *unmatched_words(found)):
        say(line)


def _print_outcome(one: PurchaseOutcome) -> None:
    from arbkit.analysis.sales.words import basis_words

    say(
        f"{one.asin} {one.source} → {one.target}, {one.quantity} bought on {one.bought_on} at "
        f"{money(one.price, one.price_currency)}: {one.sold} sold, {one.refunded} refunded, {one.left} left"
    )
    came = "unknown" if one.profit_per_unit is None else signed(one.profit_per_unit, one.currency)
    say(
        f"    a unit: forecast {signed(one.expected, one.currency)} ({signed(one.forecast_p10)} to "
        f"{signed(one.forecast_p90)}, {percent(one.forecast_chance_pct, 0)} for a profit), came {came} "
        f"({basis_words(one)})"
    )
    forecast = "unknown" if one.forecast_days is None else f"{one.forecast_days:g}"
    days = "not yet" if one.days_to_sell is None else f"{one.days_to_sell:g}"
    say(f"    days until half were sold: forecast {forecast}, came {days}")
