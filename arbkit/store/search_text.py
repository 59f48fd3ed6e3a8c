"""How text is made comparable for search, the same way on every store."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+")
_DIGRAPHS = str.maketrans({"ß": "ss", "æ": "a", "œ": "o", "ø": "o", "ł": "l", "đ": "d"})
_LONGEST = 400
_MAX_WORDS = 16


def fold(text: str) -> str:
    """Lower case without accents, where ``ae``, ``oe`` and ``ue`` count as the umlauts they may stand for.

    So ``Küche``, ``Kueche`` and ``kuche`` are one word. The price is that ``Steuer`` and ``Stür`` are one
    too, which a search box can bear.
    """
    bare = text.casefold()
    if not bare.isascii():
        plain = unicodedata.normalize("NFKD", bare.translate(_DIGRAPHS))
        bare = "".join(c for c in plain if not unicodedata.combining(c))
    return bare.replace("ae", "a").replace("oe", "o").replace("ue", "u")


def words(text: str) -> list[str]:
    """The folded words of a query; what is too long is cut, what is no word is left out."""
    return _WORD.findall(fold(text[:_LONGEST]))[:_MAX_WORDS]


def index_words(text: str) -> str:
    """All folded words of a text, each once, with a space between: what :func:`words` of a query are found in."""
    return " ".join(dict.fromkeys(_WORD.findall(fold(text))))


def joined_words(text: str) -> str:
    """All folded words of a text in their order, with a space between: what parts of a name are found in."""
    return " ".join(_WORD.findall(fold(text)))


def parts_of_brands(wanted: Iterable[str]) -> list[str]:
    """The folded words by which each of several brands is found in :func:`joined_words`; what has none is left out."""
    return list(dict.fromkeys(part for one in wanted if (part := joined_words(one))))


def matches_brand(brand: str | None, *wanted: str) -> bool:
    """Whether a brand has the words of one of these, or parts of words that they are; never, where there are none."""
    if brand is None or not wanted:
        return False
    name = joined_words(brand)
    return any(part in name for part in parts_of_brands(wanted))


def matches_words(text: str, query: str) -> bool:
    """Whether every word of a query is a word of the text, or the beginning of one; never, where it has no words."""
    wanted, known = words(query), index_words(text).split()
    return bool(wanted) and all(any(word.startswith(one) for word in known) for one in wanted)
