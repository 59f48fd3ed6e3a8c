"""What is published of a product is enough to price it from."""

from __future__ import annotations

import orjson

from arbkit.core.models import Offer, ProductState
from arbkit.core.offers.facts import Fact
from arbkit.pipeline.enriched import to_record
from tests.helpers.factories import offer

ASIN = "B000000001"


def test_a_message_holds_every_offer_and_what_users_said() -> None:
    offers = (
        offer(ASIN, "DE", eans=("4006381333931",), stamps=("category@1:export",)),
        offer(ASIN, "UK", price_minor=None),
    )
    fact = Fact.of(ASIN, "package", {"weight_g": 300}, at=1.5, market="DE")
    record = to_record(ProductState(ASIN, 7, offers, (fact,)))
    document = orjson.loads(record.value)
    assert (record.key, document["v"], document["asin"], document["change"]) == (ASIN, 2, ASIN, 7)
    assert tuple(map(Offer.from_dict, document["offers"])) == offers
    assert [Fact.stored(**each) for each in document["facts"]] == [fact]
