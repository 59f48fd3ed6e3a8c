"""The packages that a file of pins names: with version, condition and hashes, whichever machine asks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Pin", "pins"]

_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package at one version, and the digests of the files that it may be installed from."""

    name: str
    version: str
    hashes: frozenset[str]

    @property
    def text(self) -> str:
        """The same as a requirement for every machine: without the condition that it has in the file."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash=sha256:{one}" for one in sorted(self.hashes))])


def pins(path: Path) -> list[Pin]:
    """Every pin of a file that ``make constraints`` has made, in its order."""
    text = path.read_text("utf-8")
    found = list(_PIN.finditer(text))
    ends = [*(one.start() for one in found[1:]), len(text)]
    return [
        Pin(one["name"], one["version"], frozenset(_HASH.findall(text, one.start(), end)))
        for one, end in zip(found, ends, strict=True)
    ]
