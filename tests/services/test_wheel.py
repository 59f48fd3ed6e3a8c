"""arbkit from `pip install` of its wheel, in an empty folder: what is in it, and that it works there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from tests.helpers.paths import ROOT

pytestmark = pytest.mark.e2e

SOURCES = ("arbkit", "apps", "notebooks", "pyproject.toml", "README.md", "LICENSE")
NOT_SHIPPED = {"__pycache__", ".ipynb_checkpoints"}


@dataclass(frozen=True)
class Installed:
    """An environment with arbkit's wheel in it, and an empty folder to use it in."""

    wheel: Path
    environment: Path
    folder: Path

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        outside = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return subprocess.run(
            [str(self.environment / "bin" / command), *arguments],
            # Templates and kernels of the packages that it shares with this environment.
            env={**outside, "HOME": str(self.folder), "JUPYTER_PATH": f"{sys.prefix}/share/jupyter", "COLUMNS": "120"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built of a checkout in which somebody has worked, and installed without asking any index."""
    folder = tmp_path_factory.mktemp("wheel")
    checkout = folder / "checkout"
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        checkout.mkdir(exist_ok=True)
        copy(ROOT / name, checkout / name)
    for notebook in ("apps/product", "notebooks/explore"):
        left = checkout / Path(notebook).parent / ".ipynb_checkpoints" / f"{Path(notebook).name}-checkpoint.ipynb"
        left.parent.mkdir(exist_ok=True)
        left.write_text("{}")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [
        *pip,
        "wheel",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--wheel-dir",
        str(folder),
        str(checkout),
    ]
    environment = folder / "environment"
    subprocess.run(build, check=True, timeout=300)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True, timeout=300)
    [wheel] = folder.glob("arbkit-*.whl")
    site = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    # Everything but arbkit comes from here: a path in a .pth brings no .pth files of its own.
    (site / "packages.pth").write_text("\n".join({sysconfig.get_path(kind) for kind in ("purelib", "platlib")}))
    install = [*pip, "--python", str(environment / "bin" / "python"), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, timeout=300)
    empty = folder / "empty"
    empty.mkdir()
    return Installed(wheel, environment, empty)


def test_the_wheel_holds_the_package_and_the_notebooks_and_nothing_that_is_left_lying(installed: Installed) -> None:
    names = {Path(name) for name in zipfile.ZipFile(installed.wheel).namelist()}
    files = {p.relative_to(ROOT) for p in (ROOT / "arbkit").rglob("*") if p.is_file()}
    package = {path for path in files if not NOT_SHIPPED & {*path.parts}}
    notebooks = {p.relative_to(ROOT) for kind in ("apps", "notebooks") for p in ROOT.glob(f"{kind}/*.ipynb")}
    inside = {name for name in names if name.parts[0] == "arbkit"}
    assert inside == package | {"arbkit/_shipped" / path for path in notebooks}
    assert {name.parts[0].rpartition(".")[2] for name in names - inside} == {"dist-info"}


def test_the_command_starts_and_prices_a_route(installed: Installed) -> None:
    shown = installed.run("arbkit", "--help")
    assert shown.returncode == 0, shown.stderr
    assert "Usage" in shown.stdout
    route = ["--source", "IT", "--buy", "40", "--target", "DE", "--sell", "69.99", "--category", "Toys & Games"]
    package = ["--size-mm", "360x100x100", "--weight-g", "800"]
    quote = installed.run("arbkit", "profit", *route, *package, "--no-profile", "--json")
    assert quote.returncode == 0, quote.stderr
    assert orjson.loads(quote.stdout)["profit"] > 0


def test_it_is_the_installed_one_with_its_notebooks(installed: Installed) -> None:
    script = (
        "import arbkit, json\n"
        "from arbkit.core.files import shipped_folder\n"
        "kinds = {k: str(shipped_folder(k)) for k in ('apps', 'notebooks')}\n"
        "print(json.dumps({'package': arbkit.__file__, **kinds}))\n"
    )
    done = installed.run("python", "-c", script)
    assert done.returncode == 0, done.stderr
    found = orjson.loads(done.stdout)
    assert Path(found["package"]).is_relative_to(installed.environment)
    for kind in ("apps", "notebooks"):
        assert Path(found[kind]).is_relative_to(installed.environment)
        assert {p.name for p in Path(found[kind]).iterdir()} == {p.name for p in ROOT.glob(f"{kind}/*.ipynb")}


def test_a_detection_runs_in_an_empty_folder(installed: Installed) -> None:
    found = installed.run("arbkit", "detect", "--json")
    assert found.returncode == 0, found.stderr
    assert orjson.loads(found.stdout)["total"] == 0
    listed = installed.run("arbkit", "reports", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    document = orjson.loads(listed.stdout)
    assert {report["name"] for report in document["reports"]} == {"backtest", "detect", "morning", "portfolio"}
    assert [(run["report"], run["status"], run["folder"]) for run in document["runs"]] == [
        ("detect", "succeeded", "there")
    ]
    assert {p.name for p in installed.folder.iterdir()} >= {"var"}
