"""Small changes to a module that a good test suite notices: one operator, comparison, condition or constant each."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

__all__ = ["Mutant", "mutants_of", "mutated_code"]

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
}  # fmt: skip
_DECLARES = frozenset({"annotation", "returns", "type_params", "decorator_list"})
"""Fields of nodes that compute nothing: ``int | None`` is no arithmetic, nor does ``frozen=True`` change an answer."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change to a module, which :func:`mutated_code` makes.

    Attributes:
        path: the module.
        index: the number of the change among all of the module, in the order of its syntax tree.
        spans: the first and last line of the changed expression, then of each expression around it, then of its
            statement; of a statement with a body only the first line.
        change: the change in words; the second like it on a line says so.
        text: the first line of the expression.
    """

    path: Path
    index: int
    spans: tuple[tuple[int, int], ...]
    change: str
    text: str


@dataclass(frozen=True, slots=True)
class _Point:
    """Where a syntax tree can be changed: ``setattr(parent, field, new)``, or one entry of that list."""

    parent: ast.AST
    field: str
    position: int | None
    change: str
    new: ast.expr
    spans: tuple[tuple[int, int], ...]


def mutants_of(path: Path) -> list[Mutant]:
    """Every mutant of a module, in the order of its syntax tree; nothing is compiled."""
    source = path.read_text("utf-8")
    lines = source.splitlines()
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for index, point in enumerate(_points(ast.parse(source))):
        text = lines[point.spans[0][0] - 1].strip()
        seen[text, point.change] += 1
        number = seen[text, point.change]
        change = point.change if number == 1 else f"{point.change} ({number})"
        found.append(Mutant(path, index, point.spans, change, text))
    return found


def mutated_code(mutant: Mutant) -> CodeType:
    """The compiled module with the mutant's change; its lines keep their numbers."""
    tree = ast.parse(mutant.path.read_text("utf-8"))
    point = list(_points(tree))[mutant.index]
    if point.position is None:
        setattr(point.parent, point.field, point.new)
    else:
        getattr(point.parent, point.field)[point.position] = point.new
    # Without the future imports of this file.
    return compile(ast.fix_missing_locations(tree), str(mutant.path), "exec", dont_inherit=True)


def _points(node: ast.AST, outside: tuple[tuple[int, int], ...] = ()) -> Iterator[_Point]:
    """The points of what runs: no declarations, no docstrings, no messages of errors."""
    if isinstance(node, ast.Raise):
        return
    for field, value in ast.iter_fields(node):
        if field in _DECLARES:
            continue
        listed = isinstance(value, list)
        for position, child in enumerate(value if listed else [value]):
            if not isinstance(child, ast.AST) or _is_docstring(child):
                continue
            spans = _spans(child, outside)
            for change, new in _changes(child):
                yield _Point(node, field, position if listed else None, change, ast.copy_location(new, child), spans)
            yield from _points(child, spans)


def _spans(node: ast.AST, outside: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    match node:
        case ast.stmt():
            return ((node.lineno, node.lineno if hasattr(node, "body") else node.end_lineno or node.lineno),)
        case ast.expr() | ast.keyword():
            return ((node.lineno, node.end_lineno or node.lineno), *outside)
        case _:
            return outside


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(node: ast.AST) -> list[tuple[str, ast.expr]]:
    """What can be changed about one node, in words, and the node in its stead."""
    match node:
        case ast.Compare(ops=[op, *_]) if type(op) in _COMPARE:
            other = _COMPARE[type(op)]()
            return [(f"{_name(op)} → {_name(other)}", ast.Compare(node.left, [other, *node.ops[1:]], node.comparators))]
        case ast.BinOp(op=op) if type(op) in _ARITHMETIC and not _of_types(node):
            swapped = _ARITHMETIC[type(op)]()
            return [(f"{_name(op)} → {_name(swapped)}", ast.BinOp(node.left, swapped, node.right))]
        case ast.BoolOp(op=ast.And()):
            return [("and → or", ast.BoolOp(ast.Or(), node.values))]
        case ast.BoolOp(op=ast.Or()):
            return [("or → and", ast.BoolOp(ast.And(), node.values))]
        case ast.UnaryOp(op=ast.Not() | ast.Invert() | ast.USub()):
            return [(f"{_name(node.op)} removed", node.operand)]
        case ast.IfExp():
            return [("branches swapped", ast.IfExp(node.test, node.orelse, node.body))]
        case ast.Constant(value=bool() as value):
            return [(f"{value} → {not value}", ast.Constant(not value))]
        case ast.Constant(value=int() | float() as value):
            return [(f"{value} → {value + 1}", ast.Constant(value + 1))]
        case _:
            return []


def _of_types(node: ast.BinOp) -> bool:
    """Whether it is a union of types, such as the second argument of ``isinstance``."""
    return isinstance(node.op, ast.BitOr) and any(
        isinstance(side, ast.Constant) and side.value is None for side in (node.left, node.right)
    )


def _name(node: ast.AST) -> str:
    return type(node).__name__
