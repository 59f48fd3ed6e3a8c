"""Where the parts of a page stand: one below the other, in titled sections, or in the panel beside a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

import plotly.graph_objects as go

from arbkit.core.errors import UsageError
from arbkit.web.dashboards.composed.chart import Chart, DrawFigure
from arbkit.web.dashboards.content import Region
from arbkit.web.dashboards.part import Part

Content: TypeAlias = Part | go.Figure | DrawFigure
"""A part, a plotly figure, or a function that draws one."""


class Beside:
    """Parts about the selected row of the last table before them: beside it, on a phone in a sheet over it."""

    def __init__(self, *content: Content) -> None:
        self.content = content


class Section:
    """Parts under a title, on which they fold; the page's contents lead there."""

    def __init__(self, title: str, *content: Content | Beside) -> None:
        self.title, self.content = title, content


Item: TypeAlias = Content | Beside | Section


def placed(items: Sequence[Item]) -> Iterator[tuple[Part, Region]]:
    """Each part with the region that it is given; names are numbered where there are several of a kind.

    Raises:
        UsageError: something stands beside a table, and there is none before it.
    """
    names: dict[str, int] = {}
    table = ""
    for content, section, is_beside in _flat(items, ""):
        for part in (content if isinstance(content, Part) else Chart(content)).parts:
            name = part.REGION.id
            names[name] = names.get(name, 0) + 1
            name = name if names[name] == 1 else f"{name}-{names[name]}"
            if is_beside and not table:
                raise UsageError("stands beside the last table before it", field="Beside", remedy="Put a table first")
            table = name if part.REGION.kind == "table" and not is_beside else table
            yield part, replace(part.REGION, id=name, section=section, beside=table if is_beside else "")


def _flat(items: Sequence[Item], section: str) -> Iterator[tuple[Content, str, bool]]:
    for item in items:
        match item:
            case Section():
                yield from _flat(item.content, item.title)
            case Beside():
                yield from ((content, section, True) for content in item.content)
            case _:
                yield item, section, False
