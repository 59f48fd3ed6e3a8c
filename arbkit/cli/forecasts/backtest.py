"""``arbkit backtest``: how good forecasts would have been at past days of the store."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from arbkit.cli.model_options import given_options, options_from
from arbkit.cli.shared import JSON, answer, load_settings, print_table, say
from arbkit.core.errors import InputError, ServiceError
from arbkit.core.formatting import count, counted, money, percent

if TYPE_CHECKING:
    from arbkit.analysis.backtest.purchases.results import ChanceScore
    from arbkit.analysis.backtest.results import HorizonScore, PriceBacktest
    from arbkit.analysis.backtest.run import Backtest
    from arbkit.analysis.backtest.scores import Interval


def backtest(
    context: typer.Context,
    out: Path | None = typer.Option(None, help="Folder to copy page, pictures and result.json into."),
    pictures: bool = typer.Option(True, help="Draw the figures as PNG, if there is a browser."),
    json: bool = JSON,
) -> None:
    """Judge forecasts of prices, sales and profits at past days of the store's histories."""
    from arbkit.analysis.backtest.run import Backtest
    from arbkit.reports.runner import run_or_raise

    done = run_or_raise(load_settings(), "backtest", given_options(context), pictures=pictures)
    result = done.result or {}
    if result["price"] is None:
        raise InputError(str(result["why_not"]))
    if out is not None:
        _copy(done.folder, out)
    found = {name: result[name] for name in Backtest.model_fields}
    answer(Backtest.model_validate(found), json, _print_backtest)
    if not json:
        say(f"report: {out or done.folder}", whole=True)


def _copy(folder: Path, target: Path) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
        for path in (folder / "report.html", folder / "result.json", *folder.glob("*.png")):
            shutil.copyfile(path, target / path.name)
    except OSError as error:
        raise ServiceError(f"cannot be written: {error.strerror}", field="--out", value=str(target)) from None


def _print_backtest(found: Backtest) -> None:
    _print_prices(found.price)
    for sold in found.sales.horizons:
        _print_chances(sold.chances, f"sold within {counted(sold.days, 'day')}")
    if found.profit.chances:
        _print_chances(found.profit.chances, "made a profit")
    say(found.profit.rankings_verdict)
    if found.profit.rankings:
        columns = ("ranking", ">made a profit", ">return", ">return a day", ">one unit of each", ">days ahead of spot")
        rows = [
            (one.name, percent(one.hit_rate_pct), percent(one.return_pct), percent(one.return_a_day_pct, 2),
             money(one.profit, found.profit.currency), f"{one.days_ahead} of {found.profit.days}")
            for one in found.profit.rankings
        ]  # fmt: skip
        print_table(columns, rows)
    for what, reasons in (("sale", found.sales.not_scored), ("profit", found.profit.not_scored)):
        for reason, number in reasons.items():
            say(f"{what} not scored: {counted(number, 'purchase')}, {reason}")


def _print_chances(chances: ChanceScore, event: str) -> None:
    rows = [
        (one.name, count(one.purchases), count(one.products), percent(one.said_pct), percent(one.happened_pct))
        for one in (*chances.markets, *chances.categories)
    ]
    say(chances.verdict)
    print_table(("of", ">purchases", ">products", ">forecast", f">{event}"), rows)


def _print_prices(found: PriceBacktest) -> None:
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
