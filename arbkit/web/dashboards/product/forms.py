"""The form of the product page's chart: its currency and what it draws."""

from __future__ import annotations

from arbkit.web.dashboards.content import Field, Option, choice
from arbkit.web.dashboards.product.filters import CURRENCIES, PRICES, QUANTITIES, ProductView


def series_fields(view: ProductView, home: str) -> list[Field]:
    """The fields that show ``view``; ``home`` is the currency it draws in unless it says another."""
    options = [Option(value="" if c == home else c, label=c) for c in CURRENCIES]
    value = "" if view.currency == home else view.currency
    return [
        choice("currency", "Currency", options, value=value),
        *(
            Field(name=name, label=label, kind="check", value=name in view.series)
            for name, label in {**PRICES, **QUANTITIES}.items()
        ),
    ]
