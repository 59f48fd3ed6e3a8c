"""The lease of a Keepa key: of all producers that share a key and a store, one spends; the others stand by."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from pydantic import SecretStr

from arbkit.core.errors import ServiceError, StoreError
from arbkit.core.leases.lease import Lease
from arbkit.core.service.heartbeat import Pulse, read_fault
from arbkit.core.settings import Settings
from arbkit.core.sqlite import connect, restore_mark
from arbkit.pipeline.lease.key_lease import LENGTH_S, KeyLease, holder_words, lease_name
from arbkit.store import open_store

KEY = "k" * 64


@dataclass
class Clock:
    at: float = 1_790_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


def at_home(folder: Path, name: str = "one", *, key: str = KEY) -> Settings:
    """A home of its own on the store that all share."""
    store = f"sqlite:///{folder / 'shared.db'}"
    return Settings.load(_env_file=None, home=folder / name, store=store, keepa_api_key=SecretStr(key))


@pytest.fixture
def one(tmp_path: Path, clock: Clock) -> Iterator[KeyLease]:
    with KeyLease(at_home(tmp_path, "one"), clock=clock) as lease:
        yield lease


@pytest.fixture
def two(tmp_path: Path, clock: Clock) -> Iterator[KeyLease]:
    with KeyLease(at_home(tmp_path, "two"), clock=clock) as lease:
        yield lease


def has_it(lease: KeyLease) -> bool:
    """Whether it may spend: a store that does not answer lets nobody spend who did not before."""
    try:
        return lease.hold() is None
    except StoreError:
        return False


def break_store(folder: Path) -> Path:
    """Keep everybody out of the store, as a restore does, until the file that is given is gone."""
    mark = restore_mark(folder / "shared.db")
    mark.touch()
    return mark


def test_the_second_stands_by_while_the_first_renews(one: KeyLease, two: KeyLease, clock: Clock) -> None:
    for _ in range(60):
        assert one.hold() is None
        other = two.hold()
        assert other is not None
        assert "key" not in other.holder
        clock.at += 7


def test_the_second_takes_over_when_the_first_died_and_the_first_then_stands_by(
    one: KeyLease, two: KeyLease, clock: Clock
) -> None:
    assert one.hold() is None
    clock.at += LENGTH_S - 1
    assert two.hold() is not None
    clock.at += 6
    assert two.hold() is None
    assert one.hold() is not None


def test_the_second_takes_over_soon_after_the_first_has_ended(one: KeyLease, two: KeyLease, clock: Clock) -> None:
    assert one.hold() is None
    assert two.hold() is not None
    one.close()
    clock.at += 5
    assert two.hold() is None
    one.close()
    clock.at += 5
    assert two.hold() is None


def test_who_only_renews_keeps_what_it_has_and_takes_nothing(one: KeyLease, two: KeyLease, clock: Clock) -> None:
    two.renew()
    assert one.hold() is None
    for _ in range(20):
        clock.at += 15
        one.renew()
        two.renew()
    assert two.hold() is not None
    clock.at += LENGTH_S
    assert two.hold() is None
    one.renew()
    assert one.hold() is not None


def test_another_key_is_another_lease(one: KeyLease, tmp_path: Path, clock: Clock) -> None:
    assert one.hold() is None
    with KeyLease(at_home(tmp_path, "two", key="z" * 64), clock=clock) as other:
        assert other.hold() is None


def test_the_store_never_gets_to_know_the_key(one: KeyLease, tmp_path: Path) -> None:
    one.hold()
    with closing(connect(tmp_path / "shared.db")) as connection:
        [(name, holder)] = connection.execute("SELECT name, holder FROM leases").fetchall()
    assert name == lease_name(KEY)
    assert len(name) == 16
    assert KEY not in name + holder


@pytest.mark.parametrize("given", [{"demo": True}, {"keepa_api_key": SecretStr("")}])
def test_the_demo_market_and_who_has_no_key_need_no_lease(tmp_path: Path, given: dict[str, object]) -> None:
    free = at_home(tmp_path).model_copy(update=given)
    with KeyLease(free) as lease, KeyLease(free) as other:
        assert lease.hold() is other.hold() is None
    assert not (tmp_path / "shared.db").exists()


def test_between_two_questions_the_store_is_not_needed(
    one: KeyLease, two: KeyLease, tmp_path: Path, clock: Clock
) -> None:
    assert one.hold() is None
    other = two.hold()
    mark = break_store(tmp_path)
    clock.at += 4
    assert two.hold() == other
    mark.unlink()


def test_a_store_that_does_not_answer_leaves_the_key_with_who_has_it(
    one: KeyLease, two: KeyLease, tmp_path: Path, clock: Clock
) -> None:
    assert one.hold() is None
    assert two.hold() is not None
    mark = break_store(tmp_path)
    for _ in range(20):
        clock.at += 30
        assert one.hold() is None
        with pytest.raises(StoreError, match="restore"):
            two.hold()
    mark.unlink()
    clock.at += 5
    assert one.hold() is None
    assert two.hold() is not None


def test_a_store_that_does_not_answer_gives_the_key_to_nobody_who_lost_it(
    one: KeyLease, two: KeyLease, tmp_path: Path, clock: Clock
) -> None:
    assert one.hold() is None
    clock.at += LENGTH_S + 1
    assert has_it(two)
    assert not has_it(one)
    mark = break_store(tmp_path)
    clock.at += LENGTH_S + 1
    assert not has_it(one)
    assert has_it(two)
    mark.unlink()


def test_a_clock_that_was_set_back_silences_nobody(one: KeyLease, two: KeyLease, clock: Clock) -> None:
    assert one.hold() is None
    clock.at -= 86_400
    assert one.hold() is None
    assert two.hold() is not None
    clock.at += LENGTH_S + 1
    assert two.hold() is None


def test_whom_others_wait_for_is_named_by_host_and_process() -> None:
    assert holder_words("seller-pc/4711/0a1b2c3d4e5f") == "seller-pc (4711)"


def test_a_producer_whose_home_had_one_that_was_killed_does_not_wait_for_it(tmp_path: Path, clock: Clock) -> None:
    settings = at_home(tmp_path)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        killed = pool.submit(take_and_keep, settings, clock.at).result()
    said = orjson.loads((settings.home / "key.holder").read_bytes())
    if not said["process"]:
        pytest.skip("this system does not say which processes have ended")
    with KeyLease(at_home(tmp_path, "two"), clock=clock) as elsewhere, KeyLease(settings, clock=clock) as again:
        other = elsewhere.hold()
        assert other is not None
        assert holder_words(other.holder) == killed
        assert again.hold() is None


def take_and_keep(settings: Settings, now: float) -> str:
    """Take the lease, and end without giving it up."""
    lease = KeyLease(settings, clock=lambda: now)
    assert lease.hold() is None
    return holder_words(lease._holder)


def test_threads_that_ask_all_the_time_never_hold_it_together(tmp_path: Path, clock: Clock) -> None:
    leases = [KeyLease(at_home(tmp_path, f"home{at}"), clock=clock) for at in range(5)]
    held: list[int] = []
    with ThreadPoolExecutor(len(leases)) as pool:
        silent: set[int] = set()
        for turn in range(40):
            asking = [at for at in range(len(leases)) if at not in silent]
            found = [
                at for at, mine in zip(asking, pool.map(lambda at: has_it(leases[at]), asking), strict=True) if mine
            ]
            assert len(found) <= 1
            held += found
            # Now and then the holder goes: one ends, the next hangs until its lease is over.
            silent.clear()
            if found and turn % 8 == 3:
                leases[found[0]].release()
            elif found and turn % 8 == 7:
                silent.add(found[0])
                clock.at += LENGTH_S
            clock.at += 6
    assert len(held) >= 30
    assert len(set(held)) > 1


def spend(settings: Settings, turns: int, log: Path) -> int:
    """Ask again and again, and write into a file that only the holder may have open."""
    spent = 0
    for _ in range(turns):
        with KeyLease(settings) as lease:
            if lease.hold() is None:
                with log.open("x"):
                    spent += 1
                log.unlink()
    return spent


def test_processes_that_take_turns_never_hold_it_together(tmp_path: Path) -> None:
    homes = [at_home(tmp_path, f"home{at}") for at in range(3)]
    open_store(homes[0]).close()
    with ProcessPoolExecutor(len(homes), mp_context=multiprocessing.get_context("spawn")) as pool:
        asked = [pool.submit(spend, home, 25, tmp_path / "spending") for home in homes]
        # Two at once would find the file of the other.
        assert sum(one.result() for one in asked) > 0


def test_waiting_for_a_turn_ends_with_it_and_leaves_heartbeats(
    one: KeyLease, two: KeyLease, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = at_home(tmp_path, "two")
    stop, pulse = threading.Event(), Pulse(settings, "producer")
    assert one.wait_for_turn(stop=stop, pulse=pulse)
    other = two.hold()
    assert other is not None
    stop.set()
    assert not two.wait_for_turn(stop=stop, pulse=pulse)
    stop.clear()
    with pytest.raises(ServiceError, match="spends the tokens of this Keepa key") as refused:
        two.wait_for_turn(stop=stop, pulse=pulse, may_wait=False)
    assert holder_words(other.holder) in str(refused.value)

    def end_later() -> None:
        waiting.wait(30)
        stop.set()

    waiting = threading.Event()
    watched = _Watched(settings, waiting)
    ending = threading.Thread(target=end_later)
    ending.start()
    assert not two.wait_for_turn(stop=stop, pulse=watched)
    ending.join()
    assert (settings.health_dir / "producer").exists()
    assert [line for line in caplog.messages if holder_words(other.holder) in line]
    stop.clear()
    one.close()
    with KeyLease(at_home(tmp_path, "three")) as third:
        assert third.wait_for_turn(stop=stop, pulse=pulse)


class _Watched(Pulse):
    """Says when a heartbeat was left."""

    def __init__(self, settings: Settings, beaten: threading.Event) -> None:
        super().__init__(settings, "producer")
        self._beaten = beaten

    def beat(self) -> None:
        super().beat()
        self._beaten.set()


def test_who_waits_for_a_store_says_what_is_wrong_with_it(two: KeyLease, tmp_path: Path) -> None:
    settings = at_home(tmp_path, "two")
    mark = break_store(tmp_path)
    stop, beaten = threading.Event(), threading.Event()
    pulse = _Watched(settings, beaten)
    with pytest.raises(StoreError, match="restore"):
        two.wait_for_turn(stop=stop, pulse=pulse, may_wait=False)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(two.wait_for_turn, stop=stop, pulse=pulse)
        assert beaten.wait(30)
        stop.set()
        assert waiting.result() is False
    fault = read_fault(settings, "producer")
    assert fault is not None
    assert "restore" in fault.why
    mark.unlink()


def test_a_lease_lasts_until_it_says(clock: Clock) -> None:
    lease = Lease("n", "h", clock.at, clock.at + 60)
    assert lease.is_in_force(seconds=60, now=clock.at)
    assert not lease.is_in_force(seconds=60, now=clock.at + 60)
    assert lease.is_in_force(seconds=60, now=clock.at - 60)
    assert not lease.is_in_force(seconds=60, now=clock.at - 61)
