"""What the commands share: settings, logging, output."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from arbkit.core.formatting import age_words
from arbkit.core.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["age_text", "console", "load_settings", "print_json", "state"]


@dataclass(slots=True)
class _State:
    verbose: bool = False


state = _State()


def load_settings(**overrides: Any) -> Settings:
    """The settings of this command, with logging set up."""
    from arbkit.core.service.process import log_to_stderr

    log_to_stderr(verbose=state.verbose)
    return Settings.load(**{name: value for name, value in overrides.items() if value is not None})


def print_json(document: Any) -> None:
    """One JSON document on standard output, and nothing else there."""
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def age_text(seconds: float | None) -> str:
    """An age in words: ``12 s``, ``5 min``, ``3 h``, ``9 days``; ``never`` for None."""
    return "never" if seconds is None else age_words(seconds, days="days")
