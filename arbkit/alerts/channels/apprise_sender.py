"""Mail, Telegram, Discord, Slack and a hundred more, through the package apprise.

An address of apprise is a secret: it holds passwords and tokens. Nothing that apprise logs is shown as it is.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import unquote

from apprise import Apprise, AppriseAsset, NotifyFormat
from apprise.plugins import NotifyBase
from markupsafe import escape

from arbkit.alerts.channels.channel_tables import AppriseAddress, Channel
from arbkit.alerts.channels.message import Message, escape_markdown
from arbkit.alerts.channels.senders import SendFailure
from arbkit.core.closing import Closing
from arbkit.core.errors import ConfigError

# With a limit of time apprise sends from a pool of few threads, in which services that hang hold up all others; each
# service has limits of its own.
_ASSET = AppriseAsset(
    app_id="arbkit", app_desc="arbkit", app_url="", image_url_mask="", image_url_logo="",
    async_mode=False, storage_mode="memory", secure_logging=True, service_timeout=0,
)  # fmt: skip
_TITLE_ROOM = 300
_WAIT_S = 1.0
_MAIL = "apprise.plugins.email"
_PART = re.compile(r"[A-Za-z0-9._%+-]{4,}")
"""A part of an address that is masked wherever it appears: shorter ones are no secrets."""
_REFUSED = re.compile(r"\b(400|401|403|404|410|535|550|553)\b")
"""What services answer where trying again is no help: HTTP's own, and those of mail servers."""
_LONGEST_WHY = 300

_log = logging.getLogger("apprise")
_log.propagate = False
_secrets: set[str] = set()


class AppriseSender(Closing):
    """Implements :class:`~arbkit.alerts.channels.senders.Sender` for an address that apprise knows.

    Raises:
        ConfigError: it knows none of that form.
    """

    def __init__(self, channel: Channel, address: AppriseAddress) -> None:
        url = address.url.get_secret_value()
        _secrets.update(_PART.findall(url), _PART.findall(unquote(url)))
        # It loads every service it knows, with whatever of theirs is deprecated.
        with _reasons(), warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            service = Apprise.instantiate(url, asset=_ASSET)
        if not isinstance(service, NotifyBase):
            remedy = "Look its form up in the documentation of apprise, as mailtos://USER:PASSWORD@HOST?to=ADDRESS"
            raise ConfigError("its address is none that apprise knows", field=f"channel {channel.name}", remedy=remedy)
        # Unless it says otherwise, each waits 5.5 s between two messages; a mail server has a queue of its own.
        is_mail = type(service).__module__.startswith(_MAIL)
        service.request_rate_per_sec = 0 if is_mail else min(_WAIT_S, service.request_rate_per_sec)
        self._format = _format(service)
        self._has_title = service.title_maxlen > 0
        self.longest: int | None = max(1, service.body_maxlen - _TITLE_ROOM)
        self._sending = Apprise(asset=_ASSET)
        self._sending.add(service)

    def send(self, message: Message) -> SendFailure | None:
        """See :meth:`arbkit.alerts.channels.senders.Sender.send`."""
        title = message.title if self._has_title else ""
        with _reasons() as reasons:
            if self._sending.notify(title=title, body=self._body(message), body_format=self._format):
                return None
        why = _masked("; ".join(dict.fromkeys(reasons))) or "the service did not take it"
        return SendFailure(why[:_LONGEST_WHY], is_refusal=_REFUSED.search(why) is not None)

    def close(self) -> None:
        """Nothing is kept open."""

    def _body(self, message: Message) -> str:
        match self._format:
            case NotifyFormat.HTML:
                head, body, between = f"<b>{escape(message.title)}</b>", message.html, "<br>"
            case NotifyFormat.MARKDOWN:
                head, body, between = f"**{escape_markdown(message.title)}**", message.markdown, "  \n"
            case _:
                head, body, between = message.title, message.text, "\n"
        return body if self._has_title else f"{head}{between}{body}"


def _format(service: NotifyBase) -> NotifyFormat:
    """HTML where the service takes it; Markdown only where it takes nothing else: each knows one of its own."""
    for wanted in (NotifyFormat.HTML, NotifyFormat.TEXT):
        if service.resolve_format(wanted) == wanted:
            return wanted
    found: NotifyFormat = service.resolve_format(NotifyFormat.MARKDOWN)
    return found


def _masked(text: str) -> str:
    """What a service said, without any part of any address."""
    text = " ".join(text.split())
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


# What threads of apprise's own log belongs to whoever they send for: they have his context.
_gathered: ContextVar[list[str] | None] = ContextVar("gathered", default=None)


class _Reasons(logging.Handler):
    """Gives what apprise complains about to whoever gathers it."""

    def emit(self, record: logging.LogRecord) -> None:
        found = _gathered.get()
        if found is not None:
            found.append(record.getMessage())


_log.addHandler(_Reasons(logging.WARNING))


@contextmanager
def _reasons() -> Iterator[list[str]]:
    """Gathers what the calls of apprise that are made within complain about, and no others at the same time."""
    found: list[str] = []
    token = _gathered.set(found)
    try:
        yield found
    finally:
        _gathered.reset(token)
