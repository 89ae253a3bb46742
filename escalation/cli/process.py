"""The surroundings of a command: streams, temporary files, and leftovers of killed commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from escalation._util.owners import (
    ARCHIVE,
    Unfinished,
    clear_dead,
    postpone,
    remove_notes,
    retire,
    temporary_files,
)
from escalation.errors import BusyError, StorageError


class _Tolerant:
    """Standard error whose failures, such as a full disk, don't change the exit status."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


@contextmanager
def surroundings() -> Iterator[None]:
    """Keep temporary files in one folder, and clear up after commands that were killed."""
    try:
        with temporary_files():
            _clear_up()
            yield
    finally:
        retire()


@contextmanager
def open_streams() -> Iterator[None]:
    """Open streams that are closed, so that no file takes the number of one."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    stderr: Any = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = _Tolerant(stderr)
    try:
        yield
    finally:
        with suppress(OSError, ValueError):
            stderr.flush()
        sys.stdout, sys.stderr = before


def _clear_up() -> None:
    """Clear leftovers of killed commands: folders at once, runs in their store."""
    if {"--help", "--version"} & set(sys.argv):
        return
    leftovers = clear_dead()
    busy: set[Path] = set()
    failed: set[Path] = set()
    unusable: set[str] = set()
    for leftover in leftovers:
        if leftover.place in unusable:  # tried once, however many runs were begun there
            failed.add(leftover.note)
            continue
        try:
            _clear(leftover)
        except BusyError:  # the next command will try again
            busy.add(leftover.note)
        except Exception:  # the store can't be used now: a later command will try again
            failed.add(leftover.note)
            unusable.add(leftover.place)
    postpone(failed)
    remove_notes({leftover.note for leftover in leftovers} - busy - failed)


def _clear(leftover: Unfinished) -> None:
    if leftover.kind == ARCHIVE:
        from escalation.events.store.folder import ArchiveStore

        try:
            if Path(leftover.place).is_dir():
                ArchiveStore(Path(leftover.place), wait=0).clear()
        except StorageError as error:
            if error.code != "E-ARCHIVE":  # a damaged archive will stay damaged
                raise
        return
    from escalation.tracking import end_runs

    end_runs(leftover.place, leftover.name, owner=leftover.note.stem)
