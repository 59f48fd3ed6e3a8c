"""Commands about the seller: ``arbkit profile``."""

from __future__ import annotations

from pathlib import Path

import typer

from arbkit.cli.shared import JSON, console, load_settings, print_json

profile = typer.Typer(help="Seller profiles: write, show and check them.", no_args_is_help=True)


@profile.command()
def init(path: Path = typer.Argument(Path("profile.toml"), help="File to write.")) -> None:
    """Write the built-in profile to a file for you to edit, with every field explained."""
    from arbkit.core.errors import UsageError
    from arbkit.core.files import write_atomically
    from arbkit.profit.profile_file import built_in

    load_settings()
    if path.exists():
        raise UsageError("exists already", field=str(path), remedy="Name another file, or move this one away")
    write_atomically(path, built_in().encode())
    console(stderr=True).print(f"wrote {path}: edit it, then run `arbkit profile check {path}`", markup=False)


@profile.command()
def show(
    path: Path | None = typer.Argument(None, help="File (default: the configured one)."), json: bool = JSON
) -> None:
    """Show the profiles of a file side by side, with the meaning of every field."""
    from rich.table import Table

    from arbkit.profit import Profile
    from arbkit.profit.profile_file import load_profiles

    profiles = load_profiles(path or load_settings().profile_path)
    if json:
        print_json({"profiles": [p.model_dump(mode="json") for p in profiles.values()]})
        return
    table = Table(show_lines=False)
    for name in ("field", *profiles, "meaning"):
        table.add_column(name, overflow="fold")
    for name, field in Profile.model_fields.items():
        table.add_row(name, *(_text(getattr(p, name)) for p in profiles.values()), field.description or "")
    console().print(table)


@profile.command()
def check(path: Path | None = typer.Argument(None, help="File (default: the configured one).")) -> None:
    """Check a profile: its fields, their types, and whether the combination is allowed."""
    from arbkit.profit.profile_file import load_profiles

    file = path or load_settings().profile_path
    names = list(load_profiles(file))
    verb = "is" if len(names) == 1 else "are"
    console().print(f"{file or 'built-in profile'}: {', '.join(names)} {verb} valid", markup=False)


def _text(value: object) -> str:
    """A field's value as a cell: numbers without trailing zeros, nested fields in one line."""
    from pydantic import BaseModel

    if value is None:
        return "–"
    if isinstance(value, BaseModel):
        return ", ".join(f"{name} {_text(v)}" for name, v in value if v is not None)
    if isinstance(value, tuple):
        return ", ".join(map(_text, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def register(app: typer.Typer) -> None:
    """Add ``profile`` to the command line."""
    app.add_typer(profile, name="profile")
