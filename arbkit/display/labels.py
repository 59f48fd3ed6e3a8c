"""What people call the names in the data: components of a route's money, fulfilment methods."""

from __future__ import annotations

_COMPONENTS = {"output_vat": "Output VAT", "input_vat": "Input VAT", "import_vat": "Import VAT",
               "vat_on_fees": "VAT on fees", "fx_cost": "Exchange cost"}  # fmt: skip
_FULFILMENT = {"fba-local": "FBA (local stock)", "efn": "EFN", "pan-eu": "Pan-EU FBA", "fbm": "FBM"}
_STATUSES = {"needs_size": "needs size", "different": "different goods"}


def component_label(name: str) -> str:
    """A component's display name: ``referral_fee`` → Referral fee."""
    return _COMPONENTS.get(name, name.replace("_", " ").capitalize())


def fulfilment_label(method: str) -> str:
    """A fulfilment method's display name: ``fba-local`` → FBA (local stock)."""
    return _FULFILMENT.get(method, method)


def status_label(status: str) -> str:
    """What a route is called that is no opportunity: ``needs_size`` → needs size."""
    return _STATUSES.get(status, status)
