"""An independent recount of forecasts on the Iraq crisis from the raw CSV; shares no code with the package.

    python tests/oracle_iraq.py data/iraq_crisis_events.csv forecasts.parquet
"""

import csv
import math
import sys
from datetime import date

import pandas as pd


def recount(raw, forecasts, first="2019-10-01", last="2020-12-31", refit_every=14, h=7):
    """Largest disagreement in outcomes and in ewma_nb probabilities: (0, below 1e-9) is right."""
    start, end = date.fromisoformat(first).toordinal(), date.fromisoformat(last).toordinal()
    day = lambda text: date.fromisoformat(text).toordinal()  # noqa: E731
    rows = [r for r in csv.DictReader(open(raw, encoding="utf-8")) if r["counts_as_installation_attack"] == "1"]
    events = {"all": [(day(r["event_date"]), day(r["reported_date"])) for r in rows]}
    for r in rows:
        events.setdefault(r["site"], []).append((day(r["event_date"]), day(r["reported_date"])))
    ahead = lambda u, t, known: sum(t < e <= t + h and k <= known and e >= start for e, k in events[u])  # noqa: E731
    past = lambda u, t: [t - e for e, k in events[u] if e <= t and k <= t and e >= start]  # noqa: E731
    entry = {u: min(max(k, start) for _, k in es) for u, es in events.items()}
    wrong = 0
    for row in forecasts[["unit", "day", "outcome"]].itertuples(index=False):
        t = row.day.toordinal()
        truth = (ahead(row.unit, t, end) >= 1) if t + h <= end else None
        wrong += (truth is None) != pd.isna(row.outcome) or (truth is not None and truth != row.outcome)
    worst, own = 0.0, forecasts[forecasts["model"] == "ewma_nb"]
    origins = sorted({d.toordinal() for d in own["day"]})
    for i in range(0, len(origins), refit_every):
        now, block = origins[i], set(origins[i : i + refit_every])
        train = [(u, t) for u in events for t in range(max(entry[u], start), now - h + 1)]
        level = [sum(g < 28 for g in past(u, t)) * h / 28 for u, t in train]
        error = [(ahead(u, t, now) - m) ** 2 for (u, t), m in zip(train, level, strict=True)]
        d = min(max(sum(error) / sum(level), 1.1), 30.0)
        for row in own[[x.toordinal() in block for x in own["day"]]].itertuples(index=False):
            s = sum(math.exp(-g / 21) for g in past(row.unit, row.day.toordinal()))
            p = 1 - d ** (-max(s / 21 * h, 0.02) / (d - 1))
            worst = max(worst, abs(p - row.probability))
    return wrong, worst


if __name__ == "__main__":
    print("wrong outcomes %d, worst ewma_nb difference %.2g" % recount(sys.argv[1], pd.read_parquet(sys.argv[2])))
