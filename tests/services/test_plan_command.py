"""`arbkit plan` and `arbkit produce --dry-run` as a shell starts them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from arbkit.core.files import sole_process
from arbkit.core.settings import Settings
from arbkit.sources.demo.market import asins
from arbkit.sources.demo.server import DemoServer
from arbkit.sources.keepa_api.token_budget import Tokens, read_tokens, write_tokens
from arbkit.stream import RAW_TOPIC, open_stream
from tests.helpers.processes import arbkit

KEYS = {
    "tokens": {"left", "refill_per_minute"},
    "watchlist": {"products", "tokens_per_day", "age_p50_s", "age_p90_s"},
    "with_double": {"age_p50_s", "value_ratio"},
}
CALL = {"at", "market", "asins", "tokens", "value", "why"}
FEW = 12


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home of the demo market that has looked at twelve products once."""
    folder = tmp_path_factory.mktemp("plan")
    watchlist = folder / "watchlist.txt"
    watchlist.write_text("\n".join(asins()[:FEW]))
    with DemoServer("127.0.0.1", 0, speed=0, rate=20) as server:
        given: dict[str, Any] = {"api_port": 0, "dashboards_port": 0, "demo_port": 0, "keepa_url": server.url}
        settings = Settings.load(_env_file=None, home=folder / "var", watchlist=watchlist, demo=True, **given)
        for words in (["produce", "--once"], ["consume", "--until-empty"]):
            done = arbkit(settings, *words)
            assert done.returncode == 0, done.stderr
    # Nobody serves the market any more: neither command asks anything.
    return settings


def document(settings: Settings, *words: str) -> dict[str, Any]:
    done = arbkit(settings, *words, "--json")
    assert done.returncode == 0, done.stderr
    found = orjson.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def plan(settings: Settings, *options: str) -> dict[str, Any]:
    return document(settings, "plan", "--hours", "2", *options)


def with_tokens(settings: Settings, folder: Path, **changes: Any) -> Settings:
    """A home that has watched nothing yet, with these tokens."""
    given = settings.model_copy(update={"home": folder / "var"})
    given.home.mkdir()
    known = {"left": 60, "refill_rate": 20, "refill_in_s": 30.0, "at": time.time(), "consumed": 3, "origin": "demo"}
    write_tokens(given, Tokens(**{**known, **changes}))
    return given


def test_an_empty_home_says_what_is_not_known(settings: Settings) -> None:
    assert settings.watchlist is not None
    settings.watchlist.write_text("")
    found = plan(settings)
    assert "the watchlist is empty" in found["state"]
    assert (found["next"], found["tokens"]["left"], found["watchlist"]["products"]) == ([], None, 0)
    settings.watchlist.write_text("B000000001\n")
    done = arbkit(settings, "plan")
    assert done.returncode == 0, done.stderr
    assert "is not known before a producer has asked" in " ".join(done.stdout.split())


def test_a_plan_says_what_comes_next_why_and_what_more_would_bring(filled: Settings) -> None:
    found = plan(filled)
    for name, keys in KEYS.items():
        assert keys <= found[name].keys()
    assert found["currency"] == "EUR"
    assert found["watchlist"]["products"] == FEW
    assert found["next"]
    for call in found["next"]:
        assert call.keys() >= CALL
        assert set(call["asins"]) <= set(asins()[:FEW])
        assert call["tokens"] == len(call["asins"]) * (3 if call["buy_box"] else 1)
        assert call["first"][0]["asin"] in call["why"]
    assert [call["at"] for call in found["next"]] == sorted(call["at"] for call in found["next"])
    assert found["with_double"]["refill_per_minute"] == 40
    assert found["with_double"]["value_ratio"] >= 1
    printed = arbkit(filled, "plan", "--hours", "2").stdout
    for words in ("Next", "What the tokens come to", "stake: EUR", "12 products on 5 marketplaces"):
        assert words in " ".join(printed.split())


def test_a_longer_list_is_priced_before_it_is_watched(filled: Settings) -> None:
    found = plan(filled, "--products", "5000")["for_products"]
    assert found["products"] == 5_000
    assert found["round_tokens"] == {"with_buy_box": 75_000, "without": 25_000}
    assert found["round_s"]["without"] == pytest.approx(60 * 25_000 / 20)
    assert found["oldest_s"] == pytest.approx(7 * 86_400)
    assert "75,000 tokens a round" in arbkit(filled, "plan", "--hours", "1", "--products", "5000").stdout


def test_a_subscription_that_has_ended_is_said(filled: Settings, tmp_path: Path) -> None:
    given = with_tokens(filled, tmp_path, refill_rate=0, left=-7)
    found = plan(given)
    assert "no tokens come in" in found["state"]
    assert (found["tokens"]["left"], found["next"]) == (0, [])
    printed = " ".join(arbkit(given, "plan", "--hours", "1").stdout.split())
    assert "0 tokens left, 0 more a minute" in printed
    assert "-7" not in printed


def test_a_debt_is_a_wait(filled: Settings, tmp_path: Path) -> None:
    given = with_tokens(filled, tmp_path, left=-50)
    assert plan(given)["tokens"]["next_in_s"] == pytest.approx(150, abs=30)
    printed = " ".join(arbkit(given, "plan", "--hours", "1").stdout.split())
    assert "0 tokens left, next in 2 min, 20 more a minute" in printed
    assert "-50" not in printed


def test_a_dry_run_says_what_a_round_costs_and_spends_nothing(filled: Settings) -> None:
    before = read_tokens(filled)
    with sole_process(filled.home, "producer"):
        # A producer may run meanwhile.
        found = document(filled, "produce", "--dry-run")
    assert [one["market"] for one in found["markets"]] == list(filled.markets)
    assert all(one["tokens"] == {"with_buy_box": 3 * FEW, "without": FEW} for one in found["markets"])
    assert found["tokens"] == {"with_buy_box": 15 * FEW, "without": 5 * FEW}
    assert (found["calls"], found["buy_box"], found["refill_per_minute"]) == (5, True, 20)
    assert found["time"]["with_buy_box_s"] == pytest.approx(60 * 15 * FEW / 20)
    assert read_tokens(filled) == before
    with open_stream(filled) as log:
        assert sum(end for _, end in log.watermarks(RAW_TOPIC).values()) == 5 * FEW
    printed = " ".join(arbkit(filled, "produce", "--dry-run").stdout.split())
    assert "One look at 12 products" in printed
    assert "20 tokens come a minute" in printed
    assert "nothing was asked or spent" in printed


def test_a_dry_run_without_tokens_or_list_says_so(settings: Settings, tmp_path: Path, filled: Settings) -> None:
    missing = arbkit(settings.model_copy(update={"home": tmp_path / "var"}), "produce", "--dry-run")
    assert missing.returncode == 3
    assert "`arbkit watch add ASIN`" in missing.stderr
    ended = with_tokens(filled, tmp_path, refill_rate=0)
    assert "no more come in" in " ".join(arbkit(ended, "produce", "--dry-run").stdout.split())
    assert document(ended, "produce", "--dry-run")["time"] is None
    wrong = arbkit(filled, "produce", "--json")
    assert wrong.returncode == 2
    assert "Add --dry-run" in wrong.stderr
