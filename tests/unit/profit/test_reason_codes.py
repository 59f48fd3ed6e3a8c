"""Reasons as codes: bits, messages, and that every message finds what it is filled with."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pytest

from arbkit.profit import Profile, load_rates, load_tables
from arbkit.profit.reason_codes import (
    ASSUMED,
    UNKNOWN,
    Reason,
    ReasonCode,
    Severity,
    decode_reasons,
    flag_rows,
    join_messages,
)
from arbkit.profit.trade_costs import SellerCosts

ON = date(2026, 8, 1)


def test_more_than_32_reasons_have_a_bit_each() -> None:
    bits = [int(code.bit) for code in ReasonCode]
    assert 32 < len(bits) <= 64
    assert bits == [1 << place for place in range(len(bits))]
    assert int(UNKNOWN) & int(ASSUMED) == 0


def test_flags_of_all_reasons_decode_to_the_same_reasons() -> None:
    parameters = SellerCosts(Profile.neutral(), load_tables().on(ON), load_rates()).reason_parameters
    codes = [code for code in ReasonCode if code.severity is not Severity.INELIGIBLE]
    flags = np.array([*(code.bit for code in codes), sum(int(code.bit) for code in codes), 0], np.uint64)
    *single, every, none = decode_reasons(flags, parameters)
    assert single == [(Reason.of(code, **parameters),) for code in codes]
    assert [reason.code for reason in every] == codes
    assert none == ()
    assert all("{" not in reason.message for reason in every)


def test_a_reason_keeps_only_what_its_message_is_filled_with() -> None:
    reason = Reason.of(ReasonCode.NO_FEE_TABLES, on="2020-01-01", stale_days="3")
    assert reason == Reason(ReasonCode.NO_FEE_TABLES, (("on", "2020-01-01"),))
    assert reason.message == "no fee tables reach back to 2020-01-01"


def test_remedies_name_the_options_that_help() -> None:
    category = Reason.of(ReasonCode.CATEGORY_UNKNOWN)
    assert str(category.remedy(categories="Books")).endswith("for example Books")
    assert "--size-mm" in str(Reason.of(ReasonCode.PACKAGE_UNKNOWN).remedy(categories="Books"))
    assert Reason.of(ReasonCode.DUTY_UNKNOWN).remedy(categories="Books") is None


def test_messages_tell_reasons_apart() -> None:
    templates = [code.template for code in ReasonCode]
    assert len(set(templates)) == len(templates)
    assert not any(re.search(r"; ", template) for template in templates)


def test_flagging_rows_leaves_the_others_alone() -> None:
    flags = np.zeros(3, np.uint64)
    flag_rows(flags, ReasonCode.NO_BUY_PRICE, np.array([True, False, True]))
    flag_rows(flags, ReasonCode.PACKAGE_ASSUMED, np.array([False, False, True]))
    assert [join_messages(reasons) for reasons in decode_reasons(flags, {})] == [
        "no price where it is bought",
        "",
        "no price where it is bought; package size and weight unknown: the range of its category",
    ]


@pytest.mark.parametrize("code", ReasonCode, ids=lambda code: code.name)
def test_messages_are_sentences_without_blanks_at_their_ends(code: ReasonCode) -> None:
    assert code.template == code.template.strip()
    assert not code.template.endswith(".")
