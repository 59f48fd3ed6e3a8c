"""How many pages there is room for: what the settings allow, and what the memory of a container holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from traitlets.config import Config

from arbkit.reports.catalogue.own_pages import SHIPPED_PAGES

SERVER_BYTES = 120 << 20
"""What the server itself takes: 110 MiB were measured, beside the files that all its processes map."""
KERNEL_BYTES = 180 << 20
"""What a page takes: 173 MiB were measured, drawn, with eleven thousand opportunities."""
_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")
_LIMIT_FILES = {"": "memory.max", "memory": "memory.limit_in_bytes"}
"""Where Linux says how much memory a control group may take, by the controllers of its version (2 and 1)."""
_FIRST_PAGE = "opportunities.ipynb"


@dataclass(frozen=True, slots=True)
class Room:
    """``pages`` may be open at once; beside them ``warm`` ones are drawn beforehand, all kinds or just the first."""

    pages: int
    warm: int

    @property
    def bytes(self) -> int:
        """The memory that all of it takes."""
        return SERVER_BYTES + (self.pages + self.warm) * KERNEL_BYTES

    def configure(self, config: Config) -> None:
        """Tell Voilà to draw the first page beforehand, if there is room for it."""
        # The user's own pages, which may do anything, run when they are opened.
        pools = {"default": {"pool_size": 0}, _FIRST_PAGE: {"pool_size": min(self.warm, 1)}}
        config.VoilaKernelManager.kernel_pools_config = pools

    @property
    def later(self) -> tuple[str, ...]:
        """The notebooks of the pages that are drawn beforehand after the first one, and that one once more."""
        pages = [f"{name}.ipynb" for name in SHIPPED_PAGES]
        # Whoever opens two pages at once would wait until the next is drawn.
        return (*(page for page in pages if page != _FIRST_PAGE), _FIRST_PAGE) if self.warm > 1 else ()


def room(wanted: int, memory: int | None, *, kinds: int) -> Room:
    """Room for ``wanted`` pages of ``kinds`` notebooks, or as many as fit into ``memory`` bytes, but one at least."""
    if memory is None:
        return Room(wanted, kinds)
    kernels = (memory - SERVER_BYTES) // KERNEL_BYTES
    if kernels >= wanted + kinds:
        return Room(wanted, kinds)
    warm = 1 if kernels > 1 else 0
    return Room(max(1, min(wanted, kernels - warm)), warm)


def memory_limit() -> int | None:
    """Bytes that the container, or other control group, of this process may take; None where nothing limits it."""
    try:
        lines = _OWN_GROUPS.read_text().splitlines()
    except OSError:
        return None
    limits = [limit for line in lines for limit in _limits(*line.split(":", 2)[1:])]
    return min(limits, default=None)


def _limits(controllers: str, path: str) -> Iterator[int]:
    """The limits of a group and of those around it, up to the container's own: the root of what is seen here."""
    root = _GROUPS / controllers
    group = root / path.lstrip("/")
    for folder in (group, *(one for one in group.parents if one.is_relative_to(root))):
        with suppress(OSError, KeyError):
            text = (folder / _LIMIT_FILES[controllers]).read_text().strip()
            # Version 1 states a number beyond any machine for "no limit".
            if text.isdecimal() and int(text) < 1 << 60:
                yield int(text)
