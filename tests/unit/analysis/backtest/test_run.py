"""A backtest over a store: what it reads, and what it says where there is nothing to judge."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from arbkit.analysis.backtest import run as backtest
from arbkit.analysis.backtest.evidence import Listing
from arbkit.analysis.backtest.parameters import BacktestParameters
from arbkit.core.errors import UsageError
from arbkit.core.history.steps import DAY_MIN
from arbkit.core.keepa_time import to_unix
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.reports.catalogue.find import SHIPPED
from arbkit.store import open_store
from tests.helpers.factories import history, offer
from tests.price_forecast.made import START, listing, market

NOW = float(to_unix(START + 130 * DAY_MIN))


def stored(settings: Settings, listings: Sequence[Listing]) -> Settings:
    with open_store(settings) as store:
        store.put([Update(offer(one.history.asin, one.history.market), one.history) for one in listings])
    return settings


def test_the_histories_of_the_store_are_judged(settings: Settings) -> None:
    report = backtest.run(stored(settings, market(6)), run_id="r1", now=NOW)
    assert report.found is not None
    found = report.found.price
    assert (found.products, found.of_products, found.refitted) == (6, 6, False)
    assert [one.horizon_days for one in found.horizons] == [14, 30]
    assert [one.name for one in found.horizons[0].markets] == ["DE"]


def test_only_the_marketplaces_that_are_asked_for(settings: Settings) -> None:
    points = [(day, 1_000 + day) for day in range(0, 121, 10)]
    there = [listing("B000000001", points), listing("B000000001", points, market="IT")]
    wanted = BacktestParameters(markets=("IT",), horizon_days=(30, 7, 7))
    report = backtest.run(stored(settings, there), wanted, run_id="r1", now=NOW)
    assert report.found is not None
    found = report.found.price
    assert found.listings == 1
    assert [one.horizon_days for one in found.horizons] == [7, 30]


def test_points_of_the_future_do_not_count(settings: Settings) -> None:
    points = [(day, 1_000 + day) for day in range(0, 121, 10)]
    stored(settings, [listing("B000000001", [*points, (400, 5)])])
    found = backtest.run(settings, run_id="r1", now=NOW).found
    assert found is not None
    assert found.price.last_outcome < "2024-08-24"


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "short histories"])
def test_a_store_without_histories_says_what_is_missing(settings: Settings, filled: bool) -> None:
    with open_store(settings) as store:
        if filled:
            store.put([Update(offer(), history()), Update(offer("B000000002"), None)])
    report = backtest.run(settings, run_id="r1", now=float(to_unix(8_000_000)))
    document = report.to_dict()
    assert (document["price"], document["sales"], document["profit"]) == (None, None, None)
    assert document["why_not"] == backtest.NOTHING
    assert report.summary() == {"products": 0, "missed": 0}


def test_of_a_large_store_the_same_products_are_drawn_each_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtest, "MOST_PRODUCTS", 3)
    stored(settings, market(8))
    one, other = (backtest.run(settings, run_id="r1", now=NOW).found for _ in range(2))
    assert one is not None
    assert (one.price.products, one.price.of_products) == (3, 8)
    assert one == other


@pytest.mark.parametrize(("name", "value"), [("horizon_days", ("0",)), ("horizon_days", ("91",)), ("markets", ("XX",))])
def test_a_horizon_or_marketplace_that_is_none_is_refused(name: str, value: Sequence[str]) -> None:
    with pytest.raises(UsageError, match=name):
        BacktestParameters.parse({name: value})
    # Who typed it knows no positions in a list.
    with pytest.raises(UsageError, match=rf"^{name}: .*got '{value[0]}'"):
        SHIPPED["backtest"].check({name: list(value)})
