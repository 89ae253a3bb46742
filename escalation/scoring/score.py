"""The watch list of a day: probabilities, intervals, statuses and the events behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from escalation import __version__, schema
from escalation.backtest.intervals import TrackRecord
from escalation.errors import GateError, InputError, ModelError
from escalation.events.archive import EventArchive, to_day
from escalation.events.units import UnitName, shown_names
from escalation.experiment import target_label
from escalation.metrics.summary import FEWEST_POSITIVES
from escalation.models.counts import CountMixture, count_forecast
from escalation.scoring.counterfactual import Counterfactual
from escalation.scoring.explain import drivers_of, events_to, families_of
from escalation.scoring.scorer import Scorer, ScoringInputs
from escalation.scoring.status import (
    IN_SAMPLE,
    NEW_UNIT,
    NO_HISTORY,
    NOT_AT_RISK,
    NOT_VERIFIED,
    STALE,
    UNSEEN_TYPE,
    calibration_status,
    statuses,
)
from escalation.scoring.watchlist import Score, alerted, compared, ranked

STALE_AFTER = 30
"""Days without news after which the source may have stopped."""
CAVEATS = {
    "observed": "",
    "overwritten": "the source keeps only its latest time stamp: known dates are approximate",
    "assumed": "known dates are assumed from a stated lag",
    "event_date": "known dates are taken to be event dates: optimistic",
}


def _refuse_in_sample(scorer: Scorer, day: np.datetime64) -> None:
    trained_to = scorer.manifest.trained_to
    if day < to_day(trained_to):
        raise GateError(
            "E-IN-SAMPLE",
            f"the model was trained on data up to {trained_to}: it can score that day and later "
            "ones only",
            column="as_of",
            value=day,
            fix="use `escalation replay --as-of`, which fits on the data then available, "
            "or --allow-in-sample",
        )


def _age_of_news(archive: EventArchive, *, today: object) -> int:
    """Days from the newest version to the archive's last day, or to today if that is later."""
    known = archive.versions[schema.KNOWN_DATE]
    day = archive.covered_to
    if known.empty:
        raise InputError(
            "E-EMPTY", "no event was known by that day", value=day, fix="choose a later day"
        )
    return int((max(day, to_day(today or day)) - to_day(known.max())).astype(int))


def scored_day(scorer: Scorer, archive: EventArchive, as_of: object = None) -> np.datetime64:
    """The requested day; by default the experiment's last one, or the archive's.

    Parameters
    ----------
    scorer : Scorer
    archive : EventArchive
    as_of : date-like, optional
    """
    last = scorer.experiment.data.last_day or archive.covered_to
    return to_day(last if as_of is None else as_of)


def score(
    scorer: Scorer,
    archive: EventArchive,
    *,
    as_of: object = None,
    allow_in_sample: bool = False,
    explain: int = 3,
    budget: int | None = None,
    previous: Mapping[str, tuple[str, float]] | None = None,
    stale_after: int = STALE_AFTER,
    today: object = None,
) -> list[Score]:
    """The ranked watch list of a day.

    Parameters
    ----------
    scorer : Scorer
    archive : EventArchive
    as_of : date-like, optional
        The experiment's last day, or the archive's, by default.
    allow_in_sample : bool
        Score a day that the model was trained on; such scores look better than they are.
    explain : int
        Events to name per unit; 0 skips all explanations.
    budget : int, optional
        How many units may raise an alert; the unit of all events never does.
    previous : mapping of str to (str, float), optional
        Day and probability to compare with, by unit key, as returned by
        :func:`escalation.scoring.ledger.issued_before`. For other units, the same model's score
        of the day before.
    stale_after : int
        Days without news, up to the scored day, from which rows are marked stale.
    today : date-like, optional
        Count those days up to today instead, for a list that is meant for now.

    Returns
    -------
    list of Score
        Every unit known on the day or to the model, highest probability first.

    Raises
    ------
    GateError
        ``E-IN-SAMPLE`` for a day before the end of training.
    InputError
        ``E-COVERAGE`` for a day that the archive doesn't cover, ``E-EMPTY`` if no event is known.
    """
    day = scored_day(scorer, archive, as_of)
    archive = archive.until(day)
    if not allow_in_sample:
        _refuse_in_sample(scorer, day)
    age = _age_of_news(archive, today=today)
    inputs = scorer.inputs(archive, day)
    counterfactual = Counterfactual(scorer, inputs)
    shared = (
        IN_SAMPLE if day < to_day(scorer.manifest.trained_to) else None,
        STALE.format(age) if age > stale_after else None,
    )
    rows = _rows(counterfactual, shared)
    rows = compared(ranked(rows), _before(scorer, inputs, previous or {}))
    rows = alerted(rows, budget)
    return _explained(rows, counterfactual, most=explain) if explain else rows


def _rows(counterfactual: Counterfactual, shared: Sequence[str | None]) -> list[Score]:
    """A row per unit known on the day or to the model; ``shared`` statuses go on every row."""
    scorer, inputs = counterfactual.scorer, counterfactual.inputs
    rates = scorer.manifest.base_rate
    with _from_manifest("a track record", "record"):
        record = TrackRecord.of(scorer.manifest.record)
    verified = record.positives >= FEWEST_POSITIVES
    unverified = None if verified else NOT_VERIFIED.format(record.positives, record.resolved)
    stamp = _provenance(scorer, inputs)
    lower, upper = record.interval(inputs.probability)
    counts = _counts(scorer, inputs)
    about = (str(inputs.day), scorer.target.horizon, target_label(scorer.target))
    unseen = _unseen_types(counterfactual)
    absent = sorted(set(rates["units"]) - set(inputs.unit_keys))
    units = [*inputs.past.unit_names, *(UnitName(key, *rates["names"][key]) for key in absent)]
    rows = []
    for i, (unit, name) in enumerate(zip(units, shown_names(units), strict=True)):
        rate = float(rates["units"].get(unit.key, rates["pool"]))
        row = Score(name, *about, None, None, None, rate, (), (), stamp, unit_key=unit.key)
        if i >= len(inputs.units):
            rows.append(replace(row, status=statuses(NO_HISTORY, *shared)))
            continue
        new = None if unit.key in rates["units"] else NEW_UNIT
        unseen_types = UNSEEN_TYPE.format(", ".join(unseen[i])) if unseen[i] else None
        if not inputs.at_risk[i]:
            status = statuses(NOT_AT_RISK, new, unseen_types, *shared)
            rows.append(replace(row, status=status))
            continue
        off = calibration_status(inputs.probability[i], lower[i], upper[i])
        rows.append(
            replace(
                row,
                status=statuses(new, unseen_types, *shared, off, unverified),
                probability=float(inputs.probability[i]),
                lower=float(lower[i]),
                upper=float(upper[i]),
                **counts[i],
                no_information=verified and not scorer.manifest.informative,
            )
        )
    return rows


def _counts(scorer: Scorer, inputs: ScoringInputs) -> list[dict[str, Any]]:
    """Expected number of events and its 80% range, by unit; empty if the label counts none."""
    if not scorer.manifest.counts or not len(inputs.X):
        return [{}] * len(inputs.X)
    with _from_manifest("a mixture of counts", "counts"):
        mixture = CountMixture.of(scorer.manifest.counts)
    threshold = inputs.X[schema.THRESHOLD].to_numpy(np.float64)
    ahead = count_forecast(mixture, inputs.X, probability=inputs.probability, threshold=threshold)
    ends = zip(ahead.expected, ahead.low, ahead.high, strict=True)
    return [{"expected": float(e), "count_low": int(a), "count_high": int(b)} for e, a, b in ends]


@contextmanager
def _from_manifest(what: str, column: str) -> Iterator[None]:
    """Turn errors about a part of the manifest into ``E-MODEL-MANIFEST``."""
    try:
        yield
    except (LookupError, TypeError, ValueError) as error:
        raise ModelError(
            "E-MODEL-MANIFEST",
            f"expected {what} of finite numbers",
            column=column,
            fix="train again",
        ) from error


def _unseen_types(counterfactual: Counterfactual) -> list[list[str]]:
    """Event types by unit that were not known by the end of training."""
    known = counterfactual.scorer.manifest.event_types
    unseen: list[set[str]] = [set() for _ in counterfactual.inputs.units]
    kinds = counterfactual.events[schema.EVENT_TYPE]
    for event in np.flatnonzero(~kinds.isin(known)) if known else ():
        for unit in counterfactual.rows.holders[event]:
            if unit >= 0:
                unseen[unit].add(str(kinds.iat[event]))
    return [sorted(types) for types in unseen]


def _before(
    scorer: Scorer, inputs: ScoringInputs, previous: Mapping[str, tuple[str, float]]
) -> dict[str, tuple[str, float]]:
    """Day and probability to compare with: as last issued, else the same model's of yesterday."""
    try:
        earlier = scorer.before(inputs)
    except InputError:  # nothing was known yet, or the axis starts today
        return dict(previous)
    yesterday = str(inputs.day - 1)
    return {unit: (yesterday, p) for unit, p in earlier.items()} | dict(previous)


def _explained(rows: Sequence[Score], counterfactual: Counterfactual, *, most: int) -> list[Score]:
    inputs = counterfactual.inputs
    drivers, families = drivers_of(counterfactual, most=most), families_of(counterfactual)
    line = rows[0].alert_line if rows else None
    further = [None] * len(inputs.units) if line is None else events_to(counterfactual, line)
    position = {key: i for i, key in enumerate(inputs.unit_keys)}
    explained = []
    for row in rows:
        if row.probability is not None:
            i = position[row.unit_key]
            row = replace(
                row,
                drivers=drivers[i],
                families=families[i],
                events_to_alert=0 if row.alert else further[i],
            )
        explained.append(row)
    return explained


def _provenance(scorer: Scorer, inputs: ScoringInputs) -> dict[str, Any]:
    """Everything needed to reproduce a score."""
    manifest, archive = scorer.manifest, inputs.archive
    return {
        "model": scorer.reference,
        "family": manifest.family,
        "model_hash": scorer.model_hash,
        "trained_to": manifest.trained_to,
        "training_data": manifest.data_digest,
        "scored_data": archive.digest,
        "as_of": str(inputs.day),
        "known_dates": archive.known_basis,
        "caveat": CAVEATS[archive.known_basis],
        "experiment": scorer.experiment.digest,
        "version": __version__,
    }
