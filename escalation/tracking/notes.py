"""What a person reads first: descriptions in markdown, the definition of the outcome on top."""

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
    """Of the experiment, every label defined; collapsed, the page shows its first line only."""
    experiment = trained.case.experiment
    labels = experiment.labels
    defined = [f"`{target_label(one)}`: {definition(one)}" for one in labels]
    first = " ".join(defined) if len(labels) > 1 else definition(labels[0])
    return f"{first}\n\n{experiment.experiment.description}\n\n" + (
        "A run is a training; the runs below it are its models. Skill is the share of a baseline's "
        "Brier score that a model saves: above 0 is better, and a difference is real where the "
        "95% interval (`_lower`, `_upper`) lies above 0.\n"
    )


def parent_note(trained: Trained) -> str:
    """Of a training: outcome, verdict, data, models by Brier score."""
    prepared, first = trained.case.prepared, trained.summary.iloc[0]
    days = trained.forecasts[schema.DAY]
    data = prepared.archive.until(trained.trained_to)
    return (
        f"{definition(trained.case.target)}\n\n"
        f"**Best: `{trained.best}`**, {_verdict_of(trained, trained.best)}. "
        f"{trained.no_change_sentence}\n\n"
        f"{first['rows']:,} forecasts on {first['dates']:,} dates, {days.min():%Y-%m-%d} to "
        f"{days.max():%Y-%m-%d}, for {first['units']:,} units; {first['positives']:,} positive. "
        f"Data `{data.digest[:12]}`, known dates {data.known_basis}, learned up to "
        f"{trained.trained_to}.\n\n{_table(trained.summary)}\n\n"
        "Brackets hold 95% intervals over blocks of whole dates; p is of the Diebold-Mariano test "
        "of equal Brier scores. In charts, steps of `over_origins` are forecast dates, those of "
        "`alerts_a_week` the number of alerts.\n\n"
        "Where it is wrong: `figures/where.png`, `tables/by_month.csv`, `tables/by_unit.csv`; "
        "whether to believe a number: `figures/reliability.png` of each model; what it is worth: "
        "`figures/decisions.png`. To make a challenger the champion: `escalation promote`.\n"
    )


def child_note(trained: Trained, model: str) -> str:
    """Of one model of a training.

    Parameters
    ----------
    trained : Trained
    model : str

    Returns
    -------
    str
        Markdown.
    """
    row = _row_of(trained, model)
    return (
        f"`{model}`: {_verdict_of(trained, model)}. Brier {_interval_of(row, 'brier')}; skill over "
        f"ewma_nb {_interval_of(row, 'skill_vs_ewma_nb', percent=True)}, over climatology "
        f"{_interval_of(row, 'skill_vs_climatology', percent=True)}.\n\n"
        f"{track_in_words(track_record_of(trained, model))}\n\n"
        f"{definition(trained.case.target)}\n"
    )


def version_note(trained: Trained) -> str:
    """Of a version of the registered model."""
    return (
        f"`{trained.best}`, learned up to {trained.trained_to} from data "
        f"`{trained.case.prepared.archive.until(trained.trained_to).digest[:12]}`.\n\n"
        + (f"**N{caution[1:]}.**\n\n" if (caution := unverified_reason(trained.summary)) else "")
        + child_note(trained, trained.best)
    )


def _verdict_of(trained: Trained, model: str) -> str:
    """What the comparison says of a model; the baseline is not held against itself."""
    verdict = str(_row_of(trained, model)["verdict"])
    return "the baseline to beat" if model == "ewma_nb" else verdict


def _row_of(trained: Trained, model: str) -> dict[str, Any]:
    """A model's row of the comparison."""
    row: dict[str, Any] = trained.summary.set_index("model").loc[model].to_dict()
    return row


def _interval_of(row: dict[str, Any], name: str, *, percent: bool = False) -> str:
    """A number of the comparison with the ends of its interval.

    Examples
    --------
    >>> _interval_of({"brier": 0.1, "brier_lower": 0.05, "brier_upper": 0.2}, "brier")
    '0.100 [0.050, 0.200]'
    """
    value, low, high = (row[f"{name}{end}"] for end in ("", "_lower", "_upper"))

    def shown(number: Any) -> str:
        if pd.isna(number):
            return "-"
        return f"{number:+z.1%}" if percent else f"{number:.3f}"

    if low == high:  # the baseline against itself
        return "-"
    return shown(value) if pd.isna(low) else f"{shown(value)} [{shown(low)}, {shown(high)}]"


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
    whole = f"{100 * value:+z.0f}"
    return whole if pd.isna(low) else f"{whole} [{100 * low:.0f},{100 * high:.0f}]"


def comparison(summary: pd.DataFrame) -> pd.DataFrame:
    """The comparison in words, best Brier score first."""
    rows = summary.sort_values("brier").to_dict("records")
    return pd.DataFrame(
        {
            "model": [row["model"] for row in rows],
            "Brier": [_interval_of(row, "brier") for row in rows],
            "skill vs ewma_nb": [_interval_of(r, "skill_vs_ewma_nb", percent=True) for r in rows],
            "p": ["-" if pd.isna(p := row["dm_vs_ewma_nb_p"]) else f"{p:.3f}" for row in rows],
            "skill vs climatology": [
                _interval_of(row, "skill_vs_climatology", percent=True) for row in rows
            ],
            "AUC": ["-" if pd.isna(row["auc"]) else f"{row['auc']:.2f}" for row in rows],
            "verdict": [row["verdict"] for row in rows],
        }
    )


def _table(summary: pd.DataFrame) -> str:
    shown = comparison(summary).head(MOST_MODELS)
    return markdown_table([shown.columns.tolist(), *shown.to_numpy().tolist()])
