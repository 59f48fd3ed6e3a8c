"""A running `arbkit api` over a store with something of everything, and the cases sent to it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import orjson

from arbkit.core.models import Run, Update
from arbkit.core.service.api_keys import home_token
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from arbkit.store import open_store
from tests.fuzzed.campaign import Outcome, collect_cursors, run
from tests.fuzzed.cases import Cases
from tests.fuzzed.wire import Client, Request
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.routes import store_routes
from tests.helpers.sales import sale
from tests.helpers.waiting import eventually

__all__ = ["fuzz"]

_FAULTS = re.compile(r"Traceback|Error: |never awaited")
_PRODUCTS = 30


def fuzz(settings: Settings, numbers: Sequence[int], *, seed: int, connections: int, show: bool = False) -> Outcome:
    """What comes of the cases with these numbers, sent to an API over ``settings`` that is filled for it.

    ``show`` prints each request.
    """
    _fill(settings)
    token = home_token(settings)
    log = settings.home / "api.log"
    with _running(settings, log) as port:
        alive = [(b"Host", b"127.0.0.1"), (b"Authorization", b"Bearer " + token.encode())]
        cases = Cases(seed, token, collect_cursors(port, alive))
        for number in numbers if show else ():
            print(cases(number), flush=True)
        outcome = run(port, cases, numbers, token, connections=connections)
        with closing(Client(port)) as client:
            after = client.send(Request(b"GET", b"/health/live", alive))
    if after.status != 200:
        outcome.faults.append(f"afterwards /health/live answers {after.status}")
    said = log.read_text("utf-8", "replace")
    if _FAULTS.search(said) or token in said:
        outcome.faults.append(f"the log says what it should not: {said[-5_000:]}")
    return outcome


def _fill(settings: Settings) -> None:
    initialise(settings)
    asins = [f"B{number:09}" for number in range(1, _PRODUCTS + 1)]
    with open_store(settings) as store:
        store.put([Update(offer(a, code), history(a, code)) for a in asins for code in ("DE", "IT")])
        found = [opportunity(a, profit=5.0 + n, title=None if n % 7 == 0 else f"Lamp {n}") for n, a in enumerate(asins)]
        store_routes(store, found)
        store.put_sales([sale(number, day=f"2026-11-{number:02}") for number in range(1, 9)])
        for number in range(1, 4):
            store.put_run(Run(run_id=f"r{number}", report="detect", status="succeeded", started_at=1.76e9 + number))
    folder = settings.reports_dir / "detect" / "r1"
    folder.mkdir(parents=True)
    (folder / "result.json").write_bytes(orjson.dumps({"total": 1, "items": []}))
    assert settings.watchlist is not None
    settings.watchlist.write_text(f"{asins[0]}\nno asin\n")


@contextmanager
def _running(settings: Settings, log: Path) -> Iterator[int]:
    """The port of an `arbkit api` that answers."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "arbkit", "api"],
            env={**os.environ, **settings.environment()}, cwd=settings.home.parent, stdout=file, stderr=file,
        )  # fmt: skip
        try:
            found: list[str] = []

            def answers() -> bool:
                found[:] = re.findall(r"the API is at http://127\.0\.0\.1:(\d+)", log.read_text("utf-8", "replace"))
                return bool(found) or process.poll() is not None

            eventually(answers)
            assert found, log.read_text("utf-8", "replace")
            yield int(found[0])
        finally:
            process.terminate()
            process.wait(60)
