"""Commands about the seller: ``arbkit profile``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import typer

from arbkit.cli.shared import JSON, load_settings, print_json, print_table, say
from arbkit.core.errors import UsageError

T = TypeVar("T")

app = typer.Typer(name="profile", help="Seller profiles: write, show and check them.", no_args_is_help=True)


@app.command()
def init(
    path: Path | None = typer.Argument(None, help="File to write (default: profile.toml, where arbkit looks for it)."),
    home: str | None = typer.Option(None, help="Where the business is established: DE, FR, IT, ES or UK."),
    vat_number: list[str] | None = typer.Option(None, help="Country with a VAT number (repeatable); none: leave out."),
    reclaims: bool | None = typer.Option(None, help="Whether the VAT of purchases is recovered."),
) -> None:
    """Write your own seller profile from three answers: asked for on a terminal, else given as options."""
    from arbkit.pipeline.seller.own_profile import own_profile, refuse_to_overwrite, write_profile
    from arbkit.profit import load_profile
    from arbkit.profit.seller.first_run import Answers

    file = path or own_profile(load_settings())
    if file.exists():
        refuse_to_overwrite(file)
    if home is None and at_terminal():
        home, vat_number, reclaims = _ask()
    if home is None or (reclaims is None and vat_number):
        raise UsageError(
            "is needed where no question can be asked",
            field="--home" if home is None else "--reclaims or --no-reclaims",
            remedy="For example: arbkit profile init --home DE --vat-number DE --reclaims",
        )
    changes = write_profile(file, Answers.of(home, vat_number or (), reclaims=bool(reclaims)))
    say(f"wrote {file}: {load_profile(file).seller_line}")
    for change in changes or ["nothing changes against the built-in seller"]:
        say(f"  {change}")
    say(f"all else is as the built-in seller has it; edit the file, then run `arbkit profile check {file}`")


def at_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _ask() -> tuple[str, list[str], bool]:
    """The three answers; one that makes no sense is asked for again."""
    from arbkit.profit.seller.first_run import HOME_QUESTION, NUMBERS_QUESTION, RECLAIM_QUESTION, home_of, numbers_of

    home = typer.prompt(HOME_QUESTION, default="DE", value_proc=_understood(home_of), err=True)
    countries = _understood(lambda text: numbers_of([text]))
    numbers = typer.prompt(NUMBERS_QUESTION, default="", show_default=False, value_proc=countries, err=True)
    return home, [*numbers], bool(numbers) and typer.confirm(RECLAIM_QUESTION, default=True, err=True)


def _understood(read: Callable[[str], T]) -> Callable[[str], T]:
    """``read`` whose faults are said, and the question asked again."""

    def checked(typed: str) -> T:
        try:
            return read(typed)
        except UsageError as error:
            raise typer.BadParameter(str(error)) from None

    return checked


@app.command()
def show(
    path: Path | None = typer.Argument(None, help="File (default: the configured one)."), json: bool = JSON
) -> None:
    """Show the profiles of a file side by side, with the meaning of every field."""
    from arbkit.profit import Profile
    from arbkit.profit.seller.profile_file import load_profiles

    profiles = load_profiles(path or load_settings().profile_path)
    if json:
        print_json({"profiles": list(profiles.values())})
        return
    rows = [
        (name, *(_text(getattr(p, name)) for p in profiles.values()), field.description or "")
        for name, field in Profile.model_fields.items()
    ]
    print_table(("field", *profiles, "meaning"), rows)


@app.command()
def check(path: Path | None = typer.Argument(None, help="File (default: the configured one).")) -> None:
    """Check a profile: its fields, their types, whether the combination is allowed, and what it leaves out."""
    from arbkit.profit.seller.profile_file import inherited_fields, load_profiles

    file = path or load_settings().profile_path
    profiles = load_profiles(file)
    verb = "is" if len(profiles) == 1 else "are"
    say(f"{file or 'built-in profile'}: {', '.join(profiles)} {verb} valid")
    for name, fields in inherited_fields(file).items():
        say(f"{name}: {profiles[name].seller_line}")
        for field, value in fields.items():
            say(f"  left out, so taken as: {field} = {_text(value)}")


def _text(value: object) -> str:
    """A field's value as a cell: numbers without trailing zeros, nested fields in one line."""
    from pydantic import BaseModel

    if value is None:
        return "–"
    if isinstance(value, BaseModel):
        return ", ".join(f"{name} {_text(v)}" for name, v in value if v is not None)
    if isinstance(value, tuple | list):
        return ", ".join(map(_text, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
