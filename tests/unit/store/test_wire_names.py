"""Names in documents, columns and mappings that files of arbkit 0.1 have."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from arbkit.core.models import Offer, Update
from arbkit.core.sqlite import connect
from arbkit.store.alerts import AlertRecord, Delivery
from arbkit.store.elastic.documents import alert_document, offer_document, offer_of, upgraded
from arbkit.store.elastic.schema import fingerprint
from arbkit.store.sqlite.store import SqliteStore
from tests.helpers.factories import offer


def test_the_origin_of_data_is_stored_as_source(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.put([Update(offer(origin="demo"), None)])
        (frame,) = store.scan_offers(["asin", "origin"])
    assert frame.to_dict("list") == {"asin": ["B000000001"], "origin": ["demo"]}
    with closing(connect(path)) as connection:
        assert connection.execute("SELECT source FROM offers").fetchall() == [("demo",)]


def test_a_document_is_read_back_and_upgraded_under_the_names_of_0_1() -> None:
    one = offer(origin="export", eans=("1",))
    document = offer_document(one)
    assert document["source"] == "export"
    assert "origin" not in document
    assert offer_of(document) == Offer.from_dict(document) == one
    assert upgraded("offers", {**document, "of_a_later_arbkit": 1}) == document


def test_an_alert_of_before_its_type_was_searched_is_upgraded() -> None:
    one = AlertRecord(
        id="a1", asin="B000000001", type="price_drop", rule="r", at=1.5, expires_at=2.5, priority=1.0, document={},
        received_at=1.5, deliveries=(Delivery(channel="mail"),),
    )  # fmt: skip
    document = alert_document(one)
    old = {name: value for name, value in document.items() if name != "type"}
    assert upgraded("alerts", old) == document


def test_every_index_of_0_1_is_known_for_one_to_be_renewed() -> None:
    marks = {
        "offers": "96b6b6217603", "opportunities": "ecfd5152b925", "products": "d9d908e2ea2d",
        "history": "07b12e66155d", "runs": "d38aaab15da9",
    }  # fmt: skip
    assert {name for name, mark in marks.items() if fingerprint(name) != mark} == marks.keys()
