"""Small changes to a module that a good test suite notices: one operator, comparison, condition or constant each."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mutant", "mutants_of"]

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
}  # fmt: skip
_NO_CODE = (ast.arguments, ast.AnnAssign)
"""Parts whose annotations are types: ``int | None`` is no arithmetic."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A changed module: its path, the line, what was changed in words, and the new source."""

    path: Path
    line: int
    change: str
    source: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.change}"


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its syntax tree."""
    tree = ast.parse(path.read_text("utf-8"))
    points = [node for node in _code(tree) if _changes(node)]
    for index, node in enumerate(points):
        for number, (change, _) in enumerate(_changes(node)):
            changed = copy.deepcopy(tree)
            twin = [n for n in _code(changed) if _changes(n)][index]
            _replace(changed, twin, _changes(twin)[number][1])
            yield Mutant(path, getattr(node, "lineno", 0), change, ast.unparse(ast.fix_missing_locations(changed)))


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run: no annotations, no docstrings, no messages of errors."""
    for field, value in ast.iter_fields(node):
        if field in {"annotation", "returns", "type_params"} or isinstance(node, ast.Raise):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_text(child):
                yield child
                yield from _code(child)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr | ast.JoinedStr) and isinstance(getattr(node, "value", None), ast.Constant)


def _changes(node: ast.AST) -> list[tuple[str, ast.AST]]:
    """What can be changed about one node, in words, and the node in its place."""
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


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, field, new)
            elif isinstance(value, list) and any(child is old for child in value):
                setattr(parent, field, [new if child is old else child for child in value])
