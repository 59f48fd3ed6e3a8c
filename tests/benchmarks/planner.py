"""How much of the money in a simulated market the token planner sees, beside published policies and perfect knowledge.

    python -m tests.benchmarks.planner --json scores.json
    python -m tests.benchmarks.planner --full --json scores.json

The first is what `make bench BENCH=planner` runs; the second adds the poor, the long and all large cells, and takes
hours: it goes seed by seed and writes its file after each market, and with `--hours` it ends early. Markets are of
seeds that nothing was chosen on. A policy that takes one form of look is shown in its better one.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from arbkit.pipeline.planning.deals import PlannedPage
from tests.benchmarks.measuring import Report, print_row
from tests.planner_market.market import Market, make_market
from tests.planner_market.service import Outcome, first_facts, first_looks
from tests.planner_policies.arbkit_planner import ArbkitPlanner, seen_of
from tests.planner_policies.compare import (
    ABLATIONS,
    ALL_KNOWING,
    PLANNER,
    PUBLISHED,
    ROUND_ROBIN,
    TRUE_RATES,
    Cell,
    as_dict,
    compare,
)

__all__ = ["run"]

_SEEDS = tuple(range(7_001, 7_004))
_MORE_SEEDS = tuple(range(7_001, 7_011))
_CELLS = (
    Cell(5_000, 100), Cell(5_000, 20), Cell(500, 20), Cell(500, 100), Cell(1_000, 20, alike=True),
    Cell(5_000, 20, cold=True),
)  # fmt: skip
_MORE_CELLS = (Cell(500, 5), Cell(5_000, 5), Cell(5_000, 20, 14), Cell(500, 20, 14))
_POOR = Cell(50_000, 5)
"""Where a plain round sees little: only the first seed, as of all large cells."""
_LARGE = (Cell(50_000, 20), Cell(50_000, 100))
_LARGE_SEEDS = _SEEDS[:1]
_ABLATED = (Cell(500, 20), Cell(5_000, 20), Cell(5_000, 5))
_WORKERS = 2
_LARGEST = 50_000
_DECISIONS = 400
_TOKENS = 100.0
Job = tuple[Cell, int]
Found = dict[Job, dict[str, Outcome]]


def _one(job: Job, *, every: bool, until: float | None) -> dict[str, Outcome]:
    """The outcomes of a job; none where it is too late to begin it."""
    if until is not None and time.time() > until:
        return {}
    return compare(*job, ablations=job[0] in _ABLATED, every=every)


def _each(jobs: Sequence[Job], *, every: bool, until: float | None) -> Iterator[tuple[Job, dict[str, Outcome]]]:
    """The outcomes in the order of the jobs, each as soon as it is there."""
    with ProcessPoolExecutor(_WORKERS) as pool:
        yield from zip(jobs, pool.map(partial(_one, every=every, until=until), jobs), strict=True)


def _best(found: dict[str, Outcome], names: Sequence[str], *, opened: bool) -> tuple[str, float]:
    """The best of these policies, in the better form of its looks."""
    scores = {name: _value(one, opened) for name, one in found.items() if name.startswith(tuple(names))}
    best = max(scores, key=lambda name: scores[name])
    return best, scores[best]


def _share(values: Sequence[float], of: Sequence[float]) -> float:
    return median(value / whole for value, whole in zip(values, of, strict=True))


def _value(one: Outcome, opened: bool) -> float:
    return one.opened if opened else one.value


def _report_cell(report: Report, cell: Cell, found: Sequence[dict[str, Outcome]]) -> None:
    for opened, what in ((False, "all windows"), (True, "windows that opened")):
        ours = [_value(one[PLANNER], opened) for one in found]
        possible = [one[PLANNER].opened_possible if opened else one[PLANNER].possible for one in found]
        rows: dict[str, tuple[list[float], str]] = {
            "of what there was": (possible, ""),
            f"over {ALL_KNOWING}": ([_value(one[ALL_KNOWING], opened) for one in found], "at least 0.8"),
            f"over {TRUE_RATES}": ([_value(one[TRUE_RATES], opened) for one in found], "at least 0.9"),
        }
        best = [_best(one, PUBLISHED, opened=opened) for one in found]
        names = " / ".join(dict.fromkeys(name for name, _ in best))
        share = _share([value for _, value in best], rows[f"over {ALL_KNOWING}"][0])
        rows[f"over the best published ({names}), itself {share:.2f} of {ALL_KNOWING}"] = (
            [value for _, value in best], "at least 1.2",
        )  # fmt: skip
        walks = [_best(one, [ROUND_ROBIN], opened=opened)[1] for one in found]
        share = _share(walks, rows[f"over {ALL_KNOWING}"][0])
        limit = "at least 0.98" if cell.alike else "at least 3" if share < 0.25 else ""
        rows[f"over {ROUND_ROBIN}, itself {share:.2f} of {ALL_KNOWING}"] = (walks, limit)
        rows |= {f"over itself {name}": ([_value(one[name], opened) for one in found], "")
                 for name in ABLATIONS if name in found[0]}  # fmt: skip
        for name, (others, limit) in rows.items():
            ratios = [mine / other if other else np.nan for mine, other in zip(ours, others, strict=True)]
            report(f"{cell}: {what}, {name}", f"{median(ratios):.3f}, worst {min(ratios):.3f}", limit)
    oldest = max(one[PLANNER].oldest for one in found)
    report(f"{cell}: oldest look of arbkit at the end", f"{oldest:.0f} h", "")


def _report_speed(report: Report) -> None:
    """Time of a decision about 250,000 offers, and memory by offer."""
    spent, taken = [], []
    market = make_market(_SEEDS[0], _LARGEST, 1)
    policy = _started(ArbkitPlanner(market.products), market)
    for number in range(_DECISIONS):
        begun = time.perf_counter()
        call = policy.planner.next_call(3_600.0 * number, _TOKENS)
        spent.append(time.perf_counter() - begun)
        if isinstance(call, PlannedPage):
            policy.planner.hear(call, np.zeros(0, np.int64), 3_600.0 * number, 6.0)
        if call is None or isinstance(call, PlannedPage):
            continue
        seen = seen_of(market.look(call.offers, market.begin, full=call.full), np.full(len(call.offers), 1.0))
        begun = time.perf_counter()
        policy.planner.take(seen)
        taken.append(time.perf_counter() - begun)
    report(f"a decision about {5 * _LARGEST:,} offers, median of {_DECISIONS}",
           f"{1_000 * median(spent):.1f} ms, worst {1_000 * max(spent):.1f} ms", "at most 50 ms")  # fmt: skip
    report("taking in a batch of looks, median", f"{1_000 * median(taken):.1f} ms", "")
    few, many = (_peak(count) / count for count in (_LARGEST // 10, _LARGEST))
    report("memory per product, 50,000 / 5,000 products", f"{many / few:.2f} ×", "about 1 ×, or less")


def _started(policy: ArbkitPlanner, market: Market) -> ArbkitPlanner:
    looked = first_looks(market, _TOKENS, 1)
    policy.start(first_facts(market, looked), looked)
    return policy


def _peak(products: int) -> float:
    market = make_market(_SEEDS[0], products, 1)
    tracemalloc.start()
    _started(ArbkitPlanner(market.products), market).planner.next_call(0.0, _TOKENS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return float(peak)


def _jobs(*, full: bool) -> list[Job]:
    """The usual ones first, then seed by seed, so that what is ended early has the most of all cells."""
    jobs = [(cell, seed) for seed in _SEEDS for cell in _CELLS] + [(_POOR, _LARGE_SEEDS[0])]
    if full:
        jobs += [(cell, _MORE_SEEDS[0]) for cell in _MORE_CELLS] + [(_LARGE[0], _LARGE_SEEDS[0])]
        jobs += [(cell, seed) for seed in _MORE_SEEDS for cell in (*_CELLS, *_MORE_CELLS)]
        jobs += [(cell, seed) for seed in _LARGE_SEEDS for cell in _LARGE]
    return list(dict.fromkeys(jobs))


def _report(report: Report, *, full: bool = False, until: float | None = None, file: Path | None = None) -> None:
    jobs = _jobs(full=full)
    found: Found = {}
    for job, outcomes in _each(jobs, every=full, until=until):
        if outcomes:
            found[job] = outcomes
            if file is not None:
                _write(file, found, jobs)
    for cell in dict.fromkeys(cell for cell, _ in found):
        _report_cell(report, cell, [one for (of, _), one in found.items() if of == cell])
    _report_speed(report)


def _write(file: Path, found: Found, jobs: Sequence[Job]) -> None:
    """What was measured, with its command, and what was left out."""
    command = " ".join(["python -m tests.benchmarks.planner", *sys.argv[1:]])
    kept = {
        "command": command,
        "sampled": f"cells of {_LARGEST:,} products: {len(_LARGE_SEEDS)} seed of {len(_MORE_SEEDS)}",
        "not_measured": [f"{cell}, seed {seed}" for cell, seed in jobs if (cell, seed) not in found],
        "measured": [as_dict(cell, seed, one) for (cell, seed), one in found.items()],
    }
    file.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def run(report: Report) -> None:
    """Report the table of the usual cells, and the time of a decision."""
    _report(report)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="also the large, the poor and the long cells: hours")
    parser.add_argument("--json", type=Path, help="write what was measured there too")
    parser.add_argument("--hours", type=float, help="begin no other market after this number of hours")
    asked = parser.parse_args()
    until = None if asked.hours is None else time.time() + 3_600 * asked.hours
    _report(print_row, full=asked.full, until=until, file=asked.json)
