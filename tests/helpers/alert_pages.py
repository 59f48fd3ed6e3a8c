"""The alerts page over kept alerts, without a browser."""

from __future__ import annotations

from typing import Any

from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.store.alerts import AlertRecord, Delivery
from tests.helpers.delivery import alert
from tests.helpers.factories import offer
from tests.helpers.pages import Seen, shipped_page

HOSTILE = "<img src=x onerror=alert(1)>"
TOYS = """# mine
timezone = "UTC"

[[rule]]
name = "toys"      # the children's
min_profit = 12
min_roi = 25
routes = ["IT:DE"]
per_day = 5
"""


def record(number: int, *deliveries: Delivery, **fields: Any) -> AlertRecord:
    one = alert(number, **fields)
    return AlertRecord(
        id=one.id, asin=one.asin, type=one.type, rule=one.rule, at=one.at, expires_at=one.expires_at,
        priority=one.priority, document=one.to_dict(), received_at=one.at, deliveries=deliveries,
    )  # fmt: skip


def keep(settings: Settings, *records: AlertRecord) -> None:
    with open_store(settings) as store:
        store.put([Update(offer(), None)])
        store.add_alerts(records)


def begin(settings: Settings, search: str = "") -> Seen:
    return Seen(shipped_page("alerts", settings)).begin(search)


def row(html: str, name: str) -> str:
    return next(part for part in html.split("<tr>") if f'<th scope="row">{name}<' in part)
