"""Files that lost bytes, or were made up: each is read, refused by name, or dead-lettered, and stops no other."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from arbkit.core.errors import StreamError
from arbkit.core.settings import Settings
from arbkit.pipeline.files.importing import import_files, preview_files
from arbkit.stream import RAW_TOPIC, dead_letters, open_stream
from tests.helpers.exports import csv_text, xlsx_bytes
from tests.helpers.processes import arbkit

HEADERS = ("Locale", "ASIN", "Title", "Buy Box: Current", "Sales Rank: Current", "Last Update")
ROWS = [("de", f"B0TESTA00{n}", f"Ding {n}", f"{n}.50", str(n * 100), "2026-05-20 10:00") for n in range(9)]
MADE_UP: list[Any] = [
    None, True, -1, 0, 2**31, 2**63 - 1, 2**63, 2**64, 10**30, 1.5, 1e308, "", "x", "\0", "\u202e", "9" * 5000, [], {},
    [None], [[]], {"a": 1}, [1, 2, 3], ["x"], [{"name": None}], [2**31, 1], [True, False],
]  # fmt: skip


def product(asin: str = "B0TESTA001") -> dict[str, Any]:
    return {
        "asin": asin, "domainId": 3, "title": "Ding", "lastUpdate": 7_900_000, "lastBuyBoxUpdate": 7_900_000,
        "csv": [None, [7_800_000, 999], None, [7_800_000, 5]], "rootCategory": 340843031, "eanList": ["4005900009401"],
        "categoryTree": [{"catId": 1, "name": "Küche"}], "packageLength": 100, "fbaFees": {"pickAndPackFee": 300},
        "stats": {"current": [-1, 999], "buyBoxPrice": 950, "avg30": [1, 2]}, "imagesCSV": "a.jpg,b.jpg",
        "buyBoxSellerIdHistory": ["7800000", "A1234"],
    }  # fmt: skip


def answer(*products: Any) -> bytes:
    return json.dumps({"timestamp": 1_770_000_000_000, "products": products}).encode()


def _flipped(random_: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random_.choice([1, 1, 3, 20])):
        at = random_.randrange(len(changed))
        match random_.randint(0, 2):
            case 0:
                changed[at] ^= 1 << random_.randint(0, 7)
            case 1:
                del changed[at : at + random_.randint(1, 30)]
            case _:
                changed[at:at] = random_.randbytes(random_.randint(1, 8))
        changed = changed or bytearray(b"x")
    return bytes(changed)


def _made_up(random_: random.Random, __: bytes) -> bytes:
    one = product()
    for _ in range(random_.randint(1, 4)):
        at: Any = one
        while isinstance(inner := at[random_.choice(_keys(at))], dict | list) and inner and random_.random() < 0.6:
            at = inner
        at[random_.choice(_keys(at))] = deepcopy(random_.choice(MADE_UP))
    return answer(one, product("B0TESTA002"))


def _keys(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value) if isinstance(value, dict) else list(range(len(value)))


@pytest.mark.parametrize(
    ("whole", "change"),
    [
        (csv_text(HEADERS, *ROWS).encode(), _flipped),
        (xlsx_bytes(HEADERS, *ROWS), _flipped),
        (answer(product()), _flipped),
        (b"", _made_up),
    ],
    ids=["csv", "xlsx", "json", "made up"],
)
def test_mutated_files_are_read_refused_or_dead_lettered(
    tmp_path: Path, whole: bytes, change: Callable[[random.Random, bytes], bytes]
) -> None:
    random_ = random.Random(7)
    for number in range(250):
        data = change(random_, whole)
        path = tmp_path / "file"
        path.write_bytes(data)
        (file,) = preview_files([path]).files
        assert "fault of arbkit" not in (file.refused or ""), f"{number}: {file.refused}\n{data!r}"
        assert file.refused or file.rows == file.products + file.duplicates + file.dead_lettered


def test_whatever_a_file_does_the_next_one_is_imported(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = tmp_path / "good.csv"
    good.write_text(csv_text(HEADERS, *ROWS))

    def read(path: Path) -> None:
        raise faults.pop(0)

    faults: list[BaseException] = [ValueError("negative seek value -3"), KeyError("x"), MemoryError(), RecursionError()]
    expected = [type(fault).__name__ for fault in faults]
    with monkeypatch.context() as patched:
        real = __import__("arbkit.pipeline.files.reading", fromlist=["read_file"]).read_file
        patched.setattr(
            "arbkit.pipeline.files.reading.read_file", lambda path: real(path) if path == good else read(path)
        )
        names = [tmp_path / f"{name}.csv" for name in expected]
        report = import_files(settings, [*names, good])
    *refused, last = report.files
    for name, file, kind in zip(names, refused, expected, strict=True):
        assert str(name) in str(file.refused)
        assert kind in str(file.refused)
    assert (last.products, report.exit_code) == (9, 6)


def test_a_log_that_fails_is_no_fault_of_the_file(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "good.csv"
    path.write_text(csv_text(HEADERS, *ROWS))

    def fail(*_: object) -> None:
        raise StreamError("the disk is full")

    monkeypatch.setattr("arbkit.stream.sqlite.SqliteStream.publish", fail)
    with pytest.raises(StreamError, match="full"):
        import_files(settings, [path])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rootCategory", 2**63), ("rootCategory", 2**64 - 1), ("packageLength", 2**63), ("monthlySold", 2**63),
        ("numberOfItems", 2**63), ("fbaFees", {"pickAndPackFee": 300, "lastUpdate": 2**62}),
        ("lastBuyBoxUpdate", 2**62),
    ],
)  # fmt: skip
def test_what_the_store_would_refuse_is_refused_at_the_import(
    settings: Settings, tmp_path: Path, field: str, value: object
) -> None:
    bad, good = tmp_path / "bad.json", tmp_path / "good.json"
    bad.write_bytes(answer({**product(), field: value}))
    good.write_bytes(answer(product("B0TESTA002"), {**product("B0TESTA003"), field: value}))
    assert import_files(settings, [bad]).exit_code == 5
    report = import_files(settings, [good])
    assert (report.products, report.files[0].dead_lettered, report.exit_code) == (1, 1, 6)
    with open_stream(settings) as stream:
        letters = list(dead_letters.dead_letters(stream, topic=RAW_TOPIC))
    assert [(letter.headers["file"], letter.headers["row"]) for letter in letters] == [
        ("bad.json", "1"),
        ("good.json", "2"),
    ]


def test_a_product_that_cannot_be_written_again_is_a_dead_letter(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    deep = answer({**product(), "deep": "DEEP"}, {**product("B0TESTA002"), "title": "HALF"}, product("B0TESTA003"))
    path.write_bytes(deep.replace(b'"DEEP"', b"[" * 400 + b"]" * 400).replace(b"HALF", b"\\ud800 NaN"))
    report = import_files(settings, [path])
    assert (report.products, report.files[0].dead_lettered, report.files[0].refused) == (2, 1, None)


def test_two_numbers_in_one_cell_are_not_two_cells(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(csv_text(HEADERS, *ROWS, ("de", "B0TESTA009", "Ding", "7\n8", "1", "2026-05-20 10:00")))
    assert preview_files([path]).files[0].dead_lettered == 1


def test_the_command_says_it_without_a_traceback(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(csv_text(HEADERS, *ROWS))
    (tmp_path / "bad.xlsx").write_bytes(xlsx_bytes(HEADERS, *ROWS)[:-30])
    done = arbkit(settings, "import", str(tmp_path / "bad.xlsx"), str(tmp_path / "good.csv"), "nul", "--json")
    assert done.returncode == 6, done.stderr
    assert "Traceback" not in done.stderr
    assert [file["products"] for file in json.loads(done.stdout)["files"]] == [0, 9, 0]


@pytest.mark.parametrize("name", ["KeepaExport-1999-05-20.csv", "KeepaExport-2010-12-31.csv"])
def test_a_file_older_than_keepa_is_refused_by_name(settings: Settings, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("Locale,ASIN,Title,Buy Box: Current\nde,B0TESTA001,Ding,1.50\n", "utf-8")
    (file,) = import_files(settings, [path]).files
    assert file.refused is not None
    assert "before Keepa's first day" in file.refused
