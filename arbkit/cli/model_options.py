"""Command options made from a pydantic model, so that names, types, defaults and descriptions are written once."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from functools import cache
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

OptionValue = str | float | bool | list[str]

_GIVEN = "arbkit.cli.given_options"


def options_from(model: str, *, skip: Collection[str] = (), **names: str) -> type[TyperCommand]:
    """A command class with an option per field of a model: ``min_profit`` becomes ``--min-profit``.

    Fields that take several values become repeatable options, yes-or-no fields that
    may be unknown a pair of flags. The command reads what was given with
    :func:`given_options`; its own parameters follow in the help.

    Args:
        model: ``package.module:Model``, imported when the command runs or shows its help: the others start without it.
        skip: fields without an option.
        names: field → name of its option, where that is not the field's.
    """

    @cache
    def options() -> list[Any]:
        fields = resolve_name(model).model_fields
        return _click_options(
            [_parameter(name, field, names.get(name, name)) for name, field in fields.items() if name not in skip]
        )

    class ModelCommand(TyperCommand):
        def get_params(self, ctx: Any) -> list[Any]:
            return [*options(), *super().get_params(ctx)]

        def invoke(self, ctx: Any) -> Any:
            values = {option.name: ctx.params.pop(option.name) for option in options()}
            ctx.meta[_GIVEN] = {
                name: value for name, value in values.items() if ctx.get_parameter_source(name).name != "DEFAULT"
            }
            return super().invoke(ctx)

    return ModelCommand


def given_options(context: typer.Context) -> dict[str, OptionValue]:
    """The options of the model that were given, by field, for the model to check."""
    given: Mapping[str, OptionValue] = context.meta[_GIVEN]
    return dict(given)


def _click_options(parameters: list[inspect.Parameter]) -> list[Any]:
    def command() -> None: ...

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    app = typer.Typer(add_completion=False)
    app.command()(command)
    return typer.main.get_command(app).params


def _parameter(name: str, field: FieldInfo, option: str) -> inspect.Parameter:
    kind, flag = _kind(field.annotation), f"--{option.replace('_', '-')}"
    several = get_origin(kind) is list
    if kind is bool and field.default is None:
        flag += f"/--no-{flag.removeprefix('--')}"
    description = f"{field.description}{'; repeatable' if several else ''}."
    made = typer.Option(
        ... if field.is_required() else list(field.default or ()) if several else field.default,
        flag,
        help=description[:1].upper() + description[1:],
    )
    annotation = kind | None if field.default is None else kind
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=made, annotation=annotation)


def _kind(annotation: object) -> type:
    """What the command line reads for a field: a number, a flag, a list, or text that the model parses."""
    kinds = _flattened(annotation)
    if any(get_origin(kind) is tuple for kind in kinds):
        return list[str]
    return next((kind for kind in (bool, float, int) if kind in kinds), str)


def _flattened(annotation: object) -> list[object]:
    if get_origin(annotation) in (None, tuple, Literal):
        return [annotation]
    inner = get_args(annotation)[:1] if get_origin(annotation) is Annotated else get_args(annotation)
    return [kind for part in inner for kind in _flattened(part)]
