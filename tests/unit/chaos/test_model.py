"""The model of the campaign sees what it is there for: each fault is planted, and named by the promise it breaks."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from arbkit.analysis import detection
from arbkit.core.models import Run, Update
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from arbkit.pipeline.consumer import consume
from arbkit.reports.run_folders import folder_of
from arbkit.sources.envelope import envelope
from arbkit.store import Announcement, open_store
from arbkit.stream import (
    ALERTS_TOPIC,
    ENRICHED_TOPIC,
    RAW_TOPIC,
    Message,
    Record,
    Stream,
    dead_letter_topic,
    open_stream,
)
from tests.chaos import records
from tests.chaos.compare import Contents, contents, messages
from tests.chaos.model import IMPORTED, Witness, examine
from tests.chaos.records import Deck, Expected
from tests.chaos.report import Recoveries
from tests.helpers.alerts import announcing_everything
from tests.helpers.factories import PACKAGE, offer, opportunity
from tests.helpers.routes import store_routes

LETTERS = dead_letter_topic(RAW_TOPIC)
DECK = Deck(seed=3, count=300)
FOUND, BOUGHT = f"{IMPORTED}001001", ("B0PAID0001", "DE")
RUN = Run(run_id="20260101T000000Z-aaaaaa", report="morning", status="succeeded", started_at=1.0, finished_at=2.0)


@dataclass
class Home:
    """What :func:`examine` looks at; a test changes one thing of it."""

    settings: Settings
    stream: Stream
    seen: Witness
    expected: Expected
    found: Contents

    def broken(self) -> list[tuple[str, str]]:
        """Promise and text of each difference."""
        differences = examine(self.seen, self.expected, self.found, self.settings, self.stream)
        return [(one.promise, one.text) for one in differences]

    def only(self, promise: str) -> str:
        """The texts of all differences, which are of this promise."""
        differences = self.broken()
        assert {name for name, _ in differences} == {promise}
        return "\n".join(text for _, text in differences)

    def last(self, topic: str) -> Message:
        return [m for m in messages(self.stream, topic) if topic != ALERTS_TOPIC or m.key == FOUND][-1]

    def again(self, message: Message, **changes: Any) -> None:
        """Publish a message once more, with fields of its JSON changed."""
        value = orjson.dumps({**orjson.loads(message.value), **changes}) if changes else message.value
        self.stream.publish(message.topic, [Record(message.key, value, message.headers)])


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after a campaign in which nothing was lost: records, a product paid for, an import, a route, a report."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_BIG_POINTS", 3_000)
        folder = tmp_path_factory.mktemp("clean")
        settings = settings_of(folder)
        initialise(settings)
        with open_stream(settings) as stream, open_store(settings) as store:
            stream.publish(RAW_TOPIC, DECK.records(0, DECK.count))
            stream.publish(RAW_TOPIC, [bought()])
            consume(settings, until_empty=True, stop=threading.Event())
            now = int(time.time())
            sides = {"DE": 8_010, "ES": 29_900}
            more = {**PACKAGE, "price_at": now, "updated_at": now, "shipping_minor": 0}
            store.put([Update(offer(FOUND, code, price_minor=p, **more), None) for code, p in sides.items()])
            detection.run(settings, run_id="found", announcing=announcing_everything)
            store.put_run(RUN)
        result = folder_of(settings, RUN) / "result.json"
        result.parent.mkdir(parents=True)
        result.write_text("{}")
    return folder


@pytest.fixture
def home(clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setattr(records, "_BIG_POINTS", 3_000)
    folder = tmp_path / "home"
    shutil.copytree(clean, folder)
    settings = settings_of(folder)
    seen = Witness(imports={FOUND: 8_010}, runs={RUN.run_id})
    seen.paid[BOUGHT] += 1
    with ExitStack() as stack:
        stream = stack.enter_context(open_stream(settings))
        yield Home(settings, stream, seen, DECK.expected(), contents(settings))


def settings_of(folder: Path) -> Settings:
    return Settings.load(_env_file=None, home=folder / "var", folder=folder, demo=True)


def bought() -> Record:
    """As the producer publishes what it bought: of the demo market, and unknown there."""
    asin, code = BOUGHT
    message = envelope(
        asin=asin,
        market=code,
        origin="demo",
        fetched_at="2026-01-01T00:00:00Z",
        run_id="x",
        product={"asin": asin, "domainId": 3},
    )
    return Record(asin, orjson.dumps(message))


def without(some: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: one for name, one in some.items() if name != key}


def one_of(home: Home) -> str:
    return min(home.expected.offers)


def test_a_clean_home_has_no_difference(home: Home) -> None:
    assert home.broken() == []
    assert home.expected.poison
    assert len(home.found.offers) > len(home.expected.offers)


def test_a_lost_record(home: Home) -> None:
    key = one_of(home)
    home.found = replace(home.found, offers=without(home.found.offers, key))
    assert key in home.only("found")


def test_a_record_that_nobody_was_told_of(home: Home) -> None:
    key = one_of(home)
    newer = replace(home.found.offers[key], version=home.found.offers[key].version + 1)
    home.found = replace(home.found, offers={**home.found.offers, key: newer})
    assert "told to nobody" in home.only("found")


def test_a_history_with_a_point_too_many(home: Home) -> None:
    key = one_of(home)
    points = home.expected.histories[key]
    home.expected.histories[key] = points[0], points[1][2:]
    assert key in home.only("found")


@pytest.mark.parametrize("price", [None, 7_999])
def test_a_lost_import(home: Home, price: int | None) -> None:
    key = f"{FOUND}:DE"
    offers = without(home.found.offers, key)
    if price is not None:
        offers[key] = replace(home.found.offers[key], price_minor=price)
    home.found = replace(home.found, offers=offers)
    assert f"import of {FOUND}" in home.only("found")


@pytest.mark.parametrize("back", [0, 1])
def test_an_offer_that_goes_back_or_away(home: Home, back: int) -> None:
    home.seen.look(home.found.offers)
    key = f"{FOUND}:DE"
    older = {key: replace(home.found.offers[key], version=home.found.offers[key].version - 1)} if back else {}
    home.seen.look({**without(home.found.offers, key), **older})
    assert [(one.promise, key in one.text) for one in home.seen.differences] == [("versions", True)]


def test_a_lost_dead_letter(home: Home) -> None:
    home.expected.poison.add(("KEY", b"never a dead letter"))
    assert "missing" in home.only("letters")


def test_a_lost_dead_letter_whose_bytes_came_twice(home: Home) -> None:
    key, value = min(home.expected.poison)
    home.stream.publish(RAW_TOPIC, [Record(key, value)])
    assert "is unusable and no dead letter" in home.only("letters")


def test_a_dead_letter_of_what_is_good(home: Home) -> None:
    good = next(m for m in messages(home.stream, RAW_TOPIC) if (m.key, m.value) not in home.expected.poison)
    headers = {"partition": str(good.partition), "offset": str(good.offset)}
    home.stream.publish(LETTERS, [Record(good.key, good.value, headers)])
    assert "should not be there" in home.only("letters")


def test_a_dead_letter_with_other_bytes(home: Home) -> None:
    letter = home.last(LETTERS)
    other = next(m for m in messages(home.stream, LETTERS) if m.value != letter.value)
    home.seen.repeats = 1
    home.stream.publish(LETTERS, [Record(other.key, other.value, letter.headers)])
    assert "is not what was there" in home.only("letters")


def test_a_dead_letter_of_nobody(home: Home) -> None:
    letter = home.last(LETTERS)
    home.stream.publish(LETTERS, [Record(letter.key, letter.value, {})])
    assert "does not say whose it is" in home.only("letters")


@pytest.mark.parametrize("repeats", [0, 1])
def test_a_doubled_dead_letter(home: Home, repeats: int) -> None:
    home.seen.repeats = repeats
    for _ in range(1 + repeats):
        home.again(home.last(LETTERS))
    assert "is a dead letter" in home.only("doubled")


def test_a_batch_that_was_done_again_is_nothing_doubled(home: Home) -> None:
    home.seen.repeats = 1
    home.again(home.last(LETTERS))
    home.again(home.last(ENRICHED_TOPIC))
    assert home.broken() == []


def test_a_doubled_record(home: Home) -> None:
    enriched = [m for m in messages(home.stream, ENRICHED_TOPIC) if m.key != FOUND]
    # Once for each record of the product may be.
    for _ in (m for m in messages(home.stream, RAW_TOPIC) if m.key == enriched[-1].key):
        home.again(enriched[-1])
    assert "was published" in home.only("doubled")


def test_a_product_paid_for_and_not_published(home: Home) -> None:
    home.seen.paid[BOUGHT] += 1
    assert "1 products paid for and not published" in home.only("money")


def test_a_kill_may_cost_one_request(home: Home) -> None:
    home.seen.paid[BOUGHT] += 1
    home.seen.producer_ends = 1
    assert home.broken() == []


def test_an_opportunity_that_was_never_announced(home: Home) -> None:
    with open_store(home.settings) as store:
        routes = [opportunity(FOUND, "DE", "ES"), opportunity(FOUND, "DE", "IT")]
        store_routes(store, routes, announce=lambda _: Announcement())
    texts = [text for _, text in home.broken()]
    assert f"{FOUND} DE→IT is an opportunity and was never announced" in texts
    assert any("routes of a sweep" in text for text in texts)


def test_an_announcement_without_an_id(home: Home) -> None:
    home.seen.clock_jumps = 1
    home.again(home.last(ALERTS_TOPIC), id=None, at=1.0)
    assert "has no id" in home.only("alerts")


def test_one_id_for_two_routes(home: Home) -> None:
    alert = home.last(ALERTS_TOPIC)
    home.again(alert, opportunity={**orjson.loads(alert.value)["opportunity"], "target": "IT"})
    broken = home.broken()
    assert {name for name, _ in broken} == {"alerts", "doubled"}
    assert any("stands for" in text for _, text in broken)


def test_the_same_announcement_twice_is_one(home: Home) -> None:
    home.again(home.last(ALERTS_TOPIC))
    assert home.broken() == []


def test_one_id_with_two_texts(home: Home) -> None:
    home.again(home.last(ALERTS_TOPIC), confidence=0.1)
    assert "was published with 2 texts" in home.only("doubled")


def test_one_event_under_two_ids(home: Home) -> None:
    home.seen.clock_jumps = 1
    home.again(home.last(ALERTS_TOPIC), id="another")
    assert "was announced under 2 ids" in home.only("doubled")


def test_an_opportunity_announced_again_without_a_change(home: Home) -> None:
    home.again(home.last(ALERTS_TOPIC), id="another", at=1.0)
    assert "was announced under 2 ids, where 1 may be" in home.only("doubled")


@pytest.mark.parametrize("what", ["record", "result"])
def test_a_lost_run_of_a_report(home: Home, what: str) -> None:
    if what == "record":
        home.seen.runs.add("20260101T000000Z-bbbbbb")
    else:
        (folder_of(home.settings, RUN) / "result.json").unlink()
    assert "run" in home.only("found")


def test_a_traceback_in_a_log(home: Home, tmp_path: Path) -> None:
    log = tmp_path / "consumer.log"
    log.write_text("INFO fine\nTraceback (most recent call last):\n  File x\nKeyError: 'x'\nINFO more\n")
    home.seen.read_logs([("producer", tmp_path / "none.log"), ("consumer", log)])
    assert home.only("crash").startswith("consumer: Traceback")


@pytest.mark.parametrize(
    ("code", "was_killed", "is_command", "is_allowed"),
    [
        (0, False, True, True), (4, False, True, True), (-9, True, True, True), (4, True, False, True),
        (0, False, False, False), (1, False, True, False), (1, True, False, False), (5, False, True, False),
        (-9, False, True, False), (-25, False, False, False), (120, False, True, False),
    ],
)  # fmt: skip
def test_exit_codes(code: int, was_killed: bool, is_command: bool, is_allowed: bool) -> None:
    seen = Witness()
    seen.note_end("x", code, was_killed=was_killed, is_command=is_command)
    assert [one.promise for one in seen.differences] == ([] if is_allowed else ["codes"])


def test_who_serves_late_is_named_and_a_hang_may_take_longer() -> None:
    recoveries = Recoveries()
    for fault, took in (("kill", 61.0), ("kill", 5.0), ("hang", 179.0), ("hang", 181.0)):
        recoveries.disturbed("consumer", fault, 1_000.0)
        assert recoveries.since("consumer") == 1_000.0
        recoveries.serves("consumer", 1_000.0 + took)
        assert recoveries.since("consumer") is None
    late = recoveries.late()
    assert [one.split(",")[0] for one in late] == ["consumer after kill: 61 s", "consumer after hang: 181 s"]
    assert "serving again after kill: median 33.0 s, worst 61.0 s (consumer), of 2" in list(recoveries.lines())


def test_who_waits_beside_a_hang_may_take_as_long() -> None:
    recoveries = Recoveries()
    recoveries.disturbed("scheduler", "hang", 1_000.0)
    recoveries.disturbed("consumer", "kill", 1_010.0)
    recoveries.serves("consumer", 1_100.0)
    recoveries.disturbed("import", "kill", 1_110.0)
    recoveries.serves("scheduler", 1_125.0)
    recoveries.serves("import", 1_200.0)
    assert recoveries.late() == []


def test_who_is_disturbed_again_is_late_only_if_there_was_time_before() -> None:
    recoveries = Recoveries()
    for at in (1_000.0, 1_059.0, 1_120.0, 1_130.0):
        recoveries.disturbed("report", "kill", at)
    recoveries.serves("report", 1_140.0)
    assert recoveries.late() == ["report after kill: 61 s, where 60 s may be"]
    assert list(recoveries.lines()) == ["serving again after kill: median 10.0 s, worst 10.0 s (report), of 1"]
