"""HTML for pages and reports: Jinja2 templates, every value escaped, one theme."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from jinja2.environment import TemplateModule
from markupsafe import Markup, escape

from arbkit.core.formatting import age_words, count, money, number, percent, signed, utc_time

_SHARED = "arbkit.display"


@cache
def environment(package: str = _SHARED) -> Environment:
    """The templates in ``package``'s folder ``templates``; those of this room can be imported from there too.

    Filters are the functions of :mod:`arbkit.core.formatting` (``money``, ``percent``, ``count``, ``age_words`` …)
    and ``with_code``.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in dict.fromkeys((package, _SHARED))]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # The templates are part of the package: no file is looked at again for a row.
        auto_reload=False,
    )
    filters = (age_words, count, money, number, percent, signed, utc_time, with_code)
    made.filters.update({function.__name__: function for function in filters})
    return made


def render(template: str, /, *, package: str = _SHARED, **values: object) -> Markup:
    """``template`` of ``package`` filled with ``values``; text is escaped, :class:`~markupsafe.Markup` is not.

    Raises:
        jinja2.UndefinedError: the template needs a value that was not given.
    """
    return Markup(environment(package).get_template(template).render(values))  # noqa: S704 - the template escapes


def macro(name: str, /, *arguments: object, template: str = "_macros.html.j2", package: str = _SHARED) -> Markup:
    """What a macro of a template makes of ``arguments``: for a part that needs no template of its own.

    Raises:
        AttributeError: the template has no such macro.
    """
    return Markup(getattr(_module(template, package), name)(*arguments))  # noqa: S704 - the template escapes


@cache
def _module(template: str, package: str) -> TemplateModule:
    return environment(package).get_template(template).module


def with_code(text: str) -> Markup:
    """``text`` escaped, with what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before


@cache
def theme() -> str:
    """The style sheet that pages and reports share."""
    return resources.files("arbkit.display").joinpath("templates", "theme.css").read_text("utf-8")
