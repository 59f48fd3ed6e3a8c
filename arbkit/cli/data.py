"""Commands that move data in and keep the watchlist."""

from __future__ import annotations

from pathlib import Path

import typer

from arbkit.cli.shared import begin, console, print_json

__all__ = ["register"]

_JSON = typer.Option(False, "--json", help="One JSON document on standard output.")
watch_app = typer.Typer(help="The watchlist: add, remove, list.", no_args_is_help=True)


def import_(
    files: list[Path] = typer.Argument(..., help="Keepa exports (CSV, XLSX) or saved /product answers (JSON)."),
    market: str | None = typer.Option(None, help="Marketplace of a file that does not name its own."),
    json: bool = _JSON,
) -> None:
    """Import Keepa exports and saved answers into the log."""
    from arbkit.importer import import_files

    settings = begin()
    report = import_files(settings, files, market=market)
    if json:
        print_json(report.to_dict())
    else:
        out = console()
        for file in report.files:
            if file.refused:
                out.print(f"{file.path}: refused: {file.refused}", markup=False)
            else:
                out.print(
                    f"{file.path}: {file.market}, {file.products} products of {file.rows} rows, "
                    f"{file.duplicates} duplicates, {file.dead_lettered} dead-lettered",
                    markup=False,
                )
        if report.products:
            out.print("Next: arbkit consume --until-empty, then arbkit detect (arbkit up does both).")
    raise typer.Exit(report.exit_code)


@watch_app.command("add")
def watch_add(asins: list[str] = typer.Argument(..., help="ASINs or Amazon product addresses.")) -> None:
    """Put products on the watchlist."""
    from arbkit.watchlist import add, load, parse_asin

    settings = begin()
    wanted = [parse_asin(text) for text in asins]
    if settings.watchlist_path.exists() or settings.demo_mode:
        load(settings)
    added = add(settings.watchlist_path, wanted)
    console().print(f"added {len(added)} of {len(wanted)} to {settings.watchlist_path}", markup=False)


@watch_app.command("remove")
def watch_remove(asins: list[str] = typer.Argument(..., help="ASINs.")) -> None:
    """Take products off the watchlist."""
    from arbkit.errors import UsageError
    from arbkit.watchlist import parse_asin, remove

    settings = begin()
    for asin in map(parse_asin, asins):
        if not remove(settings.watchlist_path, asin):
            raise UsageError("not on the watchlist", field="asin", value=asin)


@watch_app.command("list")
def watch_list(json: bool = _JSON) -> None:
    """Show the watchlist, and its lines that are no ASINs."""
    from arbkit.watchlist import load

    settings = begin()
    watchlist = load(settings)
    if json:
        print_json({"asins": list(watchlist.asins), "bad": [str(line) for line in watchlist.bad]})
        return
    out = console()
    for asin in watchlist.asins:
        out.print(asin, markup=False)
    for line in watchlist.bad:
        console(stderr=True).print(str(line), markup=False)


def register(app: typer.Typer) -> None:
    app.command("import")(import_)
    app.add_typer(watch_app, name="watch")
