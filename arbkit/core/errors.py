"""Every error arbkit raises on purpose, in one tree.

::

    ArbkitError                     exit code 1: a fault of ours
    ├── UsageError (ValueError)     2: the caller asked for something that makes no sense
    ├── ConfigError (ValueError)    3: a setting, the profile or a table file is wrong
    ├── ServiceError                4: something we need cannot be reached or has broken
    │   ├── KeepaError                 the Keepa service said no
    │   │   ├── KeepaKeyError             … because of the key
    │   │   └── KeepaTokensError          … because the tokens are used up
    │   ├── StreamError                the log
    │   │   ├── GroupBusyError            … has a consumer of that group already
    │   │   └── MessageTooLargeError      … does not take records of that size
    │   ├── StoreError                 the store
    │   │   ├── StoreCorruptError         … its file is damaged
    │   │   └── StoreRefusedError         … a right or an index is missing
    │   └── DeadLetterLimitError       so much of the log is unusable that the fault must be ours
    └── InputError (ValueError)     5: data that was handed to us cannot be used
        ├── BadRecordError             one record; goes to the dead-letter topic
        └── RefusedFileError           a whole file

Each names what is wrong, with which value, and the remedy, so that one line on a
terminal or one problem+json body is enough to act on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time, timedelta
from difflib import get_close_matches
from typing import TypeAlias, TypedDict, Unpack

ErrorValue: TypeAlias = (
    "str | int | float | bool | date | time | timedelta | Sequence[ErrorValue] | Mapping[str, ErrorValue] | None"
)
"""A wrong value as it is shown: what JSON or a spreadsheet can hold."""

_LONGEST_SHOWN = 400
"""Characters of a wrong value that a message repeats."""


class Details(TypedDict, total=False):
    """What an error says beside why."""

    field: str | None
    value: ErrorValue
    remedy: str | None


class ArbkitError(Exception):
    """Base of the tree. ``field``, ``value`` and ``remedy`` are what a caller shows."""

    exit_code = 1

    def __init__(
        self, why: str, *, field: str | None = None, value: ErrorValue = None, remedy: str | None = None
    ) -> None:
        self.why = why
        self.field = field
        self.value = value
        self.remedy = remedy
        super().__init__(why)

    def __str__(self) -> str:
        return f"{self.what}. {self.remedy}" if self.remedy else self.what

    @property
    def what(self) -> str:
        """What is wrong, with which value; without the remedy."""
        shown = f" (got {_shown(self.value)})" if self.value is not None else ""
        return f"{self.field}: {self.why}{shown}" if self.field else f"{self.why}{shown}"


def _shown(value: ErrorValue) -> str:
    """A value as one line shows it: of a file that was given in place of a name, the beginning is enough."""
    text = shown_value(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}… and {len(text) - _LONGEST_SHOWN} more"


def shown_value(value: ErrorValue) -> str:
    """A value as people write it, without the names of Python's types."""
    match value:
        case bool():
            return "true" if value else "false"
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case Mapping():
            return ", ".join(f"{name} = {shown_value(one)}" for name, one in value.items()) or "nothing"
        case list() | tuple():
            return f"[{', '.join(map(shown_value, value))}]"
    return repr(value)


class _ClearError(ArbkitError):
    """What its one line says is enough to act on: a notebook shows that line and no traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class UsageError(_ClearError, ValueError):
    """The call makes no sense, whatever the data says."""

    exit_code = 2


class ConfigError(_ClearError, ValueError):
    """A setting, the seller profile or a table file is wrong."""

    exit_code = 3


class ServiceError(_ClearError):
    """Something outside this process cannot be reached or does not work."""

    exit_code = 4


class KeepaError(ServiceError):
    """The Keepa service refused or failed; ``status`` is its HTTP status, if it answered."""

    def __init__(self, why: str, *, status: int | None = None, **details: Unpack[Details]) -> None:
        self.status = status
        super().__init__(why, **details)


class KeepaKeyError(KeepaError):
    """The key is wrong or unpaid: asking again cannot help."""

    exit_code = 3


class KeepaTokensError(KeepaError):
    """The tokens are used up: asking again makes sense in ``wait_s`` seconds."""

    def __init__(self, why: str, *, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__(why, status=429)


class StreamError(ServiceError):
    """The log cannot be used."""


class GroupBusyError(StreamError):
    """Somebody else consumes as this group, and an embedded stream takes one consumer a group at a time.

    ``pid`` is the process that does, None where it has not said so yet.
    """

    def __init__(self, group: str, *, pid: int | None) -> None:
        self.group = group
        self.pid = pid
        holder = "another process" if pid is None else f"process {pid}"
        why = f"{holder} consumes as group {group} already, and a log in a SQLite file takes one consumer a group"
        one = "Let that one do the work or stop it first"
        super().__init__(why, remedy=f"{one}; for several consumers use Kafka (ARBKIT_LOG=kafka://HOST:PORT)")


class MessageTooLargeError(StreamError):
    """Records of a batch are larger than their topic takes.

    ``keys`` and ``sizes`` (bytes) have one entry for each, under its index in the batch; ``limit`` is what the topic
    takes, None where only the broker knows; ``rest_published`` says what became of the other records.
    """

    def __init__(
        self,
        topic: str,
        *,
        keys: Mapping[int, str],
        sizes: Mapping[int, int],
        limit: int | None = None,
        rest_published: bool,
    ) -> None:
        self.topic = topic
        self.keys = dict(keys)
        self.sizes = dict(sizes)
        self.limit = limit
        self.rest_published = rest_published
        first = next(iter(sizes))
        more = f", and {len(sizes) - 1} more records of the batch too" if len(sizes) > 1 else ""
        rest = "The rest of the batch is on the topic" if rest_published else "Nothing of the batch was published"
        remedy = "raise max.message.bytes of the topic" if limit is None else "take it out"
        super().__init__(self.why_of(first) + more, field="key", value=keys[first], remedy=f"{rest}; {remedy}")

    def why_of(self, index: int) -> str:
        """What is wrong with the record at this index of the batch."""
        limit = "" if self.limit is None else f" of {self.limit} bytes"
        return f"a message of {self.sizes[index]} bytes is larger than the limit{limit} of topic {self.topic}"


class StoreError(ServiceError):
    """The store cannot be used.

    ``kind`` is what retries are counted by: unreachable, busy, blocked or failed; or ``empty``, a file in which nothing
    is stored yet, and ``missing``, an index that nobody has made.
    """

    def __init__(self, why: str, *, kind: str = "failed", **details: Unpack[Details]) -> None:
        self.kind = kind
        super().__init__(why, **details)


class StoreCorruptError(StoreError):
    """The store's file is damaged; it is never recreated behind the user's back."""


class StoreRefusedError(StoreError):
    """A right, an index or its mapping is missing: asking again cannot help before somebody acts."""


def may_pass(error: BaseException) -> bool:
    """Whether it is of a store that may answer when it is asked again."""
    return isinstance(error, StoreError) and not isinstance(error, StoreCorruptError | StoreRefusedError)


class DeadLetterLimitError(ServiceError):
    """The consumer finds nearly everything unusable and has stopped before passing over any of it."""


class InputError(_ClearError, ValueError):
    """Data handed to arbkit cannot be used."""

    exit_code = 5


class BadRecordError(InputError):
    """One record cannot be understood; its bytes go to the dead-letter topic."""


class RefusedFileError(InputError):
    """A whole file cannot be used."""


_LIKE = 0.62
"""How like a name must be, from 0 to 1, to be what was meant: a slip or two, not another word."""


def nearest(name: str, known: Iterable[str], *, most: int = 1) -> list[str]:
    """The known names most like a mistyped one, whatever its case; the nearest first."""
    by_fold = {one.casefold(): one for one in known}
    return [by_fold[fold] for fold in get_close_matches(name[:200].casefold(), by_fold, n=most, cutoff=_LIKE)]


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str = "There is") -> str:
    """The remedy for an unknown name: the nearest known one, or all of them after ``otherwise``."""
    names = list(known)
    near = nearest(name, names)
    return f"Did you mean {near[0]}?" if near else f"{otherwise}: {', '.join(names) or 'none'}"
