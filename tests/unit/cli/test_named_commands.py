"""What messages and remedies tell people to type exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from typer.main import get_command

import arbkit
from arbkit.cli import app

_COMMAND = re.compile(r"`arbkit((?: [^`{]+)?)")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*[a-z0-9](?![a-z0-9-])")
_OF_OTHER_PROGRAMS = {"--upgrade", "--parameters", "--log-level"}


@pytest.fixture(scope="module")
def texts() -> list[tuple[str, str]]:
    """Every string in the code, with its file."""
    return list(_texts())


def test_a_command_that_a_text_names_exists(texts: list[tuple[str, str]]) -> None:
    faults = [f"{file}: {why}: {text}" for file, text in texts for why in _unknown_in(text)]
    assert not faults, "\n".join(faults)


def test_an_option_that_a_text_names_exists(texts: list[tuple[str, str]]) -> None:
    known = _options(_root()) | _OF_OTHER_PROGRAMS
    assert not {(file, name) for file, text in texts for name in _OPTION.findall(text) if name not in known}


def test_a_command_that_does_not_exist_would_be_found() -> None:
    assert list(_unknown_in("run `arbkit detekt`")) == ["no command detekt"]
    assert list(_unknown_in("see `arbkit detect --all-routes`")) == ["detect has no --all-routes"]
    assert not list(_unknown_in("run `arbkit watch add --file FILE`, then `arbkit detect --all`"))


def _texts() -> Iterator[tuple[str, str]]:
    root = Path(arbkit.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield str(path.relative_to(root)), node.value


def _unknown_in(text: str) -> Iterator[str]:
    for words in (match[1].split() for match in _COMMAND.finditer(text)):
        command: Any = _root()
        while words and words[0] in _below(command):
            command = _below(command)[words.pop(0)]
        if _below(command) and words and words[0].isalpha() and words[0].islower():
            yield f"no command {words[0]}"
        for option in sorted({word for word in words if _OPTION.fullmatch(word)} - _options(command)):
            yield f"{command.name} has no {option}"


@cache
def _root() -> Any:
    return get_command(app)


def _below(command: Any) -> dict[str, Any]:
    """The commands of a group."""
    return getattr(command, "commands", {})


@cache
def _options(command: Any) -> frozenset[str]:
    """What it and the commands below it take."""
    # A command that takes the fields of a model has its options from there.
    own = {name for one in command.get_params(click.Context(command)) for name in (*one.opts, *one.secondary_opts)}
    return frozenset(own.union(*(_options(one) for one in _below(command).values()), {"--help"}))
