"""The stored home of arbkit 0.1: unpacked, driven by the real command, and looked at through what users see.

Nothing of arbkit is imported but in :func:`saved_views`, and only :meth:`Home.log` knows how 0.1 kept its log.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["EXPECTED", "Home", "differences", "saved_views", "unpack"]

_HERE = Path(__file__).parent
_WRITTEN = _HERE / "0.1"
_ARCHIVE = _HERE / "0.1.tar.xz"
_OFFSET_BITS = 40
_PATIENCE_S = 180
EXPECTED = _HERE / "0.1.expected.json"


@dataclass(frozen=True)
class Home:
    """A folder that a user of 0.1 worked in: ``.env``, the files they wrote, and ``var`` with all arbkit wrote.

    ``python`` runs arbkit: the one of the tests, or of another arbkit.
    """

    folder: Path
    python: str = sys.executable

    @property
    def var(self) -> Path:
        return self.folder / "var"

    def environment(self, settings: Mapping[str, str] | None = None) -> dict[str, str]:
        """Only the home's own ``.env`` and ``settings`` count, and nothing beyond this machine can be reached."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ARBKIT_", "KEEPA_"))}
        closed = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
        loopback = dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")
        return {**kept, **closed, **loopback, **(settings or {})}

    def run(
        self, *arguments: str, code: int = 0, settings: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end; it must end with ``code``."""
        done = subprocess.run(
            [self.python, "-m", "arbkit", *arguments],
            env=self.environment(settings),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
        assert done.returncode == code, f"arbkit {' '.join(arguments)}: {done.returncode}\n{done.stderr[-3000:]}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def json(self, *arguments: str, settings: Mapping[str, str] | None = None) -> Any:
        """The document that a command prints with ``--json``."""
        return json.loads(self.run(*arguments, "--json", settings=settings).stdout)

    def python_json(self, code: str) -> Any:
        """What a script of the user prints, who opened arbkit in Python."""
        done = subprocess.run(
            [self.python, "-c", code],
            env=self.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def routes(self, view: str = "") -> list[str]:
        """``ASIN:source:target`` of all that a view of the opportunities page selects, in its order."""
        path = self.folder / "exported.csv"
        self.run("export", str(path), "--view", view)
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [f"{row['asin']}:{row['source']}:{row['target']}" for row in csv.DictReader(file)]

    def log(self) -> dict[str, Any]:
        """Topic → partition → [oldest, next]; group → topic → partition → committed."""
        with closing(sqlite3.connect(f"file:{self.var / 'arbkit.db'}?mode=ro", uri=True)) as connection:
            ends: dict[str, dict[str, list[int]]] = {}
            for topic, partition, oldest, end in connection.execute(
                "SELECT topic, partition, oldest, next FROM log_partitions ORDER BY topic, partition"
            ):
                ends.setdefault(topic, {})[str(partition)] = [oldest, end]
            groups: dict[str, dict[str, dict[str, int]]] = {}
            # 0.1 kept committed offsets among the claims of its group protocol.
            names = connection.execute("SELECT name FROM sqlite_master WHERE name IN ('log_claims', 'log_offsets')")
            ((table,),) = names.fetchall()
            for group, topic, partition, committed in connection.execute(
                f"SELECT group_name, topic, partition, committed FROM {table} "  # noqa: S608
                "JOIN log_partitions ON id = partition_id ORDER BY group_name, topic, partition"
            ):
                groups.setdefault(group, {}).setdefault(topic, {})[str(partition)] = committed
            kept = dict(
                connection.execute(
                    f"SELECT topic, count(*) FROM log_messages JOIN log_partitions AS p ON p.id = "  # noqa: S608
                    f"log_messages.id >> {_OFFSET_BITS} GROUP BY topic ORDER BY topic"
                ).fetchall()
            )
        return {"ends": ends, "kept": kept, "groups": groups}

    @contextmanager
    def api(self) -> Iterator[str]:
        """The address of a REST API over this home."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = self.folder / "api.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [self.python, "-m", "arbkit", "api"],
                env=self.environment({"ARBKIT_API_PORT": str(port)}),
                cwd=self.folder,
                stdout=output,
                stderr=output,
            )
        try:
            url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + _PATIENCE_S
            while not _answers(f"{url}/docs"):
                assert process.poll() is None, log.read_text("utf-8")
                assert time.monotonic() < deadline, "the API does not answer"
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait(_PATIENCE_S)


def unpack(folder: Path, *, python: str = sys.executable) -> Home:
    """A copy of the stored home in ``folder``, which is made."""
    shutil.copytree(_WRITTEN, folder)
    (folder / "env").rename(folder / ".env")
    with tarfile.open(_ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    _as_of_now(folder / "var" / "arbkit.db")
    return Home(folder, python)


def _as_of_now(database: Path) -> None:
    """Let the newest message be as new as it was, for retention must find nothing to remove."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "UPDATE log_messages SET timestamp = timestamp + ? - (SELECT max(timestamp) FROM log_messages)",
            (time.time(),),
        )


def saved_views(home: Home) -> dict[str, str]:
    """The saved views by name, as the dashboard reads them: whoever moves that class changes it here."""
    code = (
        "import json; from arbkit.web.dashboards.saved_views import SavedViews;"
        "from arbkit.core.settings import Settings;"
        "print(json.dumps(dict(SavedViews(Settings.load()).all())))"
    )
    found: dict[str, str] = home.python_json(code)
    return found


def got(url: str) -> Any:
    """The JSON document at an address."""
    with urllib.request.urlopen(url, timeout=_PATIENCE_S) as answer:  # noqa: S310 - of this machine
        return json.load(answer)


def listed(url: str) -> list[Any]:
    """The items of all pages of a list."""
    items: list[Any] = []
    following: str | None = url
    while following:
        page = got(following)
        items += page["items"]
        following = page["next"]
    return items


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - of this machine
            return True
    except OSError:
        return False


def differences(expected: Any, found: Any, where: str = "") -> list[str]:
    """What of ``expected`` is otherwise in ``found``; what ``found`` has beside it does not matter, but in lists."""
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping):
            return [f"{where}: {found!r} is no object"]
        lost = [f"{where}.{key} is lost" for key in expected if key not in found]
        return lost + [d for k, v in expected.items() if k in found for d in differences(v, found[k], f"{where}.{k}")]
    if isinstance(expected, list):
        if not isinstance(found, Sequence) or len(expected) != len(found):
            return [f"{where}: {found!r} is not {expected!r}"]
        pairs = enumerate(zip(expected, found, strict=True))
        return [d for number, (one, other) in pairs for d in differences(one, other, f"{where}[{number}]")]
    same = abs(expected - found) < 1e-9 if _both_numbers(expected, found) else expected == found
    return [] if same else [f"{where}: {found!r} is not {expected!r}"]


def _both_numbers(*values: object) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
