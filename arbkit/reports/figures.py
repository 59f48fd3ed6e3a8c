"""Pictures of a report's main figures: the notebook keeps them, the process that runs it draws them as PNG.

All figures of a run are drawn in one browser, which starts when the notebook has kept the first of them and works
beside it. plotly.js comes from the package; nothing is fetched. Without a browser, or where drawing fails, the
report succeeds all the same and says which picture is missing and why.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any, TypedDict

import orjson
import plotly.graph_objects as go

__all__ = ["FIGURES", "Picture", "draw", "keep"]

FIGURES = "figures"
"""Where a notebook leaves its figures while it runs."""

_LOOK_S = 0.05
_LONGEST_S = 60.0
_WIDTH, _HEIGHT, _SCALE = 1100, 480, 2


class Picture(TypedDict):
    """A picture by the name its notebook gave it: its ``file`` in the run's folder, or why it is ``missing``."""

    name: str
    file: str | None
    missing: str | None


def keep(run_dir: str | Path | None, name: str, figure: go.Figure, *, title: str = "", demo: bool = False) -> None:
    """Have ``figure`` drawn as ``NAME.png`` of the run; by hand (``run_dir`` None) nothing is kept.

    A picture goes round alone: ``title`` goes before the figure's own, and ``demo`` says that it is invented.
    """
    if run_dir is None:
        return
    parts = [escape(title), figure.layout.title.text or "", "DEMO: invented products and prices" if demo else ""]
    spec = {**figure.to_plotly_json()}
    spec["layout"] = {
        **spec["layout"],
        "title": {
            "text": "<br>".join(p for p in parts if p),
            "font": {"size": 15},
            "y": 1,
            "yanchor": "top",
            "pad": {"t": 14},
        },
    }
    margin = {**spec["layout"].get("margin", {}), "t": 34 + 20 * sum(map(bool, parts))}
    folder = Path(run_dir) / FIGURES
    folder.mkdir(exist_ok=True)
    fresh = folder / f".{name}"
    fresh.write_text(go.Figure({**spec, "layout": {**spec["layout"], "margin": margin}}).to_json(), "utf-8")
    fresh.replace(folder / f"{name}.json")


def draw(folder: Path, *, done: threading.Event, expected: bool = False, why_not: str | None = None) -> list[Picture]:
    """Draw what a notebook keeps in ``folder`` until it is ``done``; ``why_not``: only name them, with this reason.

    ``expected``: have the browser ready before there is a figure.
    """
    if why_not is not None:
        done.wait()
        return [_missing(path, why_not) for path in _kept(folder)]
    return asyncio.run(_drawn(folder, done, _Browser(), expected=expected))


def _kept(folder: Path) -> list[Path]:
    return sorted((folder / FIGURES).glob("[!.]*.json"))


def _missing(path: Path, why: str) -> Picture:
    return {"name": path.stem, "file": None, "missing": why}


async def _appearing(folder: Path, done: threading.Event) -> AsyncIterator[Path]:
    """Each figure once, as soon as it is kept."""
    seen: set[Path] = set()
    while True:
        last = done.is_set()
        for path in _kept(folder):
            if path not in seen:
                seen.add(path)
                yield path
        if last:
            return
        await asyncio.sleep(_LOOK_S)


async def _drawn(folder: Path, done: threading.Event, browser: _Browser, *, expected: bool) -> list[Picture]:
    drawn: list[Picture] = []
    try:
        if expected:
            await browser.start()
        async for path in _appearing(folder, done):
            await browser.start()
            why = browser.why_not
            if why is None:
                try:
                    image = await asyncio.wait_for(_png(browser.running, path), _LONGEST_S)
                    (folder / f"{path.stem}.png").write_bytes(image)
                except Exception as error:  # noqa: BLE001 - whatever fails here must not fail the report
                    why = _words(error)
            drawn.append({"name": path.stem, "file": None if why else f"{path.stem}.png", "missing": why})
    finally:
        await browser.stop()
    return drawn


class _Browser:
    """Started at most once; ``why_not`` says why it does not run."""

    def __init__(self) -> None:
        self.running: Any = None
        self.why_not: str | None = None

    async def start(self) -> None:
        if self.running is not None or self.why_not is not None:
            return
        try:
            from kaleido import Kaleido

            browser = Kaleido(n=1, timeout=_LONGEST_S, mathjax=False)
            await asyncio.wait_for(browser.open(), _LONGEST_S)
            self.running = browser
        except Exception as error:  # noqa: BLE001 - as above
            self.why_not = _words(error)

    async def stop(self) -> None:
        if self.running is not None:
            with suppress(Exception):
                await asyncio.wait_for(self.running.close(), _LONGEST_S)


async def _png(browser: Any, path: Path) -> bytes:
    figure = orjson.loads(path.read_bytes())
    height = figure.get("layout", {}).get("height", _HEIGHT)
    options = {"format": "png", "width": _WIDTH, "height": height, "scale": _SCALE}
    image: bytes = await browser.calc_fig(figure, opts=options)
    return image


def _words(error: Exception) -> str:
    if type(error).__name__ == "ChromeNotFoundError":
        return "there is no Chrome or Chromium on this machine"
    if isinstance(error, TimeoutError):
        return f"the browser did not answer within {_LONGEST_S:g} s"
    return f"the browser failed: {error or type(error).__name__}".splitlines()[0]
