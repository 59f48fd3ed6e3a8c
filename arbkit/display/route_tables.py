"""Tables of routes as HTML without scripts, for reports and notebooks; on a narrow screen each row becomes a card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from arbkit.core.formatting import UNKNOWN, count, money, number, percent
from arbkit.core.models import Opportunity
from arbkit.display.html import macro
from arbkit.display.labels import chance_label
from arbkit.display.notebook_html import NotebookHtml

_TEMPLATE = "routes.html.j2"
_COLUMNS = (
    ("Product", "title"), ("Route", "text"), ("Buy", "number"), ("Sell", "number"), ("Profit", "number"),
    ("ROI", "number"), ("Confidence", "number"),
)  # fmt: skip
_FORECAST = (
    ("Chance of profit", "number"), ("P10 to P90", "number"), ("Expected profit", "number"),
    ("Per day, of the capital", "number"),
)  # fmt: skip
DEMO_MARK = "DEMO: invented products and prices"
_REASONS = (("Reason", "title"), ("Routes", "number"))


def shown(found: Sequence[Opportunity]) -> NotebookHtml:
    """Opportunities as the output of a notebook cell, or a sentence that there are none."""
    if not found:
        return paragraph("No route passes these limits.")
    mark = macro("demo", DEMO_MARK) if all(o.demo for o in found) else ""
    return NotebookHtml(Markup("{}{}").format(mark, routes_table(found)))


def not_priced(unknown: Mapping[str, int]) -> NotebookHtml:
    """Reasons why routes could not be priced as the output of a notebook cell."""
    return NotebookHtml(reasons_table(unknown))


def paragraph(text: str) -> NotebookHtml:
    """A sentence that stands out as the output of a notebook cell."""
    return NotebookHtml(Markup('<p class="arb-headline">{}</p>').format(text))


def routes_table(found: Iterable[Opportunity]) -> Markup:
    """Opportunities, a row each, with links to both of their Amazon pages, and the forecast where one has any.

    Invented products are marked where real ones stand beside them.
    """
    routes = list(found)
    is_mixed = len({o.demo for o in routes}) > 1
    has_forecast = any(o.profit_chance_pct is not None for o in routes)
    rows = [
        (
            product_cell(o.title, o.asin, demo=o.demo and is_mixed),
            route_label(o.source, o.target),
            link(o.source_url, money(o.buy_price, o.buy_currency)),
            link(o.target_url, money(o.sell_price, o.sell_currency)),
            Markup("<b>{}</b>").format(money(o.profit, o.currency)),
            percent(o.roi_pct),
            *(_forecast(o) if has_forecast else ()),
            macro("confidence", o.confidence, o.confidence_reasons, template=_TEMPLATE),
        )
        for o in routes
    ]
    columns = (*_COLUMNS[:-1], *(_FORECAST if has_forecast else ()), _COLUMNS[-1])
    return macro("table", "Routes", columns, rows)


def _forecast(found: Opportunity) -> tuple[str, str, str, str]:
    if found.profit_chance_pct is None:
        return (UNKNOWN,) * 4
    return (
        chance_label(found.profit_chance_pct),
        f"{number(found.profit_p10)} to {money(found.profit_p90, found.currency)}",
        money(found.expected_profit, found.currency),
        percent(found.expected_profit_per_day_pct, 2),
    )


def reasons_table(unknown: Mapping[str, int]) -> Markup:
    """Why routes could not be priced: reason → number of routes, in the given order."""
    return macro("table", "Not priced", _REASONS, [(reason, count(n)) for reason, n in unknown.items()], "None.")


def product_cell(title: str | None, asin: str, *, demo: bool = False) -> Markup:
    """A product's title with its ASIN below it, marked where it is invented."""
    return macro("product", title, asin, demo, template=_TEMPLATE)


def route_label(source: str, target: str) -> str:
    """``IT → DE``, which does not break across lines."""
    return f"{source}\u00a0→\u00a0{target}"


def link(url: str, text: str) -> Markup:
    """``text`` as a link that opens a new tab; the text alone where ``url`` is no web address."""
    return macro("link", url, text)
