"""What if: the chosen route asked again with other prices, another VAT status, another way, another seller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import ipywidgets as widgets

from arbkit.dashboard.panels import error_html
from arbkit.errors import ArbkitError
from arbkit.money import Profile, load_rates, load_tables
from arbkit.money.answer import answer
from arbkit.money.profit import WAYS
from arbkit.money.question import Question

__all__ = ["WhatIf", "answer_html"]

_OWN = "as in the profile"
_STATUSES = ("reclaiming", "not-reclaiming", "unregistered")


class WhatIf:
    """The panel; ``widget`` is what is displayed. It reckons only while it is open."""

    def __init__(self, profiles: Callable[[], Mapping[str, Profile]]) -> None:
        self._profiles = profiles
        self._ask: Callable[[Profile], Question] | None = None
        self._filling = False
        style = {"style": {"description_width": "120px"}, "layout": widgets.Layout(width="260px")}
        self.profile = widgets.Dropdown(options=[""], description="Seller profile", **style)
        self.buy = widgets.BoundedFloatText(0, min=0.01, max=1e6, step=0.5, description="Buy at", **style)
        self.sell = widgets.BoundedFloatText(0, min=0.01, max=1e6, step=0.5, description="Sell at", **style)
        self.vat_status = widgets.Dropdown(options=[_OWN, *_STATUSES], description="VAT status", **style)
        self.fulfilment = widgets.Dropdown(options=["best", *WAYS], description="Fulfilment", **style)
        self.warehouses = widgets.Dropdown(options=[_OWN, "de", "cep"], description="German stock", **style)
        self.expected_days = widgets.BoundedFloatText(0, min=0, max=3650, step=10, description="Days stored", **style)
        self.return_rate = widgets.BoundedFloatText(0, min=0, max=100, step=1, description="Returns %", **style)
        self.fbm_shipping = widgets.Text("", placeholder="own parcel, net", description="FBM shipping", **style)
        self.target_roi = widgets.BoundedFloatText(30, min=0, max=1000, step=5, description="Target ROI %", **style)
        self._result = widgets.HTML()
        controls = [
            self.profile, self.buy, self.sell, self.vat_status, self.fulfilment, self.warehouses, self.expected_days,
            self.return_rate, self.fbm_shipping, self.target_roi,
        ]  # fmt: skip
        for one in controls:
            one.observe(lambda _: self._reckon(), "value")
        self.profile.observe(lambda _: self._fill_from_profile(), "value")
        box = widgets.HBox([widgets.VBox(controls), self._result])
        self.widget = widgets.Accordion([box], titles=("What if …",), selected_index=None)
        self.widget.observe(lambda _: self._reckon(), "selected_index")

    def show(self, ask: Callable[[Profile], Question] | None, *, buy: float, sell: float) -> None:
        """Begin with a route: ``ask`` gives its question for a profile."""
        self._ask = ask
        self._filling = True
        try:
            self.profile.options = list(self._profiles())
            self.buy.value, self.sell.value = buy, sell
            self._fill_from_profile()
        except ArbkitError as error:
            self._result.value = error_html(str(error))
            return
        finally:
            self._filling = False
        self._reckon()

    def _fill_from_profile(self) -> None:
        """The seller's own days, returns and target, to begin from."""
        profile = self._profiles().get(self.profile.value)
        if profile is None:
            return
        was, self._filling = self._filling, True
        self.expected_days.value = profile.expected_days
        self.return_rate.value = profile.return_rate_pct
        self.target_roi.value = profile.target_roi_pct
        self._filling = was
        self._reckon()

    def _reckon(self) -> None:
        if self._filling or self._ask is None or self.widget.selected_index is None:
            return
        try:
            profile = self._profiles()[self.profile.value]
            changed: dict[str, Any] = {
                "buy": self.buy.value, "sell": self.sell.value, "fulfilment": self.fulfilment.value,
                "expected_days": self.expected_days.value, "return_rate_pct": self.return_rate.value,
                "target_roi": self.target_roi.value, "vat_status": _given(self.vat_status.value),
                "warehouses": _given(self.warehouses.value), "fbm_shipping": self.fbm_shipping.value.strip() or None,
            }  # fmt: skip
            asked = self._ask(profile).model_dump(exclude_none=True)
            question = Question.asked({**asked, **{k: v for k, v in changed.items() if v is not None}})
            self._result.value = answer_html(answer(question, profile, load_tables(), load_rates()))
        except ArbkitError as error:
            self._result.value = error_html(str(error))


def _given(value: str) -> str | None:
    return None if value == _OWN else value


def answer_html(found: Mapping[str, Any]) -> str:
    """An answer of :func:`arbkit.money.answer.answer` for people: profit, prices to look for, the other ways."""
    currency = escape(found["currency"])
    parts = [f'<div class="arbkit-whatif"><h2>{_headline(found)}</h2>']
    if found["profit"] is not None:
        roots = ", ".join(f"{p:.2f}" for p in found["break_even_sell"]) or "no price"
        highest = found["max_buy"]
        most = "no price" if highest["price"] is None else f"{highest['price']:.2f} {escape(highest['currency'])}"
        parts.append(
            f"<div>Break-even selling at <b>{roots}</b>; buy at most for <b>{most}</b> "
            f"({highest['target_roi_pct']:g} % ROI)</div>"
        )
        low, high = found["referral"]["profit_range"]
        if low != high:
            names = escape(", ".join(found["referral"]["candidates"]))
            parts.append(f"<div>{low:.2f} to {high:.2f} {currency}, as it falls under one of: {names}</div>")
    for label, texts in (("Unknown", found["unknown"]), ("Hint", found["hints"]), ("Note", found["warnings"])):
        parts += [f"<div><i>{label}:</i> {escape(text)}</div>" for text in texts]
    rows = [("by " + a["fulfilment"], a["profit"], a["why_not"]) for a in found["alternatives"]]
    rows += [(f"{g['vat_status']}, VAT class {g['vat_class']}", g["profit"], g["why_not"]) for g in found["vat_grid"]]
    rows += [(f"{s['of'].replace('_', ' ')} {s['change_pct']:+g} %", s["profit"], None) for s in found["sensitivity"]]
    body = ""
    for name, profit, why in rows:
        amount = "–" if profit is None else f"{profit:.2f}"
        body += f'<tr><td>{escape(name)}</td><td class="n">{amount}</td><td>{escape(why or "")}</td></tr>'
    head = f'<tr><th>If instead</th><th class="n">Profit, {currency}</th><th></th></tr>'
    parts.append(f"<table><thead>{head}</thead><tbody>{body}</tbody></table></div>")
    return "".join(parts)


def _headline(found: Mapping[str, Any]) -> str:
    if found["profit"] is None:
        return "Profit unknown"
    return (
        f"Profit {found['profit']:.2f} {escape(found['currency'])}, ROI {found['roi_pct']:.1f} %, "
        f"margin {found['margin_net_pct']:.1f} %, by {escape(found['fulfilment'])}"
    )
