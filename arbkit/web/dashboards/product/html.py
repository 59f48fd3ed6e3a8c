"""What the product page's markup says of a product's picture and codes, which come from outside, and of looks."""

from __future__ import annotations

from arbkit.core.formatting import age_words
from arbkit.core.models import Product
from arbkit.core.offers.images import image_url
from arbkit.core.offers.looks import Look

_MOST_EANS = 4


def picture_address(product: Product) -> str:
    """The address of the product's picture at Amazon; empty where its name is none of a picture."""
    return image_url(product.image, width=None) or ""


def ean_words(product: Product) -> str:
    """The product's EANs, the first of many."""
    if not product.eans:
        return "no EAN known"
    more = len(product.eans) - _MOST_EANS
    shown = ", ".join(ean[:20] for ean in product.eans[:_MOST_EANS])
    return f"EAN {shown}" + (f" and {more} more" if more > 0 else "")


def look_words(look: Look, now: float) -> str:
    """What became of a fresh look that was asked for."""
    match look.status:
        case "waiting":
            words = f"queued {age_words(now - look.asked_at)} ago"
        case _:
            words = f"{look.status} {age_words(now - (look.answered_at or look.asked_at))} ago"
    return f"{words}: {look.why}" if look.why else words
