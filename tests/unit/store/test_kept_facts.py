"""A fact that was forgotten does not come back, wherever forgetting it was broken off."""

from __future__ import annotations

import pytest

import arbkit.store.kept_facts
from arbkit.core.offers.facts import Fact
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.store.kept_facts import restore_facts, set_fact, unset_fact
from arbkit.store.sqlite.store import SqliteStore

ASIN = "B000000001"


class Killed(BaseException):
    """As if the process ended here."""


def die(*_: object) -> None:
    raise Killed


def facts(settings: Settings) -> list[str]:
    with open_store(settings) as store:
        restore_facts(settings, store)
        return [fact.name for fact in store.facts()]


@pytest.mark.parametrize("step", ["file", "store"])
def test_forgetting_that_was_broken_off_is_done_by_doing_it_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with open_store(settings) as store:
        set_fact(settings, store, Fact.of(ASIN, "category", {"category": "Toys"}, at=1.0))
        set_fact(settings, store, Fact.of(ASIN, "vat_class", {"vat_class": "books"}, at=1.0))
        with monkeypatch.context() as patch:
            if step == "file":
                patch.setattr(arbkit.store.kept_facts, "write_atomically", die)
            else:
                patch.setattr(SqliteStore, "delete_fact", die)
            with pytest.raises(Killed):
                unset_fact(settings, store, ASIN, "", "category")
        assert unset_fact(settings, store, ASIN, "", "category")
        assert not unset_fact(settings, store, ASIN, "", "category")
    assert facts(settings) == ["vat_class"]
    settings.database.unlink()
    assert facts(settings) == ["vat_class"]


def test_what_is_forgotten_in_the_store_alone_is_not_brought_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(settings) as store:
        set_fact(settings, store, Fact.of(ASIN, "category", {"category": "Toys"}, at=1.0))
        deleted = SqliteStore.delete_fact

        def then_die(self: SqliteStore, asin: str, market: str, name: object) -> bool:
            deleted(self, asin, market, name)  # type: ignore[arg-type]  # whatever it was given
            raise Killed

        monkeypatch.setattr(SqliteStore, "delete_fact", then_die)
        with pytest.raises(Killed):
            unset_fact(settings, store, ASIN, "", "category")
    assert facts(settings) == []
