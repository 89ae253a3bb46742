"""Compare two runs on the rows that both forecast, and store the result in both."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from escalation import metrics
from escalation.errors import GateError, UsageError
from escalation.metrics.summary import FEWEST_POSITIVES
from escalation.tracking.compared_text import SAME, SHORT, html_page, markdown_section, one_line
from escalation.tracking.gate import common_rows
from escalation.tracking.loading import existing_store, forecasts_in
from escalation.tracking.place import store_uri
from escalation.tracking.run_names import (
    NEWEST,
    PARENT_TAG,
    PREVIOUS,
    find_run,
    run_title,
    siblings,
    trainings,
)
from escalation.tracking.store import NOTE_TAG, storage

_BEFORE, _AFTER = "before", "after"
COMPARED_TAG = "compared."
"""Prefix of tags that hold a comparison; the start of the other run's ID follows."""
_LINE = "**Compared with "
_SECTION = "\n\n## Compared with other runs\n\n"
_CODE_AND_DATA = {"data": "events", "code_digest": "code"}
"""Tags that are compared like parameters, and their names in the table of differences."""
_SCORES = ("skill", "skill_lower", "skill_upper")


@dataclass(frozen=True, repr=False)
class RunComparison:
    """How much better one run forecasts than another, and what differs between them.

    Parameters
    ----------
    before, after : str
        The runs, by the start of their IDs and their names.
    table : DataFrame
        One row per label and model: ``rows``, ``dates``, ``positives``, ``brier_before``,
        ``brier_after``, and ``skill`` of the second over the first with ``_lower`` and
        ``_upper`` (95%, over blocks of dates), and a ``verdict``. The best of each run come first.
    differences : DataFrame
        Columns ``key``, ``before``, ``after``: of the experiments, the events and the code.
    seen : int
        Comparisons that the MLflow experiment has seen, this one included.
    """

    before: str
    after: str
    table: pd.DataFrame
    differences: pd.DataFrame
    seen: int

    def __str__(self) -> str:
        return markdown_section(self)

    def __repr__(self) -> str:
        return f"RunComparison: {self.after} against {self.before}\n  {one_line(self.table)}"

    def _repr_html_(self) -> str:
        return html_page(self)


def compare_runs(
    before: str = PREVIOUS, after: str = NEWEST, *, tracking_uri: str | None = None, seed: int = 0
) -> RunComparison:
    """Compare two runs on the same label, unit and day, and store the result in both.

    Parameters
    ----------
    before, after : str, optional
        A run's ID, the start of one, its name, ``latest`` or ``previous``. A training stands for
        all its labels and models, the run of a model for that model alone.
    tracking_uri : str, optional
        The store; that of ``MLFLOW_TRACKING_URI`` or ``mlflow.db`` in this folder by default.
    seed : int, optional
        Of the bootstrap.

    Returns
    -------
    RunComparison

    Raises
    ------
    UsageError
        ``E-RUN`` for a run that does not exist, is named ambiguously, or is the same as the other.
    GateError
        ``E-NOT-COMPARABLE`` if they have no forecast in common.
    """
    client = existing_store(store_uri(tracking_uri))
    with storage():
        runs = find_run(client, before), find_run(client, after)
        pairs = _by_label(*(siblings(client, run) for run in runs))
        only = [run.data.tags["model"] for run in runs if PARENT_TAG in run.data.tags]
        tables = [_compare_label(client, *pair, only=only, seed=seed) for pair in pairs]
        tables = [table for table in tables if len(table)]
        if not tables:
            raise _not_comparable(*runs)
        comparison = RunComparison(
            run_title(runs[0]),
            run_title(runs[1]),
            pd.concat(tables, ignore_index=True),
            _differences(*pairs[0]),
            _count_comparisons(client, pairs),
        )
        for pair in pairs:
            _store(client, *pair, comparison)
    return comparison


def _by_label(before: list[Run], after: list[Run]) -> list[tuple[Run, Run]]:
    """The runs of each label that both trainings have."""
    if {run.info.run_id for run in before} & {run.info.run_id for run in after}:
        raise UsageError(
            "E-RUN",
            "this is the same training twice",
            value=run_title(after[0]),
            fix="name two runs",
        )
    old = {_label(run): run for run in before}
    pairs = [(old[_label(run)], run) for run in after if _label(run) in old]
    if not pairs:
        raise _not_comparable(before[0], after[0])
    return pairs


def _label(run: Run) -> str:
    return run.data.tags.get("target", "")


def _not_comparable(before: Run, after: Run) -> GateError:
    labels = (_label(run) or "no label" for run in (before, after))
    return GateError(
        "E-NOT-COMPARABLE",
        f"no forecasts of the same label, units and days in common ({' and '.join(labels)})",
        where=f"{run_title(before)}, {run_title(after)}",
        fix="compare runs of the same [[targets]] whose origins overlap",
    )


def _forecasts(client: MlflowClient, run: Run) -> pd.DataFrame:
    """All forecasts of a run; ``E-NOT-COMPARABLE`` if it holds none."""
    try:
        return forecasts_in(client, run.info.run_id)
    except (MlflowException, FileNotFoundError):
        raise GateError(
            "E-NOT-COMPARABLE",
            "the run holds no forecasts",
            value=run_title(run),
            fix="name a training, or a run that was filled by esc.log_run",
        ) from None


def _compare_label(
    client: MlflowClient, before: Run, after: Run, *, only: list[str], seed: int
) -> pd.DataFrame:
    """Compare each model with itself, and the best models of the two runs with each other."""
    old, new = (_forecasts(client, run) for run in (before, after))
    best = [run.data.tags.get("best") or run.data.params.get("best", "") for run in (before, after)]
    common = [name for name in new["model"].unique() if name in set(old["model"])]
    pairs = {name: (name, name) for name in common if not only or name in only}
    if only and len(set(only)) == 2:
        pairs = {f"{only[1]} against {only[0]}": (only[0], only[1])}
    elif not only and best[0] != best[1] and all(best):
        pairs = {f"best of each: {best[1]} against {best[0]}": (best[0], best[1]), **pairs}
    compared = [
        _compare_models(
            old[old["model"] == old_model], new[new["model"] == new_model], name=name, seed=seed
        )
        for name, (old_model, new_model) in pairs.items()
    ]
    first = best[1] if best[0] == best[1] else next(iter(pairs), "")
    rows = [row for row in compared if row]
    rows.sort(key=lambda row: (row["model"] != first, row["verdict"] == SAME))
    return pd.DataFrame(rows)


def _compare_models(
    old: pd.DataFrame, new: pd.DataFrame, *, name: str, seed: int
) -> dict[str, object]:
    """Scores on common rows with the second run's outcomes; empty if no common row has resolved."""
    try:
        forecasts = common_rows({_BEFORE: old, _AFTER: new}, newest=_AFTER)
        scores = metrics.skill_by(forecasts, "horizon", reference=_BEFORE, seed=seed)
    except GateError:
        return {}
    scores = scores.set_index("model")
    score = scores.loc[_AFTER]
    row = {
        "label": score["target"],
        "model": name,
        **{count: int(score[count]) for count in ("rows", "dates", "positives")},
        "brier_before": float(scores.loc[_BEFORE, "brier"]),
        "brier_after": float(score["brier"]),
        **{column: float(score[column]) if pd.notna(score[column]) else None for column in _SCORES},
    }
    return {**row, "verdict": _verdict(row)}


def _verdict(row: dict[str, object]) -> str:
    low, high = row["skill_lower"], row["skill_upper"]
    if row["brier_before"] == row["brier_after"]:
        return SAME
    if not isinstance(low, float) or not isinstance(high, float):
        return "too short to tell"
    if isinstance(row["positives"], int) and row["positives"] < FEWEST_POSITIVES:
        return f"fewer than {FEWEST_POSITIVES} positives: no verdict"
    if low > 0.0:
        return "better"
    return "worse" if high < 0.0 else "no difference shown"


def _differences(before: Run, after: Run) -> pd.DataFrame:
    """Settings that differ between the experiments, then the events and the code."""
    old, new = (
        {
            **run.data.params,
            **{name: run.data.tags.get(tag, "")[:12] for tag, name in _CODE_AND_DATA.items()},
        }
        for run in (before, after)
    )
    rows = [
        (key, old.get(key, "-"), new.get(key, "-"))
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key) and key != "best"
    ]
    return pd.DataFrame(rows, columns=["key", _BEFORE, _AFTER])


def _count_comparisons(client: MlflowClient, pairs: list[tuple[Run, Run]]) -> int:
    """Distinct pairs of runs compared so far in the experiments of these pairs, these included."""
    experiments = sorted({run.info.experiment_id for pair in pairs for run in pair})
    stored = {
        frozenset((run.info.run_id[:SHORT], tag.removeprefix(COMPARED_TAG)))
        for run in trainings(client, experiments)
        for tag in run.data.tags
        if tag.startswith(COMPARED_TAG)
    }
    return len(stored | {frozenset(run.info.run_id[:SHORT] for run in pair) for pair in pairs})


def _store(client: MlflowClient, before: Run, after: Run, comparison: RunComparison) -> None:
    """Store a page, a tag and a section of the description in both runs of one label."""
    comparison = _of_label(comparison, before, after)
    for run, other in ((before, after), (after, before)):
        run_id, short = run.info.run_id, other.info.run_id[:SHORT]
        new, old = comparison.after[:SHORT], comparison.before[:SHORT]
        summary = f"{new} over {old}: {one_line(comparison.table)}"
        client.set_tag(run_id, f"{COMPARED_TAG}{short}", summary[:500])
        client.log_text(run_id, html_page(comparison), f"comparisons/with_{short}.html")
        note = client.get_run(run_id).data.tags.get(NOTE_TAG, "")
        line = f"{_LINE}`{short}`**: {summary}. Details at the end."
        client.set_tag(run_id, NOTE_TAG, _with_comparison(note, line, markdown_section(comparison)))


def _of_label(comparison: RunComparison, before: Run, after: Run) -> RunComparison:
    """The part of a comparison that concerns one label, with the names of its runs."""
    table = comparison.table[comparison.table["label"] == _label(after)]
    if table.empty:
        return comparison
    return replace(
        comparison,
        before=run_title(before),
        after=run_title(after),
        table=table,
        differences=_differences(before, after),
    )


def _with_comparison(note: str, line: str, section: str) -> str:
    """Add the result to a description: a line after the first paragraph, details at the end."""
    first, *others = note.split(_SECTION)[0].split("\n\n")
    others = [paragraph for paragraph in others if not paragraph.startswith(_LINE)]
    return "\n\n".join([first, line, *others]) + _SECTION + section
