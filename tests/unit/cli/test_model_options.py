"""Options of a command that come from a model: their names, types and descriptions are the model's."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import Literal

import orjson
import pytest
import typer
from pydantic import BaseModel, Field
from typer.testing import CliRunner

from arbkit import __version__
from arbkit.analysis.detection_parameters import DetectParameters
from arbkit.cli import app
from arbkit.cli.model_options import given_options, options_from
from arbkit.profit.quote.request import QuoteRequest


class Order(BaseModel):
    """A model with a field of every kind."""

    amount: float = Field(description="units to order")
    colours: tuple[str, ...] = Field((), description="colour")
    limit: int | None = Field(None, description="maximum price")
    rate: float = Field(0.5, description="rate of something")
    express: bool = Field(False, description="send it at once")
    wrapped: bool | None = Field(None, description="whether it is wrapped")
    on: date | None = Field(None, description="date of delivery")
    size: Literal["s", "m"] | None = Field(None, description="size, s or m")


@pytest.fixture
def order() -> typer.Typer:
    made = typer.Typer(add_completion=False)

    def command(context: typer.Context, times: int = typer.Option(1, help="An option of its own.")) -> None:
        typer.echo(orjson.dumps({"given": given_options(context), "times": times}))

    made.command(cls=options_from(f"{__name__}:Order", colours="colour"))(command)
    return made


def test_only_what_was_given_is_passed_on(order: typer.Typer) -> None:
    done = CliRunner().invoke(order, ["--amount", "0", "--times", "3"])
    assert orjson.loads(done.stdout) == {"given": {"amount": 0.0}, "times": 3}


def test_every_kind_of_field_has_an_option(order: typer.Typer) -> None:
    words = "--amount 2 --colour red --colour blue --limit 7 --rate 0.5 --express --on 2026-08-01 --size m"
    given = orjson.loads(CliRunner().invoke(order, words.split()).stdout)["given"]
    assert given == {
        "amount": 2.0, "colours": ["red", "blue"], "limit": 7, "rate": 0.5, "express": True, "on": "2026-08-01",
        "size": "m",
    }  # fmt: skip
    assert Order.model_validate(given).colours == ("red", "blue")


def test_a_yes_or_no_that_may_be_unknown_is_a_pair_of_flags(order: typer.Typer) -> None:
    for words, given in (([], {}), (["--wrapped"], {"wrapped": True}), (["--no-wrapped"], {"wrapped": False})):
        found = orjson.loads(CliRunner().invoke(order, ["--amount", "1", *words]).stdout)["given"]
        assert found == {"amount": 1.0, **given}


def test_the_help_says_what_the_model_says(order: typer.Typer) -> None:
    text = " ".join(CliRunner().invoke(order, ["--help"], env={"COLUMNS": "200"}).stdout.split())
    for words in (
        "Units to order. [required]", "Colour; repeatable.", "Rate of something. [default: 0.5]", "An option of its",
    ):  # fmt: skip
        assert words in text


@pytest.mark.parametrize("words", [[], ["--amount", "many"], ["--amount", "1", "--limit", "1.5"]])
def test_a_missing_or_mistyped_option_is_wrong_usage(order: typer.Typer, words: list[str]) -> None:
    assert CliRunner().invoke(order, words).exit_code == 2


@pytest.mark.parametrize(
    ("command", "model", "renamed"),
    [
        ("profit", QuoteRequest, {}),
        ("detect", DetectParameters, {"sources": "source", "targets": "target", "all_routes": "all"}),
    ],
)
def test_a_command_has_every_field_of_its_model(command: str, model: type[BaseModel], renamed: dict[str, str]) -> None:
    text = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).stdout
    for name, field in model.model_fields.items():
        assert field.description
        assert f"--{renamed.get(name, name).replace('_', '-')} " in text


def test_the_version_is_shown() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"arbkit {__version__}\n"


def test_the_command_line_starts_without_what_only_some_commands_need() -> None:
    code = (
        "import sys, arbkit.cli; print([m for m in ('pandas', 'plotly', 'fastapi', 'papermill') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
