"""The watch list: who is at risk on a day, how sure that is, and which events carry it."""

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
    off_its_record,
    statuses,
)
from escalation.scoring.watchlist import Score, alerted, compared, ranked

STALE_AFTER = 30
"""Days without any news after which a source may have stopped rather than be quiet."""
CAVEATS = {
    "observed": "",
    "overwritten": "the source keeps only its latest time stamp: known dates are approximate",
    "assumed": "known dates are assumed from a stated lag",
    "event_date": "known dates are taken to be event dates: optimistic",
}


def _check_day(
    scorer: Scorer, archive: EventArchive, day: np.datetime64, *, in_sample: bool
) -> None:
    """Refuse a day that is not covered (``E-COVERAGE``), or was learned from (``E-IN-SAMPLE``)."""
    archive.until(day)
    trained_to = to_day(scorer.manifest.trained_to)
    if day < trained_to and not in_sample:
        raise GateError(
            "E-IN-SAMPLE",
            f"the model was trained up to {trained_to}; needs a day from then on",
            column="as_of",
            value=day,
            fix="use `escalation replay --as-of`, which fits on the data then available, "
            "or --allow-in-sample",
        )


def _age_of_news(archive: EventArchive, day: object, *, today: object = None) -> int:
    """Days from the newest version known by a day to that day, or to today if that is later."""
    known = archive.until(to_day(day)).versions[schema.KNOWN_DATE]
    if known.empty:
        raise InputError(
            "E-EMPTY", "no event was known by that day", value=day, fix="ask for a later day"
        )
    latest = max(to_day(day), to_day(today or day))
    return int((latest - to_day(known.max())).astype(int))


def scored_day(scorer: Scorer, archive: EventArchive, as_of: object = None) -> np.datetime64:
    """The day that was asked for, the experiment's last one, or the archive's.

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
        Score a day that the model has learned from; such scores look better than they are.
    explain : int
        Named events per unit; 0 leaves out all explanation.
    budget : int, optional
        How many units may raise an alert; the unit that holds all events raises none.
    previous : mapping of str to (str, float), optional
        By the key of the unit, as of :func:`escalation.scoring.ledger.issued_before`: the day and
        the probability to compare with. Where there is none, the same model's score of the day
        before.
    stale_after : int
        Days without any news, up to the day that is scored.
    today : date-like, optional
        Up to today instead, where the answer is meant for now.

    Returns
    -------
    list of Score
        Every unit that was known on the day or that the model knows, highest probability first.
    """
    day = scored_day(scorer, archive, as_of)
    archive = archive.until(day)
    _check_day(scorer, archive, day, in_sample=allow_in_sample)
    age = _age_of_news(archive, day, today=today)
    inputs = scorer.inputs(archive, day)
    counterfactual = Counterfactual(scorer, inputs)
    everywhere = (
        IN_SAMPLE if day < to_day(scorer.manifest.trained_to) else None,
        STALE.format(age) if age > stale_after else None,
    )
    rows = _rows(scorer, inputs, counterfactual, everywhere)
    rows = compared(ranked(rows), _before(scorer, inputs, previous or {}))
    rows = alerted(rows, budget)
    return _explained(rows, scorer, inputs, counterfactual, most=explain) if explain else rows


def _rows(
    scorer: Scorer,
    inputs: ScoringInputs,
    counterfactual: Counterfactual,
    everywhere: Sequence[str | None],
) -> list[Score]:
    """A row per unit, known on the day or known to the model; some things are said everywhere."""
    record, rates = _track_of(scorer), scorer.manifest.base_rate
    verified = record.positives >= FEWEST_POSITIVES
    unsure = None if verified else NOT_VERIFIED.format(record.positives, record.resolved)
    stamp = provenance(scorer, inputs.archive, inputs.day)
    lower, upper = record.interval(inputs.probability)
    numbers = counts_of(scorer, inputs)
    about = (str(inputs.day), scorer.target.horizon, target_label(scorer.target))
    unseen = _unseen_types(scorer, inputs, counterfactual)
    absent = sorted(set(rates["units"]) - set(inputs.unit_keys))
    known = [UnitName(key, *rates["names"][key]) for key in absent]
    units = [*inputs.past.unit_names, *known]
    rows = []
    for i, (unit, shown) in enumerate(zip(units, shown_names(units), strict=True)):
        rate = float(rates["units"].get(unit.key, rates["pool"]))
        row = Score(shown, *about, None, None, None, rate, (), (), stamp, unit_key=unit.key)
        if i >= len(inputs.units):
            rows.append(replace(row, status=statuses(NO_HISTORY, *everywhere)))
            continue
        at_risk = bool(inputs.at_risk[i])
        row = replace(
            row,
            status=statuses(
                None if at_risk else NOT_AT_RISK,
                None if unit.key in rates["units"] else NEW_UNIT,
                UNSEEN_TYPE.format(", ".join(unseen[i])) if unseen[i] else None,
                *everywhere,
                off_its_record(inputs.probability[i], lower[i], upper[i]) if at_risk else None,
                unsure if at_risk else None,
            ),
        )
        if at_risk:
            row = replace(
                row,
                probability=float(inputs.probability[i]),
                lower=float(lower[i]),
                upper=float(upper[i]),
                **numbers[i],
                no_information=verified and not scorer.manifest.informative,
            )
        rows.append(row)
    return rows


def counts_of(scorer: Scorer, inputs: ScoringInputs) -> list[dict[str, Any]]:
    """Expected number and its 80% range by unit; nothing where the label counts no events.

    Raises
    ------
    ModelError
        ``E-MODEL-MANIFEST`` when the manifest's mixture of counts can't be used.
    """
    if not scorer.manifest.counts or not len(inputs.X):
        return [{}] * len(inputs.X)
    with _from_manifest("a mixture of counts", "counts"):
        mixture = CountMixture.of(scorer.manifest.counts)
    threshold = inputs.X[schema.THRESHOLD].to_numpy(np.float64)
    ahead = count_forecast(mixture, inputs.X, probability=inputs.probability, threshold=threshold)
    ends = zip(ahead.expected, ahead.low, ahead.high, strict=True)
    return [{"expected": float(e), "count_low": int(a), "count_high": int(b)} for e, a, b in ends]


def _track_of(scorer: Scorer) -> TrackRecord:
    """The track record that intervals come from; ``E-MODEL-MANIFEST`` where none can be used."""
    with _from_manifest("a track record", "record"):
        return TrackRecord.of(scorer.manifest.record)


@contextmanager
def _from_manifest(what: str, column: str) -> Iterator[None]:
    """What a manifest says and can't be used is a refusal of the model."""
    try:
        yield
    except (LookupError, TypeError, ValueError) as error:
        raise ModelError(
            "E-MODEL-MANIFEST",
            f"expected {what} of finite numbers",
            column=column,
            fix="train again",
        ) from error


def _unseen_types(
    scorer: Scorer, inputs: ScoringInputs, counterfactual: Counterfactual
) -> list[list[str]]:
    """Event types by unit that were not known by the end of training."""
    known = scorer.manifest.event_types
    unseen: list[set[str]] = [set() for _ in inputs.units]
    kinds = counterfactual.events[schema.EVENT_TYPE]
    for event in np.flatnonzero(~kinds.isin(known)) if known else ():
        for unit in counterfactual.rows.holders[event]:
            if unit >= 0:
                unseen[unit].add(str(kinds.iat[event]))
    return [sorted(types) for types in unseen]


def _before(
    scorer: Scorer, inputs: ScoringInputs, previous: Mapping[str, tuple[str, float]]
) -> dict[str, tuple[str, float]]:
    """What each unit is compared with: what was issued last, or a day before by the same model."""
    try:
        earlier = scorer.before(inputs)
    except InputError:  # nothing was known yet, or the axis starts today
        return dict(previous)
    yesterday = str(inputs.day - 1)
    return {unit: (yesterday, p) for unit, p in earlier.items()} | dict(previous)


def _explained(
    rows: Sequence[Score],
    scorer: Scorer,
    inputs: ScoringInputs,
    counterfactual: Counterfactual,
    *,
    most: int,
) -> list[Score]:
    drivers, families = drivers_of(counterfactual, most=most), families_of(scorer, inputs)
    line = rows[0].alert_line if rows else None
    further: list[int | None] = [None] * len(inputs.units)
    if line is not None:
        further = events_to(counterfactual, line)
    place = {key: i for i, key in enumerate(inputs.unit_keys)}
    explained = []
    for row in rows:
        if row.probability is not None:
            i = place[row.unit_key]
            row = replace(
                row,
                drivers=drivers[i],
                families=families[i],
                events_to_alert=0 if row.alert else further[i],
            )
        explained.append(row)
    return explained


def provenance(scorer: Scorer, archive: EventArchive, day: np.datetime64) -> dict[str, Any]:
    """Where a score comes from: enough to make it again.

    Parameters
    ----------
    scorer : Scorer
    archive : EventArchive
        As it stood on the day.
    day : datetime64[D]
    """
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
