"""What answers tell a browser not to do: the same on the API and on the dashboards."""

from __future__ import annotations

from collections.abc import Mapping

from arbkit.core.offers.images import IMAGE_HOST

SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # An address names products and limits that are the user's own business.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def policy(**directives: str) -> str:
    """A Content-Security-Policy: directives by name (with ``_`` for ``-``), beside what no page here may do."""
    given = {name.replace("_", "-"): sources for name, sources in directives.items()}
    always = {"object-src": "'none'", "base-uri": "'none'", "form-action": "'self'", "frame-ancestors": "'none'"}
    return "; ".join(f"{name} {sources}" for name, sources in {**always, **given}.items())


NOTHING_ACTIVE = policy(default_src="'none'", form_action="'none'")
"""For answers that are data, or text."""
STATIC_PAGE = policy(default_src="'none'", style_src="'unsafe-inline'", img_src="data:")
"""For pages without a script."""


def dashboard_page(*, thumbnails: bool) -> str:
    """For the dashboards; ``thumbnails``: pictures of products come from Amazon."""
    return policy(
        default_src="'self'",
        # Voilà's own pages hold scripts; widgets and charts are modules made from blobs, and compile what they check.
        script_src="'self' 'unsafe-inline' 'unsafe-eval' blob:",
        style_src="'self' 'unsafe-inline'",
        img_src=f"'self' data: blob:{f' {IMAGE_HOST}' if thumbnails else ''}",
        font_src="'self' data:",
        worker_src="'self' blob:",
    )
