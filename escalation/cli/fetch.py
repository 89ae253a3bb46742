"""Commands that download the files of sources, and list what an archive took in."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escalation.cli.common import Json, print_json
from escalation.errors import printable

if TYPE_CHECKING:
    from escalation.events.download import Downloaded

Out = Annotated[Path, typer.Option(help="Folder for the files; made if need be.")]
First = Annotated[dt.datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")]
Last = Annotated[dt.datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")]
Base = Annotated[str | None, typer.Option(help="Another address with the same layout.")]

download = typer.Typer(
    help="Fetch the files of a source; each goes on where it stopped.", no_args_is_help=True
)


@download.command()
def ucdp(
    version: Annotated[str, typer.Option(help="25.1 of GED; 25.0.3 of Candidate.")],
    out: Out,
    sha256: Annotated[str | None, typer.Option(help="That the file must have.")] = None,
    base_url: Base = None,
    as_json: Json = False,
) -> None:
    """Fetch a yearly UCDP GED release, or a Candidate release."""
    from escalation.cli import console
    from escalation.events import SOURCES
    from escalation.events.download import Web, fetch_ucdp
    from escalation.events.download.ucdp import UCDP_URL

    with console.byte_counter() as progress:
        done = fetch_ucdp(
            version, out, web=Web(progress=progress), base=base_url or UCDP_URL, sha256=sha256
        )
    _tell(done, SOURCES["ucdp"].licence, as_json)


@download.command()
def gdelt(
    first: First,
    last: Last,
    out: Out,
    version: Annotated[
        int, typer.Option(min=1, max=2, help="1 by day, 2 by quarter of an hour.")
    ] = 1,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Take what is there; GDELT has gaps.")
    ] = False,
    base_url: Base = None,
    as_json: Json = False,
) -> None:
    """Fetch GDELT event files by day."""
    from escalation.cli import console
    from escalation.events import SOURCES
    from escalation.events.download import Web, fetch_gdelt
    from escalation.events.download.gdelt import GDELT_URL

    with console.byte_counter() as progress:
        done = fetch_gdelt(
            first.date(),
            last.date(),
            out,
            web=Web(progress=progress),
            version=version,
            base=base_url or GDELT_URL,
            allow_missing=allow_missing,
        )
    _tell(done, SOURCES["gdelt"].licence, as_json)


@download.command()
def acled(
    country: Annotated[list[str], typer.Option(help="As ACLED names it; may be repeated.")],
    first: First,
    last: Last,
    out: Out,
    base_url: Base = None,
    as_json: Json = False,
) -> None:
    """Fetch ACLED events as ACLED_USERNAME with ACLED_PASSWORD."""
    from escalation.cli import console
    from escalation.events import SOURCES
    from escalation.events.download import Web, fetch_acled
    from escalation.events.download.acled import ACLED_URL

    with console.byte_counter() as progress:
        done = fetch_acled(
            country,
            first.date(),
            last.date(),
            out,
            web=Web(progress=progress),
            environment=os.environ,
            base=base_url or ACLED_URL,
        )
    _tell(done, SOURCES["acled"].licence, as_json)


def archive_command(
    folder: Annotated[Path, typer.Argument(help="Folder of the archive.")], as_json: Json = False
) -> None:
    """List the files that an archive took in."""
    from escalation.cli import console, result_tables
    from escalation.events.store.folder import ArchiveStore

    store = ArchiveStore(folder)
    listed = store.summary()
    if as_json:
        print_json(listed)
    else:
        console.console().print(result_tables.archive_table(store.files(), listed))


def _tell(done: list[Downloaded], licence: str, as_json: bool) -> None:
    if as_json:
        files = [{"path": str(o.path), "sha256": o.sha256, "bytes": o.size} for o in done]
        print_json({"files": files, "licence": licence})
        return
    for file in done:
        print(f"{file.sha256}  {printable(file.path)}")
    print(licence)
