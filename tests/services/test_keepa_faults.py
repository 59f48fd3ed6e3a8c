"""Keepa's client against a market that is told to fail: nothing is lost, and nothing that arrived is paid for again."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from arbkit.core.errors import BadRecordError, KeepaError, KeepaKeyError, KeepaTokensError, UsageError
from arbkit.core.marketplaces import market as marketplace
from arbkit.core.settings import Settings
from arbkit.pipeline.producer import produce
from arbkit.sources.demo.faults import FAULT_WORDS, Fault, FaultName, Faults, parse_fault
from arbkit.sources.demo.market import asins
from arbkit.sources.demo.server import DemoServer
from arbkit.sources.envelope import envelope, from_envelope
from arbkit.sources.keepa_api.arriving import ArrivingAnswers
from arbkit.sources.keepa_api.client import KeepaSource
from arbkit.sources.keepa_api.product import parse_product
from arbkit.sources.raw_types import RawProduct
from arbkit.stream import RAW_TOPIC, open_stream
from tests.helpers.processes import arbkit

WATCHED = asins()[:60]
MARKETS = ("DE", "IT")
BATCH = 20
ANSWERED: tuple[FaultName, ...] = ("no_offers", "clock_skew", "plan_changed", "refill_zero")
"""Faults with which every answer arrives whole."""
LOSES: tuple[FaultName, ...] = ("slow", "cut", "invalid_json")
"""Faults that take tokens for what does not arrive whole."""


def market(*faults: Fault, seed: int | None = None) -> DemoServer:
    return DemoServer("127.0.0.1", 0, speed=0, rate=10_000, faults=faults, seed=seed)


def config(demo: DemoServer, home: Path, **more: object) -> Settings:
    home.mkdir(exist_ok=True)
    (home / "watchlist.txt").write_text("\n".join(WATCHED))
    where = {"home": home / "var", "watchlist": home / "watchlist.txt", "markets": ",".join(MARKETS)}
    return Settings.load(_env_file=None, keepa_url=demo.url, demo=True, **where, **more)  # type: ignore[arg-type]


class Round:
    """A round through the watchlist as the producer makes it: what failed is asked for again, what came is not."""

    def __init__(self, demo: DemoServer, home: Path) -> None:
        self.got: Counter[tuple[str, str]] = Counter()
        self.products: list[RawProduct] = []
        self.missing: list[tuple[str, str]] = []
        self.errors: list[KeepaError] = []
        self.accounted = self.consumed = 0
        settings = config(demo, home)
        arriving = ArrivingAnswers(settings.home / "arriving.answer")
        settings.home.mkdir()
        with KeepaSource(settings, arriving=arriving, longest_wait_s=0.01, read_timeout_s=0.5) as source:
            for _ in range(200):
                left = [
                    (code, asin)
                    for code in MARKETS
                    for asin in WATCHED
                    if (asin, code) not in self.got and (asin, code) not in self.missing
                ]
                if not left:
                    break
                code = left[0][0]
                self._ask(source, code, [asin for at, asin in left if at == code][:BATCH])
            self.consumed = source.consumed

    def _ask(self, source: KeepaSource, code: str, some: Sequence[str]) -> None:
        try:
            batch = source.fetch(code, some, buybox=True)
        except KeepaError as error:
            self.errors.append(error)
            return
        self.got.update((product["asin"], code) for product in batch.products)
        self.products += batch.products
        self.missing += [(asin, code) for asin in batch.missing]
        self.accounted += batch.tokens.consumed if batch.tokens else 0


@pytest.mark.parametrize("every", [2, 3, 5])
@pytest.mark.parametrize("name", FAULT_WORDS)
def test_no_fault_loses_an_answer_or_pays_for_one_twice(name: FaultName, every: int, tmp_path: Path) -> None:
    with market(Fault(name, every)) as demo:
        done = Round(demo, tmp_path / "home")
        assert demo.faults.suffered[name] > 0
    assert done.got == Counter((asin, code) for asin in WATCHED for code in MARKETS)
    assert done.missing == []
    # All that was taken is known by the client, but for what it could not read.
    assert demo.bill.total - demo.bill.lost == done.consumed
    if name in LOSES:
        assert demo.bill.lost > 0
        paid_again = 3 * (demo.bill.products.total() - len(done.got))
        # What had come of an answer before it broke is not paid for again.
        assert paid_again < demo.bill.lost or name == "slow"
    else:
        assert demo.bill.lost == 0
        assert demo.bill.products == Counter(
            (asin, marketplace(code).keepa_domain) for asin in WATCHED for code in MARKETS
        )
    if name in ANSWERED:
        assert done.errors == []
        assert done.accounted == demo.bill.total


@pytest.mark.parametrize("seed", range(6))
def test_all_faults_together_and_by_chance(seed: int, tmp_path: Path) -> None:
    every = {"refill_zero": 7, "plan_changed": 5}
    faults = [Fault(name, every.get(name, 12)) for name in FAULT_WORDS]
    with market(*faults, seed=seed) as demo:
        done = Round(demo, tmp_path / "home")
        assert demo.faults.suffered.total() > 0
    assert set(done.got.values()) == {1}
    assert set(done.got) | set(done.missing) == {(asin, code) for asin in WATCHED for code in MARKETS}
    assert demo.bill.total - demo.bill.lost == done.consumed


def ask_once(demo: DemoServer, home: Path) -> KeepaError | None:
    settings = config(demo, home)
    with KeepaSource(settings, attempts=2, longest_wait_s=0.01, read_timeout_s=0.2) as source:
        try:
            source.fetch("DE", WATCHED[:3], buybox=True)
        except KeepaError as error:
            return error
    return None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("rate_limited", "asked too often"),
        ("unavailable", "failed with status 503"),
        ("slow", "no answer in time"),
        ("closed", "cannot be reached"),
        ("cut", "cannot be reached"),
        ("invalid_json", "not the JSON object it should be"),
        ("key_revoked", "does not accept the key"),
    ],
)
def test_each_fault_that_lasts_is_one_clear_error(name: FaultName, says: str, tmp_path: Path) -> None:
    with market(Fault(name)) as demo:
        error = ask_once(demo, tmp_path)
    assert error is not None
    assert says in str(error)
    assert isinstance(error, KeepaKeyError) == (name == "key_revoked")
    assert isinstance(error, KeepaTokensError) == (name == "rate_limited")
    if isinstance(error, KeepaTokensError):
        assert error.wait_s == pytest.approx(2.0)


@pytest.mark.parametrize("name", ["cut", "invalid_json", "slow"])
def test_answers_that_never_arrive_do_not_use_up_the_tokens(name: FaultName, tmp_path: Path) -> None:
    with market(Fault(name)) as demo:
        settings = config(demo, tmp_path, call_tokens=60)
        # Nothing is written down as it comes in, so that all of it is lost.
        with KeepaSource(settings, longest_wait_s=0.01, read_timeout_s=0.1) as source:
            errors = []
            for _ in range(30):
                with pytest.raises(KeepaError) as caught:
                    source.fetch("DE", WATCHED[:20], buybox=True)
                errors.append(str(caught.value))
        # Two calls' worth, and the one that went beyond.
        assert demo.bill.total <= 3 * 60
    assert "nothing is asked for" in errors[-1]


def test_an_outage_is_not_hammered(tmp_path: Path) -> None:
    with market(Fault("unavailable")) as demo, KeepaSource(config(demo, tmp_path), longest_wait_s=0.001) as source:
        for _ in range(100):
            with pytest.raises(KeepaError, match="503"):
                source.fetch("DE", WATCHED[:1], buybox=True)
        # Each asks once; all together are repeated 120 times within the hour.
        assert demo.faults.suffered["unavailable"] <= 100 + 121
        assert demo.bill.total == 0


def test_nobody_offering_anything_is_no_price_and_no_gap(tmp_path: Path) -> None:
    with market(Fault("no_offers")) as demo:
        done = Round(demo, tmp_path / "home")
    assert len(done.products) == len(WATCHED) * len(MARKETS)
    known = [product for product in done.products if product["title"]]
    assert len(known) > len(WATCHED)
    for product in known:
        where = next(marketplace(code) for code in MARKETS if marketplace(code).keepa_domain == product["domainId"])
        update = parse_product(product, where, origin="demo", fetched_at=0.0)
        assert update is not None
        offer = update.offer
        assert (offer.new_minor, offer.buy_box_minor, offer.amazon_minor, offer.price_minor) == (None,) * 4
        assert offer.new_at is not None, "it is known that there is none"


def test_a_clock_that_is_hours_off_is_said_once_and_makes_nothing_new(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with market(Fault("clock_skew")) as demo:
        done = Round(demo, tmp_path / "home")
        with KeepaSource(config(demo, tmp_path)) as source:
            for _ in range(2):
                page = source.deals("DE")
                assert page.deals
                assert all(deal.changed_at <= page.fetched_at for deal in page.deals)
    said = [record.getMessage() for record in caplog.records if "clock" in record.getMessage()]
    assert len(said) == 2, "one of each source"
    assert "3.0 hours" in said[0]
    refused: list[str] = []
    for product in done.products:
        code = next(code for code in MARKETS if marketplace(code).keepa_domain == product["domainId"])
        fetched_at = datetime.now(UTC).isoformat()
        message = envelope(
            asin=product["asin"], market=code, origin="demo", fetched_at=fetched_at, run_id="run", product=product
        )
        try:
            update = from_envelope(message)
        except BadRecordError as error:
            refused.append(str(error))
        else:
            assert update is None or update.offer.updated_at <= time.time()
    assert 0 < len(refused) < len(done.products)
    assert all("is in the future" in why for why in refused)


@pytest.mark.parametrize("name", ["plan_changed", "refill_zero"])
def test_another_plan_counts_from_the_next_answer_on(name: FaultName, tmp_path: Path) -> None:
    with market() as demo, KeepaSource(config(demo, tmp_path)) as source:
        before = source.tokens()
        demo.faults = Faults([Fault(name)])
        after = source.fetch("DE", WATCHED[:1], buybox=True).tokens
        assert after is not None
        demo.faults = Faults()
        again = source.tokens()
    assert before.refill_rate == again.refill_rate == 10_000
    assert after.refill_rate == (2_500 if name == "plan_changed" else 0)
    assert after.left <= (150_000 if name == "plan_changed" else 600_000)


def test_the_producer_brings_everything_once_through_all_that_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arbkit.pipeline.producer._ASK_TOKENS_S", 0.05)
    monkeypatch.setattr("arbkit.pipeline.producer._TICK_S", 0.05)
    passing: tuple[FaultName, ...] = ("rate_limited", "unavailable", "closed", "cut", "invalid_json", "partial")
    with market(*(Fault(name, 9) for name in passing), seed=3) as demo:
        settings = config(demo, tmp_path)
        done = produce(settings, once=True, stop=threading.Event())
    assert done.missing == 0
    with open_stream(settings) as stream:
        found = Counter(
            message.key
            for place in stream.watermarks(RAW_TOPIC)
            for message in stream.read(RAW_TOPIC, partition=place.partition, max_records=10_000)
        )
    assert found == Counter({asin: len(MARKETS) for asin in WATCHED})
    assert demo.bill.lost <= demo.bill.total / 2


def test_best_sellers_of_the_demo_market_are_its_categorys_by_rank(tmp_path: Path) -> None:
    with market() as demo, KeepaSource(config(demo, tmp_path)) as source:
        found = source.best_sellers("DE", 1_003)
        nothing = source.best_sellers("DE", 77)
        products = source.fetch("DE", found.asins[:100], buybox=False).products
        page = source.deals("DE", category=1_003)
        assert demo.bill.charged == {"bestsellers": 100, "product": len(products), "deal": 5}
    assert nothing.asins == ()
    assert len(found.asins) > 10
    rank = {product["asin"]: product["stats"]["current"][3] for product in products}
    assert [rank[asin] for asin in found.asins] == sorted(rank.values())
    assert {product["rootCategory"] for product in products} == {1_003}
    assert {deal.asin for deal in page.deals} <= set(found.asins)
    assert [deal.changed_at for deal in page.deals] == sorted((d.changed_at for d in page.deals), reverse=True)


def test_offers_cost_by_the_page_that_is_found(tmp_path: Path) -> None:
    with market() as demo, KeepaSource(config(demo, tmp_path)) as source:
        batch = source.fetch("DE", WATCHED[:5], buybox=True, offers=20)
    pages = sum(max(1, -(-len(product["offers"]) // 10)) for product in batch.products)
    assert batch.tokens is not None
    assert batch.tokens.consumed == demo.bill.total == 6 * pages
    assert any(len(product["offers"]) > 2 for product in batch.products)
    with market() as demo:
        answer = requests.get(f"{demo.url}/bestsellers?domain=3&category=x", timeout=10)
    assert answer.status_code == 400


def test_faults_are_named_as_on_the_command_line() -> None:
    assert parse_fault("cut") == Fault("cut")
    assert parse_fault("partial=7") == Fault("partial", 7)
    with pytest.raises(UsageError, match="Did you mean unavailable"):
        parse_fault("unavailble")
    for text in ("cut=0", "cut=-1", "cut=x", "cut=1.5"):
        with pytest.raises(UsageError, match="whole number above 0"):
            parse_fault(text)


def test_a_fault_that_is_none_is_a_wrong_call_of_the_command(tmp_path: Path) -> None:
    with market() as demo:
        done = arbkit(config(demo, tmp_path), "demo", "--fault", "rate_limitd=3")
    assert done.returncode == 2
    assert "Did you mean rate_limited?" in done.stderr
