"""Tables as HTML, in the looks of the page's own tables. What is not :class:`Html` is escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from arbkit.core.formatting import age_words
from arbkit.web.dashboards.opportunities.columns import moment

__all__ = ["Html", "ago", "html_table", "marked", "worded"]

_MARKS = {"good": "●", "warn": "▲", "bad": "■", "quiet": "○"}
"""A sign of its own for each mood, for whom colours say little."""


class Html(str):
    """A text that is markup already: every foreign part of it is escaped."""

    __slots__ = ()


def marked(mood: str, text: str) -> Html:
    """A state: in words, with a sign and a colour."""
    return Html(f'<span class="arb-{mood}"><span aria-hidden="true">{_MARKS[mood]}</span> {escape(text)}</span>')


def ago(at: float, now: float) -> Html:
    """A moment, and how long ago it was."""
    return Html(f'{moment(at)}<span class="arb-sub">{age_words(now - at)} ago</span>')


def worded(text: str) -> Html:
    """Our own words, with what stands between backticks as code."""
    return Html(re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text)))


def html_table(label: str, heads: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]], *, empty: str = "") -> Html:
    """``heads`` are label and kind (text, number, title) of the columns; ``empty`` is said where there is no row."""
    top = "".join(f'<th scope="col" class="arb-{kind}">{escape(name)}</th>' for name, kind in heads)
    body = "".join(f"<tr>{''.join(map(_cell, heads, row))}</tr>" for row in rows)
    if not rows:
        body = f'<tr><td class="arb-empty" colspan="{len(heads)}">{worded(empty)}</td></tr>'
    return Html(
        f'<div class="arb-table"><div class="arb-scroll"><table aria-label="{escape(label)}">'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div></div>"
    )


def _cell(head: tuple[str, str], value: str) -> str:
    name, kind = head
    inner = value if isinstance(value, Html) else escape(value)
    return f'<td class="arb-{kind}" data-label="{escape(name)}"><span>{inner}</span></td>'
