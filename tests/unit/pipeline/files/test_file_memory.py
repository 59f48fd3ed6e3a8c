"""What an import takes of memory: a part of the largest file of each kind takes less than that part of 2 GiB."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

import arbkit.sources.exports.files
from arbkit.core.errors import RefusedFileError
from arbkit.sources.exports.files import read_file
from arbkit.sources.exports.xlsx import MAX_CELLS
from tests.helpers.exports import xlsx_bytes
from tests.helpers.paths import ROOT

LARGEST, MEMORY = 128 << 20, 2 << 30
PART, OF_XLSX = 8, 16
"""What part of the largest file is made; an XLSX takes long to write."""
COLUMNS = 48
NAMED = ("Locale", "ASIN", "Title", "Buy Box: Current", "New: Current", "Last Update")

PEAK = """
import sys
from pathlib import Path
from arbkit.pipeline.files.importing import preview_files

def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))

before = status("VmRSS")
(report,) = preview_files([Path(sys.argv[1])]).files
assert report.products and not report.refused, report
print(status("VmHWM") - before)
"""


def answer() -> bytes:
    """A saved answer with histories, as Keepa sends them."""
    series = [n for at in range(2_000) for n in (7_000_000 + at * 97, 500 + at * 7_919 % 90_000)]
    one = orjson.dumps({"domainId": 3, "title": "Kettle", "csv": [series] * 4, "lastUpdate": 7_900_000})
    number = LARGEST // PART // (len(one) + 30)
    return b",".join(b'{"asin":"B%09d",' % at + one[1:] for at in range(number))


def rows(part: int) -> list[list[str]]:
    number = MAX_CELLS // part // COLUMNS - 1
    return [
        ["de", f"B{at:09d}", f"Kettle {at}", "12.50", "13.50", "2026-08-01 10:00"]
        + [f"some text {at} {column}" for column in range(COLUMNS - len(NAMED))]
        for at in range(number)
    ]


def headers() -> list[str]:
    return [*NAMED, *(f"Column {at}" for at in range(COLUMNS - len(NAMED)))]


def csv() -> bytes:
    return "\n".join(",".join(row) for row in [headers(), *rows(PART)]).encode()


FILES: dict[str, Callable[[], bytes]] = {
    "answer.json": lambda: b'{"products":[' + answer() + b"]}",
    "answer as Python writes it.json": lambda: b'{"products":[{"asin":"B0","domainId":3,"x":NaN},' + answer() + b"]}",
    "answers.jsonl": lambda: answer().replace(b"},{", b"}\n{"),
    "answer.json.gz": lambda: gzip.compress(b'{"products":[' + answer() + b"]}", 1),
    "export.csv": csv,
    "export.csv.gz": lambda: gzip.compress(csv(), 1),
    "export.xlsx": lambda: xlsx_bytes(headers(), *rows(OF_XLSX)),
}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much memory a process had at most")
@pytest.mark.parametrize("name", FILES)
def test_a_file_within_the_limits_takes_no_more_memory_than_is_said(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name]())
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(path)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < MEMORY // (OF_XLSX if path.suffix == ".xlsx" else PART)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("content", [b'{"products":[' + b" " * 2_000 + b"]}", b"ASIN,Title\n" + b"x" * 2_000])
def test_a_larger_one_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, packed: bool
) -> None:
    monkeypatch.setattr(arbkit.sources.exports.files, "_MAX_FILE", 1_000)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(RefusedFileError, match=r"is larger than .* MiB. Export it in parts"):
        read_file(path)
