"""The parameters of a notebook, read from its cell tagged ``parameters`` without running it.

``top: int = 10  # maximum rows`` is a parameter with its type, default and help. Without an annotation the type is that
of the default; the help may stand in the lines above too.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, create_model

from arbkit.core.errors import ConfigError
from arbkit.core.input.faults import first_fault
from arbkit.core.input.validation import Request

_GIVEN = ("run_id", "run_dir")
"""What every run sets itself."""
_SCALARS: dict[str, Any] = {"int": int, "float": float, "str": str, "bool": bool}
_KINDS = "int, float, str, bool, one of these with | None, list[…] of one, or Literal[…]"


class _FaultError(Exception):
    """What is wrong in a line of the cell, and the remedy."""

    def __init__(self, line: int, why: str, remedy: str) -> None:
        super().__init__(why)
        self.line, self.why, self.remedy = line, why, remedy


def read_parameters(source: str, name: str, *, field: str) -> type[BaseModel]:
    """The model of the parameters that a cell assigns; the values are plain ones.

    Args:
        source: of the cell; empty: the notebook takes no parameters.
        name: of the report.
        field: where the cell stands, for what is wrong with it.

    Raises:
        ConfigError: the cell does anything else, or a default is not of its type; names the line.
    """
    try:
        fields = dict(_fields(source))
        model: type[BaseModel] = create_model(name, __base__=Request, **fields)
        # Defaults are not validated unless asked for.
        model.model_validate({one: info.default for one, info in model.model_fields.items()})
    except _FaultError as fault:
        where = f"{field}: parameters cell, line {fault.line}"
        raise ConfigError(fault.why, field=where, remedy=fault.remedy) from None
    except ValidationError as error:
        wrong, why, value = first_fault(error)
        remedy = "Give it another default, or another type"
        raise ConfigError(why, field=f"{field}: parameter {wrong}", value=value, remedy=remedy) from None
    return model


def _fields(source: str) -> Iterator[tuple[str, Any]]:
    try:
        tree = ast.parse(source)
        comments = _comments(source)
    except (SyntaxError, ValueError, RecursionError, tokenize.TokenError) as error:
        line = getattr(error, "lineno", None) or 1
        raise _FaultError(line, f"is no Python: {getattr(error, 'msg', error)}", "Assign plain values there") from None
    for statement in tree.body:
        # What a type is imported from.
        if _is_text(statement) or isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        for name, kind, value in _assigned(statement):
            if name not in _GIVEN:
                yield name, (kind, Field(value, description=_help(statement, comments)))


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _assigned(statement: ast.stmt) -> Iterator[tuple[str, Any, Any]]:
    """Name, type and value of each parameter that a statement assigns."""
    remedy = "Only NAME = VALUE and NAME: TYPE = VALUE stand in the parameters cell; the rest goes into the next one"
    annotation: ast.expr | None = None
    targets: Sequence[ast.expr]
    if isinstance(statement, ast.Assign):
        targets, expression = statement.targets, statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets, annotation, expression = [statement.target], statement.annotation, statement.value
    else:
        raise _FaultError(statement.lineno, "assigns no plain value", remedy)
    try:
        value = ast.literal_eval(expression)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise _FaultError(statement.lineno, "its value is computed, so that it cannot be checked", remedy) from None
    kind = _kind_of(value, statement.lineno) if annotation is None else _kind(annotation)
    for target in targets:
        if not isinstance(target, ast.Name):
            raise _FaultError(statement.lineno, "assigns no plain value", remedy)
        if target.id.startswith("_") or hasattr(Request, target.id):
            raise _FaultError(statement.lineno, f"{target.id} cannot be the name of a parameter", "Choose another name")
        yield target.id, kind, tuple(value) if isinstance(value, list) else value


def _kind(annotation: ast.expr) -> Any:
    """The type that an annotation says; nothing of it is run."""
    match annotation:
        case ast.Name(id=name) if name in _SCALARS:
            return _SCALARS[name]
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            return _kind(left) | None
        case ast.Subscript(value=ast.Name(id="list"), slice=ast.Name(id=name)) if name in _SCALARS:
            return _several(_SCALARS[name])
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            words = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return Literal[tuple(_constant(word) for word in words)]
    raise _FaultError(annotation.lineno, f"has no type that can be checked: {ast.unparse(annotation)}", f"Use {_KINDS}")


def _several(kind: Any) -> Any:
    # A tuple cannot be changed, like everything in a model of parameters.
    return tuple.__class_getitem__((kind, ...))


def _constant(word: ast.expr) -> str | int | bool:
    if isinstance(word, ast.Constant) and isinstance(word.value, str | int | bool):
        return word.value
    raise _FaultError(word.lineno, f"has no type that can be checked: {ast.unparse(word)}", f"Use {_KINDS}")


def _kind_of(value: Any, line: int) -> Any:
    """The type of a default that has no annotation."""
    if value is None:
        return str | None
    if isinstance(value, list | tuple):
        kinds = {type(one) for one in value} or {str}
        if len(kinds) == 1 and (kind := kinds.pop()) in (int, float, str, bool):
            return _several(kind)
    elif type(value) in (int, float, str, bool):
        return type(value)
    raise _FaultError(line, "is of a type that cannot be given to a report", f"Use {_KINDS}")


def _comments(source: str) -> dict[int, tuple[str, bool]]:
    """Line → its comment, and whether that is all that stands in the line."""
    lines = source.splitlines()
    return {
        token.start[0]: (token.string.lstrip("#").strip(), not lines[token.start[0] - 1][: token.start[1]].strip())
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }


def _help(statement: ast.stmt, comments: dict[int, tuple[str, bool]]) -> str | None:
    """The comment behind a statement, or those in the lines right above it."""
    if (behind := comments.get(statement.end_lineno or statement.lineno)) is not None:
        return behind[0]
    above: list[str] = []
    line = statement.lineno - 1
    while (comment := comments.get(line)) is not None and comment[1]:
        above.insert(0, comment[0])
        line -= 1
    return " ".join(above) or None
