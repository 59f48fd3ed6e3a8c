"""Commands about money: ``arbkit profit``, the profit of one route."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from arbkit.cli.model_options import given_options, options_from
from arbkit.cli.shared import JSON, answer, load_settings, print_table, say
from arbkit.core.errors import UsageError
from arbkit.core.formatting import money, number, percent, signed
from arbkit.display.labels import fulfilment_label, input_vat_label, vat_case_label

if TYPE_CHECKING:
    from arbkit.profit import Profile
    from arbkit.profit.quote.results import Quote


def profit(
    context: typer.Context,
    profile: Path | None = typer.Option(None, help="Seller profile file, instead of the configured one."),
    profile_name: str | None = typer.Option(None, help="Name of one of the profiles in that file."),
    no_profile: bool = typer.Option(False, "--no-profile", help="Use a neutral seller without own costs."),
    json: bool = JSON,
) -> None:
    """Price one route: its profit after every fee and tax, line by line."""
    from arbkit.profit import Profile, load_profile, load_rates, load_tables
    from arbkit.profit.quote.quote import quote
    from arbkit.profit.quote.request import QuoteRequest

    if profile is not None and no_profile:
        raise UsageError("--profile and --no-profile exclude each other", remedy="Give one of them")
    settings = load_settings()
    request = QuoteRequest.parse(given_options(context))
    name = profile_name or settings.profile_name or None
    seller = Profile.neutral() if no_profile else load_profile(profile or settings.profile_path, name)
    answer(quote(request, seller, load_tables(), load_rates()), json, partial(_print_quote, request.apply(seller)))


def _print_quote(seller: Profile, quote: Quote) -> None:
    say(f"{seller.seller_line} (change: `arbkit profile init`)")
    _print_components(quote)
    say(f"  VAT of the purchase: {input_vat_label(quote.input_vat)}")
    say("  (--json names the source of each line)")
    if quote.profit is not None:
        _print_limits(quote)
        _print_package_range(quote)
    for other in quote.alternatives:
        amounts = f"{money(other.profit, quote.currency)} ({signed(other.difference)})"
        say(f"  {fulfilment_label(other.fulfilment)}: {other.why_not or amounts}")
    _print_referral_range(quote)
    for label, texts in (("unknown", quote.unknown), ("note", quote.warnings), ("hint", quote.hints)):
        for text in texts:
            say(f"  {label}: {text}")
    if quote.vat_grid:
        _print_what_if(quote)


def _print_components(quote: Quote) -> None:
    rows: list[tuple[str, ...]] = [
        (
            part.name.replace("_", " "),
            _amount(part.amount),
            part.rule + (" (assumed)" if part.assumed else ""),
            f"{part.table}, {part.valid_from}" if part.table else "",
        )
        for part in quote.components
    ]
    rows += [(), ("profit", _amount(quote.profit), fulfilment_label(quote.fulfilment), "")]
    columns = ("component", f">{quote.currency}", "rule", "table, valid from")
    print_table(columns, rows, title=f"{quote.source} → {quote.target} on {quote.on}")


def _amount(amount: float | None) -> str:
    return "unknown" if amount is None else number(amount)


def _print_limits(quote: Quote) -> None:
    from arbkit.display.quote_view import max_cost_text

    break_even = ", ".join(number(price) for price in quote.break_even_sell) or "none"
    say(f"  ROI {percent(quote.roi_pct)}, margin {percent(quote.margin_net_pct)} of net revenue")
    say(f"  break-even selling price {break_even}; {max_cost_text(quote.max_buy)}")


def _print_package_range(quote: Quote) -> None:
    from arbkit.display.quote_view import package_range_text

    if text := package_range_text(quote):
        say(f"  {text}")


def _print_referral_range(quote: Quote) -> None:
    referral = quote.referral
    if len(referral.candidates) > 1 and referral.profit_range and len(set(referral.profit_range)) > 1:
        low, high = referral.profit_range
        categories = " or ".join(referral.candidates)
        say(f"  profit {number(low)} to {money(high, quote.currency)}, depending on the category: {categories}")


def _print_what_if(quote: Quote) -> None:
    cases: list[tuple[str, ...]] = [
        (
            f"{vat_case_label(case.vat_status, case.input_vat)}, VAT class {case.vat_class}",
            number(case.profit),
            percent(case.roi_pct),
            case.why_not or fulfilment_label(case.fulfilment or ""),
        )
        for case in quote.vat_grid
    ]
    shifts = [
        (f"{shift.of.replace('_', ' ')} {percent(shift.change_pct, 0, sign='+')}", number(shift.profit), "", "")
        for shift in quote.sensitivity
    ]
    print_table(("case", ">profit", ">ROI", "fulfilment"), [*cases, (), *shifts], title="What if")


def register(app: typer.Typer) -> None:
    """Add ``profit`` to the command line."""
    app.command(cls=options_from("arbkit.profit.quote.request:QuoteRequest"))(profit)
