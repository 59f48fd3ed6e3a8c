"""Alerts and what became of them on every channel, on either store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from arbkit.core.errors import UsageError
from arbkit.core.models import Update
from arbkit.store import Store
from arbkit.store.alerts import AlertRecord, Delivery, DeliveryStatus, SentAlert
from arbkit.store.queries import AlertQuery
from tests.helpers.factories import offer

Open = Callable[[], Store]
ASIN = "B000000001"


def alert(
    number: int,
    *deliveries: Delivery,
    asin: str = ASIN,
    rule: str = "worth it",
    demo: bool = False,
    kind: str = "new_opportunity",
) -> AlertRecord:
    return AlertRecord(
        id=f"a{number}",
        asin=asin,
        type=kind,
        rule=rule,
        at=1_790_000_000.25 + number,
        expires_at=1_790_086_400.0,
        priority=float(number),
        document={"v": 2, "title": "<b>ü"},
        received_at=1_790_000_001.5,
        deliveries=deliveries,
        demo=demo,
    )


def waiting(channel: str = "mail", attempts: int = 0) -> Delivery:
    return Delivery(channel=channel, attempts=attempts)


def decided(status: DeliveryStatus, at: float, channel: str = "mail") -> Delivery:
    return Delivery(channel=channel, status=status, attempts=1, at=at, why=None if status == "sent" else "for a reason")


def ids(records: list[AlertRecord]) -> list[str]:
    return [record.id for record in records]


def test_an_alert_is_kept_once_and_replaced_only_on_purpose(opened: Open) -> None:
    store, other = opened(), opened()
    first = alert(1, waiting("mail"), waiting("hook"))
    store.add_alerts([first])
    other.add_alerts([replace(first, deliveries=()), alert(2)])
    assert other.alerts_of(["a1", "a2", "a3"]) == [first, alert(2)]
    sent = replace(first, deliveries=(decided("sent", 1_790_000_002.5), waiting("hook")))
    other.put_alerts([sent])
    assert store.alerts_of(["a1"]) == [sent]
    assert (store.pending_alerts("mail", 10), store.pending_alerts("hook", 10)) == ([], [sent])


def test_the_status_is_that_of_what_still_can_be_done(opened: Open) -> None:
    store = opened()
    cases: dict[DeliveryStatus, tuple[Delivery, ...]] = {
        "pending": (decided("failed", 1.0, "hook"), waiting()),
        "failed": (decided("sent", 1.0), decided("failed", 1.0, "hook")),
        "sent": (decided("sent", 1.0), decided("expired", 1.0, "hook")),
        "held": (),
        "muted": (decided("muted", 1.0),),
        "expired": (decided("expired", 1.0),),
    }
    store.add_alerts([alert(n, *deliveries) for n, deliveries in enumerate(cases.values())])
    for number, status in enumerate(cases):
        assert ids(list(store.alerts(AlertQuery(status=status)).items)) == [f"a{number}"]


def test_alerts_are_found_by_type_and_outcome_together(opened: Open) -> None:
    store = opened()
    kinds = ("price_drop", "data_problem", "price_drop", "ended")
    store.add_alerts([alert(n, waiting(), kind=kind) for n, kind in enumerate(kinds)])
    store.put_alerts([alert(2, decided("sent", 1.0), kind="price_drop")])
    assert ids(list(store.alerts(AlertQuery(type="price_drop")).items)) == ["a2", "a0"]
    assert ids(list(store.alerts(AlertQuery(type="price_drop", status="sent")).items)) == ["a2"]
    assert store.alerts(AlertQuery(type="target_price")).total == 0


def test_alerts_are_found_by_product_rule_and_time_page_after_page(opened: Open) -> None:
    store = opened()
    store.add_alerts([alert(n, asin="B000000002" if n % 5 == 0 else ASIN, rule=f"rule {n % 2}") for n in range(20)])
    every, cursor = [], None
    while True:
        page = store.alerts(AlertQuery(limit=3, cursor=cursor))
        assert page.total == 20
        every += ids(list(page.items))
        if (cursor := page.next) is None:
            break
    assert every == [f"a{n}" for n in reversed(range(20))]
    assert ids(list(store.alerts(AlertQuery(asin="B000000002", descending=False)).items)) == ["a0", "a5", "a10", "a15"]
    assert store.alerts(AlertQuery(rule="rule 1")).total == 10
    since, until = 1_790_000_003.25, 1_790_000_005.25
    assert ids(list(store.alerts(AlertQuery(since=since, until=until)).items)) == ["a4", "a3"]
    with pytest.raises(UsageError, match="cursor"):
        store.alerts(AlertQuery(cursor="nonsense"))


def test_what_waits_for_a_channel_comes_the_least_tried_and_the_best_first(opened: Open) -> None:
    store = opened()
    store.add_alerts(
        [
            alert(1, waiting(), waiting("hook", 9)),
            alert(2, waiting(attempts=3)),
            alert(3, waiting()),
            alert(4, decided("sent", 1.0)),
            alert(5, waiting("hook")),
        ]
    )
    assert ids(store.pending_alerts("mail", 10)) == ["a3", "a1", "a2"]
    assert ids(store.pending_alerts("mail", 2)) == ["a3", "a1"]
    assert ids(store.pending_alerts("hook", 10)) == ["a5", "a1"]
    assert store.pending_alerts("nobody", 10) == []
    assert store.pending_alerts("mail", 10, except_rules=["worth it", "other"]) == []
    assert len(store.pending_alerts("mail", 10, except_rules=["other"])) == 3


def test_what_waits_for_a_channel_is_found_by_product(opened: Open) -> None:
    store = opened()
    store.add_alerts([alert(n, waiting(), asin=f"B00000000{n % 3}") for n in range(9)])
    assert ids(store.pending_alerts("mail", 10, asins=["B000000001", "B000000002"])) == [
        "a8", "a7", "a5", "a4", "a2", "a1",
    ]  # fmt: skip
    assert ids(store.pending_alerts("mail", 2, asins=["B000000000"])) == ["a6", "a3"]
    assert store.pending_alerts("mail", 10, asins=["B000000000"], except_rules=["worth it"]) == []
    assert store.pending_alerts("mail", 10, asins=[]) == []


def test_what_a_channel_has_sent_is_counted_from_a_moment_on(opened: Open) -> None:
    store = opened()
    times = [1_790_000_000.5, 1_790_000_000.75, 1_790_000_009.0]
    store.add_alerts([alert(n, decided("sent", at), waiting("hook")) for n, at in enumerate(times)])
    store.add_alerts([alert(9, decided("failed", times[2]), decided("sent", times[2], "hook"), rule="other")])
    assert store.sent_alerts("mail", since=times[1]) == [SentAlert("worth it", at) for at in times[1:]]
    assert store.sent_alerts("hook", since=0) == [SentAlert("other", times[2])]


def test_old_ones_are_forgotten_but_never_what_still_waits(opened: Open) -> None:
    store = opened()
    store.add_alerts([alert(1, decided("sent", 1.0)), alert(2, waiting()), alert(3, decided("held", 1.0))])
    store.forget_alerts(before=1_790_000_003.25)
    assert ids(list(store.alerts(AlertQuery()).items)) == ["a3", "a2"]


def test_what_waits_of_the_demo_market_goes_with_it(opened: Open) -> None:
    store = opened()
    store.put([Update(offer("B0DEMO0001", origin="demo"), None)])
    store.add_alerts([alert(1, waiting(), demo=True), alert(2, decided("sent", 1.0), demo=True), alert(3, waiting())])
    store.remove_demo()
    assert ids(list(store.alerts(AlertQuery()).items)) == ["a3", "a2"]
    assert ids(store.pending_alerts("mail", 10)) == ["a3"]
