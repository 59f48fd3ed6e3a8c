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


def test_the_container_of_the_dashboards_holds_six_pages_and_one_drawn_beforehand() -> None:
    limit = int(load()["services"]["dashboards"]["mem_limit"].removesuffix("m")) * MIB
    found = room(6, limit, kinds=4)
    assert found == Room(6, 1)
    assert found.bytes <= limit


@pytest.mark.parametrize(("warm", "first"), [(3, 1), (1, 1), (0, 0)])
def test_voila_is_told_whether_to_draw_the_first_page_beforehand(warm: int, first: int) -> None:
    config = Config()
    Room(4, warm).configure(config)
    # A page of the user's own runs when it is opened.
    assert config.VoilaKernelManager.kernel_pools_config == {
        "default": {"pool_size": 0}, "opportunities.ipynb": {"pool_size": first},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("groups", "files", "limit"),
    [
        # A container sees its own group as the root.
        ("0::/\n", {"memory.max": "771751936\n"}, 771_751_936),
        ("0::/\n", {"memory.max": "max\n"}, None),
        ("0::/\n", {}, None),
        ("4:memory:/\n0::/\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ("4:memory:/\n1:cpu:/\n", {"memory/memory.limit_in_bytes": "771751936\n"}, 771_751_936),
        # Docker without a namespace of groups: the path is the host's, and only the root is there.
        ("4:memory:/docker/1f\n", {"memory/memory.limit_in_bytes": "771751936\n"}, 771_751_936),
        # A unit of systemd: the tightest of all groups around it holds.
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "500\n", "memory.max": "600\n"}, 500),
        (None, {"memory.max": "771751936\n"}, None),
    ],
)
def test_the_limit_is_read_from_the_control_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: str | None, files: dict[str, str], limit: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fs" / name).write_text(text)
    if groups is not None:
        (tmp_path / "cgroup").write_text(groups)
    monkeypatch.setattr(module, "_GROUPS", tmp_path / "fs")
    monkeypatch.setattr(module, "_OWN_GROUPS", tmp_path / "cgroup")
    assert memory_limit() == limit
