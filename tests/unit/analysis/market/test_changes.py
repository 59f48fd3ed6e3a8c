"""What a detector adds to the snapshot holds as it was priced last, however many batches are written together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from arbkit.analysis.detector.pricing import price_products
from arbkit.analysis.market.changes import MarketChanges
from arbkit.core.errors import ServiceError
from arbkit.core.models import ProductState
from tests.helpers.market import NOW, inputs_of, left, market_states


def at(state: ProductState, change: int, price: int) -> ProductState:
    offers = tuple(replace(one, price_minor=price) for one in state.offers)
    return replace(state, change=change, offers=offers)


def test_of_two_batches_with_one_product_the_later_one_holds(tmp_path: Path) -> None:
    states = market_states(4)
    files = left(tmp_path, states)
    changes = MarketChanges(files)
    for batch in ([at(states[0], 5, 1_111), at(states[1], 5, 2_222)], [at(states[0], 6, 3_333)]):
        changes.add(batch, price_products(batch, inputs_of(), now=NOW))
    changes.write()
    read = files.read()
    assert read is not None
    _, (_, added) = read
    frame = added.offers.frame(0, len(added.offers))
    assert dict(zip(frame["asin"], frame["price_minor"], strict=True)) == {
        states[0].asin: 3_333.0,
        states[1].asin: 2_222.0,
    }
    assert added.offers.columns["change"].tolist() == [6, 5]
    changes.write()
    again = files.read()
    assert again is not None
    assert again[0] == read[0]


def test_a_snapshot_that_cannot_be_written_keeps_nobody_from_pricing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = market_states(2)
    files = left(tmp_path, states)

    def full(_: object) -> None:
        raise ServiceError("cannot be written: no space left on device")

    monkeypatch.setattr(files, "append", full)
    changes = MarketChanges(files)
    changes.add(states, price_products(states, inputs_of(), now=NOW))
    changes.write()
