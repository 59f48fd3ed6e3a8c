"""``arbkit forecasts``: how forecasts that were shown have come out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from arbkit.cli.shared import JSON, answer, load_settings, print_table, say
from arbkit.core.errors import ServiceError

if TYPE_CHECKING:
    from arbkit.analysis.track_record.results import HorizonRecord, TrackRecord

app = typer.Typer(name="forecasts", help="How forecasts that were shown have come out.", no_args_is_help=True)


@app.command()
def show(json: bool = JSON) -> None:
    """Show what the last scoring found: coverage, losses, Brier score, and what is learnt from them."""
    from arbkit.analysis.track_record.results import headline_of
    from arbkit.analysis.track_record.run import kept_track_record
    from arbkit.store import open_store

    settings = load_settings()
    with open_store(settings, read_only=True) as store:
        found = kept_track_record(store)
    if found is None:
        raise ServiceError(headline_of(None))
    answer(found, json, lambda one: _print(one, is_on=settings.recalibrate))


@app.command()
def score(json: bool = JSON) -> None:
    """Score the forecasts whose horizon has ended, now: the scheduler does it once a day."""
    from arbkit.analysis.track_record.run import bring_up_to_date
    from arbkit.store import open_store

    settings = load_settings()
    with open_store(settings) as store:
        found = bring_up_to_date(store, now=time.time())
    answer(found, json, lambda one: _print(one, is_on=settings.recalibrate))


def _print(found: TrackRecord, *, is_on: bool) -> None:
    from arbkit.analysis.track_record.results import headline_of, recalibration_words

    say(headline_of(found), whole=True)
    if found.scored:
        columns = (
            "forecast", ">days", ">forecasts", ">products", ">in the 80 % band", ">pinball loss", ">unchanged",
            ">Brier",
        )  # fmt: skip
        print_table(columns, [_row(one) for one in (*found.horizons, *found.versions)])
    for reason, count in found.not_known.items():
        say(f"not known: {count:,}, {reason}")
    say(recalibration_words(found.recalibration, is_on=is_on), whole=True)


def _row(one: HorizonRecord) -> tuple[str, ...]:
    covered = one.covered_pct
    return (
        one.version or ("all" if one.is_enough else "all (too few to say)"), str(one.horizon_days),
        f"{one.forecasts:,}", f"{one.products:,}",
        f"{covered.value:.1f} % ({covered.low:.0f} to {covered.high:.0f})", f"{one.pinball.value:.4f}",
        f"{one.pinball_unchanged.value:.4f}", f"{one.profit.brier.value:.4f}",
    )  # fmt: skip
