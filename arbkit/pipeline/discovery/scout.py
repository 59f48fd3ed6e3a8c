"""The scout: what discovery asks of Keepa next within its share of the tokens, and what it makes of the answers.

It makes no calls itself: the producer asks it for the next one where the watchlist leaves tokens over, makes the call,
publishes products as it does its own, and hands over the answer.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from arbkit.core.errors import ConfigError, ServiceError
from arbkit.core.files import file_stamp
from arbkit.core.settings import Settings
from arbkit.pipeline.discovery.candidates import Candidate, Discovered, ListName, found_in, merged
from arbkit.pipeline.discovery.kept import (
    Discovery,
    ListYield,
    change_discovery,
    discovery_path,
    list_key,
    read_discovery,
)
from arbkit.pipeline.discovery.knowledge import Knowledge
from arbkit.pipeline.discovery.rules import DiscoveryRules, discovery_rules, due_looks, judged
from arbkit.sources.keepa_api.calls import BestSellersCall, Call, DealsCall, ProductCall
from arbkit.sources.keepa_api.product_lists import BestSellers, DealsPage
from arbkit.sources.keepa_api.token_budget import Tokens
from arbkit.sources.keepa_api.token_costs import cost_at_most, products_within, tokens_of_look

if TYPE_CHECKING:
    from arbkit.sources.keepa_api.client import Batch

logger = logging.getLogger(__name__)

ScoutAnswer: TypeAlias = "Batch | DealsPage | BestSellers"
_MOST_ASINS = 100
_SETTLE_S = 600.0
"""How often it is asked what came of candidates."""
_CATEGORIES_S = 86_400.0
"""How often it is asked which categories are watched."""
_AGAIN_S = 600.0
"""A call that was handed out and has no answer yet is not handed out again before that."""
_DAY_MIN = 1_440.0
_PRIOR_FINDS, _PRIOR_TOKENS = 1.0, 100.0
"""What a list is taken for before it has shown what it is: one opportunity for a hundred tokens."""


class Scout:
    """Which calls discovery makes. For one thread; the file that it keeps may be changed by others meanwhile."""

    def __init__(self, settings: Settings, knowledge: Knowledge, *, rules: DiscoveryRules | None = None) -> None:
        self._settings = settings
        self._knowledge = knowledge
        self._rules = rules or discovery_rules()
        self._refill_rate = 0
        self._kept: tuple[tuple[int, int, int] | None, Discovery] = (None, Discovery())
        self._watched: Collection[str] = frozenset()
        self._categories: Mapping[str, tuple[int, ...]] = {}
        self._categories_at = float("-inf")
        self._settle_at = -1.0
        self._handed_out: dict[str, float] = {}
        self._said = ""

    def next_call(self, now: float, tokens: Tokens | None) -> Call | None:
        """The call that is worth most of those that the share allows now; None: none.

        Args:
            now: Unix seconds.
            tokens: as the service said last; where it refills none, discovery spends none.
        """
        if not self._settings.discovery_share or tokens is None or tokens.refill_rate <= 0:
            return None
        try:
            if not self._settle_at - _SETTLE_S <= now < self._settle_at:
                self.settle(now)
            known = self._read(tokens, now)
        except (ConfigError, ServiceError) as error:
            self._say(error)
            self._settle_at = now + _SETTLE_S
            return None
        allowance = self._accrued(known, tokens.refill_rate, now).allowance
        # The watchlist spends what comes in: a list is bought with one token left, as all calls may be.
        most = min(int(allowance), self._settings.call_tokens)
        if most <= 0 or tokens.level(now) < 1:
            return None
        call = next((one for one in self._wished(known, now, most) if cost_at_most(one) <= most), None)
        if call is not None:
            self._handed_out[_key(call)] = now
        return call

    def take(self, call: Call, answer: ScoutAnswer, now: float) -> None:
        """Keep what an answer to a call says; also those to calls that were made for another purpose are welcome.

        Raises nothing: where the file cannot be written, what was found is found again.
        """
        is_ours = self._handed_out.pop(_key(call), None) is not None
        consumed = cost_at_most(call) if answer.tokens is None else answer.tokens.consumed
        # What another purpose paid for costs discovery nothing.
        consumed = consumed if is_ours else 0
        try:
            if isinstance(answer, DealsPage | BestSellers):
                watched = self._known_watched()
                change_discovery(self._settings, lambda kept: self._listed(kept, answer, watched, consumed, now))
            elif isinstance(call, ProductCall):
                change_discovery(self._settings, lambda kept: self._looked(kept, call, answer, consumed, now))
        except (ConfigError, ServiceError) as error:
            self._say(error)

    def settle(self, now: float) -> None:
        """Ask what came of the products, promote and demote by the rules, and change the watchlist accordingly.

        Raises:
            ConfigError: ``discovery.json`` is damaged.
            ServiceError: the store, the watchlist or the file cannot be used.
        """
        self._settle_at = now + _SETTLE_S
        markets, kept = self._settings.markets, read_discovery(self._settings)
        watched = self._watched = self._knowledge.watched()
        if not 0 <= now - self._categories_at < _CATEGORIES_S:
            found = self._knowledge.categories().items()
            self._categories = {market: tuple(numbers[: self._rules.categories]) for market, numbers in found}
            self._categories_at = now
        outcomes = self._knowledge.outcomes({asin: one.found_at for asin, one in kept.products.items()})
        changed: dict[str, Discovered | None] = {}
        for asin, one in kept.products.items():
            after = judged(one, outcomes.get(asin), markets, self._rules, now)
            if after is not None and after.state == one.state and watched:
                after = _followed(after, is_watched=asin in watched, now=now)
            if after != one:
                changed[asin] = after
        became = {asin: one for asin, one in changed.items() if one is not None and one.by == "rule"}
        before = {asin: kept.products[asin].state for asin in became}
        # The watchlist first: cut off in between, the same is done once more.
        if promoted := [asin for asin, one in became.items() if one.state == "promoted" != before[asin]]:
            self._knowledge.watch(promoted)
        if demoted := [asin for asin, one in became.items() if one.state == "demoted" and before[asin] == "promoted"]:
            self._knowledge.unwatch(demoted)
        if changed:
            change_discovery(self._settings, lambda latest: _settled(latest, kept, changed))
        for asin in (*promoted, *demoted):
            logger.info("%s is %s: %s", asin, became[asin].state, became[asin].why)

    def _known_watched(self) -> Collection[str]:
        """The watchlist, as it was last known where the store does not answer: the answer at hand is paid for."""
        try:
            self._watched = self._knowledge.watched()
        except (ConfigError, ServiceError) as error:
            self._say(error)
        return self._watched

    def _read(self, tokens: Tokens, now: float) -> Discovery:
        """The content of the file, read when it has changed; the allowance grows from when it is first asked for."""
        self._refill_rate = tokens.refill_rate
        stamp = file_stamp(discovery_path(self._settings))
        if stamp is None or stamp != self._kept[0]:
            kept = read_discovery(self._settings)
            if kept.allowance_at is None:
                kept = change_discovery(self._settings, lambda latest: self._accrued(latest, tokens.refill_rate, now))
                stamp = None
            self._kept = (stamp, kept)
        return self._kept[1]

    def _accrued(self, kept: Discovery, refill_rate: int, now: float) -> Discovery:
        """With the allowance as it is now; it holds what a day allows."""
        per_minute = refill_rate * self._settings.discovery_share / 100
        since = now if kept.allowance_at is None else kept.allowance_at
        grown = kept.allowance + per_minute * max(0.0, now - since) / 60
        most = max(kept.allowance, per_minute * _DAY_MIN)
        return kept.model_copy(update={"allowance": min(most, grown), "allowance_at": now})

    def _wished(self, kept: Discovery, now: float, most: int) -> Iterator[Call]:
        """The calls that make sense now, the best first."""
        due = due_looks(kept.products.values(), self._settings.markets, self._rules, now)
        fit = min(_MOST_ASINS, products_within(most, buybox=False))
        looks = [ProductCall(market, tuple(asins[:fit])) for market, asins in due.items() if asins and fit > 0]
        # The fullest first: a request of many products is no dearer a product, and one of the few there may be.
        looks = [call for call in sorted(looks, key=lambda call: -len(call.asins)) if self._is_free(call, now)]
        waiting = max((len(asins) for asins in due.values()), default=0)
        lists = self._lists(kept, now) if waiting < self._rules.waiting_for_look else []
        return iter([*looks, *lists])

    def _lists(self, kept: Discovery, now: float) -> list[Call]:
        """The lists that may be read again, those first that brought most for their tokens."""
        candidates = sum(one.state == "candidate" for one in kept.products.values())
        if candidates >= self._rules.most_candidates:
            return []
        found: list[tuple[float, Call]] = []
        for market in self._settings.markets:
            numbers = self._categories.get(market, ())
            calls: list[Call] = [DealsCall(market), *(DealsCall(market, number) for number in numbers)]
            calls += [BestSellersCall(market, number) for number in numbers]
            for call in calls:
                record = kept.lists.get(_key(call))
                if self._is_free(call, now) and self._is_due(call, record, now):
                    found.append((_worth(record), call))
        found.sort(key=lambda one: (-one[0], cost_at_most(one[1])))
        return [call for _, call in found]

    def _is_due(self, call: Call, record: ListYield | None, now: float) -> bool:
        of_deals = isinstance(call, DealsCall)
        hours = self._rules.deals_every_hours if of_deals else self._rules.best_sellers_every_hours
        asked_at = 0.0 if record is None else record.asked_at
        return now - asked_at >= hours * 3_600 or asked_at > now + 86_400

    def _is_free(self, call: Call, now: float) -> bool:
        handed_out = self._handed_out.get(_key(call))
        return handed_out is None or not 0 <= now - handed_out < _AGAIN_S

    def _listed(
        self, kept: Discovery, answer: DealsPage | BestSellers, watched: Collection[str], consumed: int, now: float
    ) -> Discovery:
        most = self._rules.best_sellers_first if isinstance(answer, BestSellers) else len(answer.deals)
        candidates = sum(one.state == "candidate" for one in kept.products.values())
        room = self._rules.most_candidates - candidates
        found = found_in(answer, most=most)
        products = merged(kept.products, found, watched=watched, room=room)
        call, origin = answer.call, _origin(answer.call)
        of_list = Candidate(market=call.market, origin=origin, category=call.category, found_at=answer.fetched_at)
        fresh = len(products) - len(kept.products)
        kept = self._accrued(kept, self._refill_rate, now)
        after = kept.counted(of_list, tokens=consumed, candidates=fresh, asked_at=answer.fetched_at)
        return after.model_copy(update={"products": products, "allowance": after.allowance - consumed})

    def _looked(self, kept: Discovery, call: ProductCall, answer: Batch, consumed: int, now: float) -> Discovery:
        each, products, after = (
            tokens_of_look(buybox=call.buybox, offers=call.offers),
            dict(kept.products),
            self._accrued(kept, self._refill_rate, now),
        )
        there = {product["asin"]: _is_listed(product) for product in answer.products}
        for asin in (*there, *answer.missing):
            one = products.get(asin)
            if one is None or one.state != "candidate":
                continue
            spent = each if asin in there else 0
            products[asin] = one.model_copy(
                update={
                    "tokens": one.tokens + spent,
                    "looked": {**one.looked, call.market: one.looked.get(call.market, 0) + 1},
                    "looked_at": {**one.looked_at, call.market: now},
                    "listed": {**one.listed, **({call.market: there[asin]} if asin in there else {})},
                }
            )
            if one.origins:
                after = after.counted(one.origins[0], look_tokens=spent)
        return after.model_copy(update={"products": products, "allowance": after.allowance - consumed})

    def _say(self, error: Exception) -> None:
        """Say what keeps discovery from going on, once."""
        if str(error) != self._said:
            logger.warning("discovery waits: %s", error)
        self._said = str(error)


def _settled(latest: Discovery, seen: Discovery, changed: Mapping[str, Discovered | None]) -> Discovery:
    """The latest content with what became of products, but for those that somebody changed meanwhile."""
    after, products = latest, dict(latest.products)
    for asin, one in changed.items():
        before = seen.products[asin]
        if products.get(asin) != before:
            continue
        if one is None:
            del products[asin]
            continue
        products[asin] = one
        if one.origins:
            promoted = int(one.state == "promoted" != before.state)
            more = max(0, one.opportunities - before.opportunities)
            after = after.counted(one.origins[0], promoted=promoted, opportunities=more)
    return after.model_copy(update={"products": products})


def _followed(one: Discovered, *, is_watched: bool, now: float) -> Discovered:
    """A product as the watchlist has it, where somebody changed that by hand."""
    if one.state == "candidate" and is_watched:
        said = {"state": "promoted", "by": "person", "since": now, "why": "put on the watchlist by hand"}
        return one.model_copy(update=said)
    if one.state == "promoted" and not is_watched:
        said = {"state": "demoted", "by": "person", "since": now, "why": "taken off the watchlist by hand"}
        return one.model_copy(update=said)
    return one


def _worth(record: ListYield | None) -> float:
    """Opportunities for each token."""
    found, spent = (0, 0) if record is None else (record.opportunities, record.tokens + record.look_tokens)
    return (found + _PRIOR_FINDS) / (spent + _PRIOR_TOKENS)


def _origin(call: DealsCall | BestSellersCall) -> ListName:
    return "deals" if isinstance(call, DealsCall) else "best_sellers"


def _key(call: Call) -> str:
    return (
        f"looks:{call.market}" if isinstance(call, ProductCall) else list_key(call.market, _origin(call), call.category)
    )


def _is_listed(product: Mapping[str, object]) -> bool:
    """Whether Keepa knows a product on that marketplace."""
    return bool(product.get("title") or product.get("csv"))
