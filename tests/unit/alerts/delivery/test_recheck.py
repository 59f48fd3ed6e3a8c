"""An alert whose prices are old is looked up again before it goes, and what is stored then decides."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from arbkit.alerts.alert import Alert
from arbkit.alerts.channels.channel_tables import AppriseAddress, Channel
from arbkit.alerts.delivery.intake import record_of
from arbkit.alerts.delivery.plan import DeliveryPlan
from arbkit.alerts.delivery.settling import Settled, Settling, settle
from arbkit.alerts.rules import Recheck, Rule
from arbkit.core.models import Opportunity
from arbkit.core.results import JsonObject
from arbkit.core.settings import Settings
from arbkit.store import Store, open_store
from arbkit.store.alerts import AlertRecord
from tests.helpers.delivery import RULE, alert
from tests.helpers.factories import opportunity
from tests.helpers.routes import store_routes

CHANNEL = Channel("one", AppriseAddress(SecretStr("")))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"demo": True})


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings) as opened:
        yield opened


def plan(then: str = "send", **fields: Any) -> DeliveryPlan:
    recheck = Recheck.model_validate({"max_age_minutes": 60, "wait_minutes": 15, "then": then})
    rules = {RULE: Rule(name=RULE, recheck=recheck, **fields)}
    return DeliveryPlan("alerts.toml", ZoneInfo("UTC"), 1e9, {"one": CHANNEL}, rules=rules)


def old(store: Store, profit: float = 10.0, **fields: Any) -> Alert:
    """An alert of a stored route whose prices are two hours old."""
    route = opportunity(profit=profit, evaluated_at=time.time(), data_at=int(time.time()) - 7_200)
    store_routes(store, [route])
    return alert(1, route=route, **fields)


def settled(
    settings: Settings,
    store: Store,
    by: DeliveryPlan,
    record: AlertRecord,
    *,
    later_s: float = 0,
    channel: Channel = CHANNEL,
) -> Settled:
    return settle([record], Settling(settings, store, by, channel, time.time() + later_s), messages=10)


def asked(settings: Settings, store: Store, by: DeliveryPlan, one: Alert) -> AlertRecord:
    found = settled(settings, store, by, record_of(one, by, now=time.time()))
    assert (found.ready, found.decided) == ([], [])
    (record,) = found.changed
    assert [look.id for look in store.looks(status="waiting")] == ["B000000001:DE", "B000000001:IT"]
    return record


def looked(store: Store, status: Any = "served", why: str | None = None) -> None:
    at = time.time()
    store.put_looks([replace(look, status=status, answered_at=at, why=why) for look in store.looks()])


def price(store: Store, **fields: Any) -> Opportunity:
    """Store the route as it was priced after a look."""
    route = opportunity(evaluated_at=time.time() + 5, data_at=int(time.time()), **fields)
    store_routes(store, [route], inputs="later")
    return route


def why(found: Settled) -> str:
    (record,) = found.changed
    (delivery,) = record.deliveries
    return f"{delivery.status}: {delivery.why}"


def test_one_that_another_version_has_kept_in_its_own_way_is_held(settings: Settings, store: Store) -> None:
    by = plan()
    record = record_of(alert(1), by, now=time.time())
    documents: list[JsonObject] = [{**record.document, "v": 3}, {"v": 2}]
    for document in documents:
        assert why(settled(settings, store, by, replace(record, document=document))).startswith("held: ")


def test_fresh_prices_are_not_looked_up(settings: Settings, store: Store) -> None:
    by = plan()
    found = settled(settings, store, by, record_of(alert(1), by, now=time.time()))
    assert [one.record.id for one in found.ready] == ["a1"]
    assert store.looks() == []


def test_what_the_look_brought_is_what_is_sent(settings: Settings, store: Store) -> None:
    by = plan()
    record = asked(settings, store, by, one := old(store))
    looked(store)
    assert settled(settings, store, by, record) == Settled()
    price(store, profit=8.5)
    (ready,) = settled(settings, store, by, record, later_s=1).ready
    assert ready.shown.alert.opportunity.profit == 8.5
    assert ready.shown.alert.why == f"{one.why} Now it leaves at least 8.50 EUR."
    assert ready.shown.data_age_s < 60
    assert ready.shown.alert.id == "a1"


def test_a_look_that_brought_nothing_new_lets_it_go_as_it_is(settings: Settings, store: Store) -> None:
    by = plan()
    record = asked(settings, store, by, one := old(store))
    looked(store)
    (ready,) = settled(settings, store, by, record, later_s=60).ready
    assert ready.shown.alert.opportunity.profit == 10.0
    assert ready.shown.alert.why == one.why


@pytest.mark.parametrize(
    ("fields", "limits", "said"),
    [
        ({"status": "loss", "profit": -1.0}, {}, "held: is no opportunity any more"),
        ({"profit": 4.0}, {"min_profit": 5.0}, f"held: no longer reaches what the rule {RULE} asks for"),
    ],
)
def test_what_is_worth_it_no_more_is_held(
    settings: Settings, store: Store, fields: dict[str, Any], limits: dict[str, Any], said: str
) -> None:
    by = plan(**limits)
    record = asked(settings, store, by, old(store))
    looked(store)
    price(store, **fields)
    assert why(settled(settings, store, by, record, later_s=60)) == said


def test_a_product_that_left_the_store_is_held(settings: Settings, store: Store) -> None:
    by = plan()
    record = asked(settings, store, by, old(store))
    looked(store)
    store_routes(store, [], inputs="later")
    assert why(settled(settings, store, by, record, later_s=60)) == "held: its route is not stored any more"


@pytest.mark.parametrize("then", ["send", "hold"])
def test_nobody_looks_in_time(settings: Settings, store: Store, then: str) -> None:
    by = plan(then)
    record = asked(settings, store, by, old(store))
    assert settled(settings, store, by, record, later_s=14 * 60) == Settled()
    # Whether the time has passed, or the clock was set back.
    for later_s in (15 * 60 + 1, -60):
        found = settled(settings, store, by, record, later_s=later_s)
        if then == "hold":
            assert why(found) == "held: nobody has looked at its prices in time"
        else:
            assert "not looked up again" in found.ready[0].shown.note


@pytest.mark.parametrize("then", ["send", "hold"])
def test_a_look_that_is_refused_or_that_nobody_serves(settings: Settings, store: Store, then: str) -> None:
    by = plan(then)
    one = old(store)
    without = settings.model_copy(update={"look_tokens": 0})
    for found in (settled(without, store, by, record_of(one, by, now=time.time())), _refused(settings, store, by, one)):
        if then == "hold":
            assert why(found).startswith("held: ")
        else:
            assert found.ready[0].shown.note.startswith("not looked up again: ")


def _refused(settings: Settings, store: Store, by: DeliveryPlan, one: Alert) -> Settled:
    record = asked(settings, store, by, one)
    looked(store, "refused", "the tokens of the day are used up")
    return settled(settings, store, by, record)


def test_what_was_held_up_is_sent_with_the_figures_of_now_or_not_at_all(settings: Settings, store: Store) -> None:
    by = plan()
    fresh = opportunity(evaluated_at=time.time(), data_at=int(time.time()), profit=10.0)
    store_routes(store, [fresh])
    record = record_of(alert(1, route=fresh), by, now=time.time() - 3_000)
    digest = replace(CHANNEL, digest_s=60.0)
    assert settled(settings, store, by, record).ready[0].shown.alert.opportunity.profit == 10.0
    store_routes(store, [replace(fresh, profit=12.0)], inputs="later")
    assert settled(settings, store, by, record, channel=digest).ready[0].shown.alert.opportunity.profit == 12.0
    store_routes(store, [], inputs="last")
    assert why(settled(settings, store, by, record, channel=digest)).startswith("held: its route")
    ended = record_of(alert(1, route=fresh, type="ended"), by, now=time.time() - 3_000)
    assert settled(settings, store, by, ended, channel=digest).ready
