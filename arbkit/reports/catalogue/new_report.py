"""A new report of the user's own, from a template that comes with arbkit."""

from __future__ import annotations

from pydantic import Field

from arbkit.core.results import Result
from arbkit.core.settings import Settings
from arbkit.reports.catalogue.find import SHIPPED
from arbkit.reports.catalogue.notebook_file import make_notebook, template


class NewReport(Result):
    """A report that was made, and its notebook."""

    report: str
    notebook: str = Field(description="the file to edit")


def make_report(settings: Settings, name: str) -> NewReport:
    """Make the notebook of a report of this name; one that is there stays as it is.

    Raises:
        UsageError: the name cannot be one, or is taken.
        ServiceError: it cannot be written.
    """
    path = make_notebook(settings.own_reports_dir, name, SHIPPED, kind="report", content=template("template"))
    return NewReport(report=name, notebook=str(path))
