"""EANs, UPCs and the other codes of GS1 that a product is sold under."""

from __future__ import annotations

CODE_LENGTHS = frozenset({8, 12, 13, 14})
"""Digits of a code."""


def has_right_check_digit(digits: str) -> bool:
    """Whether the last digit is what the others make it (GS1 General Specifications, 7.9)."""
    return (sum(map(int, digits[::-2])) + 3 * sum(map(int, digits[-2::-2]))) % 10 == 0


def code_key(code: str) -> str:
    """What is the same of a code however many zeros stand before it: a UPC is the EAN with one."""
    return code.lstrip("0")
