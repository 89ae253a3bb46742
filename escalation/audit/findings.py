"""What an audit found, and the error for an experiment that leaks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from escalation.audit.laws import ROWS_DIFFER, Difference
from escalation.errors import GateError


@dataclass(frozen=True)
class Finding:
    """A leak: what changed or was used too early, and where.

    Parameters
    ----------
    check : str
        The check that found it.
    what : str
        A column, or a part of the pipeline.
    unit, day : str
        Where; empty if everywhere.
    says : str
        The finding as a sentence.
    """

    check: str
    what: str
    unit: str
    day: str
    says: str


@dataclass(frozen=True)
class CheckResult:
    """Result of a check: the number of comparisons, the findings, or why it was skipped."""

    check: str
    compared: int
    findings: tuple[Finding, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class AuditReport:
    """All results of an audit, one per check."""

    experiment: str
    checks: tuple[CheckResult, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every leak, check by check."""
        return tuple(finding for check in self.checks for finding in check.findings)

    @property
    def clean(self) -> bool:
        """True if no check found anything."""
        return not self.findings

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "clean": self.clean}

    def require_clean(self) -> None:
        """Raise if the experiment leaks.

        Raises
        ------
        GateError
            ``E-LEAK``, with every finding.
        """
        if self.clean:
            return
        sentences = "; ".join(finding.says for finding in self.findings)
        raise GateError(
            "E-LEAK",
            f"{len(self.findings)} leaks found: {sentences}",
            where=self.experiment,
            fix="let the column use only the day itself and earlier days",
        )


def findings_of(
    check: str, differences: Iterable[Difference], because: str, *, of: str = ""
) -> list[Finding]:
    """Findings from columns that differ, each with a sentence.

    Parameters
    ----------
    check : str
    differences : iterable of Difference
    because : str
        What was changed, such as ``when only later days changed``.
    of : str
        Prefix for the table, if the columns are not features.

    Examples
    --------
    >>> difference = Difference("events_tomorrow", "taji", "2020-03-10", 3)
    >>> findings_of("truncation", [difference], "when only later days changed")[0].says
    'events_tomorrow at taji on 2020-03-10 moved when only later days changed (3 rows)'
    """
    return [
        Finding(check, of + row.column, row.unit, row.day, of + _sentence(row, because))
        for row in differences
    ]


def _sentence(difference: Difference, because: str) -> str:
    column, unit, day, count = difference
    rows = "1 row" if count == 1 else f"{count} rows"
    if not unit:
        return f"column {column} appeared or disappeared {because}"
    if column == ROWS_DIFFER:
        return f"the row of {unit} on {day} appeared or disappeared {because} ({rows})"
    return f"{column} at {unit} on {day} moved {because} ({rows})"


def merge_results(results: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """One result per check, with the first finding for each column or part."""
    merged = []
    for check in dict.fromkeys(result.check for result in results):
        same = [result for result in results if result.check == check]
        first: dict[str, Finding] = {}
        for finding in (finding for result in same for finding in result.findings):
            first.setdefault(finding.what, finding)
        notes = dict.fromkeys(result.note for result in same if result.note)
        findings = tuple(first[what] for what in sorted(first))
        compared = sum(result.compared for result in same)
        merged.append(CheckResult(check, compared, findings, "; ".join(notes)))
    return tuple(merged)
