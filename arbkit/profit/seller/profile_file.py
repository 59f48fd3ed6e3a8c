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
from arbkit.profit.seller.profile import Profile

logger = logging.getLogger(__name__)

_TABLES = ("customs", "assumed_package", "input_vat")
"""Fields that are tables: a named profile may state a part of one."""
_OF_CEP = ("PL", "CZ")
"""Where German stock also lies with ``warehouses = "cep"``."""


def built_in() -> str:
    """The text of the built-in profile, which ``arbkit profile init`` writes out."""
    return resources.files("arbkit.profit.seller").joinpath("default_profile.toml").read_text("utf-8")


@cache
def _built_in_fields() -> Mapping[str, Json]:
    """The fields of the built-in profile, read once a process."""
    return tomllib.loads(built_in())


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
    profiles = {}
    for place, fields in _stated(path, where):
        profile = Profile.checked(fields if path is None else {**fields, **_inherited(fields)}, place)
        profiles[profile.name] = profile
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


def inherited_fields(path: Path | None) -> dict[str, dict[str, Json]]:
    """What each profile of a file leaves out and takes from the built-in one: fields with their values, by name.

    Fields of tables as ``customs.duty_pct``.

    Raises:
        ConfigError: as :func:`load_profile`.
    """
    if path is None:
        return {}
    found: dict[str, dict[str, Json]] = {}
    for name, (_, fields) in zip(load_profiles(path), _stated(path, str(path)), strict=True):
        flat: dict[str, Json] = {}
        for field, value in _inherited(fields).items():
            own = fields.get(field)
            if isinstance(value, Mapping):
                stated = own if isinstance(own, Mapping) else {}
                flat |= {f"{field}.{key}": inner for key, inner in value.items() if key not in stated}
            else:
                flat[field] = value
        found[name] = flat
    return found


def _inherited(fields: Mapping[str, Json]) -> dict[str, Json]:
    """The built-in values of what a profile leaves out; a table that it states in part is whole again."""
    found: dict[str, Json] = {}
    for name, value in _built_in_fields().items():
        own = fields.get(name)
        if name not in fields:
            found[name] = _registrations(fields, value) if name == "registrations" else value
        elif isinstance(value, Mapping) and isinstance(own, Mapping):
            kept = {k: v for k, v in value.items() if k != "duty_pct" or "duty_preset" not in own}
            found[name] = {**kept, **own}
    found.pop("name", None)
    return found


def _registrations(fields: Mapping[str, Json], built_in_ones: Json) -> Json:
    """The VAT numbers of a profile that names none: the built-in ones if it is at home where the built-in one is.

    Elsewhere nobody knows them: only those that what it states takes, with ``cep`` and Pan-EU.
    """
    if fields.get("vat_status") == "unregistered" or not isinstance(built_in_ones, list):
        return []
    methods = fields.get("fulfilment")
    spread = isinstance(methods, list) and "pan-eu" in methods
    elsewhere = fields.get("home") not in (None, _built_in_fields()["home"])
    known = built_in_ones if spread or not elsewhere else []
    return [*known, *(_OF_CEP if fields.get("warehouses") == "cep" else ())]


def _stated(path: Path | None, where: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """The fields that a file states for each of its profiles, and where they stand."""
    try:
        fields = tomllib.loads(built_in() if path is None else path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"the seller profile cannot be read: {error}", field="ARBKIT_PROFILE", value=where) from None
    others = fields.pop("profiles", {})
    if not isinstance(others, Mapping):
        raise ConfigError("holds tables, as [profiles.lean]", field=f"{where}: profiles")
    yield where, fields
    for name, changes in others.items():
        if not isinstance(changes, Mapping):
            raise ConfigError("is a table of fields", field=f"{where}: profiles.{name}", value=str(changes))
        merged = {**fields, **changes, "name": name}
        for key in _TABLES:
            main, own = fields.get(key), changes.get(key)
            if isinstance(main, Mapping) and isinstance(own, Mapping):
                merged[key] = {**main, **own}
        yield f"{where}: profiles.{name}", merged
