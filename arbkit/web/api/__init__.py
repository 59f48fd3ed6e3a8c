"""The REST API: what the store holds, over HTTP. ``arbkit api`` serves it; ``/docs`` describes it."""

from arbkit.web.api.app import create_app

__all__ = ["create_app"]
