"""Decisions on a page: the form to take one about a route, its product or its brand, and what was decided before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from arbkit.analysis.decisions.taking import decide, user_name
from arbkit.core.decisions.event import STATUS_WORDS, STATUSES, Decision, DecisionConflictError, brand_key
from arbkit.core.decisions.request import DecisionRequest
from arbkit.core.decisions.rules import purchases_of
from arbkit.core.decisions.words import details
from arbkit.core.errors import UsageError
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.web.address import parse_number
from arbkit.web.dashboards.composed.subject import RouteSubject, ShownRoute
from arbkit.web.dashboards.content import Field, Option, Region, UserEvent, choice
from arbkit.web.dashboards.html import page_html
from arbkit.web.dashboards.part import Part, RoutePart, StorePart

_BELONGS = {"until": "dismissed", "rise": "dismissed", "quantity": "bought", "price": "bought"}
"""The fields that say more of one status."""
_LONGEST = 20_000
"""Characters of a field that are looked at: what is too long is refused with its length."""
_EMPTY: Mapping[str, str] = dict.fromkeys(("note", *_BELONGS), "")
_MOST = 1e9


class Decided(NamedTuple):
    """What a decision can be about: a route, all routes of its product, or its brand."""

    asin: str
    source: str = ""
    target: str = ""
    brand: str | None = None

    @property
    def scopes(self) -> list[Option]:
        """What may be chosen, the narrowest first."""
        route = [Option(value="route", label=f"this route, {self.source} → {self.target}")] if self.source else []
        brand = [Option(value="brand", label=f"the brand {self.brand}")] if self.brand else []
        return [*route, Option(value="product", label="all routes of the product"), *brand]

    @property
    def id(self) -> str:
        """``asin:source:target``."""
        return f"{self.asin}:{self.source}:{self.target}"

    @property
    def keys(self) -> list[str]:
        """By which the store knows decisions about it: its product's, and its brand's."""
        return [self.asin, *([brand_key(self.brand)] if self.brand else [])]

    @classmethod
    def of(cls, route: ShownRoute) -> Decided:
        """What can be decided about a route of a page."""
        return cls(route.asin, route.source, route.target, route.brand)


def _tell_page(part: Part) -> None:
    """Have the page of a part show what a decision changes: the route, and what is left of the list."""
    if part.page is not None:
        part.page.subject(RouteSubject).renew_route()
        part.page.refresh()


class DecisionPanel(RoutePart, StorePart):
    """The form: ``on_decided`` is called after a decision was kept, or somebody else's is there.

    In a notebook ``DecisionPanel(settings, Decided("B0…", "IT", "DE"))`` shows it for one route.
    """

    REGION = Region("decision", "form", title="Decide")

    def __init__(
        self,
        settings: Settings | None = None,
        about: Decided | None = None,
        *,
        on_decided: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(settings)
        self._about = about
        self._on_decided = on_decided
        self._values: dict[str, str] = {}
        self._wrong: dict[str, str] = {}
        self._seen: dict[str, int] = {}

    def load(self) -> None:
        """Read what was decided about it, and show the form.

        Raises:
            StoreError: the store cannot be read.
        """
        if self._about is not None:
            self.show(self._about)

    def follow(self, shown: RouteSubject) -> None:
        """Show the form for the selected route, or for the product."""
        self._follow_route(shown.about)

    def show_route(self, route: ShownRoute) -> None:
        """Show the form for this route."""
        self.show(Decided.of(route))

    def show(self, about: Decided) -> list[Decision]:
        """Show the form for this; what was decided about its product and its brand.

        Raises:
            StoreError: the store cannot be read.
        """
        if self._about is None or about.id != self._about.id or not self._values:
            self._values = {**_EMPTY, "status": "", "scope": about.scopes[0]["value"]}
            self._wrong = {}
        self._about = about
        found = self.store.decisions(about.keys)
        self._seen = {key: max((one.version for one in found if one.key == key), default=0) for key in about.keys}
        self.widget.show_form(self.region, self._fields(about))
        return found

    def handle(self, event: UserEvent) -> bool:
        """Take what is typed; keep the decision when the button says so."""
        if self._about is None:
            return False
        if event["type"] == "form":
            self._take(event["values"])
        elif event["type"] == "action" and event["name"] == "decide":
            self._decide(self._about)
        else:
            return False
        return True

    def _take(self, values: Mapping[str, str | bool]) -> None:
        if self._about is None:
            return
        self._values |= {name: str(value)[:_LONGEST] for name, value in values.items()}
        if self._values["status"] == "blocked" and self._about.brand:
            self._values["scope"] = "brand"
        elif self._values["scope"] == "brand" and self._values["status"] != "new":
            self._values["scope"] = self._about.scopes[0]["value"]
        self._wrong = {}
        self.widget.show_form(self.region, self._fields(self._about))

    def _decide(self, about: Decided) -> None:
        self._wrong = {}
        wanted = self._wanted(about)
        if wanted is not None:
            try:
                with open_store(self.settings) as store:
                    made = decide(store, wanted, by=user_name())
            except DecisionConflictError as conflict:
                mine = STATUS_WORDS[wanted.status]
                self.widget.notify(f"{conflict.why}. Yours, not kept: {mine}. Decide again if it still holds.", "bad")
                self._after(about)
                return
            except UsageError as error:
                self._refuse(error)
            else:
                words = f"{made.words} {details(made)}".strip()
                self.widget.notify(f"Decided of {made.what}: {words}.", "good")
                self._values = {}
                self._after(about)
                return
        self.widget.show_form(self.region, self._fields(about))

    def _after(self, about: Decided) -> None:
        self.show(about)
        _tell_page(self)
        if self._on_decided is not None:
            self._on_decided()

    def _wanted(self, about: Decided) -> DecisionRequest | None:
        """What the fields say; None where one is wrong, which is then marked."""
        values = self._values
        if not values["status"]:
            self._wrong = {"status": "Choose one"}
            return None
        given: dict[str, Any] = {"status": values["status"], "note": values["note"]}
        of_brand = values["scope"] == "brand"
        given |= {"brand": about.brand} if of_brand else {"asin": about.asin}
        if values["scope"] == "route" or (values["status"] == "bought" and about.source):
            given |= {"source": about.source, "target": about.target}
        given["seen"] = self._seen[brand_key(about.brand or "") if of_brand else about.asin]
        for name, status in _BELONGS.items():
            if (text := values[name].strip()) and status == values["status"]:
                try:
                    given[name] = text if name == "until" else parse_number(text, 0, _MOST)
                except ValueError as error:
                    self._wrong[name] = str(error)
        if self._wrong:
            return None
        try:
            return DecisionRequest.parse(given)
        except UsageError as error:
            self._refuse(error)
            return None

    def _refuse(self, error: UsageError) -> None:
        """Mark the field that is wrong, without repeating what stands in it."""
        field = error.field if error.field in {*_BELONGS, "note", "status"} else "status"
        self._wrong[str(field)] = f"{error.why}. {error.remedy}" if error.remedy else error.why

    def _fields(self, about: Decided) -> list[Field]:
        values, wrong = self._values, self._wrong
        statuses = [one for one in STATUSES if one != "blocked" or about.brand]
        labels = {**STATUS_WORDS, "new": "new: end what was decided"}
        words = [Option(value=one, label=labels[one]) for one in statuses]
        fields: list[Field] = [
            choice("status", "Status", [Option(value="", label="choose …"), *words], value=values["status"]),
            choice("scope", "About", about.scopes, value=values["scope"]),
            {"name": "until", "label": "Dismissed until", "kind": "text", "placeholder": "2027-01-31"},
            {"name": "rise", "label": "or profit rises by", "kind": "number", "placeholder": "any"},
            {"name": "quantity", "label": "Units bought", "kind": "number"},
            {"name": "price", "label": "Price of one, with VAT", "kind": "number"},
            {"name": "note", "label": "Note", "kind": "text", "enter": "decide"},
        ]  # fmt: skip
        for one in fields:
            name = one["name"]
            one["value"], one["wrong"] = values[name], wrong.get(name)
            one["disabled"] = _BELONGS.get(name, values["status"]) != values["status"]
            one["of"] = f"{about.id} {self._seen.get(about.asin)}"
        return [*fields, {"name": "decide", "label": "Decide", "kind": "button"}]


class DecisionHistory(RoutePart, StorePart):
    """What was decided about a route, its product and its brand, the latest first; one purchase can be cancelled.

    ``on_decided`` is called after one was, or somebody has decided something else meanwhile.
    """

    REGION = Region("decided", "html")

    def __init__(self, settings: Settings | None = None, *, on_decided: Callable[[], None] | None = None) -> None:
        super().__init__(settings)
        self._on_decided = on_decided
        self._found: Sequence[Decision] = ()

    def follow(self, shown: RouteSubject) -> None:
        """Show what was decided about the selected route, or the product."""
        self._follow_route(shown.about)

    def show_route(self, route: ShownRoute) -> None:
        """Show what was decided about this route."""
        self.show(self.store.decisions(Decided.of(route).keys))

    def show(self, found: Sequence[Decision]) -> None:
        """Show these; nothing where nothing was decided."""
        self._found = found
        if not found:
            self.hide()
            return
        rows = [
            (one, details(one), f"{datetime.fromtimestamp(one.at, UTC):%Y-%m-%d %H:%M} UTC")
            for one in sorted(found, key=lambda one: one.at, reverse=True)
        ]
        standing = {one.version for one in purchases_of([one for one in found if one.asin is not None])}
        self.widget.show_html(self.region, page_html("decided.html.j2", rows=rows, standing=standing))

    def handle(self, event: UserEvent) -> bool:
        """Cancel a purchase when its button says so."""
        if event["type"] != "action" or event["name"] != "cancel_purchase":
            return False
        of_product = [one for one in self._found if one.asin is not None]
        purchase = next((one for one in purchases_of(of_product) if str(one.version) == event.get("id")), None)
        if purchase is not None:
            self._cancel(purchase, seen=max(one.version for one in of_product))
        return True

    def _cancel(self, purchase: Decision, *, seen: int) -> None:
        wanted = DecisionRequest(status="new", asin=purchase.key, cancels=purchase.version, seen=seen)
        try:
            with open_store(self.settings) as store:
                made = decide(store, wanted, by=user_name())
            self.widget.notify(f"Cancelled of {made.what}: {details(made)}.", "good")
        except UsageError as error:
            self.widget.notify(f"{error.why}. The purchase is not cancelled.", "bad")
        self.show(self.store.decisions(sorted({one.key for one in self._found})))
        _tell_page(self)
        if self._on_decided is not None:
            self._on_decided()
