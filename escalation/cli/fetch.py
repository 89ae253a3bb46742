"""Commands that download the files of sources, and list the files of an archive."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escalation.cli.common import Json, print_json, show
from escalation.errors import printable

if TYPE_CHECKING:
    from escalation.events.download import Downloaded

Out = Annotated[Path, typer.Option(help="Folder for the files; created if need be.")]
First = Annotated[dt.datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")]
Last = Annotated[dt.datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")]
Base = Annotated[str | None, typer.Option(help="Address of a mirror with the same layout.")]

download = typer.Typer(
    help="Download the files of a source; an interrupted download is resumed.",
    no_args_is_help=True,
)


@download.command()
def ucdp(
    version: Annotated[str, typer.Option(help="25.1 of GED; 25.0.3 of Candidate.")],
    out: Out,
    sha256: Annotated[str | None, typer.Option(help="Checksum that the file must have.")] = None,
    base_url: Base = None,
    as_json: Json = False,
) -> None:
    """Download a yearly UCDP GED release, or a Candidate release."""
    from escalation.cli import console
    from escalation.events.download import Web, fetch_ucdp
    from escalation.events.download.ucdp import UCDP_URL

    with console.byte_counter() as progress:
        files = fetch_ucdp(
            version, out, web=Web(progress=progress), base=base_url or UCDP_URL, sha256=sha256
        )
    _print(files, "ucdp", as_json)


@download.command()
def gdelt(
    first: First,
    last: Last,
    out: Out,
    version: Annotated[
        int, typer.Option(min=1, max=2, help="1: daily files; 2: files of a quarter of an hour.")
    ] = 1,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Skip missing files; GDELT has gaps.")
    ] = False,
    base_url: Base = None,
    as_json: Json = False,
) -> None:
    """Download GDELT event files by day."""
    from escalation.cli import console
    from escalation.events.download import Web, fetch_gdelt
    from escalation.events.download.gdelt import GDELT_URL

    with console.byte_counter() as progress:
        files = fetch_gdelt(
            first.date(),
            last.date(),
            out,
            web=Web(progress=progress),
            version=version,
            base=base_url or GDELT_URL,
            allow_missing=allow_missing,
        )
    _print(files, "gdelt", as_json)


@download.command()
def acled(
    country: Annotated[list[str], typer.Option(help="Country as ACLED names it; may be repeated.")],
    first: First,
    last: Last,
    out: Out,
    base_url: Base = None,
    as_json: Json = False,
) -> None:
    """Download ACLED events with the account ACLED_USERNAME and ACLED_PASSWORD."""
    from escalation.cli import console
    from escalation.events.download import Web, fetch_acled
    from escalation.events.download.acled import ACLED_URL

    with console.byte_counter() as progress:
        files = fetch_acled(
            country,
            first.date(),
            last.date(),
            out,
            web=Web(progress=progress),
            environment=os.environ,
            base=base_url or ACLED_URL,
        )
    _print(files, "acled", as_json)


def archive_command(
    folder: Annotated[Path, typer.Argument(help="Folder of the archive.")], as_json: Json = False
) -> None:
    """List the files of an archive."""
    from escalation.cli import result_tables
    from escalation.events.store.folder import ArchiveStore

    store = ArchiveStore(folder)
    summary = store.summary()
    if as_json:
        print_json(summary)
    else:
        show(result_tables.archive_table(store.files(), summary))


def _print(downloaded: list[Downloaded], source: str, as_json: bool) -> None:
    from escalation.events import SOURCES

    licence = SOURCES[source].licence
    if as_json:
        files = [
            {"path": str(file.path), "sha256": file.sha256, "bytes": file.size}
            for file in downloaded
        ]
        print_json({"files": files, "licence": licence})
        return
    for file in downloaded:
        print(f"{file.sha256}  {printable(file.path)}")
    print(licence)
