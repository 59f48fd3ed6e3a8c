"""Real price histories from a saved Keepa response: in ARBKIT_REAL_DATA's neighbour folder, not in the project."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path

from arbkit.analysis.backtest.evidence import Listing
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import History, Offer
from arbkit.core.results import Json
from arbkit.sources.keepa_api.product import parse_product
from arbkit.sources.keepa_api.series import read_series

__all__ = ["histories_file", "read_listings", "read_products"]

_NAME = "amazon-de-2025-02.json.gz"


def histories_file() -> Path | None:
    """The file of histories; None where ARBKIT_REAL_DATA does not lead to it."""
    folder = os.environ.get("ARBKIT_REAL_DATA")
    path = Path(folder).parent / "histories" / _NAME if folder else None
    return path if path is not None and path.exists() else None


def read_listings(path: Path) -> Sequence[Listing]:
    """A listing for each product of the file, in the order of their ASINs, as a store has them."""
    products = sorted(json.loads(gzip.decompress(path.read_bytes()))["products"], key=itemgetter("asin"))
    return [Listing(History(one["asin"], "DE", 0, "EUR", read_series(one["csv"])), _category(one)) for one in products]


def read_products(path: Path) -> Sequence[tuple[Offer, History]]:
    """Offer and history of each product of the file, as they are imported."""
    products = sorted(json.loads(gzip.decompress(path.read_bytes()))["products"], key=itemgetter("asin"))
    updates = [parse_product(one, MARKETS["DE"], origin="keepa", fetched_at=0.0) for one in products]
    return [(one.offer, one.history) for one in updates if one is not None and isinstance(one.history, History)]


def _category(product: Mapping[str, Json]) -> str | None:
    tree = product.get("categoryTree")
    return str(tree[0]["name"]) if isinstance(tree, list) and tree and isinstance(tree[0], dict) else None
