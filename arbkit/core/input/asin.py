"""ASINs, and the Amazon addresses that hold one."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from arbkit.core.errors import UsageError

_ASIN = re.compile(r"B[0-9A-Z]{9}")
_ISBN = re.compile(r"[0-9]{9}[0-9X]")
_ADDRESS = re.compile(r"(?:https?://|www\.|amazon\.|amzn\.)", re.IGNORECASE)
_IN_PATH = re.compile(r"/(?:dp|gp/product|gp/aw/d|product|ASIN)/([0-9A-Za-z]{10})(?![0-9A-Za-z])")
_AMAZON = re.compile(r"(?:[a-z0-9-]+\.)*amazon\.[a-z.]{2,6}")
_MAX_SHOWN = 60
"""Characters of a bad value that are repeated to the user."""


def parse_asin(text: str) -> str:
    """The ASIN that ``text`` is, in any case, or that an Amazon address in it leads to.

    Raises:
        UsageError: it is none; says why.
    """
    word = text.strip()
    # Some letters outside ASCII have an upper case inside it.
    found = _asin_in_url(word) if _ADDRESS.match(word) else word.upper() if word.isascii() else word
    if why := _why_invalid(found):
        raise UsageError(why, field="asin", value=shorten(word), remedy="An ASIN looks like B07DVM36PS")
    return found


def is_asin(word: str) -> bool:
    """Whether a word, as it stands, is an ASIN."""
    return _why_invalid(word) is None


def shorten(text: str) -> str:
    """``text`` as an error message repeats it."""
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _asin_in_url(address: str) -> str:
    """The ASIN in the address of a product page; empty if it has none."""
    try:
        parts = urlsplit(address if "://" in address else f"https://{address}")
    except ValueError:
        return ""
    if parts.hostname is None or not _AMAZON.fullmatch(parts.hostname):
        return ""
    in_path = _IN_PATH.search(parts.path)
    named = parse_qs(parts.query).get("asin", [""])
    return (in_path.group(1) if in_path else named[0]).upper()


def _why_invalid(word: str) -> str | None:
    """Why ``word`` (in upper case) is no ASIN, or None if it is one."""
    if not word:
        return "not the address of a product page on Amazon"
    if _ASIN.fullmatch(word):
        return None
    if _ISBN.fullmatch(word):
        total = sum((10 - i) * (10 if c == "X" else int(c)) for i, c in enumerate(word))
        return None if total % 11 == 0 else "an ISBN-10 whose check digit is wrong"
    if len(word.split()) > 1 or "," in word or ";" in word:
        return "more than one word; put one ASIN on a line, comments after #"
    if re.fullmatch(r"[0-9]{12,14}", word):
        return "an EAN or ISBN-13, not an ASIN"
    if len(word) != 10:
        return f"an ASIN has 10 characters, this has {len(word)}"
    return "not an ASIN: B and nine letters or digits, or an ISBN-10"
