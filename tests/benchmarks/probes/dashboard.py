"""The opportunities page at any commit, without a browser: the server's work for what a user does there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.commands import Home
from tests.benchmarks.layouts import find, page_event
from tests.benchmarks.measuring import Figures, seconds
from tests.benchmarks.probes.base import Probe, fill

__all__ = ["PROBE"]

_PRODUCTS = 3_000
_ROUNDS = 12


class _Page:
    """The page's widget, with what it has sent since the last act."""

    def __init__(self, widget: Any) -> None:
        self._widget = widget
        self._number = 0
        self._shown: dict[str, dict[str, Any]] = {}
        widget.send = self._hear

    def _hear(self, content: dict[str, Any], _: list[bytes] | None = None) -> None:
        if content["type"] == "show":
            self._shown[content["region"]] = content["data"]

    def act(self, kind: str, **content: object) -> float:
        """Seconds of the page's work for a message.

        Raises:
            RuntimeError: it has not drawn its table anew.
        """
        self._number += 1
        event = page_event(kind, self._number, **content)
        before = self._shown.pop("table", None)
        taken = seconds(lambda: self._widget._handle_custom_msg(event, []))
        if not self._shown.get("table", {}).get("rows"):
            raise RuntimeError(f"the page shows no rows after {event}; before: {before is not None}")
        return taken

    def filter(self, **values: str) -> float:
        fields = self._shown["filters"]["fields"]
        known = {one["name"]: one["value"] for one in fields if one["kind"] != "button"}
        return self.act("form", region="filters", changed=next(iter(values)), values={**known, **values})


def _measure(folder: Path, _: Path) -> Figures:
    environment = Home(folder / "home").environment
    settings = find("settings").load(
        _env_file=None, home=Path(environment["ARBKIT_HOME"]), keepa_api_key=environment["KEEPA_API_KEY"],
        watchlist=Path(environment["ARBKIT_WATCHLIST"]),
    )  # fmt: skip
    board = find("page.opportunities")

    def opened() -> tuple[float, _Page]:
        pages: list[_Page] = []
        made = seconds(lambda: pages.append(_Page(board(settings).widget)))
        return made + pages[0].act("ready", search=""), pages[0]

    opened()
    acts: dict[str, Callable[[_Page, int], float]] = {
        "filter by marketplace": lambda page, n: page.filter(source=("DE", "IT")[n % 2]),
        "filter by profit": lambda page, n: page.filter(min_profit=str(1 + n)),
        "search for a word": lambda page, n: page.filter(q=("a", "e")[n % 2]),
        "clear the filters": lambda page, _: page.filter(source="", min_profit="", q=""),
        "sort": lambda page, n: page.act("sort", region="table", sort=("roi", "profit")[n % 2]),
        "next page": lambda page, n: page.act("page", region="table", page=n + 2),
    }
    taken: dict[str, list[float]] = {"open the page": [], **{name: [] for name in acts}}
    for number in range(_ROUNDS):
        first, page = opened()
        taken["open the page"].append(first)
        for name, act in acts.items():
            taken[name].append(act(page, number))
    figures = {name: median(values) for name, values in taken.items()}
    return {**figures, "all of it, once": sum(figures.values())}


PROBE = Probe(fill, _measure, products=_PRODUCTS, history=False)
