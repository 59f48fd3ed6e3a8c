"""How often a wrong token may be tried."""

from __future__ import annotations

from arbkit.core.service.failed_logins import FailedLogins


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_address_waits_after_ten_wrong_tokens_and_only_for_a_minute() -> None:
    clock = Clock()
    failed = FailedLogins(clock=clock)
    for _ in range(10):
        assert failed.wait_s("192.0.2.1") == 0
        failed.note("192.0.2.1")
        clock.now += 1
    assert failed.wait_s("192.0.2.1") == 50
    assert failed.wait_s("192.0.2.2") == 0
    clock.now += 50
    assert failed.wait_s("192.0.2.1") == 0


def test_a_network_of_ipv6_addresses_is_one_caller() -> None:
    failed = FailedLogins(clock=Clock())
    for n in range(10):
        failed.note(f"2001:db8::{n:x}")
    assert failed.wait_s("2001:db8::ffff") == 60
    assert failed.wait_s("2001:db8:0:1::1") == 0
    assert failed.wait_s("::ffff:192.0.2.1") == 0


def test_many_addresses_do_not_take_the_memory() -> None:
    failed = FailedLogins(clock=Clock())
    for n in range(10_500):
        failed.note(f"10.0.{n // 256}.{n % 256}")
    assert len(failed._failures) == 10_000


def test_what_is_no_address_is_counted_too() -> None:
    failed = FailedLogins(clock=Clock())
    for _ in range(10):
        failed.note("")
    assert failed.wait_s("") == 60
