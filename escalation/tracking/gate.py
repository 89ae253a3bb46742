"""The gate of promotion: is a challenger's lead real, on rows that both forecast?"""

from __future__ import annotations

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
    def real(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.lower is not None and self.lower > 0.0

    def __str__(self) -> str:
        if self.skill is None or self.lower is None or self.upper is None:
            return f"skill over {self.over} unknown"
        return f"skill over {self.over} {self.skill:+z.1%} [{self.lower:+.1%}, {self.upper:+.1%}]"


@dataclass(frozen=True)
class Decision:
    """What the comparison on common rows says.

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
    def earned(self) -> bool:
        """Enough positives, and every lead real."""
        return self.positives >= FEWEST_POSITIVES and all(lead.real for lead in self.leads)

    def __str__(self) -> str:
        numbers = "; ".join(map(str, self.leads))
        return f"{numbers} ({self.rows} rows, {self.dates} dates, {self.positives} positives)"


def common_rows(
    challenger: pd.DataFrame, champion: pd.DataFrame, baseline: pd.DataFrame
) -> pd.DataFrame:
    """Three models' forecasts under their roles, on rows that all of them have.

    Outcomes, and who was at risk, are taken from the challenger's table: the later one knows more.

    Parameters
    ----------
    challenger, champion, baseline : DataFrame
        Forecasts of one model each.

    Raises
    ------
    GateError
        ``E-NOT-COMPARABLE`` when they have no row in common.
    """
    truth = with_unit_key(challenger).set_index(FORECAST_KEY)[[schema.OUTCOME, schema.AT_RISK]]
    parts = []
    for role, table in (
        (CHALLENGER, challenger),
        (CHAMPION, champion),
        (schema.BASELINE, baseline),
    ):
        rows = with_unit_key(table).set_index(FORECAST_KEY)
        probabilities = rows[[schema.UNIT, "probability"]].assign(model=role)
        parts.append(probabilities.join(truth, how="inner").reset_index())
    if any(part.empty for part in parts):
        raise GateError(
            "E-NOT-COMPARABLE",
            "no forecasts of the same label, units and days in common",
            fix="train the challenger over origins that the champion also forecast",
        )
    return pd.concat(parts, ignore_index=True)


def judge(forecasts: pd.DataFrame, *, seed: int = 0) -> Decision:
    """Whether a challenger has earned the place, from :func:`common_rows`.

    Parameters
    ----------
    forecasts : DataFrame
        Of the models ``challenger``, ``champion`` and ``ewma_nb``, one label.
    seed : int, optional
        Of the bootstrap.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` when no common row has resolved.
    """
    tables = {
        rival: metrics.skill_by(forecasts, "horizon", reference=rival, seed=seed)
        .set_index("model")
        .loc[CHALLENGER]
        for rival in (CHAMPION, schema.BASELINE)
    }
    row = tables[CHAMPION]
    leads = tuple(
        Lead(rival, *(_known(table[f"skill{end}"]) for end in ("", "_lower", "_upper")))
        for rival, table in tables.items()
    )
    return Decision(int(row["rows"]), int(row["dates"]), int(row["positives"]), leads)


def _known(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def require_earned(decision: Decision) -> None:
    """Refuse a lead that chance explains.

    Raises
    ------
    GateError
        ``E-NOT-EARNED``, with the numbers.
    """
    if not decision.earned:
        raise GateError(
            "E-NOT-EARNED",
            f"expected both 95% intervals above zero and {FEWEST_POSITIVES} positives, "
            f"got {decision}",
            fix="keep the champion, or override it with --force --reason TEXT",
        )
