"""Alerts outlive whatever keeps a detection from announcing them: the log, or its own end."""

from __future__ import annotations

import time
from collections.abc import Sequence

import orjson
import pytest

import arbkit.stream.sqlite
from arbkit.analysis import detection
from arbkit.core.errors import MessageTooLargeError, StreamError
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.pipeline.outbox import send_notices
from arbkit.store import open_store
from arbkit.stream import ALERTS_TOPIC, Record, open_stream
from arbkit.stream.sqlite import SqliteStream
from tests.helpers.alerts import announcing_everything
from tests.helpers.factories import PACKAGE, offer


def fill(settings: Settings, *asins: str) -> None:
    now = int(time.time())
    with open_store(settings) as store:
        for asin in asins:
            prices = {"IT": 2_000, "DE": 7_000}
            store.put(
                [
                    Update(
                        offer(asin, code, price_minor=p, price_at=now, updated_at=now, shipping_minor=0, **PACKAGE),
                        None,
                    )
                    for code, p in prices.items()
                ]
            )


def alerts(settings: Settings) -> list[dict[str, object]]:
    with open_stream(settings) as log:
        return [orjson.loads(m.value) for some in log.scan(ALERTS_TOPIC) for m in some]


def waiting(settings: Settings) -> int:
    with open_store(settings) as store:
        return len(store.unsent(1_000))


class Killed(BaseException):
    """As if the process ended here."""


def refuse(*_: object) -> None:
    raise StreamError("the disk of the log is full", remedy="Free some space")


def die(*_: object) -> None:
    raise Killed


def test_alerts_that_the_log_did_not_take_go_out_with_the_next_detection(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(settings, "B000000001")
    with monkeypatch.context() as patch:
        patch.setattr(SqliteStream, "publish", refuse)
        with pytest.raises(StreamError, match="is kept in the store") as failed:
            detection.run(settings, run_id="first", announcing=announcing_everything)
    assert (failed.value.exit_code, alerts(settings), waiting(settings)) == (4, [], 1)
    fill(settings, "B000000002")
    detection.run(settings, run_id="second", announcing=announcing_everything)
    found = alerts(settings)
    assert sorted(str(one["asin"]) for one in found) == ["B000000001", "B000000002"]
    assert len({one["id"] for one in found}) == 2
    assert waiting(settings) == 0
    detection.run(settings, run_id="third", announcing=announcing_everything)
    assert len(alerts(settings)) == 2


@pytest.mark.parametrize("before", [True, False], ids=["before the log has them", "before they are marked"])
def test_a_detection_that_dies_over_its_alerts_loses_none_and_each_has_one_id(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    fill(settings, "B000000001", "B000000002")
    with monkeypatch.context() as patch:
        if before:
            patch.setattr(SqliteStream, "publish", die)
        else:
            patch.setattr("arbkit.store.sqlite.store.SqliteStore.mark_sent", die)
        with pytest.raises(Killed):
            detection.run(settings, run_id="first", announcing=announcing_everything)
    assert detection.run(settings, run_id="second", announcing=announcing_everything).new == ()
    found = alerts(settings)
    assert {one["asin"] for one in found} == {"B000000001", "B000000002"}
    assert len({one["id"] for one in found}) == 2
    assert len(found) == (2 if before else 4)


def test_one_notice_that_no_log_takes_does_not_hold_up_the_others(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(settings, "B000000001", "B000000002")

    def check(topic: str, records: Sequence[Record]) -> None:
        large = {i: 99 for i, record in enumerate(records) if record.key == "B000000001"}
        if large:
            keys = {i: records[i].key for i in large}
            raise MessageTooLargeError(topic, keys=keys, sizes=large, limit=9, rest_published=False)

    monkeypatch.setattr(arbkit.stream.sqlite, "check_sizes", check)
    detection.run(settings, run_id="first", announcing=announcing_everything)
    assert [one["asin"] for one in alerts(settings)] == ["B000000002"]
    assert waiting(settings) == 0


def test_sending_says_how_many_went(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(settings, *(f"B00000000{n}" for n in range(3)))
    with monkeypatch.context() as patch:
        patch.setattr(SqliteStream, "publish", refuse)
        with pytest.raises(StreamError):
            detection.run(settings, run_id="first", announcing=announcing_everything)
    with open_store(settings) as store, open_stream(settings) as log:
        assert (send_notices(store, log), send_notices(store, log)) == (3, 0)
