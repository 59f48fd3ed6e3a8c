"""Which alerts a changed route makes: rules, what they remember of it, and the route now → alerts and the next memory.

Pure functions. The same change makes the same alerts under the same ids; with what was remembered of it, it makes none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from arbkit.alerts.alert import Alert, AlertType
from arbkit.alerts.doubts import Doubt, doubt_of
from arbkit.alerts.rules import OCCASIONS, Occasion, Rule, low_end
from arbkit.core.formatting import money, number, percent
from arbkit.core.models import Opportunity
from arbkit.core.results import OpportunityOut
from arbkit.store.routes import RouteChange, RouteMemory, RuleState

LIFE_S = 24 * 3600.0
"""How long an alert says something: a price of yesterday is another price."""
_LEAST_RISE = 1.0
"""Of a profit, in the home currency: a quarter of 40 cents is no news."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The alerts of a change, and what is remembered of its route."""

    alerts: tuple[Alert, ...]
    memory: RouteMemory


@dataclass(frozen=True, slots=True)
class _Step:
    """What a rule makes of a change: at most one alert, whose type and reason it gives, and its state after it."""

    state: RuleState
    type: AlertType | None = None
    why: str = ""


def decide(
    rules: Sequence[Rule],
    change: RouteChange,
    *,
    now: float,
    groups: frozenset[str] = frozenset(),
    held: Sequence[str] = (),
    is_dismissed: bool = False,
) -> Decision | None:
    """What is announced and remembered of a change; None where it is no opportunity, and never was one.

    Args:
        rules: those in force.
        change: the route after a result, with what is remembered of it.
        now: Unix seconds, the time of the alerts of a route that has ended.
        groups: those of the product in the watchlist.
        held: names of rules whose states are kept although they say nothing: those with a mistake in the file.
        is_dismissed: somebody does not want to hear of the route now; it is news when that has ended.
    """
    memory, after = change.memory, change.after
    route = after if after is not None and after.status == "opportunity" else None
    if is_dismissed:
        rules = ()
    at = now if after is None else after.evaluated_at
    doubt = None if route is None else doubt_of(route, memory)
    shown = after or change.before
    known = {} if memory is None else memory.rules
    alerts: list[Alert] = []
    states = {name: _unheard(known[name], over=route is None) for name in held if name in known}
    for rule in rules:
        state = known.get(rule.name, RuleState())
        mine = route if route is not None and rule.selects(route, groups) else None
        if rule.is_muted(at) or mine is not route:
            states[rule.name] = _unheard(state, over=mine is None or low_end(mine) < rule.clears_below)
            continue
        step = _follow(rule, state, mine, memory, doubt, at)
        states[rule.name] = step.state
        if step.type is not None and shown is not None:
            alerts.append(_alert(rule, step.type, step.why, shown, change.number, at))
    states = {name: state for name, state in states.items() if state != RuleState()}
    if route is not None:
        return Decision(tuple(alerts), _believed(memory, route, doubt, states))
    if memory is None:
        return None
    ended_at = now if after is None else None
    return Decision(tuple(alerts), replace(memory, rules=states, doubted_at=None, ended_at=ended_at))


def _unheard(state: RuleState, *, over: bool) -> RuleState:
    """The state of a rule that says nothing: as it was, until the route is ``over`` or no business of the rule."""
    return RuleState(at=state.at) if over else state


def _follow(
    rule: Rule, state: RuleState, route: Opportunity | None, memory: RouteMemory | None, doubt: Doubt | None, at: float
) -> _Step:
    """What a rule makes of a route that it selects; None: of one that is no opportunity."""
    if route is None or low_end(route) < rule.clears_below:
        return _cleared(rule, state, route, at)
    if not rule.is_met(route):
        return _Step(_watched(state, route, held=""))
    happened = _happened(rule, state, route, memory)
    wanted = [one for one in OCCASIONS if one in happened and one in rule.on and not _is_cooling(rule, state, one, at)]
    if wanted and doubt is not None:
        # Said once, until it is another doubt or none.
        why = "" if state.held == doubt.code else doubt.why
        return _Step(_watched(state, route, held=doubt.code), "data_problem" if why else None, why)
    if wanted:
        after = _announced(state, route, rule, wanted[0], at)
        return _Step(after, wanted[0], _why(rule, happened, state, route, memory))
    if state.standing:
        return _Step(_watched(state, route, held="", on_target=state.on_target and _is_on_target(rule, route)))
    if doubt is not None or "new_opportunity" in rule.on:
        # Where it was announced lately, it is news when that has passed, if it still pays.
        return _Step(_watched(state, route, held=""))
    return _Step(_announced(state, route, rule, None, at))


def _cleared(rule: Rule, state: RuleState, route: Opportunity | None, at: float) -> _Step:
    """The route does not pay any more as the rule asks."""
    ended = RuleState(at=state.at)
    if not state.standing or "ended" not in rule.on or _is_cooling(rule, state, "ended", at):
        return _Step(ended)
    was = money(state.profit_low, state.currency)
    now = "it is no opportunity any more" if route is None else f"now it leaves {money(low_end(route), route.currency)}"
    return _Step(replace(ended, at={**state.at, "ended": at}), "ended", f"It left at least {was}; {now}.")


def _happened(rule: Rule, state: RuleState, route: Opportunity, memory: RouteMemory | None) -> set[Occasion]:
    """What is news of a route that meets the rule, whether the rule wants it or not."""
    found: set[Occasion] = set()
    if not state.standing:
        found.add("new_opportunity")
    if _is_on_target(rule, route) and not state.on_target:
        found.add("target_price")
    before = _price_before(state, memory)
    if before is not None and route.buy_price <= (1 - rule.price_drop_pct / 100) * before:
        found.add("price_drop")
    if state.standing and state.currency == route.currency:
        risen = low_end(route) - state.profit_low
        if risen >= max(_LEAST_RISE, abs(state.profit_low) * rule.profit_rise_pct / 100):
            found.add("margin_increase")
    if memory is not None and memory.amazon_sells is True and route.amazon_sells is False:
        found.add("amazon_out_of_stock")
    return found


def _price_before(state: RuleState, memory: RouteMemory | None) -> float | None:
    """The buying price that a fall counts from."""
    if state.standing:
        return state.buy_price
    return None if memory is None else memory.buy_price


def _is_on_target(rule: Rule, route: Opportunity) -> bool:
    target = rule.target_price.get(route.source)
    return target is not None and route.buy_price <= target


def _is_cooling(rule: Rule, state: RuleState, occasion: Occasion, at: float) -> bool:
    last = state.at.get(occasion)
    # A last time that is still to come was noted by a clock that has been set back since.
    return last is not None and 0 <= at - last < rule.cool_down_hours * 3600


def _announced(state: RuleState, route: Opportunity, rule: Rule, occasion: Occasion | None, at: float) -> RuleState:
    """The state from which on the next news counts."""
    return RuleState(
        standing=True,
        profit_low=low_end(route),
        currency=route.currency,
        buy_price=route.buy_price,
        on_target=_is_on_target(rule, route) and (occasion is not None or state.on_target),
        at=state.at if occasion is None else {**state.at, occasion: at},
    )


def _watched(state: RuleState, route: Opportunity, *, held: str, on_target: bool | None = None) -> RuleState:
    """The state after a change that is no news; a price that went up is what its next fall counts from."""
    reached = state.on_target if on_target is None else on_target
    peak = max(state.buy_price, route.buy_price) if state.standing and not held else state.buy_price
    if state.standing and state.currency != route.currency:
        # In another home currency the profit of the last alert says nothing.
        return replace(
            state, held=held, on_target=reached, buy_price=peak, profit_low=low_end(route), currency=route.currency
        )
    if (held, reached, peak) == (state.held, state.on_target, state.buy_price):
        return state
    return replace(state, held=held, on_target=reached, buy_price=peak)


def _believed(
    memory: RouteMemory | None, route: Opportunity, doubt: Doubt | None, states: Mapping[str, RuleState]
) -> RouteMemory:
    """The figures that later changes are compared with: a price that is not believed is not among them."""
    amazon = route.amazon_sells
    if amazon is None and memory is not None:
        amazon = memory.amazon_sells
    if memory is None or doubt is None or doubt.code != "steep_drop":
        return RouteMemory(buy_price=route.buy_price, amazon_sells=amazon, rules=states)
    first = route.data_at if memory.doubted_at is None else memory.doubted_at
    return RouteMemory(buy_price=memory.buy_price, amazon_sells=amazon, rules=states, doubted_at=first)


def _alert(rule: Rule, kind: AlertType, why: str, route: Opportunity, made_of: int, at: float) -> Alert:
    name = "\0".join((route.id, rule.name, kind, str(made_of)))
    return Alert(
        id=blake2b(name.encode(), digest_size=16).hexdigest(),
        type=kind,
        at=at,
        expires_at=at + LIFE_S,
        asin=route.asin,
        source=route.source,
        target=route.target,
        rule=rule.name,
        why=why,
        priority=priority(route),
        opportunity=OpportunityOut.model_validate(route.public(now=at)),
    )


def priority(route: Opportunity) -> float:
    """The low end of profit weighted by confidence, in the route's currency."""
    return round(low_end(route) * route.confidence, 2)


def _why(rule: Rule, happened: set[Occasion], state: RuleState, route: Opportunity, memory: RouteMemory | None) -> str:
    """Everything that is news, and what the route leaves, in one sentence."""
    parts = []
    before = _price_before(state, memory)
    if "target_price" in happened:
        asked = money(rule.target_price[route.source], route.buy_currency)
        parts.append(
            f"it costs {money(route.buy_price, route.buy_currency)} on {route.source}, where {asked} is waited for"
        )
    if "price_drop" in happened and before:
        fall = percent(100 * (1 - route.buy_price / before), 0)
        prices = f"from {money(before, route.buy_currency)} to {money(route.buy_price, route.buy_currency)}"
        parts.append(f"the buying price on {route.source} fell by {fall} {prices}")
    if "amazon_out_of_stock" in happened:
        parts.append(f"Amazon itself no longer sells it on {route.target}")
    leaves = f"leaves at least {money(low_end(route), route.currency)}"
    if "margin_increase" in happened:
        leaves += f", {money(state.profit_low, state.currency)} when last announced,"
    parts.append(f"{route.source} → {route.target} {leaves}")
    sentence = f"{'; '.join(parts)} at {percent(route.roi_pct)} ROI and confidence {number(route.confidence)}."
    return sentence[0].upper() + sentence[1:]
