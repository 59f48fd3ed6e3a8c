"""Offers that are made in the quick way are offers like any other."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from arbkit.core.models import Offer, new_offer
from tests.helpers.factories import offer


def values_of(one: Offer) -> dict[str, Any]:
    return {f.name: getattr(one, f.name) for f in fields(Offer)}


def test_an_offer_made_quickly_equals_one_of_the_constructor() -> None:
    plain = offer(title="Ball", eans=("4006381333931",))
    quick = new_offer(**values_of(plain))
    assert (quick, type(quick), hash(quick)) == (plain, Offer, hash(plain))
    assert Offer.of_values(list(values_of(plain).values())) == plain
    assert repr(quick) == repr(plain)


def test_what_is_left_out_has_its_default() -> None:
    required = {f.name: getattr(offer(), f.name) for f in fields(Offer) if f.name in _REQUIRED}
    assert new_offer(**required) == Offer(**required)


@pytest.mark.parametrize("given", [{"asin": "B000000001"}, {"colour": "red"}])
def test_a_field_too_few_or_too_many_is_refused_as_the_constructor_does(given: dict[str, Any]) -> None:
    for make in (Offer, new_offer):
        with pytest.raises(TypeError):
            make(**given)


def test_an_offer_made_quickly_cannot_be_changed_but_copied() -> None:
    one = Offer.of_values(list(values_of(offer()).values()))
    with pytest.raises(FrozenInstanceError):
        one.title = "another"  # type: ignore[misc]
    assert copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one  # noqa: S301 - our own
    assert replace(one, title="another").title == "another"


_REQUIRED = ("asin", "market", "version", "origin", "fetched_at", "updated_at", "currency")
