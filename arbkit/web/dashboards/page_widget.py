"""A page: regions that Python fills, and the wishes that the user has. It decides nothing itself.

The front end (``front/*.js``, one file a kind of region) draws; what travels are plain documents.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import anywidget
import orjson
import plotly.graph_objects as go
import traitlets

from arbkit.core.errors import ArbkitError

__all__ = ["OUR_FAULT", "Page", "Region", "Wish"]

logger = logging.getLogger(__name__)

OUR_FAULT = "Something went wrong in arbkit itself; the dashboards' log says what."

_FRONT = Path(__file__).parent / "front"
_STYLES = ("page.css", "opportunities.css", "product.css", "pipeline.css")
_SCRIPTS = ("dom.js", "form.js", "table.js", "chart.js", "page.js")
Wish = Mapping[str, Any]
Mood = Literal["good", "bad", "plain"]


@dataclass(frozen=True, slots=True)
class Region:
    """A place on a page. ``waiting`` is what it says until it is filled; empty: it is not there until then.

    ``folds`` is the line that folds it open and away; it is filled also while folded. ``unfolded``: open from the
    beginning where the window is wide.
    """

    id: str
    kind: Literal["form", "table", "chart", "html"]
    waiting: str = ""
    title: str = ""
    folds: str = ""
    unfolded: bool = False


class Page(anywidget.AnyWidget):
    """The one widget of a dashboard.

    Wishes are documents with ``type``: ``ready`` once drawn (with ``search``, the address' query string),
    ``tick`` while it is looked at, ``form`` (``region``, ``changed``, ``values``), ``press`` (``region``,
    ``name``, perhaps ``id``), ``sort``, ``page``, ``select`` (of a table), ``fold`` (``open``).
    """

    _esm = "\n".join((_FRONT / name).read_text("utf-8") for name in _SCRIPTS)
    _css = "\n".join((_FRONT / name).read_text("utf-8") for name in _STYLES)
    name = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    regions: traitlets.List[Any] = traitlets.List().tag(sync=True)

    def __init__(self, name: str, title: str, regions: Iterable[Region], act: Callable[[Wish], object]) -> None:
        """``act`` is called with every wish; what it raises is told to the user."""
        super().__init__(name=name, title=title, regions=[asdict(r) for r in regions])
        self._act = act
        self.on_msg(lambda _, content, __: self._wished(content))

    def show(self, region: str, data: Mapping[str, Any]) -> None:
        """Fill a region: ``fields`` of a form, the view of a table, ``figure`` and ``label`` of a chart, ``html``."""
        self._tell({"type": "show", "region": region, "data": {**data, "hidden": False}})

    def draw(self, region: str, figure: go.Figure, *, label: str) -> None:
        """Fill a region with a figure; ``label`` says in words what is seen."""
        # Through plotly's own encoder, for arrays and dates.
        self.show(region, {"figure": orjson.loads(figure.to_json()), "label": label})

    def hide(self, region: str) -> None:
        self._tell({"type": "show", "region": region, "data": {"hidden": True}})

    def say(self, text: str, mood: Mood = "plain") -> None:
        """Tell the user something in a sentence; an empty one takes the last away."""
        self._tell({"type": "say", "text": text, "mood": mood})

    def address(self, search: str) -> None:
        """What the address bar shows after the ``?``, so that the view can be sent as a link."""
        self._tell({"type": "address", "search": search})

    def chunk(self, data: bytes) -> None:
        """A piece of a file that :meth:`save` gives to the user."""
        self._tell({"type": "chunk"}, [data])

    def save(self, name: str, mime: str) -> None:
        """Give what came in chunks to the user as a download."""
        self._tell({"type": "save", "name": name, "mime": mime})

    def _tell(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        self.send(content, buffers)

    def guard(self, act: Callable[[], object]) -> None:
        """Do it; what it raises is told to the user, in a sentence."""
        try:
            act()
        except ArbkitError as error:
            self.say(str(error), "bad")
        except Exception:  # the page must live on, and its reader has no use for a traceback
            logger.exception("a page's work failed")
            self.say(f"{OUR_FAULT} Try again.", "bad")

    def _wished(self, wish: Wish) -> None:
        began = time.perf_counter()
        self.guard(lambda: self._act(wish))
        took = round((time.perf_counter() - began) * 1000, 1)
        self._tell({"type": "done", "wish": wish.get("wish"), "ms": took, "about": wish.get("type")})
