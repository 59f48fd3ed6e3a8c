"""Files of opportunities: everything a query finds, with the columns of the page or with all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from arbkit.analysis.verdict.judging import Judge
from arbkit.display.export.about import about_rows
from arbkit.display.export.columns import ASSUMED, FOR_PEOPLE, FOR_SCRIPTS, Column, shown_columns
from arbkit.display.export.csv_file import NotationName
from arbkit.display.export.rows import FileRow, opportunity_rows
from arbkit.display.export.writing import write
from arbkit.profit import Profile
from arbkit.store.base import Store
from arbkit.store.queries import OpportunityQuery

RowsOf = Callable[[Sequence[Column]], Iterator[FileRow]]
"""What makes rows of these columns."""


def write_opportunities(  # noqa: PLR0913 - what is written, how, and for whom
    path: Path,
    store: Store,
    query: OpportunityQuery,
    seller: Profile,
    judge: Judge,
    *,
    page_columns: Collection[str] | None = None,
    notation: NotationName = "english",
    seen: Callable[[Iterator[FileRow]], Iterator[FileRow]] = iter,
    assumed: RowsOf | None = None,
) -> int:
    """Write all that the query finds in the format of the extension, and return the number of rows.

    ``page_columns`` are the columns of the opportunities page whose figures the file has (None: all there are). What
    is written goes through ``seen`` row by row. ``assumed`` makes rows under assumptions in place of what is stored:
    cells of :data:`~arbkit.display.export.columns.ASSUMED`, and then of the columns; nothing is judged then.

    Raises:
        StoreError: the store went away.
        UsageError: no such format.
        ServiceError: it cannot be written.
    """
    columns = FOR_PEOPLE if path.suffix.lower() == ".xlsx" else FOR_SCRIPTS
    if page_columns is not None:
        columns = shown_columns(page_columns, columns)
    demo = store.stats().demo_products > 0
    rows = opportunity_rows(store, query, columns, judge) if assumed is None else assumed(columns)
    sheet = "Opportunities" if assumed is None else "What if"
    columns = columns if assumed is None else (*ASSUMED, *columns)
    about = about_rows(query, columns, seller, demo=demo, made_at=time.time())
    return write(path, columns, seen(rows), sheet=sheet, about=about, notation=notation)
