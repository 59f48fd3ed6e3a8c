"""What the repository holds of the API and of the filters: `python -m tests.openapi` renews it.

A change of these files is a change of what users' programs rely on, and is reviewed as one.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from arbkit.core.input.filters import OpportunityFilter, ProductFilter, filter_table
from arbkit.core.settings import Settings
from arbkit.web.api import create_app
from tests.helpers.paths import ROOT

__all__ = ["FILTERS", "OPENAPI", "filters_page", "openapi"]

OPENAPI = ROOT / "docs" / "openapi.json"
FILTERS = ROOT / "docs" / "filters.md"
_PAGE = """# Filters

The same filters are taken by `GET /arbitrage`, `arb.opportunities()`, the opportunities page and its address,
`arbkit export`, `arbkit detect` and the parameters of the `detect` report in `schedule.toml`. Every filter that is left
out asks for any; bounds are inclusive. Commands write `min_roi` as `--min-roi`.

## Opportunities

{opportunities}
`arbkit detect` also takes several marketplaces, `sources` and `targets` (as options: `--source` and `--target` again
and again), and keeps a profit of 0.01 at least unless `min_profit` says otherwise.

## Products

Taken by `GET /products` and `arb.products()`.

{products}"""


def openapi() -> str:
    """The API's description of itself, as the repository holds it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load(_env_file=None, home=Path(folder), demo=True)
        return json.dumps(create_app(settings).openapi(), indent=1, ensure_ascii=False) + "\n"


def filters_page() -> str:
    """The page about filters, as the repository holds it."""
    return _PAGE.format(opportunities=filter_table(OpportunityFilter), products=filter_table(ProductFilter))


if __name__ == "__main__":
    OPENAPI.write_text(openapi(), "utf-8")
    FILTERS.write_text(filters_page(), "utf-8")
