"""What a product is recognised by at a glance: its picture, EANs to copy, Keepa's pages, and its prices of 90 days."""

from __future__ import annotations

import time
from collections.abc import Sequence

from markupsafe import Markup

from arbkit.core.models import History, Offer, Opportunity
from arbkit.core.offers.images import image_url
from arbkit.core.settings import Settings
from arbkit.display.sparkline import sparklines
from arbkit.profit import load_rates
from arbkit.web.dashboards.html import opportunity_html, page_html

_MOST_EANS = 3
_PICTURE = 160
"""Pixels of the picture that is loaded, for a screen of twice as many as are shown."""


def route_html(
    found: Opportunity, offers: Sequence[Offer], histories: Sequence[History], settings: Settings, *, watched: bool
) -> Markup:
    """A route in words, and what its product is recognised by on both of its marketplaces."""
    sides = found.source, found.target
    glance = glance_html(found.asin, found.eans, sides, offers, histories, settings)
    return opportunity_html(found, watched=watched, glance=glance)


def glance_html(
    asin: str,
    eans: Sequence[str],
    markets: Sequence[str],
    offers: Sequence[Offer],
    histories: Sequence[History],
    settings: Settings,
) -> Markup:
    """Of a product on these marketplaces, with its offers and histories; a picture only where settings say so."""
    lines = sparklines(histories, {o.market: o for o in offers}, load_rates(), now=time.time())
    image = next((o.image for o in offers if o.image), None) if settings.thumbnails else None
    return page_html(
        "glance.html.j2",
        asin=asin,
        # A seller can write anything there, at any length.
        eans=[ean[:20] for ean in eans[:_MOST_EANS]],
        more=max(0, len(eans) - _MOST_EANS),
        markets=markets,
        lines=lines,
        picture=image_url(image, width=_PICTURE),
    )
