"""PNG pictures of a report's main figures: the notebook keeps the figures, the process that runs it draws them.

All figures of a run are drawn in one browser, which starts with the notebook and works in parallel to it. plotly.js
comes from the package; nothing is fetched. Without a browser, or where drawing fails, the report still succeeds and
says which picture is missing and why.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import plotly.graph_objects as go
from markupsafe import Markup
from pydantic import JsonValue

from arbkit.reports.run_folders import Picture

FIGURES = "figures"
"""The folder, in that of the run, where a notebook keeps its figures while it runs."""

_POLL_S = 0.05
_TIMEOUT_S = 60.0
_MOST = 20
"""Figures of one notebook that are drawn: each takes about a second."""
_WIDTH, _HEIGHT, _SCALE = 1100, 480, 2


def keep(run_dir: str | Path | None, name: str, figure: go.Figure, *, title: str = "", demo: bool = False) -> None:
    """Have ``figure`` drawn as ``NAME.png`` of the run; without a run (``run_dir`` None) nothing happens.

    Pictures get passed on alone, so ``title`` is put above the figure's own and ``demo`` marks it as invented.
    """
    if run_dir is None:
        return
    own = Markup(figure.layout.title.text or "")  # noqa: S704 - plotly's markup already
    parts = [part for part in (title, own, "DEMO: invented products and prices" if demo else "") if part]
    text = str(Markup("<br>").join(parts))
    titled = go.Figure(figure).update_layout(margin_t=34 + 20 * len(parts))
    titled.layout.title = {"text": text, "font": {"size": 15}, "y": 1, "yanchor": "top", "pad": {"t": 14}}
    folder = Path(run_dir) / FIGURES
    folder.mkdir(exist_ok=True)
    fresh = folder / f".{name}"
    fresh.write_text(titled.to_json(), "utf-8")
    fresh.replace(folder / f"{name}.json")


def keep_displayed(run_dir: Path, figures: Sequence[Mapping[str, JsonValue]]) -> None:
    """Have the figures that a notebook shows drawn as ``figure-01.png`` and so on, unless it kept some itself."""
    folder = run_dir / FIGURES
    if folder.exists() or not figures:
        return
    folder.mkdir()
    for number, figure in enumerate(figures[:_MOST], 1):
        fresh = folder / f".figure-{number:02}"
        fresh.write_bytes(orjson.dumps({"data": figure.get("data", []), "layout": figure.get("layout", {})}))
        fresh.replace(folder / f"figure-{number:02}.json")


def draw(folder: Path, *, done: threading.Event, wanted: bool) -> list[Picture]:
    """Draw the figures that a notebook keeps in ``folder`` until it is ``done``.

    Args:
        folder: of the run.
        done: set when the notebook has ended.
        wanted: whether to draw them; the browser starts before there is a figure.
    """
    if wanted:
        return asyncio.run(_drawn(folder, done))
    done.wait()
    return [_picture(path, "no pictures were asked for") for path in _kept(folder)]


def _kept(folder: Path) -> list[Path]:
    return sorted((folder / FIGURES).glob("[!.]*.json"))


def _picture(path: Path, missing: str | None) -> Picture:
    return {"name": path.stem, "file": None if missing else f"{path.stem}.png", "missing": missing}


async def _appearing(folder: Path, done: threading.Event) -> AsyncIterator[Path]:
    """Each kept figure once, as soon as it appears."""
    seen: set[Path] = set()
    last = False
    while not last:
        last = done.is_set()
        for path in _kept(folder):
            if path not in seen:
                seen.add(path)
                yield path
        await asyncio.sleep(0 if last else _POLL_S)


async def _drawn(folder: Path, done: threading.Event) -> list[Picture]:
    browser, why_not = await _started()
    drawn: list[Picture] = []
    try:
        async for path in _appearing(folder, done):
            why = why_not
            if browser is not None:
                try:
                    image = await asyncio.wait_for(_png(browser, path), _TIMEOUT_S)
                    (folder / f"{path.stem}.png").write_bytes(image)
                except Exception as error:  # noqa: BLE001 - no failure here may fail the report
                    why = _describe(error)
            drawn.append(_picture(path, why))
    finally:
        if browser is not None:
            with suppress(Exception):
                await asyncio.wait_for(browser.close(), _TIMEOUT_S)
    return drawn


async def _started() -> tuple[Any, str | None]:
    """A browser and None, or None and why there is none."""
    try:
        from kaleido import Kaleido

        browser = Kaleido(n=1, timeout=_TIMEOUT_S, mathjax=False)
        await asyncio.wait_for(browser.open(), _TIMEOUT_S)
    except Exception as error:  # noqa: BLE001 - as below
        return None, _describe(error)
    return browser, None


async def _png(browser: Any, path: Path) -> bytes:
    figure = orjson.loads(path.read_bytes())
    height = figure.get("layout", {}).get("height", _HEIGHT)
    options = {"format": "png", "width": _WIDTH, "height": height, "scale": _SCALE}
    image: bytes = await browser.calc_fig(figure, opts=options)
    return image


def _describe(error: Exception) -> str:
    if type(error).__name__ == "ChromeNotFoundError":
        return "there is no Chrome or Chromium on this machine"
    if isinstance(error, TimeoutError):
        return f"the browser did not answer within {_TIMEOUT_S:g} s"
    return f"the browser failed: {error or type(error).__name__}".splitlines()[0]
