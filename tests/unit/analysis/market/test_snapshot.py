"""The snapshot of the market: the last offer of a product holds, and nobody reads half a state."""

from __future__ import annotations

import os
import random
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arbkit.analysis.market import snapshot
from arbkit.analysis.market.segment import Segment, live_products, merged
from arbkit.analysis.market.snapshot import MarketFiles
from arbkit.core.models import ProductState
from tests.helpers.market import left, market_states, segment


def changed(state: ProductState, change: int) -> ProductState:
    """A product whose prices are that of the change: its number in cents."""
    return replace(state, change=change, offers=tuple(replace(o, price_minor=1_000 + change) for o in state.offers))


def prices(files: MarketFiles) -> dict[str, set[float]]:
    """The prices of each product that count."""
    read = files.read()
    assert read is not None
    found: dict[str, set[float]] = {}
    parts = [one.offers for one in read[1]]
    for part, live in zip(parts, live_products(parts), strict=True):
        for asin, price, product in zip(*_offers(part), part.columns["product"].tolist(), strict=True):
            if live[product]:
                assert asin not in found or part is not None
                found.setdefault(asin, set()).add(price)
    return found


def _offers(part: Segment) -> tuple[list[str], list[float]]:
    frame = part.frame(0, len(part))
    return frame["asin"].tolist(), frame["price_minor"].tolist()


def test_a_segment_gives_back_what_products_are_priced_from() -> None:
    from arbkit.analysis.detector.pricing import price_products
    from tests.helpers.market import NOW, inputs_of

    states = market_states(40)
    prepared = price_products(states, inputs_of(), now=NOW).prepared
    assert prepared is not None
    known = segment(states).frame(0, 40).sort_values(["asin", "market"], ignore_index=True)
    expected = prepared.sort_values(["asin", "market"], ignore_index=True)
    for name in known:
        if known[name].dtype == object:
            assert [x or None for x in known[name]] == [
                x if isinstance(x, str) else None for x in expected[name]
            ] or name == "category_path"
        else:
            assert known[name].to_numpy(float) == pytest.approx(expected[name].to_numpy(float), nan_ok=True, rel=1e-6)


@given(changes=st.lists(st.tuples(st.integers(0, 5), st.integers(2, 30)), max_size=14), seed=st.integers(0, 99))
@hypothesis_settings(max_examples=12, deadline=None)
def test_the_last_change_of_a_product_holds_in_whatever_order_it_comes(
    changes: list[tuple[int, int]], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    states = [changed(state, 1) for state in market_states(6) if len(state.offers)]
    files = left(tmp_path_factory.mktemp("home"), states)
    last = {state.asin: 1 for state in states}
    for number, change in changes:
        state = states[number % len(states)]
        files.append(segment([changed(state, change)]))
        last[state.asin] = max(last[state.asin], change)
    assert prices(files) == {asin: {1_000.0 + change} for asin, change in last.items()}
    manifest = files.manifest()
    assert manifest is not None
    assert len(manifest.segments) <= 9


def test_merging_says_what_its_parts_say() -> None:
    states = market_states(30)
    whole, parts = segment(states), merged([segment(states[:11]), segment(states[11:])])
    assert parts.columns["asin"].tolist() == whole.columns["asin"].tolist()
    assert parts.frame(0, 30).equals(whole.frame(0, 30))
    assert [parts.text_of(n) for n in range(30)] == [whole.text_of(n) for n in range(30)]
    assert parts.columns["confidence"].tolist() == whole.columns["confidence"].tolist()


def test_without_a_snapshot_changes_are_left_to_the_next_sweep(tmp_path: Path) -> None:
    files = MarketFiles(tmp_path)
    files.append(segment(market_states(2)))
    assert files.read() is None
    assert not files.folder.exists()


def test_what_a_detector_adds_during_a_sweep_stays(tmp_path: Path) -> None:
    state, other = (changed(one, 1) for one in market_states(2))
    files = left(tmp_path, [state, other])
    files.append(segment([changed(other, 7)]))
    files.replace([segment([state, other])], since=0)
    assert prices(files) == {state.asin: {1_001.0}, other.asin: {1_007.0}}
    files.replace([segment([state])], since=files.folder.stat().st_mtime + 60)
    assert prices(files) == {state.asin: {1_001.0}}


@pytest.mark.parametrize("fault", ["torn", "foreign", "missing", "manifest", "version", "store"])
def test_what_is_not_as_it_was_written_is_not_believed_and_made_anew(tmp_path: Path, fault: str) -> None:
    states = market_states(3)
    files = left(tmp_path, states)
    (path,) = files.folder.glob("*.offers")
    manifest = files.folder / "manifest.json"
    match fault:
        case "torn":
            path.write_bytes(path.read_bytes()[:-9])
        case "foreign":
            other = left(tmp_path / "other", market_states(3, seed=9))
            path.write_bytes(next(other.folder.glob("*.offers")).read_bytes())
        case "missing":
            path.unlink()
        case "manifest":
            manifest.write_bytes(b'{"version": 1, "segments": [{"na')
        case "version":
            manifest.write_text(manifest.read_text().replace('"version":1', '"version":2'))
    fresh = MarketFiles(tmp_path, store="other" if fault == "store" else "")
    assert fresh.read() is None
    fresh.append(segment([changed(states[0], 5)]))
    fresh.replace([segment(states)], since=0)
    assert fresh.read() is not None


def test_a_crash_between_files_leaves_the_state_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = [changed(state, 1) for state in market_states(4)]
    files = left(tmp_path, states)
    before = prices(files)

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "write_atomically", crash)
        with pytest.raises(KeyboardInterrupt):
            files.append(segment([changed(states[0], 9)]))
    assert prices(MarketFiles(tmp_path)) == before
    files.append(segment([changed(states[0], 9)]))
    assert prices(MarketFiles(tmp_path))[states[0].asin] == {1_009.0}


def test_files_of_before_are_removed_once_nobody_can_be_about_to_map_them(tmp_path: Path) -> None:
    states = market_states(3)
    files = left(tmp_path, states)
    (old,) = files.folder.glob("*.offers")
    read = files.read()
    assert read is not None
    files.replace([segment(states)], since=old.stat().st_mtime + 60)
    assert old.exists()
    os.utime(old, (1, 1))
    files.replace([segment(states)], since=old.stat().st_mtime + 10**10)
    assert not old.exists()
    assert len(read[1][0].offers.frame(0, 3)) > 0


def test_readers_see_whole_states_while_it_is_written(tmp_path: Path) -> None:
    states = [changed(state, 1) for state in market_states(5)]
    files, failures, done = left(tmp_path, states), list[str](), threading.Event()

    def look() -> None:
        reader = MarketFiles(tmp_path)
        while not done.is_set():
            seen = prices(reader)
            if any(len(each) != 1 for each in seen.values()) or len(seen) != len(states):
                failures.append(str(seen))

    readers = [threading.Thread(target=look) for _ in range(2)]
    for one in readers:
        one.start()
    rng = random.Random(3)
    for change in range(2, 14):
        files.append(segment([changed(state, change) for state in rng.sample(states, 2)]))
    done.set()
    for one in readers:
        one.join()
    assert failures == []
