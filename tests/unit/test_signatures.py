"""Public signatures say what they take and give: nothing resolves to ``Any``, ``object`` or a bare container."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from tests.helpers.paths import ROOT

LOOSE = {"Any", "object", "dict", "list", "set", "tuple", "Mapping", "Sequence", "Iterable", "Callable"}
RAW = {"RawProduct"}
"""A source's own object: its fields are Keepa's to define."""

ALLOWED = {
    "arbkit/display/frames.py: DisplayFrame.to_csv(args)": "pandas' own signature",
    "arbkit/display/frames.py: DisplayFrame.to_csv(kwargs)": "pandas' own signature",
    "arbkit/display/frames.py: DisplayFrame.to_excel(args)": "pandas' own signature",
    "arbkit/display/frames.py: DisplayFrame.to_excel(excel_writer)": "pandas' own signature",
    "arbkit/display/frames.py: DisplayFrame.to_excel(kwargs)": "pandas' own signature",
    "arbkit/display/frames.py: DisplayFrame.to_parquet(args)": "pandas' own signature",
    "arbkit/display/frames.py: DisplayFrame.to_parquet(kwargs)": "pandas' own signature",
    "arbkit/display/html.py: macro(arguments)": "Jinja2 takes any value",
    "arbkit/display/html.py: render(values)": "Jinja2 takes any value",
    "arbkit/store/sqlite/rows.py: select_of()": "rows of whatever columns are asked for",
    "arbkit/web/dashboards/html.py: page_html(values)": "Jinja2 takes any value",
    "arbkit/web/dashboards/part.py: Part.follow(shown)": "each kind of part says what it is about",
    "arbkit/web/dashboards/server/pages.py: PageHandler.initialize(voila)": "Voilà's own signature",
    "arbkit/web/dashboards/server/pages.py: PageHandler.kernel_manager()": "a class that Voilà makes at run time",
    "arbkit/web/dashboards/voila_server.py: Dashboards.init_handlers()": "Voilà's own signature",
    "arbkit/web/dashboards/voila_server.py: Dashboards.init_settings()": "Voilà's own signature",
    "arbkit/web/http.py: ProblemAPI.openapi()": "FastAPI's own signature",
    "arbkit/web/http.py: problem_responses()": "FastAPI's own type",
    "arbkit/web/http.py: query_parameters()": "FastAPI's own type",
    "arbkit/workbench/figures.py: Figures.plot_waterfall(route)": "a row of a frame is pandas' own type",
}

Aliases = Mapping[str, ast.expr]


def aliases_of(tree: ast.Module) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript() | ast.BinOp() | ast.Name() as value):
                found[name] = value
            case ast.AnnAssign(
                target=ast.Name(id=name), annotation=ast.Name(id="TypeAlias"), value=ast.expr() as value
            ):
                found[name] = value
    return found


def is_loose(annotation: ast.expr | None, aliases: Aliases) -> bool:
    match annotation:
        case ast.Constant(value=str(text)):
            return is_loose(ast.parse(text, mode="eval").body, aliases)
        case ast.Name(id=name) if name in aliases and name not in RAW:
            return is_loose(aliases[name], {other: value for other, value in aliases.items() if other != name})
        case ast.Name(id=name):
            return name in LOOSE
        case ast.Subscript(value=ast.Name(id="Literal")):
            return False
        case ast.Subscript(slice=inner):
            return is_loose(inner, aliases)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return any(is_loose(part, aliases) for part in parts)
        case ast.BinOp(left=left, right=right):
            return is_loose(left, aliases) or is_loose(right, aliases)
    return False


def loose_in(node: ast.AST, aliases: Aliases, prefix: str = "") -> Iterator[str]:
    """The loose arguments and results of the public functions, each as ``Class.method(argument)``."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or child.name.startswith("_"):
            continue
        if isinstance(child, ast.ClassDef):
            yield from loose_in(child, aliases, f"{prefix}{child.name}.")
            continue
        given = child.args
        arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        yield from (f"{prefix}{child.name}({a.arg})" for a in arguments if a and is_loose(a.annotation, aliases))
        if is_loose(child.returns, aliases):
            yield f"{prefix}{child.name}()"


def test_public_signatures_are_typed() -> None:
    trees = {path: ast.parse(path.read_text("utf-8")) for path in sorted((ROOT / "arbkit").rglob("*.py"))}
    shared = {name: value for tree in trees.values() for name, value in aliases_of(tree).items()}
    found = {
        f"{path.relative_to(ROOT).as_posix()}: {name}"
        for path, tree in trees.items()
        for name in loose_in(tree, {**shared, **aliases_of(tree)})
    }
    assert found == set(ALLOWED)


def test_an_alias_does_not_hide_a_loose_type() -> None:
    tree = ast.parse("Row = Mapping[str, Any]\ndef public(row: Row, *, name: str) -> list[Row] | None: ...\n")
    assert list(loose_in(tree, aliases_of(tree))) == ["public(row)", "public()"]
