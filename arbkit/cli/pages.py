"""Commands about dashboard pages of the user's own: ``arbkit pages``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from arbkit.cli.shared import JSON, answer, load_settings, say

if TYPE_CHECKING:
    from arbkit.reports.catalogue.own_pages import OwnPages

app = typer.Typer(name="pages", help="Dashboard pages of your own: make and list them.", no_args_is_help=True)


@app.command("new")
def make_new(
    name: str = typer.Argument(..., help="Name of the page, as small letters, digits, - and _."),
    start: str | None = typer.Option(None, "--from", metavar="PAGE", help="Start from a copy of this shipped page."),
    json: bool = JSON,
) -> None:
    """Make a page of your own from a template of parts, or from a shipped page, for you to edit."""
    from arbkit.reports.catalogue.own_pages import make_page

    made = make_page(load_settings(), name, start)
    answer(made, json, lambda made: say(f"{made.notebook}: edit it; every dashboard links to it", whole=True))


@app.command("list")
def list_all(json: bool = JSON) -> None:
    """List the pages of your own, and what is wrong with any."""
    from arbkit.reports.catalogue.own_pages import list_own_pages

    answer(list_own_pages(load_settings()), json, _print_list)


def _print_list(found: OwnPages) -> None:
    for page in found.pages:
        say(f"{page.name}: {page.error or page.notebook}", whole=True)
    if not found.pages:
        say(f"none in {found.folder}: `arbkit pages new NAME` makes one", whole=True)
