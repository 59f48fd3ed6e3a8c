"""The channels of ``alerts.toml``: where alerts go, how often, and when not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError

from arbkit.alerts.channels.quiet_hours import QuietHours
from arbkit.alerts.rules_file import TomlTable
from arbkit.core.errors import ConfigError, did_you_mean
from arbkit.core.input.validation import Request

_ADDRESSES = ("url", "url_env", "webhook")
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._ -]{0,63}$"


class _WebhookFields(Request):
    url: SecretStr
    secret_env: str


class _ChannelFields(Request):
    """A ``[[channel]]`` of the file as it is written."""

    name: Annotated[str, Field(pattern=_NAME)]
    url: SecretStr | None = None
    url_env: str | None = None
    webhook: _WebhookFields | None = None
    digest_minutes: Annotated[float | None, Field(ge=1, le=1440)] = None
    quiet: str | None = None
    per_hour: Annotated[int | None, Field(ge=1, le=100_000)] = None


@dataclass(frozen=True, slots=True)
class AppriseAddress:
    """An address that the package apprise knows, secrets and all."""

    url: SecretStr


@dataclass(frozen=True, slots=True)
class WebhookAddress:
    """An address that takes signed POSTs, exactly as the user wrote it, and the secret that signs them."""

    url: SecretStr
    secret: SecretStr


@dataclass(frozen=True, slots=True)
class Channel:
    """Where alerts go. ``digest_s``: seconds that alerts gather for one message; ``per_hour``: most messages."""

    name: str
    address: AppriseAddress | WebhookAddress
    digest_s: float | None = None
    quiet: QuietHours | None = None
    per_hour: int | None = None


@dataclass(frozen=True, slots=True)
class BadChannel:
    """A channel that cannot be used, and why; ``lacks_variable``: it may be that only this process lacks it."""

    name: str
    error: ConfigError
    lacks_variable: bool = False


class _NoVariableError(ConfigError):
    pass


def parse_channels(
    entries: Sequence[TomlTable], where: str, environment: Mapping[str, str]
) -> tuple[list[Channel], list[BadChannel]]:
    """The channels of these tables, and those with a mistake, which leaves the others alone.

    Args:
        entries: the ``[[channel]]`` tables.
        where: the file, as errors name it.
        environment: the variables that tables may name.
    """
    good: list[Channel] = []
    bad: list[BadChannel] = []
    for number, fields in enumerate(entries, 1):
        name = str(fields.get("name", f"number {number}"))
        field = f"{where}: channel {name}"
        try:
            channel = _channel(fields, field, environment)
            if any(channel.name == other.name for other in good):
                raise ConfigError("is there twice", field=field, remedy="Give each channel a name of its own")
            good.append(channel)
        except ConfigError as error:
            bad.append(BadChannel(name, error, isinstance(error, _NoVariableError)))
    return good, bad


def _channel(fields: TomlTable, where: str, environment: Mapping[str, str]) -> Channel:
    try:
        given = _ChannelFields.model_validate(fields)
    except ValidationError as error:
        raise _fault(error, where) from None
    if sum(getattr(given, name) is not None for name in _ADDRESSES) != 1:
        remedy = "Give one of url (an apprise address), url_env (the variable that holds one) and webhook"
        raise ConfigError("has no address, or several", field=where, remedy=remedy)
    return Channel(
        given.name,
        _address(given, where, environment),
        None if given.digest_minutes is None else 60 * given.digest_minutes,
        None if given.quiet is None else _quiet(given.quiet, f"{where}: quiet"),
        given.per_hour,
    )


def _address(given: _ChannelFields, where: str, environment: Mapping[str, str]) -> AppriseAddress | WebhookAddress:
    if given.webhook is not None:
        url = given.webhook.url
        if not _is_http(url.get_secret_value()):
            raise ConfigError("is no http or https address", field=f"{where}: webhook.url")
        secret = _variable(given.webhook.secret_env, f"{where}: webhook.secret_env", environment)
        return WebhookAddress(url, secret)
    if given.url_env is not None:
        return AppriseAddress(_variable(given.url_env, f"{where}: url_env", environment))
    return AppriseAddress(given.url or SecretStr(""))


def _variable(name: str, field: str, environment: Mapping[str, str]) -> SecretStr:
    if not (value := environment.get(name, "")):
        remedy = "Set it in the environment or in .env, where arbkit is started"
        raise _NoVariableError("no such variable, or an empty one", field=field, value=name, remedy=remedy)
    return SecretStr(value)


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _quiet(text: str, field: str) -> QuietHours:
    try:
        return QuietHours.parse(text)
    except ValueError as error:
        raise ConfigError(str(error), field=field, value=text, remedy='Write it as "22:00-07:00"') from None


def _fault(error: ValidationError, where: str) -> ConfigError:
    """The first mistake in our words, an unknown name before others; what an address holds is in none of them."""
    first = min(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
    path = [str(part) for part in first["loc"]]
    field = ": ".join([where, ".".join(path)]) if path else where
    if first["type"] == "extra_forbidden":
        known = _WebhookFields.model_fields if path[0] == "webhook" else _ChannelFields.model_fields
        return ConfigError("is unknown", field=field, remedy=did_you_mean(path[-1], known, otherwise="It takes"))
    if first["type"] == "missing":
        return ConfigError("is missing", field=field)
    value: Any = None if {"url", "webhook"} & {*path} or not path else first["input"]
    return ConfigError(first["msg"].removeprefix("Value error, "), field=field, value=value)
