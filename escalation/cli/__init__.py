"""The command line: parse, one library call, print. Heavy imports wait until a command runs."""

from __future__ import annotations

import inspect
import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any, Final, NoReturn

import typer

from escalation import __version__
from escalation._util.cautions import EscalationWarning
from escalation._util.interrupts import interrupt_status, listen
from escalation._util.library_errors import translate_error
from escalation.cli import (
    check,
    data,
    delays,
    fetch,
    init,
    learn,
    models,
    moves,
    pages,
    watch,
    work,
)
from escalation.cli.process import open_streams, surroundings
from escalation.errors import EscalationError, UsageError, printable, printable_line

app = typer.Typer(
    name="escalation",
    help="How likely is escalation in the next days, how certain is that, and what drives it?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
COMMANDS: dict[str, Callable[..., None]] = {
    "init": init.init_command,
    "train": work.train_command,
    "score": watch.score_command,
    "report": pages.report_command,
    "replay": pages.replay_command,
    "backtest": work.backtest_command,
    "features": work.features_command,
    "audit": check.audit_command,
    "validate": data.validate_command,
    "ingest": data.ingest_command,
    "archive": fetch.archive_command,
    "moves": moves.moves_command,
    "revisions": delays.revisions_command,
    "prior": learn.prior_command,
    "card": models.card_command,
    "compare": models.compare_command,
    "promote": models.promote_command,
    "verify": models.verify_command,
    "ui": models.ui_command,
}
MLFLOW_SETTINGS = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
"""Keep MLflow quiet while a command runs."""
_Misuse: Final[Any] = typer.BadParameter.__base__
"""Base class of the errors that typer raises for an invalid command line."""
STORE_HELP = (
    "The store of runs and models is --tracking-uri, or else MLFLOW_TRACKING_URI of the "
    "environment, or else sqlite:///mlflow.db in this folder."
)
for name, command in COMMANDS.items():
    has_store = "tracking_uri" in inspect.signature(command).parameters
    app.command(name, epilog=STORE_HELP if has_store else None)(command)
app.add_typer(fetch.download, name="download")


def _version(requested: bool) -> None:
    if requested:
        print(f"escalation {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    _State.debug = debug


class _State:
    debug = False


def main() -> None:
    """Run the command: an error becomes one line and an exit status, a warning one line."""
    listen()
    for name, value in MLFLOW_SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        with open_streams():
            _run()
    except KeyboardInterrupt:  # while the streams were being restored
        raise SystemExit(130) from None


def _run() -> None:
    try:
        with surroundings(), warnings.catch_warnings():
            # MLflow warns for people who log by hand.
            warnings.filterwarnings("ignore", category=UserWarning, module=r"mlflow\.")
            warnings.simplefilter("always", EscalationWarning)
            warnings.showwarning = _show
            # A command that ends early, such as --help, returns its status.
            status = app(standalone_mode=False)
    except EscalationError as error:
        _fail(error)
    except _Misuse as error:
        _explain(error)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(128 + signal.SIGPIPE) from None
    except Exception as error:
        interrupted = interrupt_status()
        if interrupted is not None:  # the error is a consequence
            raise SystemExit(interrupted) from None
        _fail(translate_error(error) or _defect(error), error)
    raise SystemExit(status if isinstance(status, int) else 0)


def _show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """Print a warning as one line; those of libraries with their category."""
    text = "\n".join(map(printable_line, str(message).split("\n")))
    prefix = "" if issubclass(category, EscalationWarning) else f" {category.__name__}:"
    print(f"warning:{prefix} {text}", file=sys.stderr)


def _explain(error: Any) -> NoReturn:
    """Report an invalid command line in the form of all errors."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        raise SystemExit(error.exit_code)
    path = error.ctx.command_path if error.ctx else app.info.name
    _fail(UsageError("E-USAGE", error.format_message().rstrip("."), fix=f"see `{path} --help`"))


def _defect(error: Exception) -> EscalationError:
    """An unexpected error; nothing half-written is left behind."""
    return EscalationError(
        "E-DEFECT",
        f"this is a bug: {type(error).__name__}: {printable(error)}",
        fix="report it in the project's issue tracker, with the output of `escalation --debug`",
    )


def _fail(error: EscalationError, cause: Exception | None = None) -> NoReturn:
    if _State.debug:
        raise error from cause
    print(error, file=sys.stderr)
    raise SystemExit(interrupt_status() or error.status)
