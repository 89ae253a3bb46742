"""The numbers of ``prior``: those of the package, or of the user's own conflicts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from escalation.errors import UsageError
from escalation.models.pool import AVERAGE_DAYS

COEFFICIENT_FILE = Path(__file__).with_name("prior.json")
LARGEST_NUMBERS = 30_000
"""Maximum size of a file of numbers, in bytes."""
TERMS = (
    *(f"tail_{days}d" for days in AVERAGE_DAYS),
    *("tail_mean", "since", "since_of_age", "age", "horizon", "total", "threshold"),
    *("middle_squared", "fast_less_slow_squared", "horizon_middle", "horizon_since"),
    *("horizon_fast_less_slow", "horizon_threshold", "age_middle", "since_middle"),
    *("active_28d", "active_90d", "events_a_day", "observed"),
    *("horizon_active_28d", "horizon_active_90d", "horizon_events_a_day"),
    *("observed_middle", "events_a_day_middle", "observed_age"),
)
"""Inputs of the regression, in the order of its coefficients."""
INPUTS, COEFFICIENTS, STARTS = "inputs", "coefficients", "start"


class LabelNumbers(NamedTuple):
    """Learnt numbers of one label.

    Parameters
    ----------
    coefficients : sequence of float
        The intercept first.
    start : float
        Share of the prior in the pool with the baseline that ``blend`` starts from: over 0, at
        most 1.
    """

    coefficients: Sequence[float]
    start: float


@cache
def packaged_numbers() -> Mapping[str, LabelNumbers]:
    """Numbers by label that come with the package."""
    return checked_numbers(json.loads(COEFFICIENT_FILE.read_text("utf-8")))


def numbers_of(labels: Mapping[str, LabelNumbers]) -> dict[str, Any]:
    """Content of a file of numbers, from numbers by label."""
    return {
        INPUTS: ["intercept", *TERMS],
        STARTS: {label: numbers.start for label, numbers in labels.items()},
        COEFFICIENTS: {label: list(numbers.coefficients) for label, numbers in labels.items()},
    }


def checked_numbers(
    numbers: Mapping[str, Any], *, where: str = "numbers"
) -> dict[str, LabelNumbers]:
    """Check the content of a file of numbers and return it by label.

    Parameters
    ----------
    numbers : mapping
        Content of the file.
    where : str
        File name for the message.

    Raises
    ------
    UsageError
        ``E-CONFIG`` for inputs of another version, or coefficients that are not numbers.
    """
    coefficients, start = numbers.get(COEFFICIENTS), numbers.get(STARTS)
    if (
        numbers.get(INPUTS) != ["intercept", *TERMS]
        or not isinstance(coefficients, Mapping)
        or not isinstance(start, Mapping)
    ):
        raise _numbers_error(where, "not a file of prior numbers with the inputs of this version")
    for label, row in coefficients.items():
        valid = isinstance(row, list) and len(row) == len(TERMS) + 1 and all(map(_is_number, row))
        if not valid:
            raise _numbers_error(where, f"needs {len(TERMS) + 1} numbers for {label}")
        if not _is_number(start.get(label)) or not 0.0 < start[label] <= 1.0:
            raise _numbers_error(where, f"needs a start over 0 and at most 1 for {label}")
    return {label: LabelNumbers(row, start[label]) for label, row in coefficients.items()}


def read_numbers(path: Path) -> dict[str, Any]:
    """Read and check a file written by ``escalation prior``.

    Raises
    ------
    UsageError
        ``E-FILE`` if it can't be read, ``E-CONFIG`` if it is not such a file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_NUMBERS + 1)
        if len(data) > LARGEST_NUMBERS:
            raise OSError(f"it has more than {LARGEST_NUMBERS} bytes")
    except OSError as error:
        raise UsageError(
            "E-FILE",
            f"could not read the numbers of the prior: {error}",
            where=str(path),
            fix="create it with `escalation prior FILES --out my_prior.json`",
        ) from None
    try:
        numbers = json.loads(data)
    except (ValueError, RecursionError):
        numbers = None
    if not isinstance(numbers, dict):
        raise _numbers_error(str(path), "not a JSON file of prior numbers")
    checked_numbers(numbers, where=str(path))
    return numbers


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)


def _numbers_error(where: str, message: str) -> UsageError:
    return UsageError(
        "E-CONFIG",
        message,
        where=where,
        column="numbers",
        fix="create them again with `escalation prior FILES --out my_prior.json`",
    )
