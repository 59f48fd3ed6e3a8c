"""The forms of the opportunities page, as the front end draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from arbkit.core.filters import OpportunityFilter
from arbkit.core.formatting import count
from arbkit.store import Stats
from arbkit.store.address import BOUNDS
from arbkit.web.dashboards.download import MIME
from arbkit.web.dashboards.opportunities.columns import CHOOSABLE, COLUMNS, chosen_columns
from arbkit.web.dashboards.opportunities.filters import View

__all__ = ["column_fields", "download_fields", "filter_fields", "saved_fields"]

Field = dict[str, Any]
_LABELS = {
    "min_margin": "Margin ≥ %",
    "min_roi": "ROI ≥ %",
    "min_profit": "Profit ≥",
    "min_confidence": "Confidence ≥",
    "max_age_hours": "Data age ≤ hours",
}
_TEXTS = {None: "", True: "yes", False: "no"}
_AMAZON = (("", "may sell it"), ("no", "does not sell it"), ("yes", "sells it"))


def filter_fields(
    view: View, refused: Mapping[str, tuple[str, str]], markets: Sequence[str], stats: Stats
) -> list[Field]:
    """What is asked for and what could be; ``refused``: what was typed into a field that cannot be, and why."""
    categories = [*stats.categories]
    if view.category and view.category not in categories:
        categories.append(view.category)
    fields: list[Field] = [
        {"name": "source", "label": "Buy on", "kind": "choice", "options": _any(markets)},
        {"name": "target", "label": "Sell on", "kind": "choice", "options": _any(markets)},
        {"name": "category", "label": "Category", "kind": "choice", "options": _any(categories)},
        {"name": "brand", "label": "Brand", "kind": "text", "suggestions": list(stats.brands), "placeholder": "any"},
        {"name": "q", "label": "Search", "kind": "text", "placeholder": "title, brand, EAN, ASIN"},
        {"name": "asin", "label": "ASIN", "kind": "text", "placeholder": "any"},
        *(
            {"name": name, "label": label, "kind": "number", "hint": _hint(name), "placeholder": "any"}
            for name, label in _LABELS.items()
        ),
        {"name": "amazon_sells", "label": "Amazon itself", "kind": "choice", "options": _options(_AMAZON)},
    ]
    for one in fields:
        value = getattr(view, one["name"])
        one["value"] = f"{value:g}" if one["name"] in BOUNDS and value is not None else _TEXTS.get(value, value)
        if one["name"] in refused:
            one["value"], one["wrong"] = refused[one["name"]]
    return [*fields, {"name": "clear", "label": "Clear filters", "kind": "button"}]


def _hint(name: str) -> str:
    text = OpportunityFilter.model_fields[name].description or ""
    return text[:1].upper() + text[1:]


def saved_fields(names: Sequence[str], here: str, naming: str) -> list[Field]:
    """The saved views, of which ``here`` is shown, and the name for another one."""
    options = _options([("", "–"), *((name, name) for name in names)])
    return [
        {"name": "view", "label": "Saved view", "kind": "choice", "options": options, "value": here},
        {"name": "naming", "label": "Save this view as", "kind": "text", "value": naming},
        {"name": "save", "label": "Save", "kind": "button", "hint": "Keep filters, order and columns"},
        {"name": "delete", "label": "Delete", "kind": "button", "disabled": not here},
    ]


def column_fields(view: View) -> list[Field]:
    """A tick for each column that may be shown or hidden."""
    shown = chosen_columns(view.columns, what_if=False)
    return [
        {"name": n, "label": COLUMNS[n].label, "kind": "check", "value": n in shown, "hint": COLUMNS[n].note}
        for n in CHOOSABLE
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


def _any(values: Sequence[str]) -> list[dict[str, str]]:
    return _options([("", "any"), *((value, value) for value in values)])


def _options(pairs: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"value": value, "label": label} for value, label in pairs]
