"""Check forecasts on the Iraq crisis by an independent recount, without code of the package.

python tests/oracle_iraq.py data/iraq_crisis_events.csv forecasts.parquet
"""

import csv
import math
import sys
from datetime import date
from pathlib import Path

import pandas as pd


def recount(raw, forecasts, start="2019-10-01", end="2021-12-31", refit_every=28, h=7):
    """Return the number of wrong outcomes and the largest difference in ewma_nb probabilities."""
    start, end = date.fromisoformat(start).toordinal(), date.fromisoformat(end).toordinal()
    events, counted = {}, {}
    for r in csv.DictReader(Path(raw).read_text(encoding="utf-8").splitlines()):
        # Day, place and tag are the same in all versions of an event: the first one counts.
        kept = counted.setdefault(r["event_id"], r)
        assert kept["reported_date"] <= r["reported_date"]
        if any(kept[c] != r[c] for c in ("event_date", "site", "counts_as_installation_attack")):
            raise ValueError(f"{r['event_id']} was moved")
    for r in counted.values():
        pair = [date.fromisoformat(r[c]).toordinal() for c in ("event_date", "reported_date")]
        for unit in ("all", r["site"]) if r["counts_as_installation_attack"] == "1" else ():
            events.setdefault(unit, []).append(pair)

    def ahead(unit, t, known):
        return sum(t < e <= t + h and k <= known and e >= start for e, k in events[unit])

    def ages(unit, t):
        return [t - e for e, k in events[unit] if start <= e <= t and k <= t]

    wrong, worst, own = 0, 0.0, forecasts[forecasts["model"] == "ewma_nb"]
    for unit, day, outcome in forecasts[["unit", "day", "outcome"]].itertuples(index=False):
        t = day.toordinal()
        truth = float(ahead(unit, t, end) >= 1) if t + h <= end else None
        wrong += (truth is None) != pd.isna(outcome) or truth not in (None, outcome)
    entry = {unit: max(start, min(k for _, k in pairs)) for unit, pairs in events.items()}
    origins = sorted({day.toordinal() for day in own["day"]})
    for i in range(0, len(origins), refit_every):
        now, block = origins[i], set(origins[i : i + refit_every])
        train = [(unit, t) for unit in events for t in range(entry[unit], now - h + 1)]
        level = [sum(age < 28 for age in ages(*row)) * h / 28 for row in train]
        error = [(ahead(*row, now) - m) ** 2 for row, m in zip(train, level, strict=True)]
        d = min(max(sum(error) / sum(level), 1.1), 30.0)
        for row in own[[day.toordinal() in block for day in own["day"]]].itertuples():
            s = sum(math.exp(-age / 21) for age in ages(row.unit, row.day.toordinal()))
            p = 1 - d ** (-max(s / 21 * h, 0.02) / (d - 1))
            worst = max(worst, abs(p - row.probability))
    return wrong, worst


if __name__ == "__main__":
    print("wrong outcomes, worst difference:", *recount(sys.argv[1], pd.read_parquet(sys.argv[2])))
