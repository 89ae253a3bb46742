"""Rows without an identifier are named by what they say; identifiers of several events are told."""

import pytest

from escalation.events import SOURCES, Options, load_events
from escalation.events.store.folder import ArchiveStore
from escalation.events.store.ingest import ingest_files, validate_files

HEAD = "event_date,event_type,site,killed\n"
NAMES = ["row-c024d55392c12119", "row-d63b6711ca8c2a52", "row-d63b6711ca8c2a52-2"]
"""Archives keep them, so they never change."""
ROWS = ["2020-01-02,raid,Gao,1\n", "2020-01-02,raid,Gao,1\n", "2020-01-05,raid,Bay,\n"]


@pytest.fixture
def write(tmp_path):
    def write(text, name="a.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def identifiers(path):
    return load_events("tidy", path).versions["event_id"].tolist()


def test_every_row_is_an_event_and_a_row_that_says_the_same_is_another(write, capsys):
    assert identifiers(write(HEAD + "".join(ROWS))) == NAMES
    assert "no event_id: every row is taken as an event" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "".join(reversed(ROWS)),
        HEAD.replace("\n", ",note\n") + "".join(row.replace("\n", ",\n") for row in ROWS),
        HEAD + "".join(row.replace("Gao", " Gao ") for row in ROWS),
        "site,unheard,event_date,killed,event_type\n"
        "Gao,x,2020-01-02,1,raid\nGao,y,2020-01-02,1,raid\nBay,z,2020-01-05,,raid\n",
    ],
    ids=["other order", "an empty column more", "padded", "columns in another order"],
)
def test_the_name_depends_on_what_the_row_says_alone(write, text):
    assert set(identifiers(write(text))) == set(identifiers(write(HEAD + "".join(ROWS))))


def test_a_longer_file_of_the_same_events_adds_only_the_new_ones(write, tmp_path):
    store = ArchiveStore(tmp_path / "archive")
    ingest_files(SOURCES["tidy"], [write(HEAD + "".join(ROWS[:2]), "1.csv")], store)
    (report,) = ingest_files(SOURCES["tidy"], [write(HEAD + "".join(ROWS), "2.csv")], store)
    assert (report.accepted, report.duplicates, report.added) == (1, 2, 1)


def test_an_empty_identifier_still_refuses_its_row(write):
    path = write(f"event_id,{HEAD}a,{ROWS[0]},{ROWS[2]}")
    (report,) = validate_files(SOURCES["tidy"], [path])
    assert report.reasons == {"Q-REQUIRED": 1}


CASES = "case,event_date,event_type,site\n"
KNOWN = "event_id,event_date,known_date,event_type,site\n"


@pytest.mark.parametrize(
    ("text", "columns", "told"),
    [
        (CASES + "7,2020-01-02,raid,Gao\n7,2020-01-05,raid,Gao\n8,2020-01-05,raid,Bay\n",
         {"case": "event_id"}, "1 of 2 identifiers stand in rows of several days or places"),
        (CASES + "7,2020-01-02,raid,Gao\n8,2020-01-05,raid,Gao\n", {"case": "event_id"}, None),
        (KNOWN + "7,2020-01-02,2020-01-03,raid,Gao\n7,2020-01-02,2020-01-04,raid,Bay\n", {},
         "1 of 1 identifiers"),
        (KNOWN + "7,2020-01-02,2020-01-03,raid,Gao\n7,2020-01-02,2020-01-04,raid,Gao\n", {}, None),
        (KNOWN + "7,2020-01-02,2020-01-03,raid,Gao\n7,2020-01-03,2020-01-04,raid,Gao\n"
         + "".join(f"x{k},2020-01-02,2020-01-03,raid,Gao\n" for k in range(20)), {}, None),
    ],
    ids=["a case of two days", "plain", "moved", "corrected", "one of twenty corrected"],
)  # fmt: skip
def test_an_identifier_that_names_several_events_is_told(write, text, columns, told):
    (report,) = validate_files(SOURCES["tidy"], [write(text)], options=Options(columns=columns))
    remarks = [text for text in report.remarks if "identifiers" in text]
    assert bool(remarks) == bool(told)
    if told:
        assert told in remarks[0]
        assert f"--columns {next(iter(columns), 'event_id')}=note" in remarks[0]


def test_the_advice_makes_each_row_an_event(write):
    text = CASES + "7,2020-01-02,raid,Gao\n7,2020-01-05,raid,Gao\n"
    archive = load_events("tidy", write(text), options=Options(columns={"case": "note"}))
    assert len(archive.as_of(archive.covered_to)) == 2
