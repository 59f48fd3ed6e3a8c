"""``arbkit plan``: what is looked at next and why, what it costs, and what more tokens would bring."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import typer

from arbkit.cli.progress import progress
from arbkit.cli.shared import JSON, answer, load_settings, print_table, say
from arbkit.core.formatting import age_words, counted, money, number, percent
from arbkit.core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from arbkit.pipeline.polling.next_looks import NextLooks, Values, ValuesOf
    from arbkit.pipeline.polling.outlook import Outlook
    from arbkit.pipeline.polling.round_cost import RoundCost

_MAX_PRINTED = 10
"""Calls to come that are printed without ``--json``."""
_WORTH_SAYING = 1.001


def values_of(settings: Settings) -> ValuesOf:
    """What a look may be worth, by the profit model and by what somebody watches."""

    def made(markets: Sequence[str]) -> Values:
        # Half a second of imports, which nobody waits for before the first looks are paid.
        from arbkit.alerts.watching import WatchedProducts
        from arbkit.analysis.market.look_values import LookValues

        return LookValues(settings, markets, watched=WatchedProducts(settings))

    return made


def plan(
    hours: float | None = typer.Option(
        None, min=0.1, max=168.0, help="How many hours are played through; default: a week, of very long lists a day."
    ),
    refill: int | None = typer.Option(
        None, min=0, help="Compare with a subscription of this many tokens a minute; default: twice as many as now."
    ),
    products: int | None = typer.Option(None, min=1, help="Say what a watchlist of this many products would cost."),
    json: bool = JSON,
) -> None:
    """Show what is looked at next and why, how old facts will be, and what more tokens would bring."""
    from arbkit.pipeline.polling.outlook import default_hours, outlook
    from arbkit.pipeline.polling.plan_file import outlook_document
    from arbkit.profit import load_profile
    from arbkit.sources.keepa_api.token_budget import read_tokens

    settings, now = load_settings(settled=True), time.time()
    tokens = read_tokens(settings)
    with progress("reading what is known"):
        looks = _learned(settings, now)
    other = refill if refill is not None else 2 * tokens.refill_rate if tokens is not None else None
    with progress("playing it through"):
        found = outlook(looks, tokens, now, hours=hours or default_hours(looks, tokens), refill=other)
    profile = load_profile(settings.profile_path, settings.profile_name)
    document = {**outlook_document(found).model_dump(mode="json"), "currency": profile.currency}
    document["tokens"]["next_in_s"] = None if tokens is None else tokens.wait_s(now)
    if products is not None:
        document["for_products"] = _list_cost(settings, products, found)
    answer(document, json, _print_plan)


def _learned(settings: Settings, now: float) -> NextLooks:
    from arbkit.pipeline.polling.next_looks import NextLooks
    from arbkit.pipeline.producer_state import Progress
    from arbkit.pipeline.watchlist.following import WatchedList

    watch = WatchedList(settings)
    watch.refresh(required=False)
    looks = NextLooks(settings, Progress(settings.home / "producer.json"), values_of(settings))
    looks.follow(watch.asins)
    while looks.learn(now):
        pass
    return looks


def show_round_cost(settings: Settings, *, json: bool) -> None:
    """Print what one look at everything that is watched would cost; nothing is asked for it.

    Raises:
        ConfigError: there is no watchlist, or it cannot be read.
        StoreError: the store, which is the list, does not answer.
    """
    from arbkit.pipeline.polling.round_cost import round_cost
    from arbkit.pipeline.watchlist.reading import load_now
    from arbkit.sources.keepa_api.token_budget import read_tokens

    products = len(load_now(settings).items)
    answer(round_cost(settings, products, read_tokens(settings), time.time()), json, _print_round_cost)


def _print_round_cost(cost: RoundCost) -> None:
    together = ("all", cost.calls, cost.tokens)
    rows = [
        (name, f"{calls:,}", f"{tokens.with_buy_box:,}", f"{tokens.without:,}")
        for name, calls, tokens in [*((one.market, one.calls, one.tokens) for one in cost.markets), together]
    ]
    columns = ("on", ">calls", ">tokens with buy box", ">tokens without")
    print_table(columns, rows, title=f"One look at {counted(cost.products, 'product')}, at most")
    asks = "with" if cost.buy_box else "without"
    say(f"`arbkit produce --once` asks {asks} the buy box (ARBKIT_KEEPA_BUYBOX); nothing was asked or spent just now")
    if cost.left is None:
        say("How long that takes is not known before a producer has asked how many tokens there are")
    elif cost.time is None:
        say(f"{counted(cost.left, 'token')} left, and no more come in: the key has no running subscription")
    else:
        took = cost.time
        now = _from_now(took.with_buy_box_from_now_s)
        if took.without_from_now_s != took.with_buy_box_from_now_s:
            now = f"{now}, or {_from_now(took.without_from_now_s)}"
        say(
            f"{counted(cost.refill_per_minute or 0, 'token')} come a minute: what it costs comes in within "
            f"{age_words(took.with_buy_box_s)}, without the buy box within {age_words(took.without_s)}; with the "
            f"{cost.left:,} that are left it is all there {now}"
        )


def _from_now(seconds: float) -> str:
    return "at once" if seconds <= 0 else f"in {age_words(seconds)}"


def _list_cost(settings: Settings, products: int, found: Outlook) -> dict[str, Any]:
    """What a watchlist of this many products would cost at the present plan."""
    from arbkit.pipeline.planning.ages import age_bound
    from arbkit.sources.keepa_api.token_costs import tokens_of_look

    offers, refill = products * len(settings.markets), found.refill_per_minute
    round_tokens = offers * tokens_of_look(buybox=settings.keepa_buybox)
    cheap = offers * tokens_of_look(buybox=False)
    cost: dict[str, Any] = {
        "products": products,
        "round_tokens": {"with_buy_box": round_tokens, "without": cheap},
        "round_s": None,
        "oldest_s": None,
    }
    if refill is not None and refill > 0:
        cost["round_s"] = {"with_buy_box": 60 * round_tokens / refill, "without": 60 * cheap / refill}
        cost["oldest_s"] = 86_400 * age_bound(offers, refill)
    return cost


def _print_plan(plan: Mapping[str, Any]) -> None:
    tokens, watched, other = plan["tokens"], plan["watchlist"], plan["with_double"]
    if plan["state"]:
        say(plan["state"])
    if tokens["left"] is not None:
        wait = (
            "" if tokens["left"] or not tokens["refill_per_minute"] else f", next in {age_words(tokens['next_in_s'])}"
        )
        say(f"{counted(tokens['left'], 'token')} left{wait}, {tokens['refill_per_minute']:,} more a minute")
    rounds = watched["round_tokens"]
    say(
        f"{counted(watched['products'], 'product')} on {counted(watched['markets'], 'marketplace')}: one look at "
        f"everything costs {rounds['with_buy_box']:,} tokens with the buy box, {rounds['without']:,} without"
    )
    currency = plan["currency"]
    rows = [
        (
            _in(call["at"] - time.time()),
            call["market"],
            f"{len(call['asins'])}",
            f"{call['tokens']}",
            number(call["value"]),
            call["first"][0]["asin"],
            _since(call["first"][0], for_age=call["for_age"]),
            number(call["first"][0]["stake"]),
        )
        for call in plan["next"][:_MAX_PRINTED]
    ]
    if rows:
        columns = ("in", "on", ">looks", ">tokens", ">reveals", "first", "last look, moved", ">stake")
        print_table(columns, rows, title="Next")
        say(f"  stake: {currency} that a move of its price decides on, over all routes it takes part in, for one unit")
        say("  reveals: the stakes of all looks of the call, each by the chance that its price has moved")
    if watched["value_per_day"] is not None:
        _print_paces(watched, other, currency)
    if asked := plan.get("for_products"):
        _print_list_cost(asked)


def _print_paces(watched: Mapping[str, Any], other: Mapping[str, Any], currency: str) -> None:
    rows = [
        (
            f"{pace['refill_per_minute']:,}",
            f"{pace['tokens_per_day']:,.0f}",
            _age(pace["age_p50_s"]),
            _age(pace["age_p90_s"]),
            _age(pace["oldest_s"]),
            money(pace["value_per_day"], currency),
        )
        for pace in (watched, other)
        if pace["refill_per_minute"] is not None
    ]
    columns = (">tokens a minute", ">spent a day", ">half younger than", ">9 of 10 younger than", ">none older than",
               ">revealed a day")  # fmt: skip
    print_table(columns, rows, title="What the tokens come to")
    if (ratio := other["value_ratio"]) is None:
        return
    paid = f"{other['refill_per_minute']:,} tokens a minute"
    if ratio < 1 / _WORTH_SAYING:
        less = money(30 * (watched["value_per_day"] - other["value_per_day"]), currency)
        say(f"With {paid} looks reveal {percent(100 * (1 - ratio))} less: {less} a month, for one unit of each route")
        return
    if ratio < _WORTH_SAYING:
        say(f"With {paid} looks would reveal no more: everything is looked at as often as it is worth")
        return
    more = money(30 * (other["value_per_day"] - watched["value_per_day"]), currency)
    say(
        f"With {paid} looks reveal {percent(100 * (ratio - 1))} more: {more} a month, for one unit of each route, to "
        "set against what that subscription costs more"
    )


def _print_list_cost(asked: Mapping[str, Any]) -> None:
    rounds, each = asked["round_tokens"], asked["round_s"]
    took = "" if each is None else f", a round every {_age(each['with_buy_box'])} or {_age(each['without'])}"
    oldest = "" if asked["oldest_s"] is None else f"; none goes unseen for longer than {_age(asked['oldest_s'])}"
    say(
        f"{counted(asked['products'], 'product')}: {rounds['with_buy_box']:,} tokens a round with the buy box, "
        f"{rounds['without']:,} without{took}{oldest}"
    )


def _age(seconds: float | None) -> str:
    return "" if seconds is None else age_words(seconds)


def _since(reason: Mapping[str, Any], *, for_age: bool) -> str:
    if reason["age_s"] is None:
        return "never"
    age = age_words(reason["age_s"])
    return f"{age}, waits longest" if for_age else f"{age}, {percent(reason['moved_pct'])}"


def _in(seconds: float) -> str:
    return "now" if seconds < 60 else age_words(seconds)


def register(app: typer.Typer) -> None:
    """Add ``plan`` to the command line."""
    app.command()(plan)
