"""The forms of the opportunities page, as the front end draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from arbkit.core.formatting import count
from arbkit.core.offers.categories import category_of
from arbkit.store import Stats
from arbkit.web.address import BOUNDS
from arbkit.web.dashboards.content import Field, choice, options
from arbkit.web.dashboards.download import MIME
from arbkit.web.dashboards.opportunities.columns import COLUMNS, OPTIONAL, chosen_columns
from arbkit.web.dashboards.opportunities.filters import View

_BOUNDS = {
    "min_margin": ("Min margin %", "Minimum profit in percent of net revenue"),
    "min_roi": ("Min ROI %", "Minimum profit in percent of the money invested"),
    "min_profit": ("Min profit", "Minimum profit of one unit, in your home currency"),
    "min_confidence": ("Min confidence", "From 0 to 1"),
    "max_age_hours": ("Max data age (h)", "Age of the older of the two prices"),
}
_TEXTS = {None: "", True: "yes", False: "no"}


def filter_fields(
    view: View, refused: Mapping[str, tuple[str, str]], markets: Sequence[str], stats: Stats
) -> list[Field]:
    """What is asked for and what could be; ``refused``: what was typed into a field that cannot be, and why."""
    categories = set(map(_shown_category, stats.categories))
    if view.category:
        shown = _shown_category(view.category)
        categories |= {shown}
        view = view.changed(category=shown)
    fields: list[Field] = [
        choice("source", "Buy on", options(markets, first="any")),
        choice("target", "Sell on", options(markets, first="any")),
        choice("category", "Category", options(sorted(categories), first="any")),
        {"name": "brand", "label": "Brand", "kind": "text", "suggestions": list(stats.brands), "placeholder": "any"},
        {"name": "q", "label": "Search", "kind": "text", "placeholder": "title, brand, EAN, ASIN"},
        {"name": "asin", "label": "ASIN", "kind": "text", "placeholder": "any"},
        *(
            Field(name=name, label=label, kind="number", hint=hint, placeholder="any")
            for name, (label, hint) in _BOUNDS.items()
        ),
        choice("amazon_sells", "Amazon as seller", options(("no", "yes"), first="any")),
        choice("all_routes", "Routes that need a size", options(("yes",), first="hidden")),
    ]
    for one in fields:
        value = getattr(view, one["name"])
        one["value"] = f"{value:g}" if one["name"] in BOUNDS and value is not None else _TEXTS.get(value, value)
        if one["name"] in refused:
            one["value"], one["wrong"] = refused[one["name"]]
    return [*fields, {"name": "clear", "label": "Clear filters", "kind": "button"}]


def _shown_category(name: str) -> str:
    """One name for a category, whichever marketplace's a product has."""
    return name if (known := category_of(name)) is None else known.name


def saved_fields(names: Sequence[str], here: str, naming: str) -> list[Field]:
    """The saved views, of which ``here`` is shown, and the name for another one."""
    return [
        choice("view", "Saved view", options(names, first="–"), value=here),
        {"name": "naming", "label": "Save this view as", "kind": "text", "value": naming},
        {"name": "save", "label": "Save", "kind": "button", "hint": "Keep filters, order and columns"},
        {"name": "delete", "label": "Delete", "kind": "button", "disabled": not here},
    ]


def column_fields(view: View) -> list[Field]:
    """A tick for each column that may be shown or hidden."""
    shown = chosen_columns(view.columns, what_if=False)
    return [
        {"name": n, "label": c["label"], "kind": "check", "value": n in shown, "hint": c.get("note", "")}
        for n, c in COLUMNS.items()
        if n in OPTIONAL
    ]


def download_fields(total: int, *, running: bool) -> list[Field]:
    """A button for each kind of file."""
    hint = f"All {count(total)} of these opportunities, with every fee and tax"
    return [
        {
            "name": f"export{ending}", "label": f"Download as {ending[1:].upper()}", "kind": "button", "hint": hint,
            "disabled": not total or running,
        }
        for ending in MIME
    ]  # fmt: skip
