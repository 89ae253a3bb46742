"""Commands about what is in the store: promote, verify, and the page that shows it."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escalation.cli.common import (
    AsOf,
    Json,
    LedgerFile,
    ModelName,
    Plugin,
    TrackingUri,
    print_json,
    printing,
    read_archive,
    records,
    store_named,
    use_plugins,
)
from escalation.cli.reading import READING, Reading, reads_events
from escalation.errors import BusyError, InputError, UsageError

if TYPE_CHECKING:
    from escalation.scoring.scorer import Scorer
    from escalation.scoring.verify import Verified

MOST_NAMED = 8
ON_LOOPBACK = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_SERVER_ALLOWED_HOSTS": "localhost:*,127.0.0.1:*",
}
"""For a page on this machine: else MLflow starts a dozen processes for other uses, and answers to
every name that begins like a private address."""
Model = Annotated[str, typer.Option(help="Registered model.")]


def promote_command(
    model: Model = "iraq_crisis",
    force: Annotated[
        bool, typer.Option("--force", help="Promote whatever the comparison shows.")
    ] = False,
    reason: Annotated[
        str, typer.Option(help="Reason, kept with the version; required with --force.")
    ] = "",
    tracking_uri: TrackingUri = None,
    as_json: Json = False,
) -> None:
    """Make the challenger the champion, if its lead is real."""
    uri = store_named(tracking_uri)
    from escalation import tracking
    from escalation.cli import console

    done = tracking.promote(model, uri=uri, force=force, reason=reason)
    if as_json:
        print_json(asdict(done))
        return
    out = console.console()
    champion = f"{done.name} v{done.version} is the champion, instead of v{done.before}"
    out.print(champion if done.verified else f"{champion}; nothing of its lead is verified")
    out.print(f"Reason kept: {done.reason}")


def compare_command(
    before: Annotated[
        str, typer.Argument(help="Run ID, its first letters, a run's name, latest or previous.")
    ] = "previous",
    after: Annotated[str, typer.Argument(help="The run that is held against it.")] = "latest",
    tracking_uri: TrackingUri = None,
    as_json: Json = False,
) -> None:
    """Hold one run against another on the rows that both forecast; kept in both runs."""
    uri = store_named(tracking_uri)
    from escalation import tracking
    from escalation.cli import console, result_tables

    done = tracking.compare_runs(before, after, tracking_uri=uri)
    if as_json:
        tables = {name: records(getattr(done, name)) for name in ("table", "differences")}
        print_json({"before": done.before, "after": done.after, "seen": done.seen, **tables})
        return
    out = console.console()
    for table in result_tables.comparison_tables(done):
        out.print(table)
    out.print(tracking.by_chance(done.seen))
    out.print("Kept in both runs: their description, and the page under comparisons/")


def card_command(
    model: ModelName = "iraq_crisis",
    out: Annotated[Path | None, typer.Option(help="Write it to a file instead, .md.")] = None,
    check: Annotated[
        Path | None, typer.Option(help="Hold the figures of a card against the run.")
    ] = None,
    tracking_uri: TrackingUri = None,
) -> None:
    """Print a model's card: purpose, data and gaps, figures with intervals, limits, changes."""
    uri = store_named(tracking_uri)
    from escalation import tracking
    from escalation._util.files import replacing

    if check is not None:
        tracking.check_card(_card_text(check), model, uri=uri)
        print(f"Every line with a figure in {check} is that of the run")
        return
    text = tracking.model_card(model, uri=uri)
    if out is None:
        with printing():
            print(text, end="")
        return
    with replacing(out) as part:
        part.write_text(text, encoding="utf-8")
    print(f"Card written to {out}")


def _card_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("E-FILE", f"the card can't be read: {error}", where=str(path)) from None


@reads_events
def verify_command(
    model: ModelName = "iraq_crisis",
    ledger: LedgerFile = None,
    expect: Annotated[
        str | None,
        typer.Option(help="Hash that `score` printed: refuse a ledger that lacks its line."),
    ] = None,
    reading: Reading = READING,
    plugin: Plugin = None,
    as_of: AsOf = None,
    tracking_uri: TrackingUri = None,
    as_json: Json = False,
) -> None:
    """Score issued forecasts once they resolve, and check the inputs for drift."""
    uri = store_named(tracking_uri)
    from escalation import tracking
    from escalation.cli import console
    from escalation.scoring.ledger import issued_since, ledger_path, read_ledger
    from escalation.scoring.score import scored_day
    from escalation.scoring.verify import verify as check

    kept = ledger or ledger_path(tracking.local_file(uri))
    issued = read_ledger(kept)
    since = issued_since(issued, expect, kept) if expect is not None else None
    if not kept.exists():
        raise UsageError(
            "E-FILE",
            "no ledger of issued forecasts",
            where=str(kept),
            fix="run `escalation score` first, or name it with --ledger",
        )
    use_plugins(plugin)
    scorers = tracking.load_scorers(model, uri=uri)
    tracking.require_usable(uri, scorers[0].experiment.experiment.name)
    archive = read_archive(scorers[0].experiment, reading, store=uri)
    last, rows = scored_day(scorers[0], archive, as_of), []
    if since is not None and not as_json:
        console.console().print(f"The ledger holds the expected line, and {since} issued after it")
    for scorer in scorers:
        verified = check(scorer, archive, issued, as_of=last)
        run_id = tracking.log_verified(verified, scorer, uri=uri, last_day=str(last))
        rows.append(_verified_row(verified, scorer, run_id))
        if not as_json:
            name = f"{scorer.series.target}: " if len(scorers) > 1 else ""
            for line in _said(verified):
                console.console().print(f"{name}{line}")
    if as_json:
        print_json(rows)


def _verified_row(verified: Verified, scorer: Scorer, run_id: str) -> dict[str, object]:
    """A label's verification for scripts."""
    names = ("verdict", "issued", "in_sample", "matured", "open")
    tables = {name: records(getattr(verified, name)) for name in ("summary", "drift")}
    told = {name: getattr(verified, name) for name in names}
    return {"target": scorer.series.target, "run_id": run_id, **told, **tables}


def _said(verified: Verified) -> list[str]:
    from escalation.scoring.verify import SHIFTED

    lines = [
        verified.verdict[0].upper() + verified.verdict[1:],
        f"{verified.issued} forecasts issued: {verified.matured} resolved, {verified.open} open, "
        f"{verified.in_sample} left out because the model was trained on their days",
    ]
    moved = verified.drift.loc[verified.drift["psi"] > SHIFTED, "column"]
    if len(moved):
        names = ", ".join(moved.head(MOST_NAMED))
        lines.append(f"{len(moved)} inputs have moved since the training: {names}")
    return lines


def ui_command(
    tracking_uri: TrackingUri = None,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port on this machine.")] = 5000,
) -> None:
    """Open the runs in MLflow."""
    from escalation import tracking

    uri = store_named(tracking_uri)
    if uri.startswith(("http://", "https://")):
        print(f"A server shows its runs itself: open {uri}")
        return
    path = tracking.local_file(uri)
    if path is not None and not path.exists():
        raise UsageError(
            "E-STORE", "no store here", where=str(path), fix="run `escalation train` first"
        )
    _require_free(port)
    if path is not None:
        tracking.open_store(uri)
    address = f"http://127.0.0.1:{port}/?workflowType=machine_learning"  # else it opens for agents
    print(f"MLflow at {address} (stop with Ctrl-C)", flush=True)
    for name, value in ON_LOOPBACK.items():
        os.environ.setdefault(name, value)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--workers", "1"]
    os.execv(sys.executable, [*command, "--host", "127.0.0.1", "--port", str(port)])


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            other = port - 1 if port > 1024 else port + 1
            raise BusyError(
                "E-PORT",
                f"port {port} is not free: {error.strerror}",
                fix=f"stop what listens there, or take --port {other}",
            ) from None
