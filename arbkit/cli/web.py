"""Commands that serve a browser: the REST API, the dashboards, JupyterLab."""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING

import typer

from arbkit.cli.shared import JSON, answer, load_settings, print_table, say, warn_of_exposures
from arbkit.core.errors import UsageError
from arbkit.core.formatting import age_words, utc_time
from arbkit.core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from arbkit.core.service.api_keys import ApiKey

logger = logging.getLogger(__name__)

_GRACE_S = 5
"""How long open requests may take to finish; less than the supervisor waits."""


api = typer.Typer(name="api", help="Serve the REST API, or hand out keys for it.")


@api.callback(invoke_without_command=True)
def api_serve(context: typer.Context) -> None:
    """Serve the REST API over the store."""
    if context.invoked_subcommand is not None:
        return
    import uvicorn

    from arbkit.core.service.addresses import base_url, listen
    from arbkit.core.service.process import die_with_parent, stop_on_signals
    from arbkit.web.api import create_app
    from arbkit.web.bounds import LARGEST_HEADERS, BoundedConnection

    given = load_settings(early=True)
    settings = _with_a_key(given)
    warn_of_exposures(given)
    die_with_parent()
    # uvicorn raises the signal again after its own handlers: with ours installed, the exit status is 0.
    stop_on_signals()
    app = create_app(settings)

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            # Streams of events never end of themselves, and what is left is waited for.
            app.state.feed.stop()
            super().handle_exit(sig, frame)

    with listen(settings.host, settings.api_port, "ARBKIT_API_PORT") as listening:
        port = listening.getsockname()[1]
        logger.info("the API is at %s, documented under /docs", base_url(settings.host, port))
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=_GRACE_S,
            http=BoundedConnection,
            h11_max_incomplete_event_size=LARGEST_HEADERS,
        )
        Server(config).run(sockets=[listening])


def _with_a_key(settings: Settings) -> Settings:
    """The settings with a token where the API can be reached from outside and nobody has made a key."""
    from pydantic import SecretStr

    from arbkit.core.service.addresses import is_loopback
    from arbkit.core.service.api_keys import KeyRing, home_token, token_file

    if is_loopback(settings.host) or KeyRing(settings).has_any():
        return settings
    path = token_file(settings)
    logger.warning(
        "%s can be reached from outside; the API asks for a key, such as the token in %s", settings.host, path
    )
    return settings.model_copy(update={"token": SecretStr(home_token(settings))})


keys = typer.Typer(name="keys", help="Keys for the REST API: add, list and revoke them.", no_args_is_help=True)
api.add_typer(keys)


@keys.command("add")
def keys_add(
    name: str = typer.Argument(..., help="Who or what it is for: up to 64 letters, digits, dots, dashes."),
    scope: str = typer.Option("read", help="read, write (and read), or admin (and keys)."),
    expires: str | None = typer.Option(None, help="How long it is good, as 90d, 12h or 30m (default: until revoked)."),
    json: bool = JSON,
) -> None:
    """Make a key, and show it this once."""
    from arbkit.core.service.api_keys import KeyRing, parse_duration, parse_scope

    lasts_s = None if expires is None else parse_duration(expires)
    made = KeyRing(load_settings()).add(name, parse_scope(scope), lasts_s=lasts_s)

    def show(_: Mapping[str, str | ApiKey]) -> None:
        say(f"{made.about.name} ({made.about.scope}, {_until(made.about)}): shown this once")
        say(made.secret, whole=True)

    answer({"key": made.secret, "about": made.about}, json, show)


@keys.command("list")
def keys_list(json: bool = JSON) -> None:
    """List the keys: what each lets in to, until when, and when it was last used."""
    from arbkit.core.service.api_keys import KeyRing

    found = KeyRing(load_settings()).listed()

    def show(_: Mapping[str, list[ApiKey] | int]) -> None:
        rows = [(key.name, key.scope, utc_time(key.created_at), _until(key), _used(key)) for key in found]
        print_table(("key", "scope", "made", "good", "last used"), rows)

    answer({"items": found, "total": len(found)}, json, show)


@keys.command("revoke")
def keys_revoke(name: str = typer.Argument(..., help="The name of the key.")) -> None:
    """Let a key in no more, from now on; what it reads at this moment ends too."""
    from arbkit.core.service.api_keys import KeyRing

    if not KeyRing(load_settings()).revoke(name):
        raise UsageError("there is no such key", field="NAME", value=name, remedy="See `arbkit api keys list`")
    say(f"{name} is revoked")


def _until(key: ApiKey) -> str:
    if key.expires_at is None:
        return "until revoked"
    return f"{'expired' if key.expires_at <= time.time() else 'until'} {utc_time(key.expires_at)}"


def _used(key: ApiKey) -> str:
    return "never" if key.used_at is None else f"{age_words(time.time() - key.used_at, days='days')} ago"


def dashboards() -> None:
    """Serve the Voilà dashboards."""
    from arbkit.core.service.addresses import TOKEN_IS_NEW, dashboard_url, listen, with_token
    from arbkit.core.service.process import die_with_parent, skip_iri_grammar

    skip_iri_grammar()
    from arbkit.web.dashboards.voila_server import run_dashboards

    given = load_settings(early=True)
    warn_of_exposures(given)
    die_with_parent()
    listening = listen(given.host, given.dashboards_port, "ARBKIT_DASHBOARDS_PORT")
    port = listening.getsockname()[1]
    settings = with_token(given).model_copy(update={"dashboards_port": port})
    # The user's own token is a secret; a generated one must be shown, or nobody could log in.
    own = given.token.get_secret_value()
    logger.info("the dashboards are at %s", dashboard_url(settings, with_its_token=not own))
    run_dashboards(settings, listening, own_token="" if TOKEN_IS_NEW in os.environ else own)


def lab(browser: bool = typer.Option(True, help="Open a browser.")) -> None:
    """Open the notebooks in JupyterLab."""
    from arbkit.core.service.process import stop_on_signals
    from arbkit.web.dashboards.voila_server import lab as run

    sys.exit(run(load_settings(early=True), browser=browser, stop=stop_on_signals()))


def register(app: typer.Typer) -> None:
    """Add ``api``, ``dashboards`` and ``lab`` to the command line."""
    app.add_typer(api)
    for command in (dashboards, lab):
        app.command()(command)
