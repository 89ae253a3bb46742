"""What an audit found, and the refusal that it ends in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from escalation.audit.laws import ROWS_DIFFER, Moved
from escalation.errors import GateError


@dataclass(frozen=True)
class Finding:
    """A leak: what moved or was used too early, and where.

    Parameters
    ----------
    check : str
        The check that found it.
    what : str
        A column, or a part of the pipeline.
    unit, day : str
        Where; empty if it is everywhere.
    says : str
        The whole sentence.
    """

    check: str
    what: str
    unit: str
    day: str
    says: str


@dataclass(frozen=True)
class CheckResult:
    """A check that was made: how often, what it found, or why it could not be made."""

    check: str
    compared: int
    findings: tuple[Finding, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class AuditReport:
    """All checks of an audit.

    Parameters
    ----------
    experiment : str
    checks : tuple of CheckResult
        Each check once.
    """

    experiment: str
    checks: tuple[CheckResult, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every leak, check by check."""
        return tuple(one for check in self.checks for one in check.findings)

    @property
    def clean(self) -> bool:
        """No check found anything."""
        return not self.findings

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "clean": self.clean}

    def require_clean(self) -> None:
        """Refuse an experiment that leaks.

        Raises
        ------
        GateError
            ``E-LEAK``, with every finding.
        """
        if self.clean:
            return
        raise GateError(
            "E-LEAK",
            f"expected no leak, found {len(self.findings)}: "
            + "; ".join(one.says for one in self.findings),
            where=self.experiment,
            fix="let the column look at the day itself and the days before only",
        )


def findings_of(check: str, moves: Iterable[Moved], because: str, *, of: str = "") -> list[Finding]:
    """Findings from columns that moved, each with the sentence that says so.

    Parameters
    ----------
    because : str
        What was changed, such as ``when only days after it changed``.
    of : str
        Of which table, if not of the features.

    Examples
    --------
    >>> one = Moved("events_tomorrow", "taji", "2020-03-10", 3)
    >>> findings_of("truncation", [one], "when only days after it changed")[0].says
    'events_tomorrow at taji on 2020-03-10 moved when only days after it changed (3 rows)'
    """
    return [
        Finding(check, of + one.column, one.unit, one.day, of + _sentence(one, because))
        for one in moves
    ]


def _sentence(one: Moved, because: str) -> str:
    rows = "1 row" if one.rows == 1 else f"{one.rows} rows"
    if not one.unit:
        return f"column {one.column} came or went {because}"
    if one.column == ROWS_DIFFER:
        return f"the row of {one.unit} on {one.day} came or went {because} ({rows})"
    return f"{one.column} at {one.unit} on {one.day} moved {because} ({rows})"


def merge_results(parts: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """Each check once, each leak once: the first time that it was seen."""
    merged = []
    for check in dict.fromkeys(part.check for part in parts):
        same = [part for part in parts if part.check == check]
        first = {one.what: one for part in reversed(same) for one in reversed(part.findings)}
        notes = dict.fromkeys(part.note for part in same if part.note)
        found = tuple(dict(sorted(first.items())).values())
        merged.append(CheckResult(check, sum(p.compared for p in same), found, "; ".join(notes)))
    return tuple(merged)
