"""Which sales a filter holds."""

from __future__ import annotations

import pytest

from arbkit.core.errors import UsageError
from arbkit.core.sales.filter import SalesFilter
from tests.helpers.sales import refund, sale


@pytest.mark.parametrize(
    ("asked", "held"),
    [
        ({}, [1, 2, 90]),
        ({"asin": "b000000001"}, [1, 2, 90]),
        ({"asin": "B000000002"}, []),
        ({"marketplace": "de", "sku": "SKU-1"}, [1, 90]),
        ({"sku": "sku-1"}, []),
        ({"order": "o-2"}, [2]),
        ({"kind": "refund"}, [90]),
        ({"from": "2026-11-02", "to": "2026-11-02"}, [1]),
        ({"from": "2026-11-03"}, [2, 90]),
        ({"to": "2026-11-03"}, [1, 2]),
    ],
)
def test_a_line_is_held_by_all_that_is_asked_for(asked: dict[str, str], held: list[int]) -> None:
    lines = [sale(1), sale(2, day="2026-11-03", sku=None), refund(90)]
    wanted = SalesFilter.parse(asked)
    assert [line.id for line in lines if wanted.holds(line)] == [f"s1:{number}" for number in held]


def test_the_first_day_is_not_after_the_last() -> None:
    with pytest.raises(UsageError, match="from: is after to"):
        SalesFilter.parse({"from": "2026-11-03", "to": "2026-11-02"})
