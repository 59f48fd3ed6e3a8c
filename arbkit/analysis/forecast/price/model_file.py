"""The price model that comes with arbkit, as a TOML file: what it was fitted to is written in it."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

import numpy as np
from pydantic import BaseModel, ConfigDict

from arbkit.analysis.forecast.price.model import MoveModel, PriceModel


class _Moves(BaseModel):
    model_config = ConfigDict(extra="forbid")

    direction: list[list[float]]
    size: list[list[float]]
    spread: list[list[float]]

    def model(self) -> MoveModel:
        return MoveModel(np.array(self.direction), np.array(self.size), np.array(self.spread))


class FittedTo(BaseModel):
    """What a model was fitted to: where it comes from, until which day, and how much it is."""

    model_config = ConfigDict(extra="forbid")

    source: str
    until: str
    products: int
    outcomes: int
    command: str


class PriceModelFile(BaseModel):
    """A price model as it is written down."""

    model_config = ConfigDict(extra="forbid")

    version: str
    fitted_to: FittedTo
    own: _Moves
    typical: _Moves

    def model(self) -> PriceModel:
        """The model."""
        return PriceModel(self.own.model(), self.typical.model(), self.version)


@cache
def load_price_model_file() -> PriceModelFile:
    """The file that comes with arbkit."""
    text = resources.files("arbkit.analysis.forecast.price").joinpath("model.toml").read_text("utf-8")
    return PriceModelFile.model_validate(tomllib.loads(text))


@cache
def load_price_model() -> PriceModel:
    """The model that comes with arbkit."""
    return load_price_model_file().model()
