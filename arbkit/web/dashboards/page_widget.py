"""The widget behind every page and part: Python fills its regions and hears what the user does.

The front end (``front/*.js``, one file a kind of region) draws; what travels are the documents of
:mod:`arbkit.web.dashboards.content`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any, cast

import anywidget
import orjson
import plotly.graph_objects as go
import traitlets
from markupsafe import Markup

from arbkit.core.errors import ArbkitError
from arbkit.display.html import theme
from arbkit.web.dashboards.content import Field, Region, TableView, Tone, UserEvent

logger = logging.getLogger(__name__)

INTERNAL_ERROR = "Something went wrong in arbkit itself; see pages.log in ARBKIT_HOME."

_FRONT = Path(__file__).parent / "front"
_STYLES = ("page.css", "panel.css", "opportunities.css", "product.css", "pipeline.css", "alerts.css")
_SCRIPTS = ("dom.js", "form.js", "table.js", "chart.js", "panel.js", "layout.js", "history.js", "page.js")


def _front(names: Iterable[str]) -> str:
    return "\n".join((_FRONT / name).read_text("utf-8") for name in names)


class PageWidget(anywidget.AnyWidget):
    """A page of regions, or one region in a notebook's cell (``standalone``), which leaves address and title alone."""

    _esm = _front(_SCRIPTS)
    _css = f"{theme()}\n{_front(_STYLES)}"
    name = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    standalone = traitlets.Bool(default_value=False).tag(sync=True)
    regions: traitlets.List[Mapping[str, str | bool]] = traitlets.List().tag(sync=True)

    def __init__(
        self,
        name: str,
        title: str,
        regions: Iterable[Region],
        handler: Callable[[UserEvent], None],
        *,
        standalone: bool = False,
    ) -> None:
        """``handler`` is called with every event; what it raises is shown to the user."""
        super().__init__(name=name, title=title, standalone=standalone, regions=[asdict(r) for r in regions])
        self._handler = handler
        self._event: int | None = None
        self.on_msg(lambda _, content, buffers: self._on_message(content, buffers))

    def show_html(self, region: str, html: Markup) -> None:
        """Fill a region with markup."""
        self._show(region, {"html": str(html)})

    def show_form(self, region: str, fields: Sequence[Field]) -> None:
        """Fill a region with a form."""
        self._show(region, {"fields": fields})

    def show_table(self, region: str, view: TableView) -> None:
        """Fill a region with a page of a table."""
        self._show(region, cast("Mapping[str, Any]", view))

    def draw(self, region: str, figure: go.Figure, *, label: str) -> None:
        """Fill a region with a figure; ``label`` describes it in words."""
        # Through plotly's own encoder, for arrays and dates.
        self._show(region, {"figure": orjson.loads(figure.to_json()), "label": label})

    def hide(self, region: str) -> None:
        """Take a region away until it is filled again."""
        self.send({"type": "show", "region": region, "data": {"hidden": True}})

    def show_fault(self, region: str, text: str) -> None:
        """Say in a region, in place of its content, why it cannot be shown."""
        self._show(region, {"fault": text})

    def notify(self, text: str, tone: Tone = "plain") -> None:
        """Show the user a sentence; an empty one removes the last."""
        self.send({"type": "notify", "text": text, "tone": tone})

    def address(self, search: str) -> None:
        """Set the query string of the address bar, so that the view can be shared as a link.

        What an event of the user changes there is an entry of the browser's history.
        """
        self.send({"type": "address", "search": search, "event": self._event})

    def chunk(self, data: bytes) -> None:
        """Send a piece of a file that :meth:`save` offers to the user."""
        self.send({"type": "chunk"}, [data])

    def save(self, name: str, mime: str) -> None:
        """Offer what came in chunks to the user as a download."""
        self.send({"type": "save", "name": name, "mime": mime})

    def run_guarded(self, handler: Callable[[], None]) -> None:
        """Call ``handler``; what it raises is shown to the user in a sentence."""
        try:
            handler()
        except ArbkitError as error:
            self.notify(str(error), "bad")
        except Exception:  # the page must live on, and its reader has no use for a traceback
            logger.exception("a page's handler failed")
            self.notify(f"{INTERNAL_ERROR} Try again.", "bad")

    def _show(self, region: str, data: Mapping[str, Any]) -> None:
        self.send({"type": "show", "region": region, "data": {**data, "hidden": False}})

    def _on_message(self, event: UserEvent, buffers: Sequence[bytes | memoryview]) -> None:
        if event.get("type") == "library":
            # A notebook's server does not serve plotly's script, as that of the dashboards does.
            script = resources.files("plotly").joinpath("package_data/plotly.min.js").read_bytes()
            self.send({"type": "library"}, [script])
            return
        if buffers:
            event["data"] = bytes(buffers[0])
        began = time.perf_counter()
        self._event = event.get("event")
        self.run_guarded(lambda: self._handler(event))
        self._event = None
        took = round((time.perf_counter() - began) * 1000, 1)
        self.send({"type": "done", "event": event.get("event"), "ms": took, "about": event.get("type")})
