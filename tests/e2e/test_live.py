"""A changed price on the log is another profit on the page that nobody touches, on both runtimes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import uuid4

import orjson
import pytest
from playwright.sync_api import Browser, expect

from arbkit.core.keepa_time import to_minutes
from arbkit.core.marketplaces import market
from arbkit.core.settings import Settings, SettingValue
from arbkit.sources.demo.market import SEED
from arbkit.sources.demo.wire import Clock, product_object
from arbkit.sources.envelope import envelope
from arbkit.stream import RAW_TOPIC, Record, open_stream
from tests.helpers.running import ROWS, Up, running
from tests.helpers.streams import empty
from tests.helpers.visiting import address, visiting
from tests.servers.launch import Elasticsearch, Kafka

pytestmark = pytest.mark.e2e
_BUY_BOX = 18


@pytest.fixture(params=["embedded", "scaled out"])
def runtime(request: pytest.FixtureRequest, settings: Settings) -> Iterator[tuple[Up, Settings]]:
    """`arbkit up` with a demo market in which time stands still."""
    more: dict[str, SettingValue] = {"demo_speed": 0}
    if request.param == "scaled out":
        kafka: Kafka = request.getfixturevalue("kafka")
        elastic: Elasticsearch = request.getfixturevalue("elasticsearch")
        empty(kafka)
        more |= {"log": kafka.url, "store": elastic.url, "store_prefix": f"t{uuid4().hex[:8]}-"}
    with running(settings.home, **more) as up:
        yield up, settings.model_copy(update=more)


def dearer(asin: str, code: str) -> Record:
    """The product on a marketplace, dearer than it was."""
    now = to_minutes(time.time())
    product = product_object(
        asin, market(code), Clock(now, 0), now=now, seed=SEED, buybox=True, history=False, stats=180
    )
    stats = dict(product["stats"])
    price, current = stats["buyBoxPrice"] + 333, list(stats["current"])
    current[_BUY_BOX] = price
    # Keepa's times are minutes: a later one, within what clocks may differ by.
    later = {"lastUpdate": now + 2, "lastOffersUpdate": now + 2}
    changed = {**product, **later, "stats": {**stats, "buyBoxPrice": price, "current": current}}
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    message = envelope(asin=asin, market=code, origin="demo", fetched_at=at, run_id="live", product=changed)
    return Record(asin, orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY))


def test_a_changed_price_shows_without_a_touch(runtime: tuple[Up, Settings], browser: Browser) -> None:
    up, settings = runtime
    with visiting(browser, address(up, "opportunities"), ready=ROWS) as visit, open_stream(settings) as log:
        names = [text.strip() for text in visit.page.locator("#arb-table th").all_inner_texts()]
        profit = next(place for place, name in enumerate(names) if name.startswith("Profit"))
        # One route of each product: a price that has been raised is not raised again.
        routes: dict[str, str] = {}
        for row in visit.page.locator(ROWS).all():
            route = str(row.get_attribute("data-id"))
            routes.setdefault(route.split(":")[0], route)
        for asin, route in list(routes.items())[:3]:
            source = route.split(":")[1]
            cell = visit.page.locator(f"{ROWS}[data-id='{route}'] td").nth(profit)
            before = str(cell.text_content())
            log.publish(RAW_TOPIC, [dearer(asin, source)])
            began = time.monotonic()
            expect(cell).not_to_have_text(before, timeout=60_000)
            took, kind = time.monotonic() - began, settings.log_url.partition(":")[0]
            print(f"{kind}: {route} {before} → {cell.text_content()} after {took:.2f} s")
