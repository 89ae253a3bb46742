"""What surrounds a command: its streams, its temporary files, and what the dead left."""

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
    """Standard error that nobody may be reading: a full disk there changes no exit status."""

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
    """Temporary files in one place, and nothing left of commands that were killed."""
    try:
        with temporary_files():
            _clear_up()
            yield
    finally:
        retire()


@contextmanager
def open_streams() -> Iterator[None]:
    """No file of ours takes the number of a stream that was closed, and none is missing."""
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
    """Clear what commands that were killed left: folders at once, runs in their store."""
    if {"--help", "--version"} & set(sys.argv):
        return
    left = clear_dead()
    busy: set[Path] = set()
    failed: set[Path] = set()
    silent: set[str] = set()
    for one in left:
        if one.place in silent:  # asked once, however many runs were begun there
            failed.add(one.note)
            continue
        try:
            _clear_one(one)
        except BusyError:  # the next command will try again
            busy.add(one.note)
        except Exception:  # a store that can't be used now: a later command will
            failed.add(one.note)
            silent.add(one.place)
    postpone(failed)
    remove_notes({one.note for one in left} - busy - failed)


def _clear_one(one: Unfinished) -> None:
    if one.kind == ARCHIVE:
        from escalation.events.store.folder import ArchiveStore

        try:
            if Path(one.place).is_dir():
                ArchiveStore(Path(one.place), wait=0).clear()
        except StorageError as error:
            if error.code != "E-ARCHIVE":  # one that is damaged won't be whole another day
                raise
        return
    from escalation.tracking import end_runs

    end_runs(one.place, one.name, owner=one.note.stem)
