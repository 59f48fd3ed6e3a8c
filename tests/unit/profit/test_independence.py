"""Money is pure: it knows no settings, no files of the user's and no service."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import arbkit.profit

ROOM = Path(arbkit.profit.__file__).parent
FORBIDDEN = ("arbkit.core.settings", "arbkit.core.files", "requests", "elasticsearch", "confluent_kafka", "sqlite3")
ALLOWED = (
    "arbkit.core.errors",
    "arbkit.core.input.faults",
    "arbkit.core.keepa_time",
    "arbkit.core.marketplaces",
    "arbkit.core.offers.categories",
    "arbkit.core.results",
    "arbkit.profit",
)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", sorted(ROOM.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOM)))
def test_profit_imports_nothing_but_what_it_computes_with(path: Path) -> None:
    names = list(imported(path))
    assert not [name for name in names if name.startswith(FORBIDDEN)]
    assert not [name for name in names if name.startswith("arbkit") and not name.startswith(ALLOWED)]
