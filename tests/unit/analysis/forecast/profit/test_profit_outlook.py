"""Forecasts of profit from offers and histories: what is not known is not made up, nor is the future looked at."""

from __future__ import annotations

from array import array
from datetime import UTC, datetime
from typing import Any

import pytest

from arbkit.analysis.forecast.profit.forecast import ProfitForecast, forecast_routes
from arbkit.core.keepa_time import to_minutes
from arbkit.core.models import History, Offer, Series
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.profit.seller.profile import Customs
from tests.helpers.factories import PACKAGE, offer
from tests.helpers.past import with_past

ON = datetime(2026, 6, 15, tzinfo=UTC).date()
NOW = datetime(2026, 6, 15, 20, tzinfo=UTC).timestamp()
MINUTE, DAY_MIN = to_minutes(NOW), 1_440
PROFILE = Profile(name="test", customs=Customs(duty_pct=0))


def listing(code: str, price: int | None, **fields: Any) -> Offer:
    at = int(NOW)
    known: dict[str, Any] = {
        "updated_at": at, "price_at": at, "sales_rank": 60_000, "sales_rank_at": at, "rank_drops30": 12,
        "rank_drops90": 36, "offers_new": 3, **PACKAGE,
    }  # fmt: skip
    return offer(code=code, price_minor=price, **{**known, **fields})


def past(*points: tuple[float, int], code: str = "DE") -> History:
    """A new price by (days before now, minor units)."""
    times = array("i", [MINUTE - round(days * DAY_MIN) for days, _ in points])
    return History("B000000001", code, 1, "EUR", {"new": Series(times, array("i", [value for _, value in points]))})


CALM = past((100, 6_999))


def forecast(
    sold: Offer, history: History | None = CALM, bought: Offer | None = None, profile: Profile = PROFILE
) -> ProfitForecast:
    bought = bought or listing("IT", 4_000)
    known = sold if history is None else with_past(sold, history, until=NOW)
    found = forecast_routes([known, bought], profile, load_tables(), load_rates(), on=ON, now=NOW)
    return found["B000000001", bought.market, sold.market]


def width(found: ProfitForecast) -> float:
    assert found.profit_p90 is not None
    assert found.profit_p10 is not None
    return found.profit_p90 - found.profit_p10


def test_a_calm_price_has_a_narrow_forecast_about_the_profit_of_today() -> None:
    found = forecast(listing("DE", 6_999))
    assert found.unknown is None
    assert found.profit_p10 is not None
    assert found.profit_p50 is not None
    assert found.profit_p90 is not None
    assert found.profit_p10 <= found.profit_p50 <= found.profit_p90
    assert found.capital == pytest.approx(40 / 1.22, abs=1)
    assert (found.sell_price, found.sell_currency) == (69.99, "EUR")
    assert found.reasons_of_width[0].startswith("selling price")


@pytest.mark.parametrize(
    "history", [None, past((0.5, 6_999)), past((3, 6_899), (1, 6_999))], ids=["none", "one", "few"]
)
def test_without_a_past_the_width_is_that_of_a_typical_product(history: History | None) -> None:
    found = forecast(listing("DE", 6_999), history)
    assert width(found) > width(forecast(listing("DE", 6_999)))
    assert any("as a typical product" in said for said in found.assumed)


@pytest.mark.parametrize(
    ("sold", "history", "why"),
    [
        (listing("DE", 6_999), past((100, 6_999), (2, -1)), "nobody offers it new"),
        (listing("DE", 6_999), past((100, -1), (50, -1)), "nobody offers it new"),
        (listing("DE", 69_990), past((100, 6_999), (0.5, 699_900)), "5 times as high"),
        (listing("DE", 6_999, price_avg90_minor=6_999_000), CALM, "a fraction of its own average"),
        (listing("DE", None), CALM, "no price where it is sold"),
        (listing("DE", 6_999, category="Nobody Knows"), CALM, "category"),
        (listing("DE", 6_999, sales_rank=None, rank_drops30=None, rank_drops90=None), CALM, "no sales rank"),
        (listing("DE", 6_999, price_at=int(NOW) - 400 * 86_400, updated_at=int(NOW) - 400 * 86_400), CALM, ""),
    ],
    ids=["gone", "all missing", "glitch", "fraction", "no price", "category", "sales", "old"],
)  # fmt: skip
def test_what_cannot_be_forecast_has_its_reason_and_no_figure(sold: Offer, history: History, why: str) -> None:
    found = forecast(sold, history)
    assert found.unknown
    assert why in found.unknown
    assert [found.profit_chance_pct, found.profit_p50, found.expected_profit, found.width] == [None] * 4
    assert found.assumed == []


def test_nothing_that_a_history_says_of_the_future_is_read() -> None:
    points = ((100.0, 6_999), (40.0, 7_499), (20.0, 6_999))
    assert forecast(listing("DE", 6_999), past(*points)) == forecast(listing("DE", 6_999), past(*points, (-5, 100)))


def test_a_break_in_the_past_and_monthly_steps_leave_a_forecast() -> None:
    broken = forecast(listing("DE", 6_999), past((100, 6_999), (70, -1), (20, 6_999)))
    stepped = forecast(listing("DE", 6_999), past((120, 5_999), (90, 6_499), (60, 7_499), (30, 6_999)))
    assert width(broken) > 0
    assert width(stepped) > width(forecast(listing("DE", 6_999)))


def test_an_unmeasured_package_makes_the_forecast_wide() -> None:
    unmeasured = dict.fromkeys(PACKAGE)
    found = forecast(listing("DE", 6_999, **unmeasured), bought=listing("IT", 4_000, **unmeasured))
    assert found.width is not None
    assert found.width.package > 1
    measured = forecast(listing("DE", 6_999))
    assert measured.width is not None
    assert measured.width.package == 0


def test_proceeds_in_pounds_hang_on_the_exchange_rate_and_those_in_euros_do_not() -> None:
    pounds = forecast(listing("UK", 6_499), past((100, 6_499), code="UK"))
    assert pounds.width is not None
    assert pounds.width.exchange_rate > 0
    euros = forecast(listing("DE", 6_999))
    assert euros.width is not None
    assert euros.width.exchange_rate == 0


def test_the_capital_has_the_vat_that_comes_back_later() -> None:
    net = forecast(listing("DE", 6_999))
    recovered, lost = (
        forecast(listing("DE", 6_999), profile=PROFILE.model_copy(update={"input_vat": {"IT": case}}))
        for case in ("domestic-recovered", "domestic-lost")
    )
    assert recovered.capital == lost.capital
    assert recovered.capital is not None
    assert net.capital is not None
    # Nobody charges VAT on what is bought net of it.
    assert recovered.capital - net.capital == pytest.approx(40 - 40 / 1.22, abs=0.1)
    assert recovered.expected_profit is not None
    assert lost.expected_profit is not None
    assert recovered.expected_profit > lost.expected_profit + 5


def test_no_offers_are_no_forecasts() -> None:
    assert forecast_routes([], PROFILE, load_tables(), load_rates(), on=ON, now=NOW) == {}


def test_it_begins_from_the_spot_price_whatever_the_price_basis_of_the_profile() -> None:
    sold = listing("DE", 6_999, price_avg90_minor=5_999)
    robust = forecast(sold, profile=PROFILE.model_copy(update={"sell_basis": "robust", "expected_days": 60.0}))
    assert robust == forecast(sold)


def test_the_lead_time_is_the_sellers_own_or_the_one_that_is_assumed() -> None:
    default = forecast(listing("DE", 6_999))
    slow = forecast(listing("DE", 6_999), profile=PROFILE.model_copy(update={"lead_days": 40.5}))
    assert default.assumed[0].startswith("on sale 14 days after buying (arbkit's default)")
    assert slow.assumed[0].startswith("on sale 40.5 days after buying (yours)")
    assert default.tied_up_days is not None
    assert slow.tied_up_days is not None
    assert default.tied_up_days < slow.tied_up_days <= default.tied_up_days + 26.5
    same = forecast(listing("DE", 6_999), profile=PROFILE.model_copy(update={"lead_days": 14.0}))
    assert same.model_copy(update={"assumed": default.assumed}) == default
