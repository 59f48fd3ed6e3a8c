"""What goes wrong inside a page is in the file that its message names."""

from __future__ import annotations

from typing import NoReturn

from arbkit.core.settings import Settings
from arbkit.web.dashboards.page_widget import INTERNAL_ERROR
from tests.helpers.pages import shipped_page


def test_a_fault_of_ours_is_in_the_log_that_the_page_names(settings: Settings) -> None:
    page = shipped_page("opportunities", settings)

    def fail() -> NoReturn:
        raise RuntimeError("the very fault")

    page.widget.run_guarded(fail)
    assert "pages.log" in INTERNAL_ERROR
    logged = (settings.home / "pages.log").read_text("utf-8")
    assert "the very fault" in logged
    assert "Traceback" in logged
