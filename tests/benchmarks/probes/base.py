"""What a probe is, and what most of them begin with."""

from __future__ import annotations

import importlib
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.commands import Home
from tests.benchmarks.keepa import asins_of, read_products
from tests.benchmarks.measuring import Figures, processor_time

__all__ = ["PROBES", "Probe", "command_timer", "fill", "load_probe", "nothing"]

PROBES = ("money", "ingest", "dashboard", "reports", "stream", "api")
"""The groups that can be measured at any commit."""


_LEAST_PROFIT = -10
"""Small losses too, so that there are three opportunities a product."""


@dataclass(frozen=True, slots=True)
class Probe:
    """The measurement of a group at any commit.

    ``prepare`` makes in a folder what all repeats share; ``measure`` is one repeat there. Both are given the file of
    products, as many as ``products`` says (none: the file does not exist). Neither imports arbkit but by
    :func:`tests.benchmarks.layouts.find`.
    """

    prepare: Callable[[Path, Path], None]
    measure: Callable[[Path, Path], Figures]
    products: int = 0
    history: bool = True


def load_probe(group: str) -> Probe:
    """The ``PROBE`` of a group's module."""
    probe: Probe = importlib.import_module(f"tests.benchmarks.probes.{group}").PROBE
    return probe


def nothing(_: Path, __: Path) -> None:
    """Prepare nothing."""


def fill(folder: Path, inputs: Path) -> None:
    """Bring all products into the store of ``folder/home`` and find their opportunities, by commands.

    Raises:
        CommandError: a command fails, or the store does not hold all products afterwards.
    """
    with Home.watching(folder / "home", inputs) as home:
        home.run("produce", "--once")
        home.run("consume", "--until-empty")
        home.run("detect", f"--min-profit={_LEAST_PROFIT}")
        home.require_products(len(asins_of(read_products(inputs))))


@contextmanager
def command_timer(figures: dict[str, float], name: str) -> Iterator[None]:
    """Note how long the commands of the body take, and their processor time, which a busy machine changes less."""
    start, before = time.perf_counter(), _children_s()
    yield
    figures[name] = time.perf_counter() - start
    figures[processor_time(name)] = _children_s() - before


def _children_s() -> float:
    """Processor time of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
