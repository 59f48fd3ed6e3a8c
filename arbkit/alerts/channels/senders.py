"""Sending one message: a sender for each kind of address, chosen by the channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from arbkit.alerts.channels.channel_tables import Channel, WebhookAddress
from arbkit.alerts.channels.message import Message
from arbkit.core.closing import Closing


@dataclass(frozen=True, slots=True)
class SendFailure:
    """Why a message was not taken, without any secret; ``is_refusal``: it was seen and refused: waiting is no help."""

    why: str
    is_refusal: bool = False


class Sender(Closing, Protocol):
    """Sends messages to one address. A context manager, for one thread."""

    longest: int | None
    """Characters that a message may have; None: any number."""

    def send(self, message: Message) -> SendFailure | None:
        """Send it, within a minute; None if it was taken."""
        ...


def open_sender(channel: Channel) -> Sender:
    """The sender of a channel.

    Raises:
        ConfigError: its address is none that anything can be sent to.
    """
    if isinstance(channel.address, WebhookAddress):
        from arbkit.alerts.channels.webhook import WebhookSender

        return WebhookSender(channel.address)
    # It loads a hundred services: only for who uses one.
    from arbkit.alerts.channels.apprise_sender import AppriseSender

    return AppriseSender(channel, channel.address)
