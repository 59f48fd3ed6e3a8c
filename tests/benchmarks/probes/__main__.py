"""One step of one probe: `python -m tests.benchmarks.probes GROUP prepare|measure TREE FOLDER INPUTS`.

Runs with the interpreter and the arbkit of the tree that is measured. `measure` prints one JSON object:
figure → seconds.
"""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks.probes.base import load_probe
from tests.benchmarks.signals import end_on_signals


def main(group: str, step: str, tree: str, folder: str, inputs: str) -> None:
    found = find_spec("arbkit")
    if found is None or found.origin is None or not Path(found.origin).is_relative_to(tree):
        raise SystemExit(f"would measure {found}, which is not of {tree}")
    # So that servers and commands that a probe has started end with it.
    end_on_signals()
    probe = load_probe(group)
    if step == "prepare":
        probe.prepare(Path(folder), Path(inputs))
    else:
        json.dump(dict(probe.measure(Path(folder), Path(inputs))), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
