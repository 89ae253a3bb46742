"""Two runs held against each other on the rows that both forecast, and the answer kept in both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from escalation import metrics, schema
from escalation.errors import GateError, UsageError
from escalation.metrics.paired import FORECAST_KEY, with_unit_key
from escalation.metrics.summary import FEWEST_POSITIVES
from escalation.tracking.compared_text import SAME, SHORT, html_page, markdown_section, one_line
from escalation.tracking.loading import existing_store, forecasts_in
from escalation.tracking.place import store_uri
from escalation.tracking.run_names import (
    NEWEST,
    PARENT_TAG,
    PREVIOUS,
    find_run,
    named,
    siblings,
    trainings,
)
from escalation.tracking.store import NOTE_TAG, storage

_BEFORE, _AFTER = "before", "after"
_BEST = "best of each"
COMPARED_TAG = "compared."
"""Tags of a run that say how it compares, by the start of the other run's ID."""
_LINE = "**Compared with "
_SECTION = "\n\n## Compared with other runs\n\n"
_TAGS = {"data": "events", "code_digest": "code"}
"""What differs besides the experiment: tags of a run, and what they are called here."""
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
        """Who against whom, and the first line of the answer."""
        return f"RunComparison: {self.after} against {self.before}\n  {one_line(self.table)}"

    def _repr_html_(self) -> str:
        return html_page(self)


def compare_runs(
    before: str = PREVIOUS, after: str = NEWEST, *, tracking_uri: str | None = None, seed: int = 0
) -> RunComparison:
    """Hold a run against another on the same label, unit and day, and keep the answer in both.

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
        ``E-RUN`` for a run that is not there, is named ambiguously, or is the same as the other.
    GateError
        ``E-NOT-COMPARABLE`` where they have no forecast in common.
    """
    client = existing_store(store_uri(tracking_uri))
    with storage():
        runs = find_run(client, before), find_run(client, after)
        pairs = _by_label(*(siblings(client, run) for run in runs))
        only = [run.data.tags["model"] for run in runs if PARENT_TAG in run.data.tags]
        tables = [
            table for pair in pairs if len(table := _compared(client, *pair, only=only, seed=seed))
        ]
        if not tables:
            raise _not_comparable(*runs)
        table = pd.concat(tables, ignore_index=True)
        done = RunComparison(
            named(runs[0]), named(runs[1]), table, _differences(*pairs[0]), _seen(client, pairs)
        )
        for pair in pairs:
            _keep(client, *pair, done)
    return done


def _by_label(before: list[Run], after: list[Run]) -> list[tuple[Run, Run]]:
    """The runs of each label that both trainings have."""
    if {run.info.run_id for run in before} & {run.info.run_id for run in after}:
        raise UsageError(
            "E-RUN", "this is the same training twice", value=named(after[0]), fix="name two runs"
        )
    labels = {_label(run): run for run in before}
    pairs = [(labels[_label(run)], run) for run in after if _label(run) in labels]
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
        where=f"{named(before)}, {named(after)}",
        fix="compare runs of the same [[targets]] whose origins overlap",
    )


def _forecasts(client: MlflowClient, run: Run) -> pd.DataFrame:
    """All forecasts that a run holds; ``E-NOT-COMPARABLE`` where it holds none."""
    try:
        return with_unit_key(forecasts_in(client, run.info.run_id))
    except (MlflowException, FileNotFoundError):
        raise GateError(
            "E-NOT-COMPARABLE",
            "the run holds no forecasts",
            value=named(run),
            fix="name a training, or a run that esc.log_run has filled",
        ) from None


def _compared(
    client: MlflowClient, before: Run, after: Run, *, only: list[str], seed: int
) -> pd.DataFrame:
    """One label: each model against itself, and the best of one run against that of the other."""
    old, new = (_forecasts(client, run) for run in (before, after))
    best = [run.data.tags.get("best") or run.data.params.get("best", "") for run in (before, after)]
    both = [name for name in new["model"].unique() if name in set(old["model"])]
    pairs = {name: (name, name) for name in both if not only or name in only}
    if only and len(set(only)) == 2:
        pairs = {f"{only[1]} against {only[0]}": (only[0], only[1])}
    elif not only and best[0] != best[1] and all(best):
        pairs = {f"{_BEST}: {best[1]} against {best[0]}": (best[0], best[1]), **pairs}
    rows = [
        row
        for label, (one, other) in pairs.items()
        for row in _row(old[old["model"] == one], new[new["model"] == other], name=label, seed=seed)
    ]
    top = best[1] if best[0] == best[1] else next(iter(pairs), "")
    order = sorted(rows, key=lambda row: (row["model"] != top, row["verdict"] == SAME))
    return pd.DataFrame(order)


def _row(
    old: pd.DataFrame, new: pd.DataFrame, *, name: str, seed: int
) -> Iterator[dict[str, object]]:
    """One model on the rows that both forecast; outcomes are those that the second run knows."""
    truth = new.set_index(FORECAST_KEY)[[schema.OUTCOME, schema.AT_RISK]]
    kept = [schema.UNIT, "probability"]
    table = pd.concat(
        rows.set_index(FORECAST_KEY)[kept].join(truth, how="inner").assign(model=role).reset_index()
        for role, rows in ((_BEFORE, old), (_AFTER, new))
    )
    try:
        scored = metrics.skill_by(table, "horizon", reference=_BEFORE, seed=seed)
    except GateError:
        return
    scored = scored.set_index("model")
    later = scored.loc[_AFTER]
    row = {
        "label": later["target"],
        "model": name,
        **{count: int(later[count]) for count in ("rows", "dates", "positives")},
        "brier_before": float(scored.loc[_BEFORE, "brier"]),
        "brier_after": float(later["brier"]),
        **{score: float(later[score]) if pd.notna(later[score]) else None for score in _SCORES},
    }
    yield {**row, "verdict": _verdict(row)}


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
    """Parameters of the experiments that are not the same, then events and code."""
    old, new = ({**run.data.params} for run in (before, after))
    for tag, name in _TAGS.items():
        for held, run in ((old, before), (new, after)):
            held[name] = run.data.tags.get(tag, "")[:12]
    rows = [
        (key, old.get(key, "-"), new.get(key, "-"))
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key) and key != "best"
    ]
    return pd.DataFrame(rows, columns=["key", _BEFORE, _AFTER])


def _seen(client: MlflowClient, pairs: list[tuple[Run, Run]]) -> int:
    """Distinct pairs of runs compared so far in the experiments of these, with these."""
    experiments = sorted({run.info.experiment_id for pair in pairs for run in pair})
    known = {
        frozenset((run.info.run_id[:SHORT], tag.removeprefix(COMPARED_TAG)))
        for run in trainings(client, experiments)
        for tag in run.data.tags
        if tag.startswith(COMPARED_TAG)
    }
    return len(known | {frozenset(run.info.run_id[:SHORT] for run in pair) for pair in pairs})


def _keep(client: MlflowClient, before: Run, after: Run, done: RunComparison) -> None:
    """A page, a tag and a section of the description, in both runs of one label."""
    held = _of_label(done, before, after)
    for run, other in ((before, after), (after, before)):
        run_id, short = run.info.run_id, other.info.run_id[:SHORT]
        says = f"{held.after[:SHORT]} over {held.before[:SHORT]}: {one_line(held.table)}"
        client.set_tag(run_id, f"{COMPARED_TAG}{short}", says[:500])
        client.log_text(run_id, html_page(held), f"comparisons/with_{short}.html")
        note = client.get_run(run_id).data.tags.get(NOTE_TAG, "")
        line = f"{_LINE}`{short}`**: {says}. Details at the end."
        client.set_tag(run_id, NOTE_TAG, _with_comparison(note, line, markdown_section(held)))


def _of_label(done: RunComparison, before: Run, after: Run) -> RunComparison:
    """What the two runs of one label keep: their own rows, under their own names."""
    table = done.table[done.table["label"] == _label(after)]
    if table.empty:
        return done
    differs = _differences(before, after)
    return replace(done, before=named(before), after=named(after), table=table, differences=differs)


def _with_comparison(note: str, line: str, section: str) -> str:
    """A description with the answer behind its first paragraph, and all of it at the end."""
    first, *rest = note.split(_SECTION)[0].split("\n\n")
    kept = [paragraph for paragraph in rest if not paragraph.startswith(_LINE)]
    return "\n\n".join([first, line, *kept]) + _SECTION + section
