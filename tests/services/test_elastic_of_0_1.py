"""The indices that arbkit 0.1 left in Elasticsearch are taken over whole by `arbkit init --migrate`.

``tests/homes/0.1.elastic.json`` was written by 0.1's own store, is what Elasticsearch said of its indices (settings,
mappings, documents with their external versions) and what 0.1 said of them, and is never made again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import orjson
import pytest
from elasticsearch import Elasticsearch as Client

from arbkit.core.errors import StoreRefusedError
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise, migrate
from arbkit.store import OpportunityQuery, ProductQuery, elastic_options
from arbkit.store.elastic.store import ElasticStore
from tests.helpers.factories import offer
from tests.helpers.paths import ROOT
from tests.servers.launch import Elasticsearch

STORED = orjson.loads((ROOT / "tests" / "homes" / "0.1.elastic.json").read_bytes())
SAID = STORED["said"]
ASINS = [product["asin"] for product in SAID["products"]]


@pytest.fixture
def of_0_1(elasticsearch: Elasticsearch, settings: Settings) -> Iterator[Settings]:
    """Settings of a store that 0.1 has filled."""
    prefix = f"t{uuid4().hex[:12]}-"
    with Client(elasticsearch.url) as client:
        for name, index in STORED["indices"].items():
            made = f"{prefix}{name}-20251009085500-{uuid4().hex[:8]}"
            client.indices.create(
                index=made, mappings=index["mappings"], settings=index["settings"], aliases={prefix + name: {}}
            )
            for one in index["documents"]:
                client.index(
                    index=made,
                    id=one["id"],
                    document=one["document"],
                    version=one["version"],
                    version_type="external_gte",
                )
        yield settings.model_copy(update={"store": elasticsearch.url, "store_prefix": prefix})
        client.indices.delete(index=",".join(client.indices.get(index=f"{prefix}*")))


def as_json(value: object) -> Any:
    return orjson.loads(orjson.dumps(value))


def of_then(now: Mapping[str, Any], then: Mapping[str, Any]) -> Mapping[str, Any]:
    """What today's document says of the fields that 0.1 knew."""
    return {name: now.get(name, "left out") for name in then}


def test_migrating_takes_everything_over_that_0_1_stored(of_0_1: Settings) -> None:
    differences = initialise(of_0_1)
    assert len([d for d in differences if "another arbkit's mapping; `arbkit init --migrate` renews it" in d]) == 5
    with pytest.raises(StoreRefusedError, match="init --migrate"):
        ElasticStore(of_0_1.store_url, **elastic_options(of_0_1))
    done = migrate(of_0_1)
    counts = {name: len(index["documents"]) for name, index in STORED["indices"].items()}
    assert sorted(done) == sorted(
        f"{of_0_1.store_prefix}{name} is renewed: {count} documents" for name, count in counts.items()
    )
    assert migrate(of_0_1) == []
    assert initialise(of_0_1) == []
    with ElasticStore(of_0_1.store_url, **elastic_options(of_0_1)) as store:
        offers = [as_json(o.to_dict()) for o in store.offers(ASINS)]
        assert [of_then(now, then) for now, then in zip(offers, SAID["offers"], strict=True)] == SAID["offers"]
        for then in SAID["products"]:
            product = store.product(then["asin"])
            assert product is not None
            now = as_json({name: getattr(product, name) for name in product.__slots__})
            assert of_then(now, then) == then
            # When 0.1 first held it nobody knows.
            assert product.first_seen is None
        for query, found in SAID["found"].items():
            assert [
                p.asin for p in store.products(ProductQuery(q=query, sort="asin", descending=False)).items
            ] == sorted(found)
        opportunities = [as_json(o.to_dict()) for o in store.opportunities(OpportunityQuery()).items]
        assert [of_then(n, t) for n, t in zip(opportunities, SAID["opportunities"], strict=True)] == SAID[
            "opportunities"
        ]
        assert [as_json(run.to_dict()) for run in store.runs()] == SAID["runs"]
        stats = store.stats()
        assert as_json({name: getattr(stats, name) for name in SAID["stats"]}) == SAID["stats"]
        # It goes on as any other store.
        assert store.put([Update(offer("B000000001", "IT", version=7_999_000), None)]).stale == 1
        assert store.put([Update(offer("B000000001", "IT", version=8_100_000), None)]).ok == 1
        later = store.product("B000000001")
        assert later is not None
        assert (later.best is not None, later.first_seen) == (True, None)


def test_what_0_1_stored_is_found_by_its_dates_and_its_history_afterwards(of_0_1: Settings) -> None:
    initialise(of_0_1)
    migrate(of_0_1)
    asked = {
        "offers": ("updated_at", 4), "products": ("updated_at", 3), "opportunities": ("evaluated_at", 2),
        "runs": ("started_at", 1), "history": ("last_at", 3),
    }  # fmt: skip
    with Client(of_0_1.store_url) as client:
        for name, (field, count) in asked.items():
            index = of_0_1.store_prefix + name
            client.indices.refresh(index=index)
            since = {"gte": "2025-10-09" if name != "history" else "2026-01-01", "format": "strict_date"}
            answer = client.search(index=index, query={"range": {field: since}}, version=True)
            assert answer["hits"]["total"]["value"] == count, name
            kept = {one["id"]: one["version"] for one in STORED["indices"][name]["documents"]}
            if name in ("offers", "history"):
                assert {hit["_id"]: hit["_version"] for hit in answer["hits"]["hits"]} == kept
        cheap = {"range": {"latest.buy_box": {"lt": 2_500}}}
        priced = client.search(index=f"{of_0_1.store_prefix}history", query={"exists": {"field": "latest.new"}})
        assert priced["hits"]["total"]["value"] == 3
        # Of the buy box the last point says that nobody has it.
        assert client.count(index=f"{of_0_1.store_prefix}history", query=cheap)["count"] == 0
