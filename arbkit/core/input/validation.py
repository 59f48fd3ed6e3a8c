"""Input checked by pydantic.

Each mistake is one :class:`~arbkit.core.errors.UsageError` that names the field, its value and, where a word was
mistyped, the right one.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal, ParamSpec, Self, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from arbkit.core.errors import UsageError, did_you_mean
from arbkit.core.input.faults import cause_of, fault_words, place_of

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
Value = str | float | bool | date | Sequence[str] | None
"""What a field can be given as."""


def _day(value: object) -> object:
    if value is None or type(value) is date:
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise ValueError("not a day") from UsageError("not a day", remedy="Write it as 2026-08-01")


Day = Annotated[date, BeforeValidator(_day)]
"""A field that takes a day as a date, a date with a time, or a text as ``2026-08-01``."""


class Request(BaseModel):
    """Base of what can be asked: closed, immutable, without NaN and infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def parse(cls, given: Mapping[str, Value], *, strict: bool = False, unknown: str = "no such field") -> Self:
        """The request of these fields.

        Args:
            given: field → value; texts are converted unless ``strict``.
            strict: take only values of the right type.
            unknown: what to say of a field that does not exist.

        Raises:
            UsageError: a field is missing, unknown or out of range.
        """
        return parse(cls, given, strict=strict, unknown=unknown)


def parse(model: type[M], given: Mapping[str, Value], *, strict: bool = False, unknown: str = "no such field") -> M:
    """The model of these fields; see :meth:`Request.parse`.

    Raises:
        UsageError: a field is missing, unknown or out of range.
    """
    try:
        return model.model_validate(dict(given), strict=strict)
    except ValidationError as error:
        raise usage_error(error, model=model, unknown=unknown) from None


def usage_error(
    error: ValidationError, *, model: type[BaseModel] | None = None, field: str = "", unknown: str = "no such field"
) -> UsageError:
    """The first of these faults as an error of ours.

    Args:
        error: what pydantic found.
        model: whose fields are suggested in place of an unknown one.
        field: name of what was checked, where it is no model.
        unknown: what to say of a field that does not exist.
    """
    faults = error.errors(include_url=False)
    first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    name = ".".join(place_of(first)) or field
    if first["type"] == "extra_forbidden":
        remedy = did_you_mean(name, model.model_fields, otherwise="It takes") if model else None
        return UsageError(unknown, field="argument", value=name, remedy=remedy)
    if first["type"] == "missing":
        info = model.model_fields.get(name) if model else None
        remedy = f"Give the {info.description}" if info and info.description else None
        return UsageError("is missing", field=name, remedy=remedy)
    place = place_of(first)
    why, remedy = fault_words([fault for fault in faults if place_of(fault) == place])
    if not place and (cause := cause_of(first)) is not None and cause.field is not None:
        # What all fields hold together is no value that anyone gave.
        return UsageError(why, field=cause.field, value=cause.value, remedy=remedy)
    return UsageError(why, field=name or None, value=first["input"], remedy=remedy)


def check_value(kind: TypeAdapter[T], field: str, value: Value) -> T:
    """``value`` as a value of this kind, strictly.

    Raises:
        UsageError: it is none; names ``field``.
    """
    try:
        return kind.validate_python(value, strict=True)
    except ValidationError as error:
        raise usage_error(error, field=field) from None


def suggest_arguments(call: Callable[P, R]) -> Callable[P, R]:
    """Let a method answer to an argument it does not have with the name that was probably meant.

    Raises:
        UsageError: the method has no such argument.
    """
    known = [name for name in inspect.signature(call).parameters if name != "self"]

    @functools.wraps(call)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known:
                why, remedy = f"{call.__name__}() has no such argument", did_you_mean(name, known, otherwise="It takes")
                raise UsageError(why, field="argument", value=name, remedy=remedy)
        return call(*args, **kwargs)

    return checked


def takes_fields_of(
    model: type[BaseModel], *, in_signature: Sequence[str] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Show the fields of ``model`` in the signature and the help of a method that takes them as ``**fields``.

    ``in_signature``: those that it names, where all of them would push the text out of a tooltip.
    """

    def documented(call: Callable[P, R]) -> Callable[P, R]:
        own = list(inspect.signature(call).parameters.values())
        all_fields = inspect.signature(model).parameters
        named = all_fields if in_signature is None else in_signature
        fields = [all_fields[n].replace(annotation=_plain(all_fields[n].annotation)) for n in named]
        first = [p for p in own if p.kind is p.POSITIONAL_OR_KEYWORD]
        last = [p for p in own if p.kind is p.KEYWORD_ONLY or (p.kind is p.VAR_KEYWORD and in_signature is not None)]
        listed = "\n".join(f"    {name}: {f.description}" for name, f in model.model_fields.items())
        shown: Any = call
        shown.__signature__ = inspect.Signature([*first, *fields, *last])
        shown.__doc__ = f"{inspect.cleandoc(call.__doc__ or '')}\n\nFields:\n{listed}\n"
        return call

    return documented


def _plain(annotation: Any) -> str:
    """A type as people read it, without its bounds."""
    if isinstance(annotation, type):
        return "None" if annotation is type(None) else annotation.__name__
    if get_origin(annotation) is Literal:
        return "str"
    parts = get_args(annotation)[:1] if get_origin(annotation) is Annotated else get_args(annotation)
    return " | ".join(dict.fromkeys(map(_plain, parts)))
