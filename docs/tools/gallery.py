"""Draw every figure of the package from the bundled data, for the gallery."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from escalation import datasets, plots
from escalation._util.resources import bundled
from escalation.backtest.evaluation import evaluate
from escalation.backtest.train import train_target
from escalation.experiment import load_experiment
from tools.pictures import svg

PLOTS = Path(plots.__file__).parent
NOT_A_FIGURE = {"new_figure"}
"""Returns an empty canvas."""


def every() -> list[str]:
    """Return the names of the public functions of ``escalation.plots`` that return a figure."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PLOTS.glob("*.py"))]
    functions = [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    return sorted(
        node.name for node in functions
        if node.returns is not None and ast.unparse(node.returns) == "Figure"
        and not node.name.startswith("_") and node.name not in NOT_A_FIGURE
    )  # fmt: skip


@cache
def _trained() -> Any:
    """Train the bundled experiment to the end of 2020: weekly forecasts, two models."""
    experiment = load_experiment(
        bundled("iraq_crisis.toml"),
        changes=["data.last_day=2020-12-31", "backtest.every=7", "backtest.refit_every=26"],
    )
    experiment = experiment.model_copy(update={"models": {"logistic": {}, "forest": {}}})
    return train_target(datasets.load_iraq_crisis(), experiment, experiment.labels[0])


@cache
def _evaluated() -> Any:
    trained = _trained()
    return evaluate(trained.case, trained.forecasts, summary=trained.summary, others=None)


def _skill() -> Figure:
    return plots.skill_figure(_trained().summary)


def _decisions() -> Figure:
    return plots.decisions_figure(_evaluated().decisions, models=["ewma_nb", "logistic", "forest"])


def _skill_by() -> Figure:
    scores = _evaluated()
    return plots.skill_by_figure(
        months=scores.by_month, units=scores.by_unit, horizons=scores.by_horizon, model="forest"
    )


def _reliability() -> Figure:
    return plots.reliability_figure(_trained().forecasts, models=["ewma_nb", "forest"])


def _risk() -> Figure:
    trained = _trained()
    events = trained.case.prepared.archive.as_of(trained.trained_to)
    return plots.risk_over_time(trained.forecasts, events, unit="all", model="ewma_nb")


def _lateness() -> Figure:
    from escalation.events.revisions import summarise_revisions

    return plots.lateness_figure(summarise_revisions(datasets.load_iraq_crisis()))


def _moves() -> Figure:
    from escalation.models.excitation import moves_table
    from escalation.plots.moves_followed import moves_figure

    return moves_figure(moves_table(datasets.load_iraq_crisis(), [("us_coalition", "militia")]))


def _watch_list() -> Figure:
    import pandas as pd

    from escalation.scoring.replay import replay

    experiment = _trained().case.experiment
    rows = replay(datasets.load_iraq_crisis(), experiment, "2020-03-12", explain=0)
    return plots.watch_list_figure(pd.DataFrame([row.as_dict() for row in rows]))


def _timeline() -> Figure:
    from escalation.plots.timeline import timeline_figure
    from escalation.scoring.replay import replay_range

    archive, experiment = datasets.load_iraq_crisis(), _trained().case.experiment
    rows = replay_range(archive, experiment, "2020-02-20", "2020-03-20", every=2)
    return timeline_figure(rows, archive.as_of(archive.covered_to), units=["all", "taji"])


def _ablation() -> Figure:
    from escalation.backtest.ablation import family_ablation

    return plots.ablation_figure(family_ablation(_trained()), title="any_7d")


FIGURES: dict[str, tuple[str, Callable[[], Figure]]] = {
    "skill_figure": ("Which models beat a baseline, and with what interval?", _skill),
    "reliability_figure": ("When a model says 30%, how often does it happen?", _reliability),
    "decisions_figure": (
        "What is it worth if you can look at only a few places?",
        _decisions,
    ),
    "skill_by_figure": ("In which months and places is a model wrong?", _skill_by),
    "ablation_figure": ("Which feature families carry the skill?", _ablation),
    "risk_over_time": ("The forecasts of one unit, with its events and outcomes.", _risk),
    "timeline_figure": (
        "A crisis replayed: what could be forecast on each day.",
        _timeline,
    ),
    "watch_list_figure": ("All units on one day, most at risk first, with intervals.", _watch_list),
    "lateness_figure": (
        "How late are first reports, and how do tolls change?",
        _lateness,
    ),
    "moves_figure": ("What followed each side's moves, compared with chance?", _moves),
}


def pages(folder: Path) -> dict[str, str]:
    """Draw the figures that do not exist yet, and return the page that shows all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["# Gallery: every figure", "",
             "Every figure of the package, drawn from the bundled chronology with weekly forecasts",
             "to the end of 2020: examples of what a figure shows, not results.", ""]  # fmt: skip
    for name, (caption, draw) in FIGURES.items():
        path = folder / f"{name}.svg"
        if not path.exists():
            path.write_text(svg(draw()), encoding="utf-8")
        lines += [f"## {name}", "", caption, "", f"![{caption}](gallery/{name}.svg){{.wide}}", ""]
    return {"gallery.md": "\n".join(lines)}
