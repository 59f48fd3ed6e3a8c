"""A watchlist that machines share: Elasticsearch is the list, and each machine has a home and files of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from arbkit.core.settings import Settings
from arbkit.ops.backup import back_up
from arbkit.ops.restore import restore
from arbkit.ops.setup import adopt_watchlist, initialise
from arbkit.pipeline.watchlist.editing import add, import_file
from arbkit.pipeline.watchlist.following import WatchedList
from arbkit.pipeline.watchlist.reading import load, unread_edits
from arbkit.store import open_store
from arbkit.store.elastic.indices import create
from arbkit.web.api import create_app
from tests.helpers.keys import as_user
from tests.servers.launch import Elasticsearch

ONE, TWO, THREE = "B000000001", "B000000002", "B000000003"


@pytest.fixture
def machines(elasticsearch: Elasticsearch, tmp_path: Path) -> Iterator[tuple[Settings, Settings]]:
    prefix = f"t{uuid4().hex[:12]}-"
    create(elasticsearch.url, prefix=prefix)

    def machine(name: str) -> Settings:
        (tmp_path / name).mkdir()
        return Settings.load(
            _env_file=None, home=tmp_path / name / "var", folder=tmp_path / name, store=elasticsearch.url,
            store_prefix=prefix, demo=False, key_elsewhere=True, profile=None,
        )  # fmt: skip

    yield machine("a"), machine("b")
    elasticsearch.forget(prefix)


def test_one_machine_gives_the_list_and_all_change_it(machines: tuple[Settings, Settings], tmp_path: Path) -> None:
    here, there = machines
    (here.folder / "watchlist.txt").write_text(f"{TWO}\n{ONE}\n")
    assert adopt_watchlist(here) == []
    clock = iter(range(0, 1_000, 10))
    producer = WatchedList(there, clock=lambda: float(next(clock)))
    producer.refresh()
    assert list(producer.asins) == [TWO, ONE]
    with TestClient(create_app(there), base_url="http://127.0.0.1", headers=as_user(there)) as client:
        assert client.post("/products/watch", json={"asin": THREE, "notes": "mine", "groups": ["a"]}).status_code == 201
        assert client.delete(f"/products/watch/{TWO}").status_code == 204
        assert [item["asin"] for item in client.get("/products/watch").json()["items"]] == [ONE, THREE]
    assert producer.changed()
    producer.refresh()
    assert list(producer.asins) == [ONE, THREE]
    with open_store(here) as store:
        assert [(e.asin, e.notes, e.groups) for e in load(here, store).items] == [
            (ONE, "", ()),
            (THREE, "mine", ("a",)),
        ]
        assert unread_edits(here, store) is None
        (here.folder / "watchlist.txt").write_text(f"{TWO}\n")
        assert "arbkit watch import" in (unread_edits(here, store) or "")
        assert import_file(here, store).added == (TWO,)
        assert unread_edits(here, store) is None
        assert {*load(there, store).asins} == {ONE, TWO, THREE}
    assert not (there.folder / "watchlist.txt").exists()


def test_the_list_comes_back_from_a_backup_into_an_empty_store(
    machines: tuple[Settings, Settings], elasticsearch: Elasticsearch, tmp_path: Path
) -> None:
    here, _ = machines
    initialise(here)
    with open_store(here) as store:
        add(here, store, [TWO, ONE], notes="mine", groups=["a"])
        before = load(here, store)
    made = back_up(here, tmp_path / "backup")
    other = f"t{uuid4().hex[:12]}-"
    after = here.model_copy(update={"home": tmp_path / "c" / "var", "folder": tmp_path / "c", "store_prefix": other})
    try:
        initialise(after)
        restore(after, Path(made.path))
        with open_store(after) as store:
            assert load(after, store) == before
    finally:
        elasticsearch.forget(other)
