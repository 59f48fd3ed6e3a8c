"""What people type into notebooks, checked: each mistake is one error that names the nearest right word."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, get_args, get_origin

from pydantic import BaseModel

from arbkit.core.errors import UsageError
from arbkit.core.marketplaces import market

__all__ = ["code", "count", "day", "named", "nearest", "number", "one_of", "taking"]

P = ParamSpec("P")
R = TypeVar("R")


def named(call: Callable[P, R]) -> Callable[P, R]:
    """Let a method answer to an argument it does not have with the name that was meant.

    Raises:
        UsageError: there is no such argument.
    """
    known = [name for name in inspect.signature(call).parameters if name != "self"]

    @functools.wraps(call)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known:
                why = f"{call.__name__}() has no such argument"
                raise UsageError(why, field="argument", value=name, remedy=nearest(name, known))
        return call(*args, **kwargs)

    return checked


def taking(model: type[BaseModel]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a method with ``**fields`` show the fields of ``model`` in its signature and its help."""

    def shown(call: Callable[P, R]) -> Callable[P, R]:
        own = list(inspect.signature(call).parameters.values())
        more = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=_plain(f.annotation),
                default=inspect.Parameter.empty if f.is_required() else f.get_default(),
            )
            for name, f in model.model_fields.items()
        ]
        listed = "\n".join(f"    {name}: {f.description}" for name, f in model.model_fields.items())
        first = [p for p in own if p.kind is not p.VAR_KEYWORD and p.kind is not p.KEYWORD_ONLY]
        last = [p for p in own if p.kind is p.KEYWORD_ONLY]
        told: Any = call
        told.__signature__ = inspect.Signature([*first, *more, *last])
        told.__doc__ = f"{inspect.cleandoc(call.__doc__ or '')}\n\nArguments:\n{listed}\n"
        return call

    return shown


def _plain(annotation: Any) -> str:
    """A type as people read it, without its bounds."""
    if isinstance(annotation, type):
        return "None" if annotation is type(None) else annotation.__name__
    if get_origin(annotation) is Literal:
        return "str"
    parts = get_args(annotation)[:1] if get_origin(annotation) is Annotated else get_args(annotation)
    return " | ".join(dict.fromkeys(map(_plain, parts)))


def nearest(word: str, known: Iterable[str]) -> str:
    """The remedy for a wrong word: what was probably meant, or all there is."""
    words = list(known)
    by_fold = {w.casefold(): w for w in words}
    near = get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.5)
    return f"Did you mean {by_fold[near[0]]!r}?" if near else f"Use one of {', '.join(words)}"


def one_of(field: str, value: str, known: Iterable[str]) -> str:
    """``value``, if it is one of ``known``."""
    words = list(known)
    if value not in words:
        raise UsageError("no such value", field=field, value=value, remedy=nearest(str(value), words))
    return value


def code(field: str, value: str | None) -> str | None:
    """A marketplace's code in any case; None stays."""
    if value is None:
        return None
    try:
        return market(value).code
    except (UsageError, AttributeError):
        raise UsageError(
            "not a marketplace arbkit knows", field=field, value=value, remedy="Use DE, FR, IT, ES or UK"
        ) from None


def number(field: str, value: float | None) -> float | None:
    """A finite number; None stays."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError("not a number", field=field, value=value, remedy=f"Write it as {field}=20")
    return float(value)


def count(field: str, value: int) -> int:
    """A whole number of at least one."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError("not a whole number above zero", field=field, value=value, remedy=f"Write it as {field}=100")
    return value


def day(field: str, value: date | str | None) -> date | None:
    """A day, also as ``2026-08-01``; None stays."""
    if value is None or type(value) is date:
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise UsageError("not a day", field=field, value=value, remedy="Write it as 2026-08-01") from None
