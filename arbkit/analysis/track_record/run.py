"""The daily step: score what has come out, sum up what is old, and learn from the rest."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from pydantic import ValidationError

from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.forecast.price.recalibration import Recalibration
from arbkit.analysis.track_record.parameters import PARAMETERS
from arbkit.analysis.track_record.recalibrating import recalibrate
from arbkit.analysis.track_record.results import MonthRecord, TrackRecord
from arbkit.analysis.track_record.score import track_record
from arbkit.analysis.track_record.scored import Scored
from arbkit.analysis.track_record.scoring import outcome_of
from arbkit.core.forecasts.record import DAY_S, ForecastRecord
from arbkit.core.settings import Settings
from arbkit.store import Store

_SCORE, _RECALIBRATION, _MONTH = "score", "recalibration", "month:"
_AT_ONCE = 500


def bring_up_to_date(store: Store, *, now: float) -> TrackRecord:
    """Score every forecast whose horizon has ended, forget old ones but for their sums, and recalibrate.

    Doing it again changes nothing. What it answers is kept, for :func:`kept_track_record`.

    Raises:
        StoreError: the store cannot be read or written.
    """
    newest_at = store.stats().newest_at
    # A clock that is ahead must not make anything old.
    seen_until = min(now, float(newest_at)) if newest_at is not None else 0.0
    _score_due(store, now=now, seen_until=seen_until)
    demo = not store.holds_real_products()
    oldest = _first_of_month(datetime.fromtimestamp(seen_until, UTC).date() - timedelta(days=PARAMETERS.kept.days))
    _sum_up(store, demo=demo, before=oldest.isoformat())
    notes = store.forecast_notes(demo=demo)
    months = [MonthRecord.model_validate(notes[name]) for name in sorted(notes) if name.startswith(_MONTH)]
    found, scored = track_record(store.forecasts(demo=demo), months, at=now, demo=demo)
    # Nothing real is forecast by what came of an invented market.
    learnt = None if demo else _renewed(_read(notes.get(_RECALIBRATION)), scored, now=now)
    found = found.model_copy(update={"recalibration": learnt})
    new = {_SCORE: found.model_dump(mode="json")}
    if learnt is not None:
        new[_RECALIBRATION] = learnt.model_dump(mode="json")
    store.put_forecast_notes(new, demo=demo)
    return found


def _renewed(kept: Recalibration | None, scored: Scored, *, now: float) -> Recalibration | None:
    """The recalibration from now on: the one that is kept until it is old enough, or of another price model."""
    model = load_price_model().version
    kept = kept if kept is not None and kept.model == model else None
    if kept is not None and 0 <= now - kept.made_at < PARAMETERS.recalibration.renewed_after_days * DAY_S:
        return kept
    return recalibrate(scored, model=model, at=now) or kept


def kept_track_record(store: Store) -> TrackRecord | None:
    """What the last daily step found; None where there has been none.

    Raises:
        StoreError: the store cannot be read.
    """
    note = store.forecast_notes([_SCORE], demo=not store.holds_real_products()).get(_SCORE)
    try:
        return None if note is None else TrackRecord.model_validate(note)
    except ValidationError:
        # Another arbkit wrote it: the next daily step writes it anew.
        return None


def recalibration_in_force(settings: Settings, store: Store) -> Recalibration | None:
    """What forecasts are widened by; None where the settings forbid it, or nothing was learnt.

    Raises:
        StoreError: the store cannot be read.
    """
    if not settings.recalibrate:
        return None
    return _read(store.forecast_notes([_RECALIBRATION], demo=False).get(_RECALIBRATION))


def _read(note: object) -> Recalibration | None:
    try:
        return None if note is None else Recalibration.model_validate(note)
    except ValidationError:
        return None


def _score_due(store: Store, *, now: float, seen_until: float) -> None:
    due = sorted(store.due_forecasts(before=now), key=lambda record: record.asin)
    done: list[ForecastRecord] = []
    for asin, records in groupby(due, key=lambda record: record.asin):
        histories = {history.market: history for history in store.history(asin)}
        for record in records:
            found = outcome_of(record, histories.get(record.target), now=now, seen_until=seen_until)
            done += [] if found is None else [found]
        if len(done) >= _AT_ONCE:
            store.put_forecasts(done)
            done = []
    store.put_forecasts(done)


def _sum_up(store: Store, *, demo: bool, before: str) -> None:
    """Sum up whole months of forecasts that were made before this day, and forget them."""
    old = (record for record in store.forecasts(demo=demo) if record.made_on < before)
    sums = {f"{_MONTH}{one.month}:{one.horizon_days}": one.model_dump(mode="json") for one in _months(old)}
    if sums:
        # Cut off in between, the same sums are made again of the same forecasts.
        store.put_forecast_notes(sums, demo=demo)
        store.forget_forecasts(demo=demo, before=before)


def _months(records: Iterable[ForecastRecord]) -> list[MonthRecord]:
    found: dict[tuple[str, int], list[float]] = {}
    for record in records:
        sums = found.setdefault((record.made_on[:7], record.horizon_days), [0, 0, 0, 0.0])
        sums[0] += 1
        if record.price_then is not None and record.profit_then is not None:
            sums[1] += 1
            sums[2] += bool(record.in_band)
            sums[3] += (record.above_zero_pct / 100 - (record.profit_then > 0)) ** 2
    return [
        MonthRecord(
            month=month, horizon_days=days, forecasts=int(count), known=int(known), covered=int(covered),
            brier=round(brier, 4),
        )
        for (month, days), (count, known, covered, brier) in sorted(found.items())
    ]  # fmt: skip


def _first_of_month(day: date) -> date:
    return day.replace(day=1)
