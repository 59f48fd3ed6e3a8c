"""What must be true after the campaign, whatever happened in it; each promise has a name.

``found``     what was acknowledged is found later: records, imports, runs of reports
``versions``  no offer goes back to an older version, and none goes away
``money``     what was paid for is published: a kill may cost the one request that was under way
``routes``    the routes that detectors stored are those that a sweep finds
``alerts``    each opportunity was announced at least once, and each announcement has one id
``letters``   what nobody can use is a dead letter with its own bytes, and nothing else is
``doubled``   nothing is there twice, but for the one batch that is done again when a consumer has ended
``codes``     whatever ends without being killed does so with an exit code that its documentation allows
``crash``     no process writes a traceback
``slow``      who was disturbed serves again in time (only where the campaign is strict)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import orjson

from arbkit.core.errors import ServiceError
from arbkit.core.models import Offer
from arbkit.core.settings import Settings
from arbkit.reports.run_folders import folder_of, read_json
from arbkit.store import OpportunityQuery, open_store
from arbkit.stream import ALERTS_TOPIC, ENRICHED_TOPIC, RAW_TOPIC, Message, Stream, dead_letter_topic
from tests.chaos.agreement import disagreements
from tests.chaos.compare import Contents, against_the_count, messages, sets_between, told
from tests.chaos.records import Expected

__all__ = ["IMPORTED", "Difference", "Promise", "Witness", "examine"]

T = TypeVar("T")
Alert = dict[str, Any]
Promise = Literal["found", "versions", "money", "routes", "alerts", "letters", "doubled", "codes", "crash", "slow"]
IMPORTED = "BIMP"
"""What the ASINs of imported products begin with."""
_SHOWN = 3
_KILLED = -9
_TRACEBACK = "Traceback (most recent call last)"


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
    ended in whatever way; ``repeats``: how often a batch may have been done again; ``clock_jumps``: how often the clock
    was at another time.
    """

    imports: dict[str, int] = field(default_factory=dict)
    runs: set[str] = field(default_factory=set)
    paid: Counter[tuple[str, str]] = field(default_factory=Counter)
    request: int = 1
    producer_ends: int = 0
    repeats: int = 0
    clock_jumps: int = 0
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

    def note_end(self, name: str, code: int, *, was_killed: bool, is_command: bool, said: str = "") -> None:
        """A process has ended; ``was_killed``: by the campaign, or by the supervisor as it hung; ``said``: its log."""
        allowed = {ServiceError.exit_code, *([0] if is_command else []), *([_KILLED] if was_killed else [])}
        if code not in allowed:
            self.note("codes", [f"{name} ended with {code}, where {sorted(allowed)} may be: {said[-1_000:]}"])

    def read_logs(self, logs: Iterable[tuple[str, Path]]) -> None:
        """Look for tracebacks in what processes have written."""
        for name, log in logs:
            text = log.read_text(errors="replace") if log.exists() else ""
            if (at := text.find(_TRACEBACK)) >= 0:
                self.note("crash", [f"{name}: {text[at:][:1_500]}"])

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
    seen.note("routes", disagreements(settings))
    seen.note("found", list(_lost_runs(seen, settings)))
    raw = list(messages(stream, RAW_TOPIC))
    letters = list(messages(stream, dead_letter_topic(RAW_TOPIC)))
    seen.note("letters", _letters(seen, expected, raw, letters))
    seen.note("doubled", list(_doubled_letters(seen, letters)))
    seen.note("doubled", list(_doubled_records(seen, expected, raw, stream)))
    seen.note("money", _wasted(seen, raw))
    alerts = [orjson.loads(message.value) for message in messages(stream, ALERTS_TOPIC)]
    seen.note("alerts", list(_alerts(settings, alerts)))
    seen.note("doubled", list(_doubled_alerts(seen, alerts)))
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


def _letters(seen: Witness, expected: Expected, raw: Sequence[Message], letters: Sequence[Message]) -> list[str]:
    """What is wrong with the dead letters, each message of the log for itself, not only each content."""
    # Fetched while the clock was ahead, they are from the future once it is right again: refused, and not lost.
    allowed = {(m.key, m.value) for m in raw if _origin(m) == "demo"} if seen.clock_jumps else set()
    contents = {(m.key, m.value) for m in letters}
    unusable = {_position(m): (m.key, m.value) for m in raw if (m.key, m.value) in expected.poison}
    kept = {place: (m.key, m.value) for m in letters if (place := _came_from(m)) is not None}
    by_position = {_position(m): (m.key, m.value) for m in raw}
    return [
        *sets_between("dead letters", expected.poison, contents - (allowed - expected.poison)),
        *(f"{place} is unusable and no dead letter" for place in sorted(unusable.keys() - kept.keys())),
        *(
            f"the dead letter of {place} is not what was there"
            for place in kept
            if kept[place] != by_position.get(place)
        ),
        *("a dead letter does not say whose it is" for m in letters if _came_from(m) is None),
    ]


def _doubled_letters(seen: Witness, letters: Sequence[Message]) -> Iterable[str]:
    for place, count in Counter(map(_came_from, letters)).items():
        if count > 1 + seen.repeats:
            yield f"{place} is a dead letter {count} times, where {1 + seen.repeats} may be"


def _doubled_records(seen: Witness, expected: Expected, raw: Sequence[Message], stream: Stream) -> Iterable[str]:
    """Products that were published more often than updates of them came, and than batches were done again."""
    counted = {name.partition(":")[0] for name in expected.offers}
    came = Counter(asin for message in raw if (asin := _product(message)) is not None)
    for asin, count in Counter(message.key for message in messages(stream, ENRICHED_TOPIC)).items():
        most = came[asin] * (1 + seen.repeats)
        if asin in counted and count > most:
            yield f"{asin} was published {count} times, where {most} may be"


def _position(message: Message) -> tuple[int, int]:
    return message.partition, message.offset


def _came_from(letter: Message) -> tuple[int, int] | None:
    """Partition and offset of what a dead letter was, as its headers say."""
    headers = letter.headers
    return (int(headers["partition"]), int(headers["offset"])) if {"partition", "offset"} <= headers.keys() else None


def _product(message: Message) -> str | None:
    """The ASIN of a record that can be read."""
    try:
        document = orjson.loads(message.value)
        return str(document["asin"]) if int(document["product"]["lastUpdate"]) else None
    except (ValueError, KeyError, TypeError):
        return None


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


def _alerts(settings: Settings, alerts: Sequence[Alert]) -> Iterable[str]:
    announced = {_route(alert) for alert in alerts}
    with open_store(settings, read_only=True) as store:
        query: OpportunityQuery | None = OpportunityQuery(limit=500)
        while query is not None:
            page = store.opportunities(query)
            for one in page.items:
                if f"{one.asin}:{one.source}:{one.target}" not in announced:
                    yield f"{one.asin} {one.source}→{one.target} is an opportunity and was never announced"
            query = query.model_copy(update={"cursor": page.next}) if page.next else None
    routes: dict[str, set[str]] = defaultdict(set)
    for alert in alerts:
        if alert.get("id"):
            routes[str(alert["id"])].add(_route(alert))
        else:
            yield f"an announcement of {_route(alert)} has no id"
    for name, some in routes.items():
        if len(some) > 1:
            yield f"id {name} stands for {sorted(some)}"


def _doubled_alerts(seen: Witness, alerts: Sequence[Alert]) -> Iterable[str]:
    """Announcements of one event under several ids, or of several under one."""
    ids: dict[str, set[str]] = defaultdict(set)
    of_a_run: dict[tuple[str, float], set[str]] = defaultdict(set)
    texts: dict[str, set[bytes]] = defaultdict(set)
    for alert in alerts:
        name = str(alert.get("id"))
        ids[_route(alert)].add(name)
        of_a_run[_route(alert), alert["at"]].add(name)
        texts[name].add(orjson.dumps(alert, option=orjson.OPT_SORT_KEYS))
    for (route, at), some in of_a_run.items():
        if len(some) > 1:
            yield f"{route} at {at} was announced under {len(some)} ids"
    for name, every in texts.items():
        if len(every) > 1:
            yield f"id {name} was published with {len(every)} texts"
    # Nothing changes what was imported: at another time it may be none, and is new again afterwards.
    most = 1 + seen.clock_jumps
    for route, some in ids.items():
        if route.startswith(IMPORTED) and len(some) > most:
            yield f"{route} was announced under {len(some)} ids, where {most} may be"


def _route(alert: Alert) -> str:
    return "{asin}:{source}:{target}".format(**alert["opportunity"])
