"""What became of the files that were imported, for the terminal and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Literal, TypedDict

from arbkit.core.errors import InputError
from arbkit.core.results import JsonObject
from arbkit.sources.exports.notation import NotationRow

FactsFrom = Literal["row", "footer", "file name", "option", "unknown"]
"""What says when the facts of a file were true; ``option`` is ``--dated``."""


class Columns(TypedDict):
    """The headers of a file."""

    read: list[str]
    unread: list[str]


@dataclass(slots=True)
class FileReport:
    """What became of one file, in rows; ``exported_at`` is ISO 8601, None if nothing says it.

    ``refused`` says why nothing of it was used, ``notes`` what was assumed or could not be read. ``sample`` has the
    first offers after a dry run, and is None after an import.
    """

    path: str
    market: str | None = None
    exported_at: str | None = None
    facts_from: FactsFrom | None = None
    rows: int = 0
    products: int = 0
    duplicates: int = 0
    dead_lettered: int = 0
    refused: str | None = None
    notes: tuple[str, ...] = ()
    notation: NotationRow | None = None
    columns: Columns = field(default_factory=lambda: Columns(read=[], unread=[]))
    sample: list[JsonObject] | None = None

    def to_dict(self) -> JsonObject:
        """The file's part of the JSON document."""
        return {name: value for name, value in asdict(self).items() if name != "sample" or value is not None}


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of all files, in the order they were given."""

    files: tuple[FileReport, ...]

    @property
    def products(self) -> int:
        """The number of products that were published."""
        return sum(file.products for file in self.files)

    @property
    def exit_code(self) -> int:
        """The command's: 0 all used, 5 nothing usable, 6 some of it refused."""
        if not self.products:
            return InputError.exit_code
        return 6 if any(file.refused or file.dead_lettered for file in self.files) else 0

    def to_dict(self) -> JsonObject:
        """The JSON document of the command."""
        return {"files": [file.to_dict() for file in self.files], "products": self.products}
