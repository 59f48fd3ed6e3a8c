"""What every long-running command does the same way: log to standard error, end on a signal, die with its parent."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType

from arbkit.core.service.json_log import JsonFormatter

_PR_SET_PDEATHSIG = 1
_PARENT_POLL_S = 1.0
_LOG_BYTES = 1 << 20
_ENDING_SIGNALS = ("SIGINT", "SIGTERM", "SIGBREAK")
"""SIGBREAK exists on Windows only: it is how a supervisor there asks a process to end."""


def log_to_stderr(*, verbose: bool = False, as_json: bool = False) -> None:
    """Log lines of one shape, on standard error, so that standard output stays for results."""
    supervised = bool(os.environ.get("ARBKIT_SUPERVISED"))
    text = "%(levelname)s %(message)s" if supervised else "%(asctime)s %(levelname)s %(name)s: %(message)s"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else logging.Formatter(text))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler], force=True)
    # It logs each failed request that we log too, with the remedy.
    logging.getLogger("elastic_transport.node_pool").setLevel(logging.ERROR)
    for noisy in ("urllib3", "asyncio", "keepa", "tornado.access", "uvicorn.error", "elastic_transport"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def log_faults_to_file(path: Path) -> None:
    """Log errors to a file beside what a notebook's kernel shows: what it writes to standard error goes nowhere.

    Done once a process and file; where no file can be written, nothing is logged there.
    """
    ours = logging.getLogger("arbkit")
    name = str(path.absolute())
    if any(getattr(handler, "baseFilename", None) == name for handler in ours.handlers):
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(name, maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8")
    except OSError:
        return
    handler.setLevel(logging.ERROR)
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(name)s: %(message)s"))
    ours.addHandler(handler)


def skip_iri_grammar() -> None:
    """Have jsonschema, which checks notebooks and events, do without a grammar of international addresses.

    It would build it at every start, a second of work, for a check that none of them needs. To be called before the
    first import of a package of Jupyter.
    """
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]


def stop_on_signals() -> threading.Event:
    """An event that SIGINT, SIGTERM and SIGBREAK set; a second SIGINT ends the process at once."""
    stop = threading.Event()

    def on_signal(number: int, _: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    for name in _ENDING_SIGNALS:
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, on_signal)
    return stop


def die_with_parent() -> None:
    """Under ``arbkit up``, end when the supervisor does, even if it is killed."""
    supervisor = os.environ.get("ARBKIT_SUPERVISED", "")
    if not supervisor:
        return
    if sys.platform == "linux":
        signal_with_parent(int(supervisor), signal.SIGTERM)
    else:
        threading.Thread(target=_end_with, args=(int(supervisor),), name="supervisor watch", daemon=True).start()


def signal_with_parent(parent: int, number: signal.Signals) -> None:
    """On Linux, have the kernel send this process ``number`` when ``parent``, which has started it, ends.

    SIGKILL so ends even a process that is stopped. Elsewhere nothing happens. "Ends" is true of the thread that has
    started this process, too.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    # It may have ended before that took effect.
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def _end_with(supervisor: int) -> None:
    """Wait for the end of that process, then end this one as SIGTERM does."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(supervisor)
        # One that is killed may stay a zombie for as long as nobody asks for its status.
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(_PARENT_POLL_S)
    if os.name == "nt":
        # There os.kill would end it without a word.
        signal.raise_signal(signal.SIGTERM)
    else:
        os.kill(os.getpid(), signal.SIGTERM)


def without_keepa_key(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a process but the Keepa key, in whatever case it is spelt: settings read it in any."""
    return {name: value for name, value in environment.items() if name.upper() != "KEEPA_API_KEY"}
