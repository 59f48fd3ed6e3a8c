"""The opportunities page at any commit, without a browser: the server's work for what a user does there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.commands import Home
from tests.benchmarks.layouts import find, page_event
from tests.benchmarks.measuring import Figures, Taken, figures_of, taken
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

    def act(self, kind: str, **content: object) -> Taken:
        """The page's work for a message.

        Raises:
            RuntimeError: it has not drawn its table anew.
        """
        self._number += 1
        event = page_event(kind, self._number, **content)
        self._shown.pop("table", None)
        work = taken(lambda: self._widget._handle_custom_msg(event, []))
        if not self._shown.get("table", {}).get("rows"):
            raise RuntimeError(f"the page shows no rows after {event}")
        return work

    def filter(self, **values: str) -> Taken:
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

    def opened() -> tuple[Taken, _Page]:
        pages: list[_Page] = []
        made = taken(lambda: pages.append(_Page(board(settings).widget)))
        return made + pages[0].act("ready", search=""), pages[0]

    opened()
    acts: dict[str, Callable[[_Page, int], Taken]] = {
        "filter by marketplace": lambda page, n: page.filter(source=("DE", "IT")[n % 2]),
        "filter by profit": lambda page, n: page.filter(min_profit=str(1 + n)),
        "search for a word": lambda page, n: page.filter(q=("a", "e")[n % 2]),
        "clear the filters": lambda page, _: page.filter(source="", min_profit="", q=""),
        "sort": lambda page, n: page.act("sort", region="table", sort=("roi", "profit")[n % 2]),
        "next page": lambda page, n: page.act("page", region="table", page=n + 2),
    }
    work: dict[str, list[Taken]] = {"open the page": [], **{name: [] for name in acts}}
    visits: list[Taken] = []
    for number in range(_ROUNDS):
        visit, page = opened()
        work["open the page"].append(visit)
        for name, act in acts.items():
            work[name].append(act(page, number))
            visit += work[name][-1]
        visits.append(visit)
    figures = {figure: value for name, some in work.items() for figure, value in figures_of(name, some).items()}
    return {**figures, **figures_of("a visit: all of it", visits)}


PROBE = Probe(fill, _measure, products=_PRODUCTS, history=False)
