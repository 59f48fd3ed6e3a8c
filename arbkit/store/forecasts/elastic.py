"""The record of forecasts in Elasticsearch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from elasticsearch import Elasticsearch
from pydantic import JsonValue

from arbkit.core.errors import StoreError
from arbkit.core.forecasts.record import ForecastRecord
from arbkit.core.results import JsonObject
from arbkit.store.elastic.bulk import Action, bulk, delete_found
from arbkit.store.elastic.client import Hit, fetch_documents, run_search, scan, wrap_errors


class ElasticForecasts:
    """Implements :class:`arbkit.core.forecasts.store.ForecastStore`."""

    _client: Elasticsearch
    _prefix: str

    def add_forecasts(self, records: Sequence[ForecastRecord], *, most_a_day: int) -> None:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.add_forecasts`."""
        if not records:
            return
        self._write("forecasts", [_action(self._forecasts, one, only_new=True) for one in records])
        with wrap_errors():
            # Only here: whoever asks for the largest draw of a day does so with every batch.
            self._client.indices.refresh(index=self._forecasts)
        for demo, made_on in {(record.demo, record.made_on) for record in records}:
            largest = self.largest_draw(made_on, demo=demo, most_a_day=most_a_day)
            if largest is not None:
                with wrap_errors():
                    delete_found(self._client, self._forecasts, _of_day(demo, made_on, {"gt": largest}))

    def largest_draw(self, made_on: str, *, demo: bool, most_a_day: int) -> int | None:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.largest_draw`."""
        search: JsonObject = {
            "from": most_a_day - 1, "size": 1, "sort": [{"draw": "asc"}], "query": _of_day(demo, made_on),
            "track_total_hits": False, "_source": False,
        }  # fmt: skip
        with wrap_errors():
            hits = run_search(self._client, search, index=self._forecasts)["hits"]["hits"]
        return int(str(hits[0]["sort"][0])) if hits else None

    def kept_forecasts(self, ids: Sequence[str]) -> set[str]:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.kept_forecasts`."""
        with wrap_errors():
            return {hit["_id"] for hit in fetch_documents(self._client, self._forecasts, ids, only=["demo"])}

    def due_forecasts(self, *, before: float) -> list[ForecastRecord]:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.due_forecasts`."""
        found = self._scan_forecasts(
            {"bool": {"filter": [{"term": {"scored": False}}, {"range": {"ends_at": {"lte": before}}}]}}
        )
        return sorted(found, key=lambda record: (record.ends_at, record.id))

    def put_forecasts(self, records: Sequence[ForecastRecord]) -> None:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.put_forecasts`."""
        self._write("forecasts", [_action(self._forecasts, one, only_new=False) for one in records])

    def forecasts(self, *, demo: bool) -> Iterator[ForecastRecord]:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.forecasts`."""
        return self._scan_forecasts({"term": {"demo": demo}})

    def forget_forecasts(self, *, demo: bool, before: str) -> None:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.forget_forecasts`."""
        old: list[JsonValue] = [{"term": {"demo": demo}}, {"range": {"made_on": {"lt": before}}}]
        with wrap_errors():
            delete_found(self._client, self._forecasts, {"bool": {"filter": old}})

    def put_forecast_notes(self, notes: Mapping[str, JsonObject], *, demo: bool) -> None:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.put_forecast_notes`."""
        made = [
            Action(self._notes, _note_id(name, demo), {"name": name, "demo": demo, "document": note})
            for name, note in notes.items()
        ]
        self._write("forecast_notes", made)

    def forecast_notes(self, names: Collection[str] | None = None, *, demo: bool) -> dict[str, JsonObject]:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.forecast_notes`."""
        with wrap_errors():
            if names is None:
                self._client.indices.refresh(index=self._notes)
                hits = list(chain.from_iterable(scan(self._client, self._notes, {"term": {"demo": demo}})))
            else:
                hits = fetch_documents(self._client, self._notes, [_note_id(name, demo) for name in names])
        found: list[Any] = [hit["_source"] for hit in hits]
        return {note["name"]: note["document"] for note in found}

    def _scan_forecasts(self, query: JsonObject) -> Iterator[ForecastRecord]:
        with wrap_errors():
            self._client.indices.refresh(index=self._forecasts)
            yield from (_record(hit) for hits in scan(self._client, self._forecasts, query) for hit in hits)

    def _write(self, what: str, actions: Sequence[Action]) -> None:
        with wrap_errors():
            poison = bulk(self._client, actions).poison
        if poison:
            raise StoreError(f"one of the {what} is refused: {next(iter(poison.values()))}")

    @property
    def _forecasts(self) -> str:
        return f"{self._prefix}forecasts"

    @property
    def _notes(self) -> str:
        return f"{self._prefix}forecast_notes"


def _action(index: str, record: ForecastRecord, *, only_new: bool) -> Action:
    document: JsonObject = {
        "demo": record.demo, "made_on": record.made_on, "draw": record.draw, "ends_at": record.ends_at,
        "scored": record.scored_at is not None, "document": record.to_dict(),
    }  # fmt: skip
    return Action(index, record.id, document, only_new=only_new)


def _record(hit: Hit) -> ForecastRecord:
    found: Any = hit["_source"]
    return ForecastRecord.from_dict(found["document"])


def _of_day(demo: bool, made_on: str, draw: JsonObject | None = None) -> JsonObject:
    within: list[JsonValue] = [{"range": {"draw": draw}}] if draw else []
    return {"bool": {"filter": [{"term": {"demo": demo}}, {"term": {"made_on": made_on}}, *within]}}


def _note_id(name: str, demo: bool) -> str:
    return f"demo:{name}" if demo else name
