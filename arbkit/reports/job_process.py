"""The process a report runs in: ``python -m arbkit.reports.job_process FOLDER``, told the rest by ``FOLDER/job.json``.

Ends with status 1 and the error as its last line if the notebook failed. ``--explain`` only makes the page of a
notebook whose process was killed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

from arbkit.core.service.process import die_with_parent

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    die_with_parent()
    folder = Path(arguments[0])
    job = orjson.loads((folder / "job.json").read_bytes())
    # jsonschema, which checks notebooks, would build a grammar of international addresses: two seconds of work at
    # every start, for a check that no notebook needs.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    from arbkit.reports.worker import explain, run

    if "--explain" in arguments:
        explain(folder, job)
        return 0
    error = run(folder, job)
    if error is not None:
        sys.stderr.write(f"{error}\n")
    return 1 if error else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
