"""A dashboard page without a browser: what it shows, and wishes as the front end makes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from arbkit.web.dashboards.page import Board

__all__ = ["Seen"]


@dataclass
class Seen:
    """What has reached the browser: the newest content of each region, what was said, the address."""

    board: Board
    regions: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    address: str = ""
    serial: int = 0

    def __post_init__(self) -> None:
        self.board.page.send = self._hear  # type: ignore[method-assign]

    def _hear(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        match content["type"]:
            case "show":
                self.regions[content["region"]] = content["data"]
            case "say":
                self.said.append(content["text"])
            case "address":
                self.address = content["search"]

    def wish(self, kind: str, **content: Any) -> None:
        """As if the user had done it."""
        self.serial += 1
        self.board.page._handle_custom_msg({"type": kind, "wish": self.serial, **content}, [])

    def begin(self, search: str = "") -> Seen:
        """As if a browser had drawn the page at this address."""
        self.wish("ready", search=search)
        return self

    def fill(self, region: str, **values: Any) -> None:
        """Type into a form: these fields, the others as they are."""
        known = {f["name"]: f["value"] for f in self.regions[region]["fields"] if f["kind"] != "button"}
        self.wish("form", region=region, changed=next(iter(values)), values={**known, **values})

    def press(self, name: str, **more: Any) -> None:
        self.wish("press", region="", name=name, **more)

    def shown(self, region: str) -> bool:
        return region in self.regions and not self.regions[region]["hidden"]

    def html(self, region: str) -> str:
        return str(self.regions[region]["html"])

    def column(self, label: str, *, region: str = "table") -> list[str]:
        """The texts of a table's column."""
        view = self.regions[region]
        place = [c["label"] for c in view["columns"]].index(label)
        return [r["cells"][place]["text"] for r in view["rows"]]

    def field(self, region: str, name: str) -> dict[str, Any]:
        return next(f for f in self.regions[region]["fields"] if f["name"] == name)
