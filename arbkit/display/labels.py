"""What people call the names in the data: components of a route's money, fulfilment methods and VAT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue

from arbkit.core.formatting import UNKNOWN, count
from arbkit.core.models import Offer

if TYPE_CHECKING:
    from arbkit.profit.seller.profile import InputVat, VatStatus

_HEADING = 60
"""Characters of a title in a heading."""
_COMPONENTS = {"output_vat": "Output VAT", "input_vat": "Input VAT", "import_vat": "Import VAT",
               "vat_on_fees": "VAT on fees", "fx_cost": "Exchange cost"}  # fmt: skip
_FULFILMENT = {"fba-local": "FBA (local stock)", "efn": "EFN", "pan-eu": "Pan-EU FBA", "fbm": "FBM"}
_STATUSES = {"needs_size": "needs size", "different": "different goods", "loss": "loss"}
_RUN_FIGURES = {"total": "opportunities", "stored": "in the store", "need_size": "need a size"}
_VAT_STATUSES: dict[str, str] = {
    "reclaiming": "VAT-registered, input VAT recovered",
    "not-reclaiming": "VAT-registered, input VAT not recovered",
    "unregistered": "not VAT-registered",
}
_INPUT_VAT: dict[str, str] = {
    "net-intra-eu": "bought net, intra-EU with a VAT number",
    "domestic-recovered": "domestic, recovered",
    "domestic-lost": "domestic, lost",
    "import": "import, bought net or recovered on export",
}


def component_label(name: str) -> str:
    """A component's display name: ``referral_fee`` → Referral fee."""
    return _COMPONENTS.get(name, name.replace("_", " ").capitalize())


def fulfilment_label(method: str) -> str:
    """A fulfilment method's display name: ``fba-local`` → FBA (local stock)."""
    return _FULFILMENT.get(method, method)


def status_label(status: str) -> str:
    """What a route is called that is no opportunity: ``needs_size`` → needs size."""
    return _STATUSES.get(status, status)


def yes_or_no(value: bool | None) -> str:
    """A truth as people read it; unknown is ``–``."""
    return UNKNOWN if value is None else "yes" if value else "no"


def product_title(offers: Sequence[Offer], market: str = "") -> str | None:
    """The title of the product of these offers on this marketplace, or on any other."""
    titles = {o.market: o.title for o in offers if o.title}
    return titles.get(market) or next(iter(titles.values()), None)


def product_heading(offers: Sequence[Offer]) -> str:
    """The product of these offers in a heading: its title cut short, or its ASIN; says that it is invented."""
    name = product_title(offers) or offers[0].asin
    short = name if len(name) <= _HEADING else f"{name[: _HEADING - 1]}…"
    return f"{short} (DEMO)" if is_demo(offers) else short


def run_figures(summary: Mapping[str, JsonValue]) -> list[str]:
    """The figures of a report's run in words, such as ``4,452 routes``."""
    numbers = [(name, value) for name, value in summary.items() if isinstance(value, int | float)]
    return [f"{count(value)} {_RUN_FIGURES.get(name, name.replace('_', ' '))}" for name, value in numbers]


def is_demo(offers: Sequence[Offer]) -> bool:
    """Whether any of these offers is of the demo market."""
    return any(o.demo for o in offers)


def chance_label(chance: float | None) -> str:
    """A chance in percent, which is never certain: ``under 1 %``, ``82 %``, ``over 99 %``."""
    if chance is None or chance < 1:
        return UNKNOWN if chance is None else "under 1 %"
    return "over 99 %" if chance > 99 else f"{chance:.0f} %"


def purchases_label(chance: float) -> str:
    """A chance in percent as how many of ten: ``About 8 of 10``; ``More than 19 of 20`` near certainty."""
    if chance < 5:
        return "Fewer than 1 of 20"
    return "More than 19 of 20" if chance > 95 else f"About {min(9, max(1, round(chance / 10)))} of 10"


def vat_status_label(status: str) -> str:
    """A VAT status as people read it: ``reclaiming`` → VAT-registered, input VAT recovered."""
    return _VAT_STATUSES.get(status, status)


def input_vat_label(case: str) -> str:
    """How the VAT of a purchase stands: ``domestic-lost`` → domestic, lost."""
    return _INPUT_VAT.get(case, case)


def vat_case_label(status: VatStatus, case: InputVat) -> str:
    """A VAT status, and for one that recovers input VAT which case of it."""
    return f"VAT of the purchase: {input_vat_label(case)}" if status == "reclaiming" else vat_status_label(status)
