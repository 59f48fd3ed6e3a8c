"""The ``arbkit`` command. Modules load when their command runs, so that ``--help`` is quick."""

from __future__ import annotations

import sys

import typer

from arbkit.cli import data, dlq, fees, money, ops, reports, schedule, services, web
from arbkit.cli.shared import state
from arbkit.core.errors import ArbkitError

__all__ = ["app", "main"]

app = typer.Typer(
    name="arbkit",
    help="The Amazon EU arbitrage workbench.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for module in (services, schedule, data, dlq, money, fees, web, reports, ops):
    module.register(app)


@app.callback()
def options(
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Log details.", envvar="ARBKIT_VERBOSE"),
) -> None:
    state.verbose = verbose


def main() -> None:
    """Run the command line; an error of ours becomes one line and its exit code."""
    try:
        app()
    except ArbkitError as error:
        sys.stderr.write(f"arbkit: {error}\n")
        sys.exit(error.exit_code)
