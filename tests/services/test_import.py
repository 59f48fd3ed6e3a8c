"""`arbkit import`: real Keepa files and broken ones, from the file to the stored offer and the route."""

from __future__ import annotations

import gzip
import io
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest

from arbkit.core.marketplaces import market
from arbkit.core.settings import Settings
from arbkit.pipeline.consumer import consume
from arbkit.pipeline.files.importing import import_files
from arbkit.pipeline.files.report import FileReport
from arbkit.store import open_store
from arbkit.stream import RAW_TOPIC, dead_letter_topic, dead_letters, open_stream
from tests.helpers.processes import arbkit

_HEADERS = "Locale,ASIN,Title,Buy Box 🚚: Current,Referral Fee %,Product Codes: EAN"


def _csv(folder: Path, *rows: str, headers: str = _HEADERS, name: str = "export.csv") -> Path:
    path = folder / name
    path.write_text("\n".join((headers, *rows)) + "\n", "utf-8-sig")
    return path


def _one(settings: Settings, path: Path) -> FileReport:
    return import_files(settings, [path], market=None).files[0]


def _enrich(settings: Settings) -> None:
    consume(settings, until_empty=True, stop=threading.Event())


def _offers(settings: Settings, *asins: str) -> dict[str, dict[str, Any]]:
    with open_store(settings) as store:
        return {offer.id: offer.to_dict() for offer in store.offers(asins)}


def test_native_csv_is_read_cell_by_cell(settings: Settings, tmp_path: Path) -> None:
    path = _csv(
        tmp_path,
        'fr,B07DVM36PS,Crème,€ 4.72,8.05 %,"4005900009401, 4005900009418"',
        "fr,B07DVM36PT,Autre,,,",
        headers=_HEADERS,
    )
    report = _one(settings, path)
    assert (report.market, report.rows, report.products, report.refused) == ("FR", 2, 2, None)
    assert report.notes, "an export without its time is told to the user"
    _enrich(settings)
    offers = _offers(settings, "B07DVM36PS", "B07DVM36PT")
    first, second = offers["B07DVM36PS:FR"], offers["B07DVM36PT:FR"]
    assert (first["price_minor"], first["price_basis"], first["shipping_minor"]) == (472, "buy_box", 0)
    assert first["keepa_referral_pct"] == pytest.approx(8.05)
    assert first["eans"] == ("4005900009401", "4005900009418")
    assert second["price_minor"] is None
    assert second["buy_box_at"] is not None, "an empty cell says that nobody has the buy box"


@pytest.mark.parametrize(
    ("cell", "cents"),
    [("85.98", 8598), ("77.99 -C0A", 7799), ('"4,72 €"', 472), ('"1,040.50"', 104050), ('"1.040,50"', 104050)],
)
def test_prices_as_files_write_them(settings: Settings, tmp_path: Path, cell: str, cents: int) -> None:
    _one(settings, _csv(tmp_path, f"de,B07DVM36PS,Ding,{cell},,"))
    _enrich(settings)
    assert _offers(settings, "B07DVM36PS")["B07DVM36PS:DE"]["price_minor"] == cents


def test_a_bad_row_is_a_dead_letter_with_file_and_row_and_the_rest_is_used(settings: Settings, tmp_path: Path) -> None:
    path = _csv(
        tmp_path,
        "de,B07DVM36PS,gut,10.00,,",
        "de,B07DVM36PT,schlecht,zehn,,",
        "de,NOASIN,schlecht,10.00,,",
        "de,B07DVM36PU,Dollar,10.00 -409,,",
        "de,B07DVM36PS,gut,10.00,,",
    )
    report = import_files(settings, [path], market=None)
    (file,) = report.files
    assert (file.rows, file.products, file.duplicates, file.dead_lettered) == (5, 1, 1, 3)
    assert report.exit_code == 6
    with open_stream(settings) as stream:
        topic = dead_letter_topic(RAW_TOPIC)
        letters = [m for place in stream.watermarks(topic) for m in stream.read(topic, partition=place.partition)]
    rows = {letter.headers["row"]: letter for letter in letters}
    assert set(rows) == {"3", "4", "5"}
    assert rows["3"].headers["file"] == "export.csv"
    assert "Buy Box" in rows["3"].headers["error"]
    assert "zehn" in rows["3"].headers["error"]
    assert "USD" in rows["5"].headers["error"]
    assert orjson.loads(rows["3"].value)["product"]["columns"]["Buy Box 🚚: Current"] == "zehn"


def test_a_product_too_large_for_the_log_stays_a_dead_letter_when_tried_again(
    settings: Settings, tmp_path: Path
) -> None:
    plain = {"domainId": 3, "title": "Thing", "csv": None, "productType": 0, "lastUpdate": 8_000_000}
    products = [plain | {"asin": "B07DVM36PS", "filler": "x" * 17_000_000}, plain | {"asin": "B07DVM36PT"}]
    path = tmp_path / "answer.json"
    path.write_bytes(orjson.dumps({"products": products}))
    report = import_files(settings, [path], market=None)
    assert (report.products, report.files[0].dead_lettered, report.exit_code) == (1, 1, 6)
    with open_stream(settings) as stream:
        assert dead_letters.replay(stream) == 1
        assert dead_letters.replay(stream, [0]) == 1
        letters = list(dead_letters.dead_letters(stream))
    assert [m.headers["attempts"] for m in letters] == ["1", "2", "2"]
    for letter in letters:
        assert orjson.loads(letter.value)["product"] == products[0]
        assert (letter.headers["file"], letter.headers["row"]) == ("answer.json", "1")
        assert "larger than the limit" in letter.headers["error"]


def _bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/workbook.xml", "")
        file.writestr("xl/worksheets/sheet1.xml", b"0" * (64 << 20))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"name,price\nx,1\n", "no column ASIN"),
        (b'{"products": [{"asin": "B07', "no whole JSON"),
        (b'{"error": "no"}', "no Keepa product"),
        (b"PK\x03\x04 cut off", "damaged XLSX"),
        (_bomb(), "unpacks to far more"),
        (gzip.compress(b"0" * (64 << 20)), "unpacks to far more"),
        (b"\x1f\x8b\x08\x00cut", "damaged gzip"),
        (b"ASIN,Locale\nB07DVM36PS,com\n", "not a marketplace"),
        (b"ASIN,Title\nB07DVM36PS,x\n", "--market"),
    ],
)
def test_a_useless_file_is_refused_with_the_reason(
    settings: Settings, tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    report = import_files(settings, [path], market=None)
    assert report.exit_code == 5
    assert why in str(report.files[0].refused)
    assert str(path) in str(report.files[0].refused) or "marketplace" in why or "--market" in why


def test_a_missing_file_is_refused(settings: Settings, tmp_path: Path) -> None:
    assert "cannot be read" in str(_one(settings, tmp_path / "none.csv").refused)


def test_the_market_option_serves_files_that_name_none_and_contradicts_no_file(
    settings: Settings, tmp_path: Path
) -> None:
    silent = _csv(tmp_path, "B07DVM36PS,x,1.00", headers="ASIN,Title,Buy Box: Current")
    (file,) = import_files(settings, [silent], market=market("IT")).files
    assert (file.market, file.products) == ("IT", 1)
    loud = _csv(tmp_path, "de,B07DVM36PS,x,1.00,,", name="de.csv")
    assert "is from marketplace DE" in str(import_files(settings, [loud], market=market("IT")).files[0].refused)


def test_real_exports_import_and_the_second_time_changes_nothing(settings: Settings, real_data: Path) -> None:
    paths = sorted(real_data.glob("*.xlsx")) + sorted(real_data.glob("*.json"))
    first = import_files(settings, paths, market=None)
    by_name = {Path(f.path).name[:10]: f for f in first.files}
    german, french = by_name["GAE_DE_Kee"], by_name["GAE_FR_Kee"]
    assert (german.market, german.products, german.dead_lettered) == ("DE", 1000, 0)
    assert (french.market, french.products, french.dead_lettered) == ("FR", 1000, 0)
    assert german.exported_at == "2026-05-20T07:49:00+00:00"
    assert (by_name["export-it-"].market, by_name["export-it-"].products) == ("IT", 100)
    assert (by_name["product-de"].market, by_name["product-de"].products) == ("DE", 1)
    assert by_name["product-us"].refused is not None
    assert first.exit_code == 6
    _enrich(settings)
    sample = ("B09YM37KWD", "B09MGGV4TN", "B0C5X98L5G")
    before = _offers(settings, *sample)
    assert before["B09YM37KWD:DE"]["price_minor"] == 999
    assert before["B09MGGV4TN:IT"]["keepa_referral_pct"] == pytest.approx(7)
    assert before["B09MGGV4TN:IT"]["keepa_fba_fee_minor"] == 427
    assert {"B0C5X98L5G:DE", "B0C5X98L5G:FR"} <= set(before)
    import_files(settings, paths, market=None)
    _enrich(settings)
    assert _offers(settings, *sample) == before


def test_the_command_leaves_the_work_to_a_consumer_that_runs(settings: Settings, tmp_path: Path) -> None:
    path = _csv(tmp_path, "de,B07DVM36PS,Ding,12.50,,", "de,B07DVM36PT,Ding,13.50,,")
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(consume, settings, stop=stop)
        try:
            deadline = time.monotonic() + 60
            while not list(settings.home.glob("*.lock")) and time.monotonic() < deadline:
                time.sleep(0.05)
            done = arbkit(settings, "import", str(path), "--json")
            assert (done.returncode, orjson.loads(done.stdout)["products"]) == (0, 2), done.stderr
            assert set(_offers(settings, "B07DVM36PS", "B07DVM36PT")) == {"B07DVM36PS:DE", "B07DVM36PT:DE"}
        finally:
            stop.set()
        assert running.result(60).stored == 2
