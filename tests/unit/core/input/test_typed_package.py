"""Sizes that are typed in: what no goods can be is refused with a question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbkit.core.errors import UsageError
from arbkit.core.offers.facts import Fact


@pytest.mark.parametrize(("sides", "weight_g"), [((61, 31, 9), 1_900), ((24, 18, 9), 2_000), ((36, 10, 10), 800)])
def test_centimetres_typed_as_millimetres_are_refused(sides: tuple[int, int, int], weight_g: int) -> None:
    value = {**dict(zip(("length_mm", "width_mm", "height_mm"), sides, strict=True)), "weight_g": weight_g}
    with pytest.raises(UsageError, match="are the sides centimetres"):
        Fact.of("B000000001", "package", value, at=0)
    ten = {name: size * 10 if name != "weight_g" else size for name, size in value.items()}
    assert Fact.of("B000000001", "package", ten, at=0).value.model_dump() == ten


@given(st.lists(st.integers(10, 3_000), min_size=3, max_size=3), st.floats(0.001, 19.3))
def test_whatever_is_as_dense_as_real_goods_is_taken(sides: list[int], density: float) -> None:
    length, width, height = sides
    weight = min(200_000, max(1, int(length * width * height / 1_000 * density)))
    value = {"length_mm": length, "width_mm": width, "height_mm": height, "weight_g": weight}
    assert Fact.of("B000000001", "package", value, at=0).value.model_dump() == value
