"""Commands about dead letters: ``arbkit dlq``."""

from __future__ import annotations

import typer

from arbkit.cli.shared import console, load_settings, print_json

__all__ = ["register"]

_JSON = typer.Option(False, "--json", help="One JSON document on standard output.")

dlq = typer.Typer(help="Dead letters: records that could not be used, with their original bytes.", no_args_is_help=True)


@dlq.command("list")
def list_letters(
    limit: int = typer.Option(50, min=1, help="Most to print, the latest."),
    json: bool = _JSON,
) -> None:
    """What could not be used, and why."""
    from rich.markup import escape
    from rich.table import Table

    from arbkit.stream import open_stream
    from arbkit.stream.dead_letters import dead_letters, summary

    with open_stream(load_settings()) as log:
        letters = [summary(letter) for letter in dead_letters(log)]
    latest = letters[-limit:]
    if json:
        print_json({"total": len(letters), "items": latest})
        return
    table = Table(title=f"{len(letters)} dead letters", title_justify="left")
    for name in ("offset", "key", "error", "attempts", "time"):
        table.add_column(name, overflow="fold")
    for one in latest:
        cells = (one["offset"], one["key"], one["error"], one["attempts"], one["time"])
        table.add_row(*(escape(str(cell)) for cell in cells))
    console().print(table)


@dlq.command()
def show(offset: int = typer.Argument(..., min=0, help="Offset, as `arbkit dlq list` names it.")) -> None:
    """One dead letter whole, as JSON."""
    from arbkit.stream import open_stream
    from arbkit.stream.dead_letters import detail

    with open_stream(load_settings()) as log:
        print_json(detail(log, offset))


@dlq.command()
def replay(
    offsets: list[int] = typer.Argument(None, min=0, help="Offsets; default: all that were not replayed before."),
) -> None:
    """Put dead letters back on their topic, to be tried again."""
    from arbkit.stream import open_stream
    from arbkit.stream.dead_letters import replay as again

    with open_stream(load_settings()) as log:
        count = again(log, offsets or ())
    console().print(f"{count} records are back on the log")


def register(app: typer.Typer) -> None:
    app.add_typer(dlq, name="dlq")
