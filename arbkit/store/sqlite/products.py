"""Products of the embedded store, composed of their offers whenever one of these changes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from itertools import groupby

from arbkit.core.keepa_time import CLOCK_TOLERANCE_S
from arbkit.core.models import Offer
from arbkit.core.offers.merging import renew
from arbkit.core.offers.product import Product
from arbkit.store.absorbing import renew_histories, without_future
from arbkit.store.product_document import build_product, search_text
from arbkit.store.search_text import fold
from arbkit.store.sqlite import changes, rows

_PRODUCTS_PER_BATCH = 5_000


def note_change(connection: sqlite3.Connection, asin: str) -> None:
    """Count what is known of a product as changed: it is priced anew."""
    connection.execute("UPDATE products SET changed = ? WHERE asin = ?", (changes.count_up(connection), asin))


def write_products(connection: sqlite3.Connection, offers: Iterable[Offer], changed: int) -> None:
    """Compose the products of these offers, which are all of each; ``changed``: the number of the change."""
    ordered = sorted(offers, key=lambda offer: (offer.asin, offer.market))
    products, texts = list[Product](), dict[str, str]()
    for asin, group in groupby(ordered, key=lambda offer: offer.asin):
        of_one = list(group)
        product = build_product(of_one)
        products.append(product)
        texts[asin] = fold(search_text(product, [offer.title for offer in of_one]))
    now = time.time()
    connection.executemany(rows.PUT_PRODUCT, (rows.product_row(p, changed=changed, now=now) for p in products))
    found = rows.read_words(connection, list(texts))
    # The words change seldom: an index entry is written anew only when they do.
    renewed = [(found[asin][0], text) for asin, text in texts.items() if found[asin][1] != text]
    connection.executemany(rows.PUT_WORDS, renewed)


def take_over(connection: sqlite3.Connection) -> int:
    """Renew what is stored by what was built beside; returns how many offers were built."""
    for statement in rows.TAKE_OVER:
        connection.execute(statement)
    asins = [asin for (asin,) in connection.execute("SELECT asin FROM beside.products ORDER BY asin")]
    changed, latest = changes.count_up(connection), time.time() + CLOCK_TOLERANCE_S
    for start in range(0, len(asins), _PRODUCTS_PER_BATCH):
        chunk = asins[start : start + _PRODUCTS_PER_BATCH]
        stored = {offer.id: offer for offer in rows.read_offers(connection, chunk)}
        made = {offer.id: offer for offer in rows.read_offers(connection, chunk, file="beside")}
        renewed = {
            name: renew(stored.get(name, rebuilt), rebuilt, latest=latest)
            for name, rebuilt in made.items()
            if stored.get(name) != rebuilt
        }
        connection.executemany(rows.PUT_OFFER, map(rows.offer_row, renewed.values()))
        alike = {name for name, offer in made.items() if stored.get(name, offer).demo == offer.demo}
        both = rows.read_histories(connection, alike, file="beside"), rows.read_histories(connection, alike)
        connection.executemany(rows.PUT_HISTORY, map(rows.history_row, renew_histories(*both, latest=latest)))
        write_products(connection, {**stored, **renewed}.values(), changed)
    _heal_kept(connection, latest)
    (offers,) = connection.execute("SELECT count(*) FROM beside.offers").fetchone()
    return int(offers)


def _heal_kept(connection: sqlite3.Connection, latest: float) -> None:
    """Take points from after ``latest`` out of the histories that nothing was built beside of."""
    kept = [f"{asin}:{market}" for asin, market in connection.execute(rows.NOT_BESIDE)]
    for name in kept:
        for history in rows.read_histories(connection, [name]).values():
            if (healed := without_future(history, latest)) != history:
                connection.execute(rows.PUT_HISTORY, rows.history_row(healed))
                note_change(connection, history.asin)
