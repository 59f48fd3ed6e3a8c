"""HTML for pages and reports: Jinja2 templates, every value escaped, one theme."""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from arbkit.core import formatting

__all__ = ["environment", "render", "theme"]


@cache
def environment(package: str = "arbkit.display") -> Environment:
    """The templates in ``package``'s folder ``templates``, with the shared macros and filters.

    Filters are the functions of :mod:`arbkit.core.formatting` (``money``, ``percent``, ``count``, ``age_words`` …).
    """
    made = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update({name: getattr(formatting, name) for name in formatting.__all__ if name.islower()})
    return made


def render(template: str, /, *, package: str = "arbkit.display", **values: object) -> Markup:
    """``template`` of ``package`` filled with ``values``; text is escaped, :class:`~markupsafe.Markup` is not.

    Raises:
        jinja2.UndefinedError: the template needs a value that was not given.
    """
    return Markup(environment(package).get_template(template).render(values))  # noqa: S704 - the template escapes


@cache
def theme() -> str:
    """The style sheet that pages and reports share."""
    return resources.files("arbkit.display").joinpath("templates", "theme.css").read_text("utf-8")
