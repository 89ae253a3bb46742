"""The command that tells who moves next: what followed each side's moves, held against chance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from escalation.cli.common import (
    Json,
    NeededExperiment,
    Plugin,
    print_json,
    printing,
    read_archive,
    read_experiment,
    records,
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
    typer.Option(min=1, help="Days; may be repeated; of the file by default."),
]
GroupedBy = Annotated[Literal["harm", "rung"], typer.Option(help="How moves are told apart.")]
Drawn = Annotated[Path | None, typer.Option("--figure", help="Also draw it: .png or .svg.")]


@reads_events
def moves_command(
    experiment: NeededExperiment,
    reading: Reading = READING,
    plugin: Plugin = None,
    within: Within = None,
    by: GroupedBy = "harm",
    shuffles: Shuffles = 199,
    figure: Drawn = None,
    as_json: Json = False,
) -> None:
    """Tell what followed each side's moves, how soon and how hard, and whether that is chance."""
    from escalation._util.files import require_room
    from escalation._util.outputs import FIGURE_FORMATS, require_ending, write_figure

    require_ending(figure, *FIGURE_FORMATS)
    require_room(figure)
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
        from escalation.plots.moves_followed import moves_figure

        write_figure(moves_figure(moves), figure)
    totals = {name: int(days.sum()) for name, days in counts.items()}
    if as_json:
        rows = {"moves": moves, "answers": answers, "exchanges": exchanges}
        tables = {name: records(table) for name, table in rows.items()}
        today = [state.as_dict() for state in states]
        ratio = {"branching_ratio": fitted.branching_ratio, "events": totals}
        print_json({**ratio, **tables, "states": today})
        return
    with printing():
        _print_moves(moves)
        _print_exchanges(exchanges, states)
        days = len(next(iter(counts.values())))
        _print_answers(answers, totals, days=days, ratio=fitted.branching_ratio)


def _print_moves(moves: pd.DataFrame) -> None:
    from escalation.cli import console
    from escalation.models.excitation.followed import moves_caption

    out = console.console()
    for (mover, other), rows in moves.groupby(["mover", "other"], sort=False):
        title = (
            f"After {printable(mover)} acted against {printable(other)}: acts of {printable(other)}"
        )
        table = console.left_table(title)
        for name in ("move", "within", "followed", "before", "jittered", "excess", "after", "rung"):
            table.add_column(name)
        table.add_column("")
        for row in rows[rows["moves"] > 0].to_dict("records"):
            table.add_row(*_move_cells(row), end_section=row["within"] == rows["within"].max())
        out.print(table)
    out.print(moves_caption(moves))
    out.print("Rung: first acts harder, as hard and milder than the move.")


def _move_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A row of :func:`escalation.models.excitation.moves_table`, of moves that there were."""
    first = (str(row["group"]), f"{row['within']} d")
    span = f"[{row['lower']:.0%}, {row['upper']:.0%}]"
    excess = f"{row['excess']:+.0%}"
    if row["exchanges"] > 1:
        excess += f" [{row['excess_lower']:+.0%}, {row['excess_upper']:+.0%}]"
    steps = f"{row['harder']}/{row['as_hard']}/{row['milder']}"
    return (
        *first,
        f"{row['followed']} of {row['moves']} {span}",
        f"{row['before']:.0%}",
        f"{row['jittered']:.0%} p {row['jitter_p']:.2g}",
        excess,
        f"{row['median_delay']:g} d" if row["followed"] else "-",
        steps if row["followed"] else "-",
        row["verdict"],
    )


def _print_exchanges(exchanges: pd.DataFrame, states: list[ExchangeState]) -> None:
    from escalation.cli import console
    from escalation.models.excitation.exchanges import EXCHANGE_RULE, state_in_words

    columns = ("first", "last", "acts", "rounds", "opened", "closed", "highest rung", "")
    table = console.left_table("Exchanges", *columns)
    for row in exchanges[exchanges["rounds"] > 1].itertuples():
        over = "over" if row.over else "goes on"
        cells = (row.first, row.last, row.acts, row.rounds, row.opened, row.closed)
        table.add_row(*map(str, cells), str(row.highest_rung), over)
    out = console.console()
    out.print(table)
    alone = int((exchanges["rounds"] == 1).sum())
    out.print(f"{alone} further runs of acts had no answer. {EXCHANGE_RULE}")
    for state in states:
        out.print(state_in_words(state))


def _print_answers(
    answers: pd.DataFrame, totals: dict[str, int], *, days: int, ratio: float
) -> None:
    from escalation.cli import console

    columns = ("source", "answered by", "answers per event", "half-life", "p", "placebo", "")
    table = console.left_table("By a Hawkes process", *columns)
    for row in answers.dropna(subset="p_value").itertuples():
        table.add_row(
            row.source,
            row.target,
            f"{row.excitation:.2f} [{row.lower:.2f}, {row.upper:.2f}]",
            f"{row.half_life_days:g} d" if row.excitation > 0 else "-",
            f"{row.p_value:.2g}",
            f"{row.placebo:.2f}",
            "significant" if row.significant else "not shown",
        )
    out = console.console()
    out.print(table)
    counted = ", ".join(f"{name} {total}" for name, total in totals.items())
    out.print(f"Violent acts in {days} days: {counted}. Branching ratio {ratio:.2f}.")
    untested = sum(answers["p_value"].isna())
    if untested:
        out.print(f"{untested} pairs are not tested: a side with fewer than 10 acts shows nothing.")
    out.print(
        "Answers on the same day can't be ordered and are left out. A common cause that changes "
        "within weeks looks like an answer."
    )
