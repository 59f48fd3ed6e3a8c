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
    start where the window is wide. ``beside`` is the table whose selected row it shows, together with others of it.
    Regions of one ``section``, its title, fold together, and the page's contents lead there.
    """

    id: str
    kind: Literal["form", "table", "chart", "html"]
    waiting: str = ""
    title: str = ""
    collapsible: str = ""
    expanded: bool = False
    beside: str = ""
    section: str = ""


class UserEvent(TypedDict, total=False):
    """What the user did.

    ``type`` says what, and which of the other keys are there: ``ready`` once drawn (``search``, the address' query
    string), ``visit`` after Back or Forward (``search``), ``tick`` while looked at, ``form`` (``region``, ``changed``,
    ``values``, perhaps ``of``), ``action`` of a button (``region``, ``name``, perhaps ``id``), ``sort``, ``page`` and
    ``select`` of a table, ``toggle`` of a collapsible region (``open``), ``file`` for each piece of a file (``region``,
    ``name`` of the field, ``file``, its ``size``, the piece's ``offset`` and ``data``). ``event`` is its number.
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
    file: str
    size: int
    offset: int
    data: bytes


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

    ``wrong`` says why its value was refused; ``enter`` names the button that the key Enter stands for in it;
    ``of`` what it is about, where that changes while the form stays. Fields with a ``fold`` stand in one of that title,
    which says how many of them are set, and is open from the start where one is. A file of at most ``largest`` bytes,
    whose name ends as ``accept`` says, is sent in pieces as soon as it is chosen; ``lines``, a text of many lines, is
    sent as such a file before a button of the form is heard. Of ``choices`` any number may be chosen: the value is
    theirs, with ``|`` between.
    """

    name: Required[str]
    label: Required[str]
    kind: Required[Literal["text", "number", "choice", "check", "button", "file", "lines", "choices"]]
    value: str | bool
    wrong: str | None
    hint: str
    placeholder: str
    options: Sequence[Option]
    suggestions: Sequence[str]
    disabled: bool
    enter: str
    of: str
    fold: str
    accept: str
    largest: int


CONFIDENCE_SCALE = "1: no warnings; each warning of a route multiplies it by less than 1, down towards 0"
"""What a confidence says, for whoever sets a bound."""
DEMAND_BOUNDS: Mapping[str, tuple[str, str]] = {
    "max_rank": ("Max rank", "Sales rank where it is sold"),
    "min_drops30": ("Min drops 30 d", "Drops of the sales rank in 30 days: each is one sale or several"),
    "min_drops90": ("Min drops 90 d", "Drops of the sales rank in 90 days"),
    "min_monthly_sold": ("Min sold a month", "By Amazon's badge, which few listings in the EU have"),
    "max_sellers": ("Max sellers", "Offers of new goods where it is sold"),
    "max_amazon_share": ("Max Amazon share %", "Amazon's own share of 90 days where it is sold"),
    "max_price_position": ("Max vs 90 d %", "The selling price of now above its 90-day average; −5: 5 % below"),
    "min_buy_price": ("Min buying price", "In the currency of the marketplace it is bought on"),
    "max_buy_price": ("Max buying price", "In the currency of the marketplace it is bought on"),
}
"""Label and hint of the bounds on demand, competition and prices, by the names of the filters."""


WITHOUT_BRANDS: Field = {
    "name": "exclude_brands", "label": "Without brands", "kind": "text", "placeholder": "none",
    "hint": "Brands to leave out, separated by commas; parts of their words do",
}  # fmt: skip
"""The field of brands to leave out."""


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
    """A cell: its text, a link or the name of an action, what stands small below it, a tag, a hover note, a tone.

    ``bar`` is a share in percent, drawn beside the text; ``why`` says why the text is that a value is unknown.
    """

    text: Required[str]
    href: str
    action: str
    label: str
    sub: str
    tag: str | None
    note: str | None
    tone: str
    bar: float
    why: str


class TableRow(TypedDict):
    """A row and the name by which it is selected."""

    id: str
    cells: Sequence[TableCell]


class TableView(TypedDict, total=False):
    """One page of a table's rows; ``first`` is the number of the first row, from 1, of ``total``.

    ``compact``: its rows are narrow.
    ``message`` stands in place of rows where there are none, with the buttons and links of ``ways`` below it.
    """

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
    ways: Sequence[TableCell]
    compact: bool
