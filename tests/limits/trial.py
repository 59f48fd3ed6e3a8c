"""Every arbkit service of docker-compose.yml at work under its own limit of memory, at once, over many products.

    python -m tests.limits.trial --products 20000 --pages 6

Kafka and Elasticsearch are those of tests/servers, outside any limit: of their limits only the arithmetic of their
heaps is checked (tests/services/test_compose.py). Everything else is as the file says: command, environment, mounts,
and a limit that ends what exceeds it, where this user may make a control group (root may).
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import requests
from playwright.sync_api import Browser

from arbkit.core.settings import Settings
from arbkit.sources.demo.market import asins
from arbkit.sources.envelope import envelope
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, Record, open_stream
from tests.benchmarks.inputs import demo_products
from tests.helpers.compose import Here, Running, compose_here
from tests.helpers.limits import Measured, limiting
from tests.helpers.running import ROWS
from tests.helpers.visiting import browsing, visiting
from tests.servers.launch import Elasticsearch, Kafka

__all__ = ["Trial", "run"]

_PATIENCE_S = 3_600.0
_PAGE_MS = 600_000
_AT_ONCE = 500
_OFTEN = {"ARBKIT_DETECT_INTERVAL": "20"}
_OFTEN_ENOUGH = """\
timezone = "UTC"

[[entry]]
name = "often"
report = "morning"
cron = "*/3 * * * *"
"""
_PAGES: Sequence[tuple[str, str]] = (
    ("opportunities", ROWS), ("product", "#arb-history .main-svg"), ("pipeline", "#arb-agechart .js-plotly-plot")
)  # fmt: skip


@dataclass
class Trial:
    """All services over the servers, ``products`` on five marketplaces, and ``pages`` of the dashboards open."""

    here: Here
    settings: Settings
    products: int
    pages: int
    say: Callable[[str], None]

    def run(self, browser: Browser) -> None:
        """From an empty log to opportunities, a morning report and open pages.

        Raises:
            AssertionError: a service ended, or what was awaited did not come.
        """
        (self.here.volume("checkout") / "schedule.toml").write_text(_OFTEN_ENOUGH)
        watched = [*asins(), *_own_asins(self.products)]
        (self.here.volume("user") / "demo-watchlist.txt").write_text("\n".join(watched))
        assert self.here.start("init").process.wait(300) == 0, self._endings()
        self._until(self.here.start("demo").healthy, "the demo market answers")
        self._publish()
        for name in ("consumer", "detector", "dispatcher", "producer", "scheduler", "api", "dashboards"):
            self.here.start(name)
        self._all_healthy()
        self._until(lambda: self._lag() == 0, "the consumer has taken all records")
        taken_at = time.time()
        self._until(lambda: self._is_priced(taken_at), "a detection over all of them is done")
        with ExitStack() as stack:
            for number in range(self.pages):
                page, ready = _PAGES[number % len(_PAGES)]
                visit = stack.enter_context(visiting(browser, self._address(page), ready=ready, patience_ms=_PAGE_MS))
                visit.answered()
                self.say(f"page {number + 1} of {self.pages} is open: {page}")
            begun = time.time()
            self._until(lambda: self._ask_the_api() and self._has_reported(begun), "there is a new morning report")
            self._all_healthy()

    def _publish(self) -> None:
        with open_stream(self.settings) as log:
            waiting: list[Record] = []
            for record in _records(self.products):
                waiting.append(record)
                if len(waiting) == _AT_ONCE:
                    log.publish(RAW_TOPIC, waiting)
                    waiting.clear()
            log.publish(RAW_TOPIC, waiting)
        self.say(f"{self.products:,} products on five marketplaces are on the log")

    def _until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain until {what}\n{self._endings()}"
            assert all(one.process.poll() is None for one in self._lasting()), self._endings()
            time.sleep(0.5)
        self.say(what)

    def _all_healthy(self) -> None:
        for one in self._lasting():
            self._until(one.healthy, f"{one.name} is healthy")

    def _lasting(self) -> list[Running]:
        return [one for one in self.here.running if one.name != "init"]

    def _endings(self) -> str:
        ended = [one for one in self.here.running if one.process.poll() is not None]
        measured = [str(one.limit.measured()) for one in ended if one.limit]
        return "\n".join([*measured, *(f"{one.name}: {one.said()[-2_000:]}" for one in ended)])

    def _lag(self) -> int:
        with open_stream(self.settings) as log:
            return sum(log.lag(ENRICH_GROUP, RAW_TOPIC).values())

    def _said(self, service: str, pattern: str) -> str:
        said = next(one for one in self.here.running if one.name == service).said()
        found = re.search(pattern, said)
        assert found is not None, said
        return found[1]

    def _address(self, page: str) -> str:
        """A page of the dashboards, with its token."""
        address = self._said("dashboards", r"the dashboards are at (\S+)")
        base, _, token = address.partition("?")
        product = f"&asin={asins()[48]}" if page == "product" else ""
        return f"{base.partition('/voila')[0]}/voila/render/{page}.ipynb?{token}{product}"

    def _get(self, path: str) -> Any:
        token = next(one for one in self.here.running if one.name == "api").token()
        address = self._said("api", r"the API is at (\S+?)/?(?:docs)?,")
        answer = requests.get(f"{address}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=300)
        answer.raise_for_status()
        return answer.json() if "json" in answer.headers["Content-Type"] else answer.text

    def _is_priced(self, since: float) -> bool:
        found = self._get("/stats")
        # The producer may go on for as long as the test, and more products are never all priced.
        return found["opportunities"] > 0 and (not found["unpriced_products"] or found["evaluated_at"] >= since)

    def _ask_the_api(self) -> bool:
        for path in ("/arbitrage?limit=500&components=true", "/products?page_size=500", "/metrics", "/products/watch"):
            self._get(path)
        return True

    def _has_reported(self, since: float) -> bool:
        runs = self._get("/reports?report=morning")["items"]
        started = [run for run in runs if run["status"] == "succeeded" and _unix(run["started_at"]) >= since]
        return bool(started)


def _unix(at: str | float) -> float:
    return datetime.fromisoformat(at).timestamp() if isinstance(at, str) else at


def _own_asins(products: int) -> list[str]:
    return [f"B0{number:08}" for number in range(products)]


def _records(products: int) -> Iterator[Record]:
    """The demo market's products over and over, each on every marketplace, as if they had been fetched just now."""
    fetched_at = datetime.now(UTC).isoformat()
    made = []
    for market, asin, product in demo_products(min(products, len(asins())), history=True):
        message = envelope(
            asin=asin, market=market.code, origin="demo", fetched_at=fetched_at, run_id="limits", product=product
        )
        made.append((asin.encode(), orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)))
    own = _own_asins(products)
    for first in range(0, products, len(made) // 5):
        for number, (known, value) in enumerate(made):
            if (at := first + number // 5) < products:
                yield Record(own[at], value.replace(known, own[at].encode()))


def run(
    kafka: Kafka, elasticsearch: Elasticsearch, folder: Path, browser: Browser, *, products: int, pages: int,
    say: Callable[[str], None] = lambda _: None,
) -> list[Measured]:  # fmt: skip
    """What every service took, of its limit.

    Raises:
        AssertionError: a service ended, or what was awaited did not come.
    """
    with limiting() as limits, compose_here(kafka, elasticsearch, folder, variables=_OFTEN, limits=limits) as here:
        settings = Settings.load(_env_file=None, home=folder / "var", log=kafka.url, store=elasticsearch.url)
        trial = Trial(here, settings, products, pages, say)
        try:
            trial.run(browser)
        finally:
            measured = [one.measured() for one in limits.all]
            for one in measured:
                say(str(one))
        return measured


def main() -> int:
    """Run it on servers of its own; 1 if a service does not fit into its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=20_000)
    parser.add_argument("--pages", type=int, default=6)
    asked = parser.parse_args()
    begun = time.monotonic()

    def say(line: str) -> None:
        sys.stdout.write(f"{time.monotonic() - begun:6.0f} s  {line}\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory() as folder, Kafka() as kafka, Elasticsearch() as elastic, browsing() as browser:
        measured = run(kafka, elastic, Path(folder), browser, products=asked.products, pages=asked.pages, say=say)
    return 0 if all(one.passed for one in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
