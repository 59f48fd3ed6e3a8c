"""What a product is recognised by: its prices of 90 days, EANs to copy, Keepa's pages, and, if wanted, its picture."""

from __future__ import annotations

import time
from dataclasses import replace

from arbkit.core.models import History, Offer
from arbkit.core.settings import Settings
from arbkit.web.dashboards.product.glance import glance_html
from arbkit.web.policies import dashboard_page
from tests.helpers.factories import history, offer

HOST = "https://m.media-amazon.com"
HOSTILE = '"><img src=x onerror=alert(1)>'


def known(code: str) -> tuple[Offer, History]:
    at = int(time.time())
    one = offer(code=code, image="71abcDEFghL.jpg", price_basis="new", price_at=at, updated_at=at)
    return one, replace(history(code=code), currency=one.currency)


def shown(settings: Settings, *eans: str) -> str:
    found = [known(code) for code in ("IT", "DE")]
    offers, histories = [one for one, _ in found], [one for _, one in found]
    return str(glance_html("B000000001", eans, ("IT", "DE"), offers, histories, settings))


def test_eans_are_copied_and_keepas_pages_linked(settings: Settings) -> None:
    html = shown(settings, "4006381333931", "0042100005264", "1", "2", "3")
    assert 'data-copy="4006381333931"' in html
    assert 'aria-label="Copy EAN 4006381333931"' in html
    assert "and 2 more" in html
    assert 'href="https://keepa.com/#!product/8-B000000001"' in html
    assert 'href="https://keepa.com/#!product/3-B000000001"' in html
    assert "no EAN known" in shown(settings)
    assert "<img" not in shown(settings, HOSTILE)


def test_prices_of_90_days_are_drawn_for_both_marketplaces(settings: Settings) -> None:
    html = shown(settings)
    assert html.count("<svg") == 2
    assert "IT, price of 90 days:" in html
    assert "<script" not in html


def test_pictures_are_loaded_only_if_wanted_and_tell_amazon_no_address(settings: Settings) -> None:
    assert HOST not in shown(settings)
    assert HOST not in dashboard_page(thumbnails=False)
    html = shown(settings.model_copy(update={"thumbnails": True}))
    assert f'<img src="{HOST}/images/I/71abcDEFghL._SX160_.jpg"' in html
    assert 'referrerpolicy="no-referrer"' in html
    assert f"img-src 'self' data: blob: {HOST};" in dashboard_page(thumbnails=True)
