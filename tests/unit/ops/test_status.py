"""The status document and the metrics: built of what is handed in, without a way to the scheduler."""

from __future__ import annotations

import subprocess
import sys

import orjson
import pytest
from pydantic import SecretStr

from arbkit.core.settings import Settings
from arbkit.ops.prometheus import exposition, exposition_while_down
from arbkit.ops.status import addresses, build_status, log_figures, read_store_state
from arbkit.ops.stream_state import DEAD_TOPICS, StreamState
from arbkit.reports.schedule.scheduler import EntryStatus
from arbkit.sources.keepa_api.token_budget import read_tokens
from arbkit.store import open_store
from arbkit.stream import ENRICH_GROUP, ENRICHED_TOPIC, RAW_TOPIC, TOPICS, dead_letter_topic

NOW = 10_000.0


def stream() -> StreamState:
    """Two partitions of raw messages, of which the group has passed a part, and four dead letters."""
    watermarks = {topic.name: {0: (0, 0), 1: (0, 0)} for topic in TOPICS}
    watermarks[RAW_TOPIC] = {0: (5, 20), 1: (0, 4)}
    watermarks[dead_letter_topic(RAW_TOPIC)] = {0: (0, 1), 1: (0, 0)}
    watermarks[dead_letter_topic(ENRICHED_TOPIC)] = {0: (2, 5)}
    return StreamState(NOW, watermarks, {ENRICH_GROUP: {0: 18}}, {topic: {} for topic in DEAD_TOPICS})


def test_a_status_says_what_waits_what_is_kept_and_how_old_it_is(settings: Settings) -> None:
    settings.home.mkdir()
    answer = {"left": -3, "refill_rate": 5, "refill_in_s": 20.0, "at": NOW - 10, "consumed": 3, "source": "demo"}
    settings.tokens_file.write_bytes(orjson.dumps(answer))
    tokens = read_tokens(settings)
    schedule = [EntryStatus(name="daily", report="morning", enabled=True, last_at=NOW - 60, next_at=NOW + 90.4)]
    with open_store(settings):
        pass
    store = read_store_state(settings)
    state = build_status(settings, stream=stream(), store=store, tokens=tokens, schedule=schedule, now=NOW)
    assert state.model_dump(include={"log"})["log"] == {
        "lag": 6, "lag_by_partition": {"0": 2, "1": 4}, "messages": 19, "published": 24, "dead_letters": 4,
    }  # fmt: skip
    assert state.tokens is not None
    assert (state.tokens.age_s, state.tokens.wait_s) == (10, 10.0)
    assert state.store is not None
    assert (state.store.products, state.store.freshest_age_s, state.store.runs) == (0, None, [])
    [entry] = state.schedule
    assert (entry.last_age_s, entry.next_in_s) == (60, 90)


def test_nothing_stored_and_nothing_asked_are_no_figures(settings: Settings) -> None:
    assert read_store_state(settings) is None
    state = build_status(settings, stream=stream(), store=None, tokens=None, schedule=[], now=NOW)
    assert (state.store, state.tokens, state.schedule) == (None, None, [])


def test_it_says_where_everything_is_and_no_secret(settings: Settings) -> None:
    given = {
        "host": "0.0.0.0", "api_port": 8000, "dashboards_port": 8866, "token": SecretStr("the-token"),
        "log": "kafka://broker:9092", "store": "https://me:the-password@search.example:9200",
    }  # fmt: skip
    found = addresses(settings.model_copy(update=given))
    assert found.model_dump() == {
        "dashboards": "http://127.0.0.1:8866/voila/render/opportunities.ipynb",
        "api": "http://127.0.0.1:8000",
        "log": "kafka://broker:9092",
        "store": "https://me:********@search.example:9200",
    }
    left_to_chance = addresses(settings)
    assert (left_to_chance.api, left_to_chance.dashboards) == (None, None)
    assert left_to_chance.log == left_to_chance.store == f"sqlite:///{settings.database}"


def test_metrics_are_there_before_anything_is_stored_and_while_the_log_is_down() -> None:
    text = exposition(demo=True, log=log_figures(stream()), store=None, tokens=None).decode()
    assert "arbkit_up 1.0" in text
    assert "arbkit_log_lag_messages 6.0" in text
    assert 'arbkit_documents{collection="products"} 0.0' in text
    assert "arbkit_keepa_tokens_left" not in text
    text = exposition_while_down(demo=True).decode()
    assert "arbkit_up 0.0" in text
    assert "arbkit_log_lag_messages" not in text


@pytest.mark.parametrize("module", ["arbkit.ops.prometheus", "arbkit.ops.status"])
def test_neither_needs_the_reports_or_what_prices_them(module: str) -> None:
    script = (
        f"import sys, {module}\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('arbkit.')}\n"
        "sys.exit(', '.join(rooms & {'reports', 'display', 'analysis', 'profit', 'pipeline'}) or None)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
