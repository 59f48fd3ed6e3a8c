"""What travels to the browser: the content of a page's regions, and the events that come back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Required, TypedDict

Tone = Literal["good", "bad", "plain"]


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a page. ``waiting`` is shown until it is filled; without it the region is hidden until then.

    ``collapsible`` is the line that opens and closes it; it is filled while closed, too. ``expanded``: open from the
    start where the window is wide.
    """

    id: str
    kind: Literal["form", "table", "chart", "html"]
    waiting: str = ""
    title: str = ""
    collapsible: str = ""
    expanded: bool = False


class UserEvent(TypedDict, total=False):
    """What the user did.

    ``type`` says what, and which of the other keys are there: ``ready`` once drawn (``search``, the address' query
    string), ``tick`` while looked at, ``form`` (``region``, ``changed``, ``values``, perhaps ``of``), ``action`` of a
    button (``region``, ``name``, perhaps ``id``), ``sort``, ``page`` and ``select`` of a table, ``toggle`` of a
    collapsible region (``open``). ``event`` is the event's number.
    """

    type: Required[str]
    event: int
    region: str
    search: str
    changed: str
    values: Mapping[str, str | bool]
    of: str | None
    name: str
    id: str
    sort: str
    page: int
    open: bool


class Option(TypedDict):
    """A choice of a field."""

    value: str
    label: str


def options(values: Iterable[str], *, first: str | None = None, label: Callable[[str], str] = str) -> list[Option]:
    """A choice for each of these values; ``first`` is the label of the empty value, where that may be chosen."""
    nothing: list[Option] = [] if first is None else [{"value": "", "label": first}]
    return [*nothing, *(Option(value=value, label=label(value)) for value in values)]


class Field(TypedDict, total=False):
    """A field of a form, or a button.

    ``wrong`` says why its value was refused; ``of`` names what it is about, where that changes while the form stays.
    """

    name: Required[str]
    label: Required[str]
    kind: Required[Literal["text", "number", "choice", "check", "button"]]
    value: str | bool
    wrong: str | None
    hint: str
    placeholder: str
    options: Sequence[Option]
    suggestions: Sequence[str]
    disabled: bool
    of: str


def choice(name: str, label: str, choices: Sequence[Option], *, value: str = "") -> Field:
    """A field to choose from; ``value`` is chosen."""
    return {"name": name, "label": label, "kind": "choice", "options": choices, "value": value}


class TableColumn(TypedDict, total=False):
    """A column: ``kind`` is text, number, title, wide or remark; ``sort`` the order that a click on its head sets."""

    label: Required[str]
    kind: Required[str]
    sort: str
    note: str


class TableCell(TypedDict, total=False):
    """A cell: its text, a link or the name of an action, what stands small below it, a tag, a hover note, a tone."""

    text: Required[str]
    href: str
    action: str
    label: str
    sub: str
    tag: str | None
    note: str | None
    tone: str


class TableRow(TypedDict):
    """A row and the name by which it is selected."""

    id: str
    cells: Sequence[TableCell]


class TableView(TypedDict, total=False):
    """One page of a table's rows; ``first`` is the number of the first row, from 1, of ``total``."""

    caption: Required[str]
    columns: Required[Sequence[TableColumn]]
    rows: Required[Sequence[TableRow]]
    total: int
    first: int
    page: int
    pages: int
    paged: bool
    sort: str
    descending: bool
    selects: bool
    selected: str
    message: str
