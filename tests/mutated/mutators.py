"""What happens to files on their way: to bytes, to cells, to columns and to rows, as ``rng`` decides."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from random import Random

from tests.mutated.seeds import Cell, Export, unzipped, zipped

BytesMutator = Callable[[bytes, Random], bytes]
_FULL = str.maketrans("0123456789.,", "０１２３４５６７８９．，")


# Bytes


def flipped(data: bytes, rng: Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        if out:
            out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def cut(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def without_part(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.choice([1, 1, 3, 40]) :]


def repeated(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    end = at + rng.choice([1, 5, 80])
    return data[:end] + data[at:]


def inserted(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(_INSERTED) + data[at:]


_INSERTED = [
    b"\x00", b"\xef\xbb\xbf", b"\xff\xfe", b'"', b'""', b",", b";", b"\t", b"\r", b"\n", b"\r\n", b"\xa0",
    b"\xc2\xa0",
    b"-", b"0", b"1", b".", b"'", b"=", b"\\", b"{", b"}", b"\xe2\x80\xaf", b"\xf0\x9f\x9a\x9a", b"\x1a", b"<", b"&",
]  # fmt: skip


def replaced(data: bytes, rng: Random) -> bytes:
    """One kind of byte becomes another, everywhere or once."""
    old, new = rng.choice(_REPLACED)
    return data.replace(old, new, rng.choice([1, 3, -1]))


_REPLACED = [
    (b",", b";"), (b";", b","), (b",", b"\t"), (b".", b","), (b",", b"."), (b'"', b""), (b'"', b"'"), (b"\n",
    b"\r\n"),
    (b"\n", b"\r"), (b"\r\n", b"\n"), (b"\xe2\x82\xac", b"\x80"), (b"\xe2\x82\xac", b"\xc2\xa3"), (b" ", b"\xc2\xa0"),
    (b"ASIN", b"asin"), (b"/", b"-"), (b"0", b"O"), (b"1", b"l"), (b"\xe2\x82\xac ", b""), (b"-", b"\xe2\x88\x92"),
]  # fmt: skip


def reencoded(data: bytes, rng: Random) -> bytes:
    text = data.decode("utf-8-sig", "replace")
    return text.encode(
        rng.choice(["utf-16", "utf-16-le", "utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-32"]), "replace"
    )


BYTES: list[BytesMutator] = [flipped, cut, without_part, repeated, inserted, replaced, reencoded]


def xlsx_part(data: bytes, rng: Random) -> bytes:
    """An XLSX one of whose parts is damaged, though its checksum is right."""
    try:
        parts = unzipped(data)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError):
        return flipped(data, rng)
    # The sheet is what matters most.
    names = [*parts, *(name for name in parts if "sheet" in name for _ in range(8))]
    name = rng.choice(names)
    parts[name] = rng.choice(BYTES[:-1])(parts[name], rng)
    if rng.random() < 0.1:
        del parts[rng.choice([*parts])]
    return zipped(parts)


# Cells


def cells(made: Export, rng: Random) -> Export:
    """A few cells are written in another way, or say something else."""
    rows = [[*row] for row in made.rows]
    for _ in range(rng.choice([1, 1, 2, 4])):
        row = rng.choice(rows)
        column = rng.randrange(len(row))
        row[column] = rng.choice(_CELLS)(row[column], rng)
    return replace(made, rows=tuple(map(tuple, rows)))


def column_of_cells(made: Export, rng: Random) -> Export:
    """All cells of a column are written in another way."""
    rows = [[*row] for row in made.rows]
    column, change = rng.randrange(len(made.headers)), rng.choice(_CELLS)
    for row in rows:
        if column < len(row):
            row[column] = change(row[column], rng)
    return replace(made, rows=tuple(map(tuple, rows)))


def _number(rng: Random) -> float:
    return round(
        rng.choice([rng.uniform(0, 20), rng.uniform(900, 2_000), rng.uniform(1e3, 2e6)]), rng.choice([0, 1, 2, 2])
    )


def notation(_: Cell, rng: Random) -> Cell:
    value = _number(rng)
    english = f"{value:,.2f}"
    comma = english.replace(",", "_").replace(".", ",").replace("_", ".")
    text: str = rng.choice([
        english, comma, comma.replace(".", " "), comma.replace(".", "\u00a0"), comma.replace(".", "\u202f"),
        comma.replace(".", "'"), english.replace(",", "’"), f"{value:.0f}", f"{value:.1f}", f"{value:.3f}",
        f"{value:,.0f}",
        f"{value:,.0f}".replace(",", "."), f"{value:.6f}", f"{value:e}", f"{value:.2e}", f"{value / 1000:.3f}",
        f"{value / 1000:.3f}".replace(".", ","), english.translate(_FULL), f"{value}", f".{int(value)}",
        f"{int(value)}.",
        f"{int(value)},-", f"{english} - {value + 5:,.2f}", f"{english}–{value + 5:,.2f}",
        f"{english} {value + 5:,.2f}",
        f"-{english}", f"−{english}", f"+{english}", f"({english})", f"{english}-", f"1,2,3.{int(value)}", "0.00",
        "0", "-1",
    ])  # fmt: skip
    sign = rng.choice(["", "", "{} €", "€ {}", "€{}", "{}€", "£ {}", "{} £", "$ {}", "{} EUR", "EUR {}", "{} -C0A",
    "{} -409",
                       "{} -809", "{} zł", "~{}", "ab {}", "{} *", "€ {} €", "{} %", "{} USD", "{}\u00a0€",
                       "\u202f{}"])  # fmt: skip
    return sign.format(text) if sign else text


def as_float(cell: Cell, rng: Random) -> Cell:
    return rng.choice(
        [_number(rng), -5.0, 0.0, 19.995, 1e300, 39.989999999, 0.004, float(rng.randrange(10**12, 10**14))]
    )


def odd_word(cell: Cell, rng: Random) -> Cell:
    return rng.choice([
        "", "-", "–", "nan", "N/A", "null", "None", " ", "\u00a0", "#N/A", "#REF!", "TRUE", "=1+1", "✜", "\x00",
        "x" * 70_000,
        "1" * 400, "İ", "ſ", "𝟏𝟐", "²", "１２", f"{cell}{cell}", f" {cell} ", f"{cell}\n{cell}", f"'{cell}",
        str(cell).lower(), str(cell)[1:], str(cell)[:-1],
    ])  # fmt: skip


def dated(_: Cell, rng: Random) -> Cell:
    day, month, year = rng.randint(1, 31), rng.randint(1, 12), rng.choice([2024, 2025, 2025, 2026, 2027, 1899, 9999])
    return rng.choice([
        f"{year}-{month:02}-{day:02}", f"{year}/{month}/{day} 7:05", f"{year}-{month:02}-{day:02}T10:00:00Z",
        f"{day:02}.{month:02}.{year}",
        f"{day}/{month}/{year}", f"{month}/{day}/{year}", f"{month}/{day}/{year} 3:05 PM",
        f"{day}-{month}-{year % 100}", f"{day:02}.{month:02}.{year % 100:02} 25:61",
        f"{rng.randint(20_000, 60_000)}", f"{rng.uniform(40_000, 47_000):.2f}",
        f"{rng.uniform(40_000, 47_000):.2f}".replace(".", ","),
        f"{year}-13-01", f"{year}-02-30", f"{day}. {month}. {year}", f"{year}{month:02}{day:02}", "yesterday",
        "0000-00-00", f"{day}/{month}/{year} 24:00",
        f"{year}-{month:02}-{day:02} 10:00 UTC", f"{year}-{month:02}-{day:02} 10:00+02:00", f"{day}.{month}/{year}",
    ])  # fmt: skip


def article_code(cell: Cell, rng: Random) -> Cell:
    code = rng.choice(
        ["4006381333931", "0012345678905", "96385074", "5901234123457", "04006381333931", "14006381333938"]
    )
    found: list[Cell] = [
        code.lstrip("0"), f"{code}.0", f"{float(code):.5e}", f"{float(code):.12e}", code[:-1] + "7", code[1:],
        f"'{code}", f'="{code}"', f"{code}, {code[:-1]}0",
        f"{code} | 5901234123457", f"{code}/{code}", code.translate(_FULL), f"{code[:3]} {code[3:]}",
        f"{code[:3]}-{code[3:]}", float(code), float(code) * 10, f"EAN {code}", f"{code}{code}",
        "0000000000000", f"{int(code):,}", code.replace("0", "O"),
    ]  # fmt: skip
    return rng.choice(found)


def identity(cell: Cell, rng: Random) -> Cell:
    found: list[Cell] = [
        "de", "DE", "uk", "co.uk", "GB", "com", "amazon.fr", "www.amazon.it", "https://www.amazon.es/dp/B000000001",
        "https://www.amazon.com/dp/B000000001", "amazon.de", "http://[", "//", "xx", "D E", str(cell).lower(),
        str(cell)[:-1], f"{cell} ", f"x{cell}", "0306406152", "306406152", 306406152.0, "B00000000Ⅷ",
    ]  # fmt: skip
    return rng.choice(found)


_CELLS = [notation, notation, notation, as_float, odd_word, dated, article_code, identity]


# Columns and rows


def _arranged(made: Export, order: list[int]) -> Export:
    headers = tuple(made.headers[i] for i in order)
    return replace(made, headers=headers, rows=tuple(tuple(row[i] for i in order if i < len(row)) for row in made.rows))


def swapped(made: Export, rng: Random) -> Export:
    order = [*range(len(made.headers))]
    a, b = rng.sample(order, 2)
    order[a], order[b] = order[b], order[a]
    return _arranged(made, order)


def headers_swapped(made: Export, rng: Random) -> Export:
    """Two headers change places without their cells: the bytes say so, so it is so."""
    headers = [*made.headers]
    a, b = rng.sample(range(len(headers)), 2)
    headers[a], headers[b] = headers[b], headers[a]
    return replace(made, headers=tuple(headers))


def doubled(made: Export, rng: Random) -> Export:
    order = [*range(len(made.headers))]
    order.insert(rng.randrange(len(order) + 1), rng.randrange(len(made.headers)))
    return _arranged(made, order)


def renamed(made: Export, rng: Random) -> Export:
    headers = [*made.headers]
    at = rng.randrange(len(headers))
    headers[at] = rng.choice([
        headers[at].upper(), headers[at].lower(), f" {headers[at]} ", headers[at][:-1], "", "Buy Box: Current",
        "New: Current", "ASIN", "Locale", "Preis", headers[at].replace(":", " :"),
        "Buy Box 🚚: Current", "Amazon: 30 days avg.", "Product Codes: UPC", "Last Update",
        "New, 3rd Party FBM 🚚: Current", "Used: Current", "Buy Box: Lowest", f"{headers[at]} (€)",
        headers[at].replace("a", "á"),
    ])  # fmt: skip
    return replace(made, headers=tuple(headers))


def missing(made: Export, rng: Random) -> Export:
    order = [*range(len(made.headers))]
    del order[rng.randrange(len(order))]
    return _arranged(made, order)


def doubled_row(made: Export, rng: Random) -> Export:
    rows = [*made.rows]
    copy = [*rng.choice(rows)]
    for _ in range(rng.choice([0, 1, 2])):
        column = rng.randrange(len(copy))
        copy[column] = rng.choice(_CELLS)(copy[column], rng)
    rows.insert(rng.randrange(len(rows) + 1), tuple(copy))
    return replace(made, rows=tuple(rows))


def short_or_long_row(made: Export, rng: Random) -> Export:
    """A CSV row that lost a cell or has one too many; the rest of it moves, and may be padded again."""
    rows = [[*row] for row in made.rows]
    row = rng.choice(rows)
    at = rng.randrange(len(row))
    row[at : at + 1] = rng.choice([[], [row[at], row[at]], [row[at], ""]])
    return replace(made, rows=tuple(map(tuple, rows)), pad=rng.random() < 0.5)


def written_otherwise(made: Export, rng: Random) -> Export:
    return replace(
        made,
        delimiter=rng.choice([",", ";", "\t", "|"]), encoding=rng.choice(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
        line_end=rng.choice(["\n", "\r\n", "\r"]), quote=rng.random() < 0.5,
    )  # fmt: skip


def footed(made: Export, rng: Random) -> Export:
    return replace(
        made,
        footer=rng.choice(
            [
                "",
                "Exported on 2099-01-01 00:00 (UTC) by ✜ Keepa.com",
                "Exported on 2025-13-01 00:00 (UTC)",
                "Exported on 2026-03-04 05:06 (UTC) by ✜ Keepa.com",
            ]
        ),
    )


def more_sheets(made: Export, rng: Random) -> Export:
    return replace(made, sheets=rng.choice(["before", "after"]))


TABLE = [
    cells, cells, cells, cells, column_of_cells, column_of_cells, swapped, headers_swapped, doubled, renamed, renamed,
    missing, doubled_row, short_or_long_row, written_otherwise, footed, more_sheets,
]  # fmt: skip
