"""What pages show as markup. Titles, brands and reasons come from outside: the templates escape all of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from arbkit.analysis.demand import too_old_age_s, too_old_words, why_absent
from arbkit.analysis.forecast.profit.forecast import ProfitForecast
from arbkit.analysis.track_record.results import TrackRecord, words_of_chance
from arbkit.analysis.verdict.rules import BUILT_IN, VerdictRules
from arbkit.analysis.verdict.verdict import Verdict
from arbkit.core.formatting import UNKNOWN, age_words, count, money
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Opportunity
from arbkit.core.results import ComponentRow, RouteTotals
from arbkit.display.html import environment, macro
from arbkit.display.labels import (
    chance_label,
    component_label,
    fulfilment_label,
    input_vat_label,
    purchases_label,
    status_label,
    vat_case_label,
    vat_status_label,
)
from arbkit.display.quote_view import package_range_text
from arbkit.profit.quote.results import Quote
from arbkit.reports.catalogue.own_pages import SHIPPED_PAGES
from arbkit.sources.keepa_api.token_budget import Tokens
from arbkit.store import Stats, Sums

Figure = tuple[str, str, str]
"""Label, value, and what stands small beside it."""


def minor_money(minor: float | None, currency: str) -> str:
    """``12.50 EUR`` of whole cents or pence."""
    return money(None if minor is None else minor / 100, currency)


def confidence_reasons(found: Opportunity) -> str:
    """What lowered the confidence, or that nothing did."""
    return "; ".join(found.confidence_reasons) or "no warnings"


@cache
def _environment() -> Environment:
    made = environment("arbkit.web.dashboards")
    made.globals |= {"MARKETS": MARKETS, "vat_case_label": vat_case_label}
    for function in (
        chance_label,
        component_label,
        fulfilment_label,
        status_label,
        vat_status_label,
        input_vat_label,
        minor_money,
        confidence_reasons,
        package_range_text,
        purchases_label,
        why_absent,
        too_old_age_s,
        too_old_words,
    ):
        made.filters[function.__name__] = function
    return made


def compile_templates() -> None:
    """Compile all templates: to be done while a page is kept warm, not when it is looked at."""
    # What Voilà extends is its own.
    for name in _environment().list_templates(filter_func=lambda n: n.endswith(".j2") and n != "index.html.j2"):
        _environment().get_template(name)


def page_html(template: str, /, **values: object) -> Markup:
    """A template of the dashboards filled with ``values``."""
    return Markup(_environment().get_template(template).render(values))  # noqa: S704 - the template escapes


def header_html(
    current: str,
    title: str,
    stats: Stats | None,
    *,
    own: Mapping[str, str],
    demo_mode: bool,
    seller: str,
    path: Path | None,
    note: str = "",
) -> Markup:
    """The page's title, the links to the others, the mark of invented data, whose profit it is, and a note.

    ``own`` are the labels of the user's own pages, by name; ``path`` is the seller profile's file; None: the built-in
    one.
    """
    demo, pages = demo_words(stats, demo_mode=demo_mode), {**SHIPPED_PAGES, **own}
    return page_html(
        "header.html.j2", current=current, title=title, pages=pages, demo=demo, seller=seller, path=path, note=note
    )


def demo_words(stats: Stats | None, *, demo_mode: bool) -> str:
    """The mark of invented data: what is in the store decides; empty where nothing is invented."""
    known = stats.products if stats else 0
    invented = stats.demo_products if stats else 0
    if invented == known and (invented or demo_mode):
        return "DEMO: invented products and prices"
    if invented:
        return f"DEMO: {count(invented)} of {count(known)} products are invented"
    return ""


def figures_html(figures: Iterable[Figure]) -> Markup:
    """Head figures side by side."""
    return macro("figures", list(figures))


def store_figures(
    stats: Stats, sums: Sums, *, routes_priced: int | None, tokens: Tokens | None, now: float
) -> list[Figure]:
    """The figures above the opportunities."""
    shown, of = "Opportunities shown", "" if sums.count == stats.opportunities else f"of {count(stats.opportunities)}"
    if sums.count > stats.opportunities:
        # Routes that need a size, and what pays under other assumptions only, are shown too.
        shown, of = "Routes shown", f"opportunities stored: {count(stats.opportunities)}"
    newest, oldest = (
        UNKNOWN if at is None else f"{age_words(now - at)} ago" for at in (stats.newest_at, stats.oldest_at)
    )
    priced = [] if stats.evaluated_at is None else [f"{age_words(now - stats.evaluated_at)} ago"]
    if stats.unpriced_products:
        products = "product" if stats.unpriced_products == 1 else "products"
        priced.append(f"{count(stats.unpriced_products)} {products} not priced yet")
    hidden = f"{count(stats.hidden_products)} of the demo market hidden" if stats.hidden_products else ""
    figures = [
        (shown, count(sums.count), of),
        ("Total profit, 1 unit each", money(sums.total_profit, stats.currency), ""),
        ("Products tracked", count(stats.products), hidden),
        ("Routes priced", count(routes_priced), "; ".join(priced)),
        ("Data updated", newest, f"oldest {oldest}"),
    ]
    if tokens is not None:
        small = f"+{tokens.refill_rate}/min, {age_words(now - tokens.at)} ago"
        if tokens.left <= 0:
            # A balance below zero is a debt to wait for, and no number to read.
            wait = f"next in {age_words(tokens.wait_s(now))}" if tokens.refill_rate > 0 else "none come in"
            small = f"{wait}, +{tokens.refill_rate}/min"
        figures.append(("Keepa tokens left", count(max(0, tokens.left)), small))
    return figures


def route_map_html(routes: Mapping[str, RouteTotals], markets: Sequence[str], currency: str, chosen: str) -> Markup:
    """All routes as a grid: the number of opportunities and their total profit on each.

    ``routes`` gives ``count``, ``total_profit`` and ``best_profit`` by ``SOURCE:TARGET``; ``chosen`` is such a name.
    """
    most = max((r["total_profit"] for r in routes.values()), default=0.0)
    return page_html("route_map.html.j2", routes=routes, markets=markets, currency=currency, chosen=chosen, most=most)


def opportunity_html(found: Opportunity, *, watched: bool, glance: Markup) -> Markup:
    """The selected route in words, with links to both of its Amazon pages; ``glance``: what its product is known by."""
    return page_html("opportunity.html.j2", found=found, watched=watched, glance=glance)


def components_html(components: Sequence[ComponentRow], profit: float | None, currency: str) -> Markup:
    """Every component of a profit with its rule, table, date and source; they add up to ``profit``."""
    return page_html("components.html.j2", components=components, profit=profit, currency=currency)


def quote_html(quote: Quote, *, title: str = "") -> Markup:
    """A quote: profit, break-even, max cost, and other cases."""
    return page_html("quote.html.j2", quote=quote, title=title)


def forecast_html(
    found: Opportunity | ProfitForecast,
    *,
    why: str,
    record: TrackRecord | None,
    detail: ProfitForecast | None,
    unfolded: bool = True,
) -> Markup:
    """What a route will earn, or ``why`` that is unknown; ``record`` says how past forecasts came out.

    ``detail`` says what makes it wide; None: a button asks for it.
    """
    chance = found.profit_chance_pct
    said = "" if chance is None else words_of_chance(record, chance)
    return page_html("forecast.html.j2", found=found, why=why, record=said, detail=detail, unfolded=unfolded)


def verdict_html(verdict: Verdict, rules: VerdictRules, *, route: str = "") -> Markup:
    """What to do with a route, and the rules that say so; ``route`` names it where that is not clear."""
    where = "" if rules.where == BUILT_IN else rules.where
    return page_html("verdict.html.j2", verdict=verdict, where=where, route=route)
