"""A file that comes from the browser in pieces."""

from __future__ import annotations

from dataclasses import dataclass

from arbkit.core.errors import RefusedFileError
from arbkit.web.dashboards.content import UserEvent

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A whole file, with the name that it has where it comes from."""

    name: str
    data: bytes


class Upload:
    """Takes the pieces of one file after the other, of at most ``largest`` bytes each."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._pieces = bytearray()

    def take(self, event: UserEvent) -> UploadedFile | None:
        """The file whose last piece this is; None: more are to come.

        Raises:
            RefusedFileError: it is too large, or a piece of it is missing.
        """
        name, size = str(event.get("file", ""))[:_LONGEST_NAME], event.get("size", 0)
        if size > self._largest:
            raise RefusedFileError(f"has more than {self._largest >> 20} MB", field=name)
        if (offset := event.get("offset", 0)) == 0:
            self._pieces.clear()
        is_next = offset == len(self._pieces)
        self._pieces += event.get("data", b"")
        if not is_next or len(self._pieces) > size:
            self._pieces.clear()
            raise RefusedFileError("did not come whole", field=name, remedy="Choose it again")
        if len(self._pieces) < size:
            return None
        data = bytes(self._pieces)
        self._pieces.clear()
        return UploadedFile(name, data)
