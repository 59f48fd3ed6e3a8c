"""``arbkit portfolio``: what to buy with a budget."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from arbkit.cli.model_options import given_options, options_from
from arbkit.cli.shared import JSON, answer, load_settings, print_table, say
from arbkit.core.errors import InputError, ServiceError
from arbkit.core.formatting import counted, money, number, percent, signed

if TYPE_CHECKING:
    from arbkit.analysis.portfolio.results import Portfolio


def portfolio(
    context: typer.Context,
    out: Path | None = typer.Option(None, help="Folder to copy page, shopping list and result.json into."),
    pictures: bool = typer.Option(True, help="Draw the figure as PNG, if there is a browser."),
    json: bool = JSON,
) -> None:
    """Plan what to buy of the detected opportunities with a budget: units, marketplaces, profit and risk."""
    from arbkit.analysis.portfolio.results import Portfolio
    from arbkit.reports.runner import run_or_raise

    done = run_or_raise(load_settings(), "portfolio", given_options(context), pictures=pictures)
    result = done.result or {}
    if result["portfolio"] is None:
        raise InputError(str(result["why_not"]))
    if out is not None:
        _copy(done.folder, out)
    answer(Portfolio.model_validate(result["portfolio"]), json, _print_portfolio)
    if not json:
        say(f"report and shopping list: {out or done.folder}", whole=True)


def _copy(folder: Path, target: Path) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
        files = (folder / "report.html", folder / "result.json", *folder.glob("shopping-list.*"), *folder.glob("*.png"))
        for path in files:
            shutil.copyfile(path, target / path.name)
    except OSError as error:
        raise ServiceError(f"cannot be written: {error.strerror}", field="--out", value=str(target)) from None


def _print_portfolio(found: Portfolio) -> None:
    for order in found.orders:
        lines = [line for line in found.lines if line.source == order.source]
        boxes, cash = counted(order.boxes, "box", "boxes"), money(order.cash_out, found.currency)
        columns = ("ASIN", "product", "sell on", ">units", ">price", ">money out", ">expected profit")
        rows = [
            (line.asin, line.title or "", line.target, str(line.units), money(line.buy_price, line.buy_currency),
             number(line.cash_out), number(line.expected_profit))
            for line in lines
        ]  # fmt: skip
        title = f"buy on {order.source}: {counted(order.units, 'unit')}, {cash}, {boxes}"
        print_table(columns, rows, title=title, whole=("ASIN",))
        for line in lines:
            say(f"{line.asin} {line.why}")
    _print_totals(found)
    for one in found.next_best[:3]:
        route = f"{one.asin} {one.source} → {one.target}, unit {one.unit}"
        say(f"next best: {route}: {signed(one.expected_profit, found.currency)}, kept out by: {one.kept_out_by}")
    for reason, routes in found.unknown.items():
        say(f"not planned with: {counted(routes, 'route')}, {reason}")


def _print_totals(found: Portfolio) -> None:
    currency = found.currency
    spread = f"{number(found.profit_p10)} / {number(found.profit_p50)} / {number(found.profit_p90)}"
    back = "later than these weeks" if found.money_back_week is None else f"week {found.money_back_week}"
    rows = [
        ("money out", f"{money(found.cash_out, currency)} of {money(found.budget, currency)}"),
        ("expected profit", money(found.expected_profit, currency)),
        ("P10 / P50 / P90", f"{spread} {currency}"),
        ("chance of a profit", percent(found.chance_of_profit_pct)),
        ("worst tenth of outcomes", f"{signed(-found.worst_tenth_loss, currency)}, limit {signed(-found.most_loss)}"),
        ("money back", back),
        ("below the optimum", f"at most {percent(found.gap_pct, 2)} ({found.status}, {found.seconds:.1f} s)"),
        ("100 more of budget", signed(found.per_100_more, currency)),
    ]
    print_table(("", ">"), rows, title="the plan")


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    options = options_from("arbkit.analysis.portfolio.parameters:PortfolioParameters", markets="market")
    app.command(cls=options)(portfolio)
