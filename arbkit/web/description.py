"""What the API says of itself for people: one page without a script, made from its OpenAPI document."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from starlette.responses import RedirectResponse

from arbkit.display.html import render
from arbkit.web.policies import STATIC_PAGE

_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<", "maxLength": "at most"}


async def to_description() -> Response:
    """Who asks for nothing in particular is led to the page."""
    return RedirectResponse("/docs")


async def describe(request: Request) -> Response:
    """A page that names every address, what it takes and what it answers."""
    document: dict[str, Any] = request.app.openapi()
    html = render("api.html.j2", package="arbkit.web", document=document, groups=_by_tag(document), kind=_kind)
    return Response(html, media_type="text/html", headers={"Content-Security-Policy": STATIC_PAGE})


def _by_tag(document: dict[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    groups: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            groups.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    return groups


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words: its type with its bounds, its choices, or the name of a shape further down."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for several in ("anyOf", "allOf", "oneOf"):
        if several in schema:
            return " or ".join(_kind(one) for one in schema[several] if one.get("type") != "null")
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    bounds = [f"{sign} {schema[name]:,}" for name, sign in _BOUNDS.items() if name in schema]
    return " ".join((str(schema.get("type", "any")), *bounds))
