"""A flipped bit is seen and never priced: in an offer, a history or a message."""

from __future__ import annotations

import logging
import random
import threading
import time
from array import array
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import orjson
import pytest

from arbkit.analysis import detection
from arbkit.core.models import History, Series, Update
from arbkit.core.settings import Settings
from arbkit.core.sqlite import connect
from arbkit.ops.doctor import Check, examine
from arbkit.pipeline.consumer import consume
from arbkit.pipeline.decode import DAMAGED
from arbkit.pipeline.replay import replay
from arbkit.store import OpportunityQuery, open_store
from arbkit.stream import RAW_TOPIC, Message, open_stream
from arbkit.stream.dead_letters import dead_letters
from arbkit.stream.dead_letters import replay as send_back
from tests.helpers.factories import PACKAGE, history, offer
from tests.helpers.streams import good

ASINS = [f"B00000000{n}" for n in range(4)]


def fill(settings: Settings) -> None:
    now = int(time.time())
    with open_store(settings) as store:
        for asin in ASINS:
            for code, price in {"IT": 2_000, "DE": 7_000}.items():
                of_now: dict[str, Any] = {"price_at": now, "updated_at": now, "shipping_minor": 0}
                found = offer(
                    asin, code, price_minor=price, rating=4.0, hazmat=False, features=("größe",), **of_now, **PACKAGE
                )
                store.put([Update(found, history(asin, code))])


def change(settings: Settings, statement: str, *values: object) -> None:
    with closing(connect(settings.database)) as connection:
        assert connection.execute(statement, values).rowcount > 0


def deep(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in examine(settings, deep=True)}


def best(settings: Settings) -> set[str]:
    detection.run(settings, run_id="r")
    with open_store(settings) as store:
        return {o.asin for o in store.opportunities(OpportunityQuery(limit=100)).items}


def test_what_is_as_it_was_written_passes(settings: Settings) -> None:
    fill(settings)
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, good(20))
    found = deep(settings)
    assert found["integrity"].ok
    assert found["digests"].says == "36 records are what was written"
    assert "integrity" not in {check.name for check in examine(settings)}


CHANGES = {
    "a price": "UPDATE offers SET price_minor = 23384, buy_box_minor = 23384 WHERE asin = ? AND market = 'DE'",
    "a digit of a price": "UPDATE offers SET price_minor = price_minor + 4096 WHERE asin = ? AND market = 'DE'",
    "a weight": "UPDATE offers SET weight_g = weight_g + 1 WHERE asin = ? AND market = 'DE'",
    "a text": "UPDATE offers SET title = 'x' WHERE asin = ? AND market = 'DE'",
    "a text that is none": "UPDATE offers SET title = CAST(x'ff41' AS TEXT) WHERE asin = ? AND market = 'DE'",
    "a text that is bytes": "UPDATE offers SET title = x'41' WHERE asin = ? AND market = 'DE'",
    "a time": "UPDATE offers SET updated_at = updated_at + 1 WHERE asin = ? AND market = 'DE'",
    "its digest": "UPDATE offers SET digest = x'0000000000000000' WHERE asin = ? AND market = 'DE'",
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_damaged_offer_is_named_left_out_and_made_anew(
    settings: Settings, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    fill(settings)
    assert best(settings) == {*ASINS}
    change(settings, CHANGES[kind], ASINS[1])
    with caplog.at_level(logging.ERROR):
        assert best(settings) == {*ASINS} - {ASINS[1]}
    assert f"the offer {ASINS[1]}:DE is damaged" in caplog.text
    with open_store(settings) as store:
        assert [o.market for o in store.offers([ASINS[1]])] == ["IT"]
    found = deep(settings)["digests"]
    assert (found.ok, found.exit_code) == (False, 4)
    assert found.says.startswith(f"1 records are not what was written: offers {ASINS[1]}:DE")
    # Whatever says anew what it was mends it.
    fill(settings)
    assert deep(settings)["digests"].ok
    assert best(settings) == {*ASINS}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE history SET series = substr(series, 1, 60) || x'07' || substr(series, 62) WHERE asin = ?",
        "UPDATE history SET version = 2000000000 WHERE asin = ?",
        "UPDATE history SET series = x'00' WHERE asin = ?",
        "UPDATE history SET currency = 'USD' WHERE asin = ?",
    ],
)
def test_a_damaged_history_is_not_shown(settings: Settings, statement: str) -> None:
    fill(settings)
    change(settings, statement, ASINS[2])
    with open_store(settings) as store:
        assert store.history(ASINS[2]) == []
        assert len(store.history(ASINS[1])) == 2
    assert "history B000000002" in deep(settings)["digests"].says


def test_a_replay_makes_anew_what_is_damaged(settings: Settings) -> None:
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, good(9))
    consume(settings, until_empty=True, stop=threading.Event())
    with open_store(settings) as store:
        before = store.offers([f"B{n:09}" for n in range(9)])
    change(settings, "UPDATE offers SET updated_at = 9000000000, title = 'x' WHERE asin = ?", "B000000003")
    change(settings, "UPDATE history SET version = 2000000000 WHERE asin = ?", "B000000004")
    assert not deep(settings)["digests"].ok
    replay(settings, stop=threading.Event(), progress=lambda _done, _total: None)
    assert deep(settings)["digests"].ok
    with open_store(settings) as store:
        assert store.offers([f"B{n:09}" for n in range(9)]) == before
        assert len(store.history("B000000004")) == 1


MESSAGE_CHANGES = {
    "a digit": "UPDATE log_messages SET value = replace(CAST(value AS TEXT), '8000000', '8000001') WHERE id = ?",
    "its key": "UPDATE log_messages SET key = 'B000000007' WHERE id = ?",
    "a key that is no text": "UPDATE log_messages SET key = CAST(x'ff' AS TEXT) WHERE id = ?",
    "its headers": "UPDATE log_messages SET headers = '{\"file' WHERE id = ?",
    "all of it": "UPDATE log_messages SET value = x'00', timestamp = 1 WHERE id = ?",
    "its time": "UPDATE log_messages SET timestamp = timestamp + 1 WHERE id = ?",
    "its kind": "UPDATE log_messages SET value = 7, timestamp = 'x' WHERE id = ?",
}


def dead(settings: Settings) -> list[Message]:
    with open_stream(settings) as stream:
        return [*dead_letters(stream)]


@pytest.mark.parametrize("kind", MESSAGE_CHANGES)
def test_a_damaged_message_is_a_dead_letter_and_sent_back_it_is_one_again(settings: Settings, kind: str) -> None:
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, good(9))
    with closing(connect(settings.database)) as connection:
        (number,) = connection.execute("SELECT id FROM log_messages WHERE key = 'B000000003'").fetchone()
    change(settings, MESSAGE_CHANGES[kind], number)
    assert not deep(settings)["digests"].ok
    done = consume(settings, until_empty=True, stop=threading.Event())
    assert (done.read, done.stored, done.dead_lettered) == (9, 8, 1)
    assert [m.headers["error"] for m in dead(settings)] == [DAMAGED]
    with open_stream(settings) as stream:
        assert send_back(stream) == 1
    done = consume(settings, until_empty=True, stop=threading.Event())
    assert (done.stored, done.dead_lettered) == (0, 1)
    assert [m.headers["error"] for m in dead(settings)] == [DAMAGED, DAMAGED]


def test_a_dead_letter_that_is_damaged_where_it_lies_is_not_taken_when_it_is_sent_back(settings: Settings) -> None:
    record = good(1)[0]
    with open_stream(settings) as stream:
        stream.publish("raw.keepa_updates.dlq", [record])
    change(settings, "UPDATE log_messages SET value = CAST(replace(CAST(value AS TEXT), '8000000', '8000009') AS BLOB)")
    with open_stream(settings) as stream:
        assert send_back(stream) == 1
    done = consume(settings, until_empty=True, stop=threading.Event())
    assert (done.stored, done.dead_lettered) == (0, 1)


def test_what_is_of_before_there_were_digests_is_read_and_counted(settings: Settings) -> None:
    fill(settings)
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, good(5, first=10))
    for table in ("offers", "history", "log_messages"):
        change(settings, f"UPDATE {table} SET digest = NULL")  # noqa: S608 - ours
    assert deep(settings)["digests"].says == "21 records are what was written; 21 are of before there were digests"
    assert best(settings) == {*ASINS}
    assert consume(settings, until_empty=True, stop=threading.Event()).stored == 5


def flips(data: bytes, where: bytes, count: int) -> Iterator[bytes]:
    chance = random.Random(7)
    start = data.index(where)
    for _ in range(count):
        at, bit = start + chance.randrange(len(where)), chance.randrange(8)
        yield data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def test_each_flipped_bit_of_a_message_is_seen(settings: Settings) -> None:
    (record,) = good(1)
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, [record])
        (intact,) = (m for some in stream.scan(RAW_TOPIC) for m in some)
        assert not intact.damaged
    for value in flips(record.value, record.value, 40):
        change(settings, "UPDATE log_messages SET value = ?", value)
        with open_stream(settings) as stream:
            (found,) = (m for some in stream.scan(RAW_TOPIC) for m in some)
            assert found.damaged


def test_a_damaged_structure_is_named(settings: Settings) -> None:
    fill(settings)
    with open_store(settings) as store:
        store.put([Update(offer("B000000008"), History("B000000008", "DE", 1, "EUR", {
            "new": Series(array("i", range(60_000)), array("i", range(60_000))),
        }))])  # fmt: skip
    with closing(connect(settings.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'products_updated'").fetchone()
    with settings.database.open("r+b") as file:
        file.seek((root - 1) * size + size - 40)
        file.write(b"\x55" * 40)
    found = deep(settings)["integrity"]
    assert (found.ok, found.exit_code) == (False, 4)
    assert "is damaged" in found.says
    assert orjson.dumps(found.model_dump())
