"""The real dispatcher, killed at random while alerts come: each arrives on every channel, at least once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from uuid import uuid4

import orjson
import pytest

from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from tests.helpers.delivery import alert, kept, publish, rule, webhook, with_plan, write_plan
from tests.helpers.processes import arbkit
from tests.helpers.receivers import Hook, Mail, hook, mail
from tests.helpers.streams import empty
from tests.helpers.waiting import eventually
from tests.servers.launch import Elasticsearch, Kafka

_PATIENCE_S = 120


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    initialise(settings)
    return with_plan(settings, tmp_path, monkeypatch)


def start(settings: Settings) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "arbkit", "alerts", "deliver"],
        env={**os.environ, **settings.environment()},
        cwd=settings.home.parent,
        stderr=subprocess.DEVNULL,
    )


def has_more(receiver: Hook, before: int) -> bool:
    return receiver.tries > before


def statuses(settings: Settings) -> list[str]:
    return [one.status for one in kept(settings).values()]


def mailed(server: Mail) -> set[str]:
    lines = (line for text in server.texts() for line in text.splitlines())
    return {line.removeprefix("Alert: ") for line in lines if line.startswith("Alert: ")}


def test_killed_at_random_it_loses_no_alert(settings: Settings) -> None:
    rng = random.Random(17)
    with hook() as receiver, hook() as failing, mail() as server:
        plan = (
            webhook(receiver.url)
            + webhook(failing.url, "failing")
            + f'[[channel]]\nname = "mail"\nurl = "{server.url}"'
        )
        write_plan(settings, rule() + plan)
        expected: set[str] = set()
        for number in range(8):
            failing.status = rng.choice((200, 500))
            batch = [alert(20 * number + n) for n in range(1, 21)]
            expected |= {one.id for one in batch}
            publish(settings, batch)
            process, before = start(settings), receiver.tries
            try:
                # Anywhere from its first message on, or before.
                if rng.random() < 0.8:
                    eventually(partial(has_more, receiver, before))
                time.sleep(rng.uniform(0, 0.3))
            finally:
                process.kill()
                process.wait()
        failing.status = 200
        process = start(settings)
        try:
            eventually(lambda: all(one.status == "sent" for one in kept(settings).values()))
        finally:
            process.terminate()
            assert process.wait(60) == 0
        assert set(receiver.times()) == set(failing.times()) == mailed(server) == set(kept(settings)) == expected
        # The header of a message is its alert's id, however often it comes.
        for body, headers in zip(receiver.bodies, receiver.seen, strict=True):
            assert [one["id"] for one in body["alerts"]] == [headers["arbkit-id"]]
        assert receiver.unsigned == failing.unsigned == 0


def test_commands_send_what_waits_show_what_became_of_it_and_try_a_channel(settings: Settings) -> None:
    with hook() as receiver:
        write_plan(settings, rule() + webhook(receiver.url) + webhook(receiver.url, "bad", "quiet = 'x'"))
        publish(settings, [alert(1), alert(2, type="data_problem")])
        done = arbkit(settings, "alerts", "deliver", "--until-empty", "--json")
        assert done.returncode == 0, done.stderr
        assert orjson.loads(done.stdout) == {
            "received": 2, "sent": 1, "failed": 0, "held": 0, "expired": 0, "muted": 0,
        }  # fmt: skip
        assert "channel bad: quiet" in done.stderr
        found = orjson.loads(arbkit(settings, "alerts", "history", "--json").stdout)
        assert found["total"] == 2
        by_id = {one["id"]: one for one in found["items"]}
        assert {d["channel"]: d["status"] for d in by_id["a1"]["deliveries"]} == {"hook": "sent", "bad": "pending"}
        assert by_id["a2"]["status"] == "held"
        assert by_id["a1"]["alert"]["opportunity"]["profit"] == 11.0
        page = orjson.loads(arbkit(settings, "alerts", "history", "--status", "held", "--json").stdout)
        assert [one["id"] for one in page["items"]] == ["a2"]
        assert "B000000001" in arbkit(settings, "alerts", "history").stdout
        assert arbkit(settings, "alerts", "history", "--status", "sended").returncode == 2
        tried = arbkit(settings, "alerts", "test", "--channel", "hook", "--json")
        assert tried.returncode == 0, tried.stderr
        assert (receiver.bodies[-1]["test"], receiver.bodies[-1]["id"]) == (True, orjson.loads(tried.stdout)["id"])
        receiver.status = 403
        refused = arbkit(settings, "alerts", "test", "--channel", "hook")
        assert (refused.returncode, "answers with 403" in refused.stderr) == (4, True)
        unknown = arbkit(settings, "alerts", "test", "--channel", "hok")
        assert (unknown.returncode, "Did you mean hook?" in unknown.stderr) == (3, True)
        assert "path-secret" not in done.stderr + refused.stderr + tried.stderr


def test_two_dispatchers_on_kafka_share_the_topic_and_one_of_them_sends(
    settings: Settings, kafka: Kafka, elasticsearch: Elasticsearch
) -> None:
    empty(kafka)
    prefix = f"t{uuid4().hex[:10]}-"
    scaled = settings.model_copy(update={"log": kafka.url, "store": elasticsearch.url, "store_prefix": prefix})
    initialise(scaled)
    with hook() as receiver:
        write_plan(scaled, rule("per_day = 30") + webhook(receiver.url))
        first, second = start(scaled), start(scaled)
        try:
            publish(scaled, [alert(n) for n in range(1, 21)])
            eventually(lambda: statuses(scaled).count("sent") == 20)
            # Whichever of them has sent: the other one takes its partitions over, and goes on where it was.
            first.kill()
            first.wait()
            publish(scaled, [alert(n) for n in range(21, 41)])
            eventually(lambda: len(statuses(scaled)) == 40 and statuses(scaled).count("sent") >= 30)
        finally:
            for process in (first, second):
                process.terminate()
                process.wait(60)
        assert second.returncode == 0
        # The limit of a day holds for both together.
        assert len(receiver.times()) == 30
        assert (statuses(scaled).count("sent"), statuses(scaled).count("pending")) == (30, 10)
