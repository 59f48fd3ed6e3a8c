"""What the commands share: settings, logging, output."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import orjson
import typer
from pydantic import BaseModel

from arbkit.core.errors import ServiceError
from arbkit.core.formatting import age_words, printable
from arbkit.core.service.process import die_with_parent, log_to_stderr, stop_on_signals
from arbkit.core.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


logger = logging.getLogger(__name__)

Document: TypeAlias = "BaseModel | str | int | float | bool | Sequence[Document] | Mapping[str, Document] | None"
"""What ``--json`` prints: models, or plain Python."""
DocumentT = TypeVar("DocumentT", bound=Document)

JSON = typer.Option(False, "--json", help="Print one JSON document on standard output.")


LOG_FORMAT = "ARBKIT_LOG_FORMAT"


class LogFormat(Enum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


@dataclass(slots=True)
class _State:
    verbose: bool = False
    json_log: bool = False


state = _State()
"""What the options before the command's name say."""


def load_settings(*, settled: bool = False, early: bool = False, with_key: bool = False) -> Settings:
    """The settings of this command, with logging set up; ``settled``: with the mode that the store decides.

    ``early``: the same for a service that may start before its store.

    Without the Keepa key, unless the command asks something of Keepa (``with_key``).

    Raises:
        ConfigError: a setting is wrong; names it. ``settled``: there is neither a key nor anything imported nor a demo.
        StoreError: ``settled``, and the store does not answer, which decides.
    """
    log_to_stderr(verbose=state.verbose, as_json=state.json_log)
    settings = Settings.load() if with_key else Settings.load().without_key()
    if not settled and not early:
        return settings
    from arbkit.store.mode import mode_at_start, settle_mode

    return mode_at_start(settings) if early else settle_mode(settings)


def start_service(*, settled: bool = False, with_key: bool = False) -> tuple[Settings, threading.Event]:
    """The settings of a command that runs until it is stopped, as of :func:`load_settings`, and what stops it.

    Raises:
        ConfigError, StoreError: as :func:`load_settings`.
    """
    settings = load_settings(settled=settled, with_key=with_key)
    warn_of_exposures(settings)
    die_with_parent()
    return settings, stop_on_signals()


def warn_of_exposures(settings: Settings) -> None:
    """Log which secrets others could read, unless ``arbkit up`` has done so already."""
    from arbkit.core.service.exposure import exposures

    if not os.environ.get("ARBKIT_SUPERVISED"):
        for exposure in exposures(settings):
            logger.warning("%s", exposure)


class ReaderGoneError(Exception):
    """Whoever read standard output has seen enough, as `head` has."""


@contextmanager
def printing() -> Iterator[None]:
    """Whatever is printed in here.

    Raises:
        ServiceError: standard output takes nothing (a full disk); what the command has done stays done.
        ReaderGoneError: nobody reads it any longer.
    """
    try:
        yield
    except BrokenPipeError:
        raise ReaderGoneError from None
    except OSError as error:
        # Python would try again at the end, and end with a code of its own.
        sys.stdout = io.StringIO()
        why = f"cannot be written: {error.strerror or error}"
        raise ServiceError(why, field="standard output", remedy="What was to be done is done") from error


def print_json(document: Document) -> None:
    """One JSON document on standard output, and nothing else there.

    Raises:
        ServiceError: it cannot be written there.
        ReaderGoneError: nobody reads it any longer.
    """
    data = orjson.dumps(document, default=lambda model: model.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
    if sys.stdout is None:
        raise ServiceError("is closed", field="standard output", remedy="What was to be done is done")
    with printing():
        sys.stdout.buffer.write(data + b"\n")
        sys.stdout.buffer.flush()


def answer(document: DocumentT, json: bool, text: Callable[[DocumentT], None]) -> None:
    """Print what a command found, with ``--json`` as a document, else as ``text`` prints it."""
    if json:
        print_json(document)
    else:
        text(document)


def console(*, stderr: bool = False) -> Console:
    """The terminal, for text and tables."""
    from rich.console import Console

    class Terminal(Console):
        def on_broken_pipe(self) -> None:
            # rich would end the process as if something had failed.
            raise

    return Terminal(stderr=stderr, highlight=False)


def say(text: str, *, whole: bool = False) -> None:
    """A line of plain text on the terminal; ``whole``: not wrapped, so that an address in it can be copied."""
    with printing():
        console().print(printable(text), markup=False, soft_wrap=whole)


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    title: str | None = None,
    grid: bool = True,
    whole: Collection[str] = (),
) -> None:
    """A table on the terminal, folded where that is narrow; an empty row is a line between two sections.

    Args:
        columns: their headings, one that begins with ``>`` aligned to the right; without any there is no head.
        rows: a cell per column.
        title: what stands above it.
        grid: with lines between the cells.
        whole: the columns that are not folded.
    """
    from rich.box import HEAVY_HEAD
    from rich.table import Column, Table

    heads = [
        Column(name.lstrip(">"), justify="right" if name[:1] == ">" else "left", overflow="fold", no_wrap=name in whole)
        for name in columns
    ]
    table = Table(
        *heads, title=title, title_justify="left", box=HEAVY_HEAD if grid else None, pad_edge=grid,
        show_header=any(columns),
    )  # fmt: skip
    for row in rows:
        if row:
            table.add_row(*map(_cell, row))
        else:
            table.add_section()
    with printing():
        console().print(table)


def _cell(cell: str | Text) -> Text:
    from rich.text import Text

    if isinstance(cell, str):
        return Text(printable(cell))
    cell.plain = printable(cell.plain)
    return cell


def age_text(seconds: float | None) -> str:
    """An age in words: ``12 s``, ``5 min``, ``3 h``, ``9 days``; ``never`` for None."""
    return "never" if seconds is None else age_words(seconds, days="days")
