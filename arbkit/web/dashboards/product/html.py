"""What the product page says, as HTML. Titles, brands, EANs and reasons come from outside: all of it is escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from arbkit.analysis.demand import Demand
from arbkit.analysis.fee_facts import FeeFacts
from arbkit.analysis.listing_match import Match
from arbkit.analysis.routes import PricedRoute
from arbkit.core.formatting import UNKNOWN, age_words, count, money, percent
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Offer, Product
from arbkit.profit.fees.bands import Table
from arbkit.web.dashboards.html_grid import Cell, Fact, grid_html
from arbkit.web.dashboards.html_parts import link_html, watch_html
from arbkit.web.dashboards.opportunities.columns import moment

__all__ = [
    "about_html",
    "demand_html",
    "fees_html",
    "found_html",
    "match_html",
    "notes_html",
    "offers_html",
    "route_words_html",
    "unknown_html",
    "warning_html",
]

_PICTURE = re.compile(r"[\w+%-]{1,40}(?:\._[\w,+-]{1,40}_)?\.(?:jpg|jpeg|png|gif)", re.ASCII)
_MOST_EANS = 4


def found_html(total: int, shown: int, *, searched: bool) -> str:
    """What stands above the products to choose from."""
    if not searched:
        return "<p>Search for a product, or choose one of those with the best routes.</p>" if total else ""
    more = f", the first {count(shown)} are shown: say more to find fewer" if shown < total else ""
    return f"<p>{count(total)} {'product' if total == 1 else 'products'} found{more}.</p>"


def about_html(product: Product, offers: Sequence[Offer], *, watched: bool, markets: Sequence[str], now: float) -> str:
    """The product's name, what it is known by, its pages with their ages, and the watchlist's button."""
    demo = ' <span class="arb-demo">DEMO</span>' if product.demo else ""
    texts = [product.brand or "no brand", product.category or "no category", f"ASIN {product.asin}", _eans(product)]
    about = " · ".join(escape(text) for text in texts)
    picture = product.image or ""
    if _PICTURE.fullmatch(picture):
        about += " · " + link_html(f"https://m.media-amazon.com/images/I/{picture}", "picture, at Amazon")
    pages = "".join(
        f"<li>{link_html(MARKETS[o.market].url(o.asin), MARKETS[o.market].amazon.removeprefix('www.'))} "
        f'<span class="arb-quiet">{escape(age_words(now - o.updated_at))} old</span></li>'
        for o in offers
    )
    missing = [code for code in markets if code not in {o.market for o in offers}]
    elsewhere = f'<li class="arb-quiet">not known on {", ".join(missing)}</li>' if missing else ""
    return (
        f'<div class="arb-route"><h2>{escape(product.title or "(no title)")}{demo}</h2>'
        f'<p class="arb-quiet">{about}</p><ul class="arb-pages">{pages}{elsewhere}</ul>'
        f'<div class="arb-actions">{watch_html(product.asin, watched=watched)}</div></div>'
    )


def unknown_html(asin: str, *, watched: bool, markets: Sequence[str]) -> str:
    """That a product is not in the store, and what to do."""
    pages = " ".join(link_html(MARKETS[code].url(asin), MARKETS[code].amazon.removeprefix("www.")) for code in markets)
    todo = (
        "It is on the watchlist: it appears here as soon as it has been fetched, unless Amazon does not sell it on "
        "any of the marketplaces that are watched."
        if watched
        else "Add it to the watchlist, and it is fetched with the next round; this page looks again by itself."
    )
    return (
        f'<div class="arb-route"><h2>{escape(asin)}: nothing is known of this product yet</h2><p>{todo}</p>'
        f'<p class="arb-quiet">Its pages at Amazon: {pages}</p>'
        f'<div class="arb-actions">{watch_html(asin, watched=watched)}</div></div>'
    )


def _eans(product: Product) -> str:
    if not product.eans:
        return "no EAN known"
    more = len(product.eans) - _MOST_EANS
    shown = ", ".join(ean[:20] for ean in product.eans[:_MOST_EANS])
    return f"EAN {shown}" + (f" and {more} more" if more > 0 else "")


def warning_html(text: str) -> str:
    """A sentence that must be read before buying."""
    return f'<div class="arb-caution" role="alert">{escape(text)}</div>'


def route_words_html(route: PricedRoute) -> str:
    """The chosen route in words; why, where it cannot be priced to the end."""
    found, title = route.opportunity, f"{route.source} → {route.target}"
    buy, sell = (money(*p) for p in ((route.buy_price, route.buy_currency), (route.sell_price, route.sell_currency)))
    if found is None:
        why = "".join(f"<li>{escape(reason)}</li>" for reason in route.unknown)
        return (
            f'<div class="arb-route"><h2>{title}: profit unknown</h2><ul>{why}</ul><p class="arb-quiet">What is known: '
            f"buying {buy}, selling {sell}. Below, a dash stands for what is not.</p></div>"
        )
    why = "; ".join(found.confidence_reasons) or "nothing speaks against it"
    assumed = f'<p class="arb-quiet">Assumed: {escape("; ".join(route.assumed))}.</p>' if route.assumed else ""
    return (
        f'<div class="arb-route"><h2>{title}: {money(found.profit, found.currency)} profit</h2>'
        f"<p>Buy for <b>{buy}</b> ({_basis(found.price_basis['buy'])}), sell for <b>{sell}</b> "
        f"({_basis(found.price_basis['sell'])}) by {escape(found.fulfilment)}: ROI <b>{percent(found.roi_pct)}</b>, "
        f"margin <b>{percent(found.margin_pct)}</b> of net revenue.</p>"
        f"<p>Confidence {found.confidence:.2f}: {escape(why)}. Seller profile: {escape(found.profile)}.</p>"
        f"{assumed}</div>"
    )


def _basis(basis: str) -> str:
    return escape(basis.replace("_", " "))


def notes_html(notes: Sequence[str]) -> str:
    """What must be said beside the chart."""
    return "".join(f'<p class="arb-quiet">{escape(note)}</p>' for note in notes)


def offers_html(offers: Sequence[Offer], *, now: float) -> str:
    """What is offered now on each marketplace, in its own currency."""
    facts = [
        Fact("Price now", [_price(o.price_minor, o, why="no offer") for o in offers], "what routes start from"),
        Fact("Its basis", [_text((o.price_basis or "").replace("_", " "), "no price") for o in offers]),
        Fact("Shipping on top", [_shipping(o) for o in offers]),
        Fact("Buy box", [_buy_box(o) for o in offers]),
        Fact("New, lowest", [_price(o.new_minor, o, why=_nobody(o.new_at, "nobody sells it new")) for o in offers]),
        Fact(
            "Amazon", [_price(o.amazon_minor, o, why=_nobody(o.amazon_at, "Amazon does not sell it")) for o in offers]
        ),
        Fact("90-day average", [_price(o.price_avg90_minor, o, why="too little history") for o in offers]),
        Fact("Sales rank", [_count(o.sales_rank, "no rank") for o in offers], "of each store's own category"),
        Fact("New offers", [_count(o.offers_new, "not counted") for o in offers]),
        Fact("Rating", [_rating(o) for o in offers]),
        Fact("Ratings", [_count(o.reviews, "not counted") for o in offers]),
        Fact("Sold a month", [_count(o.monthly_sold, "no badge", "at least") for o in offers]),
        Fact("Age", [_age(o, now) for o in offers], "since Keepa looked"),
    ]
    return grid_html("Offers now, in each store's currency, VAT included", _codes(offers), facts)


def demand_html(demand: Mapping[str, Demand]) -> str:
    """How well it sells, and against whom."""
    each = list(demand.values())

    def row(label: str, name: str, shown: Sequence[str], note: str = "") -> Fact:
        return Fact(label, [Cell(t, d.why.get(name, "")) for t, d in zip(shown, each, strict=True)], note)

    facts = [
        row("Sold a month", "monthly_sold", [_or_none(d.monthly_sold) for d in each], "Amazon's badge: at least"),
        row("Rank drops, 30 days", "rank_drops30", [_or_none(d.rank_drops30) for d in each], "a drop: a sale or more"),
        row("Rank drops, 90 days", "rank_drops90", [_or_none(d.rank_drops90) for d in each]),
        row("Sales rank", "rank", [_or_none(d.rank) for d in each]),
        row("New offers", "offers", [_or_none(d.offers) for d in each], "who shares the sales"),
        row(
            "Amazon's share of the buy box", "amazon_share90_pct",
            ["" if d.amazon_share90_pct is None else percent(d.amazon_share90_pct, 0) for d in each], "of 90 days",
        ),
        row(
            "Amazon sells it", "amazon_sells",
            ["" if d.amazon_sells is None else "yes" if d.amazon_sells else "no" for d in each],
        ),
        row(
            "Out of stock", "out_of_stock90_pct",
            ["" if d.out_of_stock90_pct is None else percent(d.out_of_stock90_pct, 0) for d in each], "of 90 days",
        ),
    ]  # fmt: skip
    return grid_html("Demand and competition", list(demand), facts)


def fees_html(facts: Mapping[str, FeeFacts], tables: Sequence[Table]) -> str:
    """Package, size tier, fee and category of each store, and where they come from."""
    each = list(facts.values())
    rows = [
        Fact("Package", [_package(f) for f in each]),
        Fact(
            "Weight",
            [Cell(f"{f.weight_g:,.0f} g" if f.weight_g else "", "" if f.weight_g else "not known") for f in each],
        ),
        Fact("Size tier", [_text(f.size_tier or "", "size or weight unknown") for f in each]),
        Fact(
            "Billed weight",
            [Cell(f"{f.billing_kg:.2f} kg" if f.billing_kg else "", "" if f.billing_kg else "unknown") for f in each],
        ),
        Fact("FBA fee by table", [_table_fee(f) for f in each], "local, net"),
        Fact("FBA fee, observed", [_keepa_fee(f) for f in each], "by Keepa, net"),
        Fact("Reckoned with", [_used(f) for f in each]),
        Fact("Category", [_text(f.category or "", "not known") for f in each]),
        Fact("Referral fee", [_referral(f) for f in each], "of the shop price"),
        Fact("Schedule", [_schedule(f) for f in each]),
        Fact(
            "Closing fee",
            [Cell(money(f.closing_fee, _currency(f)), "" if f.closing_fee is not None else "unknown") for f in each],
        ),
        Fact("VAT", [Cell("" if f.vat_pct is None else f"{f.vat_pct:g} %", f.vat_class) for f in each]),
    ]
    sources = "".join(
        f"<li>{escape(t.name.replace('_', ' '))}, valid from {t.valid_from}: {escape(t.source)}"
        f"{' (assumed)' if t.assumed else ''}</li>"
        for t in tables
    )
    foot = f'<details><summary>Where these tables come from</summary><ul class="arb-sources">{sources}</ul></details>'
    return grid_html("Size tier and fees", list(facts), rows, foot)


def match_html(offers: Sequence[Offer], matches: Sequence[Match]) -> str:
    """Whether the listings are the same thing: what each says, and every pair's verdict with its reasons."""
    if len(offers) < 2:
        return '<h2>Are the listings the same thing?</h2><p class="arb-quiet">There is only one listing.</p>'
    listings = grid_html(
        "Are the listings the same thing?",
        _codes(offers),
        [
            Fact("Title", [_text((o.title or "")[:300], "none") for o in offers]),
            Fact("Brand", [_text((o.brand or "")[:80], "none") for o in offers]),
            Fact("EAN", [_text(", ".join(o.eans[:3]), "none") for o in offers]),
            Fact("Units in the package", [_count(o.package_quantity, "Keepa does not say") for o in offers]),
            Fact("Picture", [_text(o.image or "", "none") for o in offers], "its name at Amazon"),
        ],
    )
    rows = "".join(_pair(m) for m in sorted(matches, key=lambda m: m.verdict == "same"))
    return (
        f'{listings}<div class="arb-scroll"><table class="arb-pairs"><thead><tr><th scope="col">Pair</th>'
        '<th scope="col">Verdict</th><th scope="col">Speaks against</th><th scope="col">Speaks for</th></tr></thead>'
        f'<tbody>{rows}</tbody></table></div><p class="arb-quiet">All have the same ASIN, so they are taken for the '
        "same thing until something contradicts it.</p>"
    )


def _pair(match: Match) -> str:
    mood = "arb-good" if match.verdict == "same" else "arb-bad"
    against, speaks_for = ("; ".join(t) or UNKNOWN for t in (match.against, match.speaks_for))
    return (
        f'<tr><th scope="row">{match.first} and {match.second}</th><td class="{mood}">{match.verdict}</td>'
        f"<td>{escape(against)}</td><td>{escape(speaks_for)}</td></tr>"
    )


def _codes(offers: Sequence[Offer]) -> list[str]:
    return [o.market for o in offers]


def _price(minor: int | None, offer: Offer, *, why: str) -> Cell:
    return Cell("", why) if minor is None else Cell(money(minor / 100, offer.currency))


def _nobody(at: int | None, there_is_none: str) -> str:
    return "Keepa has not looked" if at is None else there_is_none


def _buy_box(offer: Offer) -> Cell:
    if offer.buy_box_minor is None:
        return Cell("", _nobody(offer.buy_box_at, "nobody holds it"))
    holder = (
        "held by Amazon"
        if offer.buy_box_is_amazon
        else {True: "held by FBA", False: "held by FBM"}.get(
            offer.buy_box_is_fba  # type: ignore[arg-type]  # None is not in it
        )
    )
    return Cell(money(offer.buy_box_minor / 100, offer.currency), holder or "")


def _shipping(offer: Offer) -> Cell:
    if offer.shipping_minor is None:
        return Cell("", "not said, taken as none" if offer.price_minor is not None else "no price")
    return Cell("none" if offer.shipping_minor == 0 else money(offer.shipping_minor / 100, offer.currency))


def _rating(offer: Offer) -> Cell:
    return Cell("", "none yet") if offer.rating is None else Cell(f"{offer.rating:.1f} of 5")


def _age(offer: Offer, now: float) -> Cell:
    return Cell(age_words(now - offer.updated_at), moment(offer.updated_at))


def _count(number: int | None, why: str, small: str = "") -> Cell:
    return Cell("", why) if number is None else Cell(count(number), small)


def _or_none(number: int | None) -> str:
    return "" if number is None else count(number)


def _text(text: str, why: str) -> Cell:
    return Cell(text) if text else Cell("", why)


def _currency(facts: FeeFacts) -> str:
    return MARKETS[facts.market].currency


def _package(facts: FeeFacts) -> Cell:
    if facts.sides_mm is None:
        return Cell("", "not known on any marketplace")
    shown = " × ".join(f"{side:g}" for side in sorted(facts.sides_mm, reverse=True)) + " mm"
    if facts.package_from == "profile":
        return Cell(shown, "assumed by the seller profile", "warn")
    return Cell(shown, "" if facts.package_from == facts.market else f"of the {facts.package_from} listing")


def _table_fee(facts: FeeFacts) -> Cell:
    if facts.table_fee is None:
        return Cell("", "no fee for this size")
    return Cell(money(facts.table_fee, _currency(facts)), "Low-Price FBA" if facts.low_price else "")


def _keepa_fee(facts: FeeFacts) -> Cell:
    if facts.keepa_fee is None:
        return Cell("", "Keepa has none")
    shown = money(facts.keepa_fee, _currency(facts))
    seen = "" if facts.keepa_fee_at is None else f"of {moment(facts.keepa_fee_at)[:10]}"
    return Cell(shown, seen)


def _used(facts: FeeFacts) -> Cell:
    if facts.keepa_fee_used:
        away = None if facts.table_fee is None else (facts.keepa_fee or 0.0) - facts.table_fee
        if away is None or abs(away) < 0.005:
            return Cell("the observed fee")
        return Cell(
            "the observed fee", f"{money(abs(away), _currency(facts))} {'above' if away > 0 else 'below'} the table"
        )
    if facts.table_fee is None:
        return Cell("", "neither is known")
    other_side = "" if facts.keepa_fee is None else "Keepa saw it at another price"
    return Cell("the table's fee", other_side)


def _referral(facts: FeeFacts) -> Cell:
    if facts.referral_fee is None:
        return Cell("", "category or price unknown")
    seen = "" if facts.keepa_referral_pct is None else f"Keepa: {facts.keepa_referral_pct:.2f} %"
    return Cell(f"{percent(facts.referral_pct)}, {money(facts.referral_fee, _currency(facts))}", seen)


def _schedule(facts: FeeFacts) -> Cell:
    if facts.schedule is None:
        return Cell("", "category or price unknown")
    how = "as Keepa observes it" if facts.schedule_observed else "by category"
    return Cell(facts.schedule, f"the dearest of {facts.candidates}" if facts.candidates > 1 else how)
