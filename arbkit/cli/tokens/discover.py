"""Commands for discovery: candidates for the watchlist, and what a person decides about them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from arbkit.cli.shared import JSON, answer, load_settings, print_table, say
from arbkit.core.formatting import age_words, counted

if TYPE_CHECKING:
    from arbkit.pipeline.discovery.candidates import Candidate
    from arbkit.pipeline.discovery.overview import DiscoveryOverview

app = typer.Typer(name="discover", help="Products that nobody watches yet, found in Keepa's lists: what came of them.")
_MAX_PRINTED = 50
"""Products that are printed without ``--json``."""
_NAMES = {"best_sellers": "best sellers", "deals": "deals"}
_ASINS = typer.Argument(..., help="ASINs or Amazon product URLs.")


@app.callback(invoke_without_command=True)
def discover(context: typer.Context, json: bool = JSON) -> None:
    """List candidates for the watchlist: where each was found, since when, and what came of it."""
    if context.invoked_subcommand is not None:
        return
    from arbkit.pipeline.discovery.overview import overview

    found = overview(load_settings(settled=True))
    answer(found.model_dump(mode="json"), json, lambda _: _print(found))


@app.command("promote")
def promote(asins: list[str] = _ASINS) -> None:
    """Put products on the watchlist; no rule of discovery takes them off again."""
    from arbkit.pipeline.discovery.by_hand import promote as put_on_list
    from arbkit.store import open_store

    settings = load_settings(settled=True)
    with open_store(settings) as store:
        added = put_on_list(settings, store, asins)
    say(f"added {counted(len(added), 'product')} to the watchlist")


@app.command("demote")
def demote(asins: list[str] = _ASINS) -> None:
    """Give products up for good: they leave the watchlist, and discovery does not bring them back."""
    from arbkit.pipeline.discovery.by_hand import demote as give_up
    from arbkit.store import open_store

    settings = load_settings(settled=True)
    with open_store(settings) as store:
        removed = give_up(settings, store, asins)
    say(f"gave up {counted(len(set(asins)), 'product')}, of which {len(removed)} left the watchlist")


def _print(found: DiscoveryOverview) -> None:
    if found.share_pct:
        say(f"discovery may spend {found.share_pct:g} % of the tokens, {found.allowance} now")
    else:
        say("discovery is off: set ARBKIT_DISCOVERY_SHARE to the percent of the tokens that it may spend")
    if found.items:
        print_table(("list", ">tokens", ">candidates", ">promoted", ">opportunities", ">tokens each"), [
            (
                _NAMES[one.origin], f"{one.tokens:,}", f"{one.candidates:,}", f"{one.promoted:,}",
                f"{one.opportunities:,}",
                "none yet" if one.tokens_per_opportunity is None else f"{one.tokens_per_opportunity:,.0f}",
            )
            for one in found.yields
        ])  # fmt: skip
    rows = [
        (
            one.asin,
            one.state,
            age_words(max(0.0, time.time() - one.since), days="days"),
            one.why,
            ", ".join(map(_origin, one.origins)) or "by hand",
            f"{one.opportunities:,}",
        )
        for one in found.items[:_MAX_PRINTED]
    ]
    if not rows:
        say("nothing was found yet")
        return
    print_table(("product", "is", ">since", "why", "found in", ">opportunities"), rows, whole=("product",))
    if (more := found.total - len(rows)) > 0:
        say(f"and {more:,} more: `arbkit discover --json` has all")


def _origin(one: Candidate) -> str:
    place = f" ({one.rank})" if one.rank is not None else f" (-{one.drop_pct} %)" if one.drop_pct is not None else ""
    return f"{_NAMES[one.origin]} {one.market}{place}"
