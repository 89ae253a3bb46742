"""Detect the format of a file by its columns: literal headers of every source."""

from __future__ import annotations

import pytest

from escalation.errors import InputError
from escalation.events import SOURCES, read_events
from escalation.events.detect import detect_file
from escalation.events.formats.gdelt import COLUMNS_1, COLUMNS_2

ACLED = (
    "event_id_cnty,event_date,year,time_precision,disorder_type,event_type,sub_event_type,actor1,"
    "actor2,iso,country,admin1,location,latitude,longitude,source,notes,fatalities,timestamp"
)
WEEKLY = (
    "WEEK,REGION,COUNTRY,ADMIN1,EVENT_TYPE,SUB_EVENT_TYPE,EVENTS,FATALITIES,POPULATION_EXPOSURE,"
    "DISORDER_TYPE,ID,CENTROID_LATITUDE,CENTROID_LONGITUDE"
)
UCDP = (
    "id,relid,year,date_start,date_end,date_prec,type_of_violence,side_a,side_b,country,adm_1,"
    "latitude,longitude,best,high,low"
)
ICEWS = (
    "Event ID\tEvent Date\tSource Name\tSource Sectors\tSource Country\tEvent Text\tCAMEO Code\t"
    "Intensity\tTarget Name\tTarget Sectors\tTarget Country\tStory ID\tSentence Number\tPublisher\t"
    "City\tDistrict\tProvince\tCountry\tLatitude\tLongitude"
)
GTD = "eventid,iyear,imonth,iday,country_txt,provstate,city,attacktype1_txt,gname,nkill,nwound"
POLECAT = "Event ID\tEvent Date\tEvent Type\tEvent Mode\tCountry\tPublication Date\tLanguage"
TIDY = "event_id,event_date,event_type,country,admin1,killed"
GDELT_ROW = ["900", "20200103", *["1"] * (len(COLUMNS_2) - 2)]


def anything(header, separator=","):
    return header + "\n" + separator.join("1" for _ in header.split(separator)) + "\n"


HEADERS = {
    "acled": (anything(ACLED), "acled", ","),
    "acled, upper case": (anything(ACLED.upper()), "acled", ","),
    "acled, semicolons": (anything(ACLED.replace(",", ";"), ";"), "acled", ";"),
    "acled, Excel's first line": ("sep=;\n" + anything(ACLED.replace(",", ";"), ";"), "acled", ";"),
    "acled, weekly": (anything(WEEKLY), "acled", ","),
    "acled, as JSON": ('[{"' + ACLED.replace(",", '": 1, "') + '": 1}]', "acled", ","),
    "ucdp": (anything(UCDP), "ucdp", ","),
    "icews": (anything(ICEWS, "\t"), "icews", "\t"),
    "gtd": (anything(GTD), "gtd", ","),
    "polecat": (anything(POLECAT, "\t"), "polecat", "\t"),
    "gdelt 2.0, no header": ("\t".join(GDELT_ROW) + "\n", "gdelt", "\t"),
    "gdelt 1.0, no header": ("\t".join(GDELT_ROW[: len(COLUMNS_1)]) + "\n", "gdelt", "\t"),
    "gdelt, header": (anything(",".join(COLUMNS_2)), "gdelt", ","),
    "your own table": (anything(TIDY), "tidy", ","),
    "names in other spellings": (anything("Event ID;Event.Date;Event-Type;Site", ";"), "tidy", ";"),
    "unknown columns": (anything(TIDY + ",wind,rain"), "tidy", ","),
}  # fmt: skip


@pytest.mark.parametrize("case", HEADERS)
def test_the_columns_decide_the_format(case, tmp_path):
    text, source, separator = HEADERS[case]
    path = tmp_path / "a file"
    path.write_text(text)
    detected = detect_file(path, SOURCES)
    assert (detected.source.name, detected.layout.delimiter) == (source, separator)


def test_the_bundled_chronology_is_its_own_format(crisis_csv):
    assert detect_file(crisis_csv, SOURCES).source.name == "iraq_crisis"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_an_encoding_other_than_utf_8_is_detected(encoding, tmp_path):
    path = tmp_path / "events.csv"
    path.write_bytes(f"{TIDY}\n1,2020-01-01,battle,MLI,Ségou,2\n".encode(encoding))
    assert detect_file(path, SOURCES).options.encoding == encoding
    assert read_events(str(path)).versions["admin1"].tolist() == ["Ségou"]


DATES = {
    "20200131": "%Y%m%d",
    "2020/01/31": "%Y/%m/%d",
    "31 January 2020": "%d %B %Y",
    "31-Jan-2020": "%d-%b-%Y",
    "January 31, 2020": "%B %d, %Y",
    "2020-01-31": None,
}


@pytest.mark.parametrize("day", DATES)
def test_an_unambiguous_date_format_is_detected(day, tmp_path):
    path = tmp_path / "events.csv"
    path.write_text(f'{TIDY}\n1,"{day}",battle,MLI,Gao,2\n')
    assert detect_file(path, SOURCES).options.date_format == DATES[day]
    assert str(read_events(path).first_day) == "2020-01-31"


ONE_TYPE = ", or --event-type WORD if all events are of one type"
NEAR = {
    "day of attack,Attack Type,Region": "add --columns 'Attack Type=event_type' "
    "--columns Region=admin1, and map a column to event_date as well",
    "When,Evnt Type,Town": "add --columns 'Evnt Type=event_type' --columns Town=site, "
    "and map a column to event_date as well",
    "Incident Date,Type of Gun - Detailed,State": "add --columns 'Incident Date=event_date' "
    "--columns State=admin1, and map a column to event_type as well",
    "day,Month,YEAR,city": "join YEAR, Month, day into one column event_date, as YYYY-MM-DD, "
    "and add --columns city=site, and map a column to event_type as well",
    "a,b,c": "map your columns, for example --columns YOURS=event_date, "
    "or set the right --separator",
}


@pytest.mark.parametrize("header", NEAR)
def test_columns_of_no_format_are_refused_with_the_needed_ones_and_the_options_that_map_them(
    header, tmp_path
):
    path = tmp_path / "events.csv"
    path.write_text(anything(header))
    with pytest.raises(InputError) as caught:
        detect_file(path, SOURCES)
    assert f"found: {header.replace(',', ', ')}" in str(caught.value)
    assert "needs event_date, event_type, and a place" in str(caught.value)
    assert caught.value.fix == NEAR[header] + ONE_TYPE


STARTS = [b"\x89PNG\r\n\x1a\n", b"\x7fELF\x02\x01", b"\x1b\x07,\xf9W", b"\x7fELF" + bytes(300)]


@pytest.mark.parametrize("start", STARTS)
def test_a_binary_file_is_refused_and_not_printed(start, tmp_path):
    path = tmp_path / "events.csv"
    path.write_bytes(start + b"\x85\x9d" * 40 + b"\xd8")
    with pytest.raises(InputError, match=r"E-COLUMNS.*not text.*CSV, JSON") as caught:
        read_events(path)
    assert str(caught.value).isprintable()


def test_obvious_names_complete_the_declared_ones(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text("id,When,kind,city,dead\na,2020-01-02,ambush,Gao,2\n")
    archive = read_events(path, columns={"When": "event_date", "id": "note"})
    (event,) = archive.versions.to_dict("records")
    assert (event["site"], event["event_type"], event["killed"]) == ("Gao", "ambush", 2)
    assert event["note"] == "a" and event["event_id"].startswith("row-")


def test_the_option_that_names_columns_is_an_argument_in_python(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text("date,deed type,x\n2020-01-02,ambush,1\n")
    with pytest.raises(InputError) as caught:
        read_events(path)
    assert caught.value.fix == (
        "add columns={'date': 'event_date', 'deed type': 'event_type'}, "
        "or event_type=WORD if all events are of one type"
    )


@pytest.mark.parametrize(
    ("text", "code"), [("", "E-EMPTY"), ("\n\n", "E-EMPTY"), (TIDY, "E-EMPTY")]
)
def test_an_empty_file_is_refused(text, code, tmp_path):
    path = tmp_path / "events.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        detect_file(path, SOURCES)
    assert caught.value.code == "E-EMPTY"


def test_read_events_reports_rows_left_out_and_reads_an_archive_folder(tmp_path):
    from escalation.events.store.folder import ArchiveStore
    from escalation.events.store.ingest import ingest_files

    path = tmp_path / "events.csv"
    rows = [f"{n},2020-01-{n % 28 + 1:02},ambush,MLI,Gao,0" for n in range(200)]
    path.write_text("\n".join([TIDY, *rows, "x,no day,ambush,MLI,Gao,0"]) + "\n")
    with pytest.warns(UserWarning, match="left out") as caught:
        archive = read_events(path)
    assert len(archive.versions) == 200
    messages = [str(warning.message) for warning in caught]
    assert any("'ambush'" in text for text in messages)
    assert any("1 of 201 rows" in text and "Q-DATE" in text for text in messages)
    ingest_files(SOURCES["tidy"], [path], ArchiveStore(tmp_path / "store"))
    assert len(read_events(str(tmp_path / "store")).versions) == 200


ROWS = "1,2024-01-02,ambush,North\n2,2024-01-03,talks,South\n"
NAMES = {
    "id,date,type,province": {"id": "event_id", "date": "event_date", "type": "event_type",
                              "province": "admin1"},
    "Incident ID,Day,Kind,City": {"Incident ID": "event_id", "Day": "event_date",
                                  "Kind": "event_type", "City": "site"},
    "event_id,event_date,event_type,admin1": {},
    "event_id,event_date,event_type,site": {},
    "event_id, Date ,event_type,site": {"Date": "event_date"},
}  # fmt: skip


@pytest.mark.parametrize("header", NAMES)
def test_obvious_column_names_are_recognised(header, tmp_path):
    (tmp_path / "a.csv").write_text(f"{header}\n{ROWS}")
    assert detect_file(tmp_path / "a.csv", SOURCES).options.columns == NAMES[header]


def test_declared_names_are_read_and_reported(tmp_path):
    (tmp_path / "a.csv").write_text("nr,when,what,where\n" + ROWS)
    declared = {"nr": "event_id", "when": "event_date", "what": "event_type", "where": "site"}
    with pytest.warns(UserWarning, match=r"when \(as event_date\)"):
        archive = read_events(tmp_path / "a.csv", columns=declared)
    assert archive.versions["site"].tolist() == ["North", "South"]


@pytest.mark.parametrize(
    ("columns", "fix"),
    [({"wen": "event_date"}, "when"), ({"when": "event_day"}, "event_date")],
)
def test_unknown_declared_names_are_refused_with_similar_ones(columns, fix, tmp_path):
    (tmp_path / "a.csv").write_text("event_id,when,event_type,site\n" + ROWS)
    with pytest.raises(InputError) as caught:
        read_events(tmp_path / "a.csv", "tidy", columns=columns)
    assert (caught.value.code, fix in caught.value.fix) == ("E-COLUMNS", True)


def test_a_known_date_is_never_guessed(tmp_path):
    (tmp_path / "a.csv").write_text("id,date,type,city,reported\n1,2024-01-02,talks,A,2024-01-05\n")
    assert detect_file(tmp_path / "a.csv", SOURCES).layout.unknown == ("reported",)
