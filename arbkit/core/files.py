"""Files that are never half-written and read with one clear error, and the notebooks that are shipped."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from uuid import uuid4

from arbkit.core.errors import ConfigError, ServiceError

__all__ = ["read_if_there", "shipped_folder", "write_atomically", "writing"]


def read_if_there(path: Path) -> bytes | None:
    """The content of a file, or None where there is none.

    Raises:
        ServiceError: it is there and cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ServiceError(
            f"cannot be read: {error.strerror or error}",
            field=str(path),
            remedy="Check that it is a file and that this user may read it",
        ) from error


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Whatever is written to ``path`` in here.

    Raises:
        ServiceError: it cannot be written (full disk, read-only folder…).
    """
    try:
        yield
    except OSError as error:
        raise ServiceError(
            f"cannot be written: {error.strerror or error}",
            field=str(path),
            remedy="Free some space, or give this user the right to write in its folder",
        ) from error


def write_atomically(path: Path, data: bytes) -> None:
    """Make ``data`` the content of ``path``, durably: readers see the old file or the new one, never a part.

    Makes the folder; follows a symbolic link; keeps the rights of a file that is there.

    Raises:
        ServiceError: it cannot be written (full disk, read-only folder…); the old file is as it was.
    """
    target = path.resolve()
    fresh = target.with_name(f".{target.name}.{uuid4().hex[:8]}.tmp")
    with writing(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with fresh.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, fresh)
            fresh.replace(target)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut, where the system lets a folder be opened."""
    with contextlib.suppress(PermissionError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def shipped_folder(kind: Literal["apps", "notebooks"]) -> Path:
    """The folder of shipped apps or notebooks: beside the package in a checkout, inside it in an installed wheel.

    Raises:
        ConfigError: the installation is incomplete.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "_shipped" / kind, package.parent / kind):
        if folder.is_dir():
            return folder
    raise ConfigError(f"the shipped {kind} are missing", remedy="Install arbkit again")
