"""What the commands share: settings, logging, output."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
import typer

from arbkit.core.formatting import age_words, count
from arbkit.core.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from arbkit.core.results import Json

JSON = typer.Option(False, "--json", help="Print one JSON document on standard output.")


@dataclass(slots=True)
class _State:
    verbose: bool = False


state = _State()
"""What the options before the command's name say."""


def load_settings() -> Settings:
    """The settings of this command, with logging set up.

    Raises:
        ConfigError: a setting is wrong; names it.
    """
    from arbkit.core.service.process import log_to_stderr

    log_to_stderr(verbose=state.verbose)
    return Settings.load()


def print_json(document: Json) -> None:
    """One JSON document on standard output, and nothing else there."""
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def console(*, stderr: bool = False) -> Console:
    """The terminal, for text and tables."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def age_text(seconds: float | None) -> str:
    """An age in words: ``12 s``, ``5 min``, ``3 h``, ``9 days``; ``never`` for None."""
    return "never" if seconds is None else age_words(seconds, days="days")


def counted(number: float, singular: str, plural: str | None = None) -> str:
    """``1 record``, ``2,000 records``."""
    return f"{count(number)} {singular if number == 1 else plural or singular + 's'}"
