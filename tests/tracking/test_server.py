"""A server that doesn't answer is told at once, by every command, before any work."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from command_line import QUICK, escalation
from servers import free_port

from escalation import cli, tracking
from escalation.errors import StorageError
from escalation.tracking import server


@pytest.fixture
def nobody():
    return f"http://127.0.0.1:{free_port()}"


COMMANDS = {
    "card": (),
    "train": ("quick.toml", "--events", "no.csv"),
    "score": ("--events", "no.csv"),
    "report": ("--out", "x.html"),
    "verify": (),
    "promote": (),
    "compare": (),
    "ui": (),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_it_before_any_work(command, nobody, tmp_path):
    (tmp_path / "quick.toml").write_text(QUICK)
    arguments = (*COMMANDS[command], "--tracking-uri", nobody)
    done = escalation(command, *arguments, folder=tmp_path)
    assert done.returncode == 6, done.stderr
    assert done.stderr.startswith(f"error[E-UNREACHABLE] {nobody} ")
    assert "--tracking-uri" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["quick.toml"]


def test_the_environment_names_the_store_unless_an_option_does(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking.store_uri() == "sqlite:///mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://other")
    assert tracking.store_uri() == "http://other"
    assert tracking.store_uri("http://one") == "http://one"


def test_no_command_with_a_store_is_left_out(tmp_path):
    for name in cli.COMMANDS:
        text = escalation(name, "--help", folder=tmp_path).stdout
        assert ("--tracking-uri" in text) == (name in COMMANDS), name
        assert ("MLFLOW_TRACKING_URI" in text) == (name in COMMANDS), name


class Answering(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self):
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(
    ("status", "usable"), [(200, True), (401, True), (404, True), (500, False), (503, False)]
)
def test_a_server_that_answers_is_left_to_mlflow_unless_it_fails(status, usable):
    handler = type("Handler", (Answering,), {"status": status})
    with HTTPServer(("127.0.0.1", 0), handler) as answering:
        threading.Thread(target=answering.serve_forever, daemon=True).start()
        uri = f"http://127.0.0.1:{answering.server_port}"
        try:
            if usable:
                server.require_answer(uri)
            else:
                with pytest.raises(StorageError, match=f"E-UNREACHABLE.*it answers {status}"):
                    server.require_answer(uri)
        finally:
            answering.shutdown()


def test_a_server_that_goes_by_another_name_says_how_to_start_it():
    def refuse(self):
        self.send_response(403)
        self.end_headers()
        self.wfile.write(b"Invalid Host header - possible DNS rebinding attack detected")

    handler = type("Handler", (Answering,), {"do_GET": refuse})
    with HTTPServer(("127.0.0.1", 0), handler) as answering:
        threading.Thread(target=answering.serve_forever, daemon=True).start()
        with pytest.raises(StorageError, match=r"E-UNREACHABLE.*start it with --allowed-hosts"):
            server.require_answer(f"http://127.0.0.1:{answering.server_port}")
        answering.shutdown()


@pytest.mark.parametrize("most", ["SECONDS", "MOST_SECONDS"])
def test_one_that_takes_the_call_and_says_nothing_is_not_waited_for(most, monkeypatch):
    monkeypatch.setattr(server, most, 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(StorageError, match=r"E-UNREACHABLE.*no answer within 0 s"),
    ):
        server.require_answer(f"http://127.0.0.1:{silent.getsockname()[1]}")


@pytest.mark.parametrize("scheme", ["postgresql", "mysql+pymysql", "mssql"])
def test_a_database_that_nobody_serves_is_told_without_the_password(scheme):
    uri = f"{scheme}://me:secret@127.0.0.1:{free_port()}/runs"
    with pytest.raises(StorageError, match=r"E-UNREACHABLE.*127\.0\.0\.1") as refused:
        server.require_answer(uri)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("uri", ["sqlite:///mlflow.db", "databricks", "databricks://profile"])
def test_what_is_no_server_is_not_asked(uri):
    server.require_answer(uri)


@pytest.mark.parametrize("uri", ["folder", "file:///x", "x:y", "sqlite://", "sqlite:///", "sqlite:///.",
                                 "sqlite:////dev/null"])  # fmt: skip
def test_what_is_no_store_is_told(uri):
    with pytest.raises(StorageError, match="E-STORE.*sqlite:///FOLDER/mlflow.db"):
        server.require_answer(uri)


@pytest.mark.parametrize("uri", ["http://", "http://127.0.0.1:99999", "https://[::1"])
def test_no_address_at_all_is_told_in_our_words(uri):
    with pytest.raises(StorageError, match="E-"):
        server.require_answer(uri)
