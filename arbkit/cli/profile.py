"""Commands about the seller: ``arbkit profile``."""

from __future__ import annotations

from pathlib import Path

import typer

from arbkit.cli.shared import JSON, console, load_settings, print_json, print_table, say
from arbkit.core.errors import UsageError

app = typer.Typer(name="profile", help="Seller profiles: write, show and check them.", no_args_is_help=True)


@app.command()
def init(path: Path = typer.Argument(Path("profile.toml"), help="File to write.")) -> None:
    """Write the built-in profile to a file for you to edit, with every field explained."""
    from arbkit.core.files import write_new
    from arbkit.profit.seller.profile_file import built_in

    load_settings()
    if not write_new(path, built_in().encode()):
        raise UsageError("exists already", field=str(path), remedy="Name another file, or move this one away")
    console(stderr=True).print(f"wrote {path}: edit it, then run `arbkit profile check {path}`", markup=False)


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
