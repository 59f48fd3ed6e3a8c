"""The match on real listings: those of one ASIN on three marketplaces are the same thing, but for a very few."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from python_calamine import CalamineWorkbook

from arbkit.analysis.listing.match import Match, compare_pair
from arbkit.core.models import Offer
from tests.helpers.factories import offer


def test_of_real_pairs_at_most_two_are_flagged(real_data: Path) -> None:
    stores = {code: _listings(real_data, code) for code in ("DE", "FR", "ES")}
    found: list[Match] = []
    for one, other in combinations(stores.values(), 2):
        found += [compare_pair(one[asin], other[asin]) for asin in one.keys() & other.keys()]
    assert len(found) == 89 + 76 + 109
    assert len([match for match in found if match.verdict != "same"]) <= 2


def _listings(folder: Path, code: str) -> dict[str, Offer]:
    (path,) = folder.glob(f"GAE_{code}_*.xlsx")
    header, *rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    named = ({str(name): str(cell) for name, cell in zip(header, row, strict=True)} for row in rows)
    return {
        row["ASIN"]: offer(
            row["ASIN"], code, title=row["Título"], brand=None, eans=tuple(row["Códigos de producto: EAN"].split(", "))
        )
        for row in named
        if row["ASIN"]
    }
