"""axe-core, the accessibility checker: fetched once from npm, checked against its digest, used in tests only."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.helpers.required import missing
from tests.servers.launch import CACHE

__all__ = ["axe_script", "violations"]

_VERSION = "4.11.0"
_SHA512 = (
    "8a561a9c453cbf1c417b1a4977c716338125490ab841cb422ca8a1d1349f8c87"
    "c24137b21ffeb356b98825f2cfaca4ca2516e21be71f9d96d02230252661758d"
)
_SERIOUS = ("serious", "critical")


def axe_script() -> Path:
    """The script, in the cache that all checkouts share."""
    script = CACHE / f"axe-core-{_VERSION}.js"
    if script.exists():
        return script
    npm = shutil.which("npm")
    if npm is None:
        return missing("npm", "install npm, which axe-core comes from")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        done = subprocess.run(
            [npm, "pack", f"axe-core@{_VERSION}", "--silent"], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            return missing("axe-core from npm", done.stderr.strip())
        package = Path(folder) / done.stdout.strip()
        assert hashlib.sha512(package.read_bytes()).hexdigest() == _SHA512, "not the axe-core that was asked for"
        with tarfile.open(package) as packed:
            member = packed.extractfile("package/axe.min.js")
            assert member is not None
            fresh = Path(folder) / script.name
            fresh.write_bytes(member.read())
        fresh.replace(script)
    return script


def violations(page: Page) -> list[str]:
    """What is seriously wrong on the page for people with assistive technology: rule, element and why."""
    page.add_script_tag(content=axe_script().read_text("utf-8"))
    found: list[dict[str, Any]] = page.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)"
    )
    return [
        f"{one['id']} ({one['impact']}): {node['target']}: {node['failureSummary']}"
        for one in found
        if one["impact"] in _SERIOUS
        for node in one["nodes"]
    ]
