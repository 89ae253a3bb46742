"""The ledger: every forecast that was issued, in order, each line bound to the one before.

A line is JSON with ``forecast``, ``issued_at``, ``previous`` and ``hash``, where ``hash`` is the
SHA-256 of the previous line's hash and of what this line says. Whoever changes, swaps, inserts or
removes a line breaks every hash that follows. Only cutting lines off at the end leaves no trace
inside the file: note the last hash elsewhere, and :func:`require_kept` holds the file to it.

The same forecast is not written twice: one whose every value and provenance is in the ledger
already is left out, whenever it was issued again.
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
"""Stands for the hash before the first line."""
FIELDS = {"forecast", "issued_at", "previous", "hash"}


def ledger_path(store: Path | None) -> Path:
    """Where the ledger of a store lies: in a folder beside it, or in the working folder.

    Examples
    --------
    >>> ledger_path(Path("work/mlflow.db")).as_posix(), ledger_path(None).as_posix()
    ('work/.escalation/ledger.jsonl', '.escalation/ledger.jsonl')
    """
    return (store.parent if store else Path()) / ".escalation" / "ledger.jsonl"


@dataclass(frozen=True)
class Entry:
    """A line of the ledger.

    Parameters
    ----------
    forecast : mapping
        Plain data, with its provenance.
    issued_at : str
        Time of the machine that issued it, UTC, ISO.
    previous, hash : str
    """

    forecast: Mapping[str, Any]
    issued_at: str
    previous: str
    hash: str

    @property
    def line(self) -> str:
        """The one way to write it."""
        return canonical({name: getattr(self, name) for name in FIELDS})


def canonical(value: object) -> str:
    """JSON in one spelling only: sorted keys, no spaces, no NaN.

    Examples
    --------
    >>> canonical({"b": 0.1, "a": None})
    '{"a":null,"b":0.1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def chained(forecast: Mapping[str, Any], issued_at: str, previous: str) -> Entry:
    """The entry that follows a hash.

    Parameters
    ----------
    forecast : mapping
        Plain data.
    issued_at : str
        ISO time, UTC.
    previous : str
        Hash of the entry before.
    """
    text = canonical({"forecast": forecast, "issued_at": issued_at})
    return Entry(forecast, issued_at, previous, sha256((previous + text).encode()).hexdigest())


def read_ledger(path: Path) -> list[Entry]:
    """Every entry, once the whole chain holds; none where there is no file.

    Raises
    ------
    InputError
        ``E-LEDGER`` naming the first line that was changed, or the end if it was cut off.
    StorageError
        ``E-STORAGE`` when the file can't be read.
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
        raise _changed(f"{path}:{len(lines)}", "expected a whole line")
    return entries


def _checked(line: bytes, previous: str, where: str) -> Entry:
    try:
        table = json.loads(line)
        if not isinstance(table, dict) or set(table) != FIELDS:
            raise _changed(where, f"expected the fields {', '.join(sorted(FIELDS))}")
        entry = chained(table["forecast"], table["issued_at"], previous)
    except (ValueError, TypeError, RecursionError):
        raise _changed(where, "expected a line of JSON") from None
    if entry.line.encode() != line or not isinstance(entry.forecast, dict):
        raise _changed(where, "expected a line that follows from the one before; it was changed")
    return entry


def require_kept(entries: Sequence[Entry], newest: str, path: Path) -> int:
    """Refuse a ledger that lacks a line that it once ended with; how many were issued since.

    Parameters
    ----------
    entries : sequence of Entry
        Of the ledger, from :func:`read_ledger`.
    newest : str
        Hash that was noted when a forecast was issued.
    path : Path
        For the message.

    Raises
    ------
    UsageError
        ``E-USAGE`` for what is no such hash.
    InputError
        ``E-LEDGER`` where lines were cut off, or all of them, or this is an older copy.
    """
    if not re.fullmatch("[0-9a-f]{64}", newest):
        raise UsageError(
            "E-USAGE", "needs the 64 digits that `escalation score` printed last", value=newest
        )
    for since, entry in enumerate(reversed(entries)):
        if entry.hash == newest:
            return since
    if not entries:
        trouble = "the ledger is empty or gone, and once held forecasts"
    else:
        trouble = (
            f"the ledger ends with line {len(entries)}, issued {entries[-1].issued_at}, and lacks "
            "the line with the expected hash: its end was cut off, or this is an older copy, or "
            "another ledger"
        )
    raise _changed(str(path), trouble)


def _changed(where: str, message: str) -> InputError:
    fix = "restore the ledger from a copy, or name another with --ledger"
    return InputError("E-LEDGER", message, where=where, fix=fix)


def append(
    path: Path, forecasts: Iterable[Mapping[str, Any]], *, now: dt.datetime | None = None
) -> str:
    """Add the forecasts that the ledger does not hold yet, all or none; the newest line's hash.

    Parameters
    ----------
    path : Path
        Made, with its folder, if need be.
    forecasts : iterable of mapping
        Plain data; no NaN.
    now : datetime, optional
        Time of issue; the machine's by default.

    Returns
    -------
    str
        To keep elsewhere: with :func:`require_kept` it tells whether lines were cut off since.

    Raises
    ------
    InputError
        ``E-LEDGER``: nothing is built on a broken chain.
    StorageError, BusyError
        ``E-STORAGE``, ``E-BUSY``; the ledger is as it was.
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
    held = {canonical(entry.forecast) for entry in entries}
    last = entries[-1].hash if entries else FIRST
    added: list[Entry] = []
    for forecast in forecasts:
        text = canonical(forecast)
        if text not in held:
            held.add(text)
            added.append(chained(json.loads(text), stamp, last))
            last = added[-1].hash
    if added:
        with replacing(path) as part:
            text = "".join(f"{entry.line}\n" for entry in [*entries, *added])
            part.write_text(text, encoding="utf-8")
    return last


class ForecastSeries(NamedTuple):
    """Forecasts that continue one another: of one registered model, label and horizon.

    Parameters
    ----------
    model, target : str
        Registered name and label.
    horizon : int
        In days.
    """

    model: str
    target: str
    horizon: int

    def of(self, entries: Iterable[Entry]) -> Iterator[Mapping[str, Any]]:
        """Its forecasts with a probability, in the order of issue."""
        for entry in entries:
            forecast = entry.forecast
            series = (_model(forecast), forecast.get("target"), forecast.get("horizon"))
            if series == self and forecast.get("probability") is not None:
                yield forecast


def registered_name(reference: str) -> str:
    """Name of a model without its alias and version.

    Examples
    --------
    >>> registered_name("iraq_crisis.any_7d@champion v3")
    'iraq_crisis.any_7d'
    """
    return reference.partition("@")[0]


def _model(forecast: Mapping[str, Any]) -> str:
    return registered_name(str(forecast.get("provenance", {}).get("model", "")))


def issued_before(
    entries: Iterable[Entry], series: ForecastSeries, *, day: str
) -> dict[str, tuple[str, float]]:
    """Each unit's latest forecast before a day: the day it was about, the probability.

    Of several for one day, the one issued last.

    Parameters
    ----------
    entries : iterable of Entry
        In the order of issue.
    series : ForecastSeries
        No other model's forecast is compared with.
    day : str
        ISO; only forecasts for earlier days count.

    Returns
    -------
    dict of str to (str, float)
        Day and probability by the key of the unit.
    """
    latest: dict[str, tuple[str, float]] = {}
    for forecast in series.of(entries):
        unit, about = forecast[schema.UNIT_KEY], forecast[schema.DAY]
        if about < day and (unit not in latest or latest[unit][0] <= about):
            latest[unit] = about, forecast["probability"]
    return latest
