"""docker-compose.yml as Compose reads it, and its arbkit services as processes of this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import requests
import yaml

from arbkit.core.service.api_keys import TOKEN_FILE
from tests.helpers.limits import MIB, Limit, Limits
from tests.helpers.paths import ROOT
from tests.helpers.streams import empty
from tests.servers.launch import Elasticsearch, Kafka, die_with_parent, free_ports

_VARIABLE = re.compile(r"\$(?:\$|\{([A-Z_]+)(?:(:[-+])([^${}]*))?\})")


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """``${A}``, ``${A:-default}``, ``${A:+instead}`` and ``$$``, as Compose replaces them; nothing else is known."""

    def value(found: re.Match[str]) -> str:
        name, operator, word = found.groups()
        if name is None:
            return "$"
        given = variables.get(name, "")
        if operator == ":+":
            return word if given else ""
        return given or (word or "")

    if "$" in _VARIABLE.sub("", text):
        raise ValueError(f"no form that is known here: {text}")
    return _VARIABLE.sub(value, text)


def load(variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The whole file with its variables replaced, as after ``docker compose config``."""

    def walk(node: Any) -> Any:
        match node:
            case str():
                return interpolate(node, variables or {})
            case dict():
                return {name: walk(value) for name, value in node.items()}
            case list():
                return [walk(value) for value in node]
            case _:
                return node

    content: dict[str, Any] = walk(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))
    return content


def environment(service: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in service.get("environment", {}).items()}


def memory_limit(service: Mapping[str, Any]) -> int:
    """The limit of a service, in bytes."""
    return int(str(service["mem_limit"]).removesuffix("m")) * MIB


@dataclass
class Running:
    """A service as a process of this machine, its output in a file."""

    name: str
    process: subprocess.Popen[bytes]
    output: Path
    check: list[str]
    environment: dict[str, str]
    limit: Limit | None = None

    def healthy(self) -> bool:
        """Whether its own health check says so."""
        done = subprocess.run(self.check, env=self.environment, capture_output=True, timeout=60, check=False)
        return done.returncode == 0

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def token(self) -> str:
        """The token in its home, by which its user asks the API."""
        return (Path(self.environment["ARBKIT_HOME"]) / TOKEN_FILE).read_text().strip()


def image_environment() -> dict[str, str]:
    """What the Dockerfile sets for every container, but for where its programs are."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.removeprefix("ENV ").split() for line in text.splitlines() if line.startswith("ENV ")]
    return {name: value for name, value in (word.split("=", 1) for word in lines[-1]) if name != "PATH"}


@dataclass
class Here:
    """Runs services of ``compose`` without a container: ``places`` says what its hosts, ports and folders are here.

    Each has a home, a /tmp and a /shared of its own; in there is what the file mounts, and nothing else. With
    ``limits`` each also lives under its limit.
    """

    compose: dict[str, Any]
    places: Mapping[str, str]
    folder: Path
    limits: Limits | None = None
    running: list[Running] = field(default_factory=list)

    def volume(self, name: str) -> Path:
        """The folder of a volume."""
        path = self.folder / "volumes" / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def start(self, name: str, *, number: int = 1) -> Running:
        service = self.compose["services"][name]
        home = self.folder / f"{name}-{number}"
        temporary = home / "tmp"
        temporary.mkdir(parents=True)
        places = {**self.places, **self._mounted(service, home), "/tmp": str(temporary)}  # noqa: S108 - the container's
        # The image has no browser that could draw the pictures of reports.
        inside = {**image_environment(), "BROWSER_PATH": "/none", **environment(service)}
        outside = {n: os.environ[n] for n in ("PATH", "PYTHONPATH", "LANG") if n in os.environ}
        settings = {**outside, **{n: _here(v, places) for n, v in inside.items()}}
        output = home / "output.log"
        limit = self.limits.set(name, memory_limit(service), temporary) if self.limits else None
        with output.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "arbkit", *(_here(word, places) for word in service["command"])],
                env=settings,
                cwd=places["/data"],
                stdout=log,
                stderr=log,
                preexec_fn=partial(_enter, limit),
            )
        check = [_here(word, self.places) for word in service.get("healthcheck", {}).get("test", ["CMD"])[1:]]
        one = Running(name, process, output, _commands(check), settings, limit)
        if limit:
            limit.pid = process.pid
        self.running.append(one)
        return one

    def _mounted(self, service: Mapping[str, Any], home: Path) -> dict[str, str]:
        """What /data and /shared of a container are here."""
        volumes = (volume.split(":") for volume in service.get("volumes", ()))
        targets = {target: name for name, target, *_ in volumes if not name.startswith(".")}
        data = self.volume(targets.pop("/data")) if "/data" in targets else home / "data"
        shared = home / "shared"
        for folder in (data, shared):
            folder.mkdir(exist_ok=True)
        for target, name in targets.items():
            (shared / target.removeprefix("/shared/")).symlink_to(self.volume(name))
        return {"/data": str(data), "/shared": str(shared)}

    def close(self) -> dict[str, int]:
        """End all as ``docker compose stop`` does; status by service."""
        for one in self.running:
            one.process.terminate()
        try:
            return {one.name: one.process.wait(30) for one in self.running}
        finally:
            for one in self.running:
                one.process.kill()
                one.process.wait()


@contextmanager
def compose_here(
    kafka: Kafka,
    elasticsearch: Elasticsearch,
    folder: Path,
    *,
    variables: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Iterator[Here]:
    """All services of the file, with an empty Kafka and Elasticsearch in their places, on ports that are free.

    What `docker compose up` finds in its folder is the volume ``checkout`` here, and in its .env ``variables``.
    """
    empty(kafka)
    demo, api, dashboards = free_ports(3)
    ports = {"ARBKIT_API_PORT": str(api), "ARBKIT_DASHBOARDS_PORT": str(dashboards)}
    compose = load({**ports, **(variables or {})})
    places = {
        "kafka:19092": kafka.address,
        "http://elasticsearch:9200": elasticsearch.url,
        "demo:8010": f"127.0.0.1:{demo}",
        "8010": str(demo),
        "/checkout": str(folder / "volumes" / "checkout"),
    }
    one = Here(compose, places, folder, limits)
    try:
        yield one
    finally:
        one.close()
        for index in requests.get(f"{elasticsearch.url}/_cat/indices/arbkit-*?format=json", timeout=30).json():
            requests.delete(f"{elasticsearch.url}/{index['index']}", timeout=30)


def _enter(limit: Limit | None) -> None:
    die_with_parent()
    if limit:
        limit.enter()


def _here(text: str, places: Mapping[str, str]) -> str:
    """What is named first wins, and what has been put in is not looked at again."""
    return re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], text)


def _commands(words: list[str]) -> list[str]:
    """The image's two commands are this environment's."""
    start = {"arbkit": [sys.executable, "-m", "arbkit"], "python": [sys.executable]}
    return [*start.get(words[0], words[:1]), *words[1:]] if words else []
