"""The container image: pinned, without secrets or development tools, and built here as the Dockerfile says."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

_PIN = re.compile(r"^([A-Za-z0-9._-]+(?:\[[^\]]+\])?)==([^ ;\\]+)((?: *;[^\\]*)?) ?\\?$", re.MULTILINE)
_SECRET = re.compile(r"key|token|secret|password", re.IGNORECASE)


@dataclass
class Stage:
    """From one FROM to the next: ``(instruction, words)``."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [words for instruction, words in self.steps if instruction == name]


def stages() -> list[Stage]:
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    found: list[Stage] = []
    for line in lines:
        instruction, _, words = line.partition(" ")
        if instruction == "FROM":
            found.append(Stage(words.split()[0]))
        elif line and not line.startswith("#"):
            found[-1].steps.append((instruction, " ".join(words.split())))
    return found


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets a file of the checkout into a build: the last pattern that fits it decides."""
    parents = ["/".join(path.split("/")[: n + 1]) for n in range(path.count("/") + 1)]
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        # Every pattern here is a plain path, `*`, or a name anywhere below.
        name = pattern.removeprefix("**/")
        fits = any(fnmatch.fnmatch(one.rpartition("/")[2] if name != pattern else one, name) for one in parents)
        if fits and not line.startswith("#"):
            sent = line.startswith("!")
    return sent


def pins(name: str) -> dict[str, tuple[str, str]]:
    """Version and condition by package; every one has hashes."""
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert len(_PIN.findall(text)) == len(re.findall("==", re.sub(r";[^\\\n]*", "", text)))
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert block.startswith("#") or "--hash=sha256:" in block, block
    return {package: (version, condition.strip()) for package, version, condition in _PIN.findall(text)}


@pytest.mark.parametrize("name", ["docker/requirements.txt", "docker/build.txt"])
def test_what_goes_into_the_image_is_pinned_as_for_development(name: str) -> None:
    everything, here = pins("constraints.txt"), pins(name)
    assert here
    assert {package: version for package, (version, _) in here.items()} == {
        package: everything[package][0] for package in here
    }


def test_the_image_has_no_development_tools() -> None:
    runtime = pins("docker/requirements.txt")
    assert {"pandas", "voila", "confluent-kafka"} <= runtime.keys()
    assert not {"pytest", "mypy", "ruff", "playwright", "hypothesis", "check-jsonschema"} & runtime.keys()


def test_its_base_is_one_exact_version_and_its_user_is_nobody_special() -> None:
    build, final = stages()
    assert build.base == final.base
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", final.base)
    assert final.all("USER") == ["10001:10001"]
    assert final.steps[-1][0] == "CMD"
    assert final.all("ENTRYPOINT") == ['["arbkit"]']


def test_no_secret_gets_into_a_layer() -> None:
    for stage in stages():
        assert not stage.all("ADD")
        assert not [words for words in stage.all("ARG") + stage.all("ENV") if _SECRET.search(words)]
    private = [
        ".env",
        ".git/config",
        "var/arbkit.db",
        "profile.toml",
        "watchlist.txt",
        ".venv/bin/python",
        "docs/x.png",
    ]
    assert not [path for path in private if is_sent(path)]
    assert not is_sent("arbkit/__pycache__/web.cpython-311.pyc")
    copied = [source for words in stages()[0].all("COPY") for source in words.split()[:-1]]
    assert all(is_sent(source) and (ROOT / source).exists() for source in copied)
    assert is_sent("arbkit/profit/fees/data/vat.toml")


@pytest.mark.e2e
def test_its_steps_make_an_arbkit_that_starts(tmp_path: Path) -> None:
    folder, stage = tmp_path / "src", stages()[0]
    outside = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    # Compiling what is never imported here would take half of the time.
    outside["PIP_NO_COMPILE"] = "1"
    for instruction, words in stage.steps:
        match instruction:
            case "WORKDIR":
                assert words == "/src"
                folder.mkdir()
            case "COPY":
                *sources, target = words.split()
                for source in sources:
                    copy(ROOT / source, folder / target)
            case "RUN":
                here = words.replace("/opt/", f"{tmp_path}/opt/").replace("python -m venv", f"{sys.executable} -m venv")
                done = subprocess.run(
                    ["/bin/sh", "-c", here],
                    cwd=folder if folder.exists() else tmp_path,
                    env=outside, capture_output=True, text=True, timeout=900, check=False,
                )  # fmt: skip
                assert done.returncode == 0, f"{here}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    shutil.rmtree(folder)
    installed = tmp_path / "opt" / "arbkit" / "bin"
    for arguments in (["--help"], ["alive", "--help"], ["profit", "--help"]):
        shown = run([str(installed / "arbkit"), *arguments], tmp_path)
        assert shown.returncode == 0, shown.stderr
        assert "Usage" in shown.stdout
    # Every module, the shipped API and the notebooks are there, and need nothing of development's.
    script = (
        "import importlib, importlib.util, pkgutil, arbkit\n"
        "names = [m.name for m in pkgutil.walk_packages(arbkit.__path__, 'arbkit.') if '__main__' not in m.name]\n"
        "[importlib.import_module(name) for name in names]\n"
        "from arbkit.core.settings import Settings\n"
        "from arbkit.web.api import create_app\n"
        "from arbkit.reports.catalogue.find import SHIPPED\n"
        "create_app(Settings.load())\n"
        "assert all(report.notebook.is_file() for report in SHIPPED.values())\n"
        "assert not [n for n in ('pytest', 'hypothesis', 'pip', 'ruff') if importlib.util.find_spec(n)]\n"
    )
    done = run([str(installed / "python"), "-c", script], tmp_path)
    assert done.returncode == 0, done.stderr


def copy(source: Path, target: Path) -> None:
    """As COPY does: a file into a folder, or the content of a folder without what .dockerignore keeps out."""
    if source.is_file():
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
        return

    def ignored(folder: str, names: list[str]) -> set[str]:
        return {n for n in names if not is_sent((Path(folder) / n).relative_to(ROOT).as_posix())}

    shutil.copytree(source, target, ignore=ignored)


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
