"""Commands on stored runs and models: promote, compare, card, verify, ui."""

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
    checked_store,
    print_json,
    printing,
    read_archive,
    records,
    show,
    use_plugins,
)
from escalation.cli.reading import READING, Reading, reads_events
from escalation.errors import BusyError, InputError, UsageError

if TYPE_CHECKING:
    from escalation.scoring.scorer import Scorer
    from escalation.scoring.verify import Verified

INPUTS_NAMED = 8
LOCAL_SERVER_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_SERVER_ALLOWED_HOSTS": "localhost:*,127.0.0.1:*",
}
"""Without these, MLflow would start a dozen processes for other uses, and accept any host name
that starts like a private address."""
Model = Annotated[str, typer.Option(help="Registered model.")]


def promote_command(
    model: Model = "iraq_crisis",
    force: Annotated[
        bool, typer.Option("--force", help="Promote whatever the comparison shows.")
    ] = False,
    reason: Annotated[
        str, typer.Option(help="Reason, stored with the version; required with --force.")
    ] = "",
    tracking_uri: TrackingUri = None,
    as_json: Json = False,
) -> None:
    """Make the challenger the champion if its lead is significant."""
    uri = checked_store(tracking_uri)
    from escalation import tracking

    promotion = tracking.promote(model, uri=uri, force=force, reason=reason)
    if as_json:
        print_json(asdict(promotion))
        return
    caution = "" if promotion.verified else "; its lead is not verified"
    show(
        f"{promotion.name} v{promotion.version} is the champion, instead of "
        f"v{promotion.before}{caution}",
        f"Reason recorded: {promotion.reason}",
    )


def compare_command(
    before: Annotated[
        str, typer.Argument(help="Run ID, its first letters, a run's name, latest or previous.")
    ] = "previous",
    after: Annotated[str, typer.Argument(help="The run to compare with it.")] = "latest",
    tracking_uri: TrackingUri = None,
    as_json: Json = False,
) -> None:
    """Compare two runs on the rows that both forecast; the result is stored in both."""
    uri = checked_store(tracking_uri)
    from escalation import tracking
    from escalation.cli import result_tables

    comparison = tracking.compare_runs(before, after, tracking_uri=uri)
    if as_json:
        runs = {name: getattr(comparison, name) for name in ("before", "after", "seen")}
        tables = {name: records(getattr(comparison, name)) for name in ("table", "differences")}
        print_json({**runs, **tables})
        return
    show(
        *result_tables.comparison_tables(comparison),
        tracking.by_chance(comparison.seen),
        "Stored in both runs: in their descriptions, and as pages under comparisons/",
    )


def card_command(
    model: ModelName = "iraq_crisis",
    out: Annotated[Path | None, typer.Option(help="Write the card to a file instead, .md.")] = None,
    check: Annotated[
        Path | None, typer.Option(help="Compare the figures of this card with the run.")
    ] = None,
    tracking_uri: TrackingUri = None,
) -> None:
    """Print a model's card: purpose, data and gaps, figures with intervals, limits, changes."""
    uri = checked_store(tracking_uri)
    from escalation import tracking
    from escalation._util.files import replacing

    if check is not None:
        tracking.check_card(_card_text(check), model, uri=uri)
        print(f"Every line with a figure in {check} matches the run")
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
        typer.Option(help="Hash that `score` printed; a ledger without its line is refused."),
    ] = None,
    reading: Reading = READING,
    plugin: Plugin = None,
    as_of: AsOf = None,
    tracking_uri: TrackingUri = None,
    as_json: Json = False,
) -> None:
    """Score issued forecasts once they resolve, and check the inputs for drift."""
    uri = checked_store(tracking_uri)
    from escalation import tracking
    from escalation.scoring.ledger import issued_since, ledger_path, read_ledger
    from escalation.scoring.score import scored_day
    from escalation.scoring.verify import verify

    path = ledger or ledger_path(tracking.local_file(uri))
    issued = read_ledger(path)
    n_since = issued_since(issued, expect, path) if expect is not None else None
    if not path.exists():
        raise UsageError(
            "E-FILE",
            "no ledger of issued forecasts",
            where=str(path),
            fix="run `escalation score` first, or name the ledger with --ledger",
        )
    use_plugins(plugin)
    scorers = tracking.load_scorers(model, uri=uri)
    tracking.require_usable(uri, scorers[0].experiment.experiment.name)
    archive = read_archive(scorers[0].experiment, reading, store=uri)
    last, rows = scored_day(scorers[0], archive, as_of), []
    if n_since is not None and not as_json:
        show(f"The ledger contains the expected line, and {n_since} later ones")
    for scorer in scorers:
        verified = verify(scorer, archive, issued, as_of=last)
        run_id = tracking.log_verified(verified, scorer, uri=uri, last_day=str(last))
        rows.append(_as_record(verified, scorer, run_id))
        if not as_json:
            prefix = f"{scorer.series.target}: " if len(scorers) > 1 else ""
            show(*(f"{prefix}{line}" for line in _summary(verified)))
    if as_json:
        print_json(rows)


def _as_record(verified: Verified, scorer: Scorer, run_id: str) -> dict[str, object]:
    names = ("verdict", "issued", "in_sample", "matured", "open")
    return {
        "target": scorer.series.target,
        "run_id": run_id,
        **{name: getattr(verified, name) for name in names},
        **{name: records(getattr(verified, name)) for name in ("summary", "drift")},
    }


def _summary(verified: Verified) -> list[str]:
    from escalation.scoring.verify import SHIFTED

    lines = [
        verified.verdict[0].upper() + verified.verdict[1:],
        f"{verified.issued} forecasts issued: {verified.matured} resolved, {verified.open} open, "
        f"{verified.in_sample} left out because the model was trained on their days",
    ]
    drifted = verified.drift.loc[verified.drift["psi"] > SHIFTED, "column"]
    if len(drifted):
        names = ", ".join(drifted.head(INPUTS_NAMED))
        lines.append(f"{len(drifted)} inputs have drifted since the training: {names}")
    return lines


def ui_command(
    tracking_uri: TrackingUri = None,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port on this machine.")] = 5000,
) -> None:
    """Open the runs in MLflow."""
    from escalation import tracking

    uri = checked_store(tracking_uri)
    if uri.startswith(("http://", "https://")):
        print(f"The server shows its runs itself: open {uri}")
        return
    path = tracking.local_file(uri)
    if path is not None and not path.exists():
        raise UsageError(
            "E-STORE", "no store here", where=str(path), fix="run `escalation train` first"
        )
    _require_free(port)
    if path is not None:
        tracking.open_store(uri)
    # Without the type of workflow, MLflow opens its view for agents.
    address = f"http://127.0.0.1:{port}/?workflowType=machine_learning"
    print(f"MLflow at {address} (stop with Ctrl-C)", flush=True)
    for name, value in LOCAL_SERVER_SETTINGS.items():
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
                f"port {port} is not available: {error.strerror}",
                fix=f"stop the process that uses it, or add --port {other}",
            ) from None
