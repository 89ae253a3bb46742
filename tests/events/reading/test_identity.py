"""Rows without an identifier get one from their content; ambiguous identifiers are reported."""

import pytest
from outside_tables import ACLED, TIDY, text, workbook

from escalation.errors import UsageError
from escalation.events import SOURCES, Limits, Options, load_events
from escalation.events.store.folder import ArchiveStore
from escalation.events.store.ingest import ingest_files, validate_files

HEAD = "event_date,event_type,site,killed\n"
NAMES = ["row-c024d55392c12119", "row-d63b6711ca8c2a52", "row-d63b6711ca8c2a52-2"]
"""Archives keep them, so they never change."""
ROWS = ["2020-01-02,raid,Gao,1\n", "2020-01-02,raid,Gao,1\n", "2020-01-05,raid,Bay,\n"]


@pytest.fixture
def write(tmp_path):
    def write(content, name="a.csv"):
        (tmp_path / name).write_text(content)
        return tmp_path / name

    return write


def identifiers(path):
    return load_events("tidy", path).versions["event_id"].tolist()


def test_every_row_is_an_event_and_a_repeated_row_is_another(write):
    with pytest.warns(UserWarning, match="no event_id: every row counts as an event"):
        assert identifiers(write(HEAD + "".join(ROWS))) == NAMES


@pytest.mark.parametrize(
    "content",
    [
        HEAD + "".join(reversed(ROWS)),
        HEAD.replace("\n", ",note\n") + "".join(row.replace("\n", ",\n") for row in ROWS),
        HEAD + "".join(row.replace("Gao", " Gao ") for row in ROWS),
        "site,unheard,event_date,killed,event_type\n"
        "Gao,x,2020-01-02,1,raid\nGao,y,2020-01-02,1,raid\nBay,z,2020-01-05,,raid\n",
    ],
    ids=["other order", "an empty column more", "padded", "columns in another order"],
)
def test_the_identifier_depends_on_the_content_of_the_row_alone(write, content):
    assert set(identifiers(write(content))) == set(identifiers(write(HEAD + "".join(ROWS))))


def test_a_longer_file_of_the_same_events_adds_only_the_new_ones(write, tmp_path):
    store = ArchiveStore(tmp_path / "archive")
    ingest_files(SOURCES["tidy"], [write(HEAD + "".join(ROWS[:2]), "1.csv")], store)
    (report,) = ingest_files(SOURCES["tidy"], [write(HEAD + "".join(ROWS), "2.csv")], store)
    assert (report.accepted, report.duplicates, report.added) == (1, 2, 1)


def test_an_empty_identifier_rejects_its_row(write):
    path = write(f"event_id,{HEAD}a,{ROWS[0]},{ROWS[2]}")
    (report,) = validate_files(SOURCES["tidy"], [path])
    assert report.reasons == {"Q-REQUIRED": 1}


CASES = "case,event_date,event_type,site\n"
KNOWN = "event_id,event_date,known_date,event_type,site\n"


@pytest.mark.parametrize(
    ("content", "columns", "expected"),
    [
        (CASES + "7,2020-01-02,raid,Gao\n7,2020-01-05,raid,Gao\n8,2020-01-05,raid,Bay\n",
         {"case": "event_id"}, "1 of 2 identifiers occur on several days or in several places"),
        (CASES + "7,2020-01-02,raid,Gao\n8,2020-01-05,raid,Gao\n", {"case": "event_id"}, None),
        (KNOWN + "7,2020-01-02,2020-01-03,raid,Gao\n7,2020-01-02,2020-01-04,raid,Bay\n", {},
         "1 of 1 identifiers"),
        (KNOWN + "7,2020-01-02,2020-01-03,raid,Gao\n7,2020-01-02,2020-01-04,raid,Gao\n", {}, None),
        (KNOWN + "7,2020-01-02,2020-01-03,raid,Gao\n7,2020-01-03,2020-01-04,raid,Gao\n"
         + "".join(f"x{k},2020-01-02,2020-01-03,raid,Gao\n" for k in range(20)), {}, None),
    ],
    ids=["a case of two days", "plain", "moved", "corrected", "one of twenty corrected"],
)  # fmt: skip
def test_an_identifier_of_several_events_is_reported(write, content, columns, expected):
    (report,) = validate_files(SOURCES["tidy"], [write(content)], options=Options(columns=columns))
    remarks = [remark for remark in report.remarks if "identifiers" in remark]
    assert bool(remarks) == bool(expected)
    if expected:
        assert expected in remarks[0]
        assert f"--columns {next(iter(columns), 'event_id')}=note" in remarks[0]


def test_the_advice_makes_each_row_an_event(write):
    content = CASES + "7,2020-01-02,raid,Gao\n7,2020-01-05,raid,Gao\n"
    archive = load_events("tidy", write(content), options=Options(columns={"case": "note"}))
    assert len(archive.as_of(archive.covered_to)) == 2


TYPES = [
    ("event_date,site\n2020-01-02,Gao\n2020-01-03,Bay\n", ["shooting", "shooting"]),
    ("event_date,event_type,site\n2020-01-02, ,Gao\n2020-01-03,raid,Bay\n", ["shooting", "raid"]),
    ("event_date,event_type,site\n2020-01-02,,Gao\n2020-01-03,raid,Bay\n", ["shooting", "raid"]),
]


@pytest.mark.parametrize(("content", "types"), TYPES)
def test_a_declared_type_fills_rows_without_one(write, content, types):
    archive = load_events("tidy", write(content), options=Options(event_type="shooting"))
    assert archive.versions.sort_values("event_date")["event_type"].tolist() == types


def test_event_type_is_suggested_for_missing_types_and_refused_for_a_source_with_its_own(write):
    (report,) = validate_files(SOURCES["tidy"], [write(TYPES[1][0])])
    assert "--event-type" in report.refusal.fix
    acled = write(text(ACLED.table))
    with pytest.raises(UsageError, match="E-TYPE.*acled has its own event types"):
        validate_files(SOURCES["acled"], [acled], options=Options(event_type="x"))


def test_rows_of_a_sheet_after_the_last_event_are_reported_and_are_not_records(tmp_path):
    pytest.importorskip("python_calamine")
    head = ["event_date", "event_type", "site", "killed"]
    rows = [head, ["2020-01-02", "raid", "Gao", "1"], ["2020-01-03", "", "Bay", ""],
            *[["", "", "Bay", "0"]] * 3]  # fmt: skip
    (tmp_path / "a.xlsx").write_bytes(workbook(TIDY._replace(table=rows)))
    (report,) = validate_files(SOURCES["tidy"], [tmp_path / "a.xlsx"], limits=Limits(max_bad=1))
    assert (report.records, report.accepted, report.quarantined) == (2, 1, 1)
    assert any("3 rows after the last event" in remark for remark in report.remarks)


def test_a_file_without_a_place_is_one_unit(write):
    with pytest.warns(UserWarning, match="--columns YOURS=site"):
        archive = load_events("tidy", write("event_date,event_type\n2020-01-02,vote\n"))
    assert archive.versions[["country", "admin1", "site", "actor"]].isna().all(axis=None)
    path = write("event_date,event_type,site\n2020-01-02,vote,\n2020-01-02,vote,Upper house\n")
    assert validate_files(SOURCES["tidy"], [path])[0].reasons == {"Q-PLACE": 1}
