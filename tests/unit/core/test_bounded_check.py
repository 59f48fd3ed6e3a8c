"""A check that hangs holds up one thread, and whoever asks gets the same one."""

from __future__ import annotations

import threading

import pytest

from arbkit.core.service.bounded_check import BoundedCheck


def test_who_asks_while_a_check_is_under_way_gets_its_answer() -> None:
    go = threading.Event()
    begun: list[None] = []

    def check() -> int:
        begun.append(None)
        go.wait(60)
        return len(begun)

    checked = BoundedCheck("a check", check)
    asked = [checked.ask() for _ in range(5)]
    assert checked.running
    go.set()
    assert {one.answer.result(60)[0] for one in asked} == {1}
    assert checked.ask().answer.result(60)[0] == 2
    assert not checked.running


def test_a_fault_of_a_check_comes_to_who_asked() -> None:
    def check() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        BoundedCheck("a check", check).ask().answer.result(60)
