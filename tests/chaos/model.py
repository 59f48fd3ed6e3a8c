"""What must be true after the campaign, whatever happened in it; each promise has a name.

``found``     what was acknowledged is found later: records, imports, runs of reports
``versions``  no offer goes back to an older version, and none goes away
``money``     what was paid for is published: a kill may cost the one request that was under way
``alerts``    each opportunity was announced at least once, and each announcement has one id
``letters``   what nobody can use is a dead letter with its own bytes, and nothing else is
``crash``     no process ends with a traceback
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import orjson

from arbkit.core.models import Offer
from arbkit.core.settings import Settings
from arbkit.reports.run_folders import folder_of, read_json
from arbkit.store import OpportunityQuery, open_store
from arbkit.stream import ALERTS_TOPIC, RAW_TOPIC, Message, Stream
from tests.chaos.compare import Contents, against_the_count, dead_letters, messages, sets_between, told
from tests.chaos.records import Expected

__all__ = ["IMPORTED", "Difference", "Promise", "Witness", "examine"]

T = TypeVar("T")
Promise = Literal["found", "versions", "money", "alerts", "letters", "crash"]
IMPORTED = "BIMP"
"""What the ASINs of imported products begin with."""
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Difference:
    promise: Promise
    text: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.text}"


@dataclass(slots=True)
class Witness:
    """What was acknowledged, and what was seen on the way.

    ``imports``: ASIN → price in minor units, of files whose import has ended with 0; ``runs``: ids of reports that
    have; ``paid``: (ASIN, marketplace) → how often the service was paid for it; ``producer_ends``: how often a producer
    ended in whatever way; ``clock_jumped``: whether the clock was ever ahead.
    """

    imports: dict[str, int] = field(default_factory=dict)
    runs: set[str] = field(default_factory=set)
    paid: Counter[tuple[str, str]] = field(default_factory=Counter)
    request: int = 1
    producer_ends: int = 0
    clock_jumped: bool = False
    versions: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def look(self, offers: Mapping[str, Offer]) -> None:
        """Compare the versions of all offers with the newest that were ever seen."""
        back = [
            f"{key}: {self.versions[key]} before, now {offers[key].version if key in offers else 'gone'}"
            for key in self.versions
            if key not in offers or offers[key].version < self.versions[key]
        ]
        self.note("versions", back)
        self.versions |= {key: offer.version for key, offer in offers.items()}

    def note(self, promise: Promise, lines: Sequence[str]) -> None:
        self.differences += [Difference(promise, line) for line in lines[:_SHOWN]]
        if len(lines) > _SHOWN:
            self.differences.append(Difference(promise, f"{len(lines)} such"))


def examine(seen: Witness, expected: Expected, found: Contents, settings: Settings, stream: Stream) -> list[Difference]:
    """Every promise that was not kept."""
    seen.look(found.offers)
    rest = Contents(_without(found.offers), _without(found.products), _without(found.histories))
    seen.note("found", against_the_count(expected, rest))
    newest = {(o.asin, o.market, o.version) for o in rest.offers.values()}
    seen.note("found", sets_between("told to nobody", set(), newest - told(stream)))
    seen.note("found", list(_lost_imports(seen, found)))
    seen.note("found", list(_lost_runs(seen, settings)))
    raw = list(messages(stream, RAW_TOPIC))
    seen.note("letters", _letters(seen, expected, raw, stream))
    seen.note("money", _wasted(seen, raw))
    seen.note("alerts", list(_alerts(settings, stream)))
    return seen.differences


def _without(some: Mapping[str, T]) -> dict[str, T]:
    """What is not from the imports."""
    return {key: one for key, one in some.items() if not key.startswith(IMPORTED)}


def _lost_imports(seen: Witness, found: Contents) -> Iterable[str]:
    for asin, price in seen.imports.items():
        offer = found.offers.get(f"{asin}:DE")
        if offer is None or offer.price_minor != price:
            yield f"import of {asin} for {price}, found {None if offer is None else offer.price_minor}"


def _lost_runs(seen: Witness, settings: Settings) -> Iterable[str]:
    with open_store(settings, read_only=True) as store:
        for run_id in seen.runs:
            run = store.run(run_id)
            if run is None or run.status != "succeeded":
                yield f"run {run_id} is recorded as {run}"
            elif (why := read_json(folder_of(settings, run) / "result.json")[1]) is not None:
                yield f"the result of run {run_id} {why}"


def _letters(seen: Witness, expected: Expected, raw: Sequence[Message], stream: Stream) -> list[str]:
    letters = set(dead_letters(stream))
    # Fetched while the clock was ahead, they are from the future once it is right again: refused, and not lost.
    allowed = {(m.key, m.value) for m in raw if _origin(m) == "demo"} if seen.clock_jumped else set()
    return sets_between("dead letters", expected.poison, letters - (allowed - expected.poison))


def _wasted(seen: Witness, raw: Sequence[Message]) -> list[str]:
    published: Counter[tuple[str, str]] = Counter()
    for message in raw:
        if _origin(message) == "demo":
            document = orjson.loads(message.value)
            published[document["asin"], document["market"]] += 1
    wasted = {one: count - published[one] for one, count in seen.paid.items() if count > published[one]}
    allowed = seen.producer_ends * seen.request
    if sum(wasted.values()) <= allowed:
        return []
    return [f"{sum(wasted.values())} products paid for and not published, where {allowed} may be: {dict(wasted)}"[:400]]


def _origin(message: Message) -> str | None:
    try:
        document = orjson.loads(message.value)
        return str(document["source"])
    except (ValueError, KeyError, TypeError):
        return None


def _alerts(settings: Settings, stream: Stream) -> Iterable[str]:
    announced: dict[str, set[str]] = defaultdict(set)
    contents: dict[str, set[str]] = defaultdict(set)
    for message in messages(stream, ALERTS_TOPIC):
        alert = orjson.loads(message.value)
        route = "{asin}:{source}:{target}".format(**alert["opportunity"])
        announced[route].add(str(alert.get("id")))
        contents[str(alert.get("id"))].add(route)
    with open_store(settings, read_only=True) as store:
        query: OpportunityQuery | None = OpportunityQuery(limit=500)
        while query is not None:
            page = store.opportunities(query)
            for one in page.items:
                if f"{one.asin}:{one.source}:{one.target}" not in announced:
                    yield f"{one.asin} {one.source}→{one.target} is an opportunity and was never announced"
            query = query.model_copy(update={"cursor": page.next}) if page.next else None
    if "None" in contents:
        yield "announcements have no id"
    for name, routes in contents.items():
        if name != "None" and len(routes) > 1:
            yield f"id {name} stands for {sorted(routes)}"
