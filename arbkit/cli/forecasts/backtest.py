"""``arbkit backtest``: how good forecasts would have been at past days of the store."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from arbkit.cli.model_options import given_options, options_from
from arbkit.cli.shared import JSON, answer, load_settings, print_table, say
from arbkit.core.errors import InputError, ServiceError
from arbkit.core.formatting import counted, percent

if TYPE_CHECKING:
    from arbkit.analysis.backtest.results import HorizonScore, PriceBacktest
    from arbkit.analysis.backtest.scores import Interval


def backtest(
    context: typer.Context,
    out: Path | None = typer.Option(None, help="Folder to copy page, pictures and result.json into."),
    pictures: bool = typer.Option(True, help="Draw the figures as PNG, if there is a browser."),
    json: bool = JSON,
) -> None:
    """Judge price forecasts at past days of the store's histories, each product by models fitted to others."""
    from arbkit.analysis.backtest.results import PriceBacktest
    from arbkit.reports.runner import run_or_raise

    done = run_or_raise(load_settings(), "backtest", given_options(context), pictures=pictures)
    result = done.result or {}
    if result["price"] is None:
        raise InputError(str(result["why_not"]))
    if out is not None:
        _copy(done.folder, out)
    answer(PriceBacktest.model_validate(result["price"]), json, _print_backtest)
    if not json:
        say(f"report: {out or done.folder}", whole=True)


def _copy(folder: Path, target: Path) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
        for path in (folder / "report.html", folder / "result.json", *folder.glob("*.png")):
            shutil.copyfile(path, target / path.name)
    except OSError as error:
        raise ServiceError(f"cannot be written: {error.strerror}", field="--out", value=str(target)) from None


def _print_backtest(found: PriceBacktest) -> None:
    for score in found.horizons:
        _print_horizon(score)
    for reason, days in found.not_scored.items():
        say(f"not judged: {counted(days, 'day')}, {reason}")
    if not found.refitted:
        say(f"too few products to refit: this judges the model that comes with arbkit ({found.model_version})")


def _print_horizon(score: HorizonScore) -> None:
    title = (
        f"after {counted(score.horizon_days, 'day')}: {counted(score.origins, 'outcome')} of "
        f"{counted(score.products, 'product')}, {percent(score.unchanged_pct.value)} unchanged"
    )
    columns = ("forecast", ">pinball loss", ">in the 80 % band", ">above the median")
    rows = [
        (one.name, _loss(one.pinball), _share(one.covered_pct), _share(one.above_median_pct)) for one in score.scores
    ]
    print_table(columns, rows, title=title)
    shown = [
        (one.name, one.wanted, _loss(one.measured) if "loss" in one.name else _share(one.measured), one.state)
        for one in score.targets
    ]
    print_table(("target", "wanted", ">measured", "state"), shown)


def _share(interval: Interval) -> str:
    if interval.value is None:
        return "unknown"
    return f"{interval.value:.1f} % ({interval.low:.0f} to {interval.high:.0f})"


def _loss(interval: Interval) -> str:
    if interval.value is None:
        return "unknown"
    return f"{interval.value:.4f} ({interval.low:.4f} to {interval.high:.4f})"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    options = options_from("arbkit.analysis.backtest.parameters:BacktestParameters", markets="market")
    app.command(cls=options)(backtest)
