"""The gate of promotion: is a challenger's lead significant on rows that both models forecast?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from escalation import metrics, schema
from escalation.errors import GateError
from escalation.metrics.paired import FORECAST_KEY, with_unit_key
from escalation.metrics.summary import FEWEST_POSITIVES

CHAMPION, CHALLENGER = "champion", "challenger"
"""Aliases of the registered model, and the roles in a comparison."""


@dataclass(frozen=True)
class Lead:
    """Skill over one rival with its 95% interval."""

    over: str
    skill: float | None
    lower: float | None
    upper: float | None

    @property
    def significant(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.lower is not None and self.lower > 0.0

    def __str__(self) -> str:
        if self.skill is None or self.lower is None or self.upper is None:
            return f"skill over {self.over} unknown"
        return f"skill over {self.over} {self.skill:+z.1%} [{self.lower:+.1%}, {self.upper:+.1%}]"


@dataclass(frozen=True)
class Decision:
    """The result of the comparison on common rows.

    Parameters
    ----------
    rows, dates, positives : int
        Common forecasts with a known outcome.
    leads : tuple of Lead
        Over the champion, then over ``ewma_nb``.
    """

    rows: int
    dates: int
    positives: int
    leads: tuple[Lead, ...]

    @property
    def justified(self) -> bool:
        """Whether there are enough positives and every lead is significant."""
        return self.positives >= FEWEST_POSITIVES and all(lead.significant for lead in self.leads)

    def __str__(self) -> str:
        numbers = "; ".join(map(str, self.leads))
        return f"{numbers} ({self.rows} rows, {self.dates} dates, {self.positives} positives)"


def common_rows(by_role: Mapping[str, pd.DataFrame], *, newest: str) -> pd.DataFrame:
    """Forecasts of several models on the rows that all of them have; ``model`` is the role.

    Parameters
    ----------
    by_role : mapping of str to DataFrame
        Forecasts of one model each.
    newest : str
        The role whose table has the outcomes and the units at risk.

    Raises
    ------
    GateError
        ``E-NOT-COMPARABLE`` if they have no row in common.
    """
    tables = {role: with_unit_key(table).set_index(FORECAST_KEY) for role, table in by_role.items()}
    outcomes = tables[newest][[schema.OUTCOME, schema.AT_RISK]]
    joined = [
        table[[schema.UNIT, "probability"]]
        .assign(model=role)
        .join(outcomes, how="inner")
        .reset_index()
        for role, table in tables.items()
    ]
    if any(table.empty for table in joined):
        raise GateError(
            "E-NOT-COMPARABLE",
            "no forecasts of the same label, units and days in common",
            fix="train the challenger over origins that the champion also forecast",
        )
    return pd.concat(joined, ignore_index=True)


def judge(forecasts: pd.DataFrame, *, seed: int = 0) -> Decision:
    """Compare the challenger with the champion and the baseline.

    Parameters
    ----------
    forecasts : DataFrame
        From :func:`common_rows`, of the champion, the challenger and ``ewma_nb``; one label.
    seed : int, optional
        Of the bootstrap.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` if no common row has resolved.
    """
    scores = {
        rival: metrics.skill_by(forecasts, "horizon", reference=rival, seed=seed)
        .set_index("model")
        .loc[CHALLENGER]
        for rival in (CHAMPION, schema.BASELINE)
    }
    leads = tuple(
        Lead(rival, *(_or_none(row[f"skill{end}"]) for end in ("", "_lower", "_upper")))
        for rival, row in scores.items()
    )
    counts = scores[CHAMPION]
    return Decision(int(counts["rows"]), int(counts["dates"]), int(counts["positives"]), leads)


def _or_none(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def require_significant_lead(decision: Decision) -> None:
    """Refuse a lead that may be due to chance.

    Raises
    ------
    GateError
        ``E-NOT-EARNED``, with the numbers.
    """
    if not decision.justified:
        raise GateError(
            "E-NOT-EARNED",
            f"the lead is not significant: both 95% intervals must lie above zero, with at least "
            f"{FEWEST_POSITIVES} positives; got {decision}",
            fix="keep the champion, or override it with --force --reason TEXT",
        )
