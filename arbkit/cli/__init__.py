"""The ``arbkit`` command. Modules load when their command runs, so that ``--help`` is quick."""

from __future__ import annotations

import io
import os
import stat
import sys
import time

import typer

from arbkit import __version__
from arbkit.cli import data, ops, pages, reports, schedule, services, watch, web
from arbkit.cli.alerts import rules as alerts
from arbkit.cli.bought import decisions, sales
from arbkit.cli.forecasts import backtest, portfolio, track_record
from arbkit.cli.profit import fees, money, profile, verdict
from arbkit.cli.shared import LOG_FORMAT, LogFormat, ReaderGoneError, state
from arbkit.cli.stream import dlq, log
from arbkit.cli.tokens import discover, plan
from arbkit.core.errors import ArbkitError
from arbkit.core.formatting import printable
from arbkit.core.service.json_log import of_service

__all__ = ["app", "main"]

_OTHERS_WRITE = stat.S_IWOTH
_READER_GONE = 141
"""What a shell says of a command that SIGPIPE ended."""

app = typer.Typer(
    name="arbkit", help="The Amazon EU arbitrage workbench.", no_args_is_help=True, pretty_exceptions_enable=False
)
for module in (services, plan, data, money, backtest, portfolio, web, ops):
    module.register(app)
for group in (
    alerts.app, schedule.app, watch.app, data.facts, dlq.app, log.app, fees.app, profile.app, verdict.app, reports.app,
    pages.app, track_record.app, decisions.app, sales.app, discover.app,
):  # fmt: skip
    app.add_typer(group, name=group.info.name)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"arbkit {__version__}")
        raise typer.Exit


@app.callback()
def options(
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Log details.", envvar="ARBKIT_VERBOSE"),
    log_format: LogFormat = typer.Option(
        LogFormat.TEXT, help="Log lines as text, or as JSON with one document a line.", envvar=LOG_FORMAT
    ),
    _version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    """The options before the command's name."""
    state.verbose, state.json_log = verbose, log_format is LogFormat.JSON
    # Services that this command starts log as it does.
    os.environ[LOG_FORMAT] = log_format.value


def main() -> None:
    """Run the command line; an error of ours becomes one line on standard error and its exit code."""
    # Where nothing is taken from new files, every user could change log, store and notebooks.
    os.umask(os.umask(_OTHERS_WRITE) | _OTHERS_WRITE)
    try:
        app()
    except ArbkitError as error:
        try:
            text = printable(str(error))
            line = of_service("arbkit", text, now=time.time(), level="ERROR") if state.json_log else f"arbkit: {text}"
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
        except OSError:
            # A full disk under its log: Python would try again at the end, and end with a code of its own.
            sys.stderr = io.StringIO()
        sys.exit(error.exit_code)
    except ReaderGoneError:
        # What is still in the buffer must not fail once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_READER_GONE)
