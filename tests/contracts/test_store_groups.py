"""Opportunities in groups, counted and added up by both kinds of store alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from arbkit.core.input.filters import FIGURES_AT_LEAST, FIGURES_AT_MOST
from arbkit.store import OpportunityQuery, Store
from arbkit.store.grouping.groups import Group, GroupedBy
from tests.helpers.factories import opportunity
from tests.helpers.routes import store_routes

Open = Callable[[], Store]


@pytest.fixture
def store(opened: Open) -> Store:
    """Six opportunities of four products, and a route that is none."""
    store = opened()
    fields: list[tuple[str, dict[str, Any]]] = [
        ("DE", {"brand": "Acme", "profit": 10.0, "expected_profit": 4.0, "category": "Spielzeug"}),
        ("FR", {"brand": "Acme", "profit": 30.0, "expected_profit": 8.0, "category": "Jeux et Jouets"}),
        ("ES", {"brand": "Acme", "profit": 11.5, "category": "Toys & Games"}),
        ("DE", {"brand": "Bolt", "profit": 5.0, "category": "Of nobody"}),
        ("DE", {"brand": "Bolt", "profit": 7.0, "category": "Of nobody"}),
        ("DE", {"brand": None, "profit": 2.25, "expected_profit": 1.0, "category": None}),
        ("DE", {"brand": "Bolt", "profit": 9.0, "status": "size_unknown"}),
    ]
    asins = ("B000000001", "B000000001", "B000000001", "B000000002", "B000000003", "B000000004", "B000000005")
    store_routes(store, [opportunity(a, target=t, **f) for a, (t, f) in zip(asins, fields, strict=True)])
    return store


def keys(store: Store, by: GroupedBy, **wanted: Any) -> list[tuple[str | None, int]]:
    return [(one.key, one.count) for one in store.groups(OpportunityQuery(**wanted), by)]


def test_a_group_has_count_total_median_best_and_the_mean_of_its_forecasts(store: Store) -> None:
    acme, bolt, unknown = store.groups(OpportunityQuery(), "brand")
    assert acme == Group(
        key="Acme", count=3, total_profit=51.5, median_profit=11.5, best_profit=30.0, with_forecast=2,
        expected_profit=6.0,
    )  # fmt: skip
    # The median of two lies between them; without a forecast nothing is expected.
    assert (bolt.key, bolt.count, bolt.median_profit, bolt.with_forecast, bolt.expected_profit) == (
        "Bolt", 2, 6.0, 0, None,
    )  # fmt: skip
    assert (unknown.key, unknown.count, unknown.total_profit) == (None, 1, 2.25)


def test_a_category_is_one_group_under_all_of_its_names(store: Store) -> None:
    assert keys(store, "category") == [("Toys & Games", 3), ("Of nobody", 2), (None, 1)]


def test_routes_and_marketplaces_are_groups(store: Store) -> None:
    assert keys(store, "route") == [("IT:DE", 4), ("IT:ES", 1), ("IT:FR", 1)]
    assert keys(store, "target") == [("DE", 4), ("ES", 1), ("FR", 1)]
    assert keys(store, "source") == [("IT", 6)]


def test_a_query_narrows_the_groups(store: Store) -> None:
    assert keys(store, "brand", min_profit=6.0) == [("Acme", 3), ("Bolt", 1)]
    assert keys(store, "brand", target="DE", brand="Bolt") == [("Bolt", 2)]
    assert keys(store, "brand", exclude_brands="acme, none") == [("Bolt", 2), (None, 1)]
    assert keys(store, "brand", category="toys") == [("Acme", 3)]
    assert keys(store, "brand", all_routes=True, brand="Bolt") == [("Bolt", 3)]
    assert keys(store, "category", q="nothing of the kind") == []


def test_groups_take_every_bound(store: Store, subtests: pytest.Subtests) -> None:
    for name in (*FIGURES_AT_LEAST, *FIGURES_AT_MOST, "max_age_hours"):
        with subtests.test(name):
            query = OpportunityQuery.model_validate({name: 1})
            found = [sum(one.count for one in store.groups(query, by)) for by in ("category", "brand")]
            assert found == [store.sums(query).count] * 2


def test_groups_and_sums_of_routes_agree(store: Store) -> None:
    routes = store.sums(OpportunityQuery()).routes
    summed = {key: (one["count"], one["total_profit"], one["best_profit"]) for key, one in routes.items()}
    groups = store.groups(OpportunityQuery(), "route")
    assert {one.key: (one.count, one.total_profit, one.best_profit) for one in groups} == summed
