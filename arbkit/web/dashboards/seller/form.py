"""Who sells, in three questions, while nobody has said so: what is saved is the seller profile."""

from __future__ import annotations

from collections.abc import Callable

from arbkit.core.errors import UsageError
from arbkit.core.marketplaces import MARKETS
from arbkit.core.settings import Settings
from arbkit.pipeline.seller.own_profile import own_profile, write_profile
from arbkit.profit.seller.first_run import HOME_QUESTION, NUMBERS_QUESTION, RECLAIM_QUESTION, Answers
from arbkit.profit.seller.profile_file import load_profile
from arbkit.web.dashboards.content import Field, Region, UserEvent, choice, options
from arbkit.web.dashboards.part import Part


class SellerForm(Part):
    """The three questions, answered as the built-in seller would; ``on_saved`` is called once a profile is there."""

    REGION = Region("seller", "form", collapsible="Built-in example seller: is this you?")

    def __init__(self, settings: Settings, *, on_saved: Callable[[], None]) -> None:
        super().__init__()
        self._settings, self._on_saved = settings, on_saved
        built_in = load_profile(None)
        self._home, self._numbers, self._reclaims = built_in.home, ", ".join(built_in.registrations), True

    def load(self) -> None:
        """Show the questions while the built-in seller is in force."""
        if self._settings.profile_path is not None:
            self.hide()
            return
        fields: list[Field] = [
            choice("home", HOME_QUESTION, options(MARKETS), value=self._home),
            {
                "name": "numbers", "label": NUMBERS_QUESTION, "kind": "text", "value": self._numbers,
                "placeholder": "DE, FR", "enter": "save_seller",
            },
            {"name": "reclaims", "label": RECLAIM_QUESTION, "kind": "check", "value": self._reclaims},
            {"name": "save_seller", "label": "Save my profile", "kind": "button"},
        ]  # fmt: skip
        self.widget.show_form(self.region, fields)

    def handle(self, event: UserEvent) -> bool:
        """Keep what is typed; write the profile when it is saved."""
        if event["type"] == "form":
            typed = event["values"]
            self._home, self._numbers = str(typed["home"]), str(typed["numbers"])
            self._reclaims = bool(typed["reclaims"])
        elif event["type"] == "action" and event["name"] == "save_seller":
            self._save()
        else:
            return event["type"] == "toggle"
        return True

    def _save(self) -> None:
        path = own_profile(self._settings)
        # The box of who has no VAT number says nothing.
        answers = Answers.of(self._home, [self._numbers], reclaims=self._reclaims and bool(self._numbers.strip()))
        try:
            changes = write_profile(path, answers)
        except UsageError:
            # Somebody was faster, and what they saved is in force.
            self._on_saved()
            raise
        self._on_saved()
        said = "; ".join(changes) or "nothing changes against the built-in seller"
        self.widget.notify(f"Profile changed, routes are priced again: {said}. It is in {path}.", "good")
