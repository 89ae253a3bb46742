"""Simulated events with known true probabilities, to check a method before trusting it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammainc

from escalation import schema
from escalation._util.arrays import Array
from escalation.events.archive import EventArchive

_FIRST_DAY = np.datetime64("2015-01-01", "D")
_WARM_UP_DAYS = 200


def hawkes_counts(
    *,
    base: Sequence[float],
    excitation: Sequence[Sequence[float]],
    half_lives: float | Sequence[Sequence[float]] = 3.0,
    days: int,
    seed: int,
    runs: int = 1,
) -> NDArray[np.int64]:
    r"""Simulate daily counts of channels that excite themselves and each other.

    .. math:: x_{it} \sim \text{Poisson}\Bigl(\mu_i + \sum_j a_{ij}
              \sum_{k \ge 1} (1 - r_{ij}) r_{ij}^{k-1} x_{j,t-k}\Bigr),\quad r = 2^{-1/\eta}

    An event of channel j triggers, on average, a_ij events of channel i over the following days.

    Parameters
    ----------
    base : sequence of float, shape (channel,)
        mu, spontaneous events per day.
    excitation : nested sequence, shape (target, source)
        a; its spectral radius, the branching ratio, must be below 1.
    half_lives : float or nested sequence, shape (target, source)
        eta, in days.
    days : int
    seed : int
    runs : int
        Independent repetitions.

    Returns
    -------
    ndarray of int64, shape (run, channel, day)

    Raises
    ------
    ValueError
        If the branching ratio is 1 or more: such counts grow without bound.

    Examples
    --------
    >>> counts = hawkes_counts(base=[0.2], excitation=[[0.5]], days=9000, seed=1)
    >>> counts.shape, round(float(counts.mean()), 1)
    ((1, 1, 9000), 0.4)
    """
    mu, a = np.asarray(base, np.float64), np.asarray(excitation, np.float64)
    ratio = float(np.abs(np.linalg.eigvals(a)).max())
    if ratio >= 1.0:
        raise ValueError(f"needs a branching ratio below 1, got {ratio:.2f}")
    decay = np.broadcast_to(2.0 ** (-1.0 / np.asarray(half_lives, np.float64)), a.shape)
    random = np.random.default_rng(seed)
    memory = np.zeros((runs, *a.shape))
    counts = np.empty((runs, len(mu), days), np.int64)
    for day in range(-_WARM_UP_DAYS, days):
        today = random.poisson(mu + (a * memory).sum(axis=2))
        memory = decay * memory + (1.0 - decay) * today[:, None, :]
        if day >= 0:
            counts[:, :, day] = today
    return counts


@dataclass(frozen=True)
class World:
    r"""Simulated units whose daily rates vary by unit, in common, and in bursts.

    .. math:: \log \lambda_{ut} = \log \mu_u + o_{ut} + c_t + \log(b)\,B_{ut}

    The unit and common levels are autoregressive. On any day a burst starts with a small
    probability and ends with a larger one.

    Parameters
    ----------
    counts : ndarray of int64, shape (unit, day)
    base : ndarray, shape (unit,)
        mu, events per day.
    unit_level, common_level, burst : ndarray, shape (unit, day)
        The hidden state: o, c and B.
    motion : Motion
    first_day : numpy.datetime64
    """

    counts: NDArray[np.int64]
    base: Array
    unit_level: Array
    common_level: Array
    burst: NDArray[np.bool_]
    motion: Motion
    first_day: np.datetime64 = _FIRST_DAY

    def probability(
        self,
        days: ArrayLike,
        *,
        horizon: int,
        threshold: float = 1.0,
        paths: int = 300,
        seed: int = 0,
    ) -> Array:
        """Return the true probability that the count over the horizon reaches a threshold.

        It is conditional on the hidden state at the end of each day, and an average over simulated
        paths of the state.

        Parameters
        ----------
        days : array of int
            Issue days of the forecasts.

        Returns
        -------
        ndarray, shape (unit, len(days))
        """
        random, issued = np.random.default_rng(seed), np.asarray(days, np.int64)
        shape = (paths, len(self.base), len(issued))
        unit = np.broadcast_to(self.unit_level[:, issued], shape)
        burst = np.broadcast_to(self.burst[:, issued], shape)
        common = np.broadcast_to(self.common_level[:1, issued], (paths, 1, len(issued)))
        expected = np.zeros(shape)
        for _ in range(horizon):
            unit, common, burst = self.motion.step(unit, common, burst, random)
            expected += self.motion.rate(self.base[:, None], unit, common, burst)
        return gammainc(threshold, expected).mean(axis=0)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each unit."""
        return tuple(f"unit {number:03d}" for number in range(len(self.base)))

    def archive(self) -> EventArchive:
        """Return the events, each known on the day it happens, with one site per unit."""
        n_events = self.counts.ravel()
        unit, day = (np.repeat(i.ravel(), n_events) for i in np.indices(self.counts.shape))
        date = (self.first_day + day).astype("datetime64[s]")
        table = pd.DataFrame({schema.EVENT_DATE: date, schema.KNOWN_DATE: date})
        table[schema.EVENT_ID] = [f"e{number:07d}" for number in range(len(table))]
        table[schema.SITE] = np.array(self.names, dtype=object)[unit]
        table[schema.EVENT_TYPE], table[schema.SOURCE] = "rocket_attack", "simulated"
        table[schema.ACTOR], table[schema.TARGET], table[schema.TAGS] = "militia", "army", ""
        table[schema.SEVERITY] = 3
        table = table.reindex(columns=list(schema.EVENT_COLUMNS))
        casualties = [schema.KILLED, schema.WOUNDED]
        table[casualties] = table[casualties].astype("Int64")
        end = self.first_day + (self.counts.shape[1] - 1)
        return EventArchive.of(table, covered_to=end, known_basis="observed")


@dataclass(frozen=True)
class Motion:
    """Dynamics of the hidden rates from day to day.

    Parameters
    ----------
    unit_days, common_days : float
        E-folding time of a level, in days.
    unit_sd, common_sd : float
        Standard deviation of a level, in log rate.
    burst_chance, burst_days, burst_factor : float
        Probability per day that a burst starts; its mean duration in days; the factor by which it
        multiplies the rate.
    """

    unit_days: float = 300.0
    unit_sd: float = 0.6
    common_days: float = 150.0
    common_sd: float = 0.5
    burst_chance: float = 1 / 150
    burst_days: float = 14.0
    burst_factor: float = 4.0

    def step(
        self, unit: Array, common: Array, burst: NDArray[np.bool_], random: np.random.Generator
    ) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Return the hidden state one day later.

        Parameters
        ----------
        unit, common : ndarray
            Levels in log rate.
        burst : ndarray of bool
        random : numpy.random.Generator
        """

        def level_next_day(level: Array, days: float, sd: float) -> Array:
            decay = np.exp(-1 / days)
            return decay * level + sd * np.sqrt(1 - decay**2) * random.normal(size=level.shape)

        unit = level_next_day(unit, self.unit_days, self.unit_sd)
        common = level_next_day(common, self.common_days, self.common_sd)
        draw = random.random(burst.shape)
        burst = np.where(burst, draw > 1 / self.burst_days, draw < self.burst_chance)
        return unit, common, burst

    def rate(self, base: Array, unit: Array, common: Array, burst: NDArray[np.bool_]) -> Array:
        """Return the events per day."""
        return base * np.exp(unit + common) * np.where(burst, self.burst_factor, 1.0)


def world(*, units: int, days: int, seed: int, motion: Motion | None = None) -> World:
    """Simulate a panel with known true probabilities.

    Parameters
    ----------
    units, days : int
    seed : int
    motion : Motion, optional

    Examples
    --------
    >>> simulated = world(units=3, days=400, seed=1)
    >>> simulated.counts.shape, simulated.probability([100, 200], horizon=7).shape
    ((3, 400), (3, 2))
    """
    random, motion = np.random.default_rng(seed), motion or Motion()
    base = random.gamma(2.0, 0.03, units)
    unit, common = random.normal(0, motion.unit_sd, units), random.normal(0, motion.common_sd, 1)
    burst = random.random(units) < motion.burst_chance * motion.burst_days
    states = []
    for _ in range(days):
        unit, common, burst = motion.step(unit, common, burst, random)
        states.append((unit, np.repeat(common, units), burst))
    levels, commons, bursts = (np.stack(series, axis=1) for series in zip(*states, strict=True))
    rate = motion.rate(base[:, None], levels, commons, bursts)
    counts = np.asarray(random.poisson(rate), dtype=np.int64)
    return World(counts, base, levels, commons, bursts, motion)
