"""Cells are read unchanged, each row with its line, from files of every shape."""

import codecs
import csv
import gzip
import io
import random
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from escalation.errors import InputError, UsageError
from escalation.events.reading import rows as reading
from escalation.events.source import Converted, Options, Source

SOURCE = Source(
    name="test", required=("id", "day"), optional=("note", "extra"), convert=lambda *_: Converted,
    known_basis="observed", licence="",
)  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def write(content, name="a.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def read(path, source=SOURCE, **options):
    """Readable rows by line, and rejected ones by line."""
    _, blocks = reading.read_blocks(path, source, Options(**options))
    rows, rejected = {}, {}
    for block in blocks:
        assert block.cells.column_names == [*source.required, *source.optional]
        cells = [tuple(row.values()) for row in block.cells.to_pylist()]
        rows |= dict(zip(block.lines.tolist(), cells, strict=True))
        rejected |= {row.line: row for row in block.rejected}
        assert block.records == len(cells) + len(block.rejected)
    return rows, rejected


def refusal(path, source=SOURCE, **options):
    with pytest.raises(InputError) as caught:
        read(path, source, **options)
    assert caught.value.status == 3
    return str(caught.value)


def test_cells_are_text_and_only_empty_ones_are_null(write):
    path = write('id,day,note\n007,2020-01-01,NA\n1e5,nan,""\nnull," ",\n')
    assert read(path)[0] == {
        2: ("007", "2020-01-01", "NA", None),
        3: ("1e5", "nan", None, None),
        4: ("null", " ", None, None),
    }


def test_rows_that_are_too_short_or_too_long_are_rejected_by_line_and_shift_nothing(write):
    path = write("id,day,note\n1,a,x\n2,b\n3,c,y\n4,d,z,4\n5,e,\n")
    rows, rejected = read(path)
    assert rows == {2: ("1", "a", "x", None), 4: ("3", "c", "y", None), 6: ("5", "e", None, None)}
    assert {line: (row.code, row.expected, row.value) for line, row in rejected.items()} == {
        3: ("Q-ROW", "3 cells, found 2", "2,b"),
        5: ("Q-ROW", "3 cells, found 4", "4,d,z,4"),
    }


def test_lines_are_counted_through_cells_of_several_lines(write):
    path = write('id,day,note\n1,a,"x\ny\nz"\n2,b\n\n3,c,"y\r\n"\n4,d,z\n5,"e\ne",x,5\n6,f,\n')
    rows, rejected = read(path)
    assert list(rows) == [2, 7, 9, 12] and list(rejected) == [5, 10]


def table(seed):
    """A random file of cells, some with quotes and line ends, and where its rows start."""
    rng = random.Random(seed)
    words = ["", "a", "NA", "é", "a,b", 'say "so"', "two\nlines", "\n\n", "x" * 30, " ", "0"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "day", "note"])
    rows, short, line = {}, [], 2
    for number in range(rng.randrange(1, 60)):
        width = rng.choices([1, 2, 3, 4], [1, 1, 20, 1])[0]
        cells = [f"e{number}"] + [rng.choice(words) for _ in range(width - 1)]
        if rng.random() < 0.1:
            out.write("\n")
            line += 1
        writer.writerow(cells)
        if width == 3:
            rows[line] = (*(cell or None for cell in cells), None)
        else:
            short.append(line)
        line += 1 + sum(cell.count("\n") for cell in cells)
    return out.getvalue(), rows, short


@pytest.mark.parametrize("seed", range(60))
def test_every_row_is_found_on_its_line_in_blocks_of_any_size(write, monkeypatch, seed):
    text, rows, short = table(seed)
    monkeypatch.setattr(reading, "_BLOCK_BYTES", [160, 333, 1 << 20][seed % 3])
    monkeypatch.setattr(reading, "_FEWEST_ROWS", [1, 7, 1000][seed % 4 % 3])
    monkeypatch.setattr(reading, "_BATCH_ROWS", [1, 5, 1000][seed % 5 % 3])
    readable, rejected = read(write(text))
    assert readable == rows and list(rejected) == short


@pytest.mark.parametrize("content", [
    b"", codecs.BOM_UTF8, b"\n\n", b"id,day,note\n", codecs.BOM_UTF8 + b"id,day,note",
])  # fmt: skip
def test_an_empty_file_a_lone_header_and_a_lone_mark_are_refused(write, content):
    assert "E-EMPTY" in refusal(write(content))
    assert "E-EMPTY" in refusal(write(gzip.compress(content), "a.csv.gz"))


def test_a_byte_order_mark_is_not_part_of_the_first_column(write):
    assert read(write(codecs.BOM_UTF8 + b"id,day\n1,a\n"))[0] == {2: ("1", "a", None, None)}


def test_a_missing_column_is_refused_with_what_was_found_and_the_nearest_name(write):
    message = refusal(write("id,dya,x\n1,2,3\n"))
    assert "E-COLUMNS" in message and "a.csv:1" in message
    assert "missing: day" in message and "found: id, dya, x" in message
    assert "add --columns dya=day" in message


def test_a_repeated_column_is_refused(write):
    assert "more than once: day" in refusal(write("id,day,day\n1,2,3\n"))


def test_an_unknown_column_is_left_out_and_reported(write):
    layout, _ = reading.read_blocks(write("id,x,day\n1,2,3\n"), SOURCE)
    assert layout.unknown == ("x",)
    assert read(layout.path)[0] == {2: ("1", "3", None, None)}


def test_one_of_several_groups_of_columns_can_be_required(write):
    source = Source(**{**vars(SOURCE), "one_of": (("note",), ("extra", "id"))})
    assert "note; or extra and id" in refusal(write("id,day\n1,2\n"), source)
    assert read(write("id,day,extra\n1,2,3\n"), source)[0] == {2: ("1", "2", None, "3")}


def test_utf_16_is_refused_at_byte_0_and_read_if_declared(write):
    path = write("id,day\n1,é\n".encode("utf-16"))
    assert "E-ENCODING" in (message := refusal(path)) and "byte 0 " in message
    assert "--encoding utf-16" in message
    assert read(path, encoding="utf-16")[0] == {2: ("1", "é", None, None)}
    assert "--encoding utf-16" in refusal(write("id,day\n1,é\n".encode("utf-16-le") * 50))


@pytest.mark.parametrize("rows", [0, 100_000])
def test_latin_1_is_refused_with_the_offset_and_read_if_declared(write, rows):
    before = "id,day\n" + "1,plain\n" * rows
    path = write((before + "2,é\n").encode("latin-1"))
    message = refusal(path)
    assert "E-ENCODING" in message and "--encoding" in message
    assert f"byte {len(before) + 2} " in message
    assert read(path, encoding="latin-1")[0][rows + 2] == ("2", "é", None, None)


def test_broken_utf_8_in_a_header_or_a_packed_file_is_refused_with_the_offset(write):
    assert "byte 2 " in refusal(write(b"id\xff,day\n1,2\n"))
    assert "byte 9 " in refusal(write(gzip.compress(b"id,day\n1,\xc3(\n"), "a.csv.gz"))


def test_bytes_invalid_in_a_declared_encoding_are_refused_with_the_offset(write):
    assert "byte 9 " in refusal(write(b"id,day\n1,\xe9\n"), encoding="ascii")


def test_an_unknown_encoding_is_a_usage_error(write):
    with pytest.raises(UsageError, match="E-ENCODING"):
        read(write("id,day\n1,2\n"), encoding="klingon")


def test_a_row_with_a_nul_is_rejected_wherever_it_is(write):
    rows, rejected = read(write("id,day,unknown\n1,a,x\n2,b\0,x\n3,c,\0\n4,d,x\n"))
    assert list(rows) == [2, 5]
    assert {line: (row.code, row.column) for line, row in rejected.items()} == {
        3: ("Q-TEXT", "day"), 4: ("Q-TEXT", "unknown"),
    }  # fmt: skip


LINES = "".join(f"{number},a,x\n" for number in range(100_000))


@pytest.mark.parametrize("rest", ["2,b,y\n", LINES, '2,"b",y\n' * 3, '2,b,"y"\n' * 50_000])
def test_an_unclosed_quote_is_refused_by_its_line(write, rest):
    message = refusal(write(f'id,day,note\n1,a,"x\n{rest}'))
    assert "E-QUOTE" in message and ".csv:2 " in message


def test_a_quote_inside_an_unquoted_cell_is_a_character(write):
    assert read(write('id,day\n1,5" gun\n2,x\n'))[0][2][1] == '5" gun'


def test_an_unclosed_quote_in_the_header_is_refused(write):
    assert ".csv:1 " in refusal(write('id,"day\n' + LINES))


def test_a_cell_of_200_kb_is_rejected_and_its_neighbours_kept(write):
    rows, rejected = read(write(f"id,day\n1,a\n2,{'x' * 200_000}\n3,c\n"))
    assert list(rows) == [2, 4] and rejected[3].code == "Q-TEXT" and len(rejected[3].value) <= 80


@pytest.mark.parametrize("cell", ["x" * 50_000_000, '"' + "x" * 50_000_000 + '"'])
def test_a_line_of_50_mb_is_refused_by_its_line(write, cell):
    message = refusal(write(f"id,day\n1,a\n2,{cell}\n"))
    assert "E-LIMIT" in message and ".csv:3 " in message


@pytest.mark.parametrize("line", [b"1,a\n", b"x"])
def test_a_packed_file_that_expands_1000_times_is_refused(write, line):
    packed = gzip.compress(b"id,day\n" + line * (60_000_000 // len(line)))
    assert "E-LIMIT" in refusal(write(packed, "a.csv.gz"))


def zipped(**members):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return held.getvalue()


def test_packed_files_are_read_like_plain_ones(write):
    text = "id,day\n1,a\n2,b\n"
    plain = read(write(text))
    assert read(write(gzip.compress(text.encode()), "a.csv.gz")) == plain
    assert read(write(zipped(a=text), "a.zip")) == plain


def test_a_packed_file_that_is_broken_or_holds_two_files_is_refused(write):
    packed = gzip.compress(LINES.encode())
    assert "E-FILE" in refusal(write(packed[:-2000], "a.csv.gz"))
    assert "E-FILE" in refusal(write(b"id,day\n1,2\n", "a.csv.gz"))
    assert "found 2" in refusal(write(zipped(a="x", b="y"), "a.zip"))
    assert "E-FILE" in refusal(write(b"no zip", "a.zip"))
    assert "E-FILE" in refusal(write("").with_name("none.csv"))


def test_a_file_without_a_header_takes_its_names_from_the_number_of_columns(write):
    source = Source(**{**vars(SOURCE), "delimiter": "\t",
                       "names": (("id", "day", "note"), ("id", "day"))})  # fmt: skip
    assert read(write('1\ta\t"x\n2\tb\ty\n'), source)[0] == {
        1: ("1", "a", '"x', None), 2: ("2", "b", "y", None),
    }  # fmt: skip
    assert read(write("1\ta\n"), source)[0] == {1: ("1", "a", None, None)}
    assert "needs 3 or 2 columns, found 4" in refusal(write("1\t2\t3\t4\n"), source)


def test_a_second_header_of_hxl_tags_is_skipped_for_sources_with_it(write):
    path = write("id,day\n#id,#date\n1,a\n")
    source = Source(**{**vars(SOURCE), "skip_hxl": True})
    assert list(read(path, source)[0]) == [3]
    assert list(read(path)[0]) == [2, 3]


def test_parquet_gives_the_cells_that_a_csv_file_would(tmp_path):
    frame = pa.table({
        "id": pa.array([7, 8, None]),
        "day": pa.array([0, 86_400, None], pa.timestamp("s")),
        "note": pa.array(["NA", "", None]).dictionary_encode(),
        "extra": pa.array([1.5, 2.0, None]),
        "other": [1, 2, 3],
    })  # fmt: skip
    path = tmp_path / "a.parquet"
    pq.write_table(frame, path)
    assert read(path)[0] == {
        1: ("7", "1970-01-01", "NA", "1.5"), 2: ("8", "1970-01-02", None, "2"),
    }  # fmt: skip


def test_parquet_rows_are_numbered_through_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "_BATCH_ROWS", 3)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": ["a", "b", "c\0", "d", "e"], "day": list("12345")}), path)
    rows, rejected = read(path)
    assert list(rows) == [1, 2, 4, 5] and list(rejected) == [3]


def test_parquet_that_is_invalid_empty_or_has_lists_is_refused(tmp_path, write):
    assert "E-FILE" in refusal(write("id,day\n1,2\n", "a.parquet"))
    path = tmp_path / "b.parquet"
    pq.write_table(pa.table({"id": ["a"], "day": ["b"]}).slice(0, 0), path)
    assert "E-EMPTY" in refusal(path)
    pq.write_table(pa.table({"id": ["a"], "day": [["b"]]}), path)
    assert "E-COLUMNS" in (message := refusal(path)) and "list" in message
