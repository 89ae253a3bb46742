"""The command that shows what followed each side's moves, compared with chance."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from escalation.cli.common import (
    Figure,
    Json,
    NeededExperiment,
    Plugin,
    check_outputs,
    print_json,
    printing,
    read_archive,
    read_experiment,
    records,
    show,
)
from escalation.cli.reading import READING, Reading, reads_events
from escalation.errors import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from escalation.models.excitation.exchanges import ExchangeState

Shuffles = Annotated[int, typer.Option(min=0, help="Shuffled histories of the placebo.")]
Within = Annotated[
    list[int] | None,
    typer.Option(min=1, help="Days; may be repeated; those of the experiment by default."),
]
GroupedBy = Annotated[
    Literal["harm", "rung"], typer.Option(help="Group moves by harm done or by rung.")
]


@reads_events
def moves_command(
    experiment: NeededExperiment,
    reading: Reading = READING,
    plugin: Plugin = None,
    within: Within = None,
    by: GroupedBy = "harm",
    shuffles: Shuffles = 199,
    figure: Figure = None,
    as_json: Json = False,
) -> None:
    """Show what followed each side's moves, how soon and how hard, compared with chance."""
    check_outputs(figure=figure)
    from escalation.models import excitation
    from escalation.panel.sides import pair_counts

    chosen = read_experiment(experiment, plugin, reading)
    data, archive = chosen.data, read_archive(chosen, reading)
    span: dict[str, Any] = {"first_day": data.first_day, "last_day": data.last_day, "lag": data.lag}
    counts = pair_counts(archive, chosen.panel.spec, **span)
    fitted = excitation.fit_hawkes(counts, shuffles=shuffles, seed=chosen.experiment.seed)
    answers = excitation.answer_table(fitted)
    moves = excitation.moves_table(
        archive, chosen.panel.pairs, **span, within=within or chosen.moves.within, by=by
    )
    exchanges, states = excitation.exchanges_of(archive, chosen.panel.pairs, **span)
    if figure is not None:
        from escalation._util.outputs import write_figure
        from escalation.plots.moves_followed import moves_figure

        write_figure(moves_figure(moves), figure)
    totals = {name: int(days.sum()) for name, days in counts.items()}
    if as_json:
        print_json(
            {
                "branching_ratio": fitted.branching_ratio,
                "events": totals,
                "moves": records(moves),
                "answers": records(answers),
                "exchanges": records(exchanges),
                "states": [asdict(state) for state in states],
            }
        )
        return
    with printing():
        _print_moves(moves)
        _print_exchanges(exchanges, states)
        days = len(next(iter(counts.values())))
        _print_answers(answers, totals, days=days, ratio=fitted.branching_ratio)


def _print_moves(moves: pd.DataFrame) -> None:
    from escalation.cli.console import left_table
    from escalation.models.excitation.followed import moves_caption

    columns = ("move", "within", "followed", "before", "jittered", "excess", "after", "rung", "")
    for (mover, other), rows in moves.groupby(["mover", "other"], sort=False):
        title = (
            f"After {printable(mover)} acted against {printable(other)}: acts of {printable(other)}"
        )
        table = left_table(title, *columns)
        for row in rows[rows["moves"] > 0].to_dict("records"):
            table.add_row(*_move_cells(row), end_section=row["within"] == rows["within"].max())
        show(table)
    show(moves_caption(moves), "Rung: first acts that were harder, as hard and milder.")


def _move_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A row with moves of :func:`escalation.models.excitation.moves_table`."""
    interval = f"[{row['lower']:.0%}, {row['upper']:.0%}]"
    excess = f"{row['excess']:+.0%}"
    if row["exchanges"] > 1:
        excess += f" [{row['excess_lower']:+.0%}, {row['excess_upper']:+.0%}]"
    return (
        str(row["group"]),
        f"{row['within']} d",
        f"{row['followed']} of {row['moves']} {interval}",
        f"{row['before']:.0%}",
        f"{row['jittered']:.0%} p {row['jitter_p']:.2g}",
        excess,
        f"{row['median_delay']:g} d" if row["followed"] else "-",
        f"{row['harder']}/{row['as_hard']}/{row['milder']}" if row["followed"] else "-",
        row["verdict"],
    )


def _print_exchanges(exchanges: pd.DataFrame, states: list[ExchangeState]) -> None:
    from escalation.cli.console import left_table
    from escalation.models.excitation.exchanges import EXCHANGE_RULE, state_in_words

    columns = ("first", "last", "acts", "rounds", "opened", "closed", "highest rung")
    keys = (*columns[:-1], "highest_rung")
    table = left_table("Exchanges", *columns, "")
    for row in exchanges[exchanges["rounds"] > 1].to_dict("records"):
        table.add_row(*(str(row[key]) for key in keys), "over" if row["over"] else "continues")
    unanswered = int((exchanges["rounds"] == 1).sum())
    show(table, f"{unanswered} other runs of acts had no answer. {EXCHANGE_RULE}")
    show(*map(state_in_words, states))


def _print_answers(
    answers: pd.DataFrame, totals: dict[str, int], *, days: int, ratio: float
) -> None:
    from escalation.cli.console import left_table

    columns = ("source", "answered by", "answers per event", "half-life", "p", "placebo", "")
    table = left_table("By a Hawkes process", *columns)
    for row in answers.dropna(subset="p_value").itertuples():
        table.add_row(
            row.source,
            row.target,
            f"{row.excitation:.2f} [{row.lower:.2f}, {row.upper:.2f}]",
            f"{row.half_life_days:g} d" if row.excitation > 0 else "-",
            f"{row.p_value:.2g}",
            f"{row.placebo:.2f}",
            "significant" if row.significant else "not significant",
        )
    counts = ", ".join(f"{name} {total}" for name, total in totals.items())
    show(table, f"Violent acts in {days} days: {counts}. Branching ratio {ratio:.2f}.")
    untested = sum(answers["p_value"].isna())
    if untested:
        show(f"{untested} pairs are not tested, because one side has fewer than 10 acts.")
    show(
        "Answers on the same day can't be ordered and are left out. A common cause that changes "
        "within weeks looks like an answer."
    )
