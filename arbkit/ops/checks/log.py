"""The log: its topics, how far its groups have read, messages that are lost to them, and dead letters."""

from __future__ import annotations

import time
from collections.abc import Iterable

from arbkit.core.errors import StreamError
from arbkit.core.formatting import age_words, counted
from arbkit.core.settings import Settings
from arbkit.ops.checks.finding import NoticeError, Outcome
from arbkit.ops.service_checks import remedy_of, running_services
from arbkit.ops.status import addresses
from arbkit.ops.stream_state import GroupDelay, read_delay, read_stream_state
from arbkit.stream import ALERTS_GROUP, DETECT_GROUP, ENRICH_GROUP, GROUPS, TOPICS, Stream, settings_topics
from arbkit.stream.holes import find_holes, skip_command

LATE_S = 900.0
"""A message that a group has not read for this long waits for a service that is missing or too slow."""
_SERVICES = {ENRICH_GROUP: "consumer", DETECT_GROUP: "detector", ALERTS_GROUP: "dispatcher"}


def check_log(settings: Settings, log: Stream) -> Outcome:
    """Whether the log can be read, and no message was removed before arbkit's groups had read it.

    Raises:
        StreamError: it cannot be read.
    """
    waiting = sum(log.lag(ENRICH_GROUP, GROUPS[ENRICH_GROUP]).values())
    lost = [
        StreamError(
            f"{hole.messages} messages of {hole.topic_partition} were removed before the {_SERVICES[group]} had "
            "read them",
            remedy=f"Import or fetch them again. To go on after them: {skip_command(group, hole.topic_partition)}",
        )
        for group, topic in GROUPS.items()
        for hole in find_holes(log, group, topic)
    ]
    return lost or f"{addresses(settings).log}: {waiting} messages wait for the consumer"


def check_topics(settings: Settings, log: Stream) -> Outcome:
    """Whether each topic is there, with the partitions and retention that are asked for.

    Raises:
        StreamError: they cannot be described.
    """
    found = log.compare_topics(settings_topics(settings))
    on_broker = not settings.log_url.startswith("sqlite:")
    init = "`arbkit init` makes what is missing"
    change = "what differs is changed with Kafka's own kafka-configs.sh" if on_broker else "and changes retention"
    if found:
        return [NoticeError(one, remedy=f"{init}; {change}") for one in found]
    return f"all {len(TOPICS)} are there as asked for"


def check_groups(settings: Settings, log: Stream) -> Outcome:
    """Whether somebody reads what is on the log; while nothing runs, what waits there is no fault.

    Raises:
        StreamError: the log cannot be read.
    """
    delays = read_delays(log)
    return late_groups(settings, delays) or "; ".join(f"{one.group}: {one.lag} wait" for one in delays)


def late_groups(settings: Settings, delays: Iterable[GroupDelay]) -> list[NoticeError]:
    """The groups among these whose service is missing or too slow; none while nothing runs on this machine alone."""
    if settings.log_url.startswith("sqlite:") and not running_services(settings):
        return []
    return [
        NoticeError(_say(one), field=f"group {one.group}", remedy=remedy_of(_SERVICES[one.group]))
        for one in delays
        if is_late(one)
    ]


def read_delays(log: Stream) -> list[GroupDelay]:
    """How far each of arbkit's groups is behind now.

    Raises:
        StreamError: the log cannot be read.
    """
    now = time.time()
    return [read_delay(log, group, topic, now=now) for group, topic in GROUPS.items()]


def is_late(delay: GroupDelay) -> bool:
    """Whether messages have waited for a group for longer than any service that runs needs."""
    return (delay.waits_s or 0.0) > LATE_S


def _say(delay: GroupDelay) -> str:
    since = "has read nothing yet" if not delay.reads else f"is {age_words(delay.waits_s or 0.0)} behind"
    waiting = "waits" if delay.lag == 1 else "wait"
    return f"{since}: {counted(delay.lag, 'message')} of {delay.topic} {waiting} for it"


def check_dead_letters(_: Settings, log: Stream) -> Outcome:
    """Whether rejected records wait for somebody who looks at them.

    Raises:
        StreamError: the log cannot be read.
    """
    state = read_stream_state(log, now=time.time())
    waiting = {topic: count for topic in state.dead_letters() if (count := state.unreplayed(topic))}
    return [
        NoticeError(
            counted(count, "rejected record waits", "rejected records wait"),
            field=topic,
            remedy=f"`arbkit dlq list --topic {topic}` says why; once mended, `arbkit dlq replay --topic {topic}`",
        )
        for topic, count in waiting.items()
    ] or f"none waits, {sum(state.dead_letters().values())} are kept"
