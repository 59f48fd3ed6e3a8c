"""Stream and sweep agree: after any mix of updates, facts, profiles, sweeps and late messages, both say the same."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arbkit.analysis.detection import scan_states
from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.detector.pricing import price_products
from arbkit.analysis.detector.storing import price_into
from arbkit.core.models import Opportunity, ProductState, Update
from arbkit.core.offers.facts import Fact
from arbkit.pipeline.enriched import from_message, to_record
from arbkit.profit import Profile, load_profile, load_rates, load_tables
from arbkit.store import OpportunityQuery, ProductQuery, Store
from arbkit.store.sqlite.store import SqliteStore
from tests.helpers.alerts import announce_everything, announcing_everything
from tests.helpers.factories import PACKAGE, offer

EXAMPLES = int(os.environ.get("ARBKIT_AGREEMENT_EXAMPLES", "40"))
ASINS = ("B000000001", "B000000002", "B000000003")
MARKETS = ("DE", "IT", "UK")
PROFILES: Sequence[Profile] = (Profile.neutral(), load_profile(None))

NOW = 1_790_000_000
DAY = datetime.fromtimestamp(NOW, UTC).date()
market, asin = st.sampled_from(MARKETS), st.sampled_from(ASINS)
steps = st.one_of(
    st.tuples(st.just("price"), asin, market, st.sampled_from([None, 1_000, 2_000, 4_500, 9_000])),
    st.tuples(st.just("fact"), asin, st.sampled_from([200, 5_000, 20_000])),
    st.tuples(st.just("forget"), asin),
    st.tuples(st.just("detect"), st.integers(1, 4)),
    st.tuples(st.just("begin"), st.integers(1, 4)),
    st.tuples(st.just("lose"), st.integers(1, 3)),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("begin sweep")),
    st.tuples(st.just("profile")),
    st.tuples(st.just("finish"), st.integers(0, 9)),
)


@dataclass
class World:
    """A store, the messages that no detector has read, and what processes have priced and are held up to write."""

    store: Store
    profile: int = 0
    version: int = 8_000_000
    waiting: list[bytes] = field(default_factory=list)
    held_up: list[tuple[list[ProductState], Inputs]] = field(default_factory=list)

    def inputs(self) -> Inputs:
        """Those of now."""
        name = f"profile {self.profile}"
        number = self.store.generation(name)
        return Inputs(PROFILES[self.profile], load_tables(), load_rates(), DAY, name, number)

    def take(self, step: tuple[object, ...]) -> None:
        """Take a step."""
        match step:
            case ("price", str(asin), str(code), price):
                self.change(asin, code, cast("int | None", price))
            case ("fact", str(asin), int(weight)):
                self.store.put_fact(Fact.of(asin, "package", {"weight_g": weight}, at=1.0))
            case ("forget", str(asin)):
                self.store.delete_fact(asin, "", "package")
            case ("lose", int(count)):
                del self.waiting[:count]
            case ("profile",):
                self.profile = 1 - self.profile
            case _:
                self.price(step)

    def change(self, asin: str, code: str, price: int | None) -> None:
        """Store another price and publish the product."""
        self.version += 1
        package = {**PACKAGE, "weight_g": None} if asin == ASINS[2] else PACKAGE
        new = offer(
            asin, code, price_minor=price, version=self.version, updated_at=NOW - 9_000_000 + self.version,
            price_at=NOW - 60, shipping_minor=0, **package,
        )  # fmt: skip
        self.store.put([Update(new, None)])
        self.waiting += [to_record(state).value for state in self.store.states([asin]).values()]

    def price(self, step: tuple[object, ...]) -> None:
        """Let a detector or a sweep take a step."""
        match step:
            case ("detect", int(count)):
                price_into(self.store, self.read(count), self.inputs, announcing_everything)
            case ("begin", int(count)):
                self.held_up.append((self.read(count), self.inputs()))
            case ("sweep",):
                for states in scan_states(self.store):
                    price_into(self.store, states, self.inputs, announcing_everything)
            case ("begin sweep",):
                inputs = self.inputs()
                self.held_up.append(([s for some in scan_states(self.store) for s in some], inputs))
            case ("finish", int(place)) if self.held_up:
                self.write(*self.held_up.pop(place % len(self.held_up)))

    def read(self, count: int) -> list[ProductState]:
        """The next messages, the last of each product."""
        states = [s for value in self.waiting[:count] if (s := from_message(value)) is not None]
        del self.waiting[:count]
        return list({state.asin: state for state in states}.values())

    def write(self, states: list[ProductState], inputs: Inputs) -> None:
        """As a process does that has priced these long ago; what is refused, or is of old inputs, it prices again."""
        results = price_products(states, inputs).results
        again = self.store.put_routes(results, generation=inputs.generation, announce=announce_everything).again
        if inputs.generation != self.inputs().generation:
            again = tuple(state.asin for state in states)
        price_into(self.store, self.store.states(again).values(), self.inputs, announcing_everything)

    def end(self) -> None:
        """All that is under way comes to its end; a changed profile is swept, as the scheduler does."""
        while self.held_up:
            self.write(*self.held_up.pop())
        price_into(self.store, self.read(len(self.waiting)), self.inputs, announcing_everything)
        rest = self.store.states(self.store.unpriced(100)).values()
        price_into(self.store, rest, self.inputs, announcing_everything)


def shown(routes: Iterable[Opportunity]) -> list[tuple[object, ...]]:
    names = (
        "id", "profit", "status", "profile", "profit_low", "profit_high", "confidence", "expected_profit",
        "profit_chance_pct", "days_to_sell_p50", "forecast_version", "forecast_unknown",
    )  # fmt: skip
    return sorted((tuple(getattr(o, name) for name in names) for o in routes), key=repr)


def stored(store: Store) -> list[tuple[object, ...]]:
    return shown(store.opportunities(OpportunityQuery(all_routes=True, limit=1_000)).items)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, min_size=1, max_size=40))
def test_stream_and_sweep_agree_whatever_came_before(history: list[tuple[object, ...]]) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("arbkit.analysis.detector.pricing.time.time", lambda: float(NOW))
        with SqliteStore(Path(folder) / "store.db") as store:
            world = World(store)
            for step in history:
                world.take(step)
            world.end()
            # As the scheduler does where the profile is not that of the last sweep.
            if ("profile",) in history:
                world.take(("sweep",))
            whole = [s for states in scan_states(store) for s in states]
            expected = shown(price_products(whole, world.inputs()).found)
            assert stored(store) == expected
            best = {p.asin: p.best["profit"] for p in store.products(ProductQuery(limit=9)).items if p.best}
            paying = store.opportunities(OpportunityQuery(limit=1_000)).items
            assert best == {a: max(o.profit for o in paying if o.asin == a) for a in {o.asin for o in paying}}
            windows = store.windows(ASINS)
            assert {w.route for w in windows if w.ended_at is None} == {o.id for o in paying}
            assert len({w.id for w in windows}) == len(windows)
            alerts = [orjson.loads(notice.value) for notice in store.unsent(10_000)]
            assert len({alert["id"] for alert in alerts}) == len(alerts)
            announced = {"{asin}:{source}:{target}".format(**alert) for alert in alerts}
            assert {o.id for o in paying} <= announced
            assert store.unpriced(9) == []
