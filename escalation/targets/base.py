"""The base class of labels.

A label looks back for its threshold, its risk set and the history of its count, as known on the
day, and looks ahead for the outcome. Only the look ahead sees the future. Days before the panel
starts count as zero.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from escalation import schema
from escalation._util.arrays import Array
from escalation.errors import UsageError
from escalation.panel import kernels
from escalation.panel.dense import Channel, Panel, Where
from escalation.panel.history import History
from escalation.panel.series import Series

MAX_HORIZON = 90
HISTORY_DECAYS = (7, 10, 21, 45, 90, 365)
"""E-folding times in days of the decayed sums that count models use."""
HISTORY_WINDOWS = (7, 28, 360)
ACTIVE_WINDOWS = (28, 90, 360)
DAYS_SINCE = f"{schema.HISTORY}days_since"
NEVER = 9999
"""Days since the last counted event if there was none."""
MEAN = f"{schema.HISTORY}mean"
MEAN_DAYS = (28, 360)
"""Shortest and longest span in days over which the no-change rate is averaged."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
GUARD = 1e-9
"""Offset against rounding errors, so that whole numbers are not rounded to their neighbours."""


@dataclass(frozen=True)
class LookBack:
    """What a label knows on each day, by unit and day.

    Parameters
    ----------
    threshold : ndarray of float64
        The outcome is 1 if the count ahead is at least this whole number, 1 or more.
    at_risk : ndarray of bool
        Rows for which the label is defined.
    history : mapping of str to ndarray of float64
        See :func:`history_of`.
    extra : mapping of str to ndarray
        Whatever the look ahead needs, such as masks by pair of sides.
    """

    threshold: Array
    at_risk: NDArray[np.bool_]
    history: Mapping[str, Array]
    extra: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Labels:
    """Counts ahead and outcomes by unit and day; NaN if the days ahead are not all covered."""

    count: Array
    threshold: Array
    at_risk: NDArray[np.bool_]

    @property
    def outcome(self) -> Array:
        """1 if the count reaches the threshold, 0 if not, NaN if unknown."""
        return np.where(np.isnan(self.count), np.nan, (self.count >= self.threshold) * 1.0)


def history_of(values: Series, panel: Panel, *, horizon: int) -> dict[str, Array]:
    """Decayed sums, window sums and the no-change expectation of a count series, in float64.

    ``history_decay_Kd`` is s_t = exp(-1/K) s_(t-1) + x_t; ``history_sum_Wd`` sums W days;
    ``history_active_Wd`` counts the days of W on which x was 1 or more; ``history_days_since``
    counts days since the last event, :data:`NEVER` if there was none; ``history_mean`` is
    :func:`expected_count`.

    Parameters
    ----------
    values : Series
        What is counted.
    panel : Panel
        Its channel ``events`` determines since when each row has been observed.
    horizon : int
        h, in days.
    """
    keep = np.exp(-1.0 / np.array(HISTORY_DECAYS, dtype=np.float64))
    decayed = values.decayed_sums(keep)
    active = values.active_days(np.array(ACTIVE_WINDOWS, dtype=np.int64)).astype(np.float64)
    return {
        **{f"{schema.HISTORY}decay_{k}d": decayed[i] for i, k in enumerate(HISTORY_DECAYS)},
        **{f"{schema.HISTORY}sum_{width}d": past_sum(values, width) for width in HISTORY_WINDOWS},
        **{f"{schema.ACTIVE}{width}d": active[i] for i, width in enumerate(ACTIVE_WINDOWS)},
        DAYS_SINCE: values.days_since(NEVER).astype(np.float64),
        MEAN: expected_count(values, panel.series("events"), horizon=horizon),
    }


def past_sum(values: Series, width: int) -> Array:
    """Sum over the last days, today included.

    Parameters
    ----------
    values : Series
    width : int
        In days.
    """
    return values.window_sums(np.array([width], dtype=np.int64))[0].astype(np.float64)


def expected_count(values: Series, events: Series, *, horizon: int) -> Array:
    """Expected count in h days if nothing changes: the rate of the past 360 days times h.

    If a row's first event of any kind is more recent, the rate is over the days since then, that
    day included, but over at least 28 days.

    Parameters
    ----------
    values, events : Series
        The counted events, and all events.
    horizon : int
        h, in days.

    Returns
    -------
    ndarray of float64, shape (row, day)

    Examples
    --------
    >>> values = Series(np.eye(1, 60, dtype=np.float32) * 4)
    >>> expected_count(values, values, horizon=7)[0, [0, 27, 55]].tolist()
    [1.0, 1.0, 0.5]
    """
    shortest, longest = MEAN_DAYS
    observed = events.days_since_first()
    return past_sum(values, longest) * horizon / np.clip(observed, shortest, longest)


def require(valid: bool, name: str, value: object, expected: str) -> None:
    """Raise a UsageError, ``E-CONFIG``, unless a parameter of a label is valid."""
    if not valid:
        raise UsageError(
            "E-CONFIG",
            f"expected {expected}",
            where="targets",
            column=name,
            value=value,
            fix=f"change {name} under [[targets]] in the experiment file",
        )


def require_whole(
    name: str, value: object, *, least: int = 1, most: int | None = None, of_days: bool = True
) -> None:
    """Raise a UsageError, ``E-CONFIG``, unless a parameter is a whole number in a range."""
    expected = "a whole number of days" if of_days else "a whole number"
    whole = isinstance(value, int) and not isinstance(value, bool)
    valid = whole and value >= least and (most is None or value <= most)  # type: ignore[operator]
    span = f"from {least} to {most}" if most else f"of {least} or more"
    require(valid, name, value, f"{expected} {span}")


@dataclass(frozen=True)
class Target:
    """Base class of labels: a count of qualifying events, compared with a threshold.

    Parameters
    ----------
    horizon : int
        Days ahead, 1 to 90: the label of day t is about t+1 to t+horizon.
    where : Where
        Which events count. Features use all events.
    called : str
        A custom name, for a label that shares its kind and horizon with another.
    description : str
        The question in words; by default the experiment's description.
    units : tuple of str
        Kinds of units to forecast; by default those of the panel.
    models : tuple of str
        Names of the experiment's models to use besides the baselines; by default all.

    Raises
    ------
    UsageError
        ``E-CONFIG`` for a parameter out of range.
    """

    horizon: int = 7
    where: Where = field(default_factory=Where)
    called: str = field(default="", kw_only=True)
    description: str = field(default="", kw_only=True)
    units: tuple[schema.UnitKind, ...] = field(default=(), kw_only=True)
    models: tuple[str, ...] = field(default=(), kw_only=True)

    name: ClassVar[str] = ""
    day_parameters: ClassVar[tuple[str, ...]] = ()
    """Parameters of a label that are numbers of days."""
    falls: ClassVar[bool] = False
    """Whether outcome 1 becomes less likely as the horizon grows."""

    def __post_init__(self) -> None:
        require_whole("horizon", self.horizon, most=MAX_HORIZON)
        for name in self.day_parameters:
            require_whole(name, getattr(self, name))
        valid = not self.called or _NAME.fullmatch(self.called) is not None
        require(valid, "called", self.called, "a letter, then up to 39 of a-z, 0-9 and _")

    def channels(self) -> tuple[Channel, ...]:
        """Channels that the label needs in the panel."""
        return (Channel("target", self.where),)

    def look_back(self, panel: Panel) -> LookBack:
        """Threshold, risk set and history on each day, all causal.

        By default the threshold is 1 and every row is at risk.
        """
        return LookBack(np.ones(panel.shape), np.ones(panel.shape, dtype=bool), self.history(panel))

    def look_ahead(self, panel: Panel, back: LookBack) -> Array:
        """Count over the days t+1 to t+h; NaN if they reach beyond the panel's last day."""
        return kernels.ahead_sum(panel["target"], self.horizon)

    def history(self, panel: Panel) -> dict[str, Array]:
        """History of the count in channel ``target``."""
        return history_of(panel.series("target"), panel, horizon=self.horizon)


def look_back(target: Target, past: History) -> LookBack:
    """The look back of a label as known on each day; no unit is at risk before its entry."""
    back = target.look_back(past.panel())
    return replace(back, at_risk=back.at_risk & past.present)


def labels(target: Target, back: LookBack, panel: Panel, *, covered: int) -> Labels:
    """Labels from a snapshot whose events are complete up to and including day ``covered``."""
    count = target.look_ahead(panel, back).astype(np.float64)
    ends = np.arange(count.shape[1]) + target.horizon
    count[:, ends > covered] = np.nan
    return Labels(count, back.threshold, back.at_risk)


def null_share(labels: Labels, back: LookBack) -> float:
    r"""No-change positive rate: the share of positives that a constant process gives by chance.

    .. math:: \text{mean over rows at risk, outcome known, of } P(\text{Poisson}(m) \ge k)

    with m the ``history_mean`` and k the threshold of the row. For ``deaths``, as one event may
    count many, it is a lower bound at high thresholds.

    Returns
    -------
    float
        NaN if no row is at risk.

    Examples
    --------
    >>> ones = np.ones((1, 2))
    >>> back = LookBack(ones, ones > 0, {"history_mean": np.array([[0.0, np.log(2)]])})
    >>> round(null_share(Labels(ones, ones, ones > 0), back), 6)
    0.25
    """
    from scipy.special import gammainc

    rows = labels.at_risk & ~np.isnan(labels.count)
    if not rows.any():
        return float("nan")
    return float(np.mean(gammainc(labels.threshold[rows], back.history[MEAN][rows])))
