"""Time the same features in our package, pandas, polars and mlforecast, and a copy of the result.

    python tests/benchmarks/features.py [--runs 5]

200 units, 4,000 days, 4 channels; window sums of 1, 3, 7, 14, 30, 60, 90 and 180 days and four
half-lives: 48 columns. The libraries take turns, so that a busy moment affects all of them. Prints
median seconds and CPU seconds of all cores, which are more reliable on a shared machine. A library
that is not installed is skipped with a message.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pandas as pd

from escalation.features.build import build
from escalation.panel.dense import Panel, day_range

UNITS, DAYS, CHANNELS = 200, 4_000, ("events", "killed", "rockets", "strikes")
WINDOWS, HALF_LIVES = (1, 3, 7, 14, 30, 60, 90, 180), (3, 7, 21, 60)
FAMILIES = {
    "window_sums": {"channels": CHANNELS, "windows": WINDOWS},
    "decayed_sums": {"channels": CHANNELS, "half_lives": HALF_LIVES},
}
NAMES = [f"{c}_sum_{w}d" for c in CHANNELS for w in WINDOWS]
NAMES += [f"{c}_decay_{h}d" for c in CHANNELS for h in HALF_LIVES]


def panel() -> Panel:
    """Make counts of events: mostly zeros, some bursts."""
    rng = np.random.default_rng(1)
    units = tuple(f"unit {i:03}" for i in range(UNITS))
    days = day_range("2010-01-01", np.datetime64("2010-01-01") + (DAYS - 1))
    arrays = {
        name: rng.negative_binomial(0.3, 0.3, (UNITS, DAYS)).astype(np.float32) for name in CHANNELS
    }
    nowhere = np.full(UNITS, np.nan)
    return Panel(units, days, arrays, nowhere, nowhere, ("",) * UNITS)


class Filled:
    """A panel in the form that ``build`` needs from a history, without filling it."""

    def __init__(self, data: Panel) -> None:
        self.data, self.channels = data, tuple(data.channels)
        self.units, self.days, self.country = data.units, data.days, data.country
        self.unit_keys = data.units
        self.latitude, self.longitude = data.latitude, data.longitude
        self.entry = np.zeros(len(data.units), np.int64)
        self.present = np.ones(data.shape, dtype=bool)

    def part(self, start: int, stop: int) -> Filled:
        """Return some of the units."""
        return Filled(self.data.take(np.arange(start, stop)))

    def panel(self) -> Panel:
        """Return the panel itself."""
        return self.data


def ours(data: Panel) -> Callable[[], pd.DataFrame]:
    """Return a frame by unit and day, from the panel's arrays."""
    past = Filled(data)
    return lambda: build(past, FAMILIES).frame()


def long_frame(data: Panel) -> pd.DataFrame:
    """Return one row per unit and day, as the other libraries expect."""
    frame = pd.DataFrame({name: values.ravel() for name, values in data.channels.items()})
    frame.insert(0, "day", np.tile(data.days.astype("datetime64[s]"), UNITS))
    frame.insert(0, "unit", np.repeat(np.array(data.units, dtype=object), DAYS))
    return frame


def with_pandas(data: Panel) -> Callable[[], pd.DataFrame]:
    """Return a run of groupby-rolling and groupby-ewm; the mean times the weights is the sum."""
    groups = long_frame(data).set_index(["unit", "day"]).groupby(level="unit", sort=False)
    channels, age = list(CHANNELS), np.tile(np.arange(1, DAYS + 1), UNITS)[:, None]

    def run() -> pd.DataFrame:
        parts = {}
        for w in WINDOWS:
            parts[f"sum_{w}d"] = groups[channels].rolling(w, min_periods=1).sum().to_numpy()
        for h in HALF_LIVES:
            keep = 0.5 ** (1 / h)
            weights = (1 - keep**age) / (1 - keep)
            parts[f"decay_{h}d"] = groups[channels].ewm(halflife=h).mean().to_numpy() * weights
        columns = {f"{c}_{k}": v[:, i] for k, v in parts.items() for i, c in enumerate(channels)}
        return pd.DataFrame(columns)[NAMES]

    return run


def with_polars(data: Panel) -> Callable[[], object]:
    """Return a run of expressions over units, in one lazy query."""
    import polars as pl

    frame = pl.from_pandas(long_frame(data)).with_columns(pl.col("unit").cast(pl.Categorical))
    age = pl.int_range(1, pl.len() + 1)
    sums = [
        pl.col(c).rolling_sum(w, min_samples=1).over("unit").alias(f"{c}_sum_{w}d")
        for c in CHANNELS
        for w in WINDOWS
    ]
    decays = [
        (
            pl.col(c).ewm_mean(half_life=h)
            * ((1 - (0.5 ** (1 / h)) ** age) / (1 - 0.5 ** (1 / h)))
        ).over("unit").alias(f"{c}_decay_{h}d")
        for c in CHANNELS
        for h in HALF_LIVES
    ]  # fmt: skip
    return lambda: frame.lazy().select(*sums, *decays).collect()


def with_mlforecast(data: Panel, *, same_table: bool = True) -> Callable[[], pd.DataFrame]:
    """Return a run of lag transforms, one series per unit and channel, with two threads.

    It gives a long table of means by unit, channel and day. The same table as the others' takes
    the number of days in each window, and the channels side by side. Its shortest lag is one day,
    and its decayed means start with the first value, so they are not compared with pandas.
    """
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import ExponentiallyWeightedMean, RollingMean

    long = long_frame(data).melt(["unit", "day"], var_name="channel", value_name="y")
    long["unique_id"] = pd.Categorical(long["unit"] + "/" + long["channel"])
    series = long.rename(columns={"day": "ds"})[["unique_id", "ds", "y"]]
    series = series.sort_values(["unique_id", "ds"], ignore_index=True)
    rolls = [RollingMean(w, min_samples=1) for w in WINDOWS]
    decays = [ExponentiallyWeightedMean(1 - 0.5 ** (1 / h)) for h in HALF_LIVES]
    made = MLForecast([], freq="D", lag_transforms={1: [*rolls, *decays]}, num_threads=2)
    age = np.arange(DAYS, dtype=np.float32)
    weights = [np.minimum(age, w) for w in WINDOWS]
    weights += [((1 - 0.5 ** (age / h)) / (1 - 0.5 ** (1 / h))).astype("f4") for h in HALF_LIVES]

    def run() -> pd.DataFrame:
        table = made.preprocess(series, static_features=[], dropna=False)
        if not same_table:
            return table
        values = np.empty((len(CHANNELS), len(weights), UNITS, DAYS), np.float32)
        for k, weight in enumerate(weights):
            means = table.iloc[:, 3 + k].to_numpy().reshape(UNITS, len(CHANNELS), DAYS)
            np.multiply(means.transpose(1, 0, 2), weight, out=values[:, k], casting="same_kind")
        return pd.DataFrame(values.reshape(len(NAMES), -1).T, copy=False)

    return run


def contestants(data: Panel) -> dict[str, Callable[[], object]]:
    """Return the run of every installed library, and of the copy."""
    runs: dict[str, Callable[[], object]] = {"ours": ours(data)}
    values = np.ascontiguousarray(ours(data)().to_numpy().T)
    runs["copy of the result"] = values.copy
    for name, make in (("mlforecast", with_mlforecast), ("polars", with_polars)):
        if find_spec(name):
            runs[name] = make(data)
        else:
            print(f"{name} is not installed and left out: pip install 'escalation[bench]'")
    if "mlforecast" in runs:
        runs["mlforecast, long table"] = with_mlforecast(data, same_table=False)
    runs["pandas groupby-rolling"] = with_pandas(data)
    return runs


def apart(data: Panel) -> dict[str, float]:
    """Return the largest relative difference from pandas."""
    theirs = with_pandas(data)()
    found = {"ours": _apart(ours(data)().to_numpy(), theirs.to_numpy())}
    if find_spec("polars"):
        found["polars"] = _apart(with_polars(data)().to_numpy(), theirs.to_numpy())
    if find_spec("mlforecast"):
        shape = UNITS, DAYS, len(CHANNELS), len(WINDOWS) + len(HALF_LIVES)
        yesterdays = with_mlforecast(data)().to_numpy().reshape(shape)[:, 1:, :, : len(WINDOWS)]
        sums = theirs.to_numpy()[:, : len(CHANNELS) * len(WINDOWS)]
        sums = sums.reshape(UNITS, DAYS, len(CHANNELS), len(WINDOWS))[:, :-1]
        found["mlforecast (window sums)"] = _apart(yesterdays, sums)
    return found


def _apart(got: np.ndarray, expected: np.ndarray) -> float:
    return float((np.abs(got - expected) / np.maximum(np.abs(expected), 1e-3)).max())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs, data = parser.parse_args().runs, panel()
    calls = contestants(data)
    for call in calls.values():
        call()
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(runs):
        for name, call in calls.items():
            start, busy = time.perf_counter(), time.process_time()
            call()
            took[name].append((time.perf_counter() - start, time.process_time() - busy))
    middle = {name: np.median(times, axis=0) for name, times in took.items()}
    mine, others = middle.pop("ours"), sorted(middle.items(), key=lambda item: item[1][0])
    print(f"{UNITS} units x {DAYS:,} days x {len(NAMES)} columns; median of {runs}, in turns; "
          f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")  # fmt: skip
    print(f"{'':<24}{'seconds':>9}{'of cores':>10}{'times ours':>12}{'of cores':>10}")
    for name, times in [("ours", mine), *others]:
        ratio = times / mine
        print(f"{name:<24}{times[0]:9.3f}{times[1]:10.3f}{ratio[0]:12.2f}{ratio[1]:10.2f}")
    print(f"ours takes {mine[0] / middle['copy of the result'][0]:.1f} times as long as the copy")
    for name, difference in apart(data).items():
        print(f"{name} and pandas differ by at most {difference:.1e}, relative")


if __name__ == "__main__":
    main()
