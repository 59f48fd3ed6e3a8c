"""Which pages are drawn beforehand, and when: whoever has just come waits for the first one alone."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from typing import Any

import pytest
from voila.voila_kernel_manager import voila_kernel_manager_factory

from arbkit.web.dashboards.server import kernels as module
from arbkit.web.dashboards.server.kernels import DashboardKernels, draw_in_turn
from arbkit.web.dashboards.server.room import Room

FIRST = "opportunities.ipynb"


class Kernels:
    """As Voilà extends them, with pages that are drawn when the test says so."""

    def __init__(self, *, fails: str = "") -> None:
        self.kernel_pools_config: dict[str, dict[str, int]] = {}
        self.begun: list[str] = []
        self._pools: dict[str, list[asyncio.Future[Any]]] = {}
        self._drawing: dict[str, asyncio.Future[None]] = {}
        self._fails = fails

    def fill_if_needed(self, *, delay: float, notebook_name: str) -> None:
        assert delay == 0
        self.begun.append(notebook_name)
        self._pools[notebook_name] = [asyncio.ensure_future(self._start(notebook_name))]

    async def _start(self, name: str) -> dict[str, Any]:
        if name == self._fails:
            raise RuntimeError("its kernel could not be started")
        self._drawing[name] = asyncio.get_running_loop().create_future()
        return {"task": self._drawing[name]}

    async def drawn(self, name: str) -> None:
        self._drawing[name].set_result(None)
        await settled()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLED_S", 0)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_the_other_pages_follow_one_after_another_once_the_first_is_drawn() -> None:
    async def act() -> None:
        kernels = Kernels()
        kernels.fill_if_needed(delay=0, notebook_name=FIRST)
        turn = asyncio.ensure_future(draw_in_turn(kernels, ["product.ipynb", "alerts.ipynb"]))
        await settled()
        assert kernels.begun == [FIRST]
        await kernels.drawn(FIRST)
        assert kernels.begun == [FIRST, "product.ipynb"]
        await kernels.drawn("product.ipynb")
        await turn
        assert kernels.begun == [FIRST, "product.ipynb", "alerts.ipynb"]
        assert kernels.kernel_pools_config == {"product.ipynb": {"pool_size": 1}, "alerts.ipynb": {"pool_size": 1}}

    run(act())


def test_a_page_whose_kernel_cannot_be_started_holds_up_no_other() -> None:
    async def act() -> None:
        kernels = Kernels(fails=FIRST)
        kernels.fill_if_needed(delay=0, notebook_name=FIRST)
        await draw_in_turn(kernels, ["product.ipynb"])
        assert kernels.begun == [FIRST, "product.ipynb"]

    run(act())


def test_one_more_of_the_first_page_is_kept_at_last() -> None:
    async def act() -> None:
        kernels = Kernels()
        kernels.kernel_pools_config = {FIRST: {"pool_size": 1}}
        await draw_in_turn(kernels, [FIRST])
        assert kernels.kernel_pools_config == {FIRST: {"pool_size": 2}}

    run(act())


def test_where_memory_allows_one_page_only_the_first_is_drawn_beforehand() -> None:
    assert (Room(4, 1).later, Room(4, 0).later) == ((), ())
    *others, last = Room(4, 5).later
    assert set(others) == {"product.ipynb", "alerts.ipynb", "pipeline.ipynb"}
    # Once more, for who opens two of them.
    assert last == FIRST


def test_voila_still_keeps_what_it_draws_where_it_is_waited_for() -> None:
    made = voila_kernel_manager_factory(
        DashboardKernels, preheat_kernel=True, default_pool_size=1, page_config_hook=None
    )
    assert "pool.append(task)" in inspect.getsource(made.fill_if_needed)
    assert '"task": task' in inspect.getsource(made._initialize)
