"""All policies on the same simulated market, with the same tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from arbkit.pipeline.planning.planner import Parts
from tests.planner_market.deals import Deals
from tests.planner_market.market import Market, make_market
from tests.planner_market.parameters import load_assumed
from tests.planner_market.service import Outcome, Policy, run
from tests.planner_policies.all_knowing import AllKnowing
from tests.planner_policies.arbkit_planner import ArbkitPlanner, TrueRates
from tests.planner_policies.by_rate import ByRate
from tests.planner_policies.importance import told
from tests.planner_policies.noisy_signals import NoisySignals, pages_of
from tests.planner_policies.rates import azar_rates, lambda_crawl_rates
from tests.planner_policies.round_robin import RoundRobin

PLANNER, TRUE_RATES, ALL_KNOWING, ROUND_ROBIN = "arbkit", "true rates", "all-knowing", "round robin"
PUBLISHED = ("Azar et al.", "LambdaCrawl", "noisy signals, none read", "noisy signals")
ABLATIONS = {
    "without change rates": Parts(change_rates=False),
    "without route value": Parts(route_value=False),
    "without two stages": Parts(two_stages=False),
    "without deals": Parts(deals=False),
}
_FORMS = {"cheap looks": False, "full looks": True}


@dataclass(frozen=True, slots=True)
class Cell:
    """A market and its tokens; ``alike``: nothing distinguishes its products; ``cold``: nothing was ever looked at."""

    products: int
    tokens_a_minute: float
    days: int = 7
    alike: bool = False
    cold: bool = False

    def __str__(self) -> str:
        kind = f"{' alike' if self.alike else ''}{' never looked at' if self.cold else ''}"
        what = f"{self.products:,} products{kind}, {self.tokens_a_minute:g} tokens"
        return what if self.days == 7 else f"{what}, {self.days} days"


def policies(
    market: Market, tokens_a_minute: float, deals: Deals, *, ablations: bool, every: bool
) -> dict[str, Callable[[], Policy]]:
    """Policies by name, those of one form of looks in both forms; ``every``: also the dear one that reads no signal."""
    known = told(market)
    pages = pages_of(market.products.category)
    found: dict[str, Callable[[], Policy]] = {
        PLANNER: lambda: ArbkitPlanner(market.products, tokens_a_minute=tokens_a_minute),
        TRUE_RATES: lambda: TrueRates(market, tokens_a_minute),
        ALL_KNOWING: lambda: AllKnowing(market),
    }

    def add(form: str, full: bool) -> None:
        found[f"{ROUND_ROBIN}, {form}"] = lambda: RoundRobin(full=full)
        found[f"{PUBLISHED[0]}, {form}"] = lambda: ByRate(azar_rates, known, tokens_a_minute, full=full)
        found[f"{PUBLISHED[1]}, {form}"] = lambda: ByRate(lambda_crawl_rates, known, tokens_a_minute, full=full)
        signals = {PUBLISHED[3]: deals, **({PUBLISHED[2]: None} if every else {})}
        for name, feed in signals.items():
            found[f"{name}, {form}"] = lambda feed=feed: NoisySignals(known, pages, full=full, feed=feed)  # type: ignore[misc]

    for form, full in _FORMS.items():
        add(form, full)
    if ablations:
        for name, parts in ABLATIONS.items():
            found[name] = lambda parts=parts: ArbkitPlanner(
                market.products, parts=parts, tokens_a_minute=tokens_a_minute
            )  # type: ignore[misc]
    return found


def compare(cell: Cell, seed: int, *, ablations: bool = False, every: bool = False) -> dict[str, Outcome]:
    """What each policy makes of a cell."""
    market = make_market(seed, cell.products, cell.days, alike=cell.alike)
    deals = Deals(market, seed)
    known = policies(market, cell.tokens_a_minute, deals, ablations=ablations, every=every)
    return {
        name: run(market, make(), cell.tokens_a_minute, seed, cold=cell.cold, deals=deals)
        for name, make in known.items()
    }


def as_dict(cell: Cell, seed: int, found: dict[str, Outcome]) -> dict[str, object]:
    """What was found, for a file."""
    outcomes = {name: {key: round(value, 3) for key, value in asdict(one).items()} for name, one in found.items()}
    return {"cell": asdict(cell), "seed": seed, "least_profit": load_assumed().least_profit, "policies": outcomes}
