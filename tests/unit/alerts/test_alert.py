"""The message of an alert, as others read it."""

from __future__ import annotations

import orjson
import pytest

from arbkit.alerts.alert import Alert, read_alert
from arbkit.alerts.evaluation import decide
from arbkit.alerts.rules import Rule
from arbkit.core.errors import BadRecordError
from arbkit.store.routes import RouteChange
from tests.helpers.factories import opportunity


def alert() -> Alert:
    decision = decide((Rule(name="r"),), RouteChange("r", 1, opportunity(), None), now=1.0)
    assert decision is not None
    (found,) = decision.alerts
    return found


def test_a_message_has_the_fields_of_the_contract_and_is_read_as_it_was_written() -> None:
    document = alert().to_dict()
    assert list(document) == [
        "v", "id", "type", "at", "expires_at", "asin", "source", "target", "rule", "why", "priority", "opportunity",
    ]  # fmt: skip
    assert document["v"] == 2
    route = document["opportunity"]
    assert isinstance(route, dict)
    assert (route["profit_low"], route["fees"], "components" in route) == (None, 13.99, False)
    notice = alert().notice()
    assert (notice.id, notice.topic, notice.key) == (document["id"], "arbitrage.alerts", "B000000001")
    assert read_alert(notice.value) == alert()


def test_fields_of_a_newer_arbkit_are_left_out() -> None:
    document = alert().to_dict()
    route = document["opportunity"]
    assert isinstance(route, dict)
    newer = {**document, "mood": "good", "opportunity": {**route, "luck": 7}}
    assert Alert.from_dict(newer) == alert()


def test_an_alert_of_the_first_version_is_none_to_be_sent() -> None:
    assert read_alert(orjson.dumps({"v": 1, "id": "x", "reason": "new_opportunity"})) is None


@pytest.mark.parametrize("value", [b"", b"[]", b"{}", b'{"v": 3}', b'{"v": 2}', b'{"v": 2, "opportunity": 5}', b"\xff"])
def test_what_is_no_alert_is_refused_in_words(value: bytes) -> None:
    with pytest.raises(BadRecordError):
        read_alert(value)
