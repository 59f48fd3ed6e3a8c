"""An empty store filled with the demo market, by the way that all data goes, within this process."""

from __future__ import annotations

import threading

from arbkit.core.errors import UsageError
from arbkit.core.settings import Settings
from arbkit.store.mode import settle_mode


def fill_demo(settings: Settings) -> None:
    """Run a demo market, look at its whole watchlist once, enrich and store it, and detect.

    Raises:
        UsageError: prices come from Keepa or from imported files: invented ones must not mix with them.
        ConfigError, ServiceError: a setting is wrong, or log or store cannot be used.
    """
    mode = settle_mode(settings).mode
    if mode != "demo":
        reason = "there is a Keepa key" if mode == "keepa" else "the store holds real products"
        why = f"{reason}, and invented prices must not mix with real ones"
        remedy = "Run `arbkit up`, or try arbkit.open(demo=True, home='var/demo')"
        raise UsageError(why, field="fill_demo", remedy=remedy)
    from arbkit.alerts.announcer import Announcer
    from arbkit.analysis import detection
    from arbkit.ops.setup import initialise
    from arbkit.pipeline.consumer import drain
    from arbkit.pipeline.producer import produce
    from arbkit.sources.demo.server import DemoServer

    initialise(settings)
    stop = threading.Event()
    with DemoServer("127.0.0.1", 0, speed=settings.demo_speed) as server:
        produce(settings.model_copy(update={"keepa_url": server.url}), once=True, stop=stop)
    drain(settings, stop=stop)
    detection.run(settings, run_id="fill-demo", announcing=Announcer(settings))
