"""Realistic leaks: feature families that look ahead, and pipeline stages that cheat.

A family is a function of the panel. A stage is a function that takes ``monkeypatch`` and replaces
an honest stage by a leaking one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from escalation import schema
from escalation.backtest import case, table
from escalation.backtest import rolling as backtest
from escalation.events.archive import EventArchive
from escalation.events.versions import EVENT_KEY as KEY
from escalation.panel import kernels
from escalation.targets import labels


def column(name, values):
    return {name: np.asarray(values, dtype=np.float32)}


def ahead(values, days):
    """Return the values of some days later, with zeros at the end."""
    out = np.zeros_like(values)
    out[:, :-days] = values[:, days:]
    return out


def tomorrow(panel):
    return column("events_tomorrow", ahead(panel["events"], 1))


def wrong_sign(panel):
    return column("events_3_days_ago", ahead(panel["events"], 3))


def wrapped_around(panel):
    return column("events_yesterday", np.roll(panel["events"], -1, axis=1))


def centred_window(panel):
    x = panel["events"]
    return column("events_smooth", x + ahead(x, 1) + np.pad(x, ((0, 0), (1, 0)))[:, :-1])


def whole_sample_scaling(panel):
    x = panel["events"]
    return column("events_scaled", (x - x.mean(axis=1, keepdims=True)) / (x.std() + 1.0))


def whole_sample_threshold(panel):
    x = np.cumsum(panel["events"], axis=1)
    return column("events_high", x > np.quantile(x, 0.9, axis=1, keepdims=True))


def whole_sample_rank(panel):
    return column("events_rank", np.argsort(np.argsort(panel["killed"], axis=1), axis=1))


def back_fill(panel):
    frame = pd.DataFrame(panel["killed"].T).where(panel["killed"].T > 0)
    return column("killed_filled", frame.bfill().fillna(0).to_numpy().T)


def interpolated(panel):
    frame = pd.DataFrame(panel["severity"].T).where(panel["severity"].T > 0)
    return column("severity_between", frame.interpolate().fillna(0).to_numpy().T)


def both_ways_smoothing(panel):
    keep = np.array([0.7])
    forward = kernels.decaying_sums(panel["events"], keep)[0].astype(np.float32)
    return column("events_level", kernels.decaying_sums(forward[:, ::-1].copy(), keep)[0][:, ::-1])


def days_until_next(panel):
    return column(
        "days_until", kernels.days_since(panel["events"][:, ::-1].copy(), 1.0, 99)[:, ::-1]
    )


def sorted_by_outcome(panel):
    total = panel["killed"].sum(axis=1, keepdims=True)
    return column("place_in_ranking", np.broadcast_to(total, panel.shape))


def days_left(panel):
    left = np.arange(panel.shape[1])[::-1]
    return column("days_left", np.broadcast_to(left, panel.shape))


def neighbours_ahead(local, panel, rows):
    sums = local["events_sum_3d"]
    return column("others_events_next_3d", ahead(sums.sum(axis=0, keepdims=True) - sums[rows], 3))


FAMILIES = (
    tomorrow, wrong_sign, wrapped_around, centred_window, whole_sample_scaling,
    whole_sample_threshold, whole_sample_rank, back_fill, interpolated, both_ways_smoothing,
    days_until_next, sorted_by_outcome, days_left,
)  # fmt: skip


def versions_from(monkeypatch, change):
    """Use the histories of a changed archive."""
    true = table.history
    monkeypatch.setattr(table, "history", lambda archive, *a, **k: true(change(archive), *a, **k))


def entering(monkeypatch, entry_of):
    """Let units enter on days from another source."""
    true = table.history

    def early(archive, *args, **options):
        past = true(archive, *args, **options)
        return replace(past, entry=entry_of(archive, past))

    monkeypatch.setattr(table, "history", early)


def unit_enters_early(monkeypatch):
    entering(monkeypatch, lambda _, past: np.zeros_like(past.entry))


def entry_backdated(monkeypatch):
    def first_event(archive, past):
        named = archive.versions.groupby(schema.SITE)[schema.EVENT_DATE].min()
        day = [named.get(unit, archive.first_day) for unit in past.units]
        index = (np.array(day, dtype="datetime64[D]") - past.days[0]).astype(np.int64)
        return np.minimum(past.entry, np.maximum(index, 0))

    entering(monkeypatch, first_event)


def revised_casualties_early(monkeypatch):
    def revised(archive):
        versions = archive.versions.copy()
        versions[schema.KILLED] = versions.groupby(KEY)[schema.KILLED].transform("max")
        return replace(archive, versions=versions)

    versions_from(monkeypatch, revised)


def late_reports_on_their_event_day(monkeypatch):
    def on_the_day(archive):
        versions = archive.versions
        first = versions[schema.OPERATION] == "add"
        known = versions[schema.KNOWN_DATE].mask(first, versions[schema.EVENT_DATE])
        return replace(archive, versions=versions.assign(**{schema.KNOWN_DATE: known}))

    versions_from(monkeypatch, on_the_day)


def as_of_ignored(monkeypatch):
    def latest_only(archive):
        last = archive.versions.drop_duplicates(KEY, keep="last")
        last = last[last[schema.OPERATION] != "retract"]
        last = last.assign(**{schema.KNOWN_DATE: last[schema.EVENT_DATE]})
        return EventArchive.of(last, covered_to=archive.covered_to)

    versions_from(monkeypatch, latest_only)


def labels_from(monkeypatch, how):
    """Compute labels by ``how(prepared, target, back, day)``."""
    monkeypatch.setattr(table.Prepared, "labels_at", how)


def retractions_known_only_later(monkeypatch):
    def final(self, target, back, day):
        panel = self.panel_on(self.archive.covered_to)
        return labels(target, back, panel, covered=self.index_of(day) - self.lag)

    labels_from(monkeypatch, final)


def unresolved_labels(monkeypatch):
    def unfinished(self, target, back, day):
        return labels(target, back, self.panel_on(day), covered=self.index_of(day) + target.horizon)

    labels_from(monkeypatch, unfinished)


def lag_forgotten(monkeypatch):
    def prompt(self, target, back, day):
        return labels(target, back, self.panel_on(day), covered=self.index_of(day))

    labels_from(monkeypatch, prompt)


def no_embargo(monkeypatch):
    def all_before(self, day, labels=None):
        known = self.labels_on(self.prepared.days[-1])
        rows = table.training_rows(self.prepared, known, last=self.prepared.index_of(day))
        return self.prepared.table(self.back, known, rows)

    monkeypatch.setattr(backtest.Case, "training_table", all_before)


def row_wise_split(monkeypatch):
    def any_rows(self, day, labels=None):
        known = self.labels_on(self.prepared.days[-1])
        units, days = table.training_rows(self.prepared, known, last=len(self.prepared.days))
        keep = np.random.default_rng(0).random(len(units)) < 0.7
        return self.prepared.table(self.back, known, (units[keep], days[keep]))

    monkeypatch.setattr(backtest.Case, "training_table", any_rows)


def label_with(monkeypatch, change):
    true = kernels.ahead_sum
    monkeypatch.setattr(kernels, "ahead_sum", lambda x, horizon: change(true, x, horizon))


def label_includes_today(monkeypatch):
    label_with(monkeypatch, lambda true, x, h: true(x, h) + x)


def label_looks_too_far(monkeypatch):
    label_with(monkeypatch, lambda true, x, h: np.pad(true(x, h + 2), ((0, 0), (0, 2)))[:, :-2])


def looking_back(monkeypatch, change):
    """Change the look back by ``change(back, events)``."""
    true = table.look_back

    def cheat(target, past):
        today = past.panel().series("events").window_sums(np.array([1]))[0]
        return change(true(target, past), today)

    monkeypatch.setattr(table, "look_back", cheat)


def threshold_from_the_future(monkeypatch):
    def typical(back, events):
        return replace(back, threshold=np.ceil(back.threshold + events.mean(1, keepdims=True)))

    looking_back(monkeypatch, typical)


def at_risk_from_the_future(monkeypatch):
    def active(back, events):
        return replace(back, at_risk=back.at_risk & (ahead(events, 5) + ahead(events, 1) > 0))

    looking_back(monkeypatch, active)


def history_from_the_future(monkeypatch):
    def soon(back, events):
        mean = back.history["history_mean"] + ahead(events, 2)
        return replace(back, history={**back.history, "history_mean": mean})

    looking_back(monkeypatch, soon)


def tables_with(monkeypatch, change):
    """Change the inputs of models by ``change(prepared, known, table)``."""
    true = table.Prepared.table

    def cheat(self, back, known, rows):
        made = true(self, back, known, rows)
        return replace(made, X=change(self, known, rows, made.X))

    monkeypatch.setattr(table.Prepared, "table", cheat)


def target_encoding(monkeypatch):
    def encode(prepared, known, rows, X):
        return X.assign(unit_rate=np.nan_to_num(np.nanmean(known.outcome, axis=1))[rows[0]])

    tables_with(monkeypatch, encode)


def inputs_scaled_by_all_rows(monkeypatch):
    def scale(prepared, known, rows, X):
        level = prepared.features["events_sum_3d"].mean()
        return X.assign(events_sum_3d=X["events_sum_3d"] - level)

    tables_with(monkeypatch, scale)


def category_list_from_the_future(monkeypatch):
    true = case.with_features

    def with_categories(prepared, experiment):
        made = true(prepared, experiment)
        sites = prepared.archive.versions[schema.SITE]
        names = tuple(f"site_is_{site}" for site in sorted(set(sites)))
        blank = np.zeros((len(names), *made.features.values.shape[1:]), np.float32)
        features = replace(
            made.features, names=(*made.features.names, *names),
            values=np.concatenate([made.features.values, blank]),
        )  # fmt: skip
        return replace(made, features=features)

    monkeypatch.setattr(case, "with_features", with_categories)


def predicting(monkeypatch, change):
    """Change predictions by ``change(probability, outcome)``."""
    true = backtest.predict

    def cheat(models, shown, **options):
        outcome = np.nan_to_num(shown.outcome)
        said = true(models, shown, **options)
        return {name: change(p, outcome) if len(p) else p for name, p in said.items()}

    monkeypatch.setattr(backtest, "predict", cheat)


def calibrator_fitted_on_test(monkeypatch):
    predicting(monkeypatch, lambda p, y: np.clip(p + y.mean() - p.mean(), 0.001, 0.999))


def forecasts_sorted_by_outcome(monkeypatch):
    predicting(monkeypatch, lambda p, y: np.sort(p)[np.argsort(np.argsort(y, kind="stable"))])


STAGES = (
    unit_enters_early, entry_backdated, revised_casualties_early, late_reports_on_their_event_day,
    as_of_ignored, retractions_known_only_later, unresolved_labels, lag_forgotten, no_embargo,
    row_wise_split, label_includes_today, label_looks_too_far, threshold_from_the_future,
    at_risk_from_the_future, history_from_the_future, target_encoding, inputs_scaled_by_all_rows,
    category_list_from_the_future, calibrator_fitted_on_test, forecasts_sorted_by_outcome,
)  # fmt: skip
