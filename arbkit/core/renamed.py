"""Modules of arbkit 0.1 (``renamed.toml``): importing an old name is answered with the new one."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from importlib.abc import MetaPathFinder
from types import ModuleType


@cache
def renamed() -> Mapping[str, str]:
    """Old module → new module, both without the leading ``arbkit.``."""
    return tomllib.loads(resources.files("arbkit.core").joinpath("renamed.toml").read_text("utf-8"))


class _RenamedFinder(MetaPathFinder):
    """Finds nothing; asked only after every other finder, so today's modules are never slowed down."""

    def find_spec(self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> None:
        root, _, name = fullname.partition(".")
        if root == "arbkit" and name in renamed():
            raise ImportError(f"{fullname} is arbkit.{renamed()[name]} since arbkit 0.2", name=fullname)


def install() -> None:
    """Explain old module names from now on, once per process."""
    if not any(isinstance(finder, _RenamedFinder) for finder in sys.meta_path):
        sys.meta_path.append(_RenamedFinder())
