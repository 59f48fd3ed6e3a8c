"""The address of a product's picture, whose name comes from outside."""

from __future__ import annotations

import re

IMAGE_HOST = "https://m.media-amazon.com"
IMAGE_WIDTH = 500
"""Pixels of the picture at :func:`image_url` where no other width is asked for."""
_NAME = re.compile(r"([\w+%-]{1,40})(?:\._[\w,+-]{1,40}_)?(\.(?:jpg|jpeg|png|gif))", re.ASCII)


def image_url(name: str | None, *, width: int | None = IMAGE_WIDTH) -> str | None:
    """The https address at Amazon of the picture of this name; None where that is no name of a picture.

    ``width``: pixels to which Amazon scales it, its height following; None: as it is.
    """
    if (parts := _NAME.fullmatch(name or "")) is None:
        return None
    shown = parts[0] if width is None else f"{parts[1]}._SX{width}_{parts[2]}"
    return f"{IMAGE_HOST}/images/I/{shown}"
