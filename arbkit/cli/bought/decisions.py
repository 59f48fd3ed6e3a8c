"""Commands for decisions: what was decided about products, routes and brands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from arbkit.cli.model_options import given_options, options_from
from arbkit.cli.shared import JSON, Document, answer, load_settings, say
from arbkit.core.errors import RefusedFileError
from arbkit.core.results import DecisionStatus

if TYPE_CHECKING:
    from arbkit.core.decisions.event import Decision

app = typer.Typer(
    name="decide", help="What you decided about products, routes and brands: buy lists, purchases, notes.",
    no_args_is_help=True,
)  # fmt: skip


@app.command("list")
def list_decisions(
    status: str | None = typer.Option(
        None, help="Only these, separated by commas: looked_at, buy_list, bought, dismissed, blocked."
    ),
    json: bool = JSON,
) -> None:
    """Show what holds now, also of products that are no longer in the store."""
    from arbkit.analysis.decisions.listing import decisions_that_hold
    from arbkit.core.input.filters import OpportunityFilter
    from arbkit.store import open_store

    wanted = OpportunityFilter.parse({"decision": status}).statuses
    with open_store(load_settings(), read_only=True) as store:
        found = decisions_that_hold(store, wanted)
    items = [{**one.to_dict(), "status_now": now} for one, now in found]
    answer({"items": items, "total": len(items)}, json, lambda _: _print([(one, now) for one, now in found]))


@app.command("set", cls=options_from("arbkit.core.decisions.request:DecisionRequest", skip=("asin", "status", "brand")))
def set_decision(
    context: typer.Context,
    what: str = typer.Argument(..., help="ASIN or Amazon product URL; of a brand its name, with blocked or new."),
    status: str = typer.Argument(
        ..., help="new (ends what was decided), looked_at, buy_list, bought, dismissed, blocked."
    ),
    brand: bool = typer.Option(False, "--brand", help="What is named is a brand."),
    json: bool = JSON,
) -> None:
    """Decide about a product, one of its routes, or a brand."""
    from arbkit.analysis.decisions.taking import decide, user_name
    from arbkit.core.decisions.request import DecisionRequest
    from arbkit.store import open_store

    named = {"brand" if brand or status == "blocked" else "asin": what}
    wanted = DecisionRequest.parse({**given_options(context), **named, "status": status.replace("-", "_")})
    with open_store(load_settings()) as store:
        made = decide(store, wanted, by=user_name())
    answer(made.to_dict(), json, lambda _: _print([(made, made.status)]))


@app.command("history")
def history(
    what: str = typer.Argument(..., help="ASIN, or the name of a brand."),
    brand: bool = typer.Option(False, "--brand", help="What is named is a brand."),
    json: bool = JSON,
) -> None:
    """Show all that was ever decided about a product or a brand, the latest last."""
    from arbkit.core.decisions.event import brand_key
    from arbkit.core.input.asin import parse_asin
    from arbkit.store import open_store

    key = brand_key(what) if brand else parse_asin(what)
    with open_store(load_settings(), read_only=True) as store:
        found = store.decisions([key])
    document: dict[str, Document] = {"items": [one.to_dict() for one in found], "total": len(found)}
    answer(document, json, lambda _: _print([(one, one.status) for one in found]))


@app.command("export")
def export(
    file: Path = typer.Argument(..., help="NAME.csv or NAME.json; an existing file is replaced."), json: bool = JSON
) -> None:
    """Write all that was ever decided to a file, for another store."""
    from arbkit.analysis.decisions.files import write_decisions
    from arbkit.store import open_store

    with open_store(load_settings(), read_only=True) as store:
        found = store.decisions()
    write_decisions(file, found)
    answer({"file": str(file), "decisions": len(found)}, json, lambda _: say(f"{len(found)} decisions into {file}"))


@app.command("import")
def import_file(file: Path = typer.Argument(..., help="A file of `arbkit decide export`."), json: bool = JSON) -> None:
    """Read decisions from a file; those that are known already add nothing."""
    from arbkit.analysis.decisions.files import import_decisions, read_decisions
    from arbkit.store import open_store

    wanted = read_decisions(file)
    with open_store(load_settings()) as store:
        new, there = import_decisions(store, wanted)
    document: dict[str, Document] = {
        "new": new,
        "known": len(wanted) - new - len(there),
        "refused": [one.to_dict() for one in there],
    }
    answer(document, json, lambda _: say(f"{new} of {len(wanted)} decisions are new"))
    if there:
        first = there[0]
        raise RefusedFileError(
            f"{len(there)} of {len(wanted)} decisions are others in this store, the first on {first.what}",
            field=str(file), remedy="These were left out; look at them with `arbkit decide history`",
        )  # fmt: skip


def _print(found: Sequence[tuple[Decision, DecisionStatus]]) -> None:
    from arbkit.core.decisions.words import details, status_words

    if not found:
        say("nothing is decided")
    for one, now in found:
        more, by = details(one), f" by {one.by}" if one.by else ""
        words = f"{status_words(one, now)}{f' {more}' if more else ''}"
        say(
            f"{one.what}: {words} ({datetime.fromtimestamp(one.at, UTC):%Y-%m-%d %H:%M} UTC{by}, version {one.version})"
        )
        for line in one.note.splitlines():
            say(f"    {line}")
