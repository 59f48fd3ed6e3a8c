"""A signed webhook: one POST of JSON a message, which its receiver can check and recognise when it comes again.

Headers: ``Arbkit-Id`` (of the message: the alert's own where it is of one), ``Arbkit-Timestamp`` (Unix seconds) and
``Arbkit-Signature``: ``sha256=`` with the HMAC-SHA256 of timestamp, a full stop and the body, in hexadecimal.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from http import HTTPStatus

import orjson
import requests

from arbkit import __version__
from arbkit.alerts.channels.channel_tables import WebhookAddress
from arbkit.alerts.channels.message import Message
from arbkit.alerts.channels.senders import SendFailure
from arbkit.core.closing import Closing
from arbkit.core.service.bounded_http import AnswerTooLargeError, BoundedSession

_TIMEOUTS_S = (5.0, 10.0, 20.0)
_MOST_BYTES = 1 << 20
"""Of an answer, of which only the status counts."""
_MAY_PASS = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class WebhookSender(Closing):
    """Implements :class:`~arbkit.alerts.channels.senders.Sender` for a webhook of the user's own."""

    longest: int | None = None

    def __init__(self, address: WebhookAddress) -> None:
        self._url = address.url.get_secret_value()
        self._secret = address.secret.get_secret_value().encode()
        headers = {"User-Agent": f"arbkit/{__version__}", "Content-Type": "application/json"}
        self._session = BoundedSession(headers, use_proxies=True, timeouts_s=_TIMEOUTS_S, most_bytes=_MOST_BYTES)

    def send(self, message: Message) -> SendFailure | None:
        """See :meth:`arbkit.alerts.channels.senders.Sender.send`."""
        body = orjson.dumps({**message.document, "id": message.id})
        timestamp = str(int(time.time()))
        headers = {
            "Arbkit-Id": message.id,
            "Arbkit-Timestamp": timestamp,
            "Arbkit-Signature": f"sha256={signature(self._secret, timestamp, body)}",
        }
        try:
            status = self._session.post(self._url, body, headers).status
        # What these say names the address, which may hold a secret.
        except AnswerTooLargeError:
            return SendFailure("answers with more than a megabyte", is_refusal=True)
        except requests.Timeout:
            return SendFailure("no answer in time")
        except requests.exceptions.SSLError:
            return SendFailure("its certificate is not trusted")
        except requests.ConnectionError:
            return SendFailure("cannot be reached")
        except (requests.RequestException, ValueError) as error:
            return SendFailure(f"cannot be sent to: {type(error).__name__}", is_refusal=True)
        if status < HTTPStatus.MULTIPLE_CHOICES:
            return None
        if status < HTTPStatus.BAD_REQUEST:
            return SendFailure(f"answers with a redirect ({status}), which is not followed", is_refusal=True)
        return SendFailure(f"answers with {status}", is_refusal=status < 500 and status not in _MAY_PASS)

    def close(self) -> None:
        """Give up the connection."""
        self._session.close()


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """The HMAC-SHA256 over ``timestamp``, a full stop and ``body``, in hexadecimal."""
    return hmac.new(secret, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
