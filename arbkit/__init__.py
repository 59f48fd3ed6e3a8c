"""arbkit: the Amazon EU arbitrage workbench.

Data walks one way, and the rooms are named for it:
``sources → stream → pipeline → store → profit → analysis → display → reports → web · cli``.

In a notebook: ``import arbkit; arb = arbkit.open()``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arbkit.core import renamed

if TYPE_CHECKING:
    from arbkit.core.settings import Settings, SettingValue
    from arbkit.workbench import Workbench

__all__ = ["__version__", "open"]

__version__ = "0.2.0"

renamed.install()


def open(settings: Settings | None = None, **overrides: SettingValue) -> Workbench:  # noqa: A001 - read as arbkit.open
    """The workbench over the store that the settings name: tables, answers and figures for a notebook.

    ``overrides`` are settings by name, on top of the environment and ``.env``: ``arbkit.open(home="var/other")``,
    ``arbkit.open(store="http://localhost:9200")``. A context manager, but it need not be used as one.

    Raises:
        UsageError: there is no such setting; names the one that was probably meant.
        ConfigError: a setting's value cannot be used.
    """
    from arbkit.workbench import open_workbench

    return open_workbench(settings, **overrides)
