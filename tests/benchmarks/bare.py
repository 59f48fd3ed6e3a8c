"""What the consumer is held against: bare loops that move the same records and the same documents, and nothing more.

Each polls, parses, reads the stored ids, writes what arbkit has stored of the records, publishes and commits.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import orjson
from confluent_kafka import Consumer, Producer
from elasticsearch import Elasticsearch

from arbkit.core.settings import Settings
from arbkit.core.sqlite import connect, immediate
from arbkit.store.elastic.client import scan
from arbkit.store.elastic.schema import body
from arbkit.store.sqlite.store import SqliteStore
from arbkit.stream import ENRICHED_TOPIC, RAW_TOPIC, Record, open_stream

__all__ = ["BATCH", "WRITTEN", "bare_loop_seconds", "bulk_lines"]

BATCH = 500
WRITTEN = ("offers", "history", "products")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """By ASIN what arbkit has stored and published: rows or lines of each collection, ids, and the message."""

    written: defaultdict[str, dict[str, list[Any]]] = field(default_factory=lambda: defaultdict(dict))
    ids: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    enriched: dict[str, bytes] = field(default_factory=dict)

    def add(self, collection: str, asin: str, document: Any) -> None:
        self.written[asin].setdefault(collection, []).append(document)


class _Log(Protocol):
    def poll(self) -> list[bytes]: ...
    def publish(self, records: Sequence[tuple[str, bytes]]) -> None: ...
    def commit(self) -> None: ...


class _Store(Protocol):
    def read(self, ids: Sequence[str]) -> None: ...
    def write(self, collection: str, documents: Sequence[Any]) -> None: ...
    def end(self) -> None: ...


def _loop(log: _Log, store: _Store, prepared: _Prepared, count: int) -> None:
    done = 0
    while done < count:
        if not (values := log.poll()):
            continue
        asins = list(dict.fromkeys(orjson.loads(value)["asin"] for value in values))
        asins = [asin for asin in asins if asin in prepared.written]
        store.read([name for asin in asins for name in prepared.ids[asin]])
        for collection in WRITTEN:
            store.write(collection, [d for a in asins for d in prepared.written[a].pop(collection, ())])
        store.end()
        log.publish([(asin, prepared.enriched[asin]) for asin in asins])
        log.commit()
        done += len(values)


class _KafkaLog:
    def __init__(self, address: str) -> None:
        servers = {"bootstrap.servers": address}
        group = {"group.id": "bare", "group.protocol": "consumer", "auto.offset.reset": "earliest"}
        self._consumer = Consumer({**servers, **group, "enable.auto.commit": False})
        self._consumer.subscribe([RAW_TOPIC])
        self._producer = Producer({**servers, "enable.idempotence": True, "compression.type": "zstd", "linger.ms": 5})

    def poll(self) -> list[bytes]:
        return [value for m in self._consumer.consume(BATCH, timeout=0.1) if (value := m.value()) is not None]

    def publish(self, records: Sequence[tuple[str, bytes]]) -> None:
        for key, value in records:
            self._producer.produce(ENRICHED_TOPIC, value, key)
        self._producer.flush()

    def commit(self) -> None:
        self._consumer.commit(asynchronous=False)

    def close(self) -> None:
        self._consumer.close()


class _SqliteLog:
    def __init__(self, connection: sqlite3.Connection, raw: Sequence[bytes]) -> None:
        self._connection, self._at = connection, 0
        for table in ("raw", "enriched"):
            connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, key TEXT, value BLOB)")
        connection.execute("CREATE TABLE at (id INTEGER)")
        with immediate(connection):
            connection.executemany("INSERT INTO raw (value) VALUES (?)", [(value,) for value in raw])

    def poll(self) -> list[bytes]:
        query = "SELECT id, value FROM raw WHERE id > ? ORDER BY id LIMIT ?"
        rows = self._connection.execute(query, (self._at, BATCH)).fetchall()
        self._at = rows[-1][0]
        return [value for _, value in rows]

    def publish(self, records: Sequence[tuple[str, bytes]]) -> None:
        with immediate(self._connection):
            self._connection.executemany("INSERT INTO enriched (key, value) VALUES (?, ?)", records)

    def commit(self) -> None:
        with immediate(self._connection):
            self._connection.execute("REPLACE INTO at (rowid, id) VALUES (1, ?)", (self._at,))


class _ElasticStore:
    def __init__(self, client: Elasticsearch, prefix: str) -> None:
        self._client, self._prefix = client, prefix

    def read(self, ids: Sequence[str]) -> None:
        self._client.mget(index=f"{self._prefix}bare-offers", ids=list(ids))
        self._client.mget(index=f"{self._prefix}bare-products", ids=list({name.split(":")[0] for name in ids}))
        self._client.mget(index=f"{self._prefix}bare-history", ids=list(ids))

    def write(self, collection: str, documents: Sequence[Any]) -> None:
        operations: Any = [line for lines in documents for line in lines]
        assert not operations or not self._client.bulk(operations=operations)["errors"]

    def end(self) -> None:
        """All is written."""


class _SqliteStore:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def read(self, ids: Sequence[str]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        asins = list({name.split(":")[0] for name in ids})
        for collection in WRITTEN:
            marks = ", ".join("?" * len(asins))
            self._connection.execute(f"SELECT * FROM {collection} WHERE asin IN ({marks})", asins).fetchall()  # noqa: S608

    def write(self, collection: str, documents: Sequence[Any]) -> None:
        if documents:
            marks = ", ".join("?" * len(documents[0]))
            self._connection.executemany(f"INSERT OR REPLACE INTO {collection} VALUES ({marks})", documents)  # noqa: S608

    def end(self) -> None:
        self._connection.execute("COMMIT")


def bare_loop_seconds(settings: Settings, kafka: str, records: Sequence[Record]) -> float:
    """Seconds of a bare loop over the records, which have been consumed already: it writes what arbkit made of them.

    From Kafka at this address, or from a log in a SQLite file if that is empty; into a store of the settings' kind.
    """
    prepared = _Prepared()
    with open_stream(settings) as log:
        prepared.enriched.update((m.key, m.value) for batch in log.scan(ENRICHED_TOPIC) for m in batch)
    with _bare_database(settings) as connection, _bare_store(settings, connection, prepared) as store:
        if not kafka:
            return _seconds(_SqliteLog(connection, [record.value for record in records]), store, prepared, len(records))
        with closing(_KafkaLog(kafka)) as log_client:
            return _seconds(log_client, store, prepared, len(records))


def _seconds(log: _Log, store: _Store, prepared: _Prepared, count: int) -> float:
    start = time.perf_counter()
    _loop(log, store, prepared, count)
    return time.perf_counter() - start


@contextmanager
def _bare_database(settings: Settings) -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory(dir=settings.home) as folder:
        path = Path(folder) / "bare.db"
        with SqliteStore(path):
            pass
        with closing(connect(path)) as connection:
            yield connection


@contextmanager
def _bare_store(settings: Settings, connection: sqlite3.Connection, prepared: _Prepared) -> Iterator[_Store]:
    if not settings.store_url.startswith("http"):
        with closing(connect(settings.database, read_only=True)) as full:
            for name in WRITTEN:
                for row in full.execute(f"SELECT * FROM {name}"):  # noqa: S608
                    prepared.add(name, row[0], row)
                    if name == "offers":
                        prepared.ids[row[0]].append(f"{row[0]}:{row[1]}")
        yield _SqliteStore(connection)
        return
    prefix = settings.store_prefix
    with Elasticsearch(settings.store_url, request_timeout=60) as client:
        for name in WRITTEN:
            client.indices.create(index=f"{prefix}bare-{name}", **body(name))
            client.indices.refresh(index=prefix + name)
            for hits in scan(client, prefix + name, {"match_all": {}}, version=True):
                for hit in hits:
                    prepared.add(name, hit["_id"].split(":")[0], bulk_lines(f"{prefix}bare-{name}", name, hit))
                    if name == "offers":
                        prepared.ids[hit["_id"].split(":")[0]].append(hit["_id"])
        yield _ElasticStore(client, prefix)
        client.indices.delete(index=[f"{prefix}bare-{name}" for name in WRITTEN])


def bulk_lines(index: str, collection: str, hit: Any) -> tuple[bytes, bytes]:
    """The two lines of a bulk request that write a document again."""
    head = {"_index": index, "_id": hit["_id"]}
    if collection != "products":
        head |= {"version": hit["_version"], "version_type": "external"}
    return orjson.dumps({"index": head}), orjson.dumps(hit["_source"])
