"""Which alerts two rules ask for, read from what was stored in each round, and how what has arrived differs from it.

Shares no code with ``arbkit.alerts``: a rule is met when three figures reach three limits; it has a word to say when
that begins, and when the low end of profit falls below where it clears.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

__all__ = ["RULES", "Alert", "Arrivals", "Route", "RuleAsked", "asked_for", "differences", "rules_text"]

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class RuleAsked:
    """A rule as its reader understands it; money in EUR, the return in percent."""

    name: str
    min_profit: float
    clears_at: float
    min_roi: float
    min_confidence: float
    says_ended: bool

    def takes(self, route: Route) -> bool:
        return (
            route.profit_low >= self.min_profit
            and route.roi_pct >= self.min_roi
            and route.confidence >= self.min_confidence
        )


RULES = (RuleAsked("worth-it", 10, 6, 15, 0.1, says_ended=True), RuleAsked("large", 25, 20, 40, 0.1, says_ended=False))


@dataclass(frozen=True, slots=True)
class Route:
    """A route as it is stored; ``pays``: it is an opportunity."""

    pays: bool
    sell_price: float
    profit_low: float
    roi_pct: float
    confidence: float


Round = Mapping[str, Route]
"""The stored routes at the end of a round, by ``asin:source:target``."""


class Alert(NamedTuple):
    """What makes an alert another one: of the same there must be one id. The price says which round it is of."""

    route: str
    rule: str
    type: str
    sell_price: float

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Alert:
        """That of a message's JSON."""
        route = ":".join(document[name] for name in ("asin", "source", "target"))
        return cls(route, document["rule"], document["type"], document["opportunity"]["sell_price"])


@dataclass(slots=True)
class Arrivals:
    """What came: on the log and at the webhook whole documents, by mail ids.

    ``headers`` are the ids of the webhook's messages, one for each alert; empty for those that shared a message.
    """

    log: Sequence[Mapping[str, Any]] = ()
    hook: Sequence[Mapping[str, Any]] = ()
    headers: Sequence[str] = ()
    mail: Sequence[str] = ()
    unsigned: int = 0
    unsent: Mapping[str, str] = field(default_factory=dict)
    """Alerts of the history that are not sent on every channel, with what became of them."""


def rules_text() -> str:
    """The rules, for ``alerts.toml``."""
    tables = []
    for rule in RULES:
        on = ["new_opportunity", "ended"] if rule.says_ended else ["new_opportunity"]
        tables.append(
            f'[[rule]]\nname = "{rule.name}"\non = {orjson.dumps(on).decode()}\nmin_profit = {rule.min_profit}\n'
            f"clears_at = {rule.clears_at}\nmin_roi = {rule.min_roi}\nmin_confidence = {rule.min_confidence}\n"
            "cool_down_hours = 0\n"
        )
    return "\n".join(tables)


def asked_for(rounds: Sequence[Round]) -> set[Alert]:
    """Every alert that the rules ask for over these rounds."""
    return {alert for rule in RULES for route in _routes(rounds) for alert in _of_route(rule, route, rounds)}


def _routes(rounds: Sequence[Round]) -> set[str]:
    return {route for stored in rounds for route in stored}


def _of_route(rule: RuleAsked, name: str, rounds: Sequence[Round]) -> Iterator[Alert]:
    stands, before = False, None
    for stored in rounds:
        now = stored.get(name)
        if stands and (now is None or not now.pays or now.profit_low < rule.clears_at):
            stands = False
            if rule.says_ended and (shown := now or before) is not None:
                yield Alert(name, rule.name, "ended", shown.sell_price)
        elif not stands and now is not None and now.pays and rule.takes(now):
            stands = True
            yield Alert(name, rule.name, "new_opportunity", now.sell_price)
        before = now


def differences(rounds: Sequence[Round], came: Arrivals) -> list[str]:
    """Every way in which what came is not what the rules ask for; empty: all is as it must be."""
    asked = asked_for(rounds)
    known = {document["id"]: Alert.of(document) for document in (*came.log, *came.hook)}
    by_mail = {known[one] for one in came.mail if one in known}
    return [
        *_between("on the log", asked, {Alert.of(one) for one in came.log}),
        *_between("at the webhook", asked, {Alert.of(one) for one in came.hook}),
        *_between("by mail", asked, by_mail),
        *_some("mail of an id that is nowhere else", {one for one in came.mail if one not in known}),
        *_ids([*came.log, *came.hook]),
        *_some("below its rule", {one["id"] for one in (*came.log, *came.hook) if _is_below(one)}),
        *_some("another id in the header", _unlike_header(came)),
        *_some("not sent everywhere", {f"{one}: {what}" for one, what in came.unsent.items()}),
        *([f"webhook: {came.unsigned} not signed as agreed"] if came.unsigned else []),
    ]


def _ids(documents: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What has several ids, or shares one."""
    ids, alerts = defaultdict(set), defaultdict(set)
    for document in documents:
        ids[Alert.of(document)].add(document["id"])
        alerts[document["id"]].add(Alert.of(document))
    yield from _some("several ids of one alert", {f"{one}: {found}" for one, found in ids.items() if len(found) > 1})
    yield from _some("one id of several", {f"{one}: {found}" for one, found in alerts.items() if len(found) > 1})


def _is_below(document: Mapping[str, Any]) -> bool:
    """Whether it says that a route pays which does not reach the limits of its rule."""
    if document["type"] == "ended":
        return False
    o = document["opportunity"]
    low = o["profit"] if o.get("profit_low") is None else o["profit_low"]
    route = Route(o["status"] == "opportunity", o["sell_price"], low, o["roi_pct"], o["confidence"])
    return not route.pays or not any(rule.name == document["rule"] and rule.takes(route) for rule in RULES)


def _unlike_header(came: Arrivals) -> set[str]:
    pairs = zip(came.hook, came.headers, strict=True)
    return {f"{document['id']}: {header}" for document, header in pairs if header not in ("", document["id"])}


def _between(where: str, asked: AbstractSet[Alert], found: AbstractSet[Alert]) -> Iterator[str]:
    yield from _some(f"missing {where}", asked - found)
    yield from _some(f"not asked for {where}", found - asked)


def _some(what: str, found: AbstractSet[Any]) -> Iterator[str]:
    if found:
        shown = "; ".join(map(str, sorted(found)[:_SHOWN]))
        yield f"{what}: {shown} ({len(found)} such)"
