"""A page that cannot be drawn says so: Voilà's own handler would keep the browser waiting for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
import voila.handler
from tornado.httputil import HTTPHeaders
from voila.configuration import VoilaConfiguration

import arbkit.web.dashboards.server.pages
from arbkit.web.dashboards.server.kernels import Reservation
from arbkit.web.dashboards.server.pages import PageHandler, _Reserved
from arbkit.web.dashboards.server.plain import RefusalError

PAGE = "opportunities.ipynb"


class Kernels:
    """Kernels without processes; ``start_s`` is how long one takes to start."""

    notebook_data: dict[str, Any] = {}  # noqa: RUF012 - as Voilà has it

    def __init__(self, start_s: float) -> None:
        self._start_s = start_s
        self.alive: set[str] = set()

    def __contains__(self, kernel_id: str) -> bool:
        return kernel_id in self.alive

    def get_pool_size(self, _: str) -> int:
        return 0

    def get_kernel(self, kernel_id: str) -> str:
        return kernel_id

    async def start_kernel(self, **_: Any) -> str:
        await asyncio.sleep(self._start_s)
        self.alive.add("page")
        return "page"

    async def give_up(self, kernel_id: str) -> None:
        self.alive.discard(kernel_id)


class Drawing:
    """What draws a page: two pieces, and what happens between them."""

    notebook = SimpleNamespace(metadata=SimpleNamespace(kernelspec=SimpleNamespace(name="python3")))
    kernels: Kernels
    between = "nothing"

    def __init__(self, **_: Any) -> None: ...

    async def initialize(self, **_: Any) -> None: ...

    async def generate_content_generator(self, *_: Any) -> AsyncIterator[tuple[str, None]]:
        yield "<head>", None
        match self.between:
            case "fails":
                raise RuntimeError("Kernel didn't respond in 60 seconds")
            case "hangs":
                await asyncio.Event().wait()
            case "ends":
                self.kernels.alive.clear()
                await asyncio.Event().wait()
        yield "<body>", None


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Draws a page as Voilà does: what came, and whether its kernel lives."""
    monkeypatch.setattr(voila.handler, "NotebookRenderer", Drawing)
    monkeypatch.setattr(voila.handler, "get_page_config", lambda **_: {})

    async def run(between: str, start_s: float, limit_s: float) -> tuple[str, bool]:
        monkeypatch.setattr(arbkit.web.dashboards.server.pages, "DRAWN_S", limit_s)
        kernels = Kernels(start_s)
        monkeypatch.setattr(Drawing, "kernels", kernels, raising=False)
        monkeypatch.setattr(Drawing, "between", between)
        handler: Any = PageHandler.__new__(PageHandler)
        handler.notebook_path = handler.prelaunch_hook = handler.page_config_hook = None
        handler.template_paths, handler.traitlet_config = [], None
        handler.request = SimpleNamespace(
            path=PAGE, query="", version="1.1", host="127.0.0.1", headers={}, arguments={}, full_url=lambda: ""
        )
        names = ("config_manager", "contents_manager", "kernel_spec_manager", "mathjax_url", "mathjax_config")
        handler.application = SimpleNamespace(settings={**dict.fromkeys(names), "base_url": "/"})
        handler.voila_configuration = VoilaConfiguration(http_keep_alive_timeout=1)
        handler._headers, handler._headers_written = HTTPHeaders(), False
        handler._reserved = _Reserved(kernels, Reservation(lambda _: None))
        pieces = []
        async for piece in handler.get_generator(PAGE):
            handler._headers_written = True
            pieces.append(piece)
        return "".join(pieces), "page" in kernels

    return lambda between, *, start_s=0.0, limit_s=300.0: asyncio.run(
        asyncio.wait_for(run(between, start_s, limit_s), 120)
    )


def test_a_page_is_drawn_as_ever(draw: Any) -> None:
    assert draw("nothing") == ("<head><body>", True)


def test_a_page_whose_kernel_ends_is_told_at_once(draw: Any) -> None:
    shown, _ = draw("ends")
    assert shown.startswith("<head>")
    assert "could not be drawn" in shown


@pytest.mark.parametrize("between", ["fails", "hangs"])
def test_a_page_whose_drawing_fails_or_hangs_is_told_in_time_and_leaves_its_room(draw: Any, between: str) -> None:
    shown, is_alive = draw(between, limit_s=3.0)
    assert shown.startswith("<head>")
    assert "could not be drawn" in shown
    assert not is_alive


def test_a_page_whose_kernel_never_starts_is_refused(draw: Any) -> None:
    with pytest.raises(RefusalError) as refused:
        draw("nothing", start_s=600.0, limit_s=1.0)
    assert refused.value.status_code == 503
    assert "could not be drawn" in refused.value.text


def test_a_slow_start_is_waited_for(draw: Any) -> None:
    assert draw("nothing", start_s=1.5) == ("<head><body>", True)
