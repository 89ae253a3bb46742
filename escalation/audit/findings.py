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
        return tuple(finding for check in self.checks for finding in check.findings)

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
            f"{len(self.findings)} leaks found: "
            + "; ".join(finding.says for finding in self.findings),
            where=self.experiment,
            fix="let the column look at the day itself and the days before only",
        )


def findings_of(check: str, moves: Iterable[Moved], because: str, *, of: str = "") -> list[Finding]:
    """Findings from columns that moved, each with the sentence that says so.

    Parameters
    ----------
    because : str
        What was changed, such as ``when only later days changed``.
    of : str
        Of which table, if not of the features.

    Examples
    --------
    >>> one = Moved("events_tomorrow", "taji", "2020-03-10", 3)
    >>> findings_of("truncation", [one], "when only later days changed")[0].says
    'events_tomorrow at taji on 2020-03-10 moved when only later days changed (3 rows)'
    """
    return [
        Finding(check, of + move.column, move.unit, move.day, of + _sentence(move, because))
        for move in moves
    ]


def _sentence(move: Moved, because: str) -> str:
    rows = "1 row" if move.rows == 1 else f"{move.rows} rows"
    if not move.unit:
        return f"column {move.column} came or went {because}"
    if move.column == ROWS_DIFFER:
        return f"the row of {move.unit} on {move.day} came or went {because} ({rows})"
    return f"{move.column} at {move.unit} on {move.day} moved {because} ({rows})"


def merge_results(parts: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """Each check once, each leak once: the first time that it was seen."""
    merged = []
    for check in dict.fromkeys(part.check for part in parts):
        same = [part for part in parts if part.check == check]
        first = {
            finding.what: finding for part in reversed(same) for finding in reversed(part.findings)
        }
        notes = dict.fromkeys(part.note for part in same if part.note)
        findings = tuple(dict(sorted(first.items())).values())
        merged.append(CheckResult(check, sum(p.compared for p in same), findings, "; ".join(notes)))
    return tuple(merged)
