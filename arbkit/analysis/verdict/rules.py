"""The rules of the verdict: those that come with arbkit, or ``verdict.toml`` of the user."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.files import write_new
from arbkit.core.input.validation import usage_error
from arbkit.core.settings import Settings

FactName = Literal[
    "listings_match", "profit_low", "profit_chance_pct", "profit_p10", "room_pct", "days_to_sell", "units",
    "confidence", "amazon_share_pct", "data_age_h",
]  # fmt: skip
"""What a rule may be about."""
BUILT_IN = "the built-in rules"
_REMEDY = "Mend the file, or take it away for the rules that come with arbkit"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Part):
    """A bound of a fact, and the verdict where it is not kept, or nothing is known."""

    fact: FactName
    at_least: float | None = Field(None, allow_inf_nan=False)
    at_most: float | None = Field(None, allow_inf_nan=False)
    otherwise: Literal["watch", "pass"]
    unknown: Literal["watch", "pass"] = "watch"
    reason: str = ""
    source: str = "your own file"
    valid_from: date | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give one bound, at_least or at_most")
        return self

    def is_met(self, value: float) -> bool:
        """Whether a known value keeps the bound."""
        return value >= self.at_least if self.at_least is not None else value <= (self.at_most or 0.0)


class Units(_Part):
    """How many to buy: what sells within ``horizon_days``, at most ``most``."""

    horizon_days: float = Field(ge=1, le=90)
    most: int = Field(ge=1, le=1_000)
    reason: str = ""
    source: str = "your own file"
    valid_from: date | None = None


class VerdictRules(_Part):
    """A file of rules; ``where`` names it. ``explained_by`` are the facts that a purchase is explained by."""

    where: str
    units: Units
    explained_by: tuple[FactName, ...] = Field(min_length=1, max_length=3)
    rule: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _explained_by_rules(self) -> Self:
        ruled = {one.fact for one in self.rule}
        if missing := [fact for fact in self.explained_by if fact not in ruled]:
            raise ValueError(f"there is no rule about {missing[0]}, which explained_by names")
        return self


def built_in() -> str:
    """The text of the rules that come with arbkit, which ``arbkit verdict init`` writes out."""
    return resources.files("arbkit.analysis.verdict").joinpath("rules.toml").read_text("utf-8")


def verdict_path(settings: Settings) -> Path:
    """The file of the user's own rules, whether it is there or not."""
    return settings.verdict or settings.user_folder / "verdict.toml"


def write_verdict_rules(path: Path) -> None:
    """Write the rules that come with arbkit to a file for the user to edit.

    Raises:
        UsageError: there is such a file.
    """
    if not write_new(path, built_in().encode()):
        raise UsageError("exists already", field=str(path), remedy="Name another file, or move this one away")


def load_verdict_rules(settings: Settings) -> VerdictRules:
    """The rules in force: of the user's file, or else those that come with arbkit.

    Raises:
        ConfigError: the file cannot be read, or a rule cannot be; names rule, key, value and remedy.
    """
    path = verdict_path(settings)
    if settings.verdict is None and not path.exists():
        return _parsed(built_in(), BUILT_IN)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = f"the rules of the verdict cannot be read: {error}"
        raise ConfigError(why, field=str(path), remedy=_REMEDY) from None
    return _parsed(text, str(path))


@lru_cache(maxsize=4)
def _parsed(text: str, where: str) -> VerdictRules:
    """The rules of this text; a page asks for the same ones again and again."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is no TOML: {error}", field=where, remedy=_REMEDY) from None
    try:
        return VerdictRules.model_validate({**tables, "where": where})
    except ValidationError as invalid:
        found = usage_error(invalid, model=VerdictRules)
    place = f"{where}: {_place(found.field or str(found.value), tables)}"
    raise ConfigError(found.why, field=place, value=found.value if found.field else None, remedy=found.remedy)


def _place(field: str, tables: Mapping[str, object]) -> str:
    """Where a fault is, with the fact of its rule: ``rule.2.at_least`` → ``rule 3 (profit_low): at_least``."""
    kind, _, rest = field.partition(".")
    number, _, key = rest.partition(".")
    rules = tables.get("rule")
    if kind != "rule" or not number.isdigit() or not isinstance(rules, list):
        return field
    one = rules[int(number)]
    fact = f" ({one['fact']})" if isinstance(one, dict) and "fact" in one else ""
    return f"rule {int(number) + 1}{fact}" + (f": {key}" if key else "")
