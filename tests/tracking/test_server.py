"""Every command reports a server that doesn't answer at once, before any work."""

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
def test_every_command_reports_it_before_any_work(command, nobody, tmp_path):
    (tmp_path / "quick.toml").write_text(QUICK)
    arguments = (*COMMANDS[command], "--tracking-uri", nobody)
    result = escalation(command, *arguments, folder=tmp_path)
    assert result.returncode == 6, result.stderr
    assert result.stderr.startswith(f"error[E-UNREACHABLE] {nobody} ")
    assert "--tracking-uri" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["quick.toml"]


def test_the_environment_names_the_store_unless_an_option_does(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking.store_uri() == "sqlite:///mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://other")
    assert tracking.store_uri() == "http://other"
    assert tracking.store_uri("http://one") == "http://one"


def test_exactly_the_commands_with_a_store_name_it_in_their_help(tmp_path):
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
def test_a_server_that_answers_passes_unless_it_fails(status, usable):
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


def test_the_error_for_a_refused_host_name_explains_how_to_allow_it():
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
def test_a_server_that_accepts_but_never_answers_is_given_up(most, monkeypatch):
    monkeypatch.setattr(server, most, 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(StorageError, match=r"E-UNREACHABLE.*no answer within 0 s"),
    ):
        server.require_answer(f"http://127.0.0.1:{silent.getsockname()[1]}")


@pytest.mark.parametrize("scheme", ["postgresql", "mysql+pymysql", "mssql"])
def test_an_unreachable_database_is_reported_without_the_password(scheme):
    uri = f"{scheme}://me:secret@127.0.0.1:{free_port()}/runs"
    with pytest.raises(StorageError, match=r"E-UNREACHABLE.*127\.0\.0\.1") as refused:
        server.require_answer(uri)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("uri", ["sqlite:///mlflow.db", "databricks", "databricks://profile"])
def test_addresses_that_are_not_servers_are_not_checked(uri):
    server.require_answer(uri)


@pytest.mark.parametrize("uri", ["folder", "file:///x", "x:y", "sqlite://", "sqlite:///", "sqlite:///.",
                                 "sqlite:////dev/null"])  # fmt: skip
def test_an_address_that_is_not_a_store_is_refused(uri):
    with pytest.raises(StorageError, match="E-STORE.*sqlite:///FOLDER/mlflow.db"):
        server.require_answer(uri)


@pytest.mark.parametrize("uri", ["http://", "http://127.0.0.1:99999", "https://[::1"])
def test_an_invalid_address_raises_our_error(uri):
    with pytest.raises(StorageError, match="E-"):
        server.require_answer(uri)
