"""How many pages there is room for."""

from __future__ import annotations

from pathlib import Path

import pytest
from traitlets.config import Config

from arbkit.web.dashboards.server import room as module
from arbkit.web.dashboards.server.room import Room, memory_limit, room
from tests.helpers.compose import load

MIB = 1 << 20


def test_without_a_limit_it_is_what_the_settings_say_and_every_page_is_drawn_beforehand() -> None:
    assert room(10, None, kinds=3) == Room(10, 3)
    assert room(10, 64_000 * MIB, kinds=3) == Room(10, 3)


@pytest.mark.parametrize("memory", range(300, 3000, 100))
@pytest.mark.parametrize("wanted", [1, 4, 10])
def test_what_is_open_fits_into_the_memory(memory: int, wanted: int) -> None:
    found = room(wanted, memory * MIB, kinds=3)
    assert 1 <= found.pages <= wanted
    assert found.bytes <= memory * MIB


def test_there_is_always_room_for_one() -> None:
    assert room(10, 64 * MIB, kinds=3) == Room(1, 0)


def test_the_container_of_the_dashboards_holds_one_page_of_each_kind() -> None:
    limit = int(load()["services"]["dashboards"]["mem_limit"].removesuffix("m")) * MIB
    found = room(10, limit, kinds=3)
    assert found.pages >= 3
    assert found.bytes <= limit


@pytest.mark.parametrize(("warm", "first", "others"), [(3, 1, 1), (1, 1, 0), (0, 0, 0)])
def test_voila_is_told_which_pages_to_draw_beforehand(warm: int, first: int, others: int) -> None:
    config = Config()
    Room(4, warm).configure(config)
    pools = config.VoilaKernelManager.kernel_pools_config
    assert (pools["opportunities.ipynb"]["pool_size"], pools["default"]["pool_size"]) == (first, others)


@pytest.mark.parametrize(
    ("text", "limit"), [("max\n", None), ("771751936\n", 771_751_936), ("9223372036854771712\n", None), (None, None)]
)
def test_the_limit_is_read_from_the_control_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, limit: int | None
) -> None:
    if text is not None:
        (tmp_path / "memory.max").write_text(text)
    monkeypatch.setattr(module, "_LIMITS", (tmp_path / "none", tmp_path / "memory.max"))
    assert memory_limit() == limit
