"""`arbkit up` on a real Kafka and a real Elasticsearch, in the browser; and the store going away under it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
import requests
from playwright.sync_api import Browser, expect

from arbkit.core.formatting import money
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, open_stream
from tests.helpers.running import ROWS, Up, running
from tests.helpers.streams import empty, good
from tests.helpers.visiting import address, visiting
from tests.helpers.waiting import eventually
from tests.servers.launch import Elasticsearch, Kafka

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def away() -> Iterator[Elasticsearch]:
    """An Elasticsearch of this module's own, which may be killed."""
    with Elasticsearch(short_lived=True) as server:
        yield server


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, kafka: Kafka, away: Elasticsearch) -> Settings:
    empty(kafka)
    home = tmp_path_factory.mktemp("scaled") / "var"
    return Settings.load(
        _env_file=None, home=home, log=kafka.url, store=away.url, store_prefix=f"t{uuid4().hex[:8]}-",
        detect_interval=5,
    )  # fmt: skip


@pytest.fixture(scope="module")
def up(settings: Settings) -> Iterator[Up]:
    more = settings.model_dump(include={"log", "store", "store_prefix", "detect_interval"})
    with running(settings.home, **more) as one:
        yield one


def test_the_dashboard_shows_what_the_api_shows(up: Up, browser: Browser) -> None:
    with visiting(browser, address(up, "opportunities"), ready=ROWS) as visit:
        page = visit.page
        page.get_by_label("Buy on").select_option("IT")
        expect(page.locator(ROWS).first).to_contain_text("IT →")
        asin, source, target = str(page.locator(ROWS).first.get_attribute("data-id")).split(":")
        page.locator(f"{ROWS} td").first.click()
        expect(page.locator("#arb-route")).to_contain_text(asin)
        api = up.addresses["api"].removesuffix("/docs")
        found = requests.get(f"{api}/products/{asin}", timeout=30).json()["opportunities"]
        same = next(o for o in found if (o["source"], o["target"]) == (source, target))
        assert money(same["profit"], "EUR") in page.locator(ROWS).first.locator("td").all_inner_texts()


def test_a_page_outlives_a_store_that_goes_away(up: Up, browser: Browser, away: Elasticsearch) -> None:
    with visiting(browser, address(up, "opportunities"), ready=ROWS) as visit:
        page = visit.page
        shown = page.locator(ROWS).count()
        away.kill()
        page.get_by_label("Sort by ROI").click()
        told = page.locator(".arb-notice")
        expect(told).to_contain_text("Updates automatically", timeout=60_000)
        assert page.locator(ROWS).count() == shown
        away.start()
        expect(told).to_contain_text("The store answers again", timeout=120_000)
        expect(page.locator("#arb-table th[aria-sort=descending]")).to_contain_text("ROI")


def test_a_store_that_goes_away_and_comes_back_costs_nothing(up: Up, settings: Settings, away: Elasticsearch) -> None:
    api = up.addresses["api"].removesuffix("/docs")
    eventually(lambda: requests.get(f"{api}/health", timeout=30).json()["status"] == "healthy")
    away.kill()
    with open_stream(settings) as log:
        log.publish(RAW_TOPIC, good(300))

        def lag() -> int:
            return sum(log.lag(ENRICH_GROUP, RAW_TOPIC).values())

        shown = requests.get(f"{api}/arbitrage", timeout=60)
        assert (shown.status_code, shown.headers["Content-Type"]) == (503, "application/problem+json")
        assert "ARBKIT_STORE" in shown.json()["detail"]
        assert requests.get(f"{api}/health", timeout=60).json()["status"] == "unhealthy"
        assert lag() >= 300
        away.start()
        eventually(lambda: lag() == 0)
    with open_store(settings) as store:
        assert len(store.offers([f"B{i:09}" for i in range(300)])) == 300
    assert requests.get(f"{api}/arbitrage", timeout=60).status_code == 200
    # The consumer waited; it was not started anew.
    assert "consumer ended" not in up.log.read_text()
