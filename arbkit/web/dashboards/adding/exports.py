"""Keepa exports that come in through the browser: looked through first, and then imported as files on the disk are."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from arbkit.core.errors import RefusedFileError
from arbkit.core.formatting import counted
from arbkit.core.marketplaces import Market
from arbkit.core.results import Progress
from arbkit.core.settings import Settings
from arbkit.pipeline.files.importing import import_files, preview_files
from arbkit.pipeline.files.report import FileReport
from arbkit.web.dashboards.uploaded import UploadedFile

_IS_NO_TEXT = (b"PK", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"{", b"[")
"""How workbooks, packed files and JSON begin."""
_ASIN_COLUMN = re.compile(rb"(?:^|[,;\t])\"?ASIN\"?(?:[,;\t]|$)", re.IGNORECASE)
_STRANGE = re.compile(r"[^\w. ()+-]")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class CheckedExport:
    """A file that can be imported, and what would be read of it; ``market`` is said of one that names none."""

    file: UploadedFile
    market: Market | None
    report: FileReport


def check_export(file: UploadedFile, market: Market | None) -> CheckedExport | None:
    """What importing a file would do; None where it is no export but a text.

    Raises:
        RefusedFileError: it is an export or a workbook of which nothing can be used.
    """
    with _on_disk(file) as path:
        (report,) = preview_files([path], market=market).files
    if report.refused is None:
        return CheckedExport(file, market, report)
    head = file.data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(_IS_NO_TEXT) or _ASIN_COLUMN.search(head.partition(b"\n")[0].strip()):
        raise _refused(report, file.name)
    return None


def import_export(settings: Settings, checked: CheckedExport, progress: Progress) -> str:
    """Publish what the file holds; what was done, in a sentence.

    Raises:
        RefusedFileError: nothing of it can be used.
        StreamError: the log cannot be written.
    """
    with _on_disk(checked.file) as path:
        (report,) = import_files(settings, [path], market=checked.market, progress=progress).files
        if report.refused is not None:
            raise _refused(report, checked.file.name)
    are = "is" if report.products == 1 else "are"
    said = f"{counted(report.products, 'product')} {are} imported: they appear as soon as they are stored."
    if report.dead_lettered:
        said += f" {counted(report.dead_lettered, 'row')} cannot be used: the pipeline page shows them as dead letters."
    return said


def _refused(report: FileReport, name: str) -> RefusedFileError:
    """Why nothing of a file can be used, under the name that it has where it comes from."""
    return RefusedFileError((report.refused or "").removeprefix(f"{report.path}: "), field=name)


@contextmanager
def _on_disk(file: UploadedFile) -> Iterator[Path]:
    """The file in a folder of its own, under its name as far as that can be one."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(_STRANGE.sub("_", file.name.rpartition("/")[2].rpartition("\\")[2]))
        path = Path(folder) / f"{plain.stem[:_LONGEST] or 'export'}{plain.suffix[:8]}"
        path.write_bytes(file.data)
        yield path
