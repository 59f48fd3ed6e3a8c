"""What the product page shows as markup. Titles, brands and EANs come from outside: the templates escape them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from arbkit.analysis.demand import Demand
from arbkit.analysis.fee_facts import FeeFacts
from arbkit.analysis.listing.match import Match
from arbkit.analysis.routes import PricedRoute
from arbkit.core.formatting import age_words, count, money, percent
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Offer, Product
from arbkit.profit.fees.bands import Provenance
from arbkit.web.dashboards.html import NO_WARNINGS, Fact, FactCell, grid_html, moment, page_html

_PICTURE = re.compile(r"[\w+%-]{1,40}(?:\._[\w,+-]{1,40}_)?\.(?:jpg|jpeg|png|gif)", re.ASCII)
_MOST_EANS = 4


def results_html(total: int, shown: int, *, searched: bool, note: str = "") -> Markup:
    """The line above the products to choose from; ``note`` where there are none at all."""
    return page_html("product_results.html.j2", total=total, shown=shown, searched=searched, note=note)


def about_html(
    product: Product, offers: Sequence[Offer], *, watched: bool, markets: Sequence[str], now: float
) -> Markup:
    """The product's name, brand, category and codes, its pages at Amazon, and the watchlist's button."""
    picture = product.image or ""
    return page_html(
        "product_about.html.j2",
        product=product,
        about=[product.brand or "no brand", product.category or "no category", f"ASIN {product.asin}", _eans(product)],
        picture=f"https://m.media-amazon.com/images/I/{picture}" if _PICTURE.fullmatch(picture) else "",
        pages=[(*_page(o.market, o.asin), age_words(now - o.updated_at)) for o in offers],
        missing=[code for code in markets if code not in {o.market for o in offers}],
        watched=watched,
    )


def unknown_html(asin: str, *, watched: bool, markets: Sequence[str]) -> Markup:
    """That a product is not in the store, and what to do."""
    pages = [_page(code, asin) for code in markets]
    return page_html("product_unknown.html.j2", asin=asin, watched=watched, pages=pages)


def _page(market: str, asin: str) -> tuple[str, str]:
    return MARKETS[market].url(asin), MARKETS[market].amazon.removeprefix("www.")


def _eans(product: Product) -> str:
    if not product.eans:
        return "no EAN known"
    more = len(product.eans) - _MOST_EANS
    shown = ", ".join(ean[:20] for ean in product.eans[:_MOST_EANS])
    return f"EAN {shown}" + (f" and {more} more" if more > 0 else "")


def warning_html(text: str) -> Markup:
    """A sentence to read before buying."""
    return page_html("product_warning.html.j2", text=text)


def route_html(route: PricedRoute) -> Markup:
    """The selected route in words, or why it cannot be priced."""
    found = route.opportunity
    return page_html(
        "product_route.html.j2",
        route=route,
        found=found,
        buy=money(route.buy_price, route.buy_currency),
        sell=money(route.sell_price, route.sell_currency),
        reasons="; ".join(found.confidence_reasons) or NO_WARNINGS if found else "",
    )


def notes_html(notes: Sequence[str]) -> Markup:
    """The notes below the chart."""
    return page_html("product_notes.html.j2", notes=notes)


def offers_html(offers: Sequence[Offer], *, now: float) -> Markup:
    """The current offers on each marketplace, in its own currency."""
    facts = [
        Fact("Price now", [_price(o.price_minor, o, why="no offer") for o in offers], "used for routes"),
        Fact("Price basis", [_text((o.price_basis or "").replace("_", " "), "no price") for o in offers]),
        Fact("Shipping", [_shipping(o) for o in offers]),
        Fact("Buy box", [_buy_box(o) for o in offers]),
        Fact("New, lowest", [_price(o.new_minor, o, why=_nobody(o.new_at, "no new offer")) for o in offers]),
        Fact("Amazon", [_price(o.amazon_minor, o, why=_nobody(o.amazon_at, "not sold by Amazon")) for o in offers]),
        Fact("90-day average", [_price(o.price_avg90_minor, o, why="too little history") for o in offers]),
        Fact("Sales rank", [_count(o.sales_rank, "no rank") for o in offers], "of each store's own category"),
        Fact("New offers", [_count(o.offers_new, "not counted") for o in offers]),
        Fact("Rating", [_rating(o) for o in offers]),
        Fact("Ratings", [_count(o.reviews, "not counted") for o in offers]),
        Fact("Sold per month", [_count(o.monthly_sold, "no badge", "at least") for o in offers]),
        Fact("Data age", [_age(o, now) for o in offers], "since Keepa's update"),
    ]
    return grid_html("Offers now, in each store's currency, VAT included", _codes(offers), facts)


def demand_html(demand: Mapping[str, Demand]) -> Markup:
    """How well it sells, and against which competition."""
    each = list(demand.values())

    def row(label: str, name: str, shown: Sequence[str], note: str = "") -> Fact:
        return Fact(label, [FactCell(t, d.why.get(name, "")) for t, d in zip(shown, each, strict=True)], note)

    facts = [
        row("Sold per month", "monthly_sold", [_or_none(d.monthly_sold) for d in each], "Amazon's badge: at least"),
        row("Rank drops, 30 days", "rank_drops30", [_or_none(d.rank_drops30) for d in each], "each: one or more sales"),
        row("Rank drops, 90 days", "rank_drops90", [_or_none(d.rank_drops90) for d in each]),
        row("Sales rank", "rank", [_or_none(d.rank) for d in each]),
        row("New offers", "offers", [_or_none(d.offers) for d in each], "sharing the sales"),
        row(
            "Amazon's share of the buy box", "amazon_share90_pct",
            ["" if d.amazon_share90_pct is None else percent(d.amazon_share90_pct, 0) for d in each], "of 90 days",
        ),
        row(
            "Amazon as seller", "amazon_sells",
            ["" if d.amazon_sells is None else "yes" if d.amazon_sells else "no" for d in each],
        ),
        row(
            "Out of stock", "out_of_stock90_pct",
            ["" if d.out_of_stock90_pct is None else percent(d.out_of_stock90_pct, 0) for d in each], "of 90 days",
        ),
    ]  # fmt: skip
    return grid_html("Demand and competition", list(demand), facts)


def fees_html(facts: Mapping[str, FeeFacts], tables: Sequence[Provenance]) -> Markup:
    """Package, size tier, fees and category on each marketplace, and where the tables come from."""
    each = list(facts.values())
    rows = [
        Fact("Package", [_package(f) for f in each]),
        Fact(
            "Weight",
            [FactCell(f"{f.weight_g:,.0f} g" if f.weight_g else "", "" if f.weight_g else "not known") for f in each],
        ),
        Fact("Size tier", [_text(f.size_tier or "", "size or weight unknown") for f in each]),
        Fact(
            "Billed weight",
            [
                FactCell(f"{f.billing_kg:.2f} kg" if f.billing_kg else "", "" if f.billing_kg else "unknown")
                for f in each
            ],
        ),
        Fact("FBA fee by table", [_table_fee(f) for f in each], "local, net"),
        Fact("FBA fee, observed", [_keepa_fee(f) for f in each], "by Keepa, net"),
        Fact("Fee used", [_used(f) for f in each]),
        Fact("Category", [_text(f.category or "", "not known") for f in each]),
        Fact("Referral fee", [_referral(f) for f in each], "of the shop price"),
        Fact("Schedule", [_schedule(f) for f in each]),
        Fact(
            "Closing fee",
            [
                FactCell(money(f.closing_fee, _currency(f)), "" if f.closing_fee is not None else "unknown")
                for f in each
            ],
        ),
        Fact("VAT", [FactCell("" if f.vat_pct is None else f"{f.vat_pct:g} %", f.vat_class) for f in each]),
    ]
    return page_html("product_fees.html.j2", markets=list(facts), facts=rows, tables=tables)


def match_html(offers: Sequence[Offer], matches: Sequence[Match]) -> Markup:
    """Whether the listings are of the same product: what each says, and the verdict on every pair with its evidence."""
    listings = [
        Fact("Title", [_text((o.title or "")[:300], "none") for o in offers]),
        Fact("Brand", [_text((o.brand or "")[:80], "none") for o in offers]),
        Fact("EAN", [_text(", ".join(o.eans[:3]), "none") for o in offers]),
        Fact("Units in the package", [_count(o.package_quantity, "not stated by Keepa") for o in offers]),
        Fact("Picture", [_text(o.image or "", "none") for o in offers], "its file name at Amazon"),
    ]
    return page_html(
        "product_match.html.j2",
        markets=_codes(offers),
        listings=listings if len(offers) > 1 else (),
        matches=sorted(matches, key=lambda m: m.verdict == "same"),
    )


def _codes(offers: Sequence[Offer]) -> list[str]:
    return [o.market for o in offers]


def _price(minor: int | None, offer: Offer, *, why: str) -> FactCell:
    return FactCell("", why) if minor is None else FactCell(money(minor / 100, offer.currency))


def _nobody(at: int | None, there_is_none: str) -> str:
    return "not checked by Keepa" if at is None else there_is_none


def _buy_box(offer: Offer) -> FactCell:
    if offer.buy_box_minor is None:
        return FactCell("", _nobody(offer.buy_box_at, "no holder"))
    holder = (
        "held by Amazon"
        if offer.buy_box_is_amazon
        else {True: "held by FBA", False: "held by FBM"}.get(
            offer.buy_box_is_fba  # type: ignore[arg-type]  # None is not in it
        )
    )
    return FactCell(money(offer.buy_box_minor / 100, offer.currency), holder or "")


def _shipping(offer: Offer) -> FactCell:
    if offer.shipping_minor is None:
        return FactCell("", "not stated, assumed none" if offer.price_minor is not None else "no price")
    return FactCell("none" if offer.shipping_minor == 0 else money(offer.shipping_minor / 100, offer.currency))


def _rating(offer: Offer) -> FactCell:
    return FactCell("", "none yet") if offer.rating is None else FactCell(f"{offer.rating:.1f} of 5")


def _age(offer: Offer, now: float) -> FactCell:
    return FactCell(age_words(now - offer.updated_at), moment(offer.updated_at))


def _count(number: int | None, why: str, small: str = "") -> FactCell:
    return FactCell("", why) if number is None else FactCell(count(number), small)


def _or_none(number: int | None) -> str:
    return "" if number is None else count(number)


def _text(text: str, why: str) -> FactCell:
    return FactCell(text) if text else FactCell("", why)


def _currency(facts: FeeFacts) -> str:
    return MARKETS[facts.market].currency


def _package(facts: FeeFacts) -> FactCell:
    if facts.sides_mm is None:
        return FactCell("", "not known on any marketplace")
    shown = " × ".join(f"{side:g}" for side in sorted(facts.sides_mm, reverse=True)) + " mm"
    if facts.package_from == "profile":
        return FactCell(shown, "assumed, from the seller profile", "warn")
    return FactCell(shown, "" if facts.package_from == facts.market else f"from the {facts.package_from} listing")


def _table_fee(facts: FeeFacts) -> FactCell:
    if facts.table_fee is None:
        return FactCell("", "no fee for this size")
    return FactCell(money(facts.table_fee, _currency(facts)), "Low-Price FBA" if facts.low_price else "")


def _keepa_fee(facts: FeeFacts) -> FactCell:
    if facts.keepa_fee is None:
        return FactCell("", "none from Keepa")
    shown = money(facts.keepa_fee, _currency(facts))
    seen = "" if facts.keepa_fee_at is None else f"of {moment(facts.keepa_fee_at)[:10]}"
    return FactCell(shown, seen)


def _used(facts: FeeFacts) -> FactCell:
    if facts.keepa_fee_used:
        away = None if facts.table_fee is None else (facts.keepa_fee or 0.0) - facts.table_fee
        if away is None or abs(away) < 0.005:
            return FactCell("observed fee")
        return FactCell(
            "observed fee", f"{money(abs(away), _currency(facts))} {'above' if away > 0 else 'below'} the table"
        )
    if facts.table_fee is None:
        return FactCell("", "unknown")
    other_side = "" if facts.keepa_fee is None else "Keepa's is for another price"
    return FactCell("table fee", other_side)


def _referral(facts: FeeFacts) -> FactCell:
    if facts.referral_fee is None:
        return FactCell("", "category or price unknown")
    seen = "" if facts.keepa_referral_pct is None else f"Keepa: {facts.keepa_referral_pct:.2f} %"
    return FactCell(f"{percent(facts.referral_pct)}, {money(facts.referral_fee, _currency(facts))}", seen)


def _schedule(facts: FeeFacts) -> FactCell:
    if facts.schedule is None:
        return FactCell("", "category or price unknown")
    how = "as observed by Keepa" if facts.schedule_observed else "by category"
    if facts.candidates > 1:
        how = f"{'higher' if facts.candidates == 2 else 'highest'} of {facts.candidates} possible rates"
    return FactCell(facts.schedule, how)
