"""What users typed, in the store and in a file beside it that outlives the store: another one is filled from that."""

from __future__ import annotations

from pathlib import Path

import orjson

from arbkit.core.errors import StoreError
from arbkit.core.files import changing, read_if_there, write_atomically
from arbkit.core.offers.facts import Fact, FactName
from arbkit.core.settings import Settings
from arbkit.store.base import Store


def set_fact(settings: Settings, store: Store, fact: Fact) -> None:
    """Keep what a user said, in place of what he said before.

    Raises:
        StoreError: the store or the file cannot be written.
    """
    with changing(_path(settings)):
        _restore(settings, store)
        store.put_fact(fact)
        _save(settings, store)


def unset_fact(settings: Settings, store: Store, asin: str, market: str, name: FactName) -> bool:
    """Forget what a user said; False if he said nothing.

    Raises:
        StoreError: the store or the file cannot be written.
    """
    with changing(_path(settings)):
        _restore(settings, store)
        gone = store.delete_fact(asin, market, name)
        _save(settings, store)
    return gone


def restore_facts(settings: Settings, store: Store) -> int:
    """Bring in what the store does not have, since it is a new one; how many facts that were.

    Raises:
        StoreError: the store cannot be written, or the file is damaged.
    """
    if not _path(settings).exists():
        return 0
    # One that is taken back at this moment must not come back out of the file.
    with changing(_path(settings)):
        return _restore(settings, store)


def _restore(settings: Settings, store: Store) -> int:
    path = _path(settings)
    data = read_if_there(path)
    if not data:
        return 0
    try:
        saved = [Fact.stored(**row) for row in orjson.loads(data)]
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"what was typed in cannot be read: {path}: {error}", remedy="Mend the file, or move it away"
        ) from None
    known = {fact.id for fact in store.facts()}
    missing = [fact for fact in saved if fact.id not in known]
    for fact in missing:
        store.put_fact(fact)
    return len(missing)


def facts_document(store: Store) -> bytes:
    """All that users typed, as the file beside the store has it.

    Raises:
        StoreError: the store cannot be read.
    """
    rows = [fact.to_dict() for fact in store.facts()]
    return orjson.dumps(rows, option=orjson.OPT_INDENT_2) + b"\n"


def _save(settings: Settings, store: Store) -> None:
    write_atomically(_path(settings), facts_document(store))


def _path(settings: Settings) -> Path:
    return settings.home / "facts.json"
