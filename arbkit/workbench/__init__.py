"""The workbench as people use it in a notebook: ``arb = arbkit.open()``.

Everything is read from the store that the settings name, and comes back as a table, a quote or a plotly figure.
"""

from arbkit.workbench.workbench import Workbench, open_workbench

__all__ = ["Workbench", "open_workbench"]
