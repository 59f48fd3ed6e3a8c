"""`arbkit facts`: what is typed in is checked, kept, and outlives the store."""

from __future__ import annotations

import orjson
import pytest

from arbkit.core.settings import Settings
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
