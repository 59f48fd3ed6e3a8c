"""Realised sales over HTTP: listed, written down, taken in from a file, held against forecasts, exported, removed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from arbkit.analysis.decisions.taking import decide
from arbkit.core.decisions.request import DecisionRequest
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.web.api import create_app
from arbkit.web.bounds import LARGEST_BODY
from tests.helpers.keys import as_user
from tests.helpers.processes import arbkit
from tests.helpers.sales import refund, sale
from tests.helpers.settlements import item, settlement
from tests.services.test_workbench import fill

ASIN, GONE = "B000000001", "B000000009"
SOLD = {"ItemPrice/Principal": "69,99", "ItemFees/Commission": "-10,50", "ItemFees/FBAPerUnitFulfillmentFee": "-3,71"}
PAID_BACK = {"ItemPrice/Principal": "-69,99", "ItemFees/Commission": "8,40"}
WRITTEN: dict[str, Any] = {"date": "2026-11-02", "asin": ASIN, "marketplace": "DE", "principal": 59.98, "units": 2}
HEAD = "date,kind,asin,sku,marketplace,order,units,currency,principal,vat,referral_fee,fulfilment_fee\n"
IN_GERMAN = (
    "Datum;Typ;ASIN\n"
    "02.11.2026;Verkauf;B000000001\n"
)  # fmt: skip


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """The API over a store with routes, two purchases of one, and nobody's sales."""
    fill(settings)
    with open_store(settings) as store:
        for quantity in (2, 3):
            given = {"asin": ASIN, "source": "IT", "target": "DE", "status": "bought", "quantity": quantity}
            decide(store, DecisionRequest.parse({**given, "price": 40.0, "bought_on": day(-30)}), by="ann")
    with TestClient(create_app(settings), base_url="http://127.0.0.1", headers=as_user(settings)) as made:
        yield made


def day(number: int, form: str = "%Y-%m-%d") -> str:
    return f"{datetime.now(UTC) + timedelta(days=number):{form}}"


def german_settlement() -> bytes:
    """Three sales and the refund of one; of one SKU nobody says which product it is."""
    sales = [item(SOLD, order=f"305-{at}", sku="DE-9" if at == 1 else "DE-1", day=day(at, "%d.%m.%Y")) for at in (0, 1)]
    sales += [item(SOLD, order="305-2", day=day(2, "%d.%m.%Y"))]
    back = item(PAID_BACK, order="305-2", type_="Erstattung", day=day(3, "%d.%m.%Y"), quantity="")
    return settlement(*(row for one in (*sales, back) for row in one), total="105,75").encode("cp1252")


def upload(client: TestClient, data: bytes, **asked: Any) -> Any:
    return client.post("/sales/import", content=data, params=asked)


def stored(client: TestClient, **asked: Any) -> list[dict[str, Any]]:
    answer = client.get("/sales", params=asked)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def test_a_settlement_is_seen_before_it_is_kept_then_kept_once_and_held_against_the_forecasts(
    client: TestClient,
) -> None:
    seen = upload(client, german_settlement(), preview=True, sku=f"DE-1:{ASIN}")
    assert seen.status_code == 200, seen.text
    assert (seen.json()["preview"], seen.json()["read"], seen.json()["new"]) == (True, 4, 4)
    assert (seen.json()["unknown_skus"], seen.json()["mismatches"]) == ({"DE-9": 1}, [])
    assert stored(client) == []
    kept = upload(client, german_settlement(), sku=f"DE-1:{ASIN}")
    assert kept.status_code == 201, kept.text
    assert kept.json() == {**seen.json(), "preview": False}
    again = upload(client, german_settlement())
    assert (again.status_code, again.json()["new"], again.json()["known"]) == (200, 0, 4)
    second, oldest = client.get("/sales/score").json()["purchases"]
    assert (oldest["sold"], oldest["refunded"], oldest["left"]) == (2, 1, 0)
    assert (second["sold"], oldest["currency"], oldest["vat_basis"]) == (0, "EUR", "priced")
    assert [one["asin"] for one in client.get("/sales/score", params={"asin": ASIN}).json()["purchases"]] == [ASIN] * 2
    assert client.get("/sales/score", params={"asin": GONE}).json()["purchases"] == []
    # Now that the SKU is said, the line of before has its product.
    named = upload(client, german_settlement(), sku=f"DE-9:{ASIN}")
    assert (named.status_code, named.json()["changed"], named.json()["unknown_skus"]) == (201, 1, {})


def test_units_that_no_purchase_had_left_are_counted_before_and_after(client: TestClient) -> None:
    rows = [f"{day(0)},sale,{ASIN},,DE,{number},2,,59.98,,9,\n" for number in range(4)]
    data = (HEAD + "".join(rows)).encode()
    for preview in (True, False):
        found = upload(client, data, preview=preview).json()
        assert (found["unmatched_units"], found["unmatched_lines"]) == (3, 2)


def test_sales_are_filtered_and_paged_to_their_end(client: TestClient, settings: Settings) -> None:
    lines = [sale(number, day=f"2026-11-{number:02}") for number in range(1, 8)]
    more = [refund(day="2026-11-09"), sale(50, day="2026-11-10", market="FR", sku="=1+1", asin=GONE)]
    with open_store(settings) as store:
        store.put_sales([*lines, *more])
    assert [one["id"] for one in stored(client)] == [line.id for line in (*lines, *more)]
    assert [one["total"] for one in stored(client, kind="refund")] == [-25.5]
    assert [one["id"] for one in stored(client, **{"from": "2026-11-03", "to": "2026-11-04"})] == ["s1:3", "s1:4"]
    for asked in ({"asin": GONE}, {"marketplace": "fr"}, {"sku": "=1+1"}, {"order": "o-50"}):
        assert [one["id"] for one in stored(client, **asked)] == ["s1:50"], asked
    seen, address = [], "/sales?page_size=4&kind=sale"
    while address:
        page = client.get(address).json()
        assert page["total"] == 8
        seen += [one["id"] for one in page["items"]]
        address = page["next"]
    assert seen == [line.id for line in (*lines, more[1])]
    assert [one["id"] for one in stored(client, page=3, page_size=4)] == ["s1:50"]
    assert stored(client, page=9) == []


def test_what_asks_for_no_sales_that_can_be_is_a_problem_that_names_it(client: TestClient) -> None:
    wrong = {"asin": "B00", "market": "XX", "kind": "sold", "from": "soon", "cursor": "1.Zg==", "frm": "2026-11-02"}
    for name, value in wrong.items():
        answer = client.get("/sales", params={name: value})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, name), answer.text
    turned = client.get("/sales", params={"from": "2026-11-03", "to": "2026-11-02"})
    assert (turned.status_code, turned.json()["errors"][0]["field"]) == (422, "from")
    assert client.get("/sales/score", params={"asin": "no"}).status_code == 422


def test_a_sale_is_written_down_listed_and_removed_once(client: TestClient) -> None:
    made = client.post("/sales", json={**WRITTEN, "referral_fee": 9, "sku": " DE-1 "})
    assert made.status_code == 201, made.text
    line = made.json()
    assert (line["units"], line["fees"], line["currency"], line["sku"]) == (2, {"Referral fee": -9.0}, "EUR", "DE-1")
    assert line["total"] == 50.98
    back = client.post("/sales", json={**WRITTEN, "kind": "refund", "units": 1, "principal": 29.99}).json()
    assert (back["principal"], back["kind"]) == (-29.99, "refund")
    assert stored(client) == sorted((line, back), key=lambda one: str(one["id"]))
    assert client.delete(f"/sales/lines/{line['id']}").status_code == 204
    again = client.delete(f"/sales/lines/{line['id']}")
    assert (again.status_code, again.headers["content-type"]) == (404, "application/problem+json")
    assert stored(client) == [back]


def test_a_number_is_a_number_and_what_cannot_be_a_sale_keeps_nothing(client: TestClient) -> None:
    wrong: dict[str, Any] = {
        "principal": False, "units": True, "vat": "5.70", "referral_fee": "9", "fulfilment_fee": [], "other": {},
        "other_fees": -20_000_000, "date": "1999-12-31", "kind": "sold", "marketplace": "XX", "currency": "euro",
        "sku": "a\nb", "order": "x" * 201, "asin": "B00", "colour": "red",
    }  # fmt: skip
    for name, value in wrong.items():
        answer = client.post("/sales", json={**WRITTEN, name: value})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, name), (name, answer.text)
    nowhere = client.post("/sales", json={"date": "2026-11-02", "asin": ASIN, "principal": 1})
    assert nowhere.json()["errors"][0]["field"] == "currency"
    nothing = client.post("/sales", json={"date": "2026-11-02", "marketplace": "DE", "principal": 1})
    assert nothing.json()["errors"][0]["field"] == "asin"
    for endless in (b'{"principal": NaN}', b'{"principal": 1e999}', b"[]", b"", b"{"):
        assert client.post("/sales", content=endless).status_code == 422, endless
    assert stored(client) == []


def test_a_product_that_is_not_in_the_store_can_have_been_sold(client: TestClient) -> None:
    assert client.post("/sales", json={**WRITTEN, "asin": GONE}).status_code == 201
    found = upload(client, (HEAD + f"2026-11-02,sale,{GONE},,DE,1,1,,9.99,,,\n").encode())
    assert (found.status_code, found.json()["new"], found.json()["unmatched_units"]) == (201, 1, 1)
    assert [one["asin"] for one in stored(client, asin=GONE)] == [GONE, GONE]
    assert client.get("/sales/score").json()["unmatched"]["units"] == 3


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"\n\n\n", "is empty"),
        (b"\0" * 10_000, "is no text"),
        (b"PK\x03\x04" + bytes(range(256)) * 9, "is no text"),
        (IN_GERMAN.encode("cp1252"), "is no file of sales"),
        ("Datum/Uhrzeit;Typ;Umsätze\n".encode("cp1252"), "the transaction view"),
        (b"settlement-id\tamount-description\n1\tPrincipal\n", "has no column"),
        (b'{"sales": []}', "is no file of sales"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_sales_is_refused_whole_and_says_what_to_give(
    client: TestClient, data: bytes, why: str, preview: bool
) -> None:
    answer = upload(client, data, preview=preview, name="november.txt")
    assert answer.status_code == 422, answer.text
    (fault,) = answer.json()["errors"]
    assert fault["field"] == "november.txt"
    assert why in fault["why"]
    assert len(answer.text) < 1_000
    assert stored(client) == []


def test_a_file_that_is_too_large_is_not_read(client: TestClient) -> None:
    zeros = bytes(10 << 20)
    assert upload(client, zeros).status_code == 413

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(zeros), LARGEST_BODY // 4):
            yield zeros[at : at + LARGEST_BODY // 4]

    assert client.post("/sales/import", content=pieces()).status_code == 413
    assert stored(client) == []


def test_lines_with_a_fault_are_named_with_what_to_do_and_all_others_are_kept(client: TestClient) -> None:
    rows = [f"2026-11-02,sale,{ASIN},,DE,,1,,29.99,,,", "2026-11-02,sale,,,DE,,1,,29.99,,,", "soon,sale,,A,DE,,1,,1,,,",
            f"2026-11-03,refund,{ASIN},,DE,,1,,29.99,,,"]  # fmt: skip
    found = upload(client, (HEAD + "\n".join(rows)).encode())
    assert found.status_code == 201, found.text
    answer = found.json()
    assert (answer["read"], answer["new"], answer["left_out"], answer["fault_count"]) == (2, 2, 2, 2)
    assert [one["number"] for one in answer["faults"]] == [3, 4]
    assert answer["faults"][0]["remedy"] == "Give asin, or sku and which product it is"
    assert "'soon' is no day" in answer["faults"][1]["why"]
    assert answer["faults"][1]["remedy"]
    assert [(one["kind"], one["units"]) for one in stored(client)] == [("sale", 1), ("refund", 1)]


def test_a_file_of_nothing_but_faults_is_answered_with_the_first_of_them(client: TestClient) -> None:
    answer = upload(client, (HEAD + "x,\n" * 200_000).encode()).json()
    assert (answer["read"], answer["fault_count"], len(answer["faults"])) == (0, 200_000, 1_000)


def test_which_product_a_sku_is_must_be_said_as_it_can_be_read(client: TestClient) -> None:
    for text in ("DE-1", f":{ASIN}", "DE-1:B00", ""):
        answer = upload(client, german_settlement(), sku=text)
        assert answer.status_code == 422, text
        assert answer.json()["errors"][0]["field"] == "sku[0]"
    assert upload(client, german_settlement(), sku=[f"DE-1:{ASIN}", f"DE-9:{ASIN}"]).json()["unknown_skus"] == {}


def test_two_uploads_of_one_file_at_once_keep_it_once(client: TestClient) -> None:
    rows = "".join(f"2026-11-02,sale,{ASIN},,DE,{number},1,,9.99,,1,\n" for number in range(2_000))
    found: list[dict[str, Any]] = []

    def send() -> None:
        found.append(upload(client, (HEAD + rows).encode()).json())

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((one["new"], one["known"]) for one in found) == [(0, 2_000), (2_000, 0)]
    assert client.get("/sales").json()["total"] == 2_000


def test_an_export_is_taken_by_an_empty_home_as_it_was_and_no_text_in_it_is_a_formula(
    client: TestClient, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    upload(client, german_settlement(), sku=f"DE-1:{ASIN}")
    client.post("/sales", json={**WRITTEN, "sku": '=HYPERLINK("x")', "kind": "refund"})
    client.post("/sales", json={**WRITTEN, "sku": '\'Ümlaut, "quoted"; €', "vat": 9.5, "other": 2.9})
    file = client.get("/sales/export")
    assert file.headers["content-type"].startswith("text/csv")
    assert b",=" not in file.content
    assert b'"=' not in file.content
    other = settings.model_copy(update={"home": tmp_path_factory.mktemp("other") / "var"})
    with TestClient(create_app(other), base_url="http://127.0.0.1", headers=as_user(other)) as there:
        assert upload(there, file.content, preview=True).json()["new"] == 6
        assert upload(there, file.content).json()["new"] == 6
        assert stored(there) == stored(client)
        assert there.get("/sales/export").content == file.content
        assert upload(there, german_settlement()).json()["known"] == 4
    # What came from the settlement is known here, and there, whichever file it is read from.
    assert upload(client, file.content).json()["known"] == 6
    assert client.get("/sales/export", params={"kind": "refund"}).text.count("\r\n") == 3


def test_who_has_no_key_changes_nothing(client: TestClient) -> None:
    del client.headers["Authorization"]
    assert client.get("/sales").status_code == 200
    assert client.post("/sales", json=WRITTEN).status_code == 401
    assert upload(client, german_settlement(), preview=True).status_code == 401
    assert client.delete("/sales/lines/s1:1").status_code == 401


def test_the_command_line_previews_exports_and_takes_in_again(client: TestClient, settings: Settings) -> None:
    folder = settings.home.parent
    file, export = folder / "settlement.txt", folder / "sales.csv"
    file.write_bytes(german_settlement())
    seen = arbkit(settings, "sales", "import", str(file), "--preview")
    assert seen.returncode == 0, seen.stderr
    assert "nothing is kept yet; it would be: 4 lines new" in " ".join(seen.stdout.split())
    assert stored(client) == []
    assert arbkit(settings, "sales", "import", str(file)).returncode == 0
    client.post("/sales", json=WRITTEN)
    assert arbkit(settings, "sales", "export", str(export)).returncode == 0
    assert arbkit(settings, "sales", "export").stdout.encode() == export.read_bytes().replace(b"\r\n", b"\n")
    refunds = arbkit(settings, "sales", "export", "--kind", "refund", "--from", day(1)).stdout
    assert refunds.count("\n") == 2
    soon = arbkit(settings, "sales", "list", "--from", "soon")
    assert (soon.returncode, "from: not a day" in soon.stderr) == (2, True)
    other = settings.model_copy(update={"home": folder / "other" / "var"})
    other.home.mkdir(parents=True)
    assert arbkit(other, "sales", "import", str(export), "--preview").returncode == 0
    assert arbkit(other, "sales", "import", str(export)).returncode == 0
    with open_store(settings) as here, open_store(other) as there:
        assert here.sales() == there.sales()
        assert len(there.sales()) == 5
