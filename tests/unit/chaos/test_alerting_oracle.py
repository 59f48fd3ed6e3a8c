"""The oracle of alerts sees what it is there for: each fault is planted, and named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from arbkit.alerts.rules_file import load_rules
from arbkit.core.settings import Settings
from tests.chaos.alerting.oracle import RULES, Alert, Arrivals, Route, asked_for, differences, rules_text
from tests.chaos.alerting.prices import Prices

NAME = "B000000001:IT:DE"
GONE = Route(False, 45.0, -1.0, -3.0, 0.2)
BETWEEN = Route(True, 65.0, 8.0, 22.0, 0.3)
WORTH_IT = Route(True, 72.0, 12.0, 35.0, 0.3)
LARGE = Route(True, 95.0, 28.0, 84.0, 0.3)


def rounds(*routes: Route | None) -> list[dict[str, Route]]:
    """These, one a round; the price says which."""
    return [
        {} if route is None else {NAME: replace(route, sell_price=route.sell_price + n / 100)}
        for n, route in enumerate(routes, 1)
    ]


ROUNDS = rounds(WORTH_IT, BETWEEN, LARGE, None, LARGE)


def document(alert: Alert, number: int) -> dict[str, Any]:
    asin, source, target = alert.route.split(":")
    route = next(o for stored in ROUNDS for o in stored.values() if o.sell_price == alert.sell_price)
    figures = {
        "status": "opportunity", "sell_price": route.sell_price, "profit": route.profit_low + 1,
        "profit_low": route.profit_low, "roi_pct": route.roi_pct, "confidence": route.confidence,
    }  # fmt: skip
    given = {"id": f"a{number}", "rule": alert.rule, "type": alert.type}
    return {**given, "asin": asin, "source": source, "target": target, "opportunity": figures}


@dataclass
class Came:
    """All that must come; a test changes one thing of it."""

    log: list[dict[str, Any]] = field(default_factory=list)
    hook: list[dict[str, Any]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    mail: list[str] = field(default_factory=list)
    unsigned: int = 0
    unsent: Mapping[str, str] = field(default_factory=dict)

    def named(self) -> set[str]:
        """The faults that the oracle finds, without their examples."""
        came = Arrivals(self.log, self.hook, self.headers, self.mail, self.unsigned, self.unsent)
        return {line.partition(":")[0] for line in differences(ROUNDS, came)}


@pytest.fixture
def came() -> Came:
    alerts = [document(alert, n) for n, alert in enumerate(sorted(asked_for(ROUNDS)))]
    # Each has come twice to the webhook, the first also by mail.
    twice = [*alerts, *alerts]
    ids = [one["id"] for one in alerts]
    return Came(alerts, twice, [one["id"] for one in twice], [ids[0], *ids])


def test_a_rule_asks_when_a_route_begins_to_meet_it_and_when_it_ends() -> None:
    assert asked_for(ROUNDS) == {
        Alert(NAME, "worth-it", "new_opportunity", 72.01),
        Alert(NAME, "large", "new_opportunity", 95.03),
        Alert(NAME, "worth-it", "ended", 95.03),
        Alert(NAME, "worth-it", "new_opportunity", 95.05),
        Alert(NAME, "large", "new_opportunity", 95.05),
    }
    assert asked_for(rounds(GONE, BETWEEN, GONE)) == set()
    # An end says what the route has become.
    ended = Alert(NAME, "worth-it", "ended", 45.02)
    assert ended in asked_for(rounds(WORTH_IT, GONE))


def test_what_comes_again_under_its_id_is_as_it_must_be(came: Came) -> None:
    assert came.named() == set()


def test_it_sees_an_id_that_changes_when_an_alert_is_made_again(came: Came) -> None:
    came.log.append({**came.log[0], "id": "another"})
    assert came.named() == {"several ids of one alert"}


def test_it_sees_an_id_that_changes_when_an_alert_is_sent_again(came: Came) -> None:
    came.hook[-1] = {**came.hook[-1], "id": "another"}
    came.headers[-1] = "another"
    came.mail.append("a third")
    assert came.named() == {"several ids of one alert", "mail of an id that is nowhere else"}


def test_it_sees_two_alerts_of_one_id(came: Came) -> None:
    came.log[1]["id"] = came.log[0]["id"]
    assert "one id of several" in came.named()


def test_it_sees_an_alert_lost_between_store_and_log(came: Came) -> None:
    lost = came.log.pop()["id"]
    kept = [one for one in came.hook if one["id"] != lost]
    came.hook, came.headers = kept, [one["id"] for one in kept]
    came.mail = [one for one in came.mail if one != lost]
    assert came.named() == {"missing on the log", "missing at the webhook", "missing by mail"}


def test_it_sees_an_alert_that_one_channel_lost(came: Came) -> None:
    came.mail.remove(came.log[-1]["id"])
    assert came.named() == {"missing by mail"}


def _thin(one: dict[str, Any]) -> None:
    one["opportunity"]["profit_low"] = 9.99


def _little(one: dict[str, Any]) -> None:
    one["opportunity"]["roi_pct"] = 14.9


def _doubtful(one: dict[str, Any]) -> None:
    one["opportunity"]["confidence"] = 0.05


def _none(one: dict[str, Any]) -> None:
    one["opportunity"]["status"] = "unprofitable"


@pytest.mark.parametrize("spoil", [_thin, _little, _doubtful, _none])
def test_it_sees_an_alert_below_its_rule(came: Came, spoil: Callable[[dict[str, Any]], None]) -> None:
    spoil(next(one for one in came.log if (one["rule"], one["type"]) == ("worth-it", "new_opportunity")))
    assert came.named() == {"below its rule"}


def test_it_sees_an_alert_that_no_rule_asks_for(came: Came) -> None:
    # The profit of the second round is too little to begin with.
    came.log.append(document(Alert(NAME, "worth-it", "new_opportunity", 65.02), 9))
    assert came.named() == {"not asked for on the log", "below its rule"}


def test_it_sees_what_the_webhook_could_not_trust_and_what_the_history_denies(came: Came) -> None:
    came.headers[0] = "another"
    came.unsigned = 1
    came.unsent = {"a0": "pending"}
    assert came.named() == {"another id in the header", "webhook", "not sent everywhere"}


def test_the_file_has_the_rules_that_the_oracle_reads(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "alerts.toml"
    file.write_text(rules_text())
    loaded = load_rules(settings.model_copy(update={"alerts": file}))
    assert not loaded.bad
    for mine, rule in zip(RULES, loaded.rules, strict=True):
        assert (rule.name, rule.min_profit, rule.clears_at) == (mine.name, mine.min_profit, mine.clears_at)
        assert (rule.min_roi, rule.min_confidence, rule.cool_down_hours) == (mine.min_roi, mine.min_confidence, 0)


def test_prices_follow_from_the_seed_and_name_their_round() -> None:
    prices = Prices(1, 50, 7_000_000)
    assert prices.round(3) == Prices(1, 50, 7_000_000).round(3)
    assert {record.key for record in prices.round(3)} == {record.key for record in prices.bought()}
    assert prices.round(2) != prices.round(3)
