"""Real-world files: the habits of many programs, in the layout of every source."""

import importlib.util
import json

import pandas as pd
import pytest
from outside_tables import (
    ACLED,
    GDELT,
    HABITS,
    POLECAT,
    SAMPLES,
    TIDY,
    UCDP,
    table,
    text,
    workbook,
    written,
)

from escalation import schema
from escalation.errors import EscalationError, InputError, UsageError
from escalation.events import SOURCES, Limits, Options, load_events
from escalation.events.store.ingest import validate_files

SHOWN = [
    schema.EVENT_ID, schema.EVENT_DATE, schema.KNOWN_DATE, schema.COUNTRY, schema.ADMIN1,
    schema.EVENT_TYPE, schema.KILLED, schema.SEVERITY,
]  # fmt: skip


def events(path, source, **options):
    """Return the events of a file as tuples, sorted by identifier."""
    frame = load_events(source.split()[0], path, options=Options(**options)).versions[SHOWN].copy()
    for day in schema.DATE_COLUMNS:
        frame[day] = frame[day].dt.strftime("%Y-%m-%d")
    rows = frame.astype(object).itertuples(index=False, name=None)
    return sorted(tuple(None if pd.isna(cell) else cell for cell in row) for row in rows)


def report(path, source, *, limits=None, **options):
    (only,) = validate_files(SOURCES[source], [path], options=Options(**options), limits=limits)
    assert only.accepted + only.quarantined + only.duplicates == only.records
    return only


@pytest.fixture
def write(tmp_path):
    def write(content, name="a.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("source", SAMPLES)
def test_a_file_gives_the_same_events_however_it_is_written(tmp_path, source, habit):
    if "workbook" in habit and importlib.util.find_spec("python_calamine") is None:
        pytest.skip("python-calamine is not installed")
    sample = SAMPLES[source]
    path = written(tmp_path, sample, HABITS[habit])
    assert events(path, source, **HABITS[habit].options) == sorted(sample.events)


@pytest.mark.parametrize("hidden", ["\x92", "\x01", "\u202e", "\x7f"])
@pytest.mark.parametrize("source", [name for name, sample in SAMPLES.items() if sample.note])
def test_an_invisible_character_in_a_note_rejects_nothing_and_is_counted(write, source, hidden):
    sample = SAMPLES[source]
    rows = [list(row) for row in sample.table]
    rows[1][sample.note] = f"a{hidden}b"
    path = write(text(rows, delimiter=sample.delimiter))
    assert events(path, source) == sorted(sample.events)
    file_report = report(path, source)
    assert file_report.quarantined == 0
    assert sum(n for note, n in file_report.notes.items() if "hidden characters" in note) == 1


def changed(sample, **cells):
    """Return the table with some cells of its first row changed."""
    rows = [list(row) for row in sample.table]
    for name, cell in cells.items():
        rows[1][rows[0].index(name)] = cell
    return rows


def dated(sample, column, form):
    """Return the table with its days in another format."""
    rows = [list(row) for row in sample.table]
    for name in column:
        place = rows[0].index(name)
        for row in rows[1:]:
            row[place] = pd.Timestamp(row[place]).strftime(form)
    return rows


DATES = [("acled", ["event_date"]), ("tidy", ["event_date", "known_date"]),
         ("ucdp", ["date_start", "date_end"]), ("icews", ["Event Date"]),
         ("polecat", ["Event Date", "Publication Date"])]  # fmt: skip
SLASHED = ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y"]
LATE = {"ucdp": "2023-02-28", "icews": "2018-06-30", "polecat": "2023-05-31"}


@pytest.mark.parametrize("form", SLASHED)
@pytest.mark.parametrize(("source", "columns"), DATES)
def test_slashed_dates_are_read_in_the_one_order_that_all_admit_and_reported(
    write, source, columns, form
):
    sample = SAMPLES[source]
    rows = [list(row) for row in sample.table]
    if source in LATE:
        for name in columns:
            rows[-1][rows[0].index(name)] = LATE[source]
    plain = events(write(text(rows, delimiter=sample.delimiter)), source)
    path = write(
        text(dated(sample._replace(table=rows), columns, form), delimiter=sample.delimiter)
    )
    assert [row[1:] for row in events(path, source)] == [row[1:] for row in plain]
    assert any(f"dates read as {form}" in remark for remark in report(path, source).remarks)


@pytest.mark.parametrize("days", [
    ["01/02/2024", "03/04/2024", "05/06/2024"], ["31/01/2024", "01/31/2024", "01/02/2024"],
    ["31/01/2024", "2024-02-01", "01/02/2024"], ["31/01/2024", "31.01.2024", "01/02/2024"],
])  # fmt: skip
def test_dates_that_admit_both_orders_or_neither_are_refused_with_the_option(write, days):
    rows = [list(row) for row in ACLED.table]
    for row, day in zip(rows[1:], days, strict=True):
        row[1] = day
    file_report = report(write(text(rows)), "acled")
    assert file_report.reasons["Q-DATE"] >= 2 and "--date-format" in file_report.refusal.fix


@pytest.mark.parametrize("form", ["%d %B %Y", "%d-%B-%Y", "%d %b %Y", "%d-%b-%Y",
                                  "%Y-%m-%d 00:00:00"])  # fmt: skip
@pytest.mark.parametrize(("source", "columns"), DATES)
def test_named_months_and_midnight_are_unambiguous(write, source, columns, form):
    sample = SAMPLES[source]
    path = write(text(dated(sample, columns, form), delimiter=sample.delimiter))
    assert events(path, source) == sorted(sample.events)


STAMPS = table("""
    event_id|event_date|event_type|country
    1|2023-05-15|drone_attack|UKR
    2|2023-05-16 3:30|missile_strike|UKR
    3|2023-05-16 03:30 |missile_strike|UKR
    4|2023-05-17 23:30Z|drone_attack|UKR
""")


def test_times_of_day_need_a_zone_and_the_error_names_the_option(write):
    path = write(text(STAMPS))
    assert [row[1] for row in events(path, "tidy", zone="Europe/Kyiv")] == [
        "2023-05-15", "2023-05-16", "2023-05-16", "2023-05-18",
    ]  # fmt: skip
    assert "--zone" in report(path, "tidy").refusal.fix


def test_a_zone_is_refused_for_a_source_of_whole_days_and_utc(write):
    path = write(text(GDELT.table))
    with pytest.raises(UsageError, match="E-ZONE.*leave out --zone"):
        report(path, "gdelt", zone="Asia/Baghdad")


@pytest.mark.parametrize("offset", ["+99:00", "+03:75", "-15:00"])
def test_an_impossible_offset_is_refused(write, offset):
    rows = changed(TIDY, known_date=f"2024-01-31 10:00{offset}")
    assert report(write(text(rows)), "tidy", zone="UTC").reasons == {"Q-DATE": 1}


CASES = ["Violence Against Civilians", "VIOLENCE AGAINST CIVILIANS", "violence against civilians"]


@pytest.mark.parametrize("word", CASES)
def test_types_are_recognised_in_upper_and_lower_case(write, word):
    path = write(text(changed(ACLED, event_type=word, sub_event_type="")))
    assert events(path, "acled")[1][5] == "violence_against_civilians"
    path = write(text(changed(POLECAT, **{"Event Type": "assault"}), delimiter="\t"))
    assert events(path, "polecat") == sorted(POLECAT.events)


@pytest.mark.parametrize(
    ("code", "base", "root", "event_type"),
    [
        ("20", "20", "2", "statement"), ("200", "200", "20", "mass_violence"),
        ("10", "10", "1", "statement"), ("14", "14", "1", "statement"),
        ("140", "140", "14", "protest"), ("190", "190", "19", "battle"),
        ("231", "23", "2", "statement"), ("871", "87", "8", "truce"),
        ("57", "57", "5", "agreement"), ("020", "020", "02", "statement"),
        ("20.0", "20.0", "2.0", "statement"), ("871", "", "", "truce"), ("57", "", "", "agreement"),
        ("193", "", "", "armed_clash"), ("20", "", "", None), ("20", "20", "", None),
        ("20", "193", "19", None), ("193", "20", "20", None), ("020", "020", "20", None),
    ],
)  # fmt: skip
def test_a_lost_zero_is_restored_if_certain_and_refused_otherwise(
    write, code, base, root, event_type
):
    rows = changed(GDELT, EventCode=code, EventBaseCode=base, EventRootCode=root)
    path = write(text(rows, delimiter="\t"))
    file_report = report(path, "gdelt", limits=Limits(max_bad=1))
    if event_type is None:
        assert file_report.reasons == {"Q-TYPE": 1}
        return
    assert events(path, "gdelt")[0][5] == event_type
    restored = sum(n for note, n in file_report.notes.items() if "leading zero" in note)
    assert restored == (len(code.removesuffix(".0")) < 3 or code in {"231", "871"})


@pytest.mark.parametrize(
    ("code", "event_type"),
    [("40", "statement"), ("871", "truce"), ("020", "statement"), ("193", "armed_clash"),
     ("20", None), ("10", None), ("2", None)],
)  # fmt: skip
def test_icews_without_a_root_restores_only_unambiguous_codes(write, code, event_type):
    rows = changed(SAMPLES["icews"], **{"CAMEO Code": code})
    path = write(text(rows, delimiter="\t"))
    if event_type is None:
        assert report(path, "icews", limits=Limits(max_bad=1)).reasons == {"Q-TYPE": 1}
    else:
        assert events(path, "icews")[0][5] == event_type


@pytest.mark.parametrize("width", [61, 58, 57])
@pytest.mark.parametrize("delimiter", ["\t", ","])
@pytest.mark.parametrize("header", [False, True])
def test_gdelt_comes_in_three_widths_with_and_without_a_header(write, width, delimiter, header):
    names = next(names for names in SOURCES["gdelt"].names if len(names) == width)
    known = [dict(zip(GDELT.table[0], row, strict=True)) for row in GDELT.table[1:]]
    rows = [[row.get(name, "") for name in names] for row in known]
    path = write(text([list(names), *rows] if header else rows, delimiter=delimiter))
    assert events(path, "gdelt") == sorted(GDELT.events)


@pytest.mark.parametrize("word", ["NA", "N/A", "nan", "NULL", "None", "#N/A"])
@pytest.mark.parametrize(("source", "column"), [
    ("ucdp", "adm_1"), ("acled", "admin1"), ("icews", "Province"), ("gtd", "provstate"),
    ("polecat", "Province"), ("tidy", "admin1"), ("gdelt", "ActionGeo_ADM1Code"),
    ("acled weekly", "ADMIN1"),
])  # fmt: skip
def test_a_word_for_a_missing_value_is_not_a_province(write, source, column, word):
    sample = SAMPLES[source]
    path = write(text(changed(sample, **{column: word}), delimiter=sample.delimiter))
    provinces = {row[4] for row in events(path, source)}
    assert word not in provinces and None in provinces


def test_namibia_and_a_province_called_nan_are_kept(write):
    path = write(text(changed(TIDY, country="NA", admin1="Nan")))
    assert ("NA", "Nan") in {row[3:5] for row in events(path, "tidy")}


@pytest.mark.parametrize(("source", "column"), [
    ("ucdp", "best"), ("acled", "fatalities"), ("tidy", "killed"), ("gtd", "nkill"),
    ("ucdp", "latitude"), ("acled", "longitude"),
])  # fmt: skip
def test_the_na_of_r_is_an_unknown_number(write, source, column):
    file_report = report(write(text(changed(SAMPLES[source], **{column: "NA"}))), source)
    assert file_report.quarantined == 0


@pytest.mark.parametrize("stamp", ["", "NA", None])
def test_acled_without_timestamps_has_an_assumed_basis(write, stamp):
    rows = changed(ACLED, timestamp=stamp or "")
    if stamp is None:
        rows = [row[:-1] for row in ACLED.table]
    archive = load_events("acled", write(text(rows)))
    assert archive.known_basis == "assumed"
    first = archive.versions.set_index("event_id").loc["IRQ1", "known_date"]
    assert str(first.date()) == "2024-02-06"
    assert load_events("acled", write(text(ACLED.table))).known_basis == "overwritten"


def test_a_week_is_one_row_with_a_weight_and_all_of_its_deaths(write):
    path = write(text(SAMPLES["acled weekly"].table))
    versions = load_events("acled", path).versions
    assert versions[schema.WEIGHT].tolist() == [7, 2] and versions["killed"].tolist() == [3, 0]
    file_report = report(write(text(changed(SAMPLES["acled weekly"], WEEK="2024-01-08"))), "acled")
    assert file_report.reasons == {"Q-DATE": 1} and "Saturday" in file_report.first[0].expected


ACTORS = table("""
    event_id_cnty|event_date|event_type|actor1|assoc_actor_1|inter1|interaction|country|latitude|longitude|fatalities
    BGD1|2024-01-01|Battles|Group A||Rebel group|Rebel group-Civilians|Bangladesh|25.7|89.0|1
    BGD1|2024-01-01|Battles|Civilians||Civilians|Rebel group-Civilians|Bangladesh|25.7|89.0|1
""")


def test_an_actor_based_export_is_recognised_and_refused(write):
    with pytest.raises(InputError, match="actor-based ACLED export.*export the data by event"):
        report(write(text(ACTORS)), "acled")


UNRATED_TYPES = table("""
    event_id|event_date|event_type|country|admin1|killed|wounded
    1|2024-01-01|bombing explosion|IRQ|P1||
    2|2024-01-02|bombing explosion|IRQ|P1||2
    3|2024-01-03|bombing explosion|IRQ|P1|1|
    4|2024-01-03|Vote of parliament|IRQ|P1||
    5|2024-01-03|rocket_attack|IRQ|P1||
""")


def test_types_without_a_rung_are_rated_by_casualties_and_reported_once_per_type(write):
    path = write(text(UNRATED_TYPES))
    with pytest.warns(UserWarning, match="without a rung") as caught:
        assert [row[-1] for row in events(path, "tidy")] == [3, 4, 5, 3, 3]
    messages = "".join(str(warning.message) for warning in caught)
    assert messages.count("'bombing explosion' (3 events)") == 1
    assert '"Vote of parliament" = [' in messages
    assert report(path, "tidy").unrated == {"bombing explosion": 3, "Vote of parliament": 1}
    strict = report(path, "tidy", limits=Limits(strict=True))
    assert strict.reasons == {"Q-TYPE": 4} and strict.unrated == {}
    ladder = {**schema.SEVERITY_LADDER, "bombing explosion": (3, 4, 5)}
    assert report(path, "tidy", ladder=ladder).unrated == {"Vote of parliament": 1}


def test_a_row_with_a_value_beyond_the_header_is_rejected(write):
    head, first, second = text(TIDY.table).splitlines()
    file_report = report(write(f"{head}\n{first},\n{second},x\n"), "tidy")
    assert file_report.reasons == {"Q-ROW": 1} and file_report.first[0].line == 3


def test_a_wrong_separator_is_refused_with_the_option(write):
    path = write(text(ACLED.table, delimiter="^"))
    with pytest.raises(InputError, match=r"E-COLUMNS.*--separator"):
        report(path, "acled")
    assert events(path, "acled", separator="^") == sorted(ACLED.events)


def test_two_spellings_of_one_column_are_not_guessed(write):
    rows = [[*row, "x" if number else "EVENT_DATE"] for number, row in enumerate(ACLED.table)]
    assert events(write(text(rows)), "acled") == sorted(ACLED.events)
    rows[0] = ["EVENT_DATE" if name == "event_date" else name for name in rows[0]]
    with pytest.raises(InputError, match="E-COLUMNS.*more than once: event_date"):
        report(write(text(rows)), "acled")


def test_types_without_a_rung_are_counted_in_accepted_rows(write):
    path = write("event_id,event_date,event_type,site\n1,2024-01-30,own,a\n2,no day,own,a\n")
    assert report(path, "tidy", limits=Limits(max_bad=1.0)).unrated == {"own": 1}


def test_latin_1_is_read_for_gtd_as_it_is_published(write):
    path = write(text(changed(SAMPLES["gtd"], provstate="N\xednive")).encode("latin-1"))
    assert "N\xednive" in {row[4] for row in events(path, "gtd")}
    assert report(path, "gtd").remarks == ("read as latin-1, because it is not UTF-8",)


def test_latin_1_is_read_for_polecat_and_cp1252_is_suggested_elsewhere(write):
    rows = changed(POLECAT, Province="N\xednive")
    path = write(text(rows, delimiter="\t").encode("latin-1"))
    assert events(path, "polecat")[0][4] == "N\xednive"
    assert report(path, "polecat").remarks == ("read as latin-1, because it is not UTF-8",)
    path = write(text(changed(TIDY, admin1="N\xednive")).encode("cp1252"))
    with pytest.raises(InputError, match="E-ENCODING.*--encoding cp1252"):
        report(path, "tidy")


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"[]", "a.json", "E-EMPTY"), (b'{"data": []}', "a.json", "E-EMPTY"),
        (b'{"status": 403, "error": "no"}', "a.json", "E-FORMAT"), (b"[1, 2]", "a.json", "E-EMPTY"),
        (b'[{"event_id": [1]}]', "a.json", "E-COLUMNS"), (b'{"a": ', "a.json", "E-FORMAT"),
        (b"[" * 100_000, "a.json", "E-EMPTY"), (b"PK\x03\x04 no workbook", "a.xlsx", "E-FILE"),
        (b"\xd0\xcf\x11\xe0 old", "a.xls", "E-FILE"), (b"PAR1 cut", "a.csv", "E-FILE"),
        (b"sep=;\r\n", "a.csv", "E-EMPTY"), (b"sep=;", "a.csv", "E-"),
    ],
)  # fmt: skip
def test_files_that_are_not_tables_are_refused_with_the_reason(write, content, name, code):
    with pytest.raises(EscalationError) as caught:
        report(write(content, name), "tidy")
    assert caught.value.status == 3 and caught.value.code.startswith(code[:2])
    assert "--encoding" not in str(caught.value)


def test_numbers_and_days_of_a_workbook_are_read_as_shown(write):
    pytest.importorskip("python_calamine")
    typed = (7.0, 45000.0, "ambush", "Bay", 3.0, 1.5)
    head = ("event_id", "event_date", "event_type", "site", "killed", "latitude", "longitude")
    path = write(workbook(TIDY._replace(table=[head, (*typed, 44.25)]), days={1}), "a.xlsx")
    (event,) = load_events("tidy", path).versions.to_dict("records")
    assert (event["event_id"], str(event["event_date"].date()), event["killed"]) == (
        "7", "2023-03-15", 3,
    )  # fmt: skip
    assert (event["latitude"], event["longitude"]) == (1.5, 44.25)


def test_a_workbook_without_the_columns_is_called_a_workbook(write):
    pytest.importorskip("python_calamine")
    path = write(workbook(UCDP), "a.xlsx")
    with pytest.raises(InputError, match="workbook.*columns of acled are missing") as caught:
        report(path, "acled")
    assert "--columns" in caught.value.fix and "--separator" not in caught.value.fix


def test_a_workbook_needs_its_extra(write, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)
    with pytest.raises(InputError, match=r"E-XLSX.*pip install '\.\[xlsx\]'"):
        report(write(workbook(TIDY), "a.xlsx"), "tidy")


def test_numbers_in_json_and_spreadsheets_are_read_as_they_are_written(write):
    rows = [
        {"event_id": 12345678901234567890, "event_date": "2024-01-30", "country": "IRQ",
         "event_type": "battle", "killed": 3.0, "latitude": 33.10, "longitude": 44.4},
    ]  # fmt: skip
    (event,) = events(write(json.dumps(rows), "a.json"), "tidy")
    assert (event[0], event[6]) == ("12345678901234567890", 3)


@pytest.mark.parametrize("name", ["actor", "event_id", "country"])
def test_a_hidden_character_in_a_name_rejects_its_row(write, name):
    rows = [[*row, "x" if number else "actor"] for number, row in enumerate(TIDY.table)]
    rows[1][rows[0].index(name)] = "a\u202eb"
    assert report(write(text(rows)), "tidy").reasons == {"Q-TEXT": 1}
