"""What the product page's markup says of a product's picture and codes, which come from outside, and of looks."""

from __future__ import annotations

from arbkit.core.formatting import age_words
from arbkit.core.offers.images import image_url
from arbkit.core.offers.looks import Look
from arbkit.core.offers.product import Product


def picture_address(product: Product) -> str:
    """The address of the product's picture at Amazon; empty where its name is none of a picture."""
    return image_url(product.image, width=None) or ""


def look_words(look: Look, now: float) -> str:
    """What became of a fresh look that was asked for."""
    match look.status:
        case "waiting":
            words = f"queued {age_words(now - look.asked_at)} ago"
        case _:
            words = f"{look.status} {age_words(now - (look.answered_at or look.asked_at))} ago"
    return f"{words}: {look.why}" if look.why else words
