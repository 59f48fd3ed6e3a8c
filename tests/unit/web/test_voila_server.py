"""What the dashboards' server takes from Voilà and Jupyter that they do not promise to keep."""

from __future__ import annotations

import inspect
from importlib import resources
from pathlib import Path

import pytest
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from voila.app import Voila
from voila.paths import collect_template_paths
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.voila_kernel_manager import voila_kernel_manager_factory

from arbkit.web.dashboards.voila_server import DashboardKernels, Dashboards, EndKernel


def test_voila_still_keeps_its_warm_kernels_where_they_are_looked_for() -> None:
    made = voila_kernel_manager_factory(
        DashboardKernels, preheat_kernel=True, default_pool_size=1, page_config_hook=None
    )
    assert issubclass(made, DashboardKernels)
    assert "self._pools" in inspect.getsource(made.__init__), "Voilà keeps its pool of kernels elsewhere now"
    assert inspect.iscoroutinefunction(AsyncMappingKernelManager.cull_kernel_if_idle)


@pytest.mark.parametrize(
    ("ours", "theirs", "name"),
    [
        (Dashboards, Voila, "setup_template_dirs"),
        (Dashboards, Voila, "init_handlers"),
        (EndKernel, JupyterHandler, "check_xsrf_cookie"),
    ],
)
def test_every_overridden_method_still_exists_and_takes_nothing_more(ours: type, theirs: type, name: str) -> None:
    assert inspect.signature(getattr(ours, name)).parameters.keys() == (
        inspect.signature(getattr(theirs, name)).parameters.keys()
    )


def test_voila_still_ends_a_kernel_where_a_closed_page_says_so() -> None:
    assert issubclass(EndKernel, VoilaShutdownKernelHandler)
    assert "/voila/api/shutdown/" in inspect.getsource(Voila.init_handlers)


def test_the_template_of_voila_that_ours_extends_is_there() -> None:
    (ours, *_) = resources.files("arbkit.web.dashboards").joinpath("templates", "index.html.j2").read_text().split("%}")
    assert "voila/templates/lab/index.html.j2" in ours
    roots = collect_template_paths(["voila", "nbconvert"], "lab")
    pages = [Path(root) / "index.html.j2" for root in roots if Path(root).parts[-1] == "lab"]
    assert any("block notebook_css" in page.read_text() for page in pages if page.exists())
