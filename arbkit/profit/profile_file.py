"""Seller profiles in files: TOML, several named ones side by side, each field explained."""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from arbkit.core.errors import ConfigError
from arbkit.core.results import Json
from arbkit.profit.seller_profile import Profile

logger = logging.getLogger(__name__)

_TABLES = ("customs", "assumed_package")
"""Fields that are tables: a named profile may state a part of one."""


def built_in() -> str:
    """The text of the built-in profile, which ``arbkit profile init`` writes out."""
    return resources.files("arbkit.profit").joinpath("default_profile.toml").read_text("utf-8")


def load_profile(path: Path | None, name: str | None = None) -> Profile:
    """The profile of a TOML file, or the built-in one; ``name``: that of its ``[profiles.NAME]``, else the main one.

    Raises:
        ConfigError: the file cannot be read, has no such profile, or a field is unknown, mistyped or impossible.
    """
    profiles = load_profiles(path)
    if not name:
        return next(iter(profiles.values()))
    if name not in profiles:
        raise ConfigError(
            "there is no such profile", field="ARBKIT_PROFILE", value=name, remedy=f"Use one of {list(profiles)}"
        )
    return profiles[name]


def load_profiles(path: Path | None) -> Mapping[str, Profile]:
    """All profiles of a file by name, its main one first; ``[profiles.NAME]`` holds what differs from that.

    Raises:
        ConfigError: as :func:`load_profile`.
    """
    where = "built-in profile" if path is None else str(path)
    try:
        fields = tomllib.loads(built_in() if path is None else path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"the seller profile cannot be read: {error}", field="ARBKIT_PROFILE", value=where) from None
    others = fields.pop("profiles", {})
    if not isinstance(others, Mapping):
        raise ConfigError("holds tables, as [profiles.lean]", field=f"{where}: profiles")
    profiles = {profile.name: profile for profile in _all(fields, others, where)}
    if path is not None and any(profile.assumed_package for profile in profiles.values()):
        _warn_of_assumed_package(path)
    return profiles


@cache
def _warn_of_assumed_package(path: Path) -> None:
    """Say once that the key of arbkit 0.1 no longer prices anything."""
    logger.warning(
        "%s: assumed_package is read and not used: a package that nobody measured is a range; "
        "type a size in with `arbkit facts set ASIN --size-mm … --weight-g …`",
        path,
    )


def _all(fields: Mapping[str, Json], others: Mapping[str, Json], where: str) -> Iterator[Profile]:
    yield Profile.checked(fields, where)
    for name, changes in others.items():
        if not isinstance(changes, Mapping):
            raise ConfigError("is a table of fields", field=f"{where}: profiles.{name}", value=str(changes))
        merged = {**fields, **changes, "name": name}
        for key in _TABLES:
            main, own = fields.get(key), changes.get(key)
            if isinstance(main, Mapping) and isinstance(own, Mapping):
                merged[key] = {**main, **own}
        yield Profile.checked(merged, f"{where}: profiles.{name}")
