"""One marked test message to a channel, about a product that does not exist."""

from __future__ import annotations

import time
from uuid import uuid4

from arbkit.alerts.alert import Alert
from arbkit.alerts.channels.message import Shown, compose, dashboards_address
from arbkit.alerts.channels.senders import open_sender
from arbkit.alerts.delivery.plan import load_plan
from arbkit.core.errors import ConfigError, ServiceError, did_you_mean
from arbkit.core.marketplaces import market
from arbkit.core.results import OpportunityOut, Result
from arbkit.core.settings import Settings

_ASIN = "B000TEST00"


class SentTest(Result):
    """That a channel took a test message, of this id."""

    channel: str
    id: str


def send_test(settings: Settings, name: str) -> SentTest:
    """Send a message marked as a test to the channel of this name, also in its quiet hours.

    Raises:
        ConfigError: there is no such channel, or it has a mistake.
        ServiceError: it did not take the message; says why.
    """
    plan = load_plan(settings)
    bad = {one.name: one.error for one in plan.bad}
    if name not in plan.channels:
        remedy = did_you_mean(name, plan.channels)
        raise bad.get(name) or ConfigError("has no such channel", field=plan.where, value=name, remedy=remedy)
    message = compose([Shown.as_made(_invented(), time.time())], pages=dashboards_address(settings), is_test=True)
    with open_sender(plan.channels[name]) as sender:
        failure = sender.send(message)
    if failure is not None:
        raise ServiceError(failure.why, field=f"channel {name}", remedy=f"Check its address in {plan.where}")
    return SentTest(channel=name, id=message.id)


def _invented() -> Alert:
    now = time.time()
    buy, sell = market("IT"), market("DE")
    route = OpportunityOut(
        asin=_ASIN, title="A test of arbkit: no such product", brand=None, category=None, source="IT", target="DE",
        buy_price=40.0, buy_currency=buy.currency, sell_price=69.99, sell_currency=sell.currency,
        price_basis={"buy": "buy_box", "sell": "buy_box"}, profit=12.4, profit_low=10.1, profit_high=14.7,
        status="opportunity", roi_pct=31.0, margin_pct=21.1, spread_pct=75.0, fees=13.99, currency="EUR",
        fulfilment="fba-local", confidence=0.9, category_id=None, confidence_reasons=[], warnings=[], match=None,
        input_vat=None, rank=None, rank_drops30=None, sellers=None, max_buy=None, data_age_s=0, tables_version="",
        profile="", evaluated_at=now, source_url=buy.url(_ASIN), target_url=sell.url(_ASIN),
        demo=False, amazon_sells=None,
    )  # fmt: skip
    return Alert(
        id=f"test-{uuid4().hex}", type="new_opportunity", at=now, expires_at=now + 3600, asin=_ASIN, source="IT",
        target="DE", rule="test", why="you asked for a test message", priority=1.0, opportunity=route,
    )  # fmt: skip
