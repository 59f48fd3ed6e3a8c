"""Named views: a name, and the address that shows it again. One file in the home, edited by all open pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson

from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.files import changing, read_if_there, write_atomically
from arbkit.core.settings import Settings
from arbkit.web.dashboards.content import Region, UserEvent
from arbkit.web.dashboards.opportunities.filters import parse
from arbkit.web.dashboards.opportunities.forms import saved_fields
from arbkit.web.dashboards.opportunities.found import FoundOpportunities
from arbkit.web.dashboards.part import StorePart

_LONGEST_NAME = 60
_MOST = 200


class SavedViews:
    """Saved views: names → query strings, in ``views.json``."""

    def __init__(self, settings: Settings) -> None:
        self._path: Path = settings.home / "views.json"

    def all(self) -> Mapping[str, str]:
        """The views by name, sorted.

        Raises:
            ConfigError: the file is damaged.
            ServiceError: it cannot be read.
        """
        data = read_if_there(self._path)
        if data is None:
            return {}
        try:
            views = orjson.loads(data)
        except orjson.JSONDecodeError:
            views = None
        if not isinstance(views, dict) or not all(isinstance(v, str) for v in views.values()):
            raise ConfigError("holds no saved views", field=str(self._path), remedy="Move the file away or repair it")
        return dict(sorted(views.items(), key=lambda item: item[0].casefold()))

    def save(self, name: str, search: str) -> str:
        """Save a view under a name, replacing the one that had it; the name as it is saved.

        Raises:
            UsageError: the name is empty or too long, or there are too many.
            ServiceError: the file cannot be written.
        """
        name = " ".join(name.split())
        if not 0 < len(name) <= _LONGEST_NAME:
            raise UsageError(f"1 to {_LONGEST_NAME} characters", field="name of the view", value=name[:_LONGEST_NAME])
        with changing(self._path):
            views = {**self.all(), name: search}
            if len(views) > _MOST:
                raise UsageError(f"at most {_MOST} can be saved", field="saved views", remedy="Delete one first")
            self._write(views)
        return name

    def delete(self, name: str) -> None:
        """Delete a view, if there is one of this name.

        Raises:
            ConfigError: the file is damaged.
            ServiceError: it cannot be written.
        """
        with changing(self._path):
            views = dict(self.all())
            if views.pop(name, None) is not None:
                self._write(views)

    def _write(self, views: Mapping[str, str]) -> None:
        write_atomically(self._path, orjson.dumps(dict(views), option=orjson.OPT_INDENT_2))


class SavedViewsForm(StorePart):
    """The saved views: to show one, to save what the page shows under a name, and to delete it."""

    REGION = Region("views", "form", waiting="Views …")
    SUBJECT = FoundOpportunities

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        self._naming = ""

    def follow(self, shown: FoundOpportunities) -> None:
        """Show the names, and which of them is that of what the page shows."""
        saved = SavedViews(self.settings).all()
        self.widget.show_form(self.region, saved_fields(list(saved), _name_of(shown, saved), self._naming))

    def handle(self, event: UserEvent) -> bool:
        """Show a saved view, save this one, or delete it."""
        if self.page is None or event["type"] not in ("form", "action"):
            return False
        found, views = self.page.subject(FoundOpportunities), SavedViews(self.settings)
        if event["type"] == "form":
            self._naming = str(event["values"]["naming"])
            if event["changed"] == "view":
                self.page.show(found, views.all().get(str(event["values"]["view"]), ""))
            return True
        if event["name"] == "save":
            saved = views.save(self._naming, _shareable(found))
            self._naming = ""
            self.widget.notify(f"Saved as “{saved}”. The page's address is a link to the same view.", "good")
        elif event["name"] == "delete":
            saved = _name_of(found, views.all())
            views.delete(saved)
            self.widget.notify(f"“{saved}” is deleted.", "good")
        self.page.refresh()
        return True


def _shareable(found: FoundOpportunities) -> str:
    """The view without what belongs to this moment."""
    return found.view.changed(chosen="", page=1).search()


def _name_of(found: FoundOpportunities, saved: Mapping[str, str]) -> str:
    """The name under which what is shown is saved; empty if it is not."""
    here = _shareable(found)
    return next((name for name, search in saved.items() if parse(search)[0].search() == here), "")
