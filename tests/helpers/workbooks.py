"""Workbooks written part by part, as no program writes them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def relation(target: str, kind: str) -> str:
    """The part that names one other part, of this kind."""
    one = f'<Relationship Id="rId1" Type="{_RELATED}/{kind}" Target="{target}"/>'
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{one}</Relationships>'


_SHEETS = '<sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets>'
_PARTS: Mapping[str, str] = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
    "_rels/.rels": relation("xl/workbook.xml", "officeDocument"),
    "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{_RELATED}">{_SHEETS}</workbook>',
    "xl/_rels/workbook.xml.rels": relation("worksheets/sheet1.xml", "worksheet"),
}


def book(cells: str, *, texts: str = "", before: str = "", **parts: str) -> bytes:
    """An XLSX with these rows in its sheet, ``before`` which there may be more."""
    sheet = f'<worksheet xmlns="{MAIN}">{before}<sheetData>{cells}</sheetData></worksheet>'
    more = {"xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{texts}</sst>'} if texts else {}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in {**_PARTS, "xl/worksheets/sheet1.xml": sheet, **more, **parts}.items():
            file.writestr(name, content)
    return out.getvalue()
