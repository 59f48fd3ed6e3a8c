"""How large the packages of a category usually are: quantiles out of a table."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from importlib import resources
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from arbkit.core.errors import ConfigError


def _rising(values: tuple[float, float, float]) -> tuple[float, float, float]:
    if not 0 < values[0] <= values[1] <= values[2]:
        raise ValueError("must rise from above zero")
    return values


Quantiles = Annotated[tuple[float, float, float], AfterValidator(_rising)]
"""At 10, 50 and 90 percent of products."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CategoryPrior(_Model):
    """The packages of a category; ``products``: how many they were taken from, 0: arbkit's own bounds.

    ``density`` in g per cm³; ``second_side`` and ``third_side`` as shares of the longest.
    """

    products: int = Field(ge=0)
    weight_g: Quantiles
    volume_cm3: Quantiles
    density: Quantiles
    second_side: Quantiles
    third_side: Quantiles


class BranchPrior(_Model):
    """A branch of a root whose packages are those of another prior.

    In the five languages and lower case: ``words`` are parts of the names of its categories, ``names`` whole names.
    ``like``: the key of a category in the table, or ``any``.
    """

    root: str
    words: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    like: str

    def holds(self, category: str) -> bool:
        """Whether a category of this name, in lower case, is of the branch."""
        return category in self.names or any(word in category for word in self.words)


class Packing(_Model):
    """From the goods to their package: what is added, and factors; likely, and largest.

    ``flat_up_to_mm``: how long the smallest box may be and still be flat.
    """

    side_mm: tuple[float, float]
    side_factor: tuple[float, float]
    weight_g: tuple[float, float]
    weight_factor: tuple[float, float]
    capacity_factor: Quantiles
    flat_up_to_mm: float


class PackagePriors(_Model):
    """The table ``priors.toml``; ``categories`` by the id of a category."""

    checked_on: date
    source: str
    any: CategoryPrior
    categories: Mapping[str, CategoryPrior]
    branches: tuple[BranchPrior, ...]
    packing: Packing

    def of(self, category: str | None) -> CategoryPrior:
        """The prior of a category's key, else that of any product."""
        return self.categories.get(category or "", self.any)

    def key_of(self, root: str | None, below: Sequence[str]) -> str | None:
        """The key of the prior for a root category and the names of the categories below it."""
        names = [name.casefold() for name in below]
        of_root = (branch for branch in self.branches if branch.root == root)
        return next((b.like for b in of_root if any(map(b.holds, names))), root)


@lru_cache(maxsize=1)
def load_package_priors() -> PackagePriors:
    """The priors that come with arbkit.

    Raises:
        ConfigError: the file is broken; names the field.
    """
    path = resources.files("arbkit.profit.facts").joinpath("priors.toml")
    try:
        return PackagePriors.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", field="priors.toml") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(first["msg"], field=f"priors.toml: {'.'.join(map(str, first['loc']))}") from None
