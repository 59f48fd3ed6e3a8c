"""Fit the demo market's prices to real histories: ``ARBKIT_REAL_DATA=… python -m tests.demo_market.fit``.

Writes ``arbkit/sources/demo/prices.toml``, which holds distributions and never a history, and prints the table of the
docs: real histories against those of the demo market.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from arbkit.sources.demo.market import COUNT, PAST_STEPS, STEP_MINUTES, asins, path, product
from arbkit.sources.demo.prices import PriceProcess
from tests.demo_market.measure import SALE_DAYS, SMALL, shape, spells
from tests.helpers.paths import ROOT
from tests.simulated_market.histories import DAY_MIN, DailyHistory, Floats, read_histories, real_file

FILE = ROOT / "arbkit/sources/demo/prices.toml"
LEVELS = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
"""Levels of the quantiles in the file: beyond them are faults of records, such as a price seven times as high."""
_MARKET = "DE"
_HEAD = f"""\
# How prices of the demo market move: distributions of real products, each said in arbkit/sources/demo/prices.py.
# Source: 173 amazon.de products recorded Nov 2024 to Feb 2025, Keepa's form, published under the ISC licence; of these
# the {{products}} with a NEW price over at least 45 days, {{days:,}} days together.
# Fitted on {{date}} by: python -m tests.demo_market.fit. Lists are quantiles at `levels`; sizes are of the log price.
# A move below {SMALL} is small; a fall made good within {SALE_DAYS} days is a sale; any other move is a step.
"""


def fitted(histories: Sequence[DailyHistory]) -> PriceProcess:
    """The parameters of the process that these histories suggest."""
    seen = shape(histories)
    events = len(seen.small) + len(seen.steps) + len(seen.sale_days)
    out, amazon = spells([one.out for one in histories]), [one.amazon for one in histories]
    sometimes = spells([one for one in amazon if one.any() and not one.all()])
    return PriceProcess(
        levels=LEVELS,
        event_chance=_quantiles(seen.events),
        step_share=round(len(seen.steps) / events, 4),
        sale_share=round(len(seen.sale_days) / events, 4),
        small_down=_quantiles(-seen.small[seen.small < 0]),
        small_up=_quantiles(seen.small[seen.small > 0]),
        turn_chance=round(float(seen.turns.mean()), 3),
        undo_chance=round(float(seen.undone.mean()), 3),
        step_down=_quantiles(-seen.steps[seen.steps < 0]),
        step_up=_quantiles(seen.steps[seen.steps > 0]),
        towards_chance=round(float(seen.towards.mean()), 3),
        band=(round(float(np.quantile(seen.about_median, LEVELS[0])), 4),
              round(float(np.quantile(seen.about_median, LEVELS[-1])), 4)),
        sale_depth=_quantiles(seen.sale_depths),
        sale_days=_quantiles(seen.sale_days),
        out_chance=round(out.chance, 5),
        out_days=round(out.days, 1),
        amazon_always=round(sum(one.all() for one in amazon) / len(amazon), 3),
        amazon_sometimes=round(sum(one.any() and not one.all() for one in amazon) / len(amazon), 3),
        amazon_in_chance=round(sometimes.chance, 5),
        amazon_in_days=round(sometimes.days, 1),
    )  # fmt: skip


def demo_histories(lengths: Sequence[int], count: int = COUNT) -> list[DailyHistory]:
    """The last days before the demo starts of its products on one marketplace, as long as each of these in turn."""
    every = DAY_MIN // STEP_MINUTES
    found = []
    for number, asin in enumerate(asins(count)):
        known = product(asin)
        if known is None or _MARKET not in known.levels:
            continue
        moves = path(asin, _MARKET)
        days = slice(max(0, PAST_STEPS - every * lengths[number % len(lengths)]), PAST_STEPS, every)
        new = moves.new[days]
        none = np.full(len(new), np.nan)
        found.append(DailyHistory(_log(new), new == -1, moves.amazon[days] > 0, none))
    return found


def table(real: Sequence[DailyHistory], demo: Sequence[DailyHistory]) -> str:
    """Real histories against those of the demo market, as a Markdown table."""
    ours, theirs = _figures(demo), _figures(real)
    lines = [f"| {name} | {theirs[name]} | {ours[name]} |" for name in theirs]
    return "\n".join(["| | real | demo |", "|---|---|---|", *lines])


def _figures(histories: Sequence[DailyHistory]) -> dict[str, str]:
    seen = shape(histories)
    moves = np.abs(np.concatenate([seen.small, seen.steps]))
    out, amazon = spells([one.out for one in histories]), [one.amazon for one in histories]
    sometimes = [one for one in amazon if one.any() and not one.all()]
    return {
        "products, days": f"{len(seen.changes)}, {seen.days:,}",
        "days with the price of the day before": f"{100 * (1 - seen.changes.mean()):.1f} %",
        "… of the middle product, of the tenth that changes most": _row(1 - seen.changes, (0.5, 0.1), 100, "%"),
        "days between changes, P25, P50, P75, P90": _row(seen.spells, (0.25, 0.5, 0.75, 0.9), 1, "", ".0f"),
        "moves below 5 %": f"{100 * np.mean(moves < SMALL):.0f} %",
        "size of small moves, P50, P90": _row(np.abs(seen.small), (0.5, 0.9), 100, "%"),
        "small moves against the last one": f"{100 * seen.turns.mean():.0f} %",
        "… of them back to the price before": f"{100 * seen.undone.mean():.0f} %",
        "size of steps, P50, P90": _row(np.abs(seen.steps), (0.5, 0.9), 100, "%"),
        "steps that lead back to the middle price": f"{100 * seen.towards.mean():.0f} %",
        "sales in 100 days": f"{100 * len(seen.sale_days) / seen.days:.2f}",
        "depth of a sale, P50, P90": _row(seen.sale_depths, (0.5, 0.9), 100, "%", ".0f"),
        "days of a sale, P50, P90": _row(seen.sale_days, (0.5, 0.9), 1, "", ".0f"),
        "days without an offer": f"{100 * out.share:.1f} %",
        "Amazon always sells it, sometimes, never": (
            f"{_percent([one.all() for one in amazon])}, {100 * len(sometimes) / len(amazon):.0f} %, "
            f"{_percent([not one.any() for one in amazon])}"
        ),
        "days on which Amazon sells it, where sometimes": f"{100 * spells(sometimes).share:.0f} %",
    }


def _row(values: Floats, levels: tuple[float, ...], factor: float, unit: str, form: str = ".1f") -> str:
    space = " " if unit else ""
    return ", ".join(f"{factor * value:{form}}{space}{unit}" for value in np.quantile(values, levels))


def _percent(values: Sequence[bool | np.bool_]) -> str:
    return f"{100 * sum(map(bool, values)) / len(values):.0f} %"


def _quantiles(values: Floats) -> tuple[float, ...]:
    return tuple(np.quantile(values, LEVELS).round(4).tolist())


def _log(prices: npt.NDArray[np.int64]) -> Floats:
    return np.asarray(np.log(np.where(prices > 0, prices, np.nan)))


def write(process: PriceProcess, head: str, file: Path = FILE) -> None:
    """The parameters as the file that the demo market reads."""
    values = {one.name: getattr(process, one.name) for one in fields(process)}
    lines = [f"{name} = {list(value) if isinstance(value, tuple) else value}" for name, value in values.items()]
    file.write_text(head + "\n".join(lines) + "\n", "utf-8")


def main() -> int:
    """Write the file and print the table; the exit code."""
    source = real_file()
    if source is None:
        sys.stderr.write("set ARBKIT_REAL_DATA: the real histories are in the folder histories beside it\n")
        return 2
    real = read_histories(source)
    date = f"{datetime.now(UTC):%Y-%m-%d}"
    write(fitted(real), _HEAD.format(products=len(real), days=shape(real).days, date=date))
    sys.stdout.write(table(real, demo_histories([len(one.price) for one in real])) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
