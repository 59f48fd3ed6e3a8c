"""Real Apache Kafka and Elasticsearch out of their published jars, on free loopback ports with throw-away data.

`make servers` runs both until Ctrl-C; the tests start each when one first needs it.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import requests

__all__ = ["Elasticsearch", "Kafka", "Server", "ServersMissingError", "die_with_parent", "free_ports"]

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("ARBKIT_SERVERS_CACHE") or Path.home() / ".cache" / "arbkit-servers")
_FORGET_S = 300
_START_S = 300.0
_QUICK_TO_START = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
_MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes the folder its own
_ROOM_BYTES = 4 * 1024**3
_PORTS = range(10_000, 32_000)


class ServersMissingError(RuntimeError):
    """There is no Java or no Maven here, or the jars cannot be fetched."""


class Server(ABC):
    """A server process with its own folder. ``url`` is what ARBKIT_LOG or ARBKIT_STORE is set to."""

    name: ClassVar[str]
    java: ClassVar[int]

    def __init__(self, *, short_lived: bool = False) -> None:
        """``short_lived``: for tests of minutes, in which compiling for speed costs more than it gives."""
        self.options = _QUICK_TO_START if short_lived else []
        self.folder = Path(tempfile.mkdtemp(prefix=f"arbkit-{self.name}-", dir=_in_memory()))
        self.port, self._other_port = free_ports(2)
        self._jars = _jars(self.name)
        self._java = _java(self.java)
        self._process: subprocess.Popen[bytes] | None = None
        self.prepare()

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def prepare(self) -> None:
        """What is done once, before the first start."""

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def answers(self) -> bool: ...

    def start(self) -> Self:
        """Start, with the data of before if there is some, and wait until it really answers."""
        self.spawn()
        deadline = time.monotonic() + _START_S
        while not self.answers():
            if not self.runs() or time.monotonic() > deadline:
                tail = self.tail()
                self.kill()
                raise RuntimeError(f"{self.name} does not answer:\n{tail}")
            time.sleep(0.1)
        return self

    def spawn(self) -> None:
        """Start it without waiting for an answer."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, cwd=self.folder, preexec_fn=die_with_parent
            )

    def runs(self) -> bool:
        """Whether the process is there, answering or not."""
        return self._process is not None and self._process.poll() is None

    def tail(self) -> str:
        """The end of what it wrote."""
        return (self.folder / "server.log").read_text(errors="replace")[-3_000:]

    def kill(self) -> None:
        """End it as a power cut would; its data stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def suspend(self) -> None:
        """Let it stand still: connections stay open and nobody answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Kafka(Server):
    """Apache Kafka 4.4 as broker and controller in one (KRaft)."""

    name = "kafka"
    java = 17

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"kafka://{self.address}"

    def prepare(self) -> None:
        lines = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self._other_port}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self._other_port}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.folder / "data",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            # Dead members are found as quickly as a test can wait.
            "broker.heartbeat.interval.ms": 300,
            "broker.session.timeout.ms": 1500,
            "group.min.session.timeout.ms": 500,
            "group.consumer.session.timeout.ms": 3000,
            "group.consumer.heartbeat.interval.ms": 200,
            "group.consumer.min.session.timeout.ms": 500,
            "group.consumer.min.heartbeat.interval.ms": 100,
            "auto.create.topics.enable": "false",
            "log.retention.check.interval.ms": 500,
            "log.initial.task.delay.ms": 100,
            "file.delete.delay.ms": 0,
        }
        text = "".join(f"{name}={value}\n" for name, value in lines.items())
        (self.folder / "server.properties").write_text(text)
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={_cluster_id()}", "-c", "server.properties"]
        done = subprocess.run(
            [*self._base(), *tool],
            cwd=self.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"Kafka's storage cannot be formatted:\n{done.stdout}{done.stderr}")

    def command(self) -> list[str]:
        return [*self._base(), "kafka.Kafka", "server.properties"]

    def answers(self) -> bool:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        if not _listens(self.port):
            return False
        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0}, logger=_silent())
        with contextlib.suppress(KafkaException):
            return bool(admin.list_topics(timeout=2).brokers)
        return False

    def _base(self) -> list[str]:
        return [
            self._java,
            *self.options,
            "-Xmx512m",
            "-Xms256m",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp",
            self._jars,
        ]


class Elasticsearch(Server):
    """Elasticsearch 9.5 as a single node, its REST interface over Netty."""

    name = "elasticsearch"
    java = 21

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        (self.folder / "config").mkdir()

    def command(self) -> list[str]:
        ports = [str(self.port), str(self._other_port)]
        source = str(HERE / "Node.java")
        return [self._java, *self.options, "-Xmx1g", "-Xms512m", "-cp", self._jars, source, str(self.folder), *ports]

    def answers(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            url = f"{self.url}/_cluster/health?wait_for_status=yellow&timeout=1s"
            return requests.get(url, timeout=2).status_code == 200
        return False

    def forget(self, prefix: str) -> None:
        """Delete the indices and templates of a store: each new template is compared with all that there are."""
        indices = requests.get(f"{self.url}/{prefix}*/_alias", timeout=_FORGET_S).json()
        for what in (",".join(indices), f"_index_template/{prefix}*"):
            requests.delete(f"{self.url}/{what}", timeout=_FORGET_S).raise_for_status()


def _in_memory() -> Path | None:
    """A folder in memory, if there is one with room: an index and a topic wait for dozens of writes to disk."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES:
        return _MEMORY
    return None


def _jars(name: str) -> str:
    """The class path of a server: fetched once into a cache that all checkouts share."""
    pom = HERE / f"{name}.xml"
    version = re.search(r"<version>([^<]+)</version>", pom.read_text())
    assert version is not None
    folder = CACHE / f"{name}-{version[1]}"
    if not folder.is_dir():
        maven = shutil.which("mvn")
        if maven is None:
            raise ServersMissingError("there is no Maven to fetch its jars with")
        fresh = CACHE / f".{name}-{uuid.uuid4().hex}"
        done = subprocess.run(
            [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={fresh}"],
            capture_output=True, text=True, check=False, cwd=tempfile.gettempdir(),
        )  # fmt: skip
        if done.returncode:
            shutil.rmtree(fresh, ignore_errors=True)
            raise ServersMissingError(f"Maven cannot fetch its jars: {done.stdout[-800:]}")
        with contextlib.suppress(OSError):
            fresh.rename(folder)
        shutil.rmtree(fresh, ignore_errors=True)
    return f"{folder}/*"


def _java(least: int) -> str:
    """A Java of at least this version."""
    homes = [os.environ.get("JAVA_HOME", "")]
    homes += [str(path) for root in ("/usr/lib/jvm", "/Library/Java/JavaVirtualMachines") for path in _folders(root)]
    candidates = [f"{home}/bin/java" for home in homes if home] + [shutil.which("java") or ""]
    for candidate in dict.fromkeys(candidates):
        if candidate and Path(candidate).exists() and _java_version(candidate) >= least:
            return candidate
    raise ServersMissingError(f"there is no Java {least} or newer")


def _java_version(java: str) -> int:
    done = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', done.stderr)
    return int(found[1]) if found else 0


def _folders(root: str) -> Iterator[Path]:
    for path in sorted(Path(root).glob("*"), reverse=True):
        yield path
        yield path / "Contents" / "Home"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, none of those that outgoing connections come from.

    Such a connection takes a port while its server is away, for good where it meets itself: a client that tries again
    and again to reach a killed broker from the broker's own port.
    """
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            port = _PORTS[secrets.randbelow(len(_PORTS))]
            with contextlib.suppress(OSError):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
                ports.append(port)
        return ports


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
        return True
    return False


def _cluster_id() -> str:
    import base64

    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()


def _silent() -> object:
    import logging

    logger = logging.Logger("silent")
    logger.addHandler(logging.NullHandler())
    return logger


def die_with_parent() -> None:
    """No process outlives the tests, however they end (Linux)."""
    import ctypes

    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def main() -> None:
    """Run both until Ctrl-C."""
    with Kafka() as kafka, Elasticsearch() as elastic:
        sys.stdout.write(f"ARBKIT_LOG={kafka.url}\nARBKIT_STORE={elastic.url}\nCtrl-C ends both\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
