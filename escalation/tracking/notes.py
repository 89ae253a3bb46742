"""Descriptions in Markdown of experiments, runs and model versions; the outcome comes first."""

from __future__ import annotations

from typing import Any

import pandas as pd

from escalation import schema
from escalation.backtest.train import Trained, unverified_reason
from escalation.experiment import target_label
from escalation.scoring.described import track_record_of
from escalation.scoring.usual import track_in_words
from escalation.targets.wording import definition
from escalation.tracking.compared_text import markdown_table

MOST_MODELS = 20


def experiment_note(trained: Trained) -> str:
    """The experiment: all labels are defined in the first line, which MLflow shows when folded."""
    experiment = trained.case.experiment
    definitions = {target_label(label): definition(label) for label in experiment.labels}
    if len(definitions) > 1:
        first_line = " ".join(f"`{label}`: {text}" for label, text in definitions.items())
    else:
        (first_line,) = definitions.values()
    return f"{first_line}\n\n{experiment.experiment.description}\n\n" + (
        "A run is a training; the runs below it are its models. Skill is the share of a baseline's "
        "Brier score that a model saves: above 0 is better, and a difference is significant if the "
        "95% interval (`_lower`, `_upper`) lies above 0.\n"
    )


def parent_note(trained: Trained) -> str:
    """A training: outcome, verdict, data, models by Brier score."""
    prepared, first = trained.case.prepared, trained.summary.iloc[0]
    days = trained.forecasts[schema.DAY]
    data = prepared.archive.until(trained.trained_to)
    return (
        f"{definition(trained.case.target)}\n\n"
        f"**Best: `{trained.best}`**, {_verdict_of(trained, trained.best)}. "
        f"{trained.no_change_sentence}\n\n"
        f"{first['rows']:,} forecasts on {first['dates']:,} dates, {days.min():%Y-%m-%d} to "
        f"{days.max():%Y-%m-%d}, for {first['units']:,} units; {first['positives']:,} positive. "
        f"Data `{data.digest[:12]}`, known dates {data.known_basis}, trained on data up to "
        f"{trained.trained_to}.\n\n{_table(trained.summary)}\n\n"
        "Brackets hold 95% intervals over blocks of whole dates; p is of the Diebold-Mariano test "
        "of equal Brier scores. In charts, the steps of `over_origins` are forecast dates, those "
        "of `alerts_a_week` are numbers of alerts.\n\n"
        "Where it is wrong: `figures/where.png`, `tables/by_month.csv`, `tables/by_unit.csv`; "
        "whether its probabilities are reliable: `figures/reliability.png` of each model; what "
        "they are worth in decisions: `figures/decisions.png`. To make a challenger the champion: "
        "`escalation promote`.\n"
    )


def child_note(trained: Trained, model: str) -> str:
    """One model of a training.

    Parameters
    ----------
    trained : Trained
    model : str
    """
    row = _row_of(trained, model)
    return (
        f"`{model}`: {_verdict_of(trained, model)}. Brier {_with_interval(row, 'brier')}; skill "
        f"over ewma_nb {_with_interval(row, 'skill_vs_ewma_nb', percent=True)}, over climatology "
        f"{_with_interval(row, 'skill_vs_climatology', percent=True)}.\n\n"
        f"{track_in_words(track_record_of(trained, model))}\n\n"
        f"{definition(trained.case.target)}\n"
    )


def version_note(trained: Trained) -> str:
    """A version of the registered model."""
    digest = trained.case.prepared.archive.until(trained.trained_to).digest
    caution = unverified_reason(trained.summary)
    return (
        f"`{trained.best}`, trained on data up to {trained.trained_to} (`{digest[:12]}`).\n\n"
        + (f"**{caution[0].upper()}{caution[1:]}.**\n\n" if caution else "")
        + child_note(trained, trained.best)
    )


def _verdict_of(trained: Trained, model: str) -> str:
    """The comparison's verdict; the baseline is not compared with itself."""
    return "the baseline to beat" if model == "ewma_nb" else _row_of(trained, model)["verdict"]


def _row_of(trained: Trained, model: str) -> dict[str, Any]:
    row: dict[str, Any] = trained.summary.set_index("model").loc[model].to_dict()
    return row


def _with_interval(row: dict[str, Any], name: str, *, percent: bool = False) -> str:
    """A score with the ends of its interval.

    Examples
    --------
    >>> _with_interval({"brier": 0.1, "brier_lower": 0.05, "brier_upper": 0.2}, "brier")
    '0.100 [0.050, 0.200]'
    """
    value, low, high = (row[f"{name}{end}"] for end in ("", "_lower", "_upper"))

    def formatted(number: Any) -> str:
        if pd.isna(number):
            return "-"
        return f"{number:+z.1%}" if percent else f"{number:.3f}"

    if low == high:  # the baseline against itself
        return "-"
    if pd.isna(low):
        return formatted(value)
    return f"{formatted(value)} [{formatted(low)}, {formatted(high)}]"


def short_skill(trained: Trained, model: str) -> dict[str, str]:
    """Skill in percent with its interval, short enough for a column of the page of runs.

    Parameters
    ----------
    trained : Trained
    model : str
    """
    row = _row_of(trained, model)
    names = {"skill_pct": "skill_vs_ewma_nb", "vs_clim_pct": "skill_vs_climatology"}
    return {short: _in_percent(row, name) for short, name in names.items()}


def _in_percent(row: dict[str, Any], name: str) -> str:
    value, low, high = (row[f"{name}{end}"] for end in ("", "_lower", "_upper"))
    if pd.isna(value) or low == high:  # the baseline against itself
        return "-"
    rounded = f"{100 * value:+z.0f}"
    return rounded if pd.isna(low) else f"{rounded} [{100 * low:.0f},{100 * high:.0f}]"


def comparison(summary: pd.DataFrame) -> pd.DataFrame:
    """The comparison of models as text, best Brier score first."""
    columns = ("model", "Brier", "skill vs ewma_nb", "p", "skill vs climatology", "AUC", "verdict")
    rows = [
        (
            row["model"],
            _with_interval(row, "brier"),
            _with_interval(row, "skill_vs_ewma_nb", percent=True),
            "-" if pd.isna(row["dm_vs_ewma_nb_p"]) else f"{row['dm_vs_ewma_nb_p']:.3f}",
            _with_interval(row, "skill_vs_climatology", percent=True),
            "-" if pd.isna(row["auc"]) else f"{row['auc']:.2f}",
            row["verdict"],
        )
        for row in summary.sort_values("brier").to_dict("records")
    ]
    return pd.DataFrame(rows, columns=list(columns))


def _table(summary: pd.DataFrame) -> str:
    table = comparison(summary).head(MOST_MODELS)
    return markdown_table([table.columns.tolist(), *table.to_numpy().tolist()])
