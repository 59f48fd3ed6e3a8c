"""Command-line options made from the fields of a pydantic model, so that a new field is an option at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any, ParamSpec, TypeVar, get_args

import typer
from pydantic import BaseModel

__all__ = ["takes_options_of"]

P = ParamSpec("P")
R = TypeVar("R")


def takes_options_of(
    model: type[BaseModel], *, skip: Collection[str] = ()
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Give a command with ``**fields`` an option for each field of ``model``; one that is not given is None.

    Args:
        model: whose fields and descriptions are shown.
        skip: fields that the command declares on its own, or does not take.
    """

    def with_options(command: Callable[P, R]) -> Callable[P, R]:
        own = list(inspect.signature(command, eval_str=True).parameters.values())
        first = [p for p in own if p.kind is p.POSITIONAL_OR_KEYWORD]
        added = [_parameter(name, model) for name in model.model_fields if name not in skip]
        described: Any = command
        described.__signature__ = inspect.Signature(
            [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in [*first, *added]]
        )
        described.__annotations__ = {p.name: p.annotation for p in [*first, *added]}
        return command

    return with_options


def _parameter(name: str, model: type[BaseModel]) -> inspect.Parameter:
    field = model.model_fields[name]
    kinds = {*get_args(field.annotation), field.annotation}
    kind: type = bool if bool in kinds else float if float in kinds else str
    option = "--" + name.replace("_", "-")
    flags = [f"{option}/--no-{option.removeprefix('--')}"] if kind is bool else [option]
    text = field.description or ""
    help_text = f"{text[:1].upper()}{text[1:]}."
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, annotation=kind | None, default=typer.Option(None, *flags, help=help_text)
    )
