"""What users typed, in the store and in a file beside it that outlives the store: another one is filled from that."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable

import orjson

from arbkit.core.errors import StoreError, UsageError, did_you_mean
from arbkit.core.files import changing, read_if_there, write_atomically
from arbkit.core.input.asin import parse_asin
from arbkit.core.input.validation import Value
from arbkit.core.marketplaces import market as marketplace
from arbkit.core.offers.facts import Fact, FactName, TypedFacts
from arbkit.core.settings import Settings
from arbkit.store.base import Store


def set_fact(settings: Settings, store: Store, fact: Fact) -> None:
    """Keep what a user said, in place of what he said before.

    Raises:
        StoreError: the store or the file cannot be written.
    """
    with changing(settings.facts_file):
        _restore(settings, store)
        store.put_fact(fact)
        _save(settings, store.facts())


def keep_typed(
    settings: Settings, store: Store, asin: str, typed: TypedFacts, *, vat_classes: Collection[str]
) -> list[Fact]:
    """Keep what a user typed in, checked as a whole before; the facts of the product that are kept then.

    A weight alone leaves the sides that were typed in before, and sides the weight. ``vat_classes``: those that there
    are.

    Raises:
        UsageError: it says nothing, or ASIN, marketplace or a value cannot be.
        StoreError: the store or the file cannot be written.
    """
    now, stated = time.time(), typed.values()
    if not stated:
        raise UsageError("nothing to keep", remedy="Give size_mm (--size-mm), weight_g, vat_class or category")
    if typed.vat_class is not None and typed.vat_class not in vat_classes:
        remedy = did_you_mean(typed.vat_class, vat_classes)
        raise UsageError("no such VAT class", field="vat_class", value=typed.vat_class, remedy=remedy)
    facts = [Fact.of(asin, name, given, at=now, market=typed.market) for name, given in stated.items()]
    before = {fact.id: fact for fact in store.facts([facts[0].asin])}
    for fact in facts:
        if fact.name == "package" and (old := before.get(fact.id)) is not None:
            both: dict[str, Value] = {**old.value.model_dump(exclude_none=True), **stated["package"]}
            fact = Fact.of(asin, "package", both, at=now, market=typed.market)
        set_fact(settings, store, fact)
    return store.facts([facts[0].asin])


def forget_typed(
    settings: Settings, store: Store, asin: str, names: Collection[str] = (), *, market: str = ""
) -> list[Fact]:
    """Forget what a user typed in for a marketplace, or for all of them together; what that was.

    Args:
        settings: where the file is.
        store: the store that has the facts.
        asin: the product.
        names: of the facts to forget; empty: all.
        market: empty: those that hold on all marketplaces.

    Raises:
        UsageError: ASIN or marketplace cannot be, or nothing of that was typed in.
        StoreError: the store or the file cannot be written.
    """
    wanted, code = parse_asin(asin), marketplace(market).code if market else ""
    gone = [
        fact
        for fact in store.facts([wanted])
        if fact.market == code and (not names or fact.name in names)
        if unset_fact(settings, store, wanted, code, fact.name)
    ]
    if not gone:
        raise UsageError("nothing of that was typed in", field="asin", value=wanted, remedy="See `arbkit facts list`")
    return gone


def unset_fact(settings: Settings, store: Store, asin: str, market: str, name: FactName) -> bool:
    """Forget what a user said; False if he said nothing.

    Raises:
        StoreError: the store or the file cannot be written.
    """
    with changing(settings.facts_file):
        _restore(settings, store)
        known = store.facts()
        left = [fact for fact in known if (fact.asin, fact.market, fact.name) != (asin, market, name)]
        if len(left) == len(known):
            return False
        # The file first: from there it would come back into the store.
        _save(settings, left)
        store.delete_fact(asin, market, name)
    return True


def restore_facts(settings: Settings, store: Store) -> int:
    """Bring in what the store does not have, since it is a new one; how many facts that were.

    Raises:
        StoreError: the store cannot be written, or the file is damaged.
    """
    if not settings.facts_file.exists():
        return 0
    # One that is taken back at this moment must not come back out of the file.
    with changing(settings.facts_file):
        return _restore(settings, store)


def _restore(settings: Settings, store: Store) -> int:
    path = settings.facts_file
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


def facts_document(facts: Iterable[Fact]) -> bytes:
    """What users typed, as the file beside the store has it."""
    rows = [fact.to_dict() for fact in facts]
    return orjson.dumps(rows, option=orjson.OPT_INDENT_2) + b"\n"


def _save(settings: Settings, facts: Iterable[Fact]) -> None:
    write_atomically(settings.facts_file, facts_document(facts))
