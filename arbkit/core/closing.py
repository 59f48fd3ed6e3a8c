"""What is used in a ``with`` block and closed at its end."""

from __future__ import annotations

from typing import Protocol, Self


class Closing(Protocol):
    """A context manager that gives itself, and closes at the end of the block."""

    def close(self) -> None:
        """Give up what it holds."""
        ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
