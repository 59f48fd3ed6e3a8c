"""The REST API for an ASGI server: ``uvicorn apps.api:app``."""

from arbkit.core.settings import Settings
from arbkit.web.api import create_app

app = create_app(Settings.load())
