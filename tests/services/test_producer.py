"""The producer from the watchlist to the log, in this process and as a process of its own."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from prometheus_client import REGISTRY

import arbkit.pipeline.producer
from arbkit.core.errors import ConfigError, KeepaError, KeepaKeyError, ServiceError, StreamError
from arbkit.core.files import write_atomically
from arbkit.core.offers.looks import Look
from arbkit.core.settings import Settings
from arbkit.core.sqlite import connect
from arbkit.pipeline.producer import ProduceSummary, produce
from arbkit.sources import watchlist
from arbkit.sources.demo.server import DemoServer
from arbkit.sources.keepa_api.token_budget import Tokens, read_tokens
from arbkit.store import open_store
from arbkit.stream import RAW_TOPIC, Record, dead_letters, open_stream
from tests.helpers import processes
from tests.helpers.keepa_stub import TOKENS, Asked, Reply, Stub, product, products, stub, tokens, used_up, well
from tests.helpers.paths import ROOT
from tests.helpers.waiting import eventually

ASINS = ("B000000001", "B000000002", "B000000003")
KEY = "a-very-secret-key-0123456789"

SCRIPT = """
import logging, signal, sys, threading
from arbkit.pipeline.producer import produce
from arbkit.core.settings import Settings
logging.basicConfig(level=logging.INFO)
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
summary = produce(Settings.load(_env_file=None), stop=stop)
sys.exit(0 if summary.stopped else 1)
"""


def config(home: Path, service: Stub, **more: Any) -> Settings:
    settings: dict[str, Any] = {
        "keepa_api_key": KEY,
        "keepa_url": service.url,
        "home": home / "var",
        "watchlist": home / "watchlist.txt",
        "markets": "DE,FR",
        "poll_interval": 100_000,
    }
    home.mkdir(exist_ok=True)
    path: Path = settings["watchlist"]
    if not path.exists():
        path.write_text("\n".join(ASINS) + "\n")
    return Settings.load(_env_file=None, **{**settings, **more})


def once(settings: Settings) -> ProduceSummary:
    return produce(settings, once=True, stop=threading.Event())


@contextmanager
def running(settings: Settings) -> Iterator[Future[ProduceSummary]]:
    """A producer at work in a thread, stopped at the end."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(produce, settings, stop=stop)
        try:
            yield future
        finally:
            stop.set()
            future.exception(timeout=60)
    assert future.result().stopped


@contextmanager
def process(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """A producer as a process of its own."""
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        env={"PATH": "", "PYTHONPATH": str(ROOT), **settings.environment()},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def envelopes(settings: Settings) -> list[dict[str, Any]]:
    """What is on the raw topic, each with the key of its message."""
    with open_stream(settings) as stream:
        return [
            orjson.loads(message.value) | {"key": message.key}
            for place in stream.watermarks(RAW_TOPIC)
            for message in stream.read(RAW_TOPIC, partition=place.partition, max_records=10_000)
        ]


def looked_at(settings: Settings) -> set[tuple[str, str]]:
    return {(e["asin"], e["market"]) for e in envelopes(settings)}


EVERYTHING = {(asin, market) for asin in ASINS for market in ("DE", "FR")}


def test_one_look_at_everything_reaches_the_log_untouched(tmp_path: Path) -> None:
    with stub() as service:
        settings = config(tmp_path, service)
        summary = once(settings)
        assert [(a.name, a.query.get("domain")) for a in service.asked] == [
            ("token", None),
            ("product", "3"),
            ("product", "4"),
        ]
    found = envelopes(settings)
    assert len(found) == 6
    assert {(e["asin"], e["market"]) for e in found} == EVERYTHING
    for e in found:
        assert set(e) == {"v", "asin", "market", "source", "fetched_at", "run_id", "product", "key"}
        assert (e["v"], e["source"], e["run_id"]) == (1, "keepa", summary.run_id)
        assert e["key"] == e["asin"]
        assert e["product"] == product(e["asin"], 3 if e["market"] == "DE" else 4)
        assert datetime.fromisoformat(e["fetched_at"]).tzinfo is not None
        assert e["fetched_at"].endswith("Z")
    assert (summary.batches, summary.products, summary.missing, summary.stopped) == (2, 6, 0, False)


def test_without_a_key_every_record_says_demo(tmp_path: Path) -> None:
    with stub() as service:
        settings = config(tmp_path, service, keepa_api_key="")
        once(settings)
    assert {e["source"] for e in envelopes(settings)} == {"demo"}


def test_the_tokens_are_left_for_others_to_see(tmp_path: Path) -> None:
    with stub(lambda asked, _: tokens(77) if asked.name == "token" else products(asked, tokensLeft=41)) as s:
        settings = config(tmp_path, s)
        once(settings)
    state = read_tokens(settings)
    assert state is not None
    assert (state.left, state.origin) == (41, "keepa")


def test_once_waits_for_tokens_and_then_ends(tmp_path: Path) -> None:
    def answer(asked: Asked, before: int) -> Reply:
        return used_up(refill_in_ms=500) if asked.name == "product" and before == 1 else well(asked, before)

    with stub(answer) as service:
        settings = config(tmp_path, service)
        assert once(settings).products == 6
        assert service.count("product") == 3
    assert looked_at(settings) == EVERYTHING


def test_without_tokens_nothing_is_asked_and_a_stop_ends_the_wait(tmp_path: Path) -> None:
    with stub(lambda asked, _: tokens(-5000)) as service, running(config(tmp_path, service)):
        eventually(lambda: service.count("token"))
    assert service.count("product") == 0


def test_a_wait_for_tokens_is_one_line_with_the_time_that_it_takes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left = [-3, -3, -2, -1, 0]

    def answer(asked: Asked, before: int) -> Reply:
        return tokens(left[before]) if asked.name == "token" and before < len(left) else well(asked, before)

    def waits(service: Stub) -> list[str]:
        eventually(lambda: service.count("product") == 2)
        return [one.message for one in caplog.records if "waiting for tokens" in one.message]

    caplog.set_level(logging.INFO, "arbkit.pipeline.producer")
    with stub(answer) as service, pytest.MonkeyPatch.context() as patched:
        patched.setattr("arbkit.pipeline.producer._ASK_TOKENS_S", 0.05)
        patched.setattr("arbkit.pipeline.producer._TICK_S", 0.05)
        with running(config(tmp_path, service)):
            # The next refill comes in 42 seconds and brings five.
            assert waits(service) == ["waiting for tokens: about 42 s"]


def test_where_tokens_stay_short_the_wait_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def answer(asked: Asked, before: int) -> Reply:
        return tokens(5 * (before % 2) - 1) if asked.name == "token" else products(asked, tokensLeft=-1)

    caplog.set_level(logging.INFO, "arbkit.pipeline.producer")
    with stub(answer) as service, pytest.MonkeyPatch.context() as patched:
        patched.setattr("arbkit.pipeline.producer._ASK_TOKENS_S", 0.05)
        patched.setattr("arbkit.pipeline.producer._TICK_S", 0.05)
        with running(config(tmp_path, service)):
            eventually(lambda: service.count("product") == 2)
    assert service.count("token") >= 3
    assert sum("waiting for tokens" in one.message for one in caplog.records) == 1


def test_the_demo_market_says_when_it_answers_again() -> None:
    with DemoServer("127.0.0.1", 0, speed=0, rate=60) as demo, requests.Session() as session:
        asked = f"{demo.url}/product?key=demo&domain=3&asin={','.join(f'B{n:09}' for n in range(100))}"
        said = session.get(asked).json()
        while said["tokensLeft"] > 0:
            said = session.get(asked).json()
        for answer in (said, session.get(asked).json()):
            left, refill_s = answer["tokensLeft"], answer["refillIn"] / 1000
            state = Tokens(left=left, refill_rate=60, refill_in_s=refill_s, at=0.0, consumed=0, origin="demo")
            # At one token a second a balance of -9 is above zero in ten.
            assert left <= 0
            assert state.wait_s(0.0) == pytest.approx(1 - left, abs=0.01)


def test_the_place_is_kept_and_the_watchlist_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with stub() as service:
        settings = config(tmp_path, service)
        with running(settings):
            eventually(lambda: looked_at(settings) >= EVERYTHING)
        before = len(service.asked)
        with running(settings):
            path = settings.watchlist_path
            watchlist.add(path, ["B000000004"])
            write_atomically(path, path.read_bytes() + b"nonsense\n")
            eventually(lambda: {("B000000004", "DE"), ("B000000004", "FR")} <= looked_at(settings))
        asked = [a.asins for a in service.asked[before:] if a.name == "product"]
        assert asked == [["B000000004"], ["B000000004"]]
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert sum("line 5: 'nonsense' skipped" in w for w in warnings) == 1


def test_a_watchlist_that_vanishes_stays_in_force(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with stub() as service:
        settings = config(tmp_path, service, poll_interval=0.01)
        with running(settings):
            eventually(lambda: service.count("product") >= 2)
            settings.watchlist_path.unlink()
            eventually(lambda: "the list as it was" in caplog.text)
            before = service.count("product")
            eventually(lambda: service.count("product") > before + 2)


def test_no_watchlist_is_an_error_at_the_start(tmp_path: Path) -> None:
    with stub() as service:
        settings = config(tmp_path, service)
        settings.watchlist_path.unlink()
        with pytest.raises(ConfigError, match="ARBKIT_WATCHLIST"):
            once(settings)
        assert service.asked == []


def test_an_empty_watchlist_is_said_and_costs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with stub() as service:
        settings = config(tmp_path, service)
        settings.watchlist_path.write_text("# nothing yet\n")
        assert once(settings).products == 0
        assert service.asked == []
    assert "nothing to watch" in caplog.text


def test_a_damaged_place_is_kept_aside_and_begun_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with stub() as service:
        settings = config(tmp_path, service)
        settings.home.mkdir()
        place = settings.home / "producer.json"
        place.write_text('{"v": 1, "looks": {"DE"')
        assert once(settings).products == 6
    assert (settings.home / "producer.json.damaged").read_text() == '{"v": 1, "looks": {"DE"'
    assert orjson.loads(place.read_bytes())["looks"].keys() == {"DE", "FR"}
    assert "damaged" in caplog.text


UNPAID = Reply(402, {"error": {"type": "PAYMENT_REQUIRED", "message": "no subscription"}})


def test_a_wrong_key_is_an_error_with_once(tmp_path: Path) -> None:
    with stub(lambda asked, before: UNPAID) as service:
        with pytest.raises(KeepaKeyError, match="no subscription"):
            once(config(tmp_path, service))
        assert len(service.asked) == 1


def test_a_wrong_key_is_asked_again_after_minutes_that_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waited: list[float] = []
    paid = threading.Event()

    def wait(_: object, seconds: float, **__: object) -> None:
        waited.append(seconds)
        if len(waited) == 9:
            paid.set()

    monkeypatch.setattr(arbkit.pipeline.producer._Producer, "_wait", wait)
    with stub(lambda asked, before: well(asked, before) if paid.is_set() else UNPAID) as service:
        settings = config(tmp_path, service)
        with running(settings):
            eventually(lambda: looked_at(settings) == EVERYTHING)
    assert waited[:9] == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert caplog.text.count("no subscription") == 9
    assert KEY not in caplog.text


def test_a_page_of_a_proxy_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arbkit.pipeline.producer, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("arbkit.sources.keepa_api.client.KeepaSource._gives_up", lambda *_: True)

    def answer(asked: Asked, before: int) -> Reply:
        return Reply(403, b"<html>one moment</html>") if before < 3 else well(asked, before)

    with stub(answer) as service, running(settings := config(tmp_path, service)):
        eventually(lambda: looked_at(settings) == EVERYTHING)


def test_an_object_that_cannot_be_written_again_costs_no_other(tmp_path: Path) -> None:
    deep = b"[" * 500 + b"]" * 500

    def answer(asked: Asked, before: int) -> Reply:
        if asked.name == "token":
            return tokens()
        found = [product(a, 3, odd="DEEP" if a == ASINS[1] else "") for a in asked.asins]
        return Reply(body=orjson.dumps({**TOKENS, "products": found}).replace(b'"DEEP"', deep))

    with stub(answer) as service:
        settings = config(tmp_path, service, markets="DE")
        summary = once(settings)
        assert service.count("product") == 1
    assert (summary.products, summary.missing) == (2, 1)
    assert looked_at(settings) == {(ASINS[0], "DE"), (ASINS[2], "DE")}


def test_products_without_news_of_the_tokens_are_published_and_the_tokens_asked_for(tmp_path: Path) -> None:
    def answer(asked: Asked, before: int) -> Reply:
        return tokens() if asked.name == "token" else products(asked, tokensLeft=[])

    with stub(answer) as service:
        settings = config(tmp_path, service)
        assert once(settings).products == 6
        assert [a.name for a in service.asked] == ["token", "product", "token", "product"]


def test_an_outage_is_waited_out_but_is_an_error_with_once(tmp_path: Path) -> None:
    def answer(asked: Asked, before: int) -> Reply:
        return Reply(404, {}) if asked.name == "product" and before == 0 else well(asked, before)

    with stub(answer) as service, running(settings := config(tmp_path / "a", service)):
        eventually(lambda: looked_at(settings) == EVERYTHING)
    with stub(answer) as service, pytest.raises(KeepaError, match="404"):
        once(config(tmp_path / "b", service))


def test_a_producer_counts_what_it_does(tmp_path: Path) -> None:
    def answer(asked: Asked, before: int) -> Reply:
        return Reply(503, {}) if asked.name == "product" and before == 0 else well(asked, before)

    def counted() -> list[float]:
        names: list[tuple[str, dict[str, str]]] = [
            ("arbkit_produced_records_total", {"outcome": "published", "market": "DE"}),
            ("arbkit_keepa_retries_total", {"kind": "503"}),
            ("arbkit_batch_seconds_count", {"service": "producer", "step": "fetch"}),
        ]
        return [REGISTRY.get_sample_value(name, labels) or 0 for name, labels in names]

    before = counted()
    with stub(answer) as service:
        once(config(tmp_path, service, markets="DE"))
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [3, 1, 1]
    assert REGISTRY.get_sample_value("arbkit_producer_tokens_left") == 300


def test_products_that_are_never_answered_do_not_hold_up_the_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(asked: Asked, before: int) -> Reply:
        return tokens() if asked.name == "token" else products(asked, but=("B000000002",))

    with stub(answer) as service:
        settings = config(tmp_path, service, markets="DE")
        summary = once(settings)
    assert (summary.products, summary.missing) == (2, 1)
    assert "B000000002" in caplog.text


def test_a_look_that_was_asked_for_is_served_at_once_and_the_watchlist_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arbkit.pipeline.looks._CHECK_EVERY_S", 0.05)
    with stub() as service:
        settings = config(tmp_path, service, markets="DE")
        with running(settings):
            eventually(lambda: looked_at(settings) == {(asin, "DE") for asin in ASINS})
            asked = processes.arbkit(settings.without_key(), "watch", "look", "B00000000X", "--market", "IT", "--json")
            assert orjson.loads(asked.stdout)["items"][0]["status"] == "waiting"
            eventually(lambda: ("B00000000X", "IT") in looked_at(settings))
            with open_store(settings, read_only=True) as store:
                eventually(lambda: not store.looks(status="waiting"))
        said = processes.arbkit(settings, "watch", "looks").stdout
        assert said == "B00000000X IT: served\n"
        # It is not on the watchlist, and so not looked at again.
        assert [a.asins for a in service.asked if a.name == "product"][1:] == [["B00000000X"]]
        assert processes.arbkit(settings, "watch", "look", ASINS[0]).returncode == 0
        assert once(settings).products == 3
        assert service.count("product") == 4


class _Spy:
    """A log that notes what is published, or refuses."""

    def __init__(self, refuse: int | None = None) -> None:
        self.published: list[Sequence[Record]] = []
        self._refuse = refuse

    def prove_writable(self, topic: str) -> None:
        pass

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        if len(self.published) == self._refuse:
            raise StreamError("the disk is full")
        self.published.append(records)

    def __enter__(self) -> _Spy:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def large(asked: Asked, before: int) -> Reply:
    """Products of 5 MB each."""
    if asked.name == "token":
        return tokens()
    found = [product(asin, filler="x" * 5_000_000) for asin in asked.asins]
    return Reply(body={**TOKENS, "products": found})


def test_a_large_answer_is_published_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = _Spy()
    monkeypatch.setattr(arbkit.pipeline.producer, "open_stream", lambda _: spy)
    with stub(large) as service:
        once(config(tmp_path, service, markets="DE"))
    assert [len(part) for part in spy.published] == [2, 1]


def test_a_product_too_large_for_the_log_is_a_dead_letter_and_holds_up_nobody(tmp_path: Path) -> None:
    def answer(asked: Asked, before: int) -> Reply:
        if asked.name == "token":
            return tokens()
        sizes = {"B000000002": 17_000_000}
        return Reply(body={**TOKENS, "products": [product(a, filler="x" * sizes.get(a, 1)) for a in asked.asins]})

    with stub(answer) as service:
        settings = config(tmp_path, service, markets="DE")
        once(settings)
        assert service.count("product") == 1
    assert looked_at(settings) == {("B000000001", "DE"), ("B000000003", "DE")}
    with open_stream(settings) as stream:
        (letter,) = dead_letters.dead_letters(stream)
    assert orjson.loads(letter.value)["product"] == product("B000000002", filler="x" * 17_000_000)
    assert letter.headers.keys() == {"topic", "error", "attempts", "time"}
    assert (letter.key, letter.headers["topic"], letter.headers["attempts"]) == ("B000000002", RAW_TOPIC, "1")
    assert "larger than the limit of 16777216 bytes" in letter.headers["error"]


class _Moody:
    """A log that does not take what it is given while ``why`` says so; the real one otherwise."""

    def __init__(self, settings: Settings) -> None:
        self.why: str | None = None
        self.refused = 0
        self._real = open_stream(settings)

    def prove_writable(self, topic: str) -> None:
        self._check()
        self._real.prove_writable(topic)

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        self._check()
        self._real.publish(topic, records)

    def _check(self) -> None:
        if self.why:
            self.refused += 1
            raise StreamError(self.why)

    def __enter__(self) -> _Moody:
        return self

    def __exit__(self, *_: object) -> None:
        self._real.close()


@contextmanager
def moody(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Moody]:
    """The log of the producers that run meanwhile, and their pauses short."""
    with monkeypatch.context() as patched, _Moody(settings) as log:
        patched.setattr(arbkit.pipeline.producer, "open_stream", lambda _: nullcontext(log))
        patched.setattr(arbkit.pipeline.producer, "_FIRST_PAUSE_S", 0.01)
        yield log


def test_what_was_paid_for_is_published_in_place_once_the_log_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stub() as service:
        settings = config(tmp_path, service, markets="DE")
        with moody(settings, monkeypatch) as log:

            def answer_and_fill_the_disk(asked: Asked, before: int) -> Reply:
                if asked.name == "product":
                    log.why = "the disk is full"
                return well(asked, before)

            service.answer = answer_and_fill_the_disk
            with running(settings):
                eventually(lambda: log.refused > 5)
                assert (service.count("product"), looked_at(settings)) == (1, set())
                log.why = None
                eventually(lambda: looked_at(settings) == {(asin, "DE") for asin in ASINS})
            assert service.count("product") == 1


@pytest.mark.parametrize("how", ["stopped", "once"])
def test_what_was_paid_for_outlives_the_producer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    def answer(asked: Asked, before: int) -> Reply:
        return tokens() if asked.name == "token" else products(asked, but=("B000000002",))

    with stub(answer) as service:
        settings = config(tmp_path, service, markets="DE")
        with monkeypatch.context() as patched:
            patched.setattr(arbkit.pipeline.producer, "open_stream", lambda _: _Spy(refuse=0))
            if how == "once":
                with pytest.raises(StreamError, match="full"):
                    once(settings)
            else:
                with running(settings):
                    eventually((settings.home / "unpublished.jsonl").exists)
        paid = service.count("product")
        assert once(settings).missing == 1
        # Not even what was left out is asked for again, for it was part of the answer.
        assert service.count("product") == paid
    (first, second) = sorted(envelopes(settings), key=lambda e: str(e["asin"]))
    assert [first["product"], second["product"]] == [product("B000000001"), product("B000000003")]
    assert first["run_id"]
    assert not (settings.home / "unpublished.jsonl").exists()


def arriving(settings: Settings) -> bytes:
    path = settings.home / "arriving.answer.0"
    return path.read_bytes() if path.exists() else b""


@pytest.mark.parametrize(("before", "rest"), [(b'{"asin": "B000000003"', ["B000000003"]), (b', "end"', [])])
def test_killed_while_an_answer_comes_in_it_asks_only_for_the_rest(
    tmp_path: Path, before: bytes, rest: list[str]
) -> None:
    let_go = threading.Event()

    def answer(asked: Asked, earlier: int) -> Reply:
        if asked.name == "token" or earlier:
            return well(asked, earlier)
        return replace(products(asked, end=True), pause_before=before, pause=lambda: let_go.wait(120))

    with stub(answer) as service:
        settings = config(tmp_path, service, markets="DE")
        with process(settings) as child:
            eventually(lambda: len(arriving(settings).partition(b"\n")[2]) > 0)
            child.kill()
            child.wait(60)
            let_go.set()
        once(settings)
        bought = [asin for a in service.asked if a.name == "product" for asin in a.asins]
        assert sorted(bought) == sorted([*ASINS, *rest])
    assert sorted(str(e["asin"]) for e in envelopes(settings)) == list(ASINS)
    assert {e["source"] for e in envelopes(settings)} == {"keepa"}
    assert not arriving(settings)


def test_what_had_come_in_when_the_line_broke_is_not_bought_again(tmp_path: Path) -> None:
    def answer(asked: Asked, before: int) -> Reply:
        broken = asked.name == "product" and not before
        reply = well(asked, before)
        return replace(reply, pause_before=b'{"asin": "B000000002"', pause=lambda: False) if broken else reply

    with stub(answer) as service:
        settings = config(tmp_path, service, markets="DE")
        once(settings)
        assert [sorted(a.asins) for a in service.asked if a.name == "product"] == [list(ASINS), list(ASINS[1:])]
    assert looked_at(settings) == {(asin, "DE") for asin in ASINS}


def test_a_look_that_was_paid_for_before_a_kill_is_said_to_be_served(tmp_path: Path) -> None:
    with stub() as service:
        settings = config(tmp_path, service, markets="DE")
        with open_store(settings) as store:
            store.put_looks([Look(asin="B000000009", market="DE", asked_at=time.time() - 60)])
        settings.home.mkdir(exist_ok=True)
        header = {"v": 1, "market": "DE", "asins": ["B000000009"], "origin": "keepa"}
        body = {**TOKENS, "products": [product("B000000009")]}
        (settings.home / "arriving.answer.0").write_bytes(orjson.dumps(header) + b"\n" + orjson.dumps(body))
        once(settings)
        assert all("B000000009" not in a.asins for a in service.asked if a.name == "product")
        with open_store(settings) as store:
            assert [look.status for look in store.looks()] == ["served"]


def test_an_answer_of_several_parts_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with stub(large) as service:
        settings = config(tmp_path, service, markets="DE")
        with monkeypatch.context() as patched:
            patched.setattr(arbkit.pipeline.producer, "open_stream", lambda _: _Spy(refuse=1))
            with pytest.raises(StreamError, match="full"):
                once(settings)
        once(settings)
        assert service.count("product") == 1
    assert looked_at(settings) == {(asin, "DE") for asin in ASINS}


@pytest.mark.parametrize("where", ["log", "home"])
def test_nothing_is_bought_where_it_could_not_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    with stub() as service:
        settings = config(tmp_path, service, markets="DE")
        with moody(settings, monkeypatch) as log:
            if where == "log":
                log.why = "the disk is full"
            else:
                settings.home.mkdir(exist_ok=True)
                settings.tokens_file.mkdir()
            with running(settings):
                eventually(lambda: log.refused > 5 if where == "log" else caplog.text.count("tokens.json") > 5)
                assert service.count("product") == 0
                log.why = None
                if where == "home":
                    settings.tokens_file.rmdir()
                eventually(lambda: looked_at(settings) == {(asin, "DE") for asin in ASINS})
        assert service.count("product") == 1


def test_a_locked_log_costs_no_tokens(tmp_path: Path) -> None:
    with stub() as service, closing(connect(tmp_path / "log.db")) as other:
        settings = config(tmp_path, service, markets="DE", log=f"sqlite:///{tmp_path / 'log.db'}")
        with open_stream(settings):
            pass
        other.execute("BEGIN IMMEDIATE")
        with running(settings):
            eventually(lambda: service.count("token"))
            other.execute("ROLLBACK")
            eventually(lambda: looked_at(settings) == {(asin, "DE") for asin in ASINS})
        assert service.count("product") == 1


def test_a_kept_answer_that_is_damaged_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number, data in enumerate(
        (b"", b"{}", b'{"v": 1, "market": "DE", "missing": []}\n{"asin', b"[1]\n[2]", b"\xff")
    ):
        with stub() as service:
            settings = config(tmp_path / str(number), service, markets="DE")
            settings.home.mkdir()
            (settings.home / "unpublished.jsonl").write_bytes(data)
            assert once(settings).products == 3
        assert (settings.home / "unpublished.jsonl.damaged").read_bytes() == data
    assert caplog.text.count("unpublished.jsonl is damaged") == 5


def test_a_home_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where the folder should be")
    with stub() as service, pytest.raises(ServiceError, match="var"):
        once(config(tmp_path, service))


def test_a_home_has_one_producer_and_the_second_says_who_it_is(tmp_path: Path) -> None:
    with stub() as service:
        settings = config(tmp_path, service)
        with process(settings) as child:
            eventually(lambda: looked_at(settings) == EVERYTHING)
            before = len(service.asked)
            second = processes.arbkit(settings, "produce", "--once")
            assert (second.returncode, second.stderr.count("\n")) == (4, 1)
            assert f"process {child.pid} (since" in second.stderr
            assert "is its producer already" in second.stderr
            assert len(service.asked) == before
            # Killed, it holds nothing any more.
            child.kill()
            child.wait(60)
            assert processes.arbkit(settings, "produce", "--once").returncode == 0


def test_sigterm_ends_the_process_while_idle(tmp_path: Path) -> None:
    with stub() as service:
        settings = config(tmp_path, service)
        with process(settings) as child:
            eventually(lambda: looked_at(settings) == EVERYTHING)
            assert _terminated(child) == 0


def test_sigterm_ends_the_process_while_it_waits_for_tokens(tmp_path: Path) -> None:
    with stub(lambda asked, _: tokens(-5000)) as service, process(config(tmp_path, service)) as child:
        eventually(lambda: service.count("token"))
        assert _terminated(child) == 0


def test_sigterm_ends_the_process_in_the_middle_of_a_request(tmp_path: Path) -> None:
    let_go = threading.Event()

    def answer(asked: Asked, before: int) -> Reply:
        if asked.name == "product":
            let_go.wait(120)
        return well(asked, before)

    with stub(answer) as service, process(config(tmp_path, service)) as child:
        eventually(lambda: service.count("product"))
        assert _terminated(child) == 0
        let_go.set()


def test_killed_in_the_middle_it_goes_on_where_it_was(tmp_path: Path) -> None:
    let_go = threading.Event()

    def answer(asked: Asked, before: int) -> Reply:
        if asked.name == "product" and before == 1:
            let_go.wait(120)
        return well(asked, before)

    with stub(answer) as service:
        settings = config(tmp_path, service)
        with process(settings) as child:
            eventually(lambda: service.count("product") == 2)
            child.kill()
            child.wait(60)
            let_go.set()
        with running(settings):
            eventually(lambda: looked_at(settings) == EVERYTHING)
        assert [a.query["domain"] for a in service.asked if a.name == "product"] == ["3", "4", "4"]


def _terminated(child: subprocess.Popen[str]) -> int:
    child.send_signal(signal.SIGTERM)
    return child.wait(60)
