"""Keepa as a source, against a service that answers well and badly."""

from __future__ import annotations

import inspect
import logging
import socket
import threading
import traceback
from pathlib import Path
from typing import Any

import keepa
import orjson
import pytest

from arbkit.core.errors import ConfigError, KeepaError, KeepaKeyError, KeepaTokensError
from arbkit.core.settings import Settings
from arbkit.sources.keepa_api.client import KeepaSource
from arbkit.sources.keepa_api.http_client import KeepaClient
from arbkit.sources.keepa_api.token_budget import Tokens, read_tokens, write_tokens
from tests.helpers.keepa_stub import TOKENS, Answer, Asked, Reply, product, products, stub, tokens, used_up, well

KEY = "a-very-secret-key-0123456789"
ASINS = ("B000000001", "B000000002", "B000000003")


def settings(url: str, **more: Any) -> Settings:
    return Settings.load(_env_file=None, keepa_api_key=KEY, keepa_url=url, **more)


def source(url: str, **more: Any) -> KeepaSource:
    """A source that does not wait long."""
    quick = {"attempts": 4, "longest_wait_s": 0.01, **more}
    return KeepaSource(settings(url), **quick)


def first(bad: Reply, times: int = 1) -> Answer:
    """A service whose first product answers are bad."""
    return lambda asked, before: bad if asked.name == "product" and before < times else well(asked, before)


def always(reply: Reply) -> Answer:
    return lambda asked, before: reply if asked.name == "product" else well(asked, before)


def test_the_hook_that_the_keepa_package_talks_through_is_still_there() -> None:
    """arbkit overrides a private method of the package: whoever raises its upper pin sees here what has changed."""
    theirs = inspect.signature(keepa.Keepa._request)
    assert [(p.name, p.default) for p in theirs.parameters.values()] == [
        ("self", inspect.Parameter.empty),
        ("request_type", inspect.Parameter.empty),
        ("payload", inspect.Parameter.empty),
        ("wait", True),
        ("raw_response", False),
        ("is_json", True),
    ]
    assert list(theirs.parameters) == list(inspect.signature(KeepaClient._request).parameters)
    assert "self._request(" in inspect.getsource(keepa.Keepa)
    assert {"status", "tokens_left", "_timeout"} <= vars(keepa.Keepa("key", logging_level="WARNING")).keys()


def test_product_objects_arrive_untouched_over_one_connection() -> None:
    thing = product("B000000001", buyBoxPrice=-2, stats={"current": [-1, 1.5]}, csv=None, unicode="✜ é")

    def answer(asked: Asked, before: int) -> Reply:
        return tokens() if asked.name == "token" else Reply(body={**TOKENS, "products": [thing]})

    with stub(answer) as service, source(service.url) as keepa:
        for _ in range(3):
            batch = keepa.fetch("DE", ["B000000001"], buybox=True)
            assert batch.products == [thing]
            assert batch.missing == ()
        assert service.connections == 1


@pytest.mark.parametrize(("market", "domain"), [("UK", "2"), ("DE", "3"), ("FR", "4"), ("IT", "8"), ("ES", "9")])
def test_a_request_asks_for_history_statistics_and_the_market(market: str, domain: str) -> None:
    with stub() as service, source(service.url) as keepa:
        keepa.fetch(market, ASINS, buybox=True)
    asked = service.asked[-1]
    wanted = {"domain": domain, "stats": "90", "history": "1", "buybox": "1", "key": KEY}
    assert asked.query.items() >= wanted.items()
    assert sorted(asked.asins) == list(ASINS)
    assert "offers" not in asked.query
    assert asked.headers["accept-encoding"] == "gzip"


def test_without_buy_box_data_a_request_costs_less() -> None:
    with stub() as service, source(service.url) as keepa:
        keepa.fetch("DE", ASINS, buybox=False)
    assert service.asked[-1].query["buybox"] == "0"


def test_an_unknown_product_is_handed_on_as_it_is() -> None:
    unknown = {"asin": "B000000001", "domainId": 3, "title": None, "csv": None}
    reply = Reply(body={**TOKENS, "products": [unknown]})
    with stub(always(reply)) as service, source(service.url) as keepa:
        assert keepa.fetch("DE", ["B000000001"], buybox=True).products == [unknown]


def test_the_tokens_are_told_and_asking_for_them_costs_nothing() -> None:
    with stub() as service, source(service.url) as keepa:
        assert keepa.state is None
        heard = keepa.tokens()
        assert (heard.left, heard.refill_rate, heard.refill_in_s, heard.origin) == (300, 5, 42.0, "keepa")
        then = keepa.fetch("DE", ASINS, buybox=True).tokens
        assert then is not None
        assert then.consumed == 3
        assert [a.name for a in service.asked] == ["token", "product"]


@pytest.mark.parametrize(("left", "wait_s"), [(1, 0), (0, 40), (-4, 40), (-5, 100), (-299, 40 + 59 * 60)])
def test_the_wait_for_tokens_counts_the_refills_that_are_needed(left: int, wait_s: float) -> None:
    state = Tokens(left=left, refill_rate=5, refill_in_s=42, at=1000, consumed=0, origin="keepa")
    assert state.wait_s(1002) == pytest.approx(wait_s)


def test_used_up_tokens_are_one_signal_with_the_wait() -> None:
    with stub(always(used_up(refill_in_ms=30_000))) as service, source(service.url) as keepa:
        with pytest.raises(KeepaTokensError) as caught:
            keepa.fetch("DE", ASINS, buybox=True)
        assert service.count("product") == 1
        assert keepa.state is not None
        assert keepa.state.left == 0
    assert caught.value.wait_s == pytest.approx(30, abs=1)


@pytest.mark.parametrize(("reply", "wait_s"), [(Reply(429, b"<html>", {"Retry-After": "7"}), 7), (Reply(429, b""), 60)])
def test_a_429_that_says_little_is_a_signal_too(reply: Reply, wait_s: float) -> None:
    with stub(lambda asked, before: reply) as service, source(service.url) as keepa:
        with pytest.raises(KeepaTokensError) as caught:
            keepa.tokens()
        assert len(service.asked) == 1
    assert caught.value.wait_s == wait_s


@pytest.mark.parametrize(
    "bad",
    [
        Reply(500, {"error": {"message": "boom"}}),
        Reply(503, b"<html>busy</html>"),
        Reply(200, b'{"products": ['),
        Reply(200, b""),
        Reply(200, [1]),
        Reply(200, {**TOKENS, "products": None}),
        Reply(200, b"no gzip", {"Content-Encoding": "gzip"}),
    ],
    ids=["500", "503", "truncated", "empty", "list", "no products", "garbled"],
)
def test_what_may_pass_is_asked_again(bad: Reply) -> None:
    with stub(first(bad, times=2)) as service, source(service.url) as keepa:
        assert len(keepa.fetch("DE", ASINS, buybox=True).products) == 3
        assert service.count("product") == 3


def test_retries_have_an_end_and_a_remedy() -> None:
    with stub(always(Reply(500, {}))) as service, source(service.url) as keepa:
        with pytest.raises(KeepaError, match="failed with status 500") as caught:
            keepa.fetch("DE", ASINS, buybox=True)
        assert service.count("product") == 4
    assert caught.value.status == 500
    assert caught.value.remedy


def held_once(let_go: threading.Event) -> Answer:
    """A service that keeps its first answer with products until it is let go."""

    def answer(asked: Asked, before: int) -> Reply:
        if asked.name == "product" and before == 0:
            let_go.wait(60)
        return well(asked, before)

    return answer


def test_a_time_out_is_asked_again() -> None:
    let_go = threading.Event()
    with stub(held_once(let_go)) as service, source(service.url, read_timeout_s=0.2) as keepa:
        assert len(keepa.fetch("DE", ASINS, buybox=True).products) == 3
        let_go.set()


def test_a_service_that_is_not_there_is_an_error_with_remedy() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with source(url) as keepa, pytest.raises(KeepaError, match="refused") as caught:
            keepa.fetch("DE", ASINS, buybox=True)
    assert "ARBKIT_KEEPA_URL" in str(caught.value)
    assert KEY not in _everything(caught.value)


def test_the_demo_market_that_is_not_there_names_the_command(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        demo = Settings.load(_env_file=None, keepa_url=f"http://127.0.0.1:{free.getsockname()[1]}")
        with KeepaSource(demo, attempts=1) as keepa, pytest.raises(KeepaError, match="arbkit demo"):
            keepa.tokens()


@pytest.mark.parametrize("url", ["nonsense", "ftp://example", "http://[", "http://", "http://.example"])
def test_an_address_that_is_none_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError, match="ARBKIT_KEEPA_URL"), source(url) as keepa:
        keepa.tokens()


@pytest.mark.parametrize("status", [400, 401, 402, 403])
def test_a_wrong_key_is_asked_once_and_never_shown(status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told = Reply(status, {"error": {"type": "REQUEST_REJECTED", "message": f"API key {KEY} is unknown"}})
    with stub(lambda asked, before: told) as service, source(service.url) as keepa:
        with pytest.raises(KeepaKeyError) as caught:
            keepa.fetch("DE", ASINS, buybox=True)
        assert len(service.asked) == 1
    assert caught.value.field == "KEEPA_API_KEY"
    assert caught.value.exit_code == 3
    assert KEY not in _everything(caught.value) + caplog.text
    assert KEY[-6:] not in caplog.text


@pytest.mark.parametrize("status", [400, 401, 402, 403])
@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"<html>Just a moment: checking your browser</html>",
        {},
        [],
        {"error": "Forbidden"},
        {"error": {}},
        {"error": {"message": None}},
        {"error": {"message": ["key"]}},
        {"message": "API key"},
    ],
    ids=str,
)
def test_only_the_service_itself_can_say_that_the_key_is_wrong(status: int, said: object) -> None:
    with stub(first(Reply(status, said), times=2)) as service, source(service.url) as keepa:
        assert len(keepa.fetch("DE", ASINS, buybox=True).products) == 3
        assert service.count("product") == 3
    with stub(always(Reply(status, said))) as service, source(service.url) as keepa:
        with pytest.raises(KeepaError, match="not a word of the service's own") as caught:
            keepa.fetch("DE", ASINS, buybox=True)
        assert not isinstance(caught.value, KeepaKeyError)


ODD: tuple[object, ...] = (None, [], [1], {}, {"a": 1}, True, -1, 0, 7.5, "", "x", "\x00", [[[]]])


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_an_object_with_an_odd_asin_costs_no_other(odd: object) -> None:
    def answer(asked: Asked, before: int) -> Reply:
        if asked.name == "token":
            return tokens()
        good = [product(a, 3) for a in asked.asins[1:]]
        return Reply(body={**TOKENS, "products": [{**product("x"), "asin": odd}, odd, *good]})

    with stub(answer) as service, source(service.url) as keepa:
        batch = keepa.fetch("DE", ASINS, buybox=True)
    assert {p["asin"] for p in batch.products} | set(batch.missing) == set(ASINS)
    assert len(batch.products) == 2


@pytest.mark.parametrize("name", ["tokensLeft", "refillIn", "refillRate", "tokensConsumed", "error", "timestamp"])
@pytest.mark.parametrize(
    "odd", [*ODD, "Infinity", "NaN", 1e308, -1e308, 2**63, 10**40, "1" * 5000], ids=lambda v: repr(v)[:12]
)
def test_odd_news_of_the_tokens_costs_no_product(name: str, odd: object) -> None:
    def answer(asked: Asked, before: int) -> Reply:
        return tokens() if asked.name == "token" else Reply(body={**products(asked).body, name: odd})

    with stub(answer) as service, source(service.url) as keepa:
        keepa.tokens()
        batch = keepa.fetch("DE", ASINS, buybox=True)
        assert service.count("product") == 1
        assert len(batch.products) == 3
        assert batch.tokens is None or batch.tokens.wait_s(batch.fetched_at) < 86_400 * 60
        assert keepa.state is not None


@pytest.mark.parametrize(
    "refill", ["1e400", "-1e400", "NaN", '"soon"', "[]", "{}", "null", "true", "99999999999999999999"]
)
def test_a_429_with_odd_news_of_the_tokens_is_a_signal_all_the_same(refill: str) -> None:
    odd = b'{"tokensLeft": -5, "refillRate": 5, "refillIn": ' + refill.encode() + b"}"
    with stub(always(Reply(429, odd))) as service, source(service.url) as keepa:
        with pytest.raises(KeepaTokensError) as caught:
            keepa.fetch("DE", ASINS, buybox=True)
        assert 1 <= caught.value.wait_s < 86_400 * 60


@pytest.mark.parametrize("odd", [b"NaN", b"-Infinity", b'"\\ud800"', b'"\xe9"', b'"\xff\xfe"'], ids=repr)
def test_a_value_that_json_does_not_allow_costs_no_product(odd: bytes) -> None:
    def answer(asked: Asked, before: int) -> Reply:
        if asked.name == "token":
            return tokens()
        text = orjson.dumps({**TOKENS, "products": [product(a, title="ODD") for a in asked.asins]})
        return Reply(body=text.replace(b'"ODD"', odd, 1))

    with stub(answer) as service, source(service.url) as keepa:
        batch = keepa.fetch("DE", ASINS, buybox=True)
        assert service.count("product") == 1
    assert [p["title"] for p in batch.products][1:] == ["ODD", "ODD"]
    orjson.dumps(batch.products)


def test_what_the_service_says_of_itself_is_cut_to_a_line() -> None:
    told = Reply(400, {"error": {"type": "x" * 100_000, "message": "y" * 100_000}})
    with stub(always(told)) as service, source(service.url) as keepa, pytest.raises(KeepaError) as caught:
        keepa.fetch("DE", ASINS, buybox=True)
    assert len(str(caught.value)) < 1_000


def test_an_answer_beyond_every_size_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arbkit.sources.keepa_api.http_client.MAX_ANSWER", 2 << 20)

    def answer(asked: Asked, before: int) -> Reply:
        if asked.name == "token":
            return tokens()
        # Ten thousand times smaller on the way.
        return Reply(body={**TOKENS, "products": [product(a, filler=" " * (1 << 20)) for a in asked.asins]})

    with stub(answer) as service, source(service.url) as keepa:
        with pytest.raises(KeepaError, match="larger than 2 MiB"):
            keepa.fetch("DE", ASINS, buybox=True)
        assert service.count("product") == 1
        assert len(keepa.fetch("DE", ASINS[:1], buybox=True).products) == 1


def test_a_request_that_never_ends_is_ended_and_made_again() -> None:
    let_go = threading.Event()
    # The time between two bytes does not run out here, the time of the whole does.
    with stub(held_once(let_go)) as service, source(service.url, total_timeout_s=0.5) as keepa:
        assert len(keepa.fetch("DE", ASINS, buybox=True).products) == 3
        assert service.count("product") == 2
        let_go.set()


def test_the_key_is_in_no_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with stub(first(Reply(500, {"error": {"message": KEY}}))) as service, source(service.url) as keepa:
        keepa.fetch("DE", ASINS, buybox=True)
    assert "trying again" in caplog.text
    assert KEY[-6:] not in caplog.text


def test_a_rejected_request_is_not_blamed_on_the_key() -> None:
    told = Reply(400, {**TOKENS, "error": {"type": "invalidParameter", "message": "asin"}})
    with stub(always(told)) as service, source(service.url) as keepa:
        with pytest.raises(KeepaError, match="asin") as caught:
            keepa.fetch("DE", ASINS, buybox=True)
        assert service.count("product") == 1
    assert not isinstance(caught.value, KeepaKeyError)


def test_a_redirect_does_not_take_the_key_elsewhere() -> None:
    with stub() as other:
        away = Reply(302, {}, {"Location": f"{other.url}/token"})
        with (
            stub(lambda asked, before: away) as service,
            source(service.url) as keepa,
            pytest.raises(KeepaError, match="302"),
        ):
            keepa.tokens()
        assert other.asked == []


def test_the_demo_market_never_sees_a_real_key() -> None:
    with stub() as service:
        forced = settings(service.url, demo=True)
        with KeepaSource(forced) as keepa:
            assert keepa.tokens().origin == "demo"
    assert KEY not in str(service.asked)


def test_products_left_out_are_asked_for_again_alone() -> None:
    def answer(asked: Asked, before: int) -> Reply:
        if asked.name == "product" and before == 0:
            return products(asked, but=("B000000002",))
        return well(asked, before)

    with stub(answer) as service, source(service.url) as keepa:
        batch = keepa.fetch("DE", ASINS, buybox=True)
    assert {p["asin"] for p in batch.products} == set(ASINS)
    assert service.asked[-1].asins == ["B000000002"]


def test_products_never_answered_are_reported_as_missing() -> None:
    def answer(asked: Asked, before: int) -> Reply:
        return tokens() if asked.name == "token" else products(asked, but=("B000000002",))

    with stub(answer) as service, source(service.url) as keepa:
        batch = keepa.fetch("DE", ASINS, buybox=True)
        assert service.count("product") == 3
    assert batch.missing == ("B000000002",)
    assert len(batch.products) == 2


@pytest.mark.parametrize("then", [used_up(), Reply(500, {})], ids=["tokens", "outage"])
def test_what_has_arrived_is_kept_when_the_rest_fails(then: Reply) -> None:
    def answer(asked: Asked, before: int) -> Reply:
        if asked.name == "token":
            return tokens()
        return products(asked, but=("B000000002",)) if before == 0 else then

    with stub(answer) as service, source(service.url) as keepa:
        batch = keepa.fetch("DE", ASINS, buybox=True)
        assert service.count("product") == 2
    assert {p["asin"] for p in batch.products} == {"B000000001", "B000000003"}
    assert batch.missing == ()


def test_an_expired_plan_without_refill_is_no_crash() -> None:
    def answer(asked: Asked, before: int) -> Reply:
        return tokens(refillRate=0) if asked.name == "token" else products(asked, refillRate=0)

    with stub(answer) as service, source(service.url) as keepa:
        heard = keepa.fetch("DE", ASINS, buybox=True).tokens
        assert heard is not None
        assert heard.refill_rate == 0


def test_a_stop_ends_the_retries() -> None:
    stop = threading.Event()

    def answer(asked: Asked, before: int) -> Reply:
        stop.set()
        return Reply(500, {})

    with stub(answer) as service, source(service.url, stop=stop, longest_wait_s=3600) as keepa:
        with pytest.raises(KeepaError):
            keepa.tokens()
        assert len(service.asked) == 1


def test_the_tokens_file_carries_the_state_to_other_processes(tmp_path: Path) -> None:
    here = Settings.load(_env_file=None, home=tmp_path / "var")
    assert read_tokens(here) is None
    state = Tokens(left=-3, refill_rate=5, refill_in_s=1.5, at=1e9, consumed=300, origin="demo")
    write_tokens(here, state)
    assert read_tokens(here) == state
    here.tokens_file.write_text("{")
    assert read_tokens(here) is None


def _everything(error: BaseException) -> str:
    """An error as a terminal would show it, causes included."""
    return "".join(traceback.format_exception(error))
