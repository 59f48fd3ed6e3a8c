"""A record from the future is a dead letter, by whichever door it comes: else all that is true were stale for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from arbkit.core.errors import BadRecordError
from arbkit.core.keepa_time import to_minutes
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.pipeline.consumer import consume
from arbkit.pipeline.files.importing import import_files
from arbkit.pipeline.replay import replay
from arbkit.sources.envelope import from_envelope
from arbkit.store import open_store
from arbkit.stream import RAW_TOPIC, Record, open_stream
from arbkit.stream.dead_letters import dead_letters
from tests.helpers.factories import offer
from tests.helpers.streams import raw

ASIN = "B000000001"


def minutes(ahead_s: float) -> int:
    return to_minutes(time.time() + ahead_s)


def iso(ahead_s: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=ahead_s)).isoformat(timespec="seconds")


def live(**product: Any) -> dict[str, Any]:
    fetched_at = product.pop("fetched_at", iso(0))
    fields = {"version": minutes(-600), "fetched_at": fetched_at, **product}
    message: dict[str, Any] = orjson.loads(raw(ASIN, **fields).value)
    return message


def exported(**product: Any) -> dict[str, Any]:
    shown = {"facts_at": iso(-600), "exported_at": iso(-600), "columns": {"ASIN": ASIN, "New: Current": "9.00"}}
    return {
        "v": 1, "asin": ASIN, "market": "DE", "source": "export", "fetched_at": product.pop("fetched_at", iso(0)),
        "run_id": "r", "product": {**shown, "notation": {"decimal": "."}, **product},
    }  # fmt: skip


def series(ahead_s: float) -> list[Any]:
    csv: list[Any] = [None] * 36
    csv[1] = [minutes(-9_000), 2_000, minutes(ahead_s), 2_100]
    return csv


MESSAGES: dict[str, Callable[[float], dict[str, Any]]] = {
    "lastUpdate": lambda s: live(version=minutes(s)),
    "lastBuyBoxUpdate": lambda s: live(lastBuyBoxUpdate=minutes(s), stats={"buyBoxPrice": 900}),
    "fbaFees.lastUpdate": lambda s: live(fbaFees={"lastUpdate": minutes(s), "pickAndPackFee": 300}),
    "csv, new": lambda s: live(csv=series(s)),
    "csv, monthly_sold": lambda s: live(csv=series(-600), monthlySoldHistory=[minutes(s), 100]),
    "csv, buy_box_seller": lambda s: live(csv=series(-600), buyBoxSellerIdHistory=[str(minutes(s)), "A1"]),
    "facts_at": lambda s: exported(facts_at=iso(s)),
}


@pytest.mark.parametrize("ahead_s", [2 * 3600.0, 86_400.0, 900 * 365 * 86_400.0])
@pytest.mark.parametrize("name", MESSAGES)
def test_any_time_of_a_fact_ahead_of_the_clock_is_a_bad_record(name: str, ahead_s: float) -> None:
    with pytest.raises(BadRecordError, match="is in the future") as refused:
        from_envelope(MESSAGES[name](ahead_s))
    assert refused.value.field is not None
    assert refused.value.field in name


@pytest.mark.parametrize("name", MESSAGES)
def test_two_clocks_may_differ_a_little(name: str) -> None:
    assert from_envelope(MESSAGES[name](1_800.0)) is not None


@pytest.mark.parametrize("message", [live, exported])
def test_what_was_paid_for_is_not_lost_by_the_clock_of_whoever_fetched_it(message: Callable[..., Any]) -> None:
    assert from_envelope(message(fetched_at=iso(2 * 86_400.0))) is not None


def run(settings: Settings) -> None:
    consume(settings, until_empty=True, stop=threading.Event())


def dead(settings: Settings) -> list[tuple[bytes, str]]:
    with open_stream(settings) as stream:
        return [(m.value, m.headers["error"]) for m in dead_letters(stream)]


def price(settings: Settings) -> list[int | None]:
    with open_store(settings) as store:
        return [found.new_minor for found in store.offers([ASIN])]


def test_one_from_the_future_on_the_log_is_a_dead_letter_and_later_prices_count(settings: Settings) -> None:
    wrong = orjson.dumps(live(version=minutes(900 * 365 * 86_400.0), csv=series(-600)))
    right = orjson.dumps(live(csv=[None, [minutes(-700), 2_222], *[None] * 34]))
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, [Record(ASIN, wrong), Record(ASIN, right)])
    run(settings)
    ((value, why),) = dead(settings)
    assert value == wrong
    assert why.startswith("lastUpdate: is in the future")
    assert price(settings) == [2_222]


@pytest.mark.parametrize("kind", ["answer", "export"])
def test_a_file_from_the_future_is_not_taken(settings: Settings, tmp_path: Path, kind: str) -> None:
    if kind == "answer":
        path = tmp_path / "answer.json"
        product = live(version=minutes(86_400.0), csv=series(-600))["product"]
        path.write_bytes(orjson.dumps({"products": [product]}))
    else:
        path = tmp_path / "export.csv"
        path.write_text(f"ASIN,Locale,New: Current,Last Update\n{ASIN},de,9.00,2999/01/01 10:00\n")
    report = import_files(settings, [path])
    run(settings)
    assert price(settings) == []
    assert report.files[0].refused is not None or report.files[0].dead_lettered == 1


def test_a_home_that_took_one_sees_what_is_true_again_after_a_replay(settings: Settings) -> None:
    with open_store(settings) as store:
        future = int(time.time()) + 900 * 365 * 86_400
        store.put([Update(offer(ASIN, version=60_000_000, updated_at=future, price_at=future, new_minor=111), None)])
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, [Record(ASIN, orjson.dumps(live(csv=series(-600))))])
    run(settings)
    assert price(settings) == [111], "the record from the future holds"
    replay(settings, stop=threading.Event(), progress=lambda _done, _total: None)
    assert price(settings) == [2_100]
