"""What a report is: a notebook, and parameters that are checked before it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_origin

from pydantic import BaseModel, JsonValue, ValidationError

from arbkit.core.errors import UsageError, did_you_mean
from arbkit.core.input.faults import first_fault
from arbkit.core.results import Json

_SHIPPED = Path(__file__).parents[1] / "notebooks"


@dataclass(frozen=True, slots=True)
class Report:
    """A notebook that can be run: its name, the model of its parameters, what it is for.

    ``folder`` is the user's, where the notebook is; None: in this package, out of reach of whoever edits a copy.
    """

    name: str
    parameters: type[BaseModel]
    purpose: str
    folder: Path | None = None

    @property
    def notebook(self) -> Path:
        """The path of its notebook."""
        return (self.folder or _SHIPPED) / f"{self.name}.ipynb"

    @property
    def is_own(self) -> bool:
        """Whether the user wrote it."""
        return self.folder is not None

    def check(self, given: Mapping[str, Json]) -> dict[str, JsonValue]:
        """The parameters as the notebook gets them: only those given, typed.

        Raises:
            UsageError: an unknown name (with the nearest right one), or a value of the wrong type.
        """
        known = self.parameters.model_fields
        unknown = [name for name in given if name not in known]
        if unknown:
            remedy = did_you_mean(unknown[0], known, otherwise="It takes")
            why = f"report {self.name} has no such parameter"
            raise UsageError(why, field="parameter", value=unknown[0], remedy=remedy)
        try:
            parsed = self.parameters.model_validate(dict(given))
        except ValidationError as error:
            field, why, value = first_fault(error)
            # Of a list the value says which one it is.
            name = field.partition(".")[0]
            meaning = f"It means: {known[name].description}" if name else None
            raise UsageError(why, field=name, value=value, remedy=meaning) from None
        return parsed.model_dump(mode="json", exclude_unset=True)

    def parse(self, words: Sequence[str]) -> dict[str, JsonValue]:
        """``name=value`` words as parameters, still unchecked; where several values are taken, commas part them.

        Raises:
            UsageError: a word of another form, or a name that comes twice.
        """
        given: dict[str, JsonValue] = {}
        for word in words:
            name, separator, value = word.partition("=")
            if not separator or not name:
                raise UsageError("not of the form name=value", field="--parameter", value=word)
            if name in given:
                raise UsageError("is given twice", field="--parameter", value=name, remedy="Part values with commas")
            field = self.parameters.model_fields.get(name)
            several = field is not None and get_origin(field.annotation) is tuple
            given[name] = [part.strip() for part in value.strip("[]").split(",") if part.strip()] if several else value
        return given
