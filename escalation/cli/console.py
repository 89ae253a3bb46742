"""Consoles, tables and progress bars; progress is shown only on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
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
from rich.table import Column, Table
from rich.text import Text

from escalation.errors import printable, printable_line

if TYPE_CHECKING:
    from escalation._util.progress import Progress as Reporter

WIDTH_IN_PIPE = 120


class _PlainConsole(Console):
    """Prints text literally: no markup, no emoji, no terminal escapes."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Called for all text, including cells and titles of tables."""
        plain = "\n".join(map(printable_line, text.split("\n")))
        return super().render_str(plain, **{**options, "markup": False, "emoji": False})


def console(*, stderr: bool = False) -> Console:
    """A console as wide as its terminal, or of fixed width in a pipe."""
    plain = _PlainConsole(stderr=stderr, highlight=False)
    if not plain.is_terminal:
        plain.width = WIDTH_IN_PIPE
    return plain


right = partial(Column, justify="right")
"""A column of numbers, by its heading."""


def left_table(title: str | None, *columns: str | Column, caption: str | None = None) -> Table:
    """A table with title and caption at its left edge."""
    return Table(
        *columns,
        title=title,
        title_justify="left",
        title_style="bold",
        caption=caption,
        caption_justify="left",
    )


def _bar(*columns: ProgressColumn) -> Progress:
    """A transient line on standard error; nothing in a pipe."""
    out = console(stderr=True)
    return Progress(*columns, console=out, transient=True, disable=not out.is_terminal)


@contextmanager
def progress_bar(task: str = "backtest") -> Iterator[Reporter]:
    """A progress bar on standard error; nothing in a pipe."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with _bar(*columns) as bar:
        tasks: dict[str, Any] = {}

        def report(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(f"{task} {printable(name)}", total=total)
            bar.update(tasks[name], completed=done, total=total)

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
    """Bytes downloaded of a file, on standard error; nothing in a pipe."""
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
