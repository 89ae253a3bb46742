# ruff: noqa: E501 - tables are as wide as the files that they stand for
"""Small files in each source's layout, their events, and how other programs rewrite them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq

Table = list[list[str]]


class Sample(NamedTuple):
    """A header and rows as text, and the id, days, country, type and killed of every event."""

    table: Table
    events: list[tuple[object, ...]]
    delimiter: str = ","
    note: int | None = None
    """Index of a column that only describes."""


def table(text: str) -> Table:
    """Parse lines of cells separated by bars."""
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]


ACLED = Sample(
    table("""
        event_id_cnty|event_date|event_type|sub_event_type|actor1|actor2|country|iso|admin1|location|latitude|longitude|fatalities|notes|timestamp
        IRQ1|2024-01-30|Battles|Armed clash|Group A|Group B|Iraq|368|Baghdad|Town|33.3|44.4|1|clash, at noon|1706745600
        IRQ2|2024-01-31|Battles|Armed clash|Group A|Group B|Iraq|368|Baghdad|Town|33.3|44.4|0|clash|1706745600
        007|2024-01-31|Violence against civilians|Attack|Group A||Namibia|516|Khomas|Town|-22.5|17.1|12|attack|1707350400
    """),
    [
        ("IRQ1", "2024-01-30", "2024-02-01", "IRQ", "Baghdad", "armed_clash", 1, 5),
        ("IRQ2", "2024-01-31", "2024-02-01", "IRQ", "Baghdad", "armed_clash", 0, 3),
        ("007", "2024-01-31", "2024-02-08", "NAM", "Khomas", "violence_against_civilians", 12, 5),
    ],
    note=13,
)
WEEKLY = Sample(
    table("""
        WEEK|REGION|COUNTRY|ADMIN1|EVENT_TYPE|SUB_EVENT_TYPE|EVENTS|FATALITIES|POPULATION_EXPOSURE|DISORDER_TYPE|ID|CENTROID_LATITUDE|CENTROID_LONGITUDE
        2024-01-06|Middle East|Iraq|Baghdad|Battles|Armed clash|7|3||Political violence|1|33.3|44.4
        2024-01-13|Middle East|Iraq|Baghdad|Battles|Armed clash|2|0||Political violence|2|33.3|44.4
    """),
    [
        ("2024-01-06/Iraq/Baghdad/Battles/Armed clash", "2024-01-12", "2024-01-19", "IRQ",
         "Baghdad", "armed_clash", 3, 5),
        ("2024-01-13/Iraq/Baghdad/Battles/Armed clash", "2024-01-19", "2024-01-26", "IRQ",
         "Baghdad", "armed_clash", 0, 3),
    ],
)  # fmt: skip
UCDP = Sample(
    table("""
        id|date_start|date_end|date_prec|type_of_violence|side_a|side_b|country|country_id|adm_1|latitude|longitude|best|code_status
        1|2023-02-01|2023-02-01|1|1|Government of Iraq|IS|Iraq|645|Ninewa|36.3|43.1|4|Clear
        2|2023-02-02|2023-02-03|2|3|IS|Civilians|Syria|652|Aleppo|36.2|37.1|0|Clear
    """),
    [
        ("1", "2023-02-01", "2023-03-03", "IRQ", "Ninewa", "state_based_conflict", 4, 5),
        ("2", "2023-02-02", "2023-03-05", "SYR", "Aleppo", "one_sided_violence", 0, 3),
    ],
)
_GDELT = """
    GLOBALEVENTID|SQLDATE|Actor1CountryCode|Actor1Type1Code|Actor2CountryCode|EventCode|EventBaseCode|EventRootCode|ActionGeo_Type|ActionGeo_CountryCode|ActionGeo_ADM1Code|ActionGeo_Lat|ActionGeo_Long|DATEADDED|SOURCEURL
    900|20240103|USA|GOV|IRQ|020|020|02|4|IZ|IZ07|33.3|44.4|20240103004500|http://example.org/a
    901|20240103|REB||IRQ|193|193|19|4|IZ|IZ07|33.3|44.4|20240104120000|http://example.org/b
"""
GDELT = Sample(
    table(_GDELT),
    [
        ("900", "2024-01-03", "2024-01-03", "IRQ", "IZ07", "statement", None, 1),
        ("901", "2024-01-03", "2024-01-04", "IRQ", "IZ07", "armed_clash", None, 3),
    ],
    delimiter="\t",
)
ICEWS = Sample(
    table("""
        Event ID|Event Date|Source Name|CAMEO Code|Target Name|City|Province|Country|Latitude|Longitude|Event Text
        7|2018-06-01|Police (India)|193|Women (India)|Delhi|NCT|India|28.6|77.2|fight
        8|2018-06-01|Citizen (Macedonia)|042|Men (Macedonia)|NA|NA|Former Yugoslav Republic of Macedonia|42.0|21.4|visit
    """),
    [
        ("7-2018-06-01", "2018-06-01", "2018-06-08", "IND", "NCT", "armed_clash", None, 3),
        ("8-2018-06-01", "2018-06-01", "2018-06-08", "MKD", None, "statement", None, 1),
    ],
    delimiter="\t",
    note=10,
)
GTD = Sample(
    table("""
        eventid|iyear|imonth|iday|extended|country_txt|provstate|city|latitude|longitude|success|suicide|attacktype1_txt|targtype1_txt|gname|nkill|nwound|doubtterr|claimed|summary
        201401010001|2014|1|31|0|Iraq|Baghdad|Baghdad|33.3|44.4|1|1|Bombing/Explosion|Military|Group A|2|-9|0|1|a bomb
        201401010002|2014|2|1|0|Yugoslavia|Unknown|Unknown|44.8|20.4|0|0|Armed Assault|Police|Unknown|-99|3|1|0|an assault
    """),
    [
        ("201401010001", "2014-01-31", "2015-01-31", "IRQ", "Baghdad", "suicide_bombing", 2, 5),
        ("201401010002", "2014-02-01", "2015-02-01", None, None, "armed_clash", None, 4),
    ],
    note=19,
)
POLECAT = Sample(
    table("""
        Event ID|Event Date|Event Type|Event Mode|Contexts|Actor Name|Actor Country|Primary Actor Sector|Recipient Name|Recipient Country|Primary Recipient Sector|City|Province|Country|Latitude|Longitude|Publication Date
        a1|2023-05-01|ASSAULT|explosives|military;terrorism|None|IRQ|REB|Civilians|IRQ|CVL|Mosul|Ninewa|Iraq|36.3|43.1|2023-05-02
        a2|2023-05-01|PROTEST|demo|None|Students|SRB|EDU|None|None|None|None|None|SRB|44.8|20.4|2023-05-01
    """),
    [
        ("a1", "2023-05-01", "2023-05-02", "IRQ", "Ninewa", "explosion", None, 3),
        ("a2", "2023-05-01", "2023-05-01", "SRB", None, "protest", None, 2),
    ],
    delimiter="\t",
    note=4,
)
TIDY = Sample(
    table("""
        event_id|event_date|known_date|event_type|country|admin1|killed|note
        007|2024-01-30|2024-01-31|rocket_attack|IRQ|Baghdad|1|first, of two
        a|2024-01-31|2024-02-02|protest|NA|Khomas|0|second
    """),
    [
        ("007", "2024-01-30", "2024-01-31", "IRQ", "Baghdad", "rocket_attack", 1, 5),
        ("a", "2024-01-31", "2024-02-02", "NA", "Khomas", "protest", 0, 2),
    ],
    note=7,
)
SAMPLES = {
    "acled": ACLED, "acled weekly": WEEKLY, "ucdp": UCDP, "gdelt": GDELT, "icews": ICEWS,
    "gtd": GTD, "polecat": POLECAT, "tidy": TIDY,
}  # fmt: skip


def text(rows: Table, *, delimiter: str = ",", ends: str = "\n", quoting: int = 0) -> str:
    """Format rows as a delimited file."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=ends, quoting=quoting).writerows(rows)
    return out.getvalue()


def headed(change: Callable[[str], str]) -> Callable[[Sample], Table]:
    """Change the column names of a table."""
    return lambda sample: [[change(name) for name in sample.table[0]], *sample.table[1:]]


def with_column(name: str, cells: Callable[[int], str], place: int) -> Callable[[Sample], Table]:
    """Add a column to a table."""

    def wider(sample: Sample) -> Table:
        rows = [list(row) for row in sample.table]
        for number, row in enumerate(rows):
            row.insert(len(row) if place < 0 else place, name if not number else cells(number))
        return rows

    return wider


def each_cell(change: Callable[[str], str]) -> Callable[[Sample], Table]:
    """Change the cells below the header."""
    return lambda sample: [
        sample.table[0], *([change(cell) for cell in row] for row in sample.table[1:]),
    ]  # fmt: skip


def floats(sample: Sample) -> Table:
    """Write whole numbers as pandas does in a column with gaps; not identifiers, codes or days."""
    names = {"fatalities", "timestamp", "EVENTS", "FATALITIES", "best", "id", "type_of_violence",
             "date_prec", "iso", "country_id", "nkill", "nwound", "iyear", "imonth", "iday",
             "suicide", "killed", "GLOBALEVENTID", "SQLDATE", "DATEADDED"}  # fmt: skip
    wide = [place for place, name in enumerate(sample.table[0]) if name in names]
    rows = [list(row) for row in sample.table]
    for row in rows[1:]:
        for place in wide:
            row[place] += ".0" if row[place] else ""
    return rows


def same(sample: Sample) -> Table:
    """Return the table unchanged."""
    return sample.table


def reordered(sample: Sample) -> Table:
    """Reverse the order of the columns."""
    return [row[::-1] for row in sample.table]


def commas(change: Callable[[Sample], Table] = same, **how: object) -> Callable[..., bytes]:
    """Write the file with commas, whatever the source uses."""
    return lambda sample: text(change(sample), **how).encode()  # type: ignore[arg-type]


def own(change: Callable[[Sample], Table]) -> Callable[[Sample], bytes]:
    """Write the file with the source's separator."""
    return lambda sample: text(change(sample), delimiter=sample.delimiter).encode()


def more_header(sample: Sample) -> bytes:
    """Add excess separators to the header only."""
    head, _, rest = text(sample.table, delimiter=sample.delimiter).partition("\n")
    return f"{head}{sample.delimiter * 2}\n{rest}".encode()


def more_cells(sample: Sample) -> bytes:
    """Add a separator to the end of every row, but not to the header."""
    head, *rows = text(sample.table, delimiter=sample.delimiter).splitlines()
    return "".join(
        f"{line}\n" for line in (head, *(row + sample.delimiter for row in rows))
    ).encode()


def records(sample: Sample) -> list[dict[str, str | None]]:
    """Return the columns; an empty cell is null."""
    head, *rows = sample.table
    return [{name: cell or None for name, cell in zip(head, row, strict=True)} for row in rows]


def workbook(sample: Sample, *, days: Container[int] = ()) -> bytes:
    """Write an xlsx file with the table on its second sheet; numbers in some columns are days."""
    sheets = {"sheet1": [["about"], ["exported today"]], "sheet2": sample.table}
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as packed:
        packed.writestr("[Content_Types].xml", _TYPES)
        packed.writestr("_rels/.rels", _RELS.format(TYPE="officeDocument", FILE="xl/workbook.xml"))
        packed.writestr("xl/workbook.xml", _BOOK)
        packed.writestr("xl/_rels/workbook.xml.rels", _BOOK_RELS)
        packed.writestr("xl/styles.xml", _STYLES)
        for name, rows in sheets.items():
            packed.writestr(f"xl/worksheets/{name}.xml", _sheet(rows, days))
    return held.getvalue()


def _sheet(rows: Table, days: Container[int]) -> str:
    cells = "".join(
        f"<row>{''.join(_cell(cell, place in days) for place, cell in enumerate(row))}</row>"
        for row in rows
    )
    return f'<?xml version="1.0"?><worksheet xmlns="{_MAIN}"><sheetData>{cells}</sheetData></worksheet>'


def _cell(cell: str | float, day: bool) -> str:
    if isinstance(cell, float):
        return f'<c s="{int(day)}"><v>{cell}</v></c>'
    return f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>'


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_TYPES = (
    f'<?xml version="1.0"?><Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEET_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet2.xml" ContentType="{_SHEET_TYPE}.worksheet+xml"/>'
    "</Types>"
)
_STYLES = (
    f'<?xml version="1.0"?><styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/>'
    '<xf numFmtId="14"/></cellXfs></styleSheet>'
)
"""Style sheet whose second style is a date."""
_RELS = (
    f'<?xml version="1.0"?><Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/{{TYPE}}" Target="{{FILE}}"/></Relationships>'
)
_BOOK = (
    f'<?xml version="1.0"?><workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="about" sheetId="1" r:id="r1"/><sheet name="data" sheetId="2" r:id="r2"/>'
    "</sheets></workbook>"
)
_BOOK_RELS = (
    f'<?xml version="1.0"?><Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{_OFFICE}/worksheet" Target="worksheets/sheet2.xml"/>'
    f'<Relationship Id="r3" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    "</Relationships>"
)


def parquet(sample: Sample) -> bytes:
    """Write a Parquet file with all columns as text."""
    held = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records(sample)), held)
    return held.getvalue()


class Habit(NamedTuple):
    """How a program writes a file, and the file's name."""

    write: Callable[[Sample], bytes]
    name: str = "a.csv"
    options: Mapping[str, str] = MappingProxyType({})


HABITS = {
    "as it is": Habit(own(same)),
    "commas": Habit(commas()),
    "semicolons": Habit(commas(delimiter=";")),
    "tabs": Habit(commas(delimiter="\t")),
    "bars": Habit(commas(delimiter="|")),
    "declared semicolons": Habit(commas(delimiter=";"), options={"separator": ";"}),
    "sep= line": Habit(lambda s: b"sep=;\r\n" + text(s.table, delimiter=";", ends="\r\n").encode()),
    "quoted throughout": Habit(commas(quoting=csv.QUOTE_ALL)),
    "CR line ends": Habit(commas(ends="\r")),
    "CRLF line ends": Habit(commas(ends="\r\n")),
    "byte order mark": Habit(lambda s: b"\xef\xbb\xbf" + text(s.table).encode()),
    "utf-16": Habit(lambda s: text(s.table).encode("utf-16"), options={"encoding": "utf-16"}),
    "cp1252": Habit(lambda s: text(s.table).encode("cp1252"), options={"encoding": "cp1252"}),
    "upper case": Habit(own(headed(str.upper))),
    "lower case": Habit(own(headed(str.lower))),
    "names by R": Habit(commas(headed(lambda name: name.replace(" ", ".").replace("_", ".")))),
    "padded names": Habit(own(headed(lambda name: f" {name} "))),
    "padded cells": Habit(own(each_cell(lambda cell: f"  {cell}\u00a0 "))),
    "from right to left": Habit(own(reordered)),
    "index of pandas": Habit(own(with_column("", str, 0))),
    "unnamed column of pandas": Habit(own(with_column("Unnamed: 0", str, 0))),
    "empty last column": Habit(own(with_column("", lambda _: "", -1))),
    "excess header": Habit(more_header),
    "excess separators": Habit(more_cells),
    "numbers with .0": Habit(own(floats)),
    "gzip": Habit(lambda s: gzip.compress(text(s.table).encode()), "a.csv.gz"),
    "parquet": Habit(parquet, "a.parquet"),
    "parquet under another name": Habit(parquet, "a.csv"),
    "workbook": Habit(workbook, "a.xlsx"),
    "workbook under another name": Habit(workbook, "a.csv"),
    "json": Habit(lambda s: json.dumps(records(s)).encode(), "a.json"),
    "answer of an API": Habit(
        lambda s: json.dumps({"status": 200, "success": True, "data": records(s)}).encode(), "a.json"
    ),
    "json lines": Habit(
        lambda s: "".join(json.dumps(row) + "\n" for row in records(s)).encode(), "a.jsonl"
    ),
}  # fmt: skip


def written(folder: Path, sample: Sample, habit: Habit) -> Path:
    """Write the sample to a file."""
    path = folder / habit.name
    path.write_bytes(habit.write(sample))
    return path
