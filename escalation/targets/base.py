"""What every label gives, and the two halves it is made of.

A label looks back for its threshold, its risk set and the history of what it counts, all causal and
all as known on the day; and it looks ahead for what came. Only the second half sees the future.
Days before the panel starts count as zero everywhere.
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
"""e-folding times, in days, of the decayed sums that count models start from."""
HISTORY_WINDOWS = (7, 28, 360)
ACTIVE_WINDOWS = (28, 90, 360)
DAYS_SINCE = f"{schema.HISTORY}days_since"
NEVER = 9999
"""Days since the last counted event where there was none."""
MEAN = f"{schema.HISTORY}mean"
MEAN_DAYS = (28, 360)
"""Shortest and longest stretch of days over which the unchanged rate is taken."""
OWN_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
GUARD = 1e-9
"""Keeps a whole number whole when it comes out of float arithmetic a little off."""


@dataclass(frozen=True)
class LookBack:
    """What a label knows on the day, by unit and day.

    Parameters
    ----------
    threshold : ndarray of float64
        The outcome is 1 when the count ahead is at least this; always a whole number, 1 or more.
    at_risk : ndarray of bool
        Where the question makes sense.
    history : mapping of str to ndarray of float64
        ``history_decay_21d`` and the like: decayed and plain sums, up to the day, of what is
        counted; ``history_active_28d`` and the like: days on which something did; and
        ``history_mean``, the count to expect in h days if nothing changes.
    extra : mapping of str to ndarray
        Whatever the second half needs, such as masks by pair of sides.
    """

    threshold: Array
    at_risk: NDArray[np.bool_]
    history: Mapping[str, Array]
    extra: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Labels:
    """What a label says, by unit and day; NaN where the days ahead are not all covered."""

    count: Array
    threshold: Array
    at_risk: NDArray[np.bool_]

    @property
    def outcome(self) -> Array:
        """1 where the count reaches the threshold, 0 where not, NaN where unknown."""
        return np.where(np.isnan(self.count), np.nan, (self.count >= self.threshold) * 1.0)


def history_of(values: Series, panel: Panel, *, horizon: int) -> dict[str, Array]:
    """Decayed sums, window sums and the unchanged expectation of a count series, in float64.

    ``history_decay_Kd`` is s_t = exp(-1/K) s_(t-1) + x_t; ``history_sum_Wd`` sums W days, and
    ``history_active_Wd`` counts those on which it was 1 or more; ``history_days_since`` counts
    days since the last event, :data:`NEVER` if there was none; ``history_mean`` is
    :func:`expected_count`.

    Parameters
    ----------
    values : Series
        What is counted.
    panel : Panel
        Its channel ``events`` says since when each row has been observed.
    horizon : int
        h, in days.
    """
    keep = np.exp(-1.0 / np.array(HISTORY_DECAYS, dtype=np.float64))
    decayed = values.decayed_sums(keep)
    named: dict[str, Array] = {
        f"{schema.HISTORY}decay_{k}d": decayed[i] for i, k in enumerate(HISTORY_DECAYS)
    }
    for width in HISTORY_WINDOWS:
        named[f"{schema.HISTORY}sum_{width}d"] = past_sum(values, width)
    active = values.active_days(np.array(ACTIVE_WINDOWS, dtype=np.int64)).astype(np.float64)
    named |= {f"{schema.ACTIVE}{width}d": active[i] for i, width in enumerate(ACTIVE_WINDOWS)}
    named[DAYS_SINCE] = values.days_since(NEVER).astype(np.float64)
    named[MEAN] = expected_count(values, panel.series("events"), horizon=horizon)
    return named


def past_sum(values: Series, width: int) -> Array:
    """Sum over the last ``width`` days, today included.

    Parameters
    ----------
    values : Series
    width : int
        In days.
    """
    return values.window_sums(np.array([width], dtype=np.int64))[0].astype(np.float64)


def expected_count(values: Series, events: Series, *, horizon: int) -> Array:
    """Count to expect in h days if nothing changes: the past 360 days' rate times h.

    Where a row's first event of any kind is more recent, the rate is over the days since then,
    that day included, but over 28 days at least.

    Parameters
    ----------
    values, events : Series
        What is counted; all events.
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


def require(holds: bool, name: str, value: object, expected: str) -> None:
    """Refuse a parameter of a label.

    Raises
    ------
    UsageError
        ``E-CONFIG``, with what was expected.
    """
    if not holds:
        raise UsageError(
            "E-CONFIG",
            f"expected {expected}",
            where="targets",
            column=name,
            value=value,
            fix=f"change {name} under [[targets]] in the experiment file",
        )


def require_days(name: str, value: object, *, most: int | None = None) -> None:
    """Refuse anything but a whole number of days, from 1."""
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    ends = f"from 1 to {most}" if most else "of 1 or more"
    holds = whole and (most is None or value <= most)  # type: ignore[operator]
    require(holds, name, value, f"a whole number of days {ends}")


@dataclass(frozen=True)
class Target:
    """Base of all labels: a plain count of qualifying events against a threshold.

    Parameters
    ----------
    horizon : int
        Days ahead, 1 to 90: the label at t looks at t+1 to t+horizon.
    where : Where
        Which events count; all events stay features.
    called : str
        A name of its own, for a label that shares its kind and horizon with another.
    description : str
        What it asks, for people; an experiment's own description by default.
    units : tuple of str
        Kinds of units that it is asked of; those of the panel by default.
    models : tuple of str
        Names of the experiment's models that answer it, beside the baselines; all by default.

    Raises
    ------
    UsageError
        ``E-CONFIG`` for a parameter out of its range.
    """

    horizon: int = 7
    where: Where = field(default_factory=Where)
    called: str = field(default="", kw_only=True)
    description: str = field(default="", kw_only=True)
    units: tuple[schema.UnitKind, ...] = field(default=(), kw_only=True)
    models: tuple[str, ...] = field(default=(), kw_only=True)

    name: ClassVar[str] = ""
    falls: ClassVar[bool] = False
    """The longer the horizon, the less likely is outcome 1."""

    def __post_init__(self) -> None:
        require_days("horizon", self.horizon, most=MAX_HORIZON)
        fits = not self.called or OWN_NAME.fullmatch(self.called) is not None
        require(fits, "called", self.called, "a letter, then up to 39 of a-z, 0-9 and _")

    def channels(self) -> tuple[Channel, ...]:
        """What this label needs in the panel."""
        return (Channel("target", self.where),)

    def look_back(self, panel: Panel) -> LookBack:
        """Threshold, risk set and history on each day; causal."""
        raise NotImplementedError

    def look_ahead(self, panel: Panel, back: LookBack) -> Array:
        """What came in the days t+1 to t+h; NaN beyond the panel's last day."""
        return kernels.ahead_sum(panel["target"], self.horizon)

    def history(self, panel: Panel) -> dict[str, Array]:
        """History of the plain count."""
        return history_of(panel.series("target"), panel, horizon=self.horizon)


def look_back(target: Target, past: History) -> LookBack:
    """The look back of a label, by unit and issue day, as known on each day."""
    back = target.look_back(past.panel())
    return replace(back, at_risk=back.at_risk & past.present)


def labels(target: Target, back: LookBack, panel: Panel, *, covered: int) -> Labels:
    """Labels from a snapshot whose events are complete up to day index ``covered`` (included)."""
    count = target.look_ahead(panel, back).astype(np.float64)
    ends = np.arange(count.shape[1]) + target.horizon
    count[:, ends > covered] = np.nan
    return Labels(count, back.threshold, back.at_risk)


def null_share(labels: Labels, back: LookBack) -> float:
    r"""Share of positives that a process without any change would produce by chance.

    .. math:: \text{mean over rows at risk, outcome known, of } P(\text{Poisson}(m) \ge k)

    with m the ``history_mean`` and k the threshold of the row. For ``deaths``, where one event
    adds many, it is a lower bound on how often chance alone does it at high thresholds.

    Returns
    -------
    float
        NaN where no row is at risk.

    Examples
    --------
    >>> one = np.ones((1, 2))
    >>> back = LookBack(one, one > 0, {"history_mean": np.array([[0.0, np.log(2)]])})
    >>> round(null_share(Labels(one, one, one > 0), back), 6)
    0.25
    """
    from scipy.special import gammainc

    rows = labels.at_risk & ~np.isnan(labels.count)
    if not rows.any():
        return float("nan")
    return float(np.mean(gammainc(labels.threshold[rows], back.history[MEAN][rows])))
