"""How fast records go over a log, from looks at it."""

from __future__ import annotations

from arbkit.core.settings import Settings
from arbkit.ops.stream_state import DEAD_TOPICS, StreamState, Throughput, read_stream_state
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, TOPICS, Record, dead_letter_topic, open_stream


def state(at: float, published: int, enriched: int) -> StreamState:
    ends = {t.name: {0: (0, published if t.name == RAW_TOPIC else 0)} for t in TOPICS}
    return StreamState(at, ends, {ENRICH_GROUP: {0: enriched}}, {topic: {} for topic in DEAD_TOPICS})


def noted(*looks: tuple[float, int, int]) -> Throughput:
    through = Throughput()
    for one in looks:
        through.note(state(*one))
    return through


def test_nothing_is_known_before_the_second_look() -> None:
    assert noted().latest is None
    assert noted((0.0, 100, 50)).latest is None


def test_a_pace_is_over_the_minute_before_it() -> None:
    through = noted((0.0, 0, 0), (5.0, 100, 50), (60.0, 210, 160), (65.0, 220, 170))
    latest = through.latest
    assert latest is not None
    assert (latest.over_s, latest.published, latest.enriched) == (60.0, 120.0, 120.0)
    assert through.paces[0].published == 1_200
    assert through.observed_s == 65.0


def test_after_a_pause_it_is_over_the_pause() -> None:
    latest = noted((0.0, 0, 0), (600.0, 100, 100)).latest
    assert latest is not None
    assert (latest.over_s, latest.published) == (600.0, 10.0)


def test_another_log_or_a_group_set_back_begins_anew() -> None:
    assert noted((0.0, 100, 100), (5.0, 200, 200), (10.0, 3, 0)).latest is None
    assert noted((0.0, 100, 100), (5.0, 200, 10)).latest is None


def test_moments_apart_say_nothing_of_the_pace() -> None:
    assert noted((0.0, 0, 0), (0.1, 500, 0)).latest is None


def test_it_knows_when_the_group_went_on() -> None:
    assert noted((0.0, 100, 0), (5.0, 100, 0)).progressed_at is None
    assert noted((0.0, 100, 0), (5.0, 100, 60), (10.0, 100, 60)).progressed_at == 5.0


def test_a_look_counts_by_group_and_topic(settings: Settings) -> None:
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, [Record(f"K{i}", b"x") for i in range(10)])
        stream.publish(dead_letter_topic(RAW_TOPIC), [Record("K", b"x")] * 3)
        with stream.consumer(ENRICH_GROUP, [RAW_TOPIC], on_revoke=lambda _: None) as consumer:
            some = consumer.poll(max_records=100, timeout_s=5)
            consumer.commit({m.topic_partition: m.offset + 1 for m in some})
        found = read_stream_state(stream, now=1.0)
    assert (found.published(RAW_TOPIC), found.retained(RAW_TOPIC)) == (10, 10)
    assert sum(found.lag(ENRICH_GROUP).values()) == 10 - len(some)
    assert found.processed(ENRICH_GROUP) == len(some)
    assert found.dead_letters()[RAW_TOPIC] == found.unreplayed(RAW_TOPIC) == 3
    assert list(found.committed) == [ENRICH_GROUP]
