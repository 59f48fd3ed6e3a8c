"""What the product page's markup needs of a product's picture and codes, which come from outside."""

from __future__ import annotations

import re

from arbkit.core.models import Product

_PICTURE = re.compile(r"[\w+%-]{1,40}(?:\._[\w,+-]{1,40}_)?\.(?:jpg|jpeg|png|gif)", re.ASCII)
_MOST_EANS = 4


def picture_address(product: Product) -> str:
    """The address of the product's picture at Amazon; empty where its name is none of a picture."""
    picture = product.image or ""
    return f"https://m.media-amazon.com/images/I/{picture}" if _PICTURE.fullmatch(picture) else ""


def ean_words(product: Product) -> str:
    """The product's EANs, the first of many."""
    if not product.eans:
        return "no EAN known"
    more = len(product.eans) - _MOST_EANS
    shown = ", ".join(ean[:20] for ean in product.eans[:_MOST_EANS])
    return f"EAN {shown}" + (f" and {more} more" if more > 0 else "")
