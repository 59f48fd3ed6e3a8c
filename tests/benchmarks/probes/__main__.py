"""One step of one probe: `python -m tests.benchmarks.probes GROUP prepare|measure FOLDER INPUTS`.

Runs with the interpreter and the arbkit of the tree that is measured. `measure` prints one JSON object: figure → seconds.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from types import FrameType

from tests.benchmarks.probes.base import load_probe


def _end(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(group: str, step: str, folder: str, inputs: str) -> None:
    # So that servers and commands that a probe has started end with it.
    signal.signal(signal.SIGTERM, _end)
    probe = load_probe(group)
    if step == "prepare":
        probe.prepare(Path(folder), Path(inputs))
    else:
        json.dump(dict(probe.measure(Path(folder), Path(inputs))), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
