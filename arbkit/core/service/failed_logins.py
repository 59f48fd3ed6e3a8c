"""How often an address may try a wrong token, on the API, the dashboards and the metrics."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

_MOST_FAILURES = 10
"""Wrong tokens within a minute after which an address must wait: more than anyone mistypes, too few to guess one."""
_WINDOW_S = 60.0
_MOST_ADDRESSES = 10_000
"""Addresses that are remembered, so that many of them cannot take the memory."""
_IPV6_NETWORK_BITS = 64
"""What one subscriber is given: who may choose the rest of an address is counted as one."""


class FailedLogins:
    """Counts the wrong tokens of each address. Who has a session already is never counted."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}

    def note(self, address: str) -> None:
        """Count a wrong token."""
        caller = network_of(address)
        failures = self._failures.pop(caller, None) or deque(maxlen=_MOST_FAILURES)
        failures.append(self._clock())
        # Entered last: the first of all is the one that has been quiet for longest.
        self._failures[caller] = failures
        if len(self._failures) > _MOST_ADDRESSES:
            del self._failures[next(iter(self._failures))]

    def wait_s(self, address: str) -> int:
        """Seconds until the address may try again; 0: it may now."""
        failures = self._failures.get(network_of(address))
        if failures is None or len(failures) < _MOST_FAILURES:
            return 0
        return max(0, math.ceil(failures[0] + _WINDOW_S - self._clock()))


def network_of(address: str) -> str:
    """What one subscriber is counted by: an IPv4 address, or the network of an IPv6 one."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is None:
        return str(int(ip) >> (128 - _IPV6_NETWORK_BITS))
    return str(ip)
