"""`arbkit lab` without a browser: where it listens, for whom, and how it ends."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import psutil
import requests

from arbkit.core.service.addresses import listen, url_answers
from arbkit.core.settings import Settings
from tests.helpers.dashboards import environment
from tests.helpers.waiting import eventually

_TOKEN = "of-this-test"


def test_it_listens_where_it_is_told_as_any_user_and_ends_with_its_kernels(settings: Settings, tmp_path: Path) -> None:
    with listen(settings.host, 0, "ARBKIT_LAB_PORT") as free:
        port = free.getsockname()[1]
    folders = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    process = subprocess.Popen(
        [sys.executable, "-m", "arbkit", "lab"],
        env=environment(settings, **folders, ARBKIT_LAB_PORT=str(port), ARBKIT_TOKEN=_TOKEN, ARBKIT_BROWSER="0"),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process, process.stderr:
        try:
            said = [process.stderr.readline()]
            while said[-1] and not re.search(rf"http://127\.0\.0\.1:{port}/lab", said[-1]):
                said.append(process.stderr.readline())
            assert said[-1], "arbkit lab ended"
            # The user knows the token, the setting says that no browser is to open, and all else is for developers.
            assert _TOKEN not in said[-1]
            assert [line for line in said if "browser" in line or line.startswith("[I")] == []
            headers = {"Authorization": f"token {_TOKEN}"}
            kernels = f"http://127.0.0.1:{port}/api/kernels"
            # It says where it is before it listens.
            eventually(lambda: url_answers(f"http://127.0.0.1:{port}/login"))
            requests.post(kernels, json={}, headers=headers, timeout=120).raise_for_status()
            family = psutil.Process(process.pid).children(recursive=True)
            assert any("ipykernel" in part for one in family for part in one.cmdline())
        finally:
            process.terminate()
            process.stderr.read()
    assert process.returncode == 0
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
