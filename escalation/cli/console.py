"""What the command line prints: tables for people, progress on a terminal only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from escalation.errors import printable, printable_line

if TYPE_CHECKING:
    from escalation._util.progress import Progress as Reporter

WIDTH_IN_PIPE = 120


class _PlainConsole(Console):
    """Text is shown as it is: what it holds is no markup, no emoji and no order to a terminal."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Every text on its way to a terminal or a pipe, cells and titles of tables included."""
        plain = "\n".join(map(printable_line, text.split("\n")))
        return super().render_str(plain, **{**options, "markup": False, "emoji": False})


def console(*, stderr: bool = False) -> Console:
    """A console; as wide as its terminal, or fixed in a pipe."""
    made = _PlainConsole(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made.width = WIDTH_IN_PIPE
    return made


def left_table(title: str | None, *columns: str, caption: str | None = None) -> Table:
    """A table whose title and caption stand at its left edge.

    Parameters
    ----------
    title : str, optional
    *columns : str
        Their names; further ones may be added.
    caption : str, optional
    """
    return Table(
        *columns,
        title=title,
        title_justify="left",
        title_style="bold",
        caption=caption,
        caption_justify="left",
    )


def _bar(*columns: ProgressColumn) -> Progress:
    """A line on standard error that is gone afterwards; nothing in a pipe."""
    out = console(stderr=True)
    return Progress(*columns, console=out, transient=True, disable=not out.is_terminal)


@contextmanager
def progress_bar(doing: str = "backtest") -> Iterator[Reporter]:
    """A progress bar on standard error; nothing in a pipe."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with _bar(*columns) as bar:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(f"{doing} {printable(what)}", total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield report


@contextmanager
def row_counter() -> Iterator[Callable[[int], None]]:
    """Rows read so far on standard error; nothing in a pipe."""
    columns = (TextColumn("{task.completed:,.0f} rows"), TimeElapsedColumn())
    with _bar(*columns) as bar:
        task = bar.add_task("rows", total=None)
        yield lambda rows: bar.update(task, completed=rows)


@contextmanager
def byte_counter() -> Iterator[Callable[[str, int, int], None]]:
    """Bytes of the file that is being fetched, on standard error; nothing in a pipe."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with _bar(*columns) as bar:
        task = bar.add_task("", total=None)
        yield lambda name, done, total: bar.update(
            task, description=printable(name), completed=done, total=total or None
        )
