"""`arbkit up` as a new user meets it: real processes on the demo market, ports, tokens and the same money."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Browser, expect

from arbkit.core.formatting import money, signed
from arbkit.core.settings import Settings
from tests.helpers.processes import arbkit
from tests.helpers.running import ROWS, Up
from tests.helpers.visiting import address, visiting

pytestmark = pytest.mark.e2e


def test_dashboard_and_api_show_the_same_money(up: Up, browser: Browser) -> None:
    api = up.addresses["api"].removesuffix("/docs")
    with visiting(browser, address(up, "opportunities"), ready=ROWS) as visit:
        page = visit.page
        shown = page.locator(ROWS).first.locator("td").all_inner_texts()
        asin, source, target = str(page.locator(ROWS).first.get_attribute("data-id")).split(":")
        found = requests.get(f"{api}/products/{asin}?components=true", timeout=120).json()["opportunities"]
        same = next(o for o in found if (o["source"], o["target"]) == (source, target))
        assert money(same["profit"], "EUR") in shown
        assert money(same["sell_price"], same["sell_currency"]) in shown
        expect(page.locator(".arb-components tr.arb-total .arb-number")).to_be_attached()
        parts = page.locator(".arb-components tbody .arb-number").all_inner_texts()
        assert parts == [signed(amount) for amount in (*(c["amount"] for c in same["components"]), same["profit"])]


def test_without_the_token_nobody_comes_in(up: Up) -> None:
    url = up.addresses["dashboards"].partition("?")[0]
    assert "token=" in up.addresses["dashboards"]
    answer = requests.get(url, timeout=120)
    assert "/login" in answer.url
    assert "widget" not in answer.text
    port = urlsplit(url).port
    contents = requests.get(f"http://127.0.0.1:{port}/voila/api/contents", timeout=120, allow_redirects=False)
    assert contents.status_code in {302, 403}


def test_a_port_in_use_is_named_with_the_setting_to_change(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings.load(_env_file=None, home=tmp_path / "var", api_port=0, demo_port=0, dashboards_port=port)
        done = arbkit(settings, "up")
    assert done.returncode == 3
    assert f"port {port}" in done.stderr
    assert "ARBKIT_DASHBOARDS_PORT" in done.stderr
