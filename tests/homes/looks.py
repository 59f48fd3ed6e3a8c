"""What a user sees of a home, area by area, without what depends on the hour: ages and next runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tests.homes.stored import Home, got, listed, saved_views

__all__ = ["LOOKS", "dead_letters", "offers", "picked", "store"]

_ROUTE = {"category": "Spielzeug", "size_mm": "310x220x90", "weight_g": 900, "on": "2026-08-01", "buy": 24.9}
_IN_FORCE = {"source": "IT", "target": "UK", "sell": 59.99}
_PROFILES = {
    "Händler 0.1": {"source": "IT", "target": "DE", "sell": 59.99},
    "kleinunternehmer": {"source": "FR", "target": "DE", "sell": 59.99},
    "pan-eu": {"source": "UK", "target": "ES", "sell": 69.99},
    "Lager London": {"source": "DE", "target": "FR", "sell": 69.99},
    "mittelwerte": {"source": "UK", "target": "FR", "sell": 59.99},
}
"""Profile → a route on which what is its own matters; before them that of the profile in force."""

_PROFITS = """
import json, arbkit
asked = %r
print(json.dumps({
    name: arbkit.open(profile_name=name).profit(**fields).to_dict() for name, fields in asked.items()
}))
"""
_OFFER = (
    "asin", "market", "source", "version", "updated_at", "currency", "title", "brand", "category", "eans", "price",
    "price_basis", "shipping_minor", "price_avg90_minor", "buy_box_is_amazon", "amazon_minor", "sales_rank",
    "length_mm", "weight_g", "keepa_fba_fee_minor", "keepa_referral_pct", "demo",
)  # fmt: skip
_OPPORTUNITY = (
    "asin", "source", "target", "title", "brand", "category", "buy_price", "buy_currency", "sell_price",
    "sell_currency", "price_basis", "profit", "roi_pct", "margin_pct", "spread_pct", "fees", "currency", "fulfilment",
    "confidence", "tables_version", "profile", "evaluated_at", "demo",
)  # fmt: skip
_HISTORY = """
import json, arbkit
arb, found = arbkit.open(), {}
for asin in %r:
    frame = arb.history(asin, currency="EUR")
    found[asin] = {m: [len(rows), round(float(rows["price"].sum()), 2)] for m, rows in frame.groupby("market")}
print(json.dumps(found))
"""


def picked(document: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """These fields of a document; one that is not there is no field."""
    return {name: document[name] for name in names if name in document}


def status(home: Home) -> Any:
    found = home.json("status")
    store = picked(found["store"], ("products", "offers", "opportunities", "demo_products"))
    return {
        "mode": found["mode"],
        "log": found["log"],
        "store": {**store, "runs": [picked(run, ("run_id", "report", "status")) for run in found["store"]["runs"]]},
        "tokens": picked(found["tokens"], ("left", "refill_rate_per_min", "source")),
        "schedule": [picked(one, ("name", "report", "enabled", "last_status", "error")) for one in found["schedule"]],
    }


def offers(url: str) -> Any:
    """Every offer, by its ASIN and marketplace, that the REST API at ``url`` shows."""
    asins = [product["asin"] for product in listed(f"{url}/products?page_size=100&sort_by=asin")]
    found = [offer for asin in asins for offer in got(f"{url}/products/{asin}")["offers"]]
    return {f"{offer['asin']}:{offer['market']}": picked(offer, _OFFER) for offer in found}


def store(url: str) -> Any:
    """What the REST API at ``url`` says of offers, products, runs and opportunities, with every component of these."""
    stats = got(f"{url}/stats")
    products = listed(f"{url}/products?page_size=100&sort_by=asin")
    found = listed(f"{url}/arbitrage?limit=25&components=true")
    runs = listed(f"{url}/reports?page_size=100")
    return {
        "stats": picked(stats, ("products", "offers", "opportunities", "demo_products", "markets", "routes")),
        "products": {p["asin"]: picked(p, ("title", "brand", "category", "eans", "updated_at")) for p in products},
        "offers": offers(url),
        "opportunities": {
            f"{one['asin']}:{one['source']}:{one['target']}": {
                **picked(one, _OPPORTUNITY),
                "components": {part["name"]: part["amount"] for part in one["components"]},
            }
            for one in found
        },
        "runs": {
            run["run_id"]: {
                **picked(run, ("report", "status", "started_at", "parameters", "error", "summary")),
                "result_of": (got(f"{url}/reports/{run['run_id']}")["result"] or {}).get("run_id"),
            }
            for run in runs
        },
    }


def served(home: Home) -> Any:
    with home.api() as url:
        return store(url)


def history(home: Home) -> Any:
    """Products → marketplaces → [changes of the price, the sum of all prices in EUR]."""
    return home.python_json(_HISTORY % [f"B0DEMO{number:04}" for number in (1, 2, 3, 18)])


def profiles(home: Home) -> Any:
    return {one["name"]: one for one in home.json("profile", "show")["profiles"]}


def profits(home: Home) -> Any:
    """What a route leaves on a stated day: under the profile in force by command, under each other one in Python."""
    options = [
        w for name, value in {**_ROUTE, **_IN_FORCE}.items() for w in (f"--{name.replace('_', '-')}", str(value))
    ]
    asked = {name: {**_ROUTE, **fields} for name, fields in _PROFILES.items()}
    answers = {"in force": home.json("profit", *options), **home.python_json(_PROFITS % asked)}
    return {
        name: {
            **picked(answer, ("profit", "currency", "roi_pct", "fulfilment", "max_buy", "unknown")),
            "components": {part["name"]: part["amount"] for part in answer["components"]},
            "alternatives": {other["fulfilment"]: other["profit"] for other in answer["alternatives"]},
        }
        for name, answer in answers.items()
    }


def schedule(home: Home) -> Any:
    timed = ("next_at",)
    entries = home.json("schedule", "list")["entries"]
    return {one["name"]: {k: v for k, v in one.items() if k not in timed} for one in entries}


def watchlists(home: Home) -> Any:
    """That of the demo market, and that of a user with a key."""
    return {
        "demo": home.json("watch", "list"),
        "keepa": home.json("watch", "list", settings={"ARBKIT_DEMO": "0", "KEEPA_API_KEY": "invented"}),
    }


def views(home: Home) -> Any:
    """Name → the address it was saved with, and the routes that this selects, in their order."""
    return {name: {"address": view, "routes": home.routes(view)} for name, view in saved_views(home).items()}


def dead_letters(home: Home) -> Any:
    return home.json("dlq", "list")


def dead_letters_whole(home: Home) -> Any:
    return [json.loads(home.run("dlq", "show", str(offset)).stdout) for offset in (0, 1)]


def reports(home: Home) -> Any:
    """All runs, and of one of each kind also what is in its folder."""
    found = home.json("reports", "list", "--limit", "100")
    runs = found["runs"]
    kinds = {(run["report"], run["status"], run["folder"]): run["run_id"] for run in reversed(runs)}
    return {
        "reports": [one["name"] for one in found["reports"]],
        "runs": runs,
        "shown": {run_id: home.json("reports", "show", run_id)["run"] for run_id in kinds.values()},
    }


LOOKS: Mapping[str, Any] = {
    "status": status,
    "log": Home.log,
    "store": served,
    "history": history,
    "profiles": profiles,
    "profits": profits,
    "schedule": schedule,
    "watchlists": watchlists,
    "views": views,
    "dead_letters": dead_letters,
    "dead_letters_whole": dead_letters_whole,
    "reports": reports,
}
"""Area → what is seen of it in a home that nothing has been done to."""
