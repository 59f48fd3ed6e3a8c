"""The package that a user types in for a product: two fields, and what is wrong with them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from arbkit.core.errors import UsageError
from arbkit.core.offers.facts import Fact, PackageFact, parse_sides
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.store.kept_facts import set_fact, unset_fact
from arbkit.web.dashboards.content import Field, Region, UserEvent
from arbkit.web.dashboards.product.one_product import OneProduct
from arbkit.web.dashboards.product.parts import ProductPart

_LONGEST = 60


class SizeForm(ProductPart):
    """Sides and weight of the package as the user knows them; routes are priced anew with what is kept."""

    REGION = Region("size", "form", title="You know the package better?")

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        self._asin = ""
        self._values: dict[str, str] = {}
        self._wrong: dict[str, str] = {}

    def follow(self, shown: OneProduct) -> None:
        """Show the fields; what was typed for another product is gone."""
        if shown.product is None:
            self.hide()
            return
        if shown.product.asin != self._asin:
            self._asin, self._values, self._wrong = shown.product.asin, {}, {}
        self.widget.show_form(self.region, self._fields(self.store.facts([self._asin])))

    def handle(self, event: UserEvent) -> bool:
        """Keep what is typed; keep or take back the package when a button says so."""
        if self.page is None or self.subject is None:
            return False
        if event["type"] == "form":
            self._values = {name: str(value).strip()[:_LONGEST] for name, value in event["values"].items()}
        elif event["type"] == "action" and event["name"] in ("save_size", "forget_size") and self._asin:
            self._keep(self.subject, forget=event["name"] == "forget_size")
            self.page.refresh()
        else:
            return False
        return True

    def _keep(self, subject: OneProduct, *, forget: bool) -> None:
        fact = None if forget else self._fact(self._asin)
        if fact is None and not forget:
            return
        with open_store(self.settings) as store:
            if fact is None:
                unset_fact(self.settings, store, self._asin, "", "package")
            else:
                set_fact(self.settings, store, fact)
        self._values, self._wrong = {}, {}
        subject.price_anew()

    def _fact(self, asin: str) -> Fact | None:
        """What was typed as a fact of the product; None where a field is wrong, which is then marked."""
        self._wrong = {}
        size, weight = (self._values.get(name, "") for name in ("size", "weight"))
        try:
            given = {**(parse_sides(size) if size else {}), **({"weight_g": weight} if weight else {})}
            return Fact.of(asin, "package", given, at=time.time())
        except UsageError as error:
            self._wrong["weight" if error.field == "weight_g" else "size"] = str(error)
            return None

    def _fields(self, facts: Sequence[Fact]) -> list[Field]:
        """The fields and buttons, with what the user said of the product before."""
        said = next((fact.value for fact in facts if isinstance(fact.value, PackageFact) and not fact.market), None)
        sides = said and said.length_mm and f"{said.length_mm}x{said.width_mm}x{said.height_mm}"
        shown = {"size": sides or "", "weight": str(said.weight_g or "") if said else ""} | self._values
        return [
            {"name": "size", "label": "Sides, mm", "kind": "text", "value": shown["size"],
             "wrong": self._wrong.get("size"), "placeholder": "510x450x470"},
            {"name": "weight", "label": "Weight, g", "kind": "text", "value": shown["weight"],
             "wrong": self._wrong.get("weight"), "placeholder": "14000"},
            {"name": "save_size", "kind": "button", "label": "Use this package",
             "hint": "Yours, for this product on every marketplace, until you take it back"},
            {"name": "forget_size", "kind": "button", "label": "Take it back", "disabled": said is None},
        ]  # fmt: skip
