"""What pages and reports are made of: hostile text stays text, wherever it is put."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from arbkit.display.html import macro, theme, with_code

HOSTILE = "<img src=x onerror=alert(1)>\"'"


def facts(name: str, *arguments: object) -> str:
    """What a macro of the pages' tables of facts makes of ``arguments``."""
    return macro(name, *arguments, template="_facts.html.j2", package="arbkit.web.dashboards")


@pytest.mark.parametrize(
    "html",
    [
        macro("table", HOSTILE, [(HOSTILE, "title"), (HOSTILE, "head")], [(HOSTILE, HOSTILE)]),
        macro("table", "none", [("Column", "text")], [], HOSTILE),
        macro("figures", [(HOSTILE, HOSTILE, HOSTILE)]),
        macro("fact_list", [(HOSTILE, HOSTILE, HOSTILE)]),
        facts("cell", HOSTILE, "", HOSTILE),
        facts("cell", "", HOSTILE),
        facts("row", HOSTILE, (), HOSTILE),
        macro("link", f"https://www.amazon.de/{HOSTILE}", HOSTILE),
        macro("link", f"javascript:alert(1){HOSTILE}", HOSTILE),
        macro("demo", HOSTILE),
        macro("tag", HOSTILE),
        macro("status", "good", HOSTILE),
        with_code(f"`{HOSTILE}` {HOSTILE}"),
    ],
)
def test_every_shared_part_escapes_what_it_is_given(html: str) -> None:
    assert "&lt;img" in html
    assert "<img" not in html
    assert "javascript:" not in html
    assert "onerror=alert(1)>" not in html


def test_markup_of_ours_stays_markup() -> None:
    state = macro("status", "good", "works")
    assert state in macro("table", "Services", [("State", "text")], [(state,)])
    assert with_code("Run `arbkit up`") == "Run <code>arbkit up</code>"


def test_a_value_that_a_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        macro("figures")
    with pytest.raises(AttributeError):
        macro("no_such_macro")


def test_every_colour_has_a_dark_counterpart() -> None:
    light, dark = theme().split("@media (prefers-color-scheme: dark)")[:2]
    for name in ("--arb-ground", "--arb-text", "--arb-quiet", "--arb-link", "--arb-good", "--arb-bad", "--arb-warn"):
        assert f"{name}:" in light
        assert f"{name}:" in dark
