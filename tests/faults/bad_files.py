"""Make files that are each broken in one way, with other programs than ours."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HEADER = "event_id,event_date,event_type,country,admin1,killed\n"


def row(number=1, *, day="2020-01-01", kind="rocket_attack", place="Anbar", killed="1"):
    return f"{number},{day},{kind},IRQ,{place},{killed}\n"


def table(*rows, header=HEADER):
    return header + "".join(rows)


def many(count=200, **cells):
    return table(*(row(number, **cells) for number in range(count)))


def zipped(*names, method=zipfile.ZIP_DEFLATED, content=None):
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", method) as packed:
        for name in names or ("a.csv",):
            packed.writestr(name, content or many())
    return into.getvalue()


def damaged(data, at=None):
    """Change twenty of the bytes."""
    changed = bytearray(data)
    start = at or len(data) // 3
    for place in range(start, start + 20):
        changed[place] ^= 0x5A
    return bytes(changed)


def with_method(number):
    """Make a zip whose member claims an unknown compression method, or is encrypted (-1)."""
    data = bytearray(zipped())
    listed = data.find(b"PK\1\2")
    if number < 0:
        data[6] |= 1
        data[listed + 8] |= 1
    else:
        data[8] = data[listed + 10] = number
    return bytes(data)


def gzipped(text):
    return gzip.compress(text.encode() if isinstance(text, str) else text)


def frame(rows=3, **columns):
    base = {"event_id": [str(n) for n in range(rows)], "event_date": ["2020-01-01"] * rows,
            "event_type": ["rocket_attack"] * rows, "country": ["IRQ"] * rows,
            "admin1": ["Anbar"] * rows}  # fmt: skip
    return pa.table({**base, **columns})


def parquet(content, **options):
    into = io.BytesIO()
    pq.write_table(content, into, **options)
    return into.getvalue()


def repeated(value, rows):
    """Make a column of one value, which is stored once."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([value]))


def equal_rows(rows):
    values = {"event_id": "1", "event_date": "2020-01-01", "event_type": "rocket_attack",
              "country": "IRQ", "admin1": "a"}  # fmt: skip
    return pa.table({name: repeated(value, rows) for name, value in values.items()})


def broken_text():
    """Make a column of Arrow text whose first cell is not UTF-8."""
    offsets = pa.py_buffer(struct.pack("<4i", 0, 2, 3, 4))
    return pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(b"\xff\xfeab")])


def workbook(far):
    """Make a sheet with two cells that are far apart."""
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        f'<row r="1"><c r="A1" t="inlineStr"><is><t>event_id</t></is></c></row>'
        f'<row r="{far[1]}"><c r="{far[0]}{far[1]}"><v>1</v></c></row></sheetData></worksheet>'
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/'
        'content-types"><Default Extension="xml" ContentType="application/xml"/></Types>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="a" '
        'sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/'
        f'package/2006/relationships"><Relationship Id="r1" Type="{office}/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": sheet,
    }
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, part in parts.items():
            packed.writestr(name, part)
    return into.getvalue()
