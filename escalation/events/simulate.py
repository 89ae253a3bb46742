"""Events with known truth: to check a method, this package's or your own, before believing it."""

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


def hawkes_counts(
    *,
    base: Sequence[float],
    excitation: Sequence[Sequence[float]],
    half_lives: float | Sequence[Sequence[float]] = 3.0,
    days: int,
    seed: int,
    runs: int = 1,
    warm_up: int = 200,
) -> NDArray[np.int64]:
    r"""Daily counts of channels that excite themselves and each other.

    .. math:: x_{it} \sim \text{Poisson}\Bigl(\mu_i + \sum_j a_{ij}
              \sum_{k \ge 1} (1 - r_{ij}) r_{ij}^{k-1} x_{j,t-k}\Bigr),\quad r = 2^{-1/\eta}

    An event of channel j is answered, over the days after it, by a_ij events of channel i.

    Parameters
    ----------
    base : sequence of float, shape (channel,)
        mu, events per day that nothing calls forth.
    excitation : nested sequence, shape (target, source)
        a; the spectral radius, the branching ratio, must be below 1.
    half_lives : float or nested sequence, shape (target, source)
        eta, in days.
    days : int
    seed : int
    runs : int
        Independent repetitions.
    warm_up : int
        Days that are simulated before the first and thrown away.

    Returns
    -------
    ndarray of int64, shape (run, channel, day)

    Raises
    ------
    ValueError
        When the branching ratio is 1 or more: such counts grow without end.

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
    keep = np.broadcast_to(2.0 ** (-1.0 / np.asarray(half_lives, np.float64)), a.shape)
    random = np.random.default_rng(seed)
    memory = np.zeros((runs, *a.shape))
    out = np.empty((runs, len(mu), days), np.int64)
    for day in range(-warm_up, days):
        today = random.poisson(mu + (a * memory).sum(axis=2))
        memory = keep * memory + (1.0 - keep) * today[:, None, :]
        if day >= 0:
            out[:, :, day] = today
    return out


@dataclass(frozen=True)
class World:
    r"""Units whose daily rates move: each by itself, all together, and in bursts.

    .. math:: \log \lambda_{ut} = \log \mu_u + o_{ut} + c_t + \log(b)\,B_{ut}

    The own and the common level are autoregressive; a burst begins on any day with a small chance
    and ends with a larger one.

    Parameters
    ----------
    counts : ndarray of int64, shape (unit, day)
    base : ndarray, shape (unit,)
        mu, events per day.
    own, common, burst : ndarray, shape (unit, day)
        The hidden state.
    motion : Motion
    first_day : numpy.datetime64
    """

    counts: NDArray[np.int64]
    base: Array
    own: Array
    common: Array
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
        """The true probability that the count of the days ahead reaches a threshold.

        For somebody who knows the hidden state at the end of each day, but not what is to come:
        an average over simulated paths of the state.

        Parameters
        ----------
        days : array of int
            Days on which forecasts are issued.

        Returns
        -------
        ndarray, shape (unit, len(days))
        """
        random, at = np.random.default_rng(seed), np.asarray(days, np.int64)
        shape = (paths, len(self.base), len(at))
        own = np.broadcast_to(self.own[:, at], shape)
        burst = np.broadcast_to(self.burst[:, at], shape)
        common = np.broadcast_to(self.common[:1, at], (paths, 1, len(at)))
        ahead = np.zeros(shape)
        for _ in range(horizon):
            own, common, burst = self.motion.step(own, common, burst, random)
            ahead += self.motion.rate(self.base[:, None], own, common, burst)
        return gammainc(threshold, ahead).mean(axis=0)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each unit."""
        return tuple(f"unit {number:03d}" for number in range(len(self.base)))

    def archive(self) -> EventArchive:
        """The events of the world, each known on its day, one site per unit."""
        unit, day = (np.repeat(axis, self.counts.ravel()) for axis in self._cells())
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

    def _cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Unit and day of every count."""
        unit, day = np.indices(self.counts.shape)
        return unit.ravel(), day.ravel()


@dataclass(frozen=True)
class Motion:
    """How hidden rates move from day to day.

    Parameters
    ----------
    unit_days, common_days : float
        How long a level lasts, e-folding.
    unit_sd, common_sd : float
        Standard deviation of a level, in log rate.
    burst_chance, burst_days, burst_factor : float
        Chance per day that a burst begins; how long it lasts; by how much it multiplies the rate.
    """

    unit_days: float = 300.0
    unit_sd: float = 0.6
    common_days: float = 150.0
    common_sd: float = 0.5
    burst_chance: float = 1 / 150
    burst_days: float = 14.0
    burst_factor: float = 4.0

    def step(
        self, own: Array, common: Array, burst: NDArray[np.bool_], random: np.random.Generator
    ) -> tuple[Array, Array, NDArray[np.bool_]]:
        """The hidden state a day later.

        Parameters
        ----------
        own, common : ndarray
            Levels in log rate.
        burst : ndarray of bool
        random : numpy.random.Generator
        """
        moved = [
            keep * level + spread * np.sqrt(1 - keep**2) * random.normal(size=level.shape)
            for level, keep, spread in (
                (own, np.exp(-1 / self.unit_days), self.unit_sd),
                (common, np.exp(-1 / self.common_days), self.common_sd),
            )
        ]
        draw = random.random(burst.shape)
        still = np.where(burst, draw > 1 / self.burst_days, draw < self.burst_chance)
        return moved[0], moved[1], still

    def rate(self, base: Array, own: Array, common: Array, burst: NDArray[np.bool_]) -> Array:
        """Events per day."""
        return base * np.exp(own + common) * np.where(burst, self.burst_factor, 1.0)


def world(*, units: int, days: int, seed: int, motion: Motion | None = None) -> World:
    """Simulate a panel with known truth.

    Parameters
    ----------
    units, days : int
    seed : int
    motion : Motion, optional

    Returns
    -------
    World

    Examples
    --------
    >>> simulated = world(units=3, days=400, seed=1)
    >>> simulated.counts.shape, simulated.probability([100, 200], horizon=7).shape
    ((3, 400), (3, 2))
    """
    random, how = np.random.default_rng(seed), motion or Motion()
    base = random.gamma(2.0, 0.03, units)
    own, common = random.normal(0, how.unit_sd, units), random.normal(0, how.common_sd, 1)
    burst = random.random(units) < how.burst_chance * how.burst_days
    states = []
    for _ in range(days):
        own, common, burst = how.step(own, common, burst, random)
        states.append((own, np.repeat(common, units), burst))
    owns, commons, bursts = (np.stack(part, axis=1) for part in zip(*states, strict=True))
    rate = how.rate(base[:, None], owns, commons, bursts)
    counts = np.asarray(random.poisson(rate), dtype=np.int64)
    return World(counts, base, owns, commons, bursts, how)
