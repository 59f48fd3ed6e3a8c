"""Mutated cases through importer, client and consumer into a store, and what is stored beside what their bytes hold.

Many cases share a log and a store: each has products of its own.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson

from arbkit.core.errors import KeepaError
from arbkit.core.marketplaces import market as marketplace
from arbkit.core.models import Offer
from arbkit.core.settings import Settings
from arbkit.pipeline.consumer import consume
from arbkit.pipeline.files.importing import import_files
from arbkit.pipeline.files.report import FileReport, ImportReport
from arbkit.sources.envelope import envelope
from arbkit.sources.keepa_api.client import KeepaSource
from arbkit.sources.raw_types import RawProduct
from arbkit.store import open_store
from arbkit.stream import RAW_TOPIC, Record, dead_letter_topic, open_stream
from tests.helpers.keepa_stub import Reply, stub
from tests.mutated.cases import FETCHED_AT, Case
from tests.mutated.compare import differences, lost
from tests.mutated.held import Held, Id, Reading
from tests.mutated.reader_exports import Asked
from tests.mutated.reader_keepa import read_answer, read_file, read_message

FAULTS = ("a fault of arbkit", "Please report it", "Traceback")
"""What arbkit says of an error that nobody thought of."""


@dataclass
class Outcome:
    """Counts of what became of the cases; differences and crashes in words."""

    counts: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        self.counts += other.counts
        self.differences += other.differences
        self.crashes += other.crashes


def run(cases: Sequence[Case], folder: Path) -> Outcome:
    """All of them on a log and a store of their own in ``folder``."""
    batch = _Batch(folder, cases)
    batch.publish()
    batch.check()
    return batch.outcome


class _Batch:
    def __init__(self, folder: Path, cases: Sequence[Case]) -> None:
        self.outcome = Outcome()
        self._folder, self._cases = folder, cases
        self._settings = Settings.load(
            _env_file=None, home=folder / "var", watchlist=folder / "watchlist.txt", demo=False,
            keepa_api_key="x" * 64,
            # Of a service that damages all its answers a client would ask no more before long.
            call_tokens=10**9,
            dead_letter_share=1.0, dead_letter_run=0,
        )  # fmt: skip
        self._now = datetime.now(UTC)
        self._expected: defaultdict[Id, list[Held]] = defaultdict(list)
        self._quiet: list[tuple[Case, Reading, bool]] = []
        self._published = 0
        self._refused_rows = 0

    def publish(self) -> None:
        by_kind: defaultdict[str, list[Case]] = defaultdict(list)
        for case in self._cases:
            self.outcome.counts[case.kind] += 1
            by_kind[case.kind].append(case)
        with _crashes_in_logs(self.outcome):
            for case in [*by_kind["export"], *by_kind["saved"]]:
                self._import(case)
            self._ask(by_kind["answer"])
            self._send(by_kind["message"])

    def _import(self, case: Case) -> None:
        path = self._folder / case.name
        path.write_bytes(case.data)
        given = None if case.market is None else marketplace(case.market)
        report = import_files(self._settings, [path], market=given, dated=case.dated)
        (file,) = report.files
        self._count_file(case, file, report)
        asked = Asked(self._now, case.market, case.dated)
        reading = read_file(case.data, case.name, asked)
        self._expect(case, reading, whole=file.refused is None and file.dead_lettered == 0)

    def _count_file(self, case: Case, file: FileReport, report: ImportReport) -> None:
        counts = self.outcome.counts
        if file.refused is None and file.rows != file.products + file.duplicates + file.dead_lettered:
            self.outcome.differences.append(f"{case.name}: {file.rows} rows, of which not all are counted")
        if (report.exit_code == 0) != (file.products > 0 and not file.dead_lettered and not file.refused):
            self.outcome.differences.append(f"{case.name}: exit code {report.exit_code} after {file}")
        if file.refused is not None and not file.refused.strip():
            self.outcome.differences.append(f"{case.name}: refused without a word")
        self._crashed(case.name, file.refused or "")
        self._published += file.products
        self._refused_rows += file.dead_lettered
        counts["refused by name" if file.refused else "dead-lettered in part" if file.dead_lettered else "read"] += 1

    def _crashed(self, name: str, said: str) -> None:
        if any(fault in said for fault in FAULTS):
            self.outcome.crashes.append(f"{name}: {said[:600]}")

    def _expect(self, case: Case, reading: Reading, *, whole: bool) -> None:
        for held in reading.held:
            self._expected[held.id].append(held)
        self._quiet.append((case, reading, whole))

    def _ask(self, cases: Sequence[Case]) -> None:
        """Fetch each mutated answer with the real client, and publish what it gives as the producer does."""
        replies: dict[str, bytes] = {}
        with (
            stub(lambda asked, _: Reply(body=replies["now"])) as service,
            KeepaSource(self._settings.model_copy(update={"keepa_url": service.url}), attempts=1) as source,
            open_stream(self._settings) as stream,
        ):
            for case in cases:
                replies["now"] = case.data
                try:
                    batch = source.fetch(str(case.market), case.asins, buybox=True)
                except KeepaError as error:
                    self.outcome.counts["refused by name" if str(error) else "refused without a word"] += 1
                    self._expect(case, read_answer(case.data, str(case.market), self._now.timestamp()), whole=False)
                    continue
                records = [_record(str(case.market), product) for product in batch.products]
                stream.publish(RAW_TOPIC, records)
                self._published += len(records)
                self.outcome.counts["read"] += 1
                self._expect(case, read_answer(case.data, str(case.market), self._now.timestamp()), whole=False)

    def _send(self, cases: Sequence[Case]) -> None:
        records = [Record(f"{case.number}", case.data, case.headers) for case in cases]
        with open_stream(self._settings) as stream:
            stream.publish(RAW_TOPIC, records)
        self._published += len(records)
        for case in cases:
            self._expect(case, read_message(case.data, self._now.timestamp()), whole=False)

    def check(self) -> None:
        """Consume everything, and compare what is stored with what was read."""
        counts = self.outcome.counts
        with _crashes_in_logs(self.outcome):
            summary = consume(self._settings, until_empty=True, stop=threading.Event())
        done = summary.total + summary.unknown + summary.dead_lettered
        if not summary.read == self._published == done:
            self.outcome.differences.append(f"{self._published} published, {summary.read} read, {done} accounted for")
        self._check_dead_letters(summary.dead_lettered)
        counts["messages consumed"] += summary.read
        counts["messages dead-lettered"] += summary.dead_lettered
        with _crashes_in_logs(self.outcome):
            stored = self._stored()
        counts["offers stored"] += len(stored)
        for offer in stored.values():
            self.outcome.differences += differences(offer, self._expected[offer.asin, offer.market])
        for case, reading, whole in self._quiet:
            if whole:
                self.outcome.differences += [f"{case.name}: {what}" for what in lost(reading, stored)]

    def _check_dead_letters(self, consumed: int) -> None:
        sent = {bytes(case.data) for case in self._cases if case.kind == "message"}
        with open_stream(self._settings) as stream:
            letters = [letter for part in stream.scan(dead_letter_topic(RAW_TOPIC), start={}) for letter in part]
        if len(letters) != consumed + self._refused_rows:
            self.outcome.differences.append(f"{len(letters)} dead letters, not {consumed} + {self._refused_rows}")
        for letter in letters:
            why = letter.headers.get("error", "")
            self._crashed(f"dead letter {letter.offset}", why)
            if not why.strip() or (
                "run_id" not in str(letter.value[:0])
                and letter.headers.get("file") is None
                and letter.key.isdigit()
                and letter.value not in sent
            ):
                self.outcome.differences.append(f"dead letter {letter.offset}: without a reason, or other bytes")

    def _stored(self) -> dict[Id, Offer]:
        found: dict[Id, Offer] = {}
        with open_store(self._settings, read_only=True) as store:
            for frame in store.scan_offers(["asin"]):
                for asin in frame["asin"].unique():
                    found |= {(offer.asin, offer.market): offer for offer in store.offers([asin])}
        return found


def _record(market: str, product: RawProduct) -> Record:
    message = envelope(
        asin=product["asin"], market=market, origin="keepa", fetched_at=FETCHED_AT, run_id="mutated", product=product
    )
    return Record(product["asin"], orjson.dumps(message))


@contextmanager
def _crashes_in_logs(outcome: Outcome) -> Iterator[None]:
    """Every logged traceback is a crash that somebody hid; what the store calls damaged, it wrote itself."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.ERROR and (record.exc_info or "damaged" in record.getMessage()):
                outcome.crashes.append(logging.Formatter().format(record)[-1_500:])

    handler = Handler()
    logging.getLogger("arbkit").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("arbkit").removeHandler(handler)


def batches(numbers: Iterable[int], size: int) -> Iterator[list[int]]:
    """The numbers in groups."""
    group: list[int] = []
    for number in numbers:
        group.append(number)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
