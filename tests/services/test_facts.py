"""`arbkit facts`, and the same in a notebook: what is typed in is checked, kept, and outlives the store."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest

import arbkit as arbkit_of_notebooks
from arbkit.core.errors import UsageError
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.store import open_store
from tests.helpers.factories import offer
from tests.helpers.processes import arbkit

ASIN = "B07DVM36PS"


def facts(settings: Settings, *arguments: str) -> list[tuple[str, str, dict[str, object]]]:
    done = arbkit(settings, "facts", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return [(one["market"], one["name"], one["value"]) for one in orjson.loads(done.stdout)["items"]]


def test_what_is_typed_in_is_kept_until_it_is_unset(settings: Settings) -> None:
    sides = {"length_mm": 510, "width_mm": 470, "height_mm": 450}
    assert facts(settings, "set", ASIN, "--size-mm", "510x450x470") == [("", "package", sides)]
    # A weight alone leaves the sides.
    assert facts(settings, "set", ASIN, "--weight-g", "14000") == [("", "package", {**sides, "weight_g": 14_000})]
    facts(settings, "set", ASIN, "--market", "de", "--vat-class", "books", "--category", "Books")
    assert [one[:2] for one in facts(settings, "list")] == [("", "package"), ("DE", "category"), ("DE", "vat_class")]
    assert arbkit(settings, "facts", "unset", ASIN, "category", "--market", "DE").returncode == 0
    assert arbkit(settings, "facts", "unset", ASIN, "category", "--market", "DE").returncode == 2
    assert [one[:2] for one in facts(settings, "list", ASIN)] == [("", "package"), ("DE", "vat_class")]


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        (["--size-mm", "0x450x470"], ["height_mm", "got 0", "1 to 3,000"]),
        (["--size-mm", "9000x450x470"], ["length_mm", "got 9000", "1 to 3,000"]),
        (["--size-mm", "51 x 45"], ["size_mm", "510x450x470"]),
        (["--weight-g", "0"], ["weight_g", "got 0", "1 to 200,000"]),
        (["--weight-g", "200001"], ["weight_g", "got 200001", "1 to 200,000"]),
        (["--weight-g", "900", "--market", "US"], ["US"]),
        (["--vat-class", "boooks"], ["vat_class", "boooks", "Did you mean books?"]),
        ([], ["--size-mm"]),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(settings: Settings, typed: list[str], named: list[str]) -> None:
    done = arbkit(settings, "facts", "set", ASIN, *typed)
    assert done.returncode == 2
    for word in named:
        assert word in done.stderr
    assert facts(settings, "set", ASIN, "--weight-g", "900") == [("", "package", {"weight_g": 900})]


@pytest.mark.parametrize("command", [["init"], ["init", "--migrate"], ["replay", "--json"]])
def test_what_is_typed_in_comes_into_a_new_store(settings: Settings, command: list[str]) -> None:
    facts(settings, "set", ASIN, "--weight-g", "900")
    another = settings.model_copy(update={"store": f"sqlite:///{settings.home}/another.db"})
    assert arbkit(settings, "init").returncode == 0
    assert arbkit(another, *command).returncode == 0
    assert facts(another, "list") == [("", "package", {"weight_g": 900})]


def test_a_size_is_typed_in_from_a_notebook_too_and_prices_at_once(settings: Settings) -> None:
    at = int(time.time())
    with open_store(settings) as store:
        for code, cents in (("IT", 2_000), ("DE", 3_000)):
            store.put([Update(offer(ASIN, code, price_minor=cents, price_at=at, shipping_minor=0), None)])
    with arbkit_of_notebooks.open(settings) as arb:
        before = arb.route(ASIN, "IT", "DE")
        assert before.profit_low != before.profit_high
        assert arb.facts().empty
        kept = arb.set_facts(ASIN, size_mm="51 × 450 x 470")
        assert kept[["asin", "market", "size_mm", "typed_at"]].iloc[0].tolist()[:3] == [ASIN, "", "470x450x51"]
        kept = arb.set_facts(ASIN, weight_g=900)
        assert kept[["size_mm", "weight_g"]].iloc[0].tolist() == ["470x450x51", 900]
        after = arb.route(ASIN, "IT", "DE")
        assert after.profit_low == after.profit == after.profit_high != before.profit
        arb.set_facts(ASIN, market="DE", vat_class="books")
        assert facts(settings, "list") == [
            ("", "package", {"length_mm": 470, "width_mm": 450, "height_mm": 51, "weight_g": 900}),
            ("DE", "vat_class", {"vat_class": "books"}),
        ]
        assert arb.unset_facts(ASIN, "package")["vat_class"].tolist() == ["books"]
        assert len(arb.facts(ASIN)) == len(arb.facts([ASIN, "B000000002"])) == 1
        assert arb.unset_facts(ASIN, market="DE").empty
        assert arb.route(ASIN, "IT", "DE").to_dict() == before.to_dict()


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ({"size_mm": "0x450x470"}, ["height_mm", "got 0", "1 to 3,000"]),
        ({"size_mm": "9000x450x470"}, ["length_mm", "got 9000", "1 to 3,000"]),
        ({"size_mm": "51x45"}, ["size_mm", "510x450x470"]),
        ({"weight_g": 0}, ["weight_g", "got 0", "1 to 200,000"]),
        ({"weight_g": 0.5}, ["weight_g"]),
        ({"weight_g": 900, "market": "US"}, ["US"]),
        ({"wieght_g": 900}, ["weight_g"]),
        ({}, ["size_mm"]),
    ],
)
def test_a_notebook_is_refused_what_the_command_is(settings: Settings, typed: dict[str, Any], named: list[str]) -> None:
    with arbkit_of_notebooks.open(settings) as arb, pytest.raises(UsageError) as refused:
        arb.set_facts(ASIN, **typed)
    for word in named:
        assert word in str(refused.value)
    assert facts(settings, "set", ASIN, "--weight-g", "900") == [("", "package", {"weight_g": 900})]


def test_what_was_not_typed_in_cannot_be_taken_back(settings: Settings) -> None:
    with arbkit_of_notebooks.open(settings) as arb:
        arb.set_facts(ASIN, weight_g=900)
        for names, market in (((), "DE"), (("category",), "")):
            with pytest.raises(UsageError, match="nothing of that was typed in"):
                arb.unset_facts(ASIN, *names, market=market)
        assert len(arb.facts(ASIN)) == 1
