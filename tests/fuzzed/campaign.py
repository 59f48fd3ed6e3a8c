"""Sends the cases over several connections, and says what may not be."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.fuzzed.wire import Answer, Client, Request

__all__ = ["Outcome", "collect_cursors", "fault_of", "run"]

_PROBLEM = "application/problem+json"
_HEAD = (b"HEAD",)
_SORTED = {
    "/arbitrage?limit=1": ("profit", "roi", "confidence", "age", "title", "buy_price", "route"),
    "/products?page_size=1": ("updated", "title", "profit", "margin", "asin"),
}


@dataclass(slots=True)
class Outcome:
    """How often each status was answered, and what may not be, with the number of its case."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def run(port: int, cases: Callable[[int], Request], numbers: Iterable[int], token: str, *, connections: int) -> Outcome:
    """Send the cases with these numbers."""
    outcome, lock = Outcome(), threading.Lock()
    waiting = iter(numbers)

    def send_some(_: int) -> None:
        client = Client(port)
        while True:
            with lock:
                number = next(waiting, None)
            if number is None:
                break
            request = cases(number)
            try:
                answer = client.send(request)
                fault = fault_of(request, answer, token)
            except OSError as error:
                client.close()
                answer, fault = None, f"{type(error).__name__}: {error}"
            with lock:
                outcome.statuses[answer.status if answer else -1] += 1
                if fault:
                    outcome.faults.append(f"case {number}: {fault}: {request}")
        client.close()

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(send_some, range(connections)))
    return outcome


def fault_of(request: Request, answer: Answer, token: str) -> str:
    """What is wrong with an answer, whatever was asked; empty: nothing."""
    if answer.status == 0:
        return "hung up without an answer" if request.whole else ""
    if token.encode() in answer.body or token in str(answer.headers):
        return f"{answer.status} shows the token"
    if answer.status == 503 and "retry-after" in answer.headers:
        return ""
    if answer.status >= 500:
        return f"{answer.status}: {answer.body[:300]!r}"
    if answer.status < 400 or request.method in _HEAD:
        return ""
    if answer.kind != _PROBLEM:
        # The server itself refuses what is no HTTP.
        is_http = request.whole and request.target.isascii()
        return "" if answer.status == 400 and not is_http else f"{answer.status} is {answer.kind or 'nothing'}"
    said = json.loads(answer.body)
    return "" if said["status"] == answer.status and said["detail"] else f"{answer.status} says {said}"


def collect_cursors(port: int, headers: Sequence[tuple[bytes, bytes]]) -> Mapping[str, Sequence[str]]:
    """Cursors that the API gives for pages of a few orders, by path."""
    client = Client(port)
    found: dict[str, list[str]] = {}
    orders = ((f"{path}&sort_by={sort}", path) for path, sorts in _SORTED.items() for sort in sorts)
    for target, path in itertools.chain(
        orders, [(path, path) for path in ("/reports?page_size=1", "/sales?page_size=1")]
    ):
        following: str | None = target
        for _ in range(2):
            answer = client.send(Request(b"GET", (following or target).encode(), headers))
            following = json.loads(answer.body)["next"]
            if following is None:
                break
            address = urlsplit(following)
            found.setdefault(urlsplit(path).path, []).extend(parse_qs(address.query)["cursor"])
            following = f"{address.path}?{address.query}"
    client.close()
    return found
