"""The command that tests retaliation instead of assuming it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from escalation.cli.common import (
    Json,
    NeededExperiment,
    Plugin,
    print_json,
    read_archive,
    read_experiment,
)
from escalation.cli.reading import READING, Reading, reads_events

if TYPE_CHECKING:
    import pandas as pd

Shuffles = Annotated[int, typer.Option(min=0, help="Shuffled histories of the placebo.")]


@reads_events
def answers_command(
    experiment: NeededExperiment,
    reading: Reading = READING,
    plugin: Plugin = None,
    shuffles: Shuffles = 199,
    as_json: Json = False,
) -> None:
    """Test who answers whom, and within how many days, among the experiment's pairs."""
    from escalation.models import excitation
    from escalation.panel.sides import pair_counts

    chosen = read_experiment(experiment, plugin, reading)
    data = chosen.data
    counts = pair_counts(
        read_archive(chosen, reading),
        chosen.panel.spec,
        first_day=data.first_day,
        last_day=data.last_day,
        lag=data.lag,
    )
    fitted = excitation.fit_hawkes(counts, shuffles=shuffles, seed=chosen.experiment.seed)
    table = excitation.answer_table(fitted)
    totals = {name: int(days.sum()) for name, days in counts.items()}
    if as_json:
        rows = json.loads(table.to_json(orient="records"))
        result = {"branching_ratio": fitted.branching_ratio, "events": totals, "answers": rows}
        print_json(result)
        return
    _print(table, totals, days=len(next(iter(counts.values()))), ratio=fitted.branching_ratio)


def _print(table: pd.DataFrame, totals: dict[str, int], *, days: int, ratio: float) -> None:
    from rich.table import Table

    from escalation.cli import console

    shown = Table("source", "answered by", "answers per event", "half-life", "p", "placebo", "")
    for row in table.dropna(subset="p_value").itertuples():
        shown.add_row(
            row.source,
            row.target,
            f"{row.excitation:.2f} [{row.lower:.2f}, {row.upper:.2f}]",
            f"{row.half_life_days:g} d" if row.excitation > 0 else "-",
            f"{row.p_value:.2g}",
            f"{row.placebo:.2f}",
            "significant" if row.significant else "not shown",
        )
    out = console.console()
    out.print(shown)
    counted = ", ".join(f"{name} {total}" for name, total in totals.items())
    out.print(f"Violent acts in {days} days: {counted}. Branching ratio {ratio:.2f}.")
    untested = sum(table["p_value"].isna())
    if untested:
        out.print(f"{untested} pairs are not tested: a side with fewer than 10 acts shows nothing.")
    out.print(
        "Answers on the same day can't be ordered and are left out. A common cause that changes "
        "within weeks looks like an answer."
    )
