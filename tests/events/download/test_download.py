"""Downloads from a local server with the layout of the sources, and with faults."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import os
import threading
import time
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import pytest
from command_line import escalation

from escalation.errors import BusyError, InputError, StorageError, UsageError
from escalation.events.download import Web, fetch_acled, fetch_gdelt, fetch_ucdp
from escalation.events.download import acled as acled_module

LOGIN = {"ACLED_USERNAME": "ann@example.org", "ACLED_PASSWORD": "correct horse"}
DAY = dt.date(2020, 1, 1)


def zipped(name: str, size: int = 50_000) -> bytes:
    """A zip file that is longer than a network chunk."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, hashlib.shake_128(name.encode()).digest(size))
    return out.getvalue()


@dataclass
class Site:
    """Files, and the faults of the next requests for them."""

    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[object]] = field(default_factory=dict)
    pages: list[str] = field(default_factory=list)
    tagged: bool = True
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    base: str = ""

    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]


class Handler(BaseHTTPRequestHandler):
    site: Site

    def log_message(self, *_args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.site.requests.append((self.path, {name: values[0] for name, values in form.items()}))
        good = form["username"] == [LOGIN["ACLED_USERNAME"]]
        good &= form["password"] == [LOGIN["ACLED_PASSWORD"]]
        good &= form["grant_type"] == ["password"] and form["client_id"] == ["acled"]
        self.answer(200 if good else 401, b'{"access_token": "t0ken"}' if good else b"{}")

    def do_GET(self):
        address = urlsplit(self.path)
        self.site.requests.append((address.path, dict(self.headers)))
        fault = (self.site.faults.get(address.path) or [None]).pop(0)
        if isinstance(fault, int):
            self.answer(fault, b"no", Retry_After="0")
        elif address.path == "/api/acled/read":
            self.page(parse_qs(address.query), fault)
        elif address.path in self.site.files:
            self.file(self.site.files[address.path], fault)
        else:
            self.answer(404)

    def file(self, body, fault):
        tag = f'"{hashlib.md5(body).hexdigest()}"'
        start, status, headers = 0, 200, {}
        requested = self.headers.get("Range")
        if requested and self.headers.get("If-Range") == tag:
            start, status = int(requested.removeprefix("bytes=").removesuffix("-")), 206
            headers["Content_Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            if start >= len(body):
                self.answer(416, Content_Range=f"bytes */{len(body)}")
                return
        if self.site.tagged:
            headers["ETag"] = tag
        self.send(status, body[start:], fault, headers)

    def send(self, status, body, fault, headers):
        if fault == "slow":
            time.sleep(0.6)
        if fault != "cut":
            self.answer(status, body, **headers)
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        self.close_connection = True
        self.connection.close()

    def page(self, query, fault):
        if self.headers.get("Authorization") != "Bearer t0ken":
            self.answer(403)
            return
        self.site.requests[-1][1].update({name: values[0] for name, values in query.items()})
        number = int(query["page"][0]) - 1
        text = self.site.pages[number] if number < len(self.site.pages) else ""
        self.send(200, text.encode(), fault, {"Content_Type": "text/csv"})


@pytest.fixture
def site(monkeypatch):
    """The server; nothing goes through a proxy."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"site": site}))
    site.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield site
    server.shutdown()
    server.server_close()


@pytest.fixture
def ged(site):
    site.files["/ged/ged251-csv.zip"] = zipped("GEDEvent_v25_1.csv")
    return site.files["/ged/ged251-csv.zip"]


def web(**options):
    return Web(**{"tries": 3, "pause": 0.01, "timeout": 5.0, **options})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def ucdp(site, out, version="25.1", **options):
    return fetch_ucdp(version, out, web=options.pop("web", web()), base=site.base, **options)


def test_a_file_is_downloaded_completely_with_its_hash(site, ged, tmp_path):
    (file,) = ucdp(site, tmp_path / "new")
    assert file.path.read_bytes() == ged
    assert (file.sha256, file.size) == (hashlib.sha256(ged).hexdigest(), len(ged))
    assert names(tmp_path / "new") == ["ged251-csv.zip"]


@pytest.mark.parametrize(
    ("version", "path"),
    [
        ("25.1", "/ged/ged251-csv.zip"),
        ("5.0", "/ged/ged50-csv.zip"),
        ("25.0.3", "/candidateged/GEDEvent_v25_0_3.csv"),
        ("25.0.12", "/candidateged/GEDEvent_v25_0_12.csv"),
        ("25.01.25.06", "/candidateged/GEDEvent_v25_01_25_06.csv"),
    ],
)
def test_the_version_gives_the_path_of_a_release(site, tmp_path, version, path):
    site.files[path] = zipped("x.csv") if path.endswith("zip") else b"id,date_start\n1,2025-01-01\n"
    (file,) = ucdp(site, tmp_path, version)
    assert site.paths() == [path]
    assert file.path.name == path.rpartition("/")[2]


@pytest.mark.parametrize("version", ["", "25", "latest", "25.1/../x", "25.0.3.4"])
def test_an_invalid_version_is_refused_before_any_request(site, tmp_path, version):
    with pytest.raises(UsageError, match=r"E-VERSION.*25\.0\.3"):
        ucdp(site, tmp_path, version)
    assert not site.requests


def test_an_existing_file_is_not_downloaded_again_but_its_hash_is_checked(site, ged, tmp_path):
    ucdp(site, tmp_path)
    ucdp(site, tmp_path, sha256=hashlib.sha256(ged).hexdigest().upper())
    assert len(site.requests) == 1
    with pytest.raises(InputError, match="E-HASH"):
        ucdp(site, tmp_path, sha256="0" * 64)


def test_a_request_to_a_busy_server_is_repeated(site, ged, tmp_path):
    site.faults["/ged/ged251-csv.zip"] = [503, 503]
    assert ucdp(site, tmp_path)[0].size == len(ged)
    assert len(site.requests) == 3


def test_a_server_that_stays_busy_is_given_up_after_some_tries(site, ged, tmp_path):
    site.faults["/ged/ged251-csv.zip"] = [503] * 20
    with pytest.raises(BusyError, match="E-NETWORK.*503.*later"):
        ucdp(site, tmp_path)
    assert len(site.requests) == 3
    assert names(tmp_path) == []


def test_a_server_that_is_down_counts_as_busy(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(BusyError, match=r"E-NETWORK.*127\.0\.0\.1:9/"):
        fetch_ucdp("25.1", tmp_path, web=web(tries=2), base="http://127.0.0.1:9")


def test_a_cut_connection_resumes_where_it_stopped(site, ged, tmp_path):
    site.faults["/ged/ged251-csv.zip"] = ["cut", "cut"]
    (file,) = ucdp(site, tmp_path)
    assert file.path.read_bytes() == ged
    whole, *starts = [headers.get("Range") for _, headers in site.requests]
    assert whole is None
    # Half of the file and half of the rest arrived, in whole chunks.
    assert starts == ["bytes=16384-", "bytes=32768-"]
    assert names(tmp_path) == ["ged251-csv.zip"]


def test_a_partial_download_is_resumed_next_time(site, ged, tmp_path):
    site.faults["/ged/ged251-csv.zip"] = ["cut", "cut"]
    with pytest.raises(BusyError, match="resumes where it stopped"):
        ucdp(site, tmp_path, web=web(tries=2))
    assert names(tmp_path) == [".ged251-csv.zip.part", ".ged251-csv.zip.part.tag"]
    (file,) = ucdp(site, tmp_path)
    assert file.path.read_bytes() == ged
    assert site.requests[-1][1]["Range"] == "bytes=32768-"
    assert names(tmp_path) == ["ged251-csv.zip"]


def test_a_complete_partial_file_is_not_downloaded_again(site, ged, tmp_path):
    (tmp_path / ".ged251-csv.zip.part").write_bytes(ged)
    (tmp_path / ".ged251-csv.zip.part.tag").write_text(f'"{hashlib.md5(ged).hexdigest()}"')
    assert ucdp(site, tmp_path)[0].path.read_bytes() == ged


def test_half_of_another_file_is_not_resumed(site, ged, tmp_path):
    (tmp_path / ".ged251-csv.zip.part").write_bytes(b"half of an older file")
    (tmp_path / ".ged251-csv.zip.part.tag").write_text('"older"')
    assert ucdp(site, tmp_path)[0].path.read_bytes() == ged


def test_without_a_tag_from_the_server_everything_is_downloaded_again(site, ged, tmp_path):
    site.tagged = False
    site.faults["/ged/ged251-csv.zip"] = ["cut"]
    assert ucdp(site, tmp_path)[0].path.read_bytes() == ged
    assert "Range" not in site.requests[1][1]


def test_a_request_to_a_slow_server_is_repeated(site, ged, tmp_path):
    site.faults["/ged/ged251-csv.zip"] = ["slow"]
    assert ucdp(site, tmp_path, web=web(timeout=0.3))[0].size == len(ged)
    assert len(site.requests) == 2


def test_a_wrong_hash_is_refused_with_both_and_the_file_deleted(site, ged, tmp_path):
    with pytest.raises(InputError) as refused:
        ucdp(site, tmp_path, sha256="0" * 64)
    assert refused.value.code == "E-HASH"
    assert "0" * 64 in str(refused.value)
    assert hashlib.sha256(ged).hexdigest() in str(refused.value)
    assert names(tmp_path) == []


@pytest.mark.parametrize("harm", ["cut", "flipped", "page"])
def test_a_damaged_zip_is_refused_and_deleted(site, ged, tmp_path, harm):
    flipped = bytearray(ged)
    flipped[1000] ^= 1
    site.files["/ged/ged251-csv.zip"] = {
        "cut": ged[: len(ged) // 2], "flipped": bytes(flipped), "page": b"<html>not found</html>",
    }[harm]  # fmt: skip
    with pytest.raises(InputError, match="E-ZIP.*ged251-csv.zip"):
        ucdp(site, tmp_path)
    assert names(tmp_path) == []


def test_a_page_instead_of_csv_is_refused(site, tmp_path):
    site.files["/candidateged/GEDEvent_v25_0_3.csv"] = b"<!doctype html><p>No such file</p>"
    with pytest.raises(InputError, match="E-CONTENT.*doctype.*date_start"):
        ucdp(site, tmp_path, "25.0.3")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "code"), [(404, "E-NOT-THERE"), (403, "E-REFUSED"), (400, "E-DOWNLOAD")]
)
def test_a_refusal_names_the_address_and_is_not_repeated(site, ged, tmp_path, status, code):
    site.faults["/ged/ged251-csv.zip"] = [status]
    with pytest.raises(InputError, match=f"{code}.*/ged/ged251-csv.zip.*{status}"):
        ucdp(site, tmp_path)
    assert len(site.requests) == 1
    assert names(tmp_path) == []


def test_a_full_disk_is_storage(site, ged, tmp_path):
    (tmp_path / ".ged251-csv.zip.part").symlink_to("/dev/full")
    with pytest.raises(StorageError, match="E-STORAGE.*No space left"):
        ucdp(site, tmp_path)


def test_progress_is_reported_in_bytes(site, ged, tmp_path):
    reports = []
    ucdp(site, tmp_path, web=web(progress=lambda *report: reports.append(report)))
    assert reports[-1] == ("ged251-csv.zip", len(ged), len(ged))


def gdelt(site, out, first, last, **options):
    first, last = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    return fetch_gdelt(first, last, out, web=web(), base=site.base, **options)


def test_gdelt_comes_by_day(site, tmp_path):
    for day in ("20191231", "20200101"):
        site.files[f"/events/{day}.export.CSV.zip"] = zipped(day, 100)
    files = gdelt(site, tmp_path, "2019-12-31", "2020-01-01")
    assert [f.path.name for f in files] == ["20191231.export.CSV.zip", "20200101.export.CSV.zip"]


def test_gdelt_comes_by_quarter_of_an_hour_and_gaps_are_reported(site, tmp_path):
    gap = ("/gdeltv2/20200101011500.export.CSV.zip", "/gdeltv2/20200101234500.export.CSV.zip")
    for quarter in range(96):
        name = f"/gdeltv2/20200101{quarter // 4:02d}{quarter % 4 * 15:02d}00.export.CSV.zip"
        if name not in gap:
            site.files[name] = zipped(name, 100)
    site.faults[gap[1]] = [403, 403]
    with pytest.raises(InputError) as refused:
        gdelt(site, tmp_path, "2020-01-01", "2020-01-01", version=2)
    assert refused.value.code == "E-NOT-THERE"
    assert f"the server lacks 2 of 96 files: {gap[0][1:]}, {gap[1][1:]}" in str(refused.value)
    assert len(names(tmp_path)) == 94
    files = gdelt(site, tmp_path, "2020-01-01", "2020-01-01", version=2, allow_missing=True)
    assert len(files) == 94
    assert len(site.requests) == 96 + 2


def test_gdelt_without_any_file_lists_the_requested_ones(site, tmp_path):
    with pytest.raises(InputError, match=r"20200103.*20200112\.export\.CSV\.zip and 10 more"):
        gdelt(site, tmp_path, "2020-01-03", "2020-01-22", allow_missing=True)


@pytest.mark.parametrize(
    ("first", "last", "version"),
    [
        ("2020-01-02", "2020-01-01", 1),
        ("2013-03-31", "2013-04-02", 1),
        ("2015-02-17", "2015-02-19", 2),
    ],
)
def test_gdelt_days_out_of_order_or_before_the_first_are_refused(
    site, tmp_path, first, last, version
):
    with pytest.raises(UsageError, match="E-DATES"):
        gdelt(site, tmp_path, first, last, version=version)


HEADER = "event_id_cnty,event_date,notes\n"
ROWS = (
    'IRQ1,2024-01-01,"two\nlines, ü"\nIRQ2,2024-01-02,x\n',
    "IRQ3,2024-01-03,y\nIRQ4,2024-01-03,z",
)


@pytest.fixture
def pages(site, monkeypatch):
    monkeypatch.setattr(acled_module, "_ROWS_PER_PAGE", 2)
    site.pages = [HEADER + ROWS[0], HEADER + ROWS[1], HEADER]
    return site.pages


def acled(site, out, environment=LOGIN, countries=("Iraq", "Côte d'Ivoire"), **options):
    return fetch_acled(
        countries, DAY, DAY + dt.timedelta(30), out, web=options.pop("web", web()),
        base=site.base, environment=environment, **options,
    )  # fmt: skip


def test_acled_pages_become_one_file(site, pages, tmp_path):
    (file,) = acled(site, tmp_path)
    assert file.path.read_bytes().decode() == HEADER + ROWS[0] + ROWS[1] + "\n"
    assert file.sha256 == hashlib.sha256(file.path.read_bytes()).hexdigest()
    assert file.path.name == "acled_Iraq-C-te-d-Ivoire_2020-01-01_2020-01-31.csv"
    assert site.paths() == ["/oauth/token", *["/api/acled/read"] * 3]
    query = site.requests[2][1]
    assert query["country"] == "Iraq|Côte d'Ivoire"
    assert (query["event_date"], query["event_date_where"]) == (
        "2020-01-01|2020-01-31",
        "BETWEEN",
    )
    assert (query["_format"], query["limit"], query["page"]) == ("csv", "2", "2")


def test_interrupted_acled_pages_are_requested_again(site, pages, tmp_path):
    site.faults["/api/acled/read"] = [503, "cut", None, "cut"]
    (file,) = acled(site, tmp_path)
    assert file.path.read_bytes().decode() == HEADER + ROWS[0] + ROWS[1] + "\n"


def test_an_account_that_gets_fewer_rows_a_page_still_gets_all(site, pages, tmp_path, monkeypatch):
    monkeypatch.setattr(acled_module, "_ROWS_PER_PAGE", 5000)
    (file,) = acled(site, tmp_path)
    assert file.path.read_bytes().decode() == HEADER + ROWS[0] + ROWS[1] + "\n"


@pytest.mark.parametrize("environment", [{}, {"ACLED_USERNAME": "ann", "ACLED_PASSWORD": ""}])
def test_acled_without_credentials_is_refused_before_any_request(site, tmp_path, environment):
    with pytest.raises(UsageError, match="E-CREDENTIALS.*ACLED_PASSWORD"):
        acled(site, tmp_path, environment)
    assert not site.requests


def test_acled_refuses_the_wrong_password_and_nothing_shows_it(site, pages, tmp_path):
    with pytest.raises(InputError, match="E-CREDENTIALS.*401") as refused:
        acled(site, tmp_path, {**LOGIN, "ACLED_PASSWORD": "s3cret"})
    assert "s3cret" not in str(refused.value)
    assert names(tmp_path) == []


def test_a_password_is_never_sent_unencrypted(tmp_path):
    with pytest.raises(UsageError, match="E-CREDENTIALS.*https"):
        acled(Site(base="http://acled.example.org"), tmp_path)


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (['{"status": 403, "error": "no access"}\n'], "E-CONTENT"),
        ([HEADER], "E-EMPTY"),
        ([""], "E-EMPTY"),
        ([HEADER + ROWS[0], HEADER.replace("notes", "tags") + ROWS[1]], "E-CONTENT"),
        ([HEADER + ROWS[0], HEADER + ROWS[0], HEADER], "E-CONTENT"),
    ],
)
def test_invalid_acled_pages_leave_no_file(site, pages, tmp_path, broken, code):
    site.pages = broken
    with pytest.raises(InputError, match=code):
        acled(site, tmp_path)
    assert names(tmp_path) == []


def test_an_acled_server_that_goes_down_leaves_no_file(site, pages, tmp_path):
    site.faults["/api/acled/read"] = [None, *[503] * 9]
    with pytest.raises(BusyError, match="E-NETWORK"):
        acled(site, tmp_path)
    assert names(tmp_path) == []


def run(*arguments, **environment):
    with mock.patch.dict(os.environ, environment):
        return escalation("download", *arguments, folder=Path.cwd())


def test_the_command_prints_the_hash_the_file_and_the_licence(site, ged, tmp_path):
    command = run("ucdp", "--version", "25.1", "--out", tmp_path, "--base-url", site.base)
    assert command.returncode == 0, command.stderr
    first, licence = command.stdout.splitlines()
    assert first == f"{hashlib.sha256(ged).hexdigest()}  {tmp_path / 'ged251-csv.zip'}"
    assert "CC BY 4.0" in licence
    assert command.stderr == ""


def test_the_command_prints_json_and_its_status_depends_on_the_error(site, pages, tmp_path):
    days = ("--from", "2020-01-01", "--to", "2020-01-31")
    options = (*days, "--out", tmp_path, "--base-url", site.base)
    command = run("acled", "--country", "Iraq", *options, "--json", **LOGIN)
    assert command.returncode == 0, command.stderr
    answer = json.loads(command.stdout)
    assert "do not redistribute the data" in answer["licence"]
    assert answer["files"][0]["bytes"] == len((HEADER + ROWS[0] + ROWS[1] + "\n").encode())
    assert run("acled", "--country", "Iraq", *options).returncode == 2
    missing = run("gdelt", *options)
    assert missing.returncode == 3
    assert "the server lacks 31" in missing.stderr
    assert "Traceback" not in missing.stderr
