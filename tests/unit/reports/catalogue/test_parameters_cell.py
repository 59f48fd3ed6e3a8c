"""The parameters of a notebook are read from its tagged cell, typed and with their help, and nothing of it is run."""

from __future__ import annotations

from typing import Any

import pytest

from arbkit.core.errors import ConfigError, UsageError
from arbkit.reports.catalogue.parameters_cell import read_parameters
from arbkit.reports.catalogue.report import Report

CELL = '''
"""What can be given."""
from typing import Literal

top: int = 10  # maximum rows
# The least that one unit earns,
# in the home currency.
min_profit: float = 5

share = 0.5
names: list[str] = ["DE", "FR"]  # marketplaces
sizes = [1, 2]
brand = None
since: str | None = None  # a day
how: Literal["fba", "fbm"] = "fba"
on = off = True
run_id = "by-hand"
run_dir = None
'''


def report(cell: str) -> Report:
    return Report("mine", read_parameters(cell, "mine", field="mine.ipynb"), "a test")


def test_each_has_its_type_default_and_help() -> None:
    fields = report(CELL).parameters.model_fields
    assert {name: field.default for name, field in fields.items()} == {
        "top": 10, "min_profit": 5, "share": 0.5, "names": ("DE", "FR"), "sizes": (1, 2), "brand": None, "since": None,
        "how": "fba", "on": True, "off": True,
    }  # fmt: skip
    helps = {name: field.description for name, field in fields.items() if field.description}
    assert helps == {
        "top": "maximum rows", "min_profit": "The least that one unit earns, in the home currency.",
        "names": "marketplaces", "since": "a day",
    }  # fmt: skip


def test_what_is_given_is_typed_by_them() -> None:
    given = report(CELL)
    words = ["top=3", "min_profit=2", "names=IT, ES", "sizes=4", "how=fbm", "on=no", "since=2026-08-01"]
    assert given.check(given.parse(words)) == {
        "top": 3, "min_profit": 2.0, "names": ["IT", "ES"], "sizes": [4], "how": "fbm", "on": False,
        "since": "2026-08-01",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"tpo": 3}, "Did you mean top?"),
        ({"top": "many"}, "It means: maximum rows"),
        ({"top": 2.5}, "top"),
        ({"how": "fb"}, "how"),
        ({"sizes": ["x"]}, "sizes"),
        ({"run_id": "x"}, "no such parameter"),
    ],
)
def test_what_does_not_fit_is_refused_before_a_run(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says.replace("?", r"\?")):
        report(CELL).check(given)


def test_without_such_a_cell_nothing_can_be_given() -> None:
    with pytest.raises(UsageError, match="no such parameter"):
        report("").check({"top": 1})


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("x = 1\nday = today()", r"line 2: its value is computed"),
        ("__import__('os').abort()", "line 1: assigns no plain value"),
        ("for x in range(3): pass", "assigns no plain value"),
        ("x = ", "line 1: is no Python"),
        ("%matplotlib inline", "is no Python"),
        ("a, b = 1, 2", "assigns no plain value"),
        ("x: int", "assigns no plain value"),
        ("x += 1", "assigns no plain value"),
        ("x: os.PathLike = 1", "has no type that can be checked: os.PathLike"),
        ("x: int = 'a'", "parameter x: "),
        ("x = {}", "is of a type that cannot be given"),
        ("x = [1, 'a']", "is of a type that cannot be given"),
        ("model_fields = 1", "cannot be the name of a parameter"),
        ("_x = 1", "cannot be the name of a parameter"),
        ("x = " + "(" * 5_000, "is no Python"),
        ("x = '\0'", "is no Python"),
    ],
)
def test_a_cell_that_does_anything_else_is_refused_with_its_line(cell: str, says: str) -> None:
    with pytest.raises(ConfigError, match=f"mine.ipynb: .*{says}"):
        report(cell)
