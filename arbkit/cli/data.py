"""Commands for the data: facts that were typed in, imports, exports."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from arbkit.cli.model_options import given_options, options_from
from arbkit.cli.progress import progress
from arbkit.cli.shared import JSON, answer, console, load_settings, print_json, print_table, say
from arbkit.core.errors import UsageError
from arbkit.core.formatting import UNKNOWN, count, counted, money
from arbkit.core.input.asin import parse_asin
from arbkit.core.keepa_time import FIRST_DAY
from arbkit.core.marketplaces import market as marketplace
from arbkit.core.service.process import stop_on_signals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from arbkit.core.offers.facts import Fact
    from arbkit.core.offers.merging import Outcome
    from arbkit.core.settings import Settings
    from arbkit.pipeline.consumer import ConsumeSummary, Outcomes
    from arbkit.pipeline.files.report import FileReport

_MAX_NAMED = 8
"""Columns that are named without ``--dry-run``."""
_MAX_TITLE = 48
_SHOWN = {
    "row": "row", "ASIN": "asin", "market": "market", "title": "title", ">price": "price_minor", "basis": "price_basis",
    ">rank": "sales_rank", ">g": "weight_g",
}  # fmt: skip
"""Heading → field of an offer that ``--dry-run`` prints."""
facts = typer.Typer(
    name="facts", help="What you know better than the data: package sizes, VAT classes, categories.",
    no_args_is_help=True,
)  # fmt: skip
_Columns = Literal["all", "shown"]
_Notation = Literal["english", "european"]
_ONE_MARKET = typer.Option("", help="Only on this marketplace (default: on all).")


@facts.command("list")
def facts_list(asins: list[str] = typer.Argument(None, help="ASINs (default: all)."), json: bool = JSON) -> None:
    """List what you have typed in."""
    from arbkit.store import open_store

    with open_store(load_settings(), read_only=True) as store:
        found = store.facts([parse_asin(text) for text in asins] if asins else None)
    answer({"items": [fact.to_dict() for fact in found], "total": len(found)}, json, lambda _: _print_facts(found))


@facts.command("set")
def facts_set(
    asin: str = typer.Argument(..., help="ASIN or Amazon product URL."),
    size_mm: str | None = typer.Option(None, help="Package size in millimetres, as 510x450x470."),
    weight_g: int | None = typer.Option(None, help="Package weight in grams."),
    vat_class: str | None = typer.Option(None, help="VAT class, such as standard, books or food."),
    category: str | None = typer.Option(None, help="Category, as the fee tables name it."),
    market: str = _ONE_MARKET,
    json: bool = JSON,
) -> None:
    """Type in what you know: it wins over what any source says."""
    from arbkit.analysis.detection_inputs import today
    from arbkit.core.offers.facts import TypedFacts
    from arbkit.profit import load_tables
    from arbkit.store import open_store
    from arbkit.store.kept_facts import keep_typed

    settings = load_settings()
    typed = TypedFacts(size_mm=size_mm, weight_g=weight_g, vat_class=vat_class, category=category, market=market)
    with open_store(settings) as store:
        kept = keep_typed(settings, store, asin, typed, vat_classes=load_tables().on(today()).vat_classes)
    answer({"items": [fact.to_dict() for fact in kept], "total": len(kept)}, json, lambda _: _print_facts(kept))


@facts.command("unset")
def facts_unset(
    asin: str = typer.Argument(..., help="ASIN."),
    names: list[str] = typer.Argument(None, help="package, vat_class or category (default: all)."),
    market: str = _ONE_MARKET,
    json: bool = JSON,
) -> None:
    """Forget what you have typed in for a marketplace, or for all of them together."""
    from arbkit.store import open_store
    from arbkit.store.kept_facts import forget_typed

    settings = load_settings()
    with open_store(settings) as store:
        gone = forget_typed(settings, store, asin, names or (), market=market)
    answer({"removed": [fact.to_dict() for fact in gone]}, json, lambda _: _print_facts(gone))


def _print_facts(found: Sequence[Fact]) -> None:
    for fact in found:
        said = ", ".join(f"{name} {value}" for name, value in fact.value_json().items())
        say(f"{fact.asin} {fact.market or 'all marketplaces'}: {said}")


def import_command(
    files: list[Path] = typer.Argument(..., help="Keepa exports (CSV, XLSX) or saved Keepa responses (JSON, gzip)."),
    market: str | None = typer.Option(None, help="Marketplace of files that do not name theirs."),
    dated: str | None = typer.Option(
        None, metavar="YYYY-MM-DD", help="Day on which the prices of files without a date were true."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show what would be read; store nothing."),
    json: bool = JSON,
) -> None:
    """Import Keepa exports and saved Keepa responses."""
    from arbkit.pipeline.consumer import ConsumeSummary
    from arbkit.pipeline.files.importing import import_files, preview_files

    given, day, done = marketplace(market) if market else None, _day(dated), ConsumeSummary()
    if dry_run:
        report = preview_files(files, market=given, dated=day)
    else:
        settings = load_settings()
        with progress("reading rows") as shown:
            report = import_files(settings, files, market=given, dated=day, progress=shown)
        if report.products:
            done = _store(settings, report.products)
    became = [done.of_file(Path(file.path).name, file.products) for file in report.files]
    if json:
        print_json(report.to_dict() if dry_run else _with_outcomes(report.to_dict(), became))
    else:
        for file, outcomes in zip(report.files, became, strict=True):
            _print_file(file)
            if outcomes is not None:
                say(
                    f"  {outcomes.stored} new, {outcomes.updated} updated, {outcomes.older} older than what is stored, "
                    f"{outcomes.equal} known already"
                )
    raise typer.Exit(report.exit_code)


def _store(settings: Settings, products: int) -> ConsumeSummary:
    """See to it that this many published products are stored, and show how far that is; what was done here."""
    from arbkit.pipeline.consumer import ConsumeSummary, drain

    with progress("storing products") as shown:

        class Shown(ConsumeSummary):
            def note(self, outcome: Outcome) -> None:
                super().note(outcome)
                shown(self.total, max(self.total, products))

        done = Shown()
        is_stored = drain(settings, stop=stop_on_signals(), summary=done)
    if not is_stored:
        console(stderr=True).print("not all of it is enriched yet: see `arbkit status` for the lag", markup=False)
    return done


def _with_outcomes(document: dict[str, Any], became: Sequence[Outcomes | None]) -> dict[str, Any]:
    """The report of an import with what became of each file's records; null where another consumer did them."""
    names = ("stored", "updated", "older", "equal")
    for row, outcomes in zip(document["files"], became, strict=True):
        row.update({name: None if outcomes is None else getattr(outcomes, name) for name in names})
    return document


def _day(text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError("is no date", field="--dated", value=text, remedy="Write it as 2026-01-31") from None
    if day and day > datetime.now(UTC).date():
        raise UsageError("is in the future", field="--dated", value=text)
    if day and day < FIRST_DAY:
        raise UsageError(f"is before Keepa's first day, {FIRST_DAY}", field="--dated", value=text)
    return day


def _print_file(file: FileReport) -> None:
    dated = "dated row by row" if file.facts_from == "row" else f"prices of {file.exported_at or 'an unknown day'}"
    of = f" of {file.market}" if file.market else ""
    found = f"{counted(file.products, 'product')}{of}, {dated}"
    say(f"{file.path}: {file.refused or found}")
    if file.dead_lettered:
        became = "were rejected: see `arbkit dlq list`" if file.sample is None else "would be rejected"
        say(f"  {file.dead_lettered} of {file.rows} rows {became}")
    for note in file.notes:
        say(f"  {note}")
    if file.sample:
        _print_preview(file, file.sample)
    elif unread := file.columns["unread"]:
        say(f"  columns not read: {', '.join(unread[:_MAX_NAMED])}{', …' if len(unread) > _MAX_NAMED else ''}")


def _print_preview(file: FileReport, sample: Sequence[Mapping[str, JsonValue]]) -> None:
    if (how := file.notation) is not None:
        named = how["currency"] or "not named", how["dates"] or "none"
        say(f"  numbers: 1{how['thousands']}299{how['decimal']}90, currency: {named[0]}, dates: {named[1]}")
    for name, headers in (("read", file.columns["read"]), ("not read", file.columns["unread"])):
        say(f"  columns {name}: {', '.join(headers) or 'none'}")
    print_table(list(_SHOWN), [[_words(offer, name) for name in _SHOWN.values()] for offer in sample], whole=("ASIN",))


def _words(offer: Mapping[str, JsonValue], name: str) -> str:
    """What a field of a row that would be read says to people."""
    match name, offer.get(name):
        case _, None:
            return UNKNOWN
        case "price_minor", int(minor):
            return money(minor / 100, str(offer["currency"]))
        case "price_basis", str(basis):
            return basis.replace("_", " ")
        case _, int(number) if name != "row":
            return count(number)
        case _, value:
            return str(value)[:_MAX_TITLE]


def export(
    context: typer.Context,
    file: Path = typer.Argument(..., help="NAME.xlsx, NAME.csv or NAME.parquet; an existing file is replaced."),
    view: str = typer.Option("", help="Filter and columns, as after the ? in the address of the opportunities page."),
    columns: _Columns = typer.Option("all", help="shown: those that the page shows, with this view."),
    notation: _Notation = typer.Option(
        "english", help="Of a CSV: english (1234.56, commas between cells) or european (1234,56, semicolons)."
    ),
    json: bool = JSON,
) -> None:
    """Write opportunities, with every fee and tax, to an XLSX, CSV or Parquet file."""
    from arbkit.analysis.verdict.judging import Judge
    from arbkit.core.input.filters import OpportunityFilter
    from arbkit.display.export.opportunities import write_opportunities
    from arbkit.profit.seller.profile_file import load_profile
    from arbkit.store import open_store
    from arbkit.web.dashboards.opportunities.columns import chosen_columns
    from arbkit.web.dashboards.opportunities.filters import View, parse

    settings = load_settings()
    # What the page leaves out is left out of its files; who names no view asks for all.
    viewed, wrong = parse(view) if view else (View(decision=None), {})
    if wrong:
        raise UsageError("; ".join(f"{name}: {why}" for name, why in wrong.items()), field="--view")
    given = OpportunityFilter.parse(given_options(context))
    wanted = viewed.changed(**given.filters())
    shown = chosen_columns(viewed.columns, what_if=False) if columns == "shown" else None
    seller = load_profile(settings.profile_path, settings.profile_name)
    with open_store(settings, read_only=True) as store:
        rows = write_opportunities(
            file, store, wanted.query(now=time.time()), seller, Judge(settings), page_columns=shown, notation=notation
        )
    answer({"file": str(file), "rows": rows}, json, lambda _: say(f"{rows} opportunities into {file}"))


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("import")(import_command)
    app.command(cls=options_from("arbkit.core.input.filters:OpportunityFilter", all_routes="all"))(export)
