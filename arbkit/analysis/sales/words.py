"""What came of purchases, in words."""

from __future__ import annotations

from arbkit.analysis.sales.results import PurchaseOutcome, SalesReport, SalesScore, VatBasis
from arbkit.core.formatting import counted, signed

_VAT: dict[VatBasis, str] = {
    "reported": "VAT as Amazon reports it apart",
    "priced": "VAT as the route was priced when it was bought",
    "both": "VAT as Amazon reports it apart, else as the route was priced when it was bought",
}


def basis_words(one: PurchaseOutcome) -> str:
    """How the profit of a purchase is known, or why it is not, and whether its forecast is one."""
    known = _VAT[one.vat_basis] if one.vat_basis else one.unknown or ""
    return known if one.is_foresight else f"{known}; forecast on {one.forecast_on}, after the first sale: not scored"


def score_words(score: SalesScore) -> str:
    """What the purchases in one currency were expected to bring, and what they brought."""
    ranges = f"; {score.within} of {score.with_range} between P10 and P90" if score.with_range else ""
    return (
        f"{counted(score.purchases, 'purchase')} with sales: expected {signed(score.expected, score.currency)}, "
        f"came {signed(score.realised, score.currency)}{ranges}"
    )


def unmatched_words(report: SalesReport) -> list[str]:
    """Which sales belong to no purchase, and why."""
    found, said = report.unmatched, []
    if found.lines:
        said.append(f"{counted(found.lines, 'line')} of sales ({counted(found.units, 'unit')}) belong to no purchase")
    if found.unknown_skus:
        named = ", ".join([*found.unknown_skus][:10])
        said.append(f"of no known product: {named}; import with --skus to say which they are")
    return said


def headline_words(report: SalesReport) -> str:
    """One line over all purchases; empty where nothing was bought."""
    if not report.purchases:
        return ""
    if not report.scores:
        return f"{counted(len(report.purchases), 'purchase')}, none with a sale and a forecast yet"
    return " · ".join(map(score_words, report.scores))
