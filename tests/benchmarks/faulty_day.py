"""A day of a producer against a demo market that fails in every way, hurried: is anything lost, doubled or starved?

    python -m tests.benchmarks.faulty_day --minutes 10

Tokens, and the interval in which nothing is looked at twice, are hurried as the day is; waits after a fault are not.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median

import orjson

from arbkit.cli.tokens.plan import values_of
from arbkit.core.keepa_time import to_unix
from arbkit.core.marketplaces import MARKETS
from arbkit.core.settings import Settings
from arbkit.pipeline.consumer import consume
from arbkit.pipeline.planning.ages import age_bound
from arbkit.pipeline.producer import produce
from arbkit.sources.demo.faults import Fault
from arbkit.sources.demo.market import asins
from arbkit.sources.demo.server import DemoServer
from arbkit.store import open_store
from arbkit.stream import RAW_TOPIC, dead_letter_topic, open_stream
from tests.benchmarks.measuring import Report, print_row

__all__ = ["run"]

_DAY_MIN = 1_440.0
_TOKENS_A_MINUTE = 20
_FAULTS = (
    Fault("rate_limited", 15), Fault("unavailable", 15), Fault("closed", 15), Fault("cut", 15),
    Fault("invalid_json", 15), Fault("partial", 15), Fault("no_offers", 40), Fault("clock_skew", 40),
)  # fmt: skip
"""Each strikes one in this number of requests, by chance."""
_SEED = 20


def run(report: Report, *, minutes: float = 10.0) -> None:
    """Report what came of it."""
    hurry = _DAY_MIN / minutes
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        rate = round(_TOKENS_A_MINUTE * hurry)
        with DemoServer("127.0.0.1", 0, rate=rate, faults=_FAULTS, seed=_SEED) as demo:
            settings = Settings.load(
                _env_file=None, home=home, demo=True, demo_port=demo.server_address[1],
                poll_interval=max(1.0, 300 / hurry),
            )  # fmt: skip
            _poll(settings, 60 * minutes)
            _report(report, settings, demo, hurry)


def _poll(settings: Settings, seconds: float) -> None:
    stop = threading.Event()
    values = values_of(settings)
    workers = [
        threading.Thread(target=produce, args=(settings,), kwargs={"stop": stop, "values": values}),
        threading.Thread(target=consume, args=(settings,), kwargs={"stop": stop}),
    ]
    for worker in workers:
        worker.start()
    time.sleep(seconds)
    stop.set()
    for worker in workers:
        worker.join()
    consume(settings, until_empty=True, stop=threading.Event())


def _report(report: Report, settings: Settings, demo: DemoServer, hurry: float) -> None:
    looks = _read(settings)
    logged = {name: len(one.times) for name, one in looks.items()}
    domain = {code: MARKETS[code].keepa_domain for code in settings.markets}
    paid = Counter({(asin, code): demo.bill.products[asin, domain[code]] for asin in asins() for code in domain})
    more = sum(max(0, count - paid[name]) for name, count in logged.items())
    fewer = sum(max(0, paid[name] - logged.get(name, 0)) for name in paid)
    suffered = ", ".join(f"{count} {name}" for name, count in sorted(demo.faults.suffered.items()))
    report("requests that failed or lied", suffered, "")
    report("tokens charged", f"{demo.bill.total:,}, of them {demo.bill.lost:,} for answers that did not arrive", "")
    report("looks on the log that were paid for", f"{sum(logged.values()):,}", "")
    report("looks on the log that were not paid for (doubled)", f"{more}", "0")
    report("looks paid for that are not on the log, of answers that did not arrive whole", f"{fewer}", "")
    unstored = _unstored(settings, looks)
    report("looks on the log whose offer in the store is older (lost updates)", f"{unstored}", "0")
    with open_stream(settings) as stream:
        dead = sum(end - begin for begin, end in stream.watermarks(dead_letter_topic(RAW_TOPIC)).values())
    report("dead letters: looks of a clock that was ahead, kept for a replay", f"{dead}", "")
    gaps = [hurry * gap / 3_600 for one in looks.values() for gap in _gaps(one.times)]
    bound = 24 * age_bound(len(asins()) * len(domain), _TOKENS_A_MINUTE)
    never = len(asins()) * len(domain) - len(looks)
    report("longest time between two looks at an offer", f"{max(gaps):.1f} h, median {median(gaps):.1f} h",
           f"at most {bound:.0f} h")  # fmt: skip
    report("offers that were never looked at", f"{never}", "0")


@dataclass(slots=True)
class Logged:
    """What the log has of an offer: when it was looked at, and the newest of what it said that is not ahead of that."""

    times: list[float] = field(default_factory=list)
    version: int = 0


def _read(settings: Settings) -> Mapping[tuple[str, str], Logged]:
    found: dict[tuple[str, str], Logged] = defaultdict(Logged)
    with open_stream(settings) as stream:
        for place, (begin, _) in stream.watermarks(RAW_TOPIC).items():
            offset = begin
            while messages := stream.read(RAW_TOPIC, partition=place.partition, offset=offset, max_records=1_000):
                offset = messages[-1].offset + 1
                for message in messages:
                    said = orjson.loads(message.value)
                    one = found[said["asin"], said["market"]]
                    one.times.append(message.timestamp)
                    version = said["product"].get("lastUpdate") or 0
                    if to_unix(version) <= message.timestamp + 60:
                        one.version = max(one.version, version)
    return found


def _gaps(times: Sequence[float]) -> list[float]:
    ordered = sorted(times)
    return [after - before for before, after in pairwise(ordered)]


def _unstored(settings: Settings, looks: Mapping[tuple[str, str], Logged]) -> int:
    with open_store(settings, read_only=True) as store:
        offers = {(o.asin, o.market): o for o in store.offers(list(asins()))}
    return sum(name in offers and offers[name].version < one.version for name, one in looks.items())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the day takes")
    run(print_row, minutes=parser.parse_args().minutes)
