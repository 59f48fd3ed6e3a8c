"""One ``Settings`` object, built once from the environment and ``.env`` and passed in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.input.env_file import as_path, check_lines, env_file, home_around, placed
from arbkit.core.input.faults import first_fault
from arbkit.core.marketplaces import market

KEEPA_SERVICE = "https://api.keepa.com"
Port = Annotated[int, Field(ge=0, le=65535)]
Mode = Literal["demo", "keepa", "imported"]
"""Where prices come from; ``imported``: from files alone, nothing is polled."""
MODE_WORDS: Mapping[Mode, str] = {
    "demo": "DEMO market: invented products and prices",
    "keepa": "prices from Keepa",
    "imported": "imported data only",
}
_PASSWORD = re.compile(r"(://[^/\s:@]*):[^\s]*@")
_REPLICAS = re.compile(r"(?P<least>[0-9]{1,3})(-(?P<most>[0-9]{1,3}|all))?")
_REFRESH = re.compile(r"[1-9][0-9]{0,8}(ms|s|m)")
SettingValue = str | float | bool | Path | SecretStr | tuple[str, ...] | None
"""What a setting can be, as it is given by name."""
_EmptyIsNone = BeforeValidator(lambda v: None if v == "" else v)
_HomePath = Annotated[Path, BeforeValidator(lambda v: as_path(v) or Path("var"))]
_Folder = Annotated[Path, BeforeValidator(lambda v: as_path(v) or Path())]
_File = Annotated[Path | None, BeforeValidator(as_path)]
_Seconds = Annotated[float, Field(gt=0, le=366 * 86_400)]
"""At most a year: the system itself waits no longer than some centuries."""
_OptionalPort = Annotated[Port | None, _EmptyIsNone]


class Settings(BaseSettings):
    """Everything a user can set, under the names of the README's table.

    Build it with :meth:`load`, which turns a bad value into one clear ``ConfigError``.
    """

    # Windows editors begin a file with a mark that would become part of its first name.
    model_config = SettingsConfigDict(
        env_prefix="ARBKIT_", env_file=".env", env_file_encoding="utf-8-sig", extra="ignore", frozen=True,
        populate_by_name=True,
    )  # fmt: skip

    keepa_api_key: SecretStr = Field(
        SecretStr(""),
        validation_alias=AliasChoices("KEEPA_API_KEY", "keepa_api_key"),
        description="Keepa API key; without one arbkit uses what is imported, or else the demo market",
    )
    key_elsewhere: Annotated[bool | None, _EmptyIsNone] = Field(
        None, description="1: the producer has the Keepa key, and this process need not know it"
    )
    demo: Annotated[bool | None, _EmptyIsNone] = Field(
        None, description="1 forces the demo market, 0 forbids it; empty: where there is no key and nothing imported"
    )
    keepa_url: str = Field("", description="base URL of a Keepa-compatible service; empty: chosen by mode")
    demo_url: str = Field("", description="base URL of a demo market that runs elsewhere; empty: that of this machine")
    keepa_buybox: bool = Field(True, description="ask Keepa for buy box data (3 tokens a product instead of 1)")
    home: _HomePath = Field(Path("var"), description="folder for everything the program writes")
    folder: _Folder = Field(
        Path(), description="folder with alerts, profile and schedule.toml, and watchlist.txt; empty: the current one"
    )
    shared: _File = Field(
        None, description="folder that services with homes of their own share: user/, health/, reports/; empty: none"
    )
    log: str = Field("", description="address of the log; empty: sqlite:///$ARBKIT_HOME/arbkit.db")
    store: str = Field("", description="address of the store; empty: the same file as the log")
    kafka_options: SecretStr = Field(SecretStr(""), description="librdkafka's own settings as JSON: SASL, TLS, …")
    kafka_group_protocol: Literal["consumer", "classic"] = Field(
        "consumer", description="consumer (Kafka 4 and newer), or classic for older brokers"
    )
    kafka_instance_id: str = Field(
        "", max_length=249, pattern=r"^[A-Za-z0-9._-]*$",
        description="name of this consumer, its own in the group: restarted soon it has its partitions back at once",
    )  # fmt: skip
    store_api_key: SecretStr = Field(SecretStr(""), description="API key of Elasticsearch")
    store_ca: _File = Field(None, description="certificates that Elasticsearch is known by")
    store_prefix: str = Field("arbkit-", description="what the names of all Elasticsearch indices begin with")
    store_shards: int = Field(
        1, ge=1, le=1024, description="shards of each large Elasticsearch index; another number needs `init --migrate`"
    )
    store_replicas: str = Field(
        "0-1", description="copies of each shard: a number, or a range (0-1, 0-all) of which as many as nodes allow"
    )
    store_refresh: str = Field(
        "", description="how soon a search of Elasticsearch sees others' writes, as 500ms or 1m; empty: 1s, once asked"
    )
    markets: Annotated[tuple[str, ...], NoDecode] = Field(
        ("DE", "FR", "IT", "ES", "UK"), description="marketplaces to watch, comma separated"
    )
    watchlist: _File = Field(
        None, description="file with one ASIN a line; empty: watchlist.txt, or the demo market's own list"
    )
    profile_name: str = Field("", description="one of the profiles in that file; empty: its main one")
    profile: _File = Field(None, description="seller profile; empty: profile.toml if there, else the built-in one")
    alerts: _File = Field(None, description="alerts: rules and channels; empty: alerts.toml, else the built-in rule")
    verdict: _File = Field(None, description="rules of the verdict; empty: verdict.toml if there, else built-in ones")
    schedule: _File = Field(None, description="when reports run; empty: schedule.toml if there, else the built-in one")
    reports: _File = Field(None, description="folder of your own report notebooks; empty: reports beside schedule.toml")
    pages: _File = Field(None, description="folder of your own dashboard pages; empty: apps beside schedule.toml")
    report_time_limit: _Seconds = Field(1800, description="seconds that a run of a report may take")
    report_keep: int = Field(100, ge=0, description="run folders of each report that stay, beside the latest; 0: all")
    report_keep_days: float = Field(0, ge=0, le=36_600, description="days for which all others stay too; 0: none")
    host: str = Field("127.0.0.1", description="address to bind")
    api_port: Port = Field(8000, description="port of the REST API; 0 = any free port")
    dashboards_port: Port = Field(8866, description="port of the dashboards; 0 = any free port")
    dashboard_pages: int = Field(
        10, ge=1, le=1000, description="dashboards open at once, up to 180 MB each; fewer if memory is short"
    )
    lab_port: Port = Field(8888, description="port of `arbkit lab`; the next free one if taken, 0 = any free port")
    browser: bool = Field(True, description="1: `arbkit up` and `arbkit lab` open a browser, if there is a display")
    thumbnails: bool = Field(False, description="1: pages show pictures of products, which browsers load from Amazon")
    demo_port: Port = Field(8010, description="port of the demo market; 0 = any free port")
    token: SecretStr = Field(
        SecretStr(""), description="token of the dashboards, and an admin key of the API; empty: a new one"
    )
    api_rate: Annotated[Annotated[int, Field(ge=0)] | None, _EmptyIsNone] = Field(
        None, description="requests a minute of each caller of the API; 0: no limit; empty: 600 off loopback, else none"
    )
    cors: str = Field("", description="origins whose pages may call the API, comma separated; empty: none")
    poll_interval: _Seconds = Field(300, description="seconds between looks when tokens allow")
    look_tokens: int = Field(
        600, ge=0, description="tokens a day that looks asked for beside the watchlist may cost; 0: none are taken"
    )
    call_tokens: int = Field(300, ge=1, description="tokens that one call to Keepa may cost; dearer ones are refused")
    discovery_share: float = Field(0, ge=0, le=100, description="percent of the tokens to find new products; 0: none")
    detect_interval: _Seconds = Field(
        300, description="seconds that products wait for a detector before the scheduler prices all"
    )
    demo_speed: float = Field(60, ge=0, le=100_000, description="how many demo seconds pass in a real one")
    log_retention_hours: float = Field(168, gt=0, le=1e9, description="how long the log keeps a message")
    log_retention_mb: float = Field(2048, gt=0, le=1e12, description="how large a topic may grow before its oldest go")
    dead_letter_share: float = Field(
        0.5, gt=0, le=1, description="share of unusable records at which the consumer stops; 1: never"
    )
    dead_letter_run: int = Field(250, ge=0, description="unusable records in a row that stop the consumer; 0: never")
    recalibrate: bool = Field(True, description="widen forecasts by how earlier ones came out, once enough are scored")
    producer_metrics_port: _OptionalPort = Field(
        None, description="port of the producer's own Prometheus metrics; 0 = any free port, empty: none"
    )
    consumer_metrics_port: _OptionalPort = Field(
        None, description="port of a consumer's own Prometheus metrics; 0 = any free port, empty: none"
    )

    @field_validator("markets", mode="before")
    @classmethod
    def _markets(cls, value: Any) -> tuple[str, ...]:
        codes = value.split(",") if isinstance(value, str) else list(value)
        try:
            known = tuple(dict.fromkeys(market(code).code for code in codes if code.strip()))
        except UsageError as error:
            raise ValueError(str(error)) from None
        if not known:
            raise ValueError("name at least one marketplace")
        return known

    @field_validator("log", "store")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not _is_address(value):
            raise ValueError("use sqlite:///PATH, kafka://HOST:PORT (log) or http(s)://HOST:PORT (store)")
        return value

    @field_validator("store_replicas")
    @classmethod
    def _replicas(cls, value: str) -> str:
        found = _REPLICAS.fullmatch(value)
        if found is None or (found["most"] and found["most"] != "all" and int(found["least"]) > int(found["most"])):
            raise ValueError("use a number, such as 1, or a range, such as 0-1 or 0-all")
        return value

    @field_validator("store_refresh")
    @classmethod
    def _refresh(cls, value: str) -> str:
        if value and _REFRESH.fullmatch(value) is None:
            raise ValueError("use a time of at least 1ms with its unit: ms, s or m, such as 500ms or 1s")
        return value

    @classmethod
    def load(cls, **overrides: SettingValue) -> Self:
        """The settings of this process, with ``overrides`` by field name on top.

        Raises:
            ConfigError: a value cannot be used; names the setting, the value and the remedy.
        """
        file = overrides.get("_env_file", env_file())
        values: dict[str, Any] = {**overrides, "_env_file": file}
        given = {*values, *(name for name in cls.model_fields if cls.variable(name) in map(str.upper, os.environ))}
        if not {"_env_file", "home"} & overrides.keys() and (home := home_around()) is not None:
            values["home"] = home
        try:
            if file is not None:
                check_lines(Path(str(file)))
            made = cls(**values)
            if "_env_file" in overrides:
                return made
            # What the file says, and what nobody says, is meant from the folder of that file.
            meant = {name: value for name, value in made if name not in given}
            return made.model_copy(update=placed(meant, Path(str(file)).parent))
        except ValidationError as error:
            name, why, value = first_fault(error)
            secret = name.lower() in {"keepa_api_key", "token", "kafka_options", "store_api_key"}
            raise ConfigError(
                why,
                field=cls.variable(name or "settings"),
                value=None if secret else without_password(value) if isinstance(value, str) else value,
                remedy="Set it in the environment or in .env",
            ) from None
        except UnicodeDecodeError:
            raise ConfigError("is not text in UTF-8", field=".env", remedy="Save it as UTF-8") from None
        except OSError as error:
            why, remedy = f"cannot be read: {error.strerror or error}", "Give this user the right to read it"
            raise ConfigError(why, field=str(error.filename or ".env"), remedy=remedy) from None

    @staticmethod
    def variable(field: str) -> str:
        """The environment variable of a field."""
        name = field.upper()
        return name if name.startswith(("KEEPA_API_KEY", "ARBKIT_")) else f"ARBKIT_{name}"

    @property
    def has_key(self) -> bool:
        """Whether there is a key for Keepa, here or with the producer."""
        return bool(self.keepa_api_key.get_secret_value() or self.key_elsewhere)

    def without_key(self) -> Self:
        """The same for who asks nothing of Keepa: all but the producer."""
        if not self.keepa_api_key.get_secret_value():
            return self
        return self.model_copy(update={"keepa_api_key": SecretStr(""), "key_elsewhere": True})

    @property
    def mode(self) -> Mode:
        """Where prices come from, as far as settings say; :func:`arbkit.store.mode.settle_mode` asks the store too."""
        if self.demo:
            return "demo"
        if self.has_key:
            return "keepa"
        return "demo" if self.demo is None else "imported"

    @property
    def demo_mode(self) -> bool:
        """Whether prices come from the demo market."""
        return self.mode == "demo"

    @property
    def database(self) -> Path:
        """The default file of log and store."""
        return self.home / "arbkit.db"

    @property
    def health_dir(self) -> Path:
        """The folder in which services leave heartbeats."""
        return (self.shared or self.home) / "health"

    @property
    def tokens_file(self) -> Path:
        """Where the producer leaves the state of the Keepa tokens."""
        return (self.health_dir if self.shared else self.home) / "tokens.json"

    @property
    def facts_file(self) -> Path:
        """What users typed, beside the store."""
        return self._of_users(self.home) / "facts.json"

    @property
    def reports_dir(self) -> Path:
        """The folder of all report runs: ``<report>/<run>/``."""
        return (self.shared or self.home) / "reports"

    @property
    def own_reports_dir(self) -> Path:
        """The folder of the reports that the user wrote: notebooks, each by the name of its file."""
        return self.reports or self.user_folder / "reports"

    @property
    def own_pages_dir(self) -> Path:
        """The folder of the dashboard pages that the user wrote: notebooks, each by the name of its file."""
        return self.pages or self.user_folder / "apps"

    @property
    def user_folder(self) -> Path:
        """The folder of watchlist.txt and of profile, schedule and alerts.toml, where no setting names another file."""
        return self._of_users(self.folder)

    def _of_users(self, unshared: Path) -> Path:
        return self.shared / "user" if self.shared else unshared

    @property
    def log_url(self) -> str:
        """Address of the log: ``sqlite:///PATH`` or ``kafka://HOST:PORT``."""
        return self.log or f"sqlite:///{self.database}"

    @property
    def store_url(self) -> str:
        """Address of the store: ``sqlite:///PATH`` (by default the file of an embedded log) or ``http(s)://HOST:PORT``."""
        return self.store or (self.log if self.log.startswith("sqlite:") else f"sqlite:///{self.database}")

    @property
    def source_url(self) -> str:
        """Base URL of the Keepa-compatible service that prices come from, without a closing slash."""
        demo_url = self.demo_url or f"http://{self.host}:{self.demo_port}"
        return (self.keepa_url or (demo_url if self.demo_mode else KEEPA_SERVICE)).rstrip("/")

    @property
    def shown_source(self) -> str:
        """The base URL of the service as messages may name it."""
        return without_password(self.source_url)

    @property
    def watchlist_path(self) -> Path:
        """The watchlist in force: the demo market has one of its own, so that invented and real never mix."""
        demo, real = self._of_users(self.home) / "demo-watchlist.txt", self.user_folder / "watchlist.txt"
        return self.watchlist or (demo if self.demo_mode else real)

    @property
    def profile_path(self) -> Path | None:
        """The seller profile's file, or None for the built-in one."""
        return self.profile or _if_there(self.user_folder / "profile.toml")

    @property
    def schedule_path(self) -> Path | None:
        """The schedule's file, or None for the built-in one."""
        return self.schedule or _if_there(self.user_folder / "schedule.toml")

    def environment(self) -> dict[str, str]:
        """Variable → value, secrets plain: what a child process needs to see the same settings."""
        return {self.variable(name): _text(getattr(self, name)) for name in type(self).model_fields}

    def child_environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """``inherited`` with these settings in place of its own, in whatever case they are spelt there.

        Settings are read in any case: a ``keepa_api_key`` would be a secret that a child was not to have.
        """
        ours = self.environment()
        return {name: value for name, value in inherited.items() if name.upper() not in ours} | ours

    def masked(self) -> dict[str, str]:
        """Variable → value as text, secrets masked: what ``doctor`` prints and logs may show."""
        shown: dict[str, str] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            secret = isinstance(value, SecretStr) and value.get_secret_value() != ""
            shown[self.variable(name)] = "********" if secret else without_password(_text(value))
        return shown


def _if_there(path: Path) -> Path | None:
    return path if path.exists() else None


def _text(value: object) -> str:
    """A setting as the environment spells it."""
    match value:
        case None:
            return ""
        case SecretStr():
            return value.get_secret_value()
        case tuple():
            return ",".join(value)
        case bool():
            return str(int(value))
        case _:
            return str(value)


def without_password(value: str) -> str:
    """A setting as it may be shown: an address, even a mistyped one, without the password in it."""
    return _PASSWORD.sub(r"\1:********@", value)


def _is_address(value: str) -> bool:
    """Whether it has the form of an address of a log or a store."""
    if "\0" in value:
        return False
    parts = urlsplit(value)
    match parts.scheme:
        case "sqlite":
            return value.startswith("sqlite:///") and sqlite_path(value).name != ""
        case "kafka":
            return parts.netloc != ""
        case "http" | "https":
            # Asking for the port is what finds one that can be none.
            return bool(parts.hostname and parts.port)
    return False


def sqlite_path(url: str) -> Path:
    """The file of a ``sqlite:///PATH`` address (four slashes for an absolute path)."""
    return Path(url.removeprefix("sqlite:///"))
