"""The reference pages, written from the code: ``python -m tests.docs.reference`` renews them, a test compares."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import typer
from pydantic_core import PydanticUndefined
from typer.core import TyperGroup

from arbkit.cli import app
from arbkit.core import errors
from arbkit.core.input.filters import ALIASES, OpportunityFilter, ProductFilter
from arbkit.core.settings import Settings
from arbkit.stream import GROUPS, TOPICS, dead_letter_topic
from arbkit.web.api import create_app
from tests.helpers.paths import ROOT

__all__ = ["PAGES", "main"]

FOLDER = ROOT / "docs" / "reference"
_FILTERS = """# Filters

The same filters are taken by `GET /arbitrage`, `arb.opportunities()`, the opportunities page and its address,
`arbkit export`, `arbkit detect` and the parameters of the `detect` report in `schedule.toml`. Every filter that is left
out asks for any; bounds are inclusive. Commands write `min_roi` as `--min-roi`.

## Opportunities

{opportunities}
`arbkit detect` also takes several marketplaces, `sources` and `targets` (as options: `--source` and `--target` again
and again), and keeps a profit of 0.01 at least unless `min_profit` says otherwise.

## Products

Taken by `GET /products` and `arb.products()`.

{products}"""
_WRITTEN = "<!-- Written by `make docs` from the code; do not edit. -->\n\n"


def commands() -> str:
    """Every command with its options."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    parts = [
        "# Commands\n\nEvery command answers to `--help`. `--json` prints one JSON document on standard output and "
        "nothing else there; logs go to standard error.\n\n"
        "| exit code | meaning |\n|---|---|\n| 0 | done |\n| 1 | a fault of arbkit |\n| 2 | wrong usage |\n"
        "| 3 | configuration |\n| 4 | a service cannot be reached |\n| 5 | input refused: nothing of it is usable |\n"
        "| 6 | done, with some of the input refused |\n"
    ]
    for name, command in _commands(root, "arbkit"):
        parts.append(f"\n## {name}\n\n{inspect.cleandoc(command.help or '')}\n")
        # A command that takes the fields of a model has its options from there.
        shown = [p for p in command.get_params(click.Context(command)) if p.name != "help"]
        arguments = [p for p in shown if p.param_type_name == "argument"]
        usage = "".join(f" {_metavar(p)}" for p in arguments)
        parts.append(f"\n```\n{name} [OPTIONS]{usage}\n```\n")
        if rows := [_parameter(p) for p in shown if not getattr(p, "hidden", False)]:
            parts.append("\n| option | default | meaning |\n|---|---|---|\n" + "".join(rows))
    return "".join(parts)


def _commands(group: TyperGroup, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in sorted(group.commands.items()):
        full = f"{prefix} {name}"
        if isinstance(command, TyperGroup):
            if command.invoke_without_command:
                yield full, command
            yield from _commands(command, full)
        else:
            yield full, command


def _metavar(argument: Any) -> str:
    name = (argument.metavar or argument.name or "").upper()
    return f"{name}{'...' if argument.nargs == -1 else ''}"


def _parameter(parameter: Any) -> str:
    argument = parameter.param_type_name == "argument"
    shown = _metavar(parameter) if argument else ", ".join([*parameter.opts, *parameter.secondary_opts])
    default = parameter.default
    stated = "" if default is None or default is False or callable(default) or default in ((), "") else f"`{default}`"
    return f"| `{_cell(shown)}` | {_cell(stated)} | {_cell(parameter.help or '')} |\n"


def settings() -> str:
    """Every setting with its default."""
    rows = [
        f"| `{Settings.variable(name)}` | {_default(field.default)} | {_cell(field.description or '')} |\n"
        for name, field in Settings.model_fields.items()
    ]
    return (
        "# Settings\n\nFrom the environment or `.env`; the environment wins. `arbkit doctor` prints those in force, "
        "secrets masked.\n\n| setting | default | meaning |\n|---|---|---|\n" + "".join(rows)
    )


def _default(value: object) -> str:
    if value is None or value is PydanticUndefined:
        return ""
    if hasattr(value, "get_secret_value"):
        return ""
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    if isinstance(value, bool):
        value = int(value)
    return f"`{value}`" if str(value) else ""


def http() -> str:
    """Every route of the REST API with its parameters and answers."""
    described = create_app(Settings.load(_env_file=None, demo=True)).openapi()
    parts = [
        "# REST API\n\nServed by `arbkit api` (port 8000) and described under `/docs`; the same description is the "
        "file `docs/openapi.json`. Errors are `application/problem+json`; unknown parameters are refused.\n"
    ]
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            parts.append(f"\n## {method.upper()} {path}\n\n{operation.get('description', '')}\n")
            if rows := [_query(p) for p in operation.get("parameters", ())]:
                parts.append("\n| parameter | in | meaning |\n|---|---|---|\n" + "".join(rows))
            answers = [f"| {status} | {_cell(a['description'])} |\n" for status, a in operation["responses"].items()]
            parts.append("\n| status | meaning |\n|---|---|\n" + "".join(answers))
    return "".join(parts)


def _query(parameter: dict[str, str]) -> str:
    return f"| `{parameter['name']}` | {parameter['in']} | {_cell(parameter.get('description', ''))} |\n"


def _filter_table(model: type[OpportunityFilter] | type[ProductFilter]) -> str:
    """The fields of a filter as a table in Markdown: name, unit, meaning, bounds and earlier names."""
    lines = ["| field | unit | meaning | from | to | also |", "|---|---|---|---|---|---|"]
    earlier: dict[str, list[str]] = {}
    for alias, name in ALIASES.items():
        earlier.setdefault(name, []).append(f"`{alias}`")
    for name, schema in model.model_json_schema()["properties"].items():
        kind = schema["anyOf"][0]
        low, high = (f"{kind[bound]:,.10g}" if bound in kind else "" for bound in ("minimum", "maximum"))
        also = ", ".join(earlier.get(name, ()))
        lines.append(f"| `{name}` | {schema['unit']} | {schema['description']} | {low} | {high} | {also} |")
    return "\n".join(lines) + "\n"


def filters() -> str:
    """Every filter with its unit and its earlier names."""
    return _FILTERS.format(opportunities=_filter_table(OpportunityFilter), products=_filter_table(ProductFilter))


def topics() -> str:
    """Every topic and consumer group of the log."""
    own = [t for t in TOPICS if not t.name.endswith(".dlq")]
    rows = [f"| `{t.name}` | ASIN | {t.partitions} | `{dead_letter_topic(t.name)}` |\n" for t in own]
    groups = "".join(f"- `{group}`\n" for group in GROUPS)
    return (
        "# Topics and groups\n\nThe same on the embedded log and on Kafka. What a message holds is told in "
        "[Delivery](../concepts/delivery.md).\n\n"
        "| topic | key | partitions | dead letters |\n|---|---|---|---|\n"
        + "".join(rows)
        + "\nConsumer groups:\n\n"
        + groups
    )


def error_tree() -> str:
    """The tree of errors, from the docstring of :mod:`arbkit.core.errors`."""
    text = inspect.getdoc(errors) or ""
    head, _, tree = text.partition("::\n")
    return f"# Errors\n\n{head.strip()}\n\n```text\n{tree.strip(chr(10))}\n```\n"


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "settings.md": settings,
    "http.md": http,
    "filters.md": filters,
    "topics.md": topics,
    "errors.md": error_tree,
}


def page(name: str) -> str:
    """What the page should say today."""
    return _WRITTEN + PAGES[name]()


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    """Write all reference pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in PAGES:
        Path(FOLDER / name).write_text(page(name), "utf-8")
        sys.stdout.write(f"docs/reference/{name}\n")


if __name__ == "__main__":
    main()
