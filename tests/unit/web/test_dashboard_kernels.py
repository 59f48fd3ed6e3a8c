"""When the kernels behind the pages end, and how many pages there may be."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from arbkit.web.dashboards.server.kernels import ABANDONED_S, RECLAIMED_S, UNVISITED_S, DashboardKernels


class Kernels(DashboardKernels):
    """Without processes."""

    now = 0.0

    def __init__(self) -> None:
        super().__init__(cull_idle_timeout=1800, cull_connected=True)
        self.clock = lambda: self.now
        self.ended: list[str] = []
        self.fails = False

    def began(self, kernel_id: str) -> None:
        spec = SimpleNamespace(metadata={})
        kernel = SimpleNamespace(
            execution_state="idle", kernel_spec=spec, kernel_name="k", last_activity=datetime.now(UTC)
        )
        self._kernels[kernel_id] = kernel
        self._kernel_connections[kernel_id] = 0

    async def shutdown_kernel(self, kernel_id: str) -> None:  # type: ignore[override]
        if self.fails:
            raise RuntimeError("a warm kernel could not be started")
        self.ended.append(kernel_id)
        del self._kernels[kernel_id]

    def after(self, seconds: float) -> list[str]:
        """What has ended when the culler looks again every five seconds."""
        for _ in range(int(seconds / 5)):
            self.now += 5
            asyncio.run(self.cull_kernels())  # type: ignore[no-untyped-call]
        return self.ended

    def connect(self, kernel_id: str) -> None:
        self.notify_connect(kernel_id)  # type: ignore[no-untyped-call]

    def disconnect(self, kernel_id: str) -> None:
        self.notify_disconnect(kernel_id)

    def given(self, kernel_id: str) -> None:
        self.began(kernel_id)
        with self.reserve() as reservation:
            reservation.fill(kernel_id)


@pytest.fixture
def kernels() -> Kernels:
    return Kernels()


def test_a_kernel_ends_a_minute_after_its_last_socket_closed(kernels: Kernels) -> None:
    kernels.given("page")
    kernels.connect("page")
    assert kernels.after(600) == []
    kernels.disconnect("page")
    assert kernels.after(ABANDONED_S - 5) == []
    assert kernels.after(5) == ["page"]


def test_a_page_that_comes_back_in_time_keeps_its_kernel(kernels: Kernels) -> None:
    kernels.given("page")
    for _ in range(5):
        kernels.connect("page")
        kernels.after(10)
        kernels.disconnect("page")
        assert kernels.after(ABANDONED_S - 10) == []


def test_a_page_that_no_browser_ever_draws_ends_too(kernels: Kernels) -> None:
    kernels.given("page")
    assert kernels.after(UNVISITED_S - 5) == []
    assert kernels.after(5) == ["page"]


def test_a_page_at_work_is_not_ended(kernels: Kernels) -> None:
    kernels.given("page")
    kernels.get_kernel("page").execution_state = "busy"  # type: ignore[attr-defined]
    assert kernels.after(600) == []


def test_what_is_kept_warm_for_the_next_page_stays(kernels: Kernels) -> None:
    kernels.began("warm")
    assert kernels.after(7200) == []
    assert kernels.open_pages() == 0


def test_pages_are_counted_from_before_they_have_a_kernel_until_it_has_ended(kernels: Kernels) -> None:
    kernels.began("page")
    with kernels.reserve() as reservation:
        assert kernels.open_pages() == 1
        reservation.fill("page")
        assert kernels.open_pages() == 1
    assert kernels.open_pages() == 1
    asyncio.run(kernels.shutdown_kernel("page"))
    assert kernels.open_pages() == 0


def test_a_page_that_vanished_gives_its_room_to_another_at_once(kernels: Kernels) -> None:
    for name in ("first", "second", "open", "new"):
        kernels.given(name)
        if name != "new":
            kernels.connect(name)
    for name in ("second", "first"):
        kernels.disconnect(name)
        kernels.now += 1
    assert not asyncio.run(kernels.make_room()), "a short cut of the network is no end"
    kernels.now += RECLAIMED_S
    assert asyncio.run(kernels.make_room())
    assert kernels.ended == ["second"]
    assert asyncio.run(kernels.make_room())
    assert not asyncio.run(kernels.make_room())
    assert kernels.ended == ["second", "first"]
    assert kernels.open_pages() == 2


def test_a_page_that_gets_no_kernel_leaves_its_room(kernels: Kernels) -> None:
    with pytest.raises(RuntimeError), kernels.reserve():
        raise RuntimeError("a notebook that is none")
    assert kernels.open_pages() == 0


def test_a_kernel_that_could_not_be_ended_is_ended_at_the_next_look(kernels: Kernels) -> None:
    kernels.given("page")
    kernels.connect("page")
    kernels.disconnect("page")
    kernels.fails = True
    assert kernels.after(ABANDONED_S) == []
    assert kernels.open_pages() == 1
    kernels.fails = False
    assert kernels.after(5) == ["page"]
    assert kernels.open_pages() == 0


def test_a_page_that_is_given_up_leaves_its_room_whatever_has_become_of_it(kernels: Kernels) -> None:
    kernels.given("page")
    asyncio.run(kernels.give_up("page"))
    asyncio.run(kernels.give_up("page"))
    asyncio.run(kernels.give_up("another"))
    assert kernels.ended == ["page"]
    assert kernels.open_pages() == 0
