"""The stream of events: what happens arrives, resumes where it was left, and ends when it should."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
import requests
import uvicorn

from arbkit.core.service.api_keys import KeyRing
from arbkit.core.settings import Settings
from arbkit.stream import ALERTS_TOPIC, CHANGES_TOPIC, TOPICS, Record, open_stream
from arbkit.web.api import create_app
from arbkit.web.edge import events, streaming
from tests.helpers.delivery import alert
from tests.servers.launch import Kafka


class Served(NamedTuple):
    url: str
    app: Any


@contextmanager
def serving(settings: Settings) -> Iterator[Served]:
    app = create_app(settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 60
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", app)
        app.state.feed.stop()
        server.should_exit = True
        thread.join()


def happen(settings: Settings, *numbers: int, topic: str = ALERTS_TOPIC, event: str = "opportunity") -> None:
    """Something about as many products; several partitions have a share of it."""
    with open_stream(settings) as log:
        records = [
            Record(f"B0{n:08d}", json.dumps({"event": event, "id": f"id-{n}", "title": "a\nb"}, indent=1).encode())
            for n in numbers
        ]
        log.publish(topic, records)


class Seen(NamedTuple):
    id: str
    event: str
    data: Any


class Listener:
    """A client of the stream in a thread of its own: what it has seen, until it is over."""

    def __init__(self, url: str, *, after: str = "", key: str = "", more: str = "") -> None:
        self.seen: list[Seen] = []
        self.comments = 0
        self.last_id = after
        self.over = threading.Event()
        self.began = threading.Event()
        self.status = 0
        self._stop = threading.Event()
        self._headers = {"Last-Event-ID": after} if after else {}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._thread = threading.Thread(target=self._run, args=(f"{url}/events{more}",))
        self._thread.start()

    def _run(self, url: str) -> None:
        fields: dict[str, str] = {}
        try:
            with requests.get(url, headers=self._headers, stream=True, timeout=120) as answer:
                self.status = answer.status_code
                if self.status != 200:
                    return
                for line in answer.iter_lines(None, decode_unicode=True):
                    if self._stop.is_set():
                        return
                    self._take(line, fields)
        finally:
            self.over.set()

    def _take(self, line: str, fields: dict[str, str]) -> None:
        name, _, value = line.partition(": ")
        if not line:
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                self.seen.append(Seen(fields["id"], fields["event"], json.loads(fields["data"])))
            self.began.set()
            fields.clear()
        elif not name:
            self.comments += 1
        else:
            assert name not in fields, "an event is one line of each field"
            fields[name] = value

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 120
        while not condition():
            assert time.monotonic() < deadline, self.seen
            time.sleep(0.02)

    def numbers(self) -> list[int]:
        return [int(one.data["id"].removeprefix("id-")) for one in self.seen if "id" in one.data]


@pytest.fixture(params=["sqlite", "kafka"])
def logged(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Settings with either log, with arbkit's topics."""
    if request.param == "kafka":
        kafka: Kafka = request.getfixturevalue("kafka")
        settings = settings.model_copy(update={"log": kafka.url})
    with open_stream(settings) as log:
        log.create_topics(TOPICS)
    return settings


def test_what_happens_arrives_and_nothing_of_before(logged: Settings) -> None:
    happen(logged, 1, 2, 3)
    with serving(logged) as api:
        listener = Listener(api.url)
        listener.until(listener.began.is_set)
        happen(logged, 4)
        happen(logged, 5, topic=CHANGES_TOPIC)
        happen(logged, 6, topic=CHANGES_TOPIC, event="ended")
        listener.until(lambda: len(listener.seen) >= 3)
        assert {(one.event, one.data["id"]) for one in listener.seen} == {
            ("alert", "id-4"), ("opportunity", "id-5"), ("ended", "id-6"),
        }  # fmt: skip
        assert listener.seen[0].data["title"] == "a\nb"


def test_who_comes_back_misses_nothing_also_after_a_restart_of_the_api(logged: Settings) -> None:
    with serving(logged) as api:
        first = Listener(api.url, more="?max_seconds=60")
        first.until(first.began.is_set)
        happen(logged, *range(10))
        first.until(lambda: len(first.seen) >= 4)
        left_at = first.seen[3]
    happen(logged, *range(10, 150))
    with serving(logged) as api:
        again = Listener(api.url, after=left_at.id)
        again.until(lambda: len(again.seen) >= 146)
        assert sorted(first.numbers()[:4] + again.numbers()) == list(range(150))
        by_query = Listener(api.url, more=f"?after={left_at.id}")
        by_query.until(lambda: len(by_query.seen) >= 146)
        assert by_query.numbers() == again.numbers()


def test_an_id_is_where_its_event_was_seen(settings: Settings) -> None:
    with serving(settings) as api:
        listener = Listener(api.url)
        listener.until(listener.began.is_set)
        happen(settings, *range(20))
        listener.until(lambda: len(listener.seen) >= 20)
        for position in (0, 7, 19):
            rest = Listener(api.url, after=listener.seen[position].id, more="?max_seconds=1")
            assert rest.over.wait(60)
            assert rest.numbers() == listener.numbers()[position + 1 :]


def test_silence_is_broken_by_heartbeats_that_keep_the_place(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.1)
    with serving(settings) as api:
        listener = Listener(api.url)
        listener.until(lambda: listener.comments >= 2)
        happen(settings, 1)
        rest = Listener(api.url, after=listener.last_id)
        rest.until(lambda: rest.numbers() == [1])


def test_a_key_that_is_revoked_ends_its_stream_with_a_word(settings: Settings) -> None:
    ring = KeyRing(settings)
    key = ring.add("tool").secret
    with serving(settings) as api:
        listener = Listener(api.url, key=key)
        listener.until(listener.began.is_set)
        ring.revoke("tool")
        assert listener.over.wait(60)
        assert [one.event for one in listener.seen] == ["closed"]
        assert "revoked" in listener.seen[0].data["why"]
        refused = Listener(api.url, key=key)
        assert refused.over.wait(60)
        assert refused.status == 401


def test_a_stream_ends_when_asked_and_when_the_api_does(settings: Settings) -> None:
    with serving(settings) as api:
        short = Listener(api.url, more="?max_seconds=0.5")
        assert short.over.wait(60)
        assert short.seen == []
        long = Listener(api.url)
        long.until(long.began.is_set)
    assert long.over.wait(60)
    assert [one.event for one in long.seen] == ["closed"]


def test_only_so_many_listen_at_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(settings) as api:
        api.app.state.readers = streaming.Slots(1, "readers of events")
        first = Listener(api.url, more="?max_seconds=2")
        first.until(first.began.is_set)
        refused = requests.get(f"{api.url}/events?max_seconds=1", timeout=60)
        assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
        assert int(refused.headers["retry-after"]) >= 1
        assert first.over.wait(60)
        first.until(lambda: requests.get(f"{api.url}/events?max_seconds=0.1", timeout=60).status_code == 200)


def test_what_is_kept_no_longer_is_a_gap_and_not_silence(settings: Settings) -> None:
    with serving(settings) as api:
        happen(settings, *range(4))
        # As of a log that was put back: what it said of before is beyond its end.
        beyond = Listener(api.url, after="a900.900.900.900-c0.0.0.0", more="?max_seconds=1")
        assert beyond.over.wait(60)
        assert [one.event for one in beyond.seen] == ["gap"]
        happen(settings, 5)
        rest = Listener(api.url, after=beyond.last_id, more="?max_seconds=1")
        assert rest.over.wait(60)
        assert rest.numbers() == [5]


def test_a_log_that_takes_the_name_of_another_is_read_in_its_place(settings: Settings) -> None:
    with serving(settings) as api:
        happen(settings, 1)
        listener = Listener(api.url)
        listener.until(listener.began.is_set)
        other = settings.model_copy(update={"home": settings.home.parent / "other"})
        happen(other, *range(20))
        for end in ("-wal", "-shm"):
            settings.database.with_name(f"{settings.database.name}{end}").unlink(missing_ok=True)
        other.database.replace(settings.database)
        happen(settings, 21)
        listener.until(lambda: 21 in listener.numbers())


@pytest.mark.parametrize("wrong", ["nonsense", "a1-a1", "a1", "c1-a", "a1.x-c1", "a-1-c1", "a" + "1" * 30 + "-c1"])
def test_an_id_that_is_none_is_refused(settings: Settings, wrong: str) -> None:
    with serving(settings) as api:
        answer = requests.get(f"{api.url}/events", headers={"Last-Event-ID": wrong}, timeout=60)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Last-Event-ID"


def test_what_is_no_event_is_left_out(settings: Settings) -> None:
    with serving(settings) as api:
        listener = Listener(api.url)
        listener.until(listener.began.is_set)
        with open_stream(settings) as log:
            values = [b"", b"{", b"[]", b"null", b'{"event":"alert\\n\\ndata: x"}', b"\xff"]
            log.publish(CHANGES_TOPIC, [Record("B000000001", value) for value in values])
        happen(settings, 1, topic=CHANGES_TOPIC)
        listener.until(lambda: listener.seen)
        assert listener.numbers() == [1]


def test_suspicious_figures_are_an_alert_that_says_so_and_no_opportunity(settings: Settings) -> None:
    with serving(settings) as api:
        listener = Listener(api.url)
        listener.until(listener.began.is_set)
        problem = alert(type="data_problem").to_dict()
        with open_stream(settings) as log:
            log.publish(ALERTS_TOPIC, [Record("B000000001", json.dumps(problem).encode())])
        listener.until(lambda: listener.seen)
        assert [(one.event, one.data["type"]) for one in listener.seen] == [("alert", "data_problem")]


def test_a_reader_who_does_not_read_is_closed_and_goes_on_later(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "STALL_S", 0.3)
    with serving(settings) as api:
        port = int(api.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as silent:
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            silent.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            first = b""
            while b"id: " not in first or not first.endswith(b"\n"):
                first += silent.recv(1_024)
            readers = api.app.state.readers
            deadline = time.monotonic() + 120
            big = [Record(f"B0{n:08d}", json.dumps({"id": f"id-{n}", "x": "x" * 400_000}).encode()) for n in range(40)]
            with open_stream(settings) as log:
                log.publish(ALERTS_TOPIC, big)
            while readers.taken:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        monkeypatch.undo()
        began = first.partition(b"id: ")[2].partition(b"\n")[0].decode()
        again = Listener(api.url, after=began)
        again.until(lambda: len(again.seen) >= 40)
        assert sorted(again.numbers()) == list(range(40))
