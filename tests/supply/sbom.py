"""What arbkit installs, as a bill of materials in CycloneDX: ``make sbom`` writes build/sbom.json.

It lists what the image installs (docker/requirements.txt): no tool of development, and whatever any platform needs.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from arbkit import __version__
from tests.helpers.paths import ROOT

__all__ = ["REQUIREMENTS", "sbom"]

REQUIREMENTS = ROOT / "docker" / "requirements.txt"
_PROJECT = ROOT / "pyproject.toml"


def sbom() -> dict[str, Any]:
    """The bill, the same for the same pins."""
    # It warns that the graph below lacks what arbkit itself asks for, which is added here.
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", str(REQUIREMENTS)]
    more = ["--pyproject", str(_PROJECT), "--output-format", "JSON", "--output-reproducible"]
    done = subprocess.run([*command, *more], capture_output=True, text=True, check=True)
    bill: dict[str, Any] = json.loads(done.stdout)
    arbkit = bill["metadata"]["component"]
    arbkit |= {"version": __version__, "purl": f"pkg:pypi/arbkit@{__version__}"}
    asked = _asked_for()
    own = next(one for one in bill["dependencies"] if one["ref"] == arbkit["bom-ref"])
    # A package that has a version for each Python is there more than once.
    own["dependsOn"] = sorted(one["bom-ref"] for one in bill["components"] if one["name"] in asked)
    return bill


def _asked_for() -> set[str]:
    """The packages that arbkit itself names."""
    project = tomllib.loads(_PROJECT.read_text("utf-8"))["project"]
    return {re.split(r"[^A-Za-z0-9._-]", requirement)[0] for requirement in project["dependencies"]}


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "sbom.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    bill = sbom()
    target.write_text(json.dumps(bill, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{target}: arbkit {__version__} and {len(bill['components'])} packages")
