"""Commands about money: what one route leaves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from arbkit.cli.shared import begin, console, print_json

if TYPE_CHECKING:
    from arbkit.profit.quote.results import Quote

__all__ = ["register"]


def profit(
    source: str = typer.Option(..., help="Marketplace to buy on."),
    buy: float = typer.Option(..., help="Price paid there, VAT and shipping included, in its currency."),
    target: str = typer.Option(..., help="Marketplace to sell on."),
    sell: float = typer.Option(..., help="Price a buyer pays there, VAT and shipping included, in its currency."),
    category: str | None = typer.Option(None, help="Referral category, or Amazon's own: Root, or Root › Branch."),
    size_mm: str | None = typer.Option(None, help="Package, as 360x100x100."),
    weight_g: float | None = typer.Option(None, help="Package weight in grams."),
    vat_status: str | None = typer.Option(None, help="reclaiming, not-reclaiming or unregistered."),
    home: str | None = typer.Option(None, help="Where the seller is established."),
    fulfilment: str = typer.Option("best", help="fba-local, efn, pan-eu, fbm or best: the cheapest that is allowed."),
    stock: str | None = typer.Option(None, help="Country of EFN stock; default: the source."),
    warehouses: str | None = typer.Option(None, help="German stock: de, or cep (also Poland and Czechia)."),
    vat_class: str | None = typer.Option(None, help="standard, books, food, children, …"),
    other_costs: float | None = typer.Option(None, help="Net sum of prep, inbound and the like, home currency."),
    fbm_shipping: float | None = typer.Option(None, help="Net cost of a buyer's parcel, home currency."),
    freight: float | None = typer.Option(None, help="Freight per unit, home currency."),
    duty_pct: float | None = typer.Option(None, help="Duty between UK and EU, percent of value and freight."),
    plan: str | None = typer.Option(None, help="Amazon selling plan: professional or individual."),
    hazmat: bool = typer.Option(False, "--hazmat", help="Dangerous goods."),
    expected_days: float | None = typer.Option(None, help="Days in storage."),
    return_rate_pct: float | None = typer.Option(None, help="Share of units that come back."),
    return_handling: float | None = typer.Option(None, help="What a returned unit costs, home currency."),
    keepa_fba_fee: float | None = typer.Option(None, help="Fulfilment fee as Keepa observed it, net."),
    keepa_closing_fee: float | None = typer.Option(None, help="Closing fee as Keepa states it, net."),
    keepa_referral_pct: float | None = typer.Option(None, help="Referral percentage as Keepa observed it."),
    keepa_referral_price: float | None = typer.Option(None, help="The price at which Keepa observed it."),
    target_roi: float | None = typer.Option(None, help="Return in percent that the highest buying price is for."),
    target_profit: float | None = typer.Option(None, help="Profit that it must leave too, home currency."),
    on: str | None = typer.Option(None, help="Day of fees, VAT and exchange rates, as 2026-08-01; default: today."),
    profile: Path | None = typer.Option(None, help="Seller profile in place of the configured one."),
    profile_name: str | None = typer.Option(None, help="One of the profiles in that file."),
    no_profile: bool = typer.Option(False, "--no-profile", help="The neutral seller, without costs of its own."),
    json: bool = typer.Option(False, "--json", help="One JSON document on standard output."),
) -> None:
    """What one route leaves after every fee and tax, line by line."""
    given = {
        k: v
        for k, v in locals().items()
        if k not in {"profile", "profile_name", "no_profile", "json"} and v is not None
    }
    from arbkit.core.errors import UsageError
    from arbkit.profit import Profile, load_profile, load_rates, load_tables
    from arbkit.profit.quote.quote import quote
    from arbkit.profit.quote.request import QuoteRequest

    if profile is not None and no_profile:
        raise UsageError("--profile and --no-profile exclude each other", remedy="Give one of them")
    settings = begin()
    request = QuoteRequest.parse(given)
    name = profile_name or settings.profile_name or None
    seller = Profile.neutral() if no_profile else load_profile(profile or settings.profile_path, name)
    found = quote(request, seller, load_tables(), load_rates())
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        _print(found)


def _print(found: Quote) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = console()
    currency = found.currency
    table = Table(title=f"{found.source} → {found.target} on {found.on}", title_justify="left")
    for name in ("component", currency, "rule", "table, valid from"):
        table.add_column(name, justify="right" if name == currency else "left", overflow="fold")
    for part in found.components:
        amount = "unknown" if part.amount is None else f"{part.amount:.2f}"
        rule = part.rule + (" (assumed)" if part.assumed else "")
        dated = f"{part.table}, {part.valid_from}" if part.table else ""
        table.add_row(part.name.replace("_", " "), amount, escape(rule), dated)
    profit = found.profit
    table.add_section()
    table.add_row("profit", "unknown" if profit is None else f"{profit:.2f}", f"by {found.fulfilment}", "")
    out.print(table)
    out.print("  (--json names the source of each line)")
    if profit is not None:
        roots = ", ".join(f"{price:.2f}" for price in found.break_even_sell) or "at no price"
        highest = found.max_buy
        price = "at no price" if highest.price is None else f"{highest.price:.2f} {highest.currency}"
        out.print(f"  ROI {found.roi_pct:.1f} %, margin {found.margin_net_pct:.1f} % of net revenue")
        out.print(f"  break-even selling at {roots}; buy at most for {highest.target_roi_pct:g} % ROI: {price}")
    for other in found.alternatives:
        result = other.why_not or f"{other.profit:.2f} {currency} ({other.difference:+.2f})"
        out.print(f"  by {other.fulfilment}: {escape(result)}")
    _print_referral(found)
    for word, texts in (("unknown", found.unknown), ("note", found.warnings), ("hint", found.hints)):
        for text in texts:
            out.print(f"  {word}: {escape(text)}")
    _print_what_if(found)


def _print_referral(found: Quote) -> None:
    referral = found.referral
    if len(referral.candidates) > 1 and referral.profit_range and len(set(referral.profit_range)) > 1:
        low, high = referral.profit_range
        names = ", ".join(referral.candidates)
        text = f"  profit {low:.2f} to {high:.2f} {found.currency}, as the product falls under one of {names}"
        console().print(text, markup=False)


def _print_what_if(found: Quote) -> None:
    from rich.markup import escape
    from rich.table import Table

    if not found.vat_grid:
        return
    table = Table(title="What if", title_justify="left")
    for name in ("case", "profit", "ROI %", "by"):
        table.add_column(name, justify="left" if name in ("case", "by") else "right")
    for case in found.vat_grid:
        name = f"{case.vat_status}, VAT class {case.vat_class}"
        if case.why_not:
            table.add_row(name, "–", "–", escape(case.why_not))
        else:
            table.add_row(name, f"{case.profit:.2f}", f"{case.roi_pct:.1f}", case.fulfilment)
    table.add_section()
    for row in found.sensitivity:
        profit = "–" if row.profit is None else f"{row.profit:.2f}"
        table.add_row(f"{row.of.replace('_', ' ')} {row.change_pct:+g} %", profit, "", "")
    console().print(table)


def register(app: typer.Typer) -> None:
    app.command()(profit)
