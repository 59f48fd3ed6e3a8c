"""What must follow a change of the store: from its outbox to the stream, at least once, each under one id.

The store keeps a notice in the write of the change itself. Killed anywhere, the next sender goes on with what is not
marked: a notice may be published twice, with the same id, and is never lost.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from arbkit.core.errors import MessageTooLargeError, StreamError
from arbkit.store import Notice, Store
from arbkit.stream import Record, Stream

logger = logging.getLogger(__name__)

_AT_ONCE = 500


def send_notices(store: Store, stream: Stream) -> int:
    """Publish what the outbox holds, the oldest first, and mark it as sent; how many notices that were.

    Raises:
        StreamError: some could not be published; they stay in the outbox.
        StoreError: the outbox cannot be read, or what was published cannot be marked and is sent again.
    """
    sent: set[str] = set()
    while waiting := [notice for notice in store.unsent(_AT_ONCE) if notice.id not in sent]:
        for topic in dict.fromkeys(notice.topic for notice in waiting):
            _publish(stream, topic, [notice for notice in waiting if notice.topic == topic])
        store.mark_sent(waiting)
        sent.update(notice.id for notice in waiting)
    return len(sent)


def _publish(stream: Stream, topic: str, notices: Sequence[Notice]) -> None:
    try:
        stream.publish(topic, [Record(notice.key, notice.value) for notice in notices])
    except MessageTooLargeError as error:
        # It would hold up all that come after it, and no later try can help.
        logger.error("notices that the log never takes are given up: %s", error)
        if not error.rest_published:
            rest = [notice for index, notice in enumerate(notices) if index not in error.sizes]
            stream.publish(topic, [Record(notice.key, notice.value) for notice in rest])
    except StreamError as error:
        why = f"the changes are stored, but what follows from them is not announced yet: {error.what}"
        remedy = "Nothing is lost: it is kept in the store and sent as soon as the log can be written"
        raise StreamError(why, remedy=f"{error.remedy}. {remedy}" if error.remedy else remedy) from error
