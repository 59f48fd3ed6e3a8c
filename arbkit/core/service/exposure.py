"""What others could read or change: secrets sent in plain text, a ``.env`` or a home that is open to every user."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_settings import DotEnvSettingsSource

from arbkit.core.input.env_file import env_file as settings_file
from arbkit.core.results import JsonObject
from arbkit.core.service.addresses import is_loopback
from arbkit.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Exposure:
    """What others could read, and the remedy."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}. {self.remedy}"


def exposures(settings: Settings, *, env_file: Path | None = None) -> list[Exposure]:
    """Every secret of these settings that others could read, and what they could change; shows none of them."""
    env_file = env_file or settings_file()
    found = [*_on_their_way(settings), *_on_the_disk(settings, env_file), *_in_channels(settings)]
    return [*found, *_open_to_changes(settings, env_file)]


def _on_their_way(settings: Settings) -> Iterator[Exposure]:
    if settings.keepa_api_key.get_secret_value() and not settings.demo_mode and _is_plain(settings.source_url):
        what = f"ARBKIT_KEEPA_URL: the Keepa key goes to {_host(settings.source_url)} in plain text"
        yield Exposure(what, "Use https://")
    has_secret = settings.store_api_key.get_secret_value() or urlsplit(settings.store_url).password
    if has_secret and _is_plain(settings.store_url):
        what = f"ARBKIT_STORE: its password or API key goes to {_host(settings.store_url)} in plain text"
        yield Exposure(what, "Use https://")


def _on_the_disk(settings: Settings, env_file: Path) -> Iterator[Exposure]:
    try:
        mode = env_file.stat().st_mode
        held = DotEnvSettingsSource(Settings, env_file=env_file).env_vars
    except (OSError, ValueError):
        return
    secrets = {Settings.variable(name) for name, one in Settings.model_fields.items() if one.annotation is SecretStr}
    secrets |= {name.upper() for one in _channels(_alerts_path(settings)) for name in _variables_of(one)}
    named = sorted(name.upper() for name, value in held.items() if value and name.upper() in secrets)
    # Windows has no such bits.
    if os.name != "nt" and named and mode & (stat.S_IRGRP | stat.S_IROTH):
        what = f"{env_file}: other users of this machine may read it, and it holds {', '.join(named)}"
        yield Exposure(what, f"chmod 600 {env_file}")


def _in_channels(settings: Settings) -> Iterator[Exposure]:
    """Addresses of channels hold passwords and tokens, unless variables hold the addresses."""
    path = _alerts_path(settings)
    with suppress(OSError):
        written = any("url" in one for one in _channels(path))
        if os.name != "nt" and written and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            what = f"{path}: other users of this machine may read it, and it holds addresses of channels"
            yield Exposure(what, f"chmod 600 {path}, or name variables that hold them (url_env)")


def _alerts_path(settings: Settings) -> Path:
    return settings.alerts or settings.user_folder / "alerts.toml"


def _channels(path: Path) -> list[JsonObject]:
    """The tables of channels in a file as they are written; none where it cannot be read."""
    try:
        found = tomllib.loads(path.read_text("utf-8")).get("channel", [])
    except (OSError, ValueError):
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _variables_of(channel: JsonObject) -> list[str]:
    """The variables that hold the address or the secret of a channel."""
    webhook = channel.get("webhook")
    names = [channel.get("url_env"), webhook.get("secret_env") if isinstance(webhook, dict) else None]
    return [name for name in names if isinstance(name, str)]


def _open_to_changes(settings: Settings, env_file: Path) -> Iterator[Exposure]:
    # Windows has neither such bits nor such owners.
    if os.name == "nt":
        return
    with suppress(OSError):
        found = env_file.stat()
        if found.st_uid not in (0, os.geteuid()):
            what = f"{env_file}: belongs to another user, who may send the Keepa key elsewhere by it"
            yield Exposure(what, "Make one of your own")
        elif found.st_mode & stat.S_IWOTH:
            what = f"{env_file}: every user may change it, and send the Keepa key elsewhere by it"
            yield Exposure(what, f"chmod 600 {env_file}")
    with suppress(OSError):
        if settings.home.stat().st_mode & stat.S_IWOTH:
            what = f"{settings.home}: every user may change log, store and notebooks there"
            yield Exposure(what, f"chmod o-w {settings.home}")


def _is_plain(url: str) -> bool:
    return urlsplit(url).scheme == "http" and not is_loopback(_host(url))


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
