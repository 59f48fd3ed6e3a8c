"""Ports between the moment they are found free and the moment their services have them."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace

import pytest
from pydantic import SecretStr

from arbkit.core.errors import ConfigError
from arbkit.core.service.addresses import handed_down, listen
from arbkit.core.settings import Settings
from arbkit.ops.supervisor import Service, Supervisor, plan_services, resolve


@pytest.fixture
def given(settings: Settings) -> Settings:
    free = {"api_port": 0, "dashboards_port": 0, "demo_port": 0}
    return settings.model_copy(update={**free, "keepa_url": "", "demo": True})


def test_a_port_that_one_has_is_refused_to_the_next_before_anything_runs(given: Settings) -> None:
    fixed, sockets = resolve(given)
    try:
        for name in ("demo_port", "api_port", "dashboards_port"):
            rival = given.model_copy(update={name: getattr(fixed, name)})
            with pytest.raises(ConfigError, match=given.variable(name)):
                resolve(rival)
    finally:
        for one in sockets.values():
            one.close()


def test_each_service_with_an_address_is_handed_the_socket_of_its_port(given: Settings) -> None:
    fixed, sockets = resolve(given)
    try:
        found = {service.port for service in plan_services(fixed) if service.address is not None}
        assert found == set(sockets) == {"ARBKIT_DEMO_PORT", "ARBKIT_API_PORT", "ARBKIT_DASHBOARDS_PORT"}
        assert {one.getsockname()[1] for one in sockets.values()} == {
            fixed.demo_port, fixed.api_port, fixed.dashboards_port
        }  # fmt: skip
    finally:
        for one in sockets.values():
            one.close()


_SHOWS_ENVIRONMENT = """
import os
from arbkit.core.settings import Settings
settings = Settings.load(_env_file=None)
print(settings.mode, settings.has_key, *os.environ.values())
"""
_CHILD = """
import sys
from arbkit.core.service.addresses import listen
with listen("127.0.0.1", int(sys.argv[1]), "ARBKIT_API_PORT") as one:
    print("listens on", one.getsockname()[1])
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows hands no descriptors down")
def test_a_port_is_the_services_from_its_first_process_on_and_nobody_elses_while_it_is_restarted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = listen("127.0.0.1", 0, "ARBKIT_API_PORT")
    port = opened.getsockname()[1]
    lines: list[str] = []
    stop = threading.Event()

    taken: list[bool] = []

    def is_free() -> bool:
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                other.bind(("127.0.0.1", port))
                return True
        return False

    def write(_: str, line: str) -> None:
        lines.append(line)
        taken.append(is_free())
        if len(lines) == 2:
            stop.set()

    service = Service("api", ("-c", _CHILD, str(port)), None, "ARBKIT_API_PORT")
    monkeypatch.setattr("arbkit.ops.supervisor.COMMAND", [sys.executable])
    Supervisor([service], environment={}, sockets={"ARBKIT_API_PORT": opened}, stop=stop, write=write).run()
    assert lines[:2] == [f"listens on {port}"] * 2
    assert taken[:2] == [False, False]
    assert (opened.fileno(), is_free()) == (-1, True)


def test_only_the_producer_gets_the_key(given: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "a-very-secret-key-0123456789"
    monkeypatch.setenv("keepa_api_key", key)
    settings = given.model_copy(update={"demo": False, "keepa_api_key": SecretStr(key)})
    services = [replace(one, arguments=("-c", _SHOWS_ENVIRONMENT, one.name)) for one in plan_services(settings)]
    assert {one.name for one in services} == {
        "producer",
        "consumer",
        "detector",
        "dispatcher",
        "scheduler",
        "api",
        "dashboards",
    }
    assert key not in repr(services)
    seen: dict[str, str] = {}
    stop = threading.Event()

    def write(name: str, line: str) -> None:
        seen[name] = line
        if len(seen) == len(services):
            stop.set()

    monkeypatch.setattr("arbkit.ops.supervisor.COMMAND", [sys.executable])
    environment = settings.without_key().environment()
    Supervisor(services, environment=environment, sockets={}, stop=stop, write=write).run()
    assert {name for name, line in seen.items() if key in line} == {"producer"}
    assert {name for name, line in seen.items() if "keepa True" in line} == set(seen)


def test_a_second_up_on_a_home_says_who_has_it(given: Settings) -> None:
    script = """
import sys
from pathlib import Path
from arbkit.core.files import sole_process
with sole_process(Path(sys.argv[1]), "supervisor"):
    print("mine", flush=True)
    sys.stdin.read()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(given.home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == "mine\n"
        second = subprocess.run(
            [sys.executable, "-m", "arbkit", "up"],
            env={**os.environ, **given.environment()}, cwd=given.home.parent, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        holder.stdin.close()
    assert second.returncode == 4
    assert re.search(rf"process {holder.pid} \(since .*UTC\) is its supervisor already", second.stderr), second.stderr
    assert second.stderr.count("\n") == 1
    assert handed_down("ARBKIT_API_PORT") not in second.stderr
