"""Detection over real exports without sizes: what 0.1 offered there is no opportunity, and says what it lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.helpers.processes import arbkit, with_real_exports

OFFERED_BY_0_1 = {
    "B0C5X98L5G:DE:ES",  # a fridge of 43 litres, priced as a parcel of 1 kg
    "B0C5X98L5G:DE:FR",
    "B00CK6474C:DE:FR",  # a hob whose bullet points state 4 × 29 × 51 cm and 4.7 kg
    "B0D6WKJVW3:DE:ES",  # a mat of 60 × 60 cm
    "B09VPQSFTJ:FR:ES",  # an induction hob with a return of 0.9 %
    "B0F7LNPD8W:FR:ES",  # a washing machine
}


def name_of(route: dict[str, Any]) -> str:
    return f"{route['asin']}:{route['source']}:{route['target']}"


def test_what_nobody_measured_is_no_opportunity_until_it_is(real_data: Path, tmp_path: Path) -> None:
    settings = with_real_exports(real_data, tmp_path)
    # By the day of the exports: half a year later fees and seasons are others.
    done = arbkit(settings, "detect", "--on", "2026-05-20", "--all", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["routes"] >= 500
    routes = found["items"]
    assert {name_of(route) for route in routes if route["status"] == "opportunity"}.isdisjoint(OFFERED_BY_0_1)
    sized = [route for route in routes if route["status"] == "needs_size"]
    assert found["need_size"] == len(sized) > 0
    assert all(route["profit_low"] is None or route["profit_low"] <= 0 < (route["profit_high"] or 0) for route in sized)
    done = arbkit(settings, "detect", "--on", "2026-05-20")
    assert f"need a size: {found['need_size']} routes, listed with --all" in done.stdout
    # Typed in, the size decides: as the mat it is, the mat is no opportunity either.
    done = arbkit(settings, "facts", "set", "B0D6WKJVW3", "--size-mm", "620x120x120", "--weight-g", "700")
    assert done.returncode == 0, done.stderr
    done = arbkit(settings, "detect", "--on", "2026-05-20", "--all", "--json")
    assert done.returncode == 0, done.stderr
    again = [route for route in json.loads(done.stdout)["items"] if name_of(route) == "B0D6WKJVW3:DE:ES"]
    assert all(route["status"] != "needs_size" for route in again)
