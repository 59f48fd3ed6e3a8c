"""What the dashboards' server takes from Voilà and Jupyter that they do not promise to keep."""

from __future__ import annotations

import inspect
import shutil
from importlib import resources
from pathlib import Path

import pytest
from jupyter_server.auth.identity import PasswordIdentityProvider
from jupyter_server.auth.login import LoginFormHandler
from jupyter_server.base.handlers import FileFindHandler, JupyterHandler
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from pydantic import SecretStr
from voila.app import Voila
from voila.handler import VoilaHandler
from voila.paths import collect_template_paths
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.static_file_handler import MultiStaticFileHandler, TemplateStaticFileHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.voila_kernel_manager import voila_kernel_manager_factory

from arbkit.alerts.delivery.plan import load_plan
from arbkit.core.settings import Settings
from arbkit.reports.catalogue.find import SHIPPED
from arbkit.reports.catalogue.own_pages import make_page
from arbkit.web.dashboards.server.connection import PageConnection
from arbkit.web.dashboards.server.kernels import DashboardKernels
from arbkit.web.dashboards.server.login import DashboardIdentity, Login
from arbkit.web.dashboards.server.pages import EndKernel, PageHandler
from arbkit.web.dashboards.server.plain import ExtensionFiles, StaticFiles, TemplateFiles
from arbkit.web.dashboards.voila_server import Dashboards, kernel_environment, own_notebooks, page_environment
from tests.helpers.paths import ROOT


def test_voila_still_asks_the_kernels_for_what_is_counted_as_a_page() -> None:
    made = voila_kernel_manager_factory(
        DashboardKernels, preheat_kernel=True, default_pool_size=1, page_config_hook=None
    )
    assert issubclass(made, DashboardKernels)
    drawing = inspect.getsource(VoilaHandler.get_generator)
    for name in ("get_rendered_notebook", "start_kernel"):
        assert f"self.kernel_manager.{name}(" in drawing, "Voilà takes the kernel of a page in another way now"
    assert list(inspect.signature(made.get_rendered_notebook).parameters)[:2] == ["self", "notebook_name"]
    assert inspect.iscoroutinefunction(AsyncMappingKernelManager.cull_kernel_if_idle)


@pytest.mark.parametrize(
    ("ours", "theirs", "name"),
    [
        (Dashboards, Voila, "setup_template_dirs"),
        (Dashboards, Voila, "init_handlers"),
        (Dashboards, Voila, "init_settings"),
        (Dashboards, Voila, "listen"),
        (EndKernel, JupyterHandler, "check_xsrf_cookie"),
        (DashboardIdentity, PasswordIdentityProvider, "get_token"),
        (DashboardIdentity, PasswordIdentityProvider, "process_login_form"),
        (Login, LoginFormHandler, "_render"),
        (PageHandler, TornadoVoilaHandler, "get"),
        (PageConnection, ZMQChannelsWebsocketConnection, "nudge"),
        (TemplateFiles, TemplateStaticFileHandler, "get"),
        (StaticFiles, MultiStaticFileHandler, "get"),
        (ExtensionFiles, FileFindHandler, "get"),
    ],
)
def test_every_overridden_method_still_exists_and_takes_nothing_more(ours: type, theirs: type, name: str) -> None:
    assert inspect.signature(getattr(ours, name)).parameters.keys() == (
        inspect.signature(getattr(theirs, name)).parameters.keys()
    )


def test_voila_still_reads_notebooks_and_starts_kernels_where_own_pages_say_so() -> None:
    # A page of the user's own lies in another folder, shows its faults, and is never drawn beforehand.
    drawing = inspect.getsource(VoilaHandler.get_generator)
    assert "contents_manager=self.contents_manager" in drawing
    assert "voila_configuration=self.voila_configuration" in drawing
    assert "cwd" in inspect.getsource(AsyncMappingKernelManager._async_start_kernel)
    assert "SCRIPT_NAME" in drawing
    assert "VOILA_PREHEAT" in drawing


def test_voila_still_ends_a_kernel_where_a_closed_page_says_so() -> None:
    assert issubclass(EndKernel, VoilaShutdownKernelHandler)
    assert "/voila/api/shutdown/" in inspect.getsource(Voila.init_handlers)


def test_the_template_of_voila_that_ours_extends_is_there() -> None:
    (ours, *_) = resources.files("arbkit.web.dashboards").joinpath("templates", "index.html.j2").read_text().split("%}")
    assert "voila/templates/lab/index.html.j2" in ours
    roots = collect_template_paths(["voila", "nbconvert"], "lab")
    pages = [Path(root) / "index.html.j2" for root in roots if Path(root).parts[-1] == "lab"]
    assert any("block notebook_css" in page.read_text() for page in pages if page.exists())


def test_jupyterlab_opens_copies_that_are_never_overwritten(settings: Settings) -> None:
    shipped = {path.name: path.read_bytes() for path in (ROOT / "notebooks").glob("*.ipynb")}
    own = own_notebooks(settings)
    assert own.is_relative_to(settings.home.absolute())
    assert {path.name: path.read_bytes() for path in own.glob("*.ipynb")} == shipped
    (own / "detect.ipynb").write_text("what the user made of it")
    (own / "explore.ipynb").unlink()
    assert own_notebooks(settings) == own
    mine = {**shipped, "detect.ipynb": b"what the user made of it"}
    assert {path.name: path.read_bytes() for path in own.glob("*.ipynb")} == mine
    # What a report runs lies in the package, beside no copy that anybody opens.
    for report in SHIPPED.values():
        assert report.notebook.is_relative_to(ROOT / "arbkit")
        assert report.notebook.read_bytes() == shipped[report.notebook.name], "edit both: people open what runs"


def test_jupyterlab_has_the_users_own_reports_among_its_notebooks(settings: Settings, tmp_path: Path) -> None:
    settings = settings.model_copy(update={"folder": tmp_path})
    assert not (own_notebooks(settings) / "reports").exists()
    for folder in (settings.own_reports_dir, tmp_path / "others"):
        folder.mkdir()
        settings = settings.model_copy(update={"reports": folder})
        assert (own_notebooks(settings) / "reports").resolve() == folder.resolve()


def test_jupyterlab_has_the_users_own_pages_but_never_the_shipped_ones(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings.model_copy(update={"folder": tmp_path})
    make_page(settings, "mine")
    assert (own_notebooks(settings) / "apps").resolve() == settings.own_pages_dir.resolve()
    # In a checkout all lie in one folder.
    for shipped in (ROOT / "apps").glob("*.ipynb"):
        shutil.copy(shipped, settings.own_pages_dir)
    for module in ("arbkit.web.dashboards.voila_server", "arbkit.reports.catalogue.own_pages"):
        monkeypatch.setattr(
            f"{module}.shipped_folder", lambda kind: settings.own_pages_dir if kind == "apps" else ROOT / kind
        )
    elsewhere = settings.model_copy(update={"home": tmp_path / "other"})
    opened = own_notebooks(elsewhere) / "apps"
    assert [path.name for path in opened.iterdir()] == ["mine.ipynb"]
    assert (opened / "mine.ipynb").resolve() == (settings.own_pages_dir / "mine.ipynb").resolve()


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Where arbkit was started, which is the current one, and where kernels run."""
    started, elsewhere = tmp_path / "started", tmp_path / "apps"
    for folder in (started, elsewhere):
        folder.mkdir()
    monkeypatch.chdir(started)
    return started, elsewhere


def test_a_kernel_notices_a_profile_that_is_made_while_it_runs(
    settings: Settings, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    started, elsewhere = folders
    for variable, value in kernel_environment(settings).items():
        monkeypatch.setenv(variable, value)
    # A kernel runs in the folder of its notebook.
    monkeypatch.chdir(elsewhere)
    (elsewhere / "profile.toml").write_text("")
    inside = Settings.load(_env_file=None)
    assert inside.profile_path is None
    (started / "profile.toml").write_text("")
    assert inside.profile_path == started / "profile.toml"


def test_a_kernel_reads_the_alerts_that_arbkit_was_started_with(
    settings: Settings, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, elsewhere = folders
    channel = '[[channel]]\nname = "phone"\nurl_env = "A_PHONE"\n'
    Path("mine.toml").write_text(channel)
    Path(".env").write_text("A_PHONE=json://127.0.0.1\n")
    for variable, value in page_environment(settings.model_copy(update={"alerts": Path("mine.toml")})).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.chdir(elsewhere)
    plan = load_plan(Settings.load(_env_file=None))
    assert (list(plan.channels), plan.bad) == (["phone"], ())


def test_a_kernel_is_not_given_the_keepa_key(settings: Settings) -> None:
    key = "a-very-secret-key-0123456789"
    keyed = settings.model_copy(update={"demo": False, "keepa_api_key": SecretStr(key)})
    assert key not in str(kernel_environment(keyed))
    assert kernel_environment(keyed)["ARBKIT_KEY_ELSEWHERE"] == "1"


def test_a_page_is_told_that_there_is_a_key_but_not_which(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = settings.model_copy(update={"keepa_api_key": SecretStr("the-key"), "token": SecretStr("the-token")})
    for variable, value in page_environment(secret).items():
        monkeypatch.setenv(variable, value)
    inside = Settings.load(_env_file=None)
    assert inside.has_key
    assert not {"the-key", "the-token"} & {inside.keepa_api_key.get_secret_value(), inside.token.get_secret_value()}


def test_no_page_inherits_a_secret_in_whatever_case_it_is_spelt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("keepa_api_key", "secret-key")
    monkeypatch.setenv("Arbkit_Token", "secret-token")
    given = page_environment(Settings.load(_env_file=None, home=tmp_path))
    assert {"secret-key", "secret-token"}.isdisjoint(given.values())
    assert given["ARBKIT_KEY_ELSEWHERE"] == "1"
