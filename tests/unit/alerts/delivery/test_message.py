"""A message has what one acts on, and a stranger's title is text in it and nothing else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import orjson
import pytest
import requests

from arbkit.alerts.alert import Alert
from arbkit.alerts.channels.apprise_sender import AppriseSender
from arbkit.alerts.channels.channel_tables import AppriseAddress, Channel
from arbkit.alerts.channels.message import Message, Shown, compose, inert
from arbkit.core.settings import Settings
from tests.helpers.delivery import alert
from tests.helpers.factories import opportunity

PAGES = "http://127.0.0.1:8866/voila/render/product.ipynb"
HOSTILE = [
    "<script>alert(1)</script><b>bold</b> & more",
    "@everyone @here <!channel> <@U123> <#C1|x>",
    "[free money](https://evil.example/x) ![i](http://evil.example/i.png)",
    "line\r\nBcc: victim@example.org\r\n\r\nbody",
    "*bold* _it_ ~~s~~ ||spoiler|| `code` # head > quote",
    "javascript:alert(1) data:text/html,x tg://resolve?domain=x www.evil.example",
    "\x1b[31mred\x1b[0m \u202egnp.exe \u200b \x00",
    "=cmd|'/c calc'!A1",
]


def route(title: str = "Acme Kettle 3000", **fields: Any) -> Alert:
    now = time.time()
    o = opportunity(
        "B000000001", title=title, profit=12.4, profit_low=10.1, profit_high=14.7, max_buy=48.2, data_at=int(now) - 720,
        evaluated_at=now, warnings=({"code": "x", "text": "two sellers only"},),
    )  # fmt: skip
    return alert(1, route=o, **fields)


def composed(*alerts: Alert, **options: Any) -> Message:
    return compose([Shown.as_made(one, time.time()) for one in alerts], pages=PAGES, **options)


def test_it_shows_what_one_decides_by() -> None:
    message = composed(route())
    assert message.title == "New opportunity: +12.40 EUR (31.5 % ROI) IT → DE Acme Kettle 3000"
    assert message.text.splitlines() == [
        "Product: Acme Kettle 3000 (B000000001)",
        "Buy: 40.00 EUR on Amazon IT https://www.amazon.it/dp/B000000001",
        "Sell: 69.99 EUR on Amazon DE https://www.amazon.de/dp/B000000001",
        "Profit: 10.10 to 14.70 EUR, likely 12.40, ROI 31.5 %, margin 18.3 %",
        "Data: prices 12 min old, confidence 0.90",
        "Max cost: 48.20 EUR for your target ROI",
        "Note: two sellers only",
        "Why: the low end of its profit is 12.40 EUR",
        f"Page: all routes and fees {PAGES}?asin=B000000001",
        "Alert: a1",
    ]
    assert (message.id, message.alert_ids) == ("a1", ("a1",))
    assert composed(route(), is_test=True).title.startswith("TEST: ")


def test_it_says_what_the_profit_may_be_once_it_is_sold() -> None:
    now = time.time()
    known = opportunity(
        "B000000001", profit_chance_pct=82.4, profit_p10=-1.2, profit_p90=9.8, expected_profit=4.1,
        expected_profit_per_day_pct=0.31, data_at=int(now), evaluated_at=now,
    )  # fmt: skip
    said = "Forecast: sold at a profit with 82 %: −1.20 to 9.80 EUR, expected 4.10 or 0.31 % of capital a day"
    assert said in composed(alert(1, route=known)).text.splitlines()
    unknown = opportunity("B000000001", forecast_unknown="no history", data_at=int(now), evaluated_at=now)
    assert "Forecast: unknown: no history" in composed(alert(1, route=unknown)).text
    assert "Forecast" not in composed(route()).text


def test_of_several_routes_of_a_product_the_best_is_whole_and_the_others_are_short() -> None:
    now = time.time()
    worse = opportunity(
        "B000000001", target="FR", title="Acme Kettle 3000", profit=7.0, data_at=int(now), evaluated_at=now
    )
    message = composed(route(), alert(2, route=worse, asin="B000000001", target="FR"))
    assert message.title == "2 alerts of Acme Kettle 3000, the best +12.40 EUR"
    first, second = message.text.split("\n\n")
    assert "Page: all routes and fees" in first
    assert second.splitlines() == [
        f"New opportunity: +7.00 EUR ({worse.roi_pct:.1f} % ROI) IT → FR",
        "Why: the low end of its profit is 7.00 EUR",
        "Alert: a2",
    ]
    assert message.alert_ids == ("a1", "a2")
    alerts: Any = message.document["alerts"]
    assert [one["id"] for one in alerts] == ["a1", "a2"]


def test_the_age_of_prices_is_that_of_now() -> None:
    one = route()
    later = compose([Shown.as_made(one, one.at + 3 * 3600)], pages=None)
    assert "prices 3 h old" in later.text
    assert "Page:" not in later.text


def test_a_digest_has_the_best_first_and_what_fits() -> None:
    many = composed(*(alert(n) for n in (5, 4, 3, 2, 1)), longest=1_200)
    assert 1 < len(many.alert_ids) < 5
    assert many.alert_ids == tuple(f"a{n}" for n in (5, 4, 3, 2, 1))[: len(many.alert_ids)]
    assert max(len(many.text), len(many.html), len(many.markdown)) <= 1_200
    assert len(many.document["alerts"]) == len(many.alert_ids)  # type: ignore[arg-type]
    assert composed(alert(2), alert(1)).id == composed(alert(2), alert(1)).id != "a2"


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_title_is_one_line_of_text(title: str) -> None:
    shown = inert(title)
    assert not set(shown) & set("<>@`\r\n\x1b\x00\u202e\u200b")
    assert "://" not in shown
    assert "javascript:a" not in shown
    message = composed(route(title))
    lines = message.text.splitlines()
    assert len(lines) == 10
    assert lines[0] == f"Product: {shown} (B000000001)"
    # What the HTML shows is the text, and its only links are ours.
    tree = ElementTree.fromstring(f"<m>{message.html.replace('<br>', '<br/>')}</m>")  # noqa: S314 - ours
    assert {element.tag for element in tree.iter()} == {"m", "br", "a"}
    assert "".join(tree.itertext()).startswith(lines[0])
    links = {urlsplit(element.attrib["href"]).hostname for element in tree.iter("a")}
    assert links == {"www.amazon.it", "www.amazon.de", "127.0.0.1"}
    assert message.markdown.count("](") == 3
    (whole,) = orjson.loads(orjson.dumps(message.document))["alerts"]
    assert whole["opportunity"]["title"] == title


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Mapping[str, Any]]]:
    """What apprise would have sent: address and content."""
    calls: list[tuple[str, Mapping[str, Any]]] = []

    def request(self: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
        data = options.get("json") or options["data"]
        calls.append((url, orjson.loads(data) if isinstance(data, str | bytes) else data))
        answer = requests.Response()
        answer.status_code = 200
        answer._content = b'{"ok": true, "result": []}'
        return answer

    monkeypatch.setattr(requests.Session, "request", request)
    return calls


def sender(url: str, settings: Settings) -> AppriseSender:
    address = AppriseAddress(settings.token.__class__(url))
    return AppriseSender(Channel("test", address), address)


@pytest.mark.parametrize("title", ["Acme Kettle 3000", HOSTILE[0], HOSTILE[1]])
def test_telegram_shows_a_message_one_would_act_on(
    title: str, settings: Settings, posted: list[tuple[str, Mapping[str, Any]]]
) -> None:
    one = sender("tgram://123456789:abcdefg_hijklmnopqrstuvwxyz123456/12345", settings)
    assert one.send(composed(route(title))) is None
    ((url, said),) = posted
    assert urlsplit(url).path.endswith("/sendMessage")
    assert (said["parse_mode"], str(said["chat_id"])) == ("HTML", "12345")
    tree = ElementTree.fromstring(f"<m>{said['text']}</m>")  # noqa: S314 - ours
    assert [element.tag for element in tree] == ["b", "a", "a", "a"]
    lines = "".join(tree.itertext()).splitlines()
    assert lines[0] == f"New opportunity: +12.40 EUR (31.5 % ROI) IT → DE {inert(title)}"
    assert lines[2].strip() == "Buy: 40.00 EUR on Amazon IT"
    assert [parse_qs(urlsplit(a.attrib["href"]).query) or a.attrib["href"] for a in tree.iter("a")] == [
        "https://www.amazon.it/dp/B000000001", "https://www.amazon.de/dp/B000000001", {"asin": ["B000000001"]},
    ]  # fmt: skip
    assert len(said["text"]) < 4_096


def test_discord_and_slack_mention_nobody(settings: Settings, posted: list[tuple[str, Mapping[str, Any]]]) -> None:
    for url in (
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general",
    ):
        sender(url, settings).send(composed(route(HOSTILE[1])))
    said = orjson.dumps([content for _, content in posted]).decode()
    assert len(posted) == 2
    for mention in ("@everyone", "@here", "<!channel>", "<@U123>"):
        assert mention not in said
