"""Learns the numbers of the model ``prior`` again, seeded, from open data of conflicts.

    python experiments/prior.py        # writes escalation/models/prior.json and prior.md

Small archives are cut at random from each conflict: 450 days, some of its units, nothing after
2019. The penalty is chosen by leaving one conflict out, and so are the figures of the card: a
conflict's archives are forecast with numbers learnt on the other conflicts. Both files of Iraq are
one conflict.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from skill_data import DATA, SHARED
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from escalation import models, schema
from escalation.errors import EscalationError
from escalation.events.archive import EventArchive
from escalation.models.ewma_nb import EwmaNB
from escalation.models.pool import AVERAGE_COLUMNS
from escalation.models.prior import TERMS, inputs_of
from escalation.panel.dense import PanelSpec
from escalation.panel.history import history
from escalation.targets import TARGETS, labels, look_back

FOLDER = Path(models.__file__).parent
CONFLICTS = {"Iraq": ("ucdp_iraq", "iraq_2007"), "Syria": ("ucdp_syria",), "Israel": ("israel",)}
LABELS = ("any", "onset", "exceed")
HORIZONS = (1, 3, 7, 30, 90)
SCORED = (7, 30)
LAST_DAY = np.datetime64("2019-12-31")
ARCHIVES = 30
"""Of each conflict."""
DAYS = 450
UNITS = (3, 12)
EVERY = 7
REFIT = 30
YOUNG = 180
PENALTIES = (0.0003, 0.003)
SEED = 7
COLUMNS = (*AVERAGE_COLUMNS, "history_days_since", "history_sum_360d", "history_mean")


@dataclass(frozen=True)
class Rows:
    """Rows of one small archive for one label at one horizon, every seventh day."""

    label: str
    horizon: int
    X: pd.DataFrame
    outcome: np.ndarray
    count: np.ndarray
    day: np.ndarray

    @cached_property
    def baseline(self) -> np.ndarray:
        """``ewma_nb`` as it would have been issued."""
        return _as_issued(self)

    @cached_property
    def inputs(self) -> np.ndarray:
        """What the regression sees."""
        values = self.X[[*COLUMNS, schema.THRESHOLD]].to_numpy(np.float64).T
        return inputs_of(values[:6], *values[6:], horizon=self.horizon, at=self.horizon)


def cut(archive: EventArchive, unit: str, rng: np.random.Generator) -> EventArchive | None:
    """A random window and random units of an archive; nothing where too little happened."""
    table = archive.as_of(archive.covered_to)
    first = table[schema.EVENT_DATE].min()
    span = (min(pd.Timestamp(LAST_DAY), pd.Timestamp(archive.covered_to)) - first).days - DAYS
    start = first + pd.Timedelta(int(rng.integers(0, max(span, 1))), "D")
    end = start + pd.Timedelta(DAYS, "D")
    table = table[(table[schema.EVENT_DATE] >= start) & (table[schema.KNOWN_DATE] <= end)]
    table = table[table[schema.EVENT_DATE] <= pd.Timestamp(LAST_DAY)]
    cell = table["admin1"] if unit == "admin1" else _cells(table)
    names = np.sort(cell.dropna().unique().astype(str))
    if not len(names):
        return None
    kept = rng.choice(names, min(len(names), int(rng.integers(*UNITS))), replace=False)
    table = table[cell.astype(str).isin(kept)]
    return EventArchive.of(table, covered_to=end) if len(table) >= 10 else None


def _cells(table: pd.DataFrame) -> pd.Series:
    """Half degree cells, as units of the cut only."""
    half = (np.floor(table[["latitude", "longitude"]].astype(float) * 2)).fillna(9999).astype(int)
    return half["latitude"].astype(str) + "_" + half["longitude"].astype(str)


def rows_of(archive: EventArchive, unit: str) -> list[Rows]:
    """Every label at every horizon of a small archive."""
    found = []
    past = history(archive, PanelSpec((unit,), TARGETS[LABELS[0]]().channels()))
    last = len(past.days) - 1
    final = past.panel_at(last)
    for name in LABELS:
        for h in HORIZONS:
            target = TARGETS[name](horizon=h)
            back = look_back(target, past)
            said = labels(target, back, final, covered=last)
            at = (np.arange(last + 1) % EVERY == 0) & (np.arange(last + 1) >= EVERY)
            unit_at, day = np.nonzero(said.at_risk & ~np.isnan(said.count) & at)
            X = pd.DataFrame({key: back.history[key][unit_at, day] for key in back.history})
            X[schema.THRESHOLD] = said.threshold[unit_at, day]
            if not len(day):
                continue
            found.append(
                Rows(name, h, X, said.outcome[unit_at, day], said.count[unit_at, day], day)
            )
    return found


def small_archives() -> dict[str, list[list[Rows]]]:
    """Of each conflict; the same on every run."""
    found: dict[str, list[list[Rows]]] = {}
    for place, (conflict, files) in enumerate(CONFLICTS.items()):
        found[conflict] = []
        for number, name in enumerate(files):
            read, unit, _ = DATA[name]
            archive, rng = read(0), np.random.default_rng([SEED, place, number])
            wanted = len(found[conflict]) + ARCHIVES // len(files)
            for _ in range(5 * ARCHIVES):
                if len(found[conflict]) >= wanted:
                    break
                small = cut(archive, unit, rng)
                if small is not None:
                    try:
                        found[conflict].append(rows_of(small, unit))
                    except EscalationError as error:
                        sys.stderr.write(f"{name}: left out: {error}\n")
        sys.stderr.write(f"{conflict}: {len(found[conflict])} archives\n")
    return found


def learn(archives: dict[str, list[list[Rows]]], label: str, penalty: float) -> np.ndarray:
    """Coefficients on the plain inputs, the intercept first; each conflict has the same weight."""
    Z, y, weight = [], [], []
    for parts in archives.values():
        rows = [one for part in parts for one in part if one.label == label and len(one.outcome)]
        size = sum(len(one.outcome) for one in rows)
        for one in rows:
            Z.append(one.inputs)
            y.append(one.outcome)
            weight.append(np.full(len(one.outcome), 1.0 / size))
    X, w = np.concatenate(Z), np.concatenate(weight)
    scaler = StandardScaler().fit(X)
    scaler.scale_ = np.where(scaler.scale_ > 1e-6, scaler.scale_, 1.0)
    fit = LogisticRegression(C=1.0 / penalty, solver="newton-cholesky")
    fit.fit(scaler.transform(X), np.concatenate(y), sample_weight=w / len(archives))
    slope = fit.coef_[0] / scaler.scale_
    return np.array([fit.intercept_[0] - slope @ scaler.mean_, *slope])


def _as_issued(rows: Rows) -> np.ndarray:
    """``ewma_nb`` as it would have been issued: refitted every 30 days on what had resolved."""
    issued = np.full(len(rows.day), np.nan)
    for start in range(0, DAYS + 2, REFIT):
        now = (rows.day >= start) & (rows.day < start + REFIT)
        known = rows.day + rows.horizon <= start
        if not now.any():
            continue
        if known.sum() < 2:
            fit = EwmaNB(horizon=rows.horizon).fit(rows.X[now], np.zeros(now.sum()))
            fit.dispersion_ = 1.1
        else:
            fit = EwmaNB(horizon=rows.horizon)
            fit.fit(rows.X[known], rows.outcome[known], count=rows.count[known])
        issued[now] = fit.predict_proba(rows.X[now])[:, 1]
    return issued


def losses(parts: list[list[Rows]], label: str, horizon: int, beta: np.ndarray) -> np.ndarray:
    """Summed Brier score of the baseline and of the prior, by archive: all days, first 180 days,

    and of their mean on log-odds for weights 0, 0.2, ... 1 of the prior.
    """
    out = []
    for part in parts:
        for rows in part:
            if rows.label != label or rows.horizon != horizon or not len(rows.outcome):
                continue
            base = rows.baseline
            own = beta[0] + rows.inputs @ beta[1:]
            odds = np.log(base / (1 - base))
            mixed = [1 / (1 + np.exp(-(w * own + (1 - w) * odds))) for w in WEIGHTS]
            young = rows.day < YOUNG
            brier = (np.stack(mixed) - rows.outcome) ** 2
            out.append([brier.sum(axis=1), brier[:, young].sum(axis=1)])
    return np.array(out)


WEIGHTS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def gain(sums: np.ndarray, rng: np.random.Generator, weight: int) -> tuple[float, float, float]:
    """Percent less Brier score than the baseline, with a 95% interval over archives."""
    base, own = sums[:, 0], sums[:, weight]
    if not base.any():
        return np.nan, np.nan, np.nan
    draw = rng.integers(0, len(sums), (2000, len(sums)))
    value = 100 * (1 - own[draw].sum(axis=1) / base[draw].sum(axis=1))
    low, high = np.nanquantile(value, [0.025, 0.975])
    return 100 * (1 - own.sum() / base.sum()), float(low), float(high)


def first_days(scores: dict[tuple[str, int], np.ndarray]) -> float:
    """Mean gain of the first 180 days over conflicts and horizons, where any was scored."""
    parts = [s[:, 1] for s in scores.values() if s[:, 1, 0].any()]
    return float(np.mean([1 - s[:, -1].sum() / s[:, 0].sum() for s in parts]))


def main() -> int:
    """Learn, measure, write."""
    if not SHARED.is_dir():
        sys.stderr.write(f"skipped: no event files at {SHARED}\n")
        return 0
    archives = small_archives()
    coefficients, lines, weights = {}, [], []
    for label in LABELS:
        by_penalty = {}
        for penalty in PENALTIES:
            scores = {}
            for conflict in CONFLICTS:
                others = {name: parts for name, parts in archives.items() if name != conflict}
                beta = learn(others, label, penalty)
                for h in SCORED:
                    scores[conflict, h] = losses(archives[conflict], label, h, beta)
            by_penalty[penalty] = scores
        mean = {
            p: np.mean([1 - s[:, 0, -1].sum() / s[:, 0, 0].sum() for s in scores.values()])
            for p, scores in by_penalty.items()
        }
        penalty = max(mean, key=lambda p: mean[p])
        beta = learn(archives, label, penalty)
        if min(mean[penalty], first_days(by_penalty[penalty])) > 0.0:
            coefficients[label] = [float(f"{value:.6g}") for value in beta]
        rng = np.random.default_rng(SEED)
        for (conflict, h), sums in by_penalty[penalty].items():
            cells = [gain(sums[:, early], rng, len(WEIGHTS) - 1) for early in (0, 1)]
            told = " | ".join(f"{a:+.1f} [{b:+.1f}, {c:+.1f}]" for a, b, c in cells)
            lines.append(f"| {label} | {h} | {conflict} | {len(sums)} | {told} |")
            mixes = [gain(sums[:, 0], rng, w)[0] for w in range(len(WEIGHTS))]
            mixed = " | ".join(f"{value:+.1f}" for value in mixes[1:])
            weights.append(f"| {label} | {h} | {conflict} | {mixed} |")
        sys.stderr.write(f"{label}: penalty {penalty}, {mean}\n")
    numbers = {"inputs": ["intercept", *TERMS], "coefficients": coefficients}
    (FOLDER / "prior.json").write_text(json.dumps(numbers, indent=1) + "\n", "utf-8")
    card = Path(__file__).with_name("prior_card.md").read_text("utf-8")
    card = card.replace("{gains}", "\n".join(lines)).replace("{weights}", "\n".join(weights))
    (FOLDER / "prior.md").write_text(card, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
