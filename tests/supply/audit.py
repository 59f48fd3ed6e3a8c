"""Whether a pinned package has a known vulnerability: ``make audit``.

pip-audit says "No known vulnerabilities found" and exits with 0 also where it could ask nobody. Here that is its own
answer: 0 is clean, 1 found, 3 could not run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NamedTuple, NotRequired, TypedDict

from tests.helpers.paths import ROOT
from tests.supply.pins import Pin, pins

__all__ = ["CLEAN", "COULD_NOT_RUN", "FOUND", "Verdict", "audit", "verdict"]

CLEAN, FOUND, COULD_NOT_RUN = 0, 1, 3
_LONGEST_S = 900
"""A package takes a second or two where the service is slow, and there are about 200."""

_WORDS = 300


class Verdict(NamedTuple):
    """The exit status, and one line that says the same."""

    status: int
    words: str


class _Vulnerability(TypedDict):
    id: str
    fix_versions: list[str]


class _Dependency(TypedDict):
    name: str
    version: NotRequired[str]
    vulns: NotRequired[list[_Vulnerability]]
    skip_reason: NotRequired[str]


Run = Callable[[list[str]], "subprocess.CompletedProcess[str]"]


def audit(asked: Collection[Pin], run: Run) -> Verdict:
    """Have pip-audit look up these packages; ``run`` runs its command."""
    if not asked:
        return Verdict(COULD_NOT_RUN, "could not run: there are no packages to look up")
    verdicts = [_audit(part, run) for part in _without_doubles(asked)]
    bad = sorted((one for one in verdicts if one.status != CLEAN), key=lambda one: one.status)
    if bad:
        # What was found comes first; one part that nobody looked up is enough for the rest.
        return Verdict(bad[0].status, "; ".join(one.words for one in bad))
    return Verdict(CLEAN, f"clean: none of {len(asked)} packages has a known vulnerability")


def _without_doubles(asked: Iterable[Pin]) -> list[list[Pin]]:
    """In parts that name no package twice, as pip-audit wants it: some have one version for each Python."""
    parts: list[dict[str, Pin]] = []
    for pin in asked:
        part = next((one for one in parts if pin.name not in one), None)
        if part is None:
            parts.append(part := {})
        part[pin.name] = pin
    return [list(part.values()) for part in parts]


def _audit(asked: Collection[Pin], run: Run) -> Verdict:
    with tempfile.TemporaryDirectory() as folder:
        # Without their conditions: what only Windows installs is looked up as well.
        file = Path(folder) / "requirements.txt"
        file.write_text("".join(f"{pin.text}\n" for pin in asked), "utf-8")
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(file), "--require-hashes", "--disable-pip"]
        try:
            done = run([*command, "--format", "json", "--progress-spinner", "off"])
        except (OSError, subprocess.SubprocessError) as error:
            return Verdict(COULD_NOT_RUN, f"could not run: {error}")
    return verdict(done.returncode, done.stdout, done.stderr, {pin.name for pin in asked})


def verdict(status: int, output: str, errors: str, asked: Collection[str]) -> Verdict:
    """What an answer of pip-audit means that was asked for the packages ``asked``."""
    try:
        answered: list[_Dependency] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = next((line for line in reversed(errors.splitlines()) if line.strip()), f"status {status}, and no answer")
        return Verdict(COULD_NOT_RUN, f"could not run: {last.strip()[:_WORDS]}")
    found = [
        f"{one['name']} {one.get('version')}: {fault['id']} (mended in {', '.join(fault['fix_versions']) or 'none'})"
        for one in answered
        for fault in one.get("vulns", [])
    ]
    reasons = {one["name"]: one["skip_reason"] for one in answered if "skip_reason" in one}
    known = {one["name"] for one in answered} - reasons.keys()
    unknown = sorted({*asked} - known)
    left = f"{len(unknown)} of {len(asked)} packages were not looked up" if unknown else ""
    if found:
        return Verdict(FOUND, "; ".join(["found: " + ", ".join(found), *([left] if left else [])]))
    if unknown:
        why = next(iter(reasons.values()), "they are missing in the answer")
        return Verdict(COULD_NOT_RUN, f"could not run: {left}: {why}")
    if status:
        return Verdict(COULD_NOT_RUN, f"could not run: pip-audit ended with status {status}")
    return Verdict(CLEAN, f"clean: none of {len(asked)} packages has a known vulnerability")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S, check=False)


if __name__ == "__main__":
    status, words = audit(pins(ROOT / "constraints.txt"), _run)
    print(words)
    sys.exit(status)
