"""Where the parts that probes need are found in each layout of the package; all knowledge of old names is here.

A probe of this tree also measures older commits, whose modules have other names. It therefore imports nothing of
arbkit but asks for a role: ``find("store.open")``. After a move, put the new "module:attribute" first in the role's
row and leave the older ones behind it. A part whose call changes too gets a small wrapper in this file.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

__all__ = ["ROLES", "LayoutError", "find", "page_event"]

ROLES: Mapping[str, Sequence[str]] = {
    "settings": ("arbkit.core.settings:Settings", "arbkit.settings:Settings"),
    "store.open": ("arbkit.store:open_store",),
    "envelope.decode": ("arbkit.sources.envelope:from_envelope", "arbkit.canonical:from_envelope"),
    "profit.profile": ("arbkit.profit:Profile", "arbkit.money:Profile"),
    "profit.rates": ("arbkit.profit:load_rates", "arbkit.money:load_rates"),
    "profit.tables": ("arbkit.profit:load_tables", "arbkit.money:load_tables"),
    "profit.offer_costs": ("arbkit.profit.offer_costs:cost_offers", "arbkit.money.resolve:resolve"),
    "profit.seller": ("arbkit.profit.trade_costs:SellerCosts", "arbkit.money.sides:Seller"),
    "profit.evaluate": ("arbkit.profit.evaluation:evaluate_costs", "arbkit.money.profit:evaluate_resolved"),
    "page.opportunities": (
        "arbkit.web.dashboards.composed.layout:placed",
        "arbkit.web.dashboards.opportunities.page:OpportunitiesPage",
        "arbkit.web.dashboards.opportunities.page:OpportunitiesBoard",
        "arbkit.dashboard.opportunities:OpportunitiesBoard",
    ),
}
"""Role → candidates as "module:attribute", the newest first. The names without an alternative are those of 0.1."""


def _opportunities_page(_: object) -> Callable[[Any], Any]:
    """The page as a shipped notebook composes it."""
    from tests.helpers.pages import shipped_page

    return partial(shipped_page, "opportunities")


_WRAPPERS: Mapping[str, Callable[[Any], Any]] = {"arbkit.web.dashboards.composed.layout:placed": _opportunities_page}
"""What makes the part that is asked for of a candidate that is called in another way."""


class LayoutError(LookupError):
    """No known layout has the part that fills a role."""


def find(role: str) -> Any:
    """The part that fills a role in the arbkit that this process imports: its first candidate that is there.

    Raises:
        LayoutError: none is; names all candidates.
    """
    for candidate in ROLES[role]:
        module, _, attribute = candidate.partition(":")
        try:
            found = getattr(importlib.import_module(module), attribute)
            return _WRAPPERS[candidate](found) if candidate in _WRAPPERS else found
        except ImportError as error:
            # A module that is there but lacks a package of its own is not another layout.
            if not module.startswith(str(error.name)):
                raise
        except AttributeError:
            continue
    raise LayoutError(f"no layout has {role}: tried {', '.join(ROLES[role])}; add its name to {__name__}")


def page_event(kind: str, number: int, **content: object) -> dict[str, object]:
    """A message as the front end sends it to a page: ``ready``, ``form``, ``sort`` or ``page``.

    ``number`` is the message's own, which the page's answer repeats.
    """
    return {"type": kind, "wish": number, **content}
