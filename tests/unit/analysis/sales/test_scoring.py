"""What came of purchases: to the cent, with what is not known left unknown."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from arbkit.analysis.sales.results import PurchaseOutcome
from arbkit.analysis.sales.scoring import score_sales
from arbkit.analysis.sales.words import basis_words
from arbkit.core.decisions.event import Decision
from arbkit.profit import load_rates
from tests.helpers.decisions import decision
from tests.helpers.sales import refund, sale

FORECAST: dict[str, Any] = {
    "currency": "EUR", "profit": 6.0, "profit_p10": 2.0, "profit_p50": 5.0, "profit_p90": 9.0,
    "profit_chance_pct": 90.0, "days_to_sell_p50": 12.0, "output_vat_pct": 100 * 19 / 119,
    "input_vat_pct": 100 * 22 / 122, "other_costs": -0.5,
}  # fmt: skip


def bought(version: int = 1, quantity: int = 3, **fields: Any) -> Decision:
    made = {"price": 10.0, "price_currency": "EUR", "bought_on": "2026-10-01", "forecast": FORECAST, **fields}
    return decision(status="bought", version=version, route="IT:DE", quantity=quantity, **made)


def outcome(purchase: Decision, *lines: Any) -> PurchaseOutcome:
    (found,) = score_sales([purchase], lines, load_rates()).purchases
    return found


def test_the_profit_of_a_unit_is_after_fees_vat_as_priced_and_what_no_settlement_has() -> None:
    found = outcome(bought(), sale(day="2026-10-11"))
    assert (found.sold, found.refunded, found.left, found.payout, found.fees, found.cost) == (1, 0, 2, 22.0, -8.0, 10.0)
    # 30.00 less 19 % VAT in it, less 8.00; bought at 10.00 less 22 % VAT in it; 0.50 of other costs.
    assert found.profit == found.profit_per_unit == round(30 / 1.19 - 8 - 10 / 1.22 - 0.5, 2) == 8.51
    assert (found.vat_basis, found.unknown, found.currency) == ("priced", None, "EUR")
    assert (found.expected, found.is_within, found.forecast_chance_pct) == (5.0, True, 90.0)


def test_vat_that_amazon_reports_apart_is_owed_as_it_says() -> None:
    net = sale(day="2026-10-11", principal=25.21, vat=4.79)
    assert outcome(bought(), net).profit == 8.51
    kept = sale(day="2026-10-11", principal=25.21, vat=0.0)
    assert (outcome(bought(), kept).profit, outcome(bought(), kept).vat_basis) == (8.51, "reported")
    assert outcome(bought(), sale(1), sale(2, principal=25.21, vat=4.79)).vat_basis == "both"


def test_a_refund_takes_its_money_back_and_the_unit_stays_paid() -> None:
    found = outcome(bought(), sale(day="2026-10-11"), refund(order="o-1"))
    assert (found.sold, found.refunded, found.left, found.payout) == (1, 1, 2, -3.5)
    assert found.profit == round(-3.5 - 10 / 1.22 - 0.5, 2)
    assert found.is_within is False


def test_other_currencies_are_converted_by_the_rates_of_their_days() -> None:
    rates = load_rates()
    pounds = sale(day="2025-01-15", currency="GBP", market="UK")
    found = outcome(bought(bought_on="2025-01-02"), pounds)
    rate = rates.rate("GBP", "EUR", date(2025, 1, 15))
    assert rate is not None
    assert found.payout == round(22 * rate.value, 2)
    assert (found.currency, found.sold_elsewhere) == ("EUR", 1)
    unknown = outcome(bought(), sale(currency="XTS"))
    assert (unknown.payout, unknown.profit) == (None, None)
    assert "no exchange rate of XTS" in str(unknown.unknown)


@pytest.mark.parametrize(
    ("forecast", "why"),
    [
        (None, "had no forecast"),
        ({"currency": "EUR", "profit": 6.0}, "were not kept"),
        ({**FORECAST, "input_vat_pct": None}, "were not kept"),
        ({**FORECAST, "output_vat_pct": None}, "VAT in the price"),
    ],
)
def test_what_was_not_kept_with_the_purchase_leaves_its_profit_unknown(forecast: Any, why: str) -> None:
    found = outcome(bought(forecast=forecast), sale())
    assert (found.sold, found.left, found.profit, found.is_within, found.vat_basis) == (1, 2, None, None, None)
    assert why in str(found.unknown)


def test_a_purchase_without_sales_is_not_yet_known_and_half_sold_needs_half() -> None:
    nothing = outcome(bought())
    assert (nothing.sold, nothing.left, nothing.profit, nothing.unknown) == (0, 3, None, "nothing is sold yet")
    assert outcome(bought(), sale(day="2026-10-11")).days_to_sell is None
    both = outcome(bought(), sale(1, day="2026-10-11"), sale(2, day="2026-10-21"))
    assert (both.days_to_sell, both.forecast_days) == (20.0, 12.0)


def test_a_forecast_of_after_the_first_sale_is_shown_and_not_scored() -> None:
    at = 1_760_000_000.0  # 9 October 2025
    for sold_on, scored in (("2025-10-09", 1), ("2025-10-08", 0)):
        purchase = bought(forecast={**FORECAST, "evaluated_at": at}, bought_on="2025-10-01")
        report = score_sales([purchase], [sale(day=sold_on), sale(2, day="2025-11-01")], load_rates())
        assert report.purchases[0].profit is not None
        assert len(report.scores) == scored
        assert ("not scored" in basis_words(report.purchases[0])) == (scored == 0)


def test_the_score_sums_up_what_is_known_of_both_and_leaves_out_the_rest() -> None:
    purchases = [bought(1, 1), bought(2, 1, forecast={**FORECAST, "profit_p90": 8.0}), bought(3, 1, forecast=None),
                 bought(4, 1), decision(status="new", version=5, route="IT:DE", cancels=4)]  # fmt: skip
    lines = [sale(1), sale(2), sale(3), sale(4), sale(5, asin=None, sku="DE-9")]
    report = score_sales(purchases, lines, load_rates())
    (score,) = report.scores
    assert [one.version for one in report.purchases] == [3, 2, 1]
    assert (score.purchases, score.units, score.expected, score.realised) == (2, 2, 10.0, 17.02)
    assert (score.with_range, score.within, score.with_chance, score.profitable, score.chance_pct) == (2, 1, 2, 2, 90.0)
    assert (report.unmatched.units, report.unmatched.unknown_skus) == (1, {"DE-9": 1})
