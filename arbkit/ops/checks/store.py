"""The store: what it holds, what keeps it from taking writes, and what became of alerts on their channels."""

from __future__ import annotations

import time
from collections.abc import Iterator

from arbkit.core.errors import ServiceError, StoreError
from arbkit.core.formatting import counted
from arbkit.core.settings import Settings
from arbkit.ops.checks.finding import NoticeError, Outcome
from arbkit.ops.status import addresses
from arbkit.store import elastic_options, open_store
from arbkit.store.alerts import AlertRecord, Delivery
from arbkit.store.queries import AlertQuery

_LOOKED_AT = 500
_LATELY_S = 86_400.0


def check_store(settings: Settings) -> Outcome:
    """What the store holds, and whether it takes writes.

    Raises:
        StoreError: it cannot be read, or is another arbkit's.
    """
    try:
        with open_store(settings, read_only=True) as store:
            stats = store.stats()
    except StoreError as error:
        if error.kind == "empty":
            return "nothing stored yet"
        raise
    demo = f", {stats.demo_products} of them from the demo market" if stats.demo_products else ""
    if stats.hidden_products:
        demo = f" ({stats.hidden_products} of the demo market are hidden; `arbkit demo remove` removes them)"
    found = f"{addresses(settings).store}: {stats.products} products{demo}, {stats.opportunities} opportunities"
    if settings.store_url.startswith("sqlite:"):
        return found
    return _obstacles(settings) or "; ".join([found, *_left_over(settings)])


def _obstacles(settings: Settings) -> list[StoreError | NoticeError]:
    """What keeps Elasticsearch from taking writes, or soon will."""
    from arbkit.store.elastic.client import find_blocks, full_disks

    options = elastic_options(settings)
    remedy = "Make room: Elasticsearch moves shards away, then refuses every write"
    blocks = find_blocks(settings.store_url, **options)
    full = full_disks(settings.store_url, api_key=options["api_key"], ca=options["ca"])
    return [*blocks, *(NoticeError(one, remedy=remedy) for one in full)]


def _left_over(settings: Settings) -> list[str]:
    """What became of indices that killed processes have left in Elasticsearch."""
    from arbkit.store.elastic.indices import discard_abandoned

    return discard_abandoned(settings.store_url, **elastic_options(settings))


def check_channels(settings: Settings) -> Outcome:
    """Whether the channels of alerts take what is sent to them.

    Raises:
        StoreError: the store cannot be read.
    """
    try:
        with open_store(settings, read_only=True) as store:
            since = time.time() - _LATELY_S
            waiting = store.alerts(AlertQuery(status="pending", limit=_LOOKED_AT)).items
            failed = store.alerts(AlertQuery(status="failed", since=since, limit=_LOOKED_AT)).items
    except StoreError as error:
        if error.kind == "empty":
            return "nothing was announced yet"
        raise
    by_channel: dict[str, list[Delivery]] = {}
    for one in _failing((*waiting, *failed)):
        by_channel.setdefault(one.channel, []).append(one)
    remedy = (
        "Mend its address in alerts.toml; `arbkit alerts test --channel {}` tries it, and "
        "`arbkit dlq replay --topic arbitrage.alerts` sends what was given up"
    )
    return [
        ServiceError(_say(found), field=f"channel {name}", remedy=remedy.format(name))
        for name, found in by_channel.items()
    ] or f"{counted(len(waiting), 'alert waits', 'alerts wait')}, and no channel fails"


def _failing(records: tuple[AlertRecord, ...]) -> Iterator[Delivery]:
    for record in records:
        for one in record.deliveries:
            if one.status == "failed" or (one.status == "pending" and one.attempts):
                yield one


def _say(found: list[Delivery]) -> str:
    given_up = sum(one.status == "failed" for one in found)
    amounts = [
        counted(number, one, several)
        for number, one, several in (
            (len(found) - given_up, "alert is tried again", "alerts are tried again"),
            (given_up, "alert was given up", "alerts were given up"),
        )
        if number
    ]
    return f"does not take all that is sent to it: {', '.join(amounts)}; the last error: {found[0].why or 'unknown'}"
