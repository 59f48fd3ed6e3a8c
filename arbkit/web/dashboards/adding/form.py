"""Products in the browser: lists for the watchlist, pasted or chosen, and Keepa exports; each is checked first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from arbkit.core.errors import UsageError
from arbkit.core.formatting import count, counted
from arbkit.core.marketplaces import MARKETS, Market
from arbkit.core.settings import Settings
from arbkit.pipeline.watchlist.editing import add
from arbkit.pipeline.watchlist.lists import LookCost, check_list, look_cost
from arbkit.pipeline.watchlist.pasted import MAX_BYTES, CheckedList
from arbkit.pipeline.watchlist.reading import load_if_any, place
from arbkit.sources.keepa_api.token_budget import read_tokens
from arbkit.store import open_store
from arbkit.store.mode import known_mode, store_if_any
from arbkit.web.dashboards.adding.exports import CheckedExport, check_export, import_export
from arbkit.web.dashboards.background_task import BackgroundTask
from arbkit.web.dashboards.content import Field, Region, UserEvent, choice, options
from arbkit.web.dashboards.html import page_html
from arbkit.web.dashboards.part import Part, StorePart
from arbkit.web.dashboards.uploaded import Upload, UploadedFile

_MOST_BAD = 20
"""Entries that cannot be used, and columns that are not read, of which a check shows the names."""
_LARGEST = 20 << 20
"""Bytes of a file: more would keep the browser waiting; the command takes larger ones."""
_TOLD_EVERY = 1_000
"""Rows after which the progress of an import is shown."""


@dataclass(frozen=True, slots=True)
class CheckedProducts:
    """What adding a list would do; ``cost`` is that of the whole watchlist then, None where nothing is polled."""

    found: CheckedList
    cost: LookCost | None


class CheckAnswer(Part):
    """What was found in a list or an export, and the button that takes it in; ``on_action`` gets a button's name."""

    REGION = Region("checked", "html")

    def __init__(self, on_action: Callable[[str], None]) -> None:
        super().__init__()
        self._on_action = on_action

    def show(self, checked: CheckedProducts | CheckedExport) -> None:
        """Show what adding this list, or importing this export, would do."""
        if isinstance(checked, CheckedExport):
            named = {"name": checked.file.name, "report": checked.report}
            html = page_html("adding_export.html.j2", **named, most=_MOST_BAD)
        else:
            html = page_html("adding_list.html.j2", found=checked.found, cost=checked.cost, most=_MOST_BAD)
        self.widget.show_html(self.region, html)

    def wait(self, words: str) -> None:
        """Say what is being done."""
        self.widget.show_html(self.region, page_html("adding_wait.html.j2", words=words))

    def show_empty(self) -> bool:
        """Stay as it is: an answer is not of the store."""
        return False

    def handle(self, event: UserEvent) -> bool:
        """Call back with the clicked button."""
        if event["type"] != "action":
            return False
        self._on_action(event["name"])
        return True


class AddProducts(StorePart):
    """A field to paste into and one for a file; ``on_added`` is called once products were added or imported."""

    REGION = Region("adding", "form", collapsible="Add products")

    def __init__(self, settings: Settings | None = None, *, on_added: Callable[[], None] | None = None) -> None:
        super().__init__(settings)
        self._on_added = on_added
        self._is_shown = False
        self._answer = CheckAnswer(self._act)
        self._uploads = {"pasted": Upload(MAX_BYTES), "list": Upload(_LARGEST)}
        self._pasted = b""
        self._market: Market | None = None
        self._checked: CheckedProducts | CheckedExport | None = None
        self._checking = BackgroundTask[CheckedProducts | CheckedExport](self._show_checked)
        self._adding = BackgroundTask[str](self._show_added)

    @property
    def parts(self) -> tuple[Part, Part]:
        """The form and its answer."""
        return self, self._answer

    def follow(self, shown: None) -> None:  # noqa: ARG002  # it is about no product that is there
        """Show the fields, once: what is pasted there is the user's."""
        if not self._is_shown:
            self.load()

    def show_empty(self) -> bool:
        """Show the fields: products are what is lacking."""
        self.follow(None)
        return False

    def load(self) -> None:
        """Show the fields."""
        self._is_shown = True
        fields: list[Field] = [
            {
                "name": "pasted", "label": "ASINs, EANs, Amazon addresses", "kind": "lines", "largest": MAX_BYTES,
                "placeholder": "B07DVM36PS, 4006381333931\nhttps://www.amazon.de/dp/B07DVM36PS",
                "hint": "Separated by commas, spaces or lines",
            },
            {"name": "check", "label": "Check", "kind": "button", "hint": "Nothing is added before you have seen it"},
            {
                "name": "list", "label": "or a file: a text, or a Keepa export", "kind": "file", "largest": _LARGEST,
                "accept": ".txt,.csv,.tsv,.xlsx,.json,.gz",
            },
            choice("market", "Marketplace of an export", options(MARKETS, first="as the file says"),
                   value=self._market.code if self._market else ""),
        ]  # fmt: skip
        self.widget.show_form(self.region, fields)

    def handle(self, event: UserEvent) -> bool:
        """Take in pieces of a text; check it."""
        if event["type"] == "file" and (upload := self._uploads.get(event["name"])):
            file = upload.take(event)
            if file is not None and event["name"] == "pasted":
                self._pasted = file.data
            elif file is not None:
                market = self._market
                self._check(file.name, lambda: check_export(file, market) or _checked(self.settings, file))
        elif event["type"] == "action" and event["name"] == "check":
            pasted = UploadedFile("the list", self._pasted)
            self._check(pasted.name, lambda: _checked(self.settings, pasted))
        elif event["type"] == "form":
            self._market = MARKETS.get(str(event["values"].get("market")))
        else:
            return event["type"] == "toggle"
        return True

    def _check(self, name: str, work: Callable[[], CheckedProducts | CheckedExport]) -> None:
        if not self._checking.start(work):
            raise UsageError("is being checked still", field=name, remedy="Wait for its answer")
        if self._checking.began_at is not None:
            self._checked = None
            self._answer.wait("Checking …")

    def _show_checked(self, checked: CheckedProducts | CheckedExport | None, error: str) -> None:
        self._checked = checked
        if checked is None:
            self._answer.hide()
            self.widget.notify(error, "bad")
        else:
            self._answer.show(checked)

    def _act(self, name: str) -> None:
        # What is being taken in cannot be taken in a second time: the click has it.
        checked, self._checked = self._checked, None
        if name == "import" and isinstance(checked, CheckedExport):
            words = "Importing …"
            started = self._adding.start(lambda: import_export(self.settings, checked, self._show_progress))
        elif name == "add" and isinstance(checked, CheckedProducts):
            words = f"Adding {counted(len(checked.found.fresh), 'product')} …"
            started = self._adding.start(lambda: _added(self.settings, checked.found.fresh))
        else:
            return
        if not started:
            self._checked = checked
            raise UsageError("something is being added still", remedy="Wait until that is done, and click again")
        if self._adding.began_at is not None:
            self._answer.wait(words)

    def _show_progress(self, rows: int, _: int) -> None:
        if rows % _TOLD_EVERY == 0:
            self._answer.wait(f"Importing: {count(rows)} rows are read …")

    def _show_added(self, said: str | None, error: str) -> None:
        self._answer.hide()
        if said is not None:
            if self.page is not None:
                self.page.refresh()
            if self._on_added is not None:
                self._on_added()
        self.widget.notify(said or error, "bad" if said is None else "good")


def _checked(settings: Settings, file: UploadedFile) -> CheckedProducts:
    """What adding a list would do, read in a thread with a store of its own."""
    store = store_if_any(lambda: open_store(settings, read_only=True))
    try:
        owner = known_mode(settings, None if store is None else lambda: store)
        found = check_list(owner, store, file.data, file.name)
        watched = len(load_if_any(owner, store).asins)
    finally:
        if store is not None:
            store.close()
    polled = owner.mode != "imported"
    cost = look_cost(owner, watched + len(found.fresh), read_tokens(settings)) if polled else None
    return CheckedProducts(found, cost)


def _added(settings: Settings, asins: tuple[str, ...]) -> str:
    """Put these on the watchlist; what was done, in a sentence."""
    with open_store(settings) as store:
        owner = known_mode(settings, lambda: store)
        added = add(owner, store, asins)
    are = "is" if len(added) == 1 else "are"
    return f"{counted(len(added), 'product')} {are} now on the watchlist, {place(owner)}."
