"""The forms of the opportunities page, as the front end draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

from arbkit.core.decisions.event import STATUS_WORDS, STATUSES
from arbkit.core.input.filters import ALL, CATEGORIES_BETWEEN, OPEN
from arbkit.core.offers.categories import category_of
from arbkit.store import Stats
from arbkit.web.address import BOUNDS
from arbkit.web.dashboards.content import (
    CONFIDENCE_SCALE,
    DEMAND_BOUNDS,
    WITHOUT_BRANDS,
    Field,
    Option,
    choice,
    options,
)
from arbkit.web.dashboards.opportunities.columns import COLUMNS, OPTIONAL, chosen_columns
from arbkit.web.dashboards.opportunities.filters import Density, View

_BOUNDS = {
    "min_margin": ("Min margin %", "Minimum profit in percent of net revenue"),
    "min_roi": ("Min ROI %", "Minimum profit in percent of the money invested"),
    "min_profit": ("Min profit", "Minimum profit of one unit, in your home currency"),
    "min_confidence": ("Min confidence (0 to 1)", CONFIDENCE_SCALE),
    "min_chance": ("Min chance %", "Of 100 such purchases, at least this many would make money"),
    "min_expected_profit": ("Min expected", "Minimum mean of the profit of one unit, in your home currency"),
    "min_profit_per_day": ("Min % a day", "Minimum expected profit a day, in percent of the capital that is tied up"),
    "min_p10": ("P10 at least", "9 of 10 such purchases leave at least this, in your home currency"),
    "max_days_to_sell": ("Max days to sell", "Half are sold by then, once on sale"),
    "min_sold_in_30_days": ("Min sold in 30 d %", "The chance to have sold it within 30 days, once on sale"),
    **DEMAND_BOUNDS,
    "max_age_hours": ("Max data age (h)", "Age of the older of the two prices"),
}
_STATUSES: Mapping[str, str] = {
    OPEN: "all but dismissed", **{one: STATUS_WORDS[one] for one in STATUSES},
    "dismissed,blocked": "dismissed and blocked", ALL: "any",
}  # fmt: skip
_FIRST = frozenset(
    {"source", "target", "category", "brand", "exclude_brands", "q", "min_profit", "min_roi", "max_days_to_sell",
     "max_rank", "decision"}
)  # fmt: skip
"""What most people filter by; the others stand in a fold."""
_TEXTS = {None: "", True: "yes", False: "no"}


def filter_fields(
    view: View, refused: Mapping[str, tuple[str, str]], markets: Sequence[str], stats: Stats
) -> list[Field]:
    """What is asked for and what could be; ``refused``: what was typed into a field that cannot be, and why."""
    categories = set(map(shown_category, stats.categories))
    chosen = tuple(dict.fromkeys(map(shown_category, view.category or ())))
    categories |= {*chosen}
    fields: list[Field] = [
        choice("source", "Buy on", options(markets, first="any")),
        choice("target", "Sell on", options(markets, first="any")),
        {"name": "category", "label": "Category", "kind": "choices", "options": options(sorted(categories))},
        {"name": "brand", "label": "Brand", "kind": "text", "suggestions": list(stats.brands), "placeholder": "any"},
        {**WITHOUT_BRANDS},
        {"name": "q", "label": "Search", "kind": "text", "placeholder": "title, brand, EAN, ASIN"},
        {"name": "asin", "label": "ASIN", "kind": "text", "placeholder": "any"},
        *(
            Field(name=name, label=label, kind="number", hint=hint, placeholder="any")
            for name, (label, hint) in _BOUNDS.items()
        ),
        choice("amazon_sells", "Amazon as seller", options(("no", "yes"), first="any")),
        choice("decision", "Status", [Option(value=value, label=label) for value, label in _STATUSES.items()]),
        choice("all_routes", "Routes that need a size", options(("yes",), first="hidden")),
    ]
    for one in fields:
        value = getattr(view, one["name"])
        if one["name"] == "category":
            value = CATEGORIES_BETWEEN.join(chosen)
        one["value"] = f"{value:.12g}" if one["name"] in BOUNDS and value is not None else _TEXTS.get(value, value)
        if one["name"] in refused:
            one["value"], one["wrong"] = refused[one["name"]]
        if one["name"] not in _FIRST:
            one["fold"] = "More filters"
    fields.append({"name": "clear", "label": "Clear filters", "kind": "button"})
    return sorted(fields, key=lambda one: "fold" in one)


def shown_category(name: str) -> str:
    """One name for a category, whichever marketplace's a product has."""
    return name if (known := category_of(name)) is None else known.name


def saved_fields(names: Sequence[str], here: str, naming: str) -> list[Field]:
    """The saved views, of which ``here`` is shown, and the name for another one."""
    return [
        choice("view", "Saved view", options(names, first="–"), value=here),
        {"name": "naming", "label": "Save this view as", "kind": "text", "value": naming, "enter": "save"},
        {"name": "save", "label": "Save", "kind": "button", "hint": "Keep filters, order and columns"},
        {"name": "delete", "label": "Delete", "kind": "button", "disabled": not here},
    ]


def column_fields(view: View) -> list[Field]:
    """How much room rows take, and a tick for each column that may be shown or hidden."""
    shown = chosen_columns(view.columns, what_if=False)
    rows = choice("density", "Rows", options(get_args(Density)), value=view.density)
    return [
        rows,
        *(
            Field(name=n, label=c["label"], kind="check", value=n in shown, hint=c.get("note", ""))
            for n, c in COLUMNS.items()
            if n in OPTIONAL
        ),
    ]
