"""What a person reads of an alert: enough to act on, in plain text, HTML and Markdown.

Titles and names are written by strangers: in a message they are text and nothing else, whichever service shows it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

from markupsafe import escape

from arbkit.alerts.alert import Alert, AlertType
from arbkit.alerts.forecast_words import forecast_line
from arbkit.core.formatting import age_words, money, number, percent, signed
from arbkit.core.marketplaces import market
from arbkit.core.results import JsonObject
from arbkit.core.settings import Settings

HEADINGS: dict[AlertType, str] = {
    "new_opportunity": "New opportunity", "price_drop": "Price drop", "margin_increase": "Profit up",
    "target_price": "Target price", "amazon_out_of_stock": "Amazon out of stock", "ended": "Ended",
    "data_problem": "Suspicious data",
}  # fmt: skip
"""What each type of alert is called."""
_LONGEST_TITLE = 120
_LONGEST_WHY = 400
_LONGEST_HEAD = 150
"""Characters of a subject."""
_MARKS = str.maketrans({"<": "‹", ">": "›", "@": "＠", "`": "'"})
"""What begins a tag, a mention or a block of code in one service or another, and what is shown in its stead."""
_SCHEME = re.compile(r"(?i)([a-z][a-z0-9+.-]*):(?=//)|\b(javascript|data|mailto|tg|tel):")
_MARKDOWN = re.compile(r"([\\*_{}\[\]()#+\-.!|~>])")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one alert or several; ``id`` is the alert's own, or one made of theirs.

    ``title`` is plain text; ``text``, ``html`` and ``markdown`` are what stands below it. ``document`` is what a
    webhook is sent, with every alert whole.
    """

    id: str
    alert_ids: tuple[str, ...]
    title: str
    text: str
    html: str
    markdown: str
    document: JsonObject


@dataclass(frozen=True, slots=True)
class Shown:
    """An alert as it is sent: with the age of its prices in seconds, and a note on them; empty: none."""

    alert: Alert
    data_age_s: float
    note: str = ""

    @classmethod
    def as_made(cls, alert: Alert, now: float, note: str = "") -> Self:
        """With the figures that it was made of, at ``now`` (Unix seconds)."""
        return cls(alert, max(0.0, now - alert.at) + alert.opportunity.data_age_s, note)


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    value: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class _Item:
    head: str
    rows: tuple[_Row, ...]


def inert(text: str, longest: int = _LONGEST_TITLE) -> str:
    """Foreign text as one line that no service takes for markup, a mention, a command or an address to follow."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    line = _SCHEME.sub(lambda found: f"{found[1] or found[2]}: ", line).translate(_MARKS)
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def dashboards_address(settings: Settings) -> str | None:
    """Where the pages of products are; None where the setting leaves the port to chance."""
    from arbkit.core.service.addresses import base_url

    if not settings.dashboards_port:
        return None
    return f"{base_url(settings.host, settings.dashboards_port)}/voila/render/product.ipynb"


def compose(shown: Sequence[Shown], *, pages: str | None, is_test: bool = False, longest: int | None = None) -> Message:
    """The message of these alerts, the first of which is the best.

    Args:
        shown: one, or those of a digest; of one product all but the best are shown in short.
        pages: address of the page of products, or None for no link.
        is_test: whether to mark it as a test.
        longest: characters that the channel takes; alerts that do not fit are left out. None: any number.
    """
    is_of_one = len({one.alert.asin for one in shown}) == 1
    items = [_brief(one) if is_of_one and number else _item(one, pages) for number, one in enumerate(shown)]
    kept = _fitting(items, longest)
    items, alerts = items[:kept], [one.alert for one in shown[:kept]]
    ids = tuple(alert.id for alert in alerts)
    head = ("TEST: " if is_test else "") + (items[0].head if kept == 1 else _digest_head(alerts))
    is_digest = kept > 1
    text = "\n\n".join(_text(item, is_digest) for item in items)
    return Message(
        id=ids[0] if kept == 1 else blake2b("\n".join(sorted(ids)).encode(), digest_size=16).hexdigest(),
        alert_ids=ids,
        title=head[:_LONGEST_HEAD],
        text=text,
        html="<br><br>".join(_html(item, is_digest) for item in items),
        markdown="\n\n".join(_markdown(item, is_digest) for item in items),
        document={
            "v": 1,
            "test": is_test,
            "text": f"{head}\n\n{text}",
            "alerts": [_document(alert, pages) for alert in alerts],
        },
    )


def _fitting(items: Sequence[_Item], longest: int | None) -> int:
    """How many of them a message takes: at least the first."""
    if longest is None:
        return len(items)
    used = 0
    for count, item in enumerate(items):
        used += max(len(shape(item, True)) for shape in (_text, _html, _markdown)) + len("<br><br>")
        if used > longest and count:
            return count
    return len(items)


def _digest_head(alerts: Sequence[Alert]) -> str:
    best = alerts[0].opportunity
    of_one = len({alert.asin for alert in alerts}) == 1
    name = f" of {inert(best.title or alerts[0].asin)}" if of_one else ""
    return f"{len(alerts)} alerts{name}, the best {signed(best.profit, best.currency)}"


def _head(alert: Alert) -> str:
    o = alert.opportunity
    figures = f"{signed(o.profit, o.currency)} ({percent(o.roi_pct)} ROI)"
    return f"{'DEMO ' if o.demo else ''}{HEADINGS[alert.type]}: {figures} {alert.source} → {alert.target}"


def _brief(shown: Shown) -> _Item:
    """Another alert of a product that stands above."""
    alert = shown.alert
    rows = [
        *([_Row("Prices", inert(shown.note, _LONGEST_WHY))] if shown.note else []),
        _Row("Why", inert(alert.why, _LONGEST_WHY)),
        _Row("Alert", inert(alert.id)),
    ]
    return _Item(_head(alert), tuple(rows))


def _item(shown: Shown, pages: str | None) -> _Item:
    alert = shown.alert
    o = alert.opportunity
    name = inert(o.title or alert.asin)
    head = f"{_head(alert)} {name}"
    rows = [
        _Row("Product", f"{name} ({alert.asin})"),
        _Row("Buy", f"{money(o.buy_price, o.buy_currency)} on Amazon {alert.source}", _listing(alert, alert.source)),
        _Row("Sell", f"{money(o.sell_price, o.sell_currency)} on Amazon {alert.target}", _listing(alert, alert.target)),
        _Row("Profit", f"{_profit_range(alert)}, ROI {percent(o.roi_pct)}, margin {percent(o.margin_pct)}"),
        *([_Row("Forecast", inert(forecast, _LONGEST_WHY))] if (forecast := forecast_line(o)) else []),
        _Row("Data", f"prices {age_words(shown.data_age_s)} old, confidence {number(o.confidence)}"),
        *([_Row("Prices", inert(shown.note, _LONGEST_WHY))] if shown.note else []),
        *(
            [_Row("Max cost", f"{money(o.max_buy, o.buy_currency)} for your target ROI")]
            if o.max_buy is not None
            else []
        ),
        *(_Row("Note", inert(warning["text"], _LONGEST_WHY)) for warning in o.warnings[:3]),
        _Row("Why", inert(alert.why, _LONGEST_WHY)),
        *([_Row("Page", "all routes and fees", f"{pages}?asin={alert.asin}")] if pages else []),
        _Row("Alert", inert(alert.id)),
    ]
    return _Item(head, tuple(rows))


def _listing(alert: Alert, code: str) -> str:
    return market(code).url(alert.asin)


def _profit_range(alert: Alert) -> str:
    o = alert.opportunity
    low, high = o.profit_low, o.profit_high
    if low is None or high is None or low == high:
        return money(o.profit, o.currency)
    return f"{number(low)} to {money(high, o.currency)}, likely {number(o.profit)}"


def _document(alert: Alert, pages: str | None) -> JsonObject:
    links: JsonObject = {"source": _listing(alert, alert.source), "target": _listing(alert, alert.target)}
    if pages:
        links["page"] = f"{pages}?asin={alert.asin}"
    return {**alert.to_dict(), "links": links}


def _text(item: _Item, with_head: bool) -> str:
    lines = (f"{row.label}: {row.value}{f' {row.url}' if row.url else ''}" for row in item.rows)
    return "\n".join([*([item.head] if with_head else []), *lines])


def _html(item: _Item, with_head: bool) -> str:
    """With the few tags that every service knows, and no other line breaks: some would show both."""
    head = [f"<b>{escape(item.head)}</b>"] if with_head else []
    return "<br>".join([*head, *map(_html_row, item.rows)])


def _html_row(row: _Row) -> str:
    value = escape(row.value)
    return f"{row.label}: " + (f'<a href="{escape(row.url)}">{value}</a>' if row.url else str(value))


def _markdown(item: _Item, with_head: bool) -> str:
    head = [f"**{escape_markdown(item.head)}**"] if with_head else []
    return "  \n".join([*head, *map(_markdown_row, item.rows)])


def _markdown_row(row: _Row) -> str:
    value = escape_markdown(row.value)
    return f"{row.label}: " + (f"[{value}]({row.url})" if row.url else value)


def escape_markdown(text: str) -> str:
    """Text in which nothing is Markdown."""
    return _MARKDOWN.sub(r"\\\1", text)
