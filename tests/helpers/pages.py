"""A dashboard page or a part without a browser: what it shows, and events as the front end makes them."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar
from unittest.mock import patch

from arbkit.core.settings import Settings
from arbkit.web.dashboards.composed.page import Page
from arbkit.web.dashboards.page import DashboardPage
from arbkit.web.dashboards.page_widget import PageWidget
from arbkit.web.dashboards.part import Part
from tests.helpers.paths import ROOT

__all__ = ["Seen", "SeenWidget", "part_of", "run_cell", "shipped_page"]

P = TypeVar("P", bound=Part)


def run_cell(code: str) -> Page:
    """What a notebook's cell displays: the value of its last line."""
    *body, last = ast.parse(code).body
    names: dict[str, Any] = {}
    exec(compile(ast.Module(body, []), "cell", "exec"), names)  # noqa: S102 - ours
    assert isinstance(last, ast.Expr)
    page = eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307 - ours
    assert isinstance(page, Page)
    return page


def shipped_page(name: str, settings: Settings) -> Page:
    """A page that comes with arbkit, as the dashboards' server makes it, with these settings."""
    (cell,) = json.loads((ROOT / "apps" / f"{name}.ipynb").read_text("utf-8"))["cells"]
    with patch.dict(os.environ, {"VOILA_PREHEAT": "False"}), patch.object(Settings, "load", return_value=settings):
        return run_cell("".join(cell["source"]))


def part_of(page: DashboardPage, kind: type[P]) -> P:
    """The page's part of this kind."""
    return next(part for part in page.parts.values() if isinstance(part, kind))


@dataclass
class SeenWidget:
    """What has reached the browser: the newest content of each region, the notices, the address."""

    widget: PageWidget
    regions: dict[str, dict[str, Any]] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    address: str = ""
    serial: int = 0

    def __post_init__(self) -> None:
        self.widget.send = self._receive

    @classmethod
    def alone(cls, part: Part) -> Self:
        """A part that a notebook's cell displays."""
        return cls(part.widget).begin()

    def _receive(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        match content["type"]:
            case "show":
                self.regions[content["region"]] = content["data"]
            case "notify":
                self.notices.append(content["text"])
            case "address":
                self.address = content["search"]

    def emit(self, kind: str, *, buffers: Sequence[bytes] = (), **content: Any) -> None:
        """As if the user had done it."""
        self.serial += 1
        self.widget._handle_custom_msg({"type": kind, "event": self.serial, **content}, [*buffers])

    def begin(self, search: str = "") -> Self:
        """As if a browser had drawn the page at this address."""
        self.emit("ready", search=search)
        return self

    def fill(self, region: str, **values: Any) -> None:
        """Type into a form: these fields, the others as they are."""
        typed = (f for f in self.regions[region]["fields"] if f["kind"] not in ("button", "file", "lines"))
        known = {f["name"]: f["value"] for f in typed}
        self.emit("form", region=region, changed=next(iter(values)), values={**known, **values})

    def upload(self, region: str, field: str, name: str, data: bytes, *, piece: int = 1_000) -> None:
        """Choose a file, which comes in pieces."""
        for offset in range(0, max(len(data), 1), piece):
            about = {"name": field, "file": name, "size": len(data), "offset": offset}
            self.emit("file", region=region, buffers=[data[offset : offset + piece]], **about)

    def click(self, name: str, **more: Any) -> None:
        """Click a button, in the region that shows one of this name (or in none, where there is none)."""
        region = next((r for r, data in self.regions.items() if _has_button(data, name)), "")
        self.emit("action", region=region, name=name, **more)

    def shown(self, region: str) -> bool:
        return region in self.regions and not self.regions[region]["hidden"]

    def html(self, region: str) -> str:
        return str(self.regions[region]["html"])

    def column(self, label: str, *, region: str = "table") -> list[str]:
        """The texts of a table's column."""
        view = self.regions[region]
        at = [c["label"] for c in view["columns"]].index(label)
        return [r["cells"][at]["text"] for r in view["rows"]]

    def field(self, region: str, name: str) -> dict[str, Any]:
        return next(f for f in self.regions[region]["fields"] if f["name"] == name)


def _has_button(data: dict[str, Any], name: str) -> bool:
    return (
        any(f["kind"] == "button" and f["name"] == name for f in data.get("fields", ()))
        or f'data-action="{name}"' in data.get("html", "")
        or any(cell.get("action") == name for row in data.get("rows", ()) for cell in row["cells"])
        or any(way.get("action") == name for way in data.get("ways", ()))
    )


class Seen(SeenWidget):
    """A whole page."""

    def __init__(self, page: DashboardPage) -> None:
        super().__init__(page.widget)
        self.page: Any = page
