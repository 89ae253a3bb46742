"""The watch list: who is at risk on a day, how sure that is, and which events carry it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logit

from escalation import __version__, schema
from escalation.artifact import Manifest
from escalation.config import Experiment, target_label, target_of
from escalation.errors import GateError, InputError, ModelError
from escalation.events.archive import EventArchive, to_day
from escalation.intervals import TrackRecord
from escalation.table import Prepared, prepare
from escalation.targets import Target

SMALLEST_CONTRIBUTION = 0.005
"""In log-odds; smaller ones are not named."""
CAVEATS = {
    "observed": "",
    "overwritten": "the source keeps only its latest time stamp: known dates are approximate",
    "assumed": "known dates are assumed from a stated lag",
    "event_date": "known dates are taken to be event dates: optimistic",
}


@dataclass(frozen=True)
class Driver:
    """An event that carries a score, and by how much in log-odds."""

    event_id: str
    date: str
    place: str
    event_type: str
    actor: str
    target: str
    killed: int | None
    contribution: float


@dataclass(frozen=True)
class Score:
    """One unit's answer on one day."""

    unit: str
    day: str
    horizon: int
    target: str
    probability: float | None
    lower: float | None
    upper: float | None
    base_rate: float
    status: str
    drivers: tuple[Driver, ...]
    provenance: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Scorer:
    """A model that was read back safely, and what it was.

    Parameters
    ----------
    model : estimator
    manifest : Manifest
    reference : str
        Where it came from, such as ``iraq_crisis@champion v1``.
    model_hash : str
    """

    model: Any
    manifest: Manifest
    reference: str
    model_hash: str

    @property
    def experiment(self) -> Experiment:
        """The experiment that it was trained by."""
        return Experiment(**self.manifest.experiment)

    @property
    def target(self) -> Target:
        """The label that it answers."""
        return target_of(self.manifest.target)

    def probabilities(self, prepared: Prepared) -> pd.DataFrame:
        """Probability and risk set of every unit that was known on the last day."""
        target, day = self.target, len(prepared.days) - 1
        back = prepared.back(target)
        known = prepared.labels_at(target, back, prepared.days[-1])
        units = np.nonzero(prepared.vintages.present[:, day])[0]
        table = prepared.table(back, known, (units, np.full(len(units), day)))
        X = checked_input(table.X, self.manifest.columns)
        frame = pd.DataFrame({"probability": np.nan, "at_risk": table.at_risk}, index=table.X.index)
        if len(X):
            frame["probability"] = self.model.predict_proba(X)[:, 1]
        return frame.droplevel(schema.DAY)

    def on(self, archive: EventArchive, day: object) -> pd.DataFrame:
        """Probabilities on a day, from what was known by then."""
        prepared = prepare(
            archive, self.experiment, self.target, last_day=to_day(day), latest_only=True
        )
        return self.probabilities(prepared)


def checked_input(X: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Input columns in the model's order, or a refusal that names columns and counts only.

    Raises
    ------
    ModelError
        ``E-SCHEMA`` when a column is missing.
    InputError
        ``E-NOT-FINITE`` when a value is missing or infinite.
    """
    missing = [name for name in columns if name not in X]
    if missing:
        raise ModelError(
            "E-SCHEMA",
            f"expected {len(columns)} columns, {len(missing)} are missing",
            column=missing[0],
        )
    X = X[columns].astype(np.float64)
    bad = ~np.isfinite(X.to_numpy()).all(axis=0)
    if bad.any():
        raise InputError(
            "E-NOT-FINITE", f"expected finite numbers, {int(bad.sum())} columns have others",
            column=str(X.columns[bad][0]),
        )  # fmt: skip
    return X


def check_day(
    scorer: Scorer, archive: EventArchive, day: np.datetime64, *, in_sample: bool
) -> None:
    """Refuse a day that the archive does not cover or that the model has already seen.

    Raises
    ------
    InputError
        ``E-COVERAGE`` beyond the data.
    GateError
        ``E-IN-SAMPLE`` before the end of the model's training, unless allowed.
    """
    archive.as_of(day)
    trained_to = to_day(scorer.manifest.trained_to)
    if day < trained_to and not in_sample:
        raise GateError(
            "E-IN-SAMPLE",
            f"expected a day from {trained_to}, up to which the model has learned",
            column="as_of",
            value=day,
            fix="use `escalation replay --as-of`, which fits on what was known then, "
            "or --allow-in-sample",
        )


def drivers_of(scorer: Scorer, archive: EventArchive, day: np.datetime64, base: pd.DataFrame,
               *, most: int) -> dict[str, tuple[Driver, ...]]:  # fmt: skip
    """Events whose removal changes a score the most, by unit.

    Every event known on the day is taken away in turn and all units are scored again.
    """
    known = archive.until(day)
    events = known.as_of(day)
    odds = logit(base["probability"])
    changes = np.zeros((len(events), len(base)))
    for row, event in enumerate(events[[schema.EVENT_ID, schema.SOURCE]].itertuples(index=False)):
        without = scorer.on(known.without(event.event_id, event.source), day)
        other = without["probability"].reindex(base.index)
        change = odds - logit(other)
        changes[row] = change.fillna(0.0).to_numpy()
    named = {}
    for column, unit in enumerate(base.index):
        top = np.argsort(-np.abs(changes[:, column]), kind="stable")[:most]
        large = [i for i in top if abs(changes[i, column]) >= SMALLEST_CONTRIBUTION]
        named[str(unit)] = tuple(_driver(events.iloc[i], changes[i, column]) for i in large)
    return named


def _driver(event: pd.Series, contribution: float) -> Driver:
    def text(column: str) -> str:
        return "" if pd.isna(event[column]) else str(event[column])

    return Driver(
        event_id=text(schema.EVENT_ID),
        date=f"{event[schema.EVENT_DATE]:%Y-%m-%d}",
        place=text(schema.SITE) or text(schema.ADMIN1) or text(schema.COUNTRY),
        event_type=text(schema.EVENT_TYPE),
        actor=text(schema.ACTOR),
        target=text(schema.TARGET),
        killed=None if pd.isna(event[schema.KILLED]) else int(event[schema.KILLED]),
        contribution=float(contribution),
    )


def score(
    scorer: Scorer,
    archive: EventArchive,
    *,
    as_of: object = None,
    allow_in_sample: bool = False,
    explain: int = 3,
) -> list[Score]:
    """The ranked watch list of a day.

    Parameters
    ----------
    scorer : Scorer
    archive : EventArchive
    as_of : date-like, optional
        The experiment's last day, or the archive's, by default.
    allow_in_sample : bool
        Score a day that the model has learned from; such scores look better than they are.
    explain : int
        Named events per unit; 0 is faster.

    Returns
    -------
    list of Score
        Every unit that was known on the day, highest probability first.
    """
    day = to_day(as_of or scorer.experiment.data.last_day or archive.covered_to)
    check_day(scorer, archive, day, in_sample=allow_in_sample)
    base = scorer.on(archive, day)
    drivers = drivers_of(scorer, archive, day, base, most=explain) if explain else {}
    track = TrackRecord.of(scorer.manifest.record)
    lower, upper = track.interval(base["probability"].to_numpy())
    stamp = provenance(scorer, archive, day)
    rates = scorer.manifest.base_rate
    scores = []
    for row, (unit, at_risk) in enumerate(zip(base.index, base["at_risk"], strict=True)):
        shown: tuple[float | None, float | None, float | None] = (None, None, None)
        if at_risk:
            shown = (float(base["probability"].iloc[row]), float(lower[row]), float(upper[row]))
        scores.append(
            Score(
                str(unit), str(day), scorer.target.horizon, target_label(scorer.target), *shown,
                base_rate=float(rates["units"].get(str(unit), rates["pool"])),
                status="ok" if at_risk else "not at risk: the question does not arise here today",
                drivers=drivers.get(str(unit), ()), provenance=stamp,
            )
        )  # fmt: skip
    return sorted(scores, key=lambda one: (-(one.probability or -1.0), one.unit))


def provenance(scorer: Scorer, archive: EventArchive, day: np.datetime64) -> dict[str, Any]:
    """Where a score comes from: enough to make it again."""
    manifest = scorer.manifest
    return {
        "model": scorer.reference,
        "family": manifest.family,
        "model_hash": scorer.model_hash,
        "trained_to": manifest.trained_to,
        "training_data": manifest.data_digest,
        "scored_data": archive.until(day).digest,
        "as_of": str(day),
        "known_dates": archive.known_basis,
        "caveat": CAVEATS[archive.known_basis],
        "experiment": scorer.experiment.digest,
        "version": __version__,
    }
