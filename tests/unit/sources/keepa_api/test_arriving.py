"""Answers as they arrive: whatever has come in whole is used, whatever is cut or damaged is not."""

from __future__ import annotations

import gzip
import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbkit.sources.keepa_api.arriving import ArrivingAnswers, whole_products
from tests.helpers.keepa_stub import TOKENS, product

ASINS = ("B000000001", "B000000002", "B000000003")
PRODUCTS = [
    product(asin, title='[{"products": [1]}] ✜ \\ "', csv=[None, [n, 999, n + 9, -1]], odd=float(n))
    for n, asin in enumerate(ASINS)
]
BODY = json.dumps({**TOKENS, "products": PRODUCTS, "error": None}, ensure_ascii=False).encode()


def received(folder: Path, *bodies: bytes) -> ArrivingAnswers:
    answers = ArrivingAnswers(folder / "arriving")
    for body in bodies:
        with answers.receiving("DE", ASINS, "keepa") as file:
            assert file is not None
            file.write(body)
    return answers


@given(cut=st.integers(0, len(BODY)))
def test_of_an_answer_that_is_cut_off_every_whole_product_is_used(cut: int) -> None:
    found = list(whole_products(BODY[:cut]))
    assert found == PRODUCTS[: len(found)]
    ends = [
        BODY.index(json.dumps(p, ensure_ascii=False).encode()) + len(json.dumps(p, ensure_ascii=False).encode())
        for p in PRODUCTS
    ]
    assert len(found) == sum(end <= cut for end in ends)


@given(cut=st.integers(0, len(gzip.compress(BODY))))
def test_of_a_packed_one_nothing_is_made_up(cut: int) -> None:
    found = list(whole_products(gzip.compress(BODY)[:cut]))
    assert found == PRODUCTS[: len(found)]


@given(at=st.integers(0, len(gzip.compress(BODY)) - 1), bit=st.integers(0, 7))
def test_a_packed_one_that_is_damaged_gives_no_other_product(at: int, bit: int) -> None:
    damaged = bytearray(gzip.compress(BODY, mtime=0))
    damaged[at] ^= 1 << bit
    found = list(whole_products(bytes(damaged)))
    assert not found or found == PRODUCTS


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"products": []}', b'{"products": {}}', b'{"products": [1, 2]}', b'{"products": [[', b"[" * 100_000,
     b'{"products": [' + b'{"a":' * 100_000, b"\x1f\x8b", b"\xff\xfe", b"<html>"],
)  # fmt: skip
def test_what_holds_no_product_gives_none(body: bytes, tmp_path: Path) -> None:
    assert list(whole_products(body)) == []
    assert received(tmp_path, body).read() is None


def test_answers_to_repetitions_are_one_and_gone_when_dropped(tmp_path: Path) -> None:
    first: dict[str, Any] = {**TOKENS, "products": [PRODUCTS[0], product("B000000099")]}
    rest: dict[str, Any] = {**TOKENS, "products": PRODUCTS[1:]}
    answers = received(tmp_path, json.dumps(first).encode(), b"<html>", gzip.compress(json.dumps(rest).encode()))
    os.utime(tmp_path / "arriving.0", (1_700_000_000, 1_700_000_000))
    arrived = answers.read()
    assert arrived is not None
    # What nobody asked for is not among them.
    assert [p["asin"] for p in arrived.products] == list(ASINS)
    assert (arrived.market, arrived.origin, arrived.fetched_at) == ("DE", "keepa", 1_700_000_000)
    answers.drop()
    assert (answers.read(), list(tmp_path.iterdir())) == (None, [])


@pytest.mark.parametrize("header", [b"", b"{}", b"[1]", b'{"asins": 1, "market": "DE", "origin": "keepa"}', b"\xff"])
def test_a_file_that_does_not_say_what_was_asked_for_is_left_out(header: bytes, tmp_path: Path) -> None:
    (tmp_path / "arriving.0").write_bytes(header + b"\n" + BODY)
    assert ArrivingAnswers(tmp_path / "arriving").read() is None


def test_others_of_the_machine_cannot_read_it(tmp_path: Path) -> None:
    received(tmp_path, BODY)
    assert (tmp_path / "arriving.0").stat().st_mode & 0o077 == 0


def test_where_it_cannot_be_written_it_is_said_and_the_answer_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with ArrivingAnswers(tmp_path / "no" / "arriving").receiving("DE", ASINS, "keepa") as file:
        assert file is None
    assert "a kill would cost the answer" in caplog.text
