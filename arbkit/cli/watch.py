"""Commands for the watchlist: what is on it, what is said of it, and fresh looks at products."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from arbkit.cli.shared import JSON, answer, console, load_settings, say
from arbkit.core.errors import UsageError
from arbkit.core.formatting import counted, printable, utc_time
from arbkit.core.settings import Settings

if TYPE_CHECKING:
    from arbkit.core.offers.looks import Look
    from arbkit.core.offers.watched import WatchEntry
    from arbkit.pipeline.watchlist.reading import WatchedProducts
    from arbkit.sources.watchlist import BadLine
    from arbkit.store import Store

app = typer.Typer(
    name="watch", help="The watchlist: add, remove and list products; notes and groups.", no_args_is_help=True
)
_MOST_BAD = 20
"""Lines of a list that are named."""
_ASINS = typer.Argument(..., help="ASINs or Amazon product URLs.")


@app.command("add")
def add(
    asins: list[str] = typer.Argument(None, help="ASINs, EANs of stored products or Amazon product URLs."),
    file: Path | None = typer.Option(
        None, "--file", metavar="FILE", help="Text with ASINs, EANs of stored products or Amazon URLs; - reads input."
    ),
    skip_bad: bool = typer.Option(False, "--skip-bad", help="Add the rest where some cannot be used."),
    note: str | None = typer.Option(
        None, "--note", "--notes", help="What is noted of each (default: what was noted before)."
    ),
    groups: list[str] = typer.Option([], "--group", help="Group into which each is put; may be repeated."),
) -> None:
    """Add products to the watchlist, or say more of those that are on it."""
    from arbkit.pipeline.watchlist.editing import add as put_on_list
    from arbkit.pipeline.watchlist.reading import place

    if not asins and file is None:
        raise UsageError("names no product", field="ASINS", remedy="Give ASINs, or a text with --file FILE")
    with _changing() as (settings, store):
        wanted = _usable(settings, store, "\n".join(asins).encode(), "ASINS", skip_bad=skip_bad) if asins else []
        if file is not None:
            wanted += _usable(settings, store, _read(file), "--file", value=str(file), skip_bad=skip_bad)
        added = put_on_list(settings, store, wanted, notes=note, groups=groups)
        say(f"added {len(added)} of {len(wanted)} to {place(settings)}")


def _read(file: Path) -> bytes:
    from arbkit.pipeline.watchlist.pasted import MAX_BYTES

    try:
        with nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb") as source:
            return source.read(MAX_BYTES + 1)
    except OSError as error:
        why, remedy = f"cannot be read: {error.strerror or error}", "Name a text with ASINs"
        raise UsageError(why, field="--file", value=str(file), remedy=remedy) from None


def _usable(
    settings: Settings, store: Store, data: bytes, field: str, *, skip_bad: bool, value: str | None = None
) -> list[str]:
    """The products that a text names; what cannot be used is named, and refuses the text unless it is skipped."""
    from arbkit.pipeline.watchlist.lists import check_list

    found = check_list(settings, store, data, value or field)
    _print_bad(found.bad)
    if found.bad and not skip_bad:
        why = f"{counted(len(found.bad), 'entry', 'entries')} cannot be used, and nothing was added"
        raise UsageError(why, field=field, value=value, remedy="Mend it, or add the rest with --skip-bad")
    return [*found.fresh, *found.watched]


def _print_bad(bad: Sequence[BadLine]) -> None:
    """What of a list cannot be used, on the terminal's other output: the first of it, and how much more there is."""
    out = console(stderr=True)
    for line in bad[:_MOST_BAD]:
        out.print(printable(str(line)), markup=False, soft_wrap=True)
    if (more := len(bad) - _MOST_BAD) > 0:
        out.print(f"and {more:,} more that cannot be used", markup=False)


@app.command("remove")
def remove(asins: list[str] = typer.Argument(..., help="ASINs.")) -> None:
    """Remove products from the watchlist; their notes and groups are there again when they come back."""
    from arbkit.core.input.asin import parse_asin
    from arbkit.pipeline.watchlist.editing import remove as take_off_list
    from arbkit.pipeline.watchlist.reading import place

    wanted = list(dict.fromkeys(map(parse_asin, asins)))
    with _changing() as (settings, store):
        removed = take_off_list(settings, store, wanted)
        say(f"removed {len(removed)} of {len(wanted)} from {place(settings)}")
    for asin in wanted:
        if asin not in removed:
            raise UsageError("not on the watchlist", field="asin", value=asin)


@app.command("note")
def note(
    asin: str = typer.Argument(..., help="ASIN."),
    text: str = typer.Argument(..., help="The note; empty: none any longer."),
) -> None:
    """Note something of a product on the watchlist, in place of what was noted before."""
    from arbkit.pipeline.watchlist.editing import describe

    with _changing() as (settings, store):
        _show(describe(settings, store, [asin], lambda entry: entry.noted(text)))


@app.command("group")
def group(
    asins: list[str] = _ASINS,
    add: list[str] = typer.Option([], "--add", help="Group into which each is put; may be repeated."),
    remove: list[str] = typer.Option([], "--remove", help="Group from which each is taken; may be repeated."),
) -> None:
    """Put products on the watchlist into groups, or take them out."""
    from arbkit.pipeline.watchlist.editing import describe

    if not add and not remove:
        raise UsageError("names no group", field="--add", remedy="Give --add NAME, --remove NAME or both")
    with _changing() as (settings, store):
        _show(describe(settings, store, asins, lambda entry: entry.grouped(add=add, remove=remove)))


@app.command("list")
def list_watched(
    groups: list[str] = typer.Option([], "--group", help="Only products of this group; may be repeated."),
    json: bool = JSON,
) -> None:
    """Show the watchlist with groups and notes, and its lines that are not ASINs."""
    from arbkit.pipeline.watchlist.reading import load, unread_edits

    with _reading() as (settings, store):
        watchlist = load(settings, store)
        edits = None if store is None else unread_edits(settings, store)
    wanted = {" ".join(name.split()) for name in groups}
    found = [entry for entry in watchlist.items if not wanted or wanted.intersection(entry.groups)]
    answer(_document(watchlist, found), json, lambda _: _print_list(watchlist, found))
    if edits is not None:
        console(stderr=True).print(edits, markup=False)


def _document(watchlist: WatchedProducts, found: Sequence[WatchEntry]) -> dict[str, Any]:
    items = [
        {"asin": entry.asin, "notes": entry.notes, "groups": list(entry.groups), "added_at": entry.added_at}
        for entry in found
    ]
    asins = [entry.asin for entry in found]
    return {"asins": asins, "bad": list(map(str, watchlist.bad)), "items": items, "total": len(items)}


def _print_list(watchlist: WatchedProducts, found: Sequence[WatchEntry]) -> None:
    _show(found)
    for line in watchlist.bad:
        console(stderr=True).print(printable(str(line)), markup=False)


@app.command("import")
def import_list(
    file: Path | None = typer.Argument(None, help="List of ASINs (default: the file that the settings name)."),
    exactly: bool = typer.Option(False, "--exactly", help="Remove what the file does not name."),
) -> None:
    """Put the products of a file on the watchlist: also those of watchlist.txt, where a shared store is the list."""
    from arbkit.pipeline.watchlist.editing import import_file
    from arbkit.pipeline.watchlist.reading import load, place

    with _changing() as (settings, store):
        done = import_file(settings, store, file, exactly=exactly)
        total = len(load(settings, store).items)
        _print_bad(done.bad)
        say(f"added {counted(len(done.added), 'product')} to {place(settings)}, which has {total:,} now")


def _show(entries: Sequence[WatchEntry]) -> None:
    """A line each, as a watchlist's file may have it: what follows the # is a comment there."""
    for entry in entries:
        since = f"since {utc_time(entry.added_at)}" if entry.added_at is not None else ""
        groups = f"[{', '.join(entry.groups)}]" if entry.groups else ""
        said = "  ".join(part for part in (groups, " ".join(entry.notes.split()), since) if part)
        say(f"{entry.asin}  # {said}" if said else entry.asin, whole=True)


@contextmanager
def _changing() -> Iterator[tuple[Settings, Store]]:
    """The settings, and the store open for writing."""
    from arbkit.store import open_store

    settings = load_settings(settled=True)
    with open_store(settings) as store:
        yield settings, store


@contextmanager
def _reading() -> Iterator[tuple[Settings, Store | None]]:
    """The settings, and the store, if there is one yet."""
    from arbkit.store import open_store
    from arbkit.store.mode import store_if_any

    settings = load_settings(settled=True)
    store = store_if_any(lambda: open_store(settings, read_only=True))
    try:
        yield settings, store
    finally:
        if store is not None:
            store.close()


@app.command("look")
def watch_look(
    asins: list[str] = typer.Argument(..., help="ASINs or Amazon product URLs."),
    markets: list[str] = typer.Option([], "--market", help="Only on this marketplace; may be repeated."),
    json: bool = JSON,
) -> None:
    """Ask the producer for a fresh look at products now, on the watchlist or not."""
    from arbkit.pipeline.looks import ask
    from arbkit.store import open_store

    settings = load_settings(settled=True)
    with open_store(settings) as store:
        asked = ask(settings, store, asins, markets)
    _answer_looks(asked, json)


@app.command("looks")
def watch_looks(json: bool = JSON) -> None:
    """List the looks that were asked for, and what became of them."""
    from arbkit.store import open_store

    with open_store(load_settings(), read_only=True) as store:
        found = store.looks()
    _answer_looks(found, json)


def _answer_looks(looks: Sequence[Look], json: bool) -> None:
    def show(_: Mapping[str, Any]) -> None:
        for look in looks:
            say(f"{look.asin} {look.market}: {look.status}{f', {look.why}' if look.why else ''}")

    answer({"items": [look.to_dict() for look in looks], "total": len(looks)}, json, show)
