"""The ledger: a hash chain of every issued forecast, in order.

A line is JSON with ``forecast``, ``issued_at``, ``previous`` and ``hash``, where ``hash`` is the
SHA-256 of the previous line's hash followed by this line's forecast and time. Changing, swapping,
inserting or removing a line breaks every later hash. Only truncation leaves no trace in the file:
keep the last hash elsewhere and check it with :func:`issued_since`.

A forecast whose every value and provenance is in the ledger already is not written again.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from escalation import schema
from escalation._util.files import locked, make_folder, replacing
from escalation.errors import InputError, StorageError, UsageError

FIRST = "0" * 64
"""The previous hash of the first line."""
FIELDS = {"forecast", "issued_at", "previous", "hash"}


def ledger_path(store: Path | None) -> Path:
    """Path of a store's ledger: in a folder next to it, or in the working directory.

    Examples
    --------
    >>> ledger_path(Path("work/mlflow.db")).as_posix(), ledger_path(None).as_posix()
    ('work/.escalation/ledger.jsonl', '.escalation/ledger.jsonl')
    """
    return (store.parent if store else Path()) / ".escalation" / "ledger.jsonl"


@dataclass(frozen=True)
class Entry:
    """A line of the ledger: a forecast with its provenance, and its time of issue (UTC, ISO)."""

    forecast: Mapping[str, Any]
    issued_at: str
    previous: str
    hash: str

    @property
    def line(self) -> str:
        """The entry as canonical JSON."""
        return canonical(vars(self))


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces; NaN is an error.

    Examples
    --------
    >>> canonical({"b": 0.1, "a": None})
    '{"a":null,"b":0.1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def chained(forecast: Mapping[str, Any], issued_at: str, previous: str) -> Entry:
    """A new entry of the chain.

    Parameters
    ----------
    forecast : mapping
        Plain data.
    issued_at : str
        ISO time, UTC.
    previous : str
        Hash of the previous entry.
    """
    text = canonical({"forecast": forecast, "issued_at": issued_at})
    return Entry(forecast, issued_at, previous, sha256((previous + text).encode()).hexdigest())


def read_ledger(path: Path) -> list[Entry]:
    """All entries, after verifying the whole chain; none if there is no file.

    Raises
    ------
    InputError
        ``E-LEDGER`` with the first changed line, or the last one if it is incomplete.
    StorageError
        ``E-STORAGE`` if the file can't be read.
    """
    try:
        lines = path.read_bytes().split(b"\n") if path.exists() else [b""]
    except OSError as error:
        raise StorageError(
            "E-STORAGE", f"could not read the ledger: {error.strerror}", where=str(path)
        ) from error
    entries: list[Entry] = []
    last = FIRST
    for number, line in enumerate(lines[:-1], start=1):
        entries.append(_checked(line, last, f"{path}:{number}"))
        last = entries[-1].hash
    if lines[-1]:
        raise _changed(f"{path}:{len(lines)}", "incomplete line")
    return entries


def _checked(line: bytes, previous: str, where: str) -> Entry:
    try:
        table = json.loads(line)
        if not isinstance(table, dict) or set(table) != FIELDS:
            raise _changed(where, f"needs the fields {', '.join(sorted(FIELDS))}")
        entry = chained(table["forecast"], table["issued_at"], previous)
    except (ValueError, TypeError, RecursionError):
        raise _changed(where, "invalid JSON") from None
    if entry.line.encode() != line or not isinstance(entry.forecast, dict):
        raise _changed(where, "the hash doesn't match: this line or the one before was changed")
    return entry


def issued_since(entries: Sequence[Entry], newest: str, path: Path) -> int:
    """Number of entries after the one with a known hash, which must still be there.

    Parameters
    ----------
    entries : sequence of Entry
        From :func:`read_ledger`.
    newest : str
        Hash that was the ledger's last one once.
    path : Path
        Quoted in errors.

    Raises
    ------
    UsageError
        ``E-USAGE`` for anything but 64 hexadecimal digits.
    InputError
        ``E-LEDGER`` if no entry has this hash: the ledger was truncated, or is an older copy.
    """
    if not re.fullmatch("[0-9a-f]{64}", newest):
        raise UsageError(
            "E-USAGE", "needs the 64-digit hash that `escalation score` printed", value=newest
        )
    for count, entry in enumerate(reversed(entries)):
        if entry.hash == newest:
            return count
    if not entries:
        raise _changed(str(path), "the ledger is empty or gone, but it once held forecasts")
    raise _changed(
        str(path),
        f"the ledger ends with line {len(entries)}, issued {entries[-1].issued_at}, and no line "
        "has the expected hash: its end was cut off, or this is an older copy or another ledger",
    )


def _changed(where: str, message: str) -> InputError:
    fix = "restore the ledger from a copy, or use another with --ledger"
    return InputError("E-LEDGER", message, where=where, fix=fix)


def append(
    path: Path, forecasts: Iterable[Mapping[str, Any]], *, now: dt.datetime | None = None
) -> str:
    """Add the forecasts that the ledger doesn't hold yet, all or none.

    Parameters
    ----------
    path : Path
        Created, with its folder, if missing.
    forecasts : iterable of mapping
        Plain data; no NaN.
    now : datetime, optional
        Time of issue; the machine's by default.

    Returns
    -------
    str
        Hash of the last line. Keep it elsewhere: :func:`issued_since` detects truncation with it.

    Raises
    ------
    InputError
        ``E-LEDGER`` if the chain is broken.
    StorageError, BusyError
        ``E-STORAGE``, ``E-BUSY``; the ledger is unchanged.
    """
    stamp = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).isoformat(timespec="seconds")
    try:
        make_folder(path.parent)
        with locked(path):
            return _append(path, forecasts, stamp)
    except OSError as error:
        raise StorageError(
            "E-STORAGE", f"could not write the ledger: {error.strerror}", where=str(path)
        ) from error


def _append(path: Path, forecasts: Iterable[Mapping[str, Any]], stamp: str) -> str:
    entries = read_ledger(path)
    count = len(entries)
    existing = {canonical(entry.forecast) for entry in entries}
    last = entries[-1].hash if entries else FIRST
    for text in map(canonical, forecasts):
        if text not in existing:
            existing.add(text)
            entries.append(chained(json.loads(text), stamp, last))
            last = entries[-1].hash
    if len(entries) > count:
        with replacing(path) as part:
            part.write_text("".join(f"{entry.line}\n" for entry in entries), encoding="utf-8")
    return last


class ForecastSeries(NamedTuple):
    """Comparable forecasts: of one registered model, label and horizon in days."""

    model: str
    target: str
    horizon: int

    def of(self, entries: Iterable[Entry]) -> Iterator[Mapping[str, Any]]:
        """The series' forecasts with a probability, in the order of issue."""
        for entry in entries:
            forecast = entry.forecast
            model = registered_name(str(forecast.get("provenance", {}).get("model", "")))
            series = (model, forecast.get("target"), forecast.get("horizon"))
            if series == self and forecast.get("probability") is not None:
                yield forecast


def registered_name(reference: str) -> str:
    """A model's name without alias and version.

    Examples
    --------
    >>> registered_name("iraq_crisis.any_7d@champion v3")
    'iraq_crisis.any_7d'
    """
    return reference.partition("@")[0]


def issued_before(
    entries: Iterable[Entry], series: ForecastSeries, *, day: str
) -> dict[str, tuple[str, float]]:
    """Each unit's latest forecast before a day.

    Of several forecasts for one day, the one issued last counts.

    Parameters
    ----------
    entries : iterable of Entry
        In the order of issue.
    series : ForecastSeries
    day : str
        ISO; forecasts for this day and later ones are ignored.

    Returns
    -------
    dict of str to (str, float)
        Day and probability by unit key.
    """
    latest: dict[str, tuple[str, float]] = {}
    for forecast in series.of(entries):
        unit, about = forecast[schema.UNIT_KEY], forecast[schema.DAY]
        if about < day and (unit not in latest or latest[unit][0] <= about):
            latest[unit] = about, forecast["probability"]
    return latest
