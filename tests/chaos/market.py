"""The demo market, which keeps a bill."""

from __future__ import annotations

from collections import Counter

from arbkit.core.marketplaces import by_domain
from arbkit.sources.demo.server import DemoServer, _Handler
from arbkit.sources.raw_types import RawProduct

__all__ = ["PaidMarket"]


class PaidMarket(DemoServer):
    """A market that stands still; ``paid`` counts what was answered: (ASIN, marketplace) → times."""

    def __init__(self, paid: Counter[tuple[str, str]]) -> None:
        super().__init__("127.0.0.1", 0, speed=0, rate=1_000_000)
        self.paid = paid
        self.RequestHandlerClass = _Billing


class _Billing(_Handler):
    server: PaidMarket

    def _answer(self, status: int, body: RawProduct, *, cost: int) -> None:
        products = body.get("products")
        if status == 200 and cost and isinstance(products, list):
            for product in products:
                market = by_domain(int(product["domainId"]))
                assert market is not None
                self.server.paid[product["asin"], market.code] += 1
        super()._answer(status, body, cost=cost)
