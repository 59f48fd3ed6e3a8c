"""What is kept of a product on the watchlist beside its ASIN: note, groups, and since when it is there."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from pydantic import JsonValue

from arbkit.core.errors import UsageError
from arbkit.core.results import JsonObject

MAX_NOTE = 2_000
MAX_GROUPS = 20
_MAX_GROUP = 60
_SHOWN = 60
"""Characters of what is refused that a message repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEntry:
    """A product that is or was on the watchlist.

    ``notes`` is free text and ``groups`` are sorted names, both as users typed them. ``added_at`` says since when it
    is on the list, in Unix seconds; None: nobody has seen it there yet. One that left the list (``listed`` is False)
    keeps the rest. ``demo``: on the list of the demo market, which is another one.
    """

    asin: str
    groups: tuple[str, ...] = ()
    notes: str = ""
    added_at: float | None = None
    listed: bool = False
    demo: bool = False

    @property
    def id(self) -> str:
        """The ASIN, marked if it is on the demo market's list."""
        return f"demo:{self.asin}" if self.demo else self.asin

    @property
    def order(self) -> tuple[float, str]:
        """What sorts entries as they came on the list."""
        return self.added_at or 0.0, self.asin

    def noted(self, text: str) -> WatchEntry:
        """With another note; an empty one takes it away.

        Raises:
            UsageError: it is too long, or holds control characters.
        """
        return replace(self, notes=check_note(text))

    def grouped(self, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> WatchEntry:
        """In other groups.

        Raises:
            UsageError: a name cannot be one, or these are too many groups.
        """
        left = set(self.groups).difference(map(_tidied, remove)) | {*map(check_group, add)}
        if len(left) > MAX_GROUPS:
            why = f"{self.asin} would be in {len(left)} groups, and {MAX_GROUPS} are the most"
            raise UsageError(why, field="groups", remedy="Remove some first")
        return replace(self, groups=tuple(sorted(left)))

    def to_dict(self) -> JsonObject:
        """The stored document."""
        return {**asdict(self), "groups": list(self.groups)}

    @classmethod
    def from_dict(cls, row: Mapping[str, JsonValue]) -> WatchEntry:
        """The entry of a stored document.

        Raises:
            KeyError, TypeError: it is none.
        """
        fields: dict[str, Any] = dict(row)
        return cls(**{**fields, "groups": tuple(fields["groups"])})


class WatchlistStore(Protocol):
    """The part of a store that keeps what users said of the products on their watchlist.

    A store that several machines share keeps the list as well, from the moment it was adopted from a file.
    """

    def put_watched(self, entries: Sequence[WatchEntry]) -> None:
        """Keep these, each in place of what was kept of its product."""
        ...

    def watched(self, asins: Sequence[str] | None = None, *, demo: bool = False) -> list[WatchEntry]:
        """What is kept of these products (None: of all), listed or not, in the order in which they were added.

        ``demo``: of the demo market's list.
        """
        ...

    def watchlist_version(self) -> int:
        """A number that is another one after each :meth:`put_watched` that kept something."""
        ...

    def adopt_watchlist(self, digest: str, *, demo: bool = False) -> None:
        """Note that the entries are the list from now on; ``digest`` says of which file's content they were made."""
        ...

    def adopted_watchlist(self, *, demo: bool = False) -> str | None:
        """The digest with which the list was adopted last; None: a file is the list."""
        ...


def check_note(text: str) -> str:
    """The note of what a user typed, without space around it.

    Raises:
        UsageError: it is too long, or holds control characters.
    """
    note = text.replace("\r\n", "\n").strip()
    if len(note) > MAX_NOTE:
        why, remedy = f"{len(note):,} characters are too many for a note", f"Write at most {MAX_NOTE:,}"
        raise UsageError(why, field="notes", value=note[:_SHOWN], remedy=remedy)
    if any(_is_control(c) and c not in "\n\t" for c in note):
        raise UsageError("holds control characters", field="notes", value=note[:_SHOWN], remedy="Write plain text")
    return note


def check_group(text: str) -> str:
    """The name of a group as a user typed it, with single spaces.

    Raises:
        UsageError: it is empty, too long, or holds a comma or characters that do not print.
    """
    name = _tidied(text)
    if not 0 < len(name) <= _MAX_GROUP or "," in name or not name.isprintable():
        why, remedy = "cannot be the name of a group", f"Write 1 to {_MAX_GROUP} printable characters without a comma"
        raise UsageError(why, field="groups", value=text[:_SHOWN], remedy=remedy)
    return name


def _tidied(name: str) -> str:
    return " ".join(name.split())


def _is_control(character: str) -> bool:
    """Whether it is a control character, or half of one, which no UTF-8 can hold."""
    return unicodedata.category(character) in ("Cc", "Cs")
