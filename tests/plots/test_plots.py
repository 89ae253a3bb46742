"""Figures: they render, show the numbers of the tables, and their texts don't overlap."""

import subprocess
import sys
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from escalation import plots
from escalation._util.outputs import write_figure
from escalation.errors import InputError, UsageError
from escalation.metrics import summary
from escalation.plots.style import new_figure

PNG = b"\x89PNG\r\n\x1a\n"


def forecasts(*, models=("climatology", "ewma_nb", "sharp"), dates=100, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.beta(1.0, 1.5, dates)
    outcome = (rng.random(dates) < truth) * 1.0
    by_model = {"climatology": np.full(dates, 0.4), "sharp": truth}
    tables = []
    for name in models:
        p = by_model.get(name, 0.2 * truth + 0.8 * rng.random(dates)).clip(0.01, 0.99)
        tables.append(
            pd.DataFrame(
                {
                    "model": name, "target": "any", "unit": "all",
                    "day": pd.date_range("2019-10-01", periods=dates, freq="7D"), "horizon": 7,
                    "probability": p, "lower": p * 0.7, "upper": 1 - (1 - p) * 0.7,
                    "outcome": outcome, "at_risk": True,
                }
            )
        )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def events(count=60, *, seed=0):
    rng = np.random.default_rng(seed)
    rung = rng.integers(1, 7, count)
    return pd.DataFrame(
        {
            "event_date": np.datetime64("2019-10-05") + rng.integers(0, 690, count),
            "event_type": rng.choice(["rocket_attack", "air_strike", "assassination"], count),
            "site": rng.choice(["taji", "ain_al_asad", "green_zone"], count),
            "severity": rung.astype(np.int8),
            "killed": pd.array(np.where(rung >= 5, rung, 0), dtype="Int64"),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def table():
    return forecasts()


def saved(figure, folder):
    path = folder / "figure.png"
    figure.savefig(path)
    content = path.read_bytes()
    assert content.startswith(PNG)
    assert len(content) > 5_000


def words(figure):
    texts = [text.get_text() for text in figure.texts]
    return texts + [t.get_text() for ax in figure.axes for t in ax.texts]


def curves(ax, gid):
    return [line for line in ax.get_lines() if line.get_gid() == gid]


def boxes(texts):
    renderer = FigureCanvasAgg(texts[0].get_figure()).get_renderer()
    return [text.get_window_extent(renderer) for text in texts]


def test_risk_over_time_draws_every_forecast_and_every_event_in_the_window(table, tmp_path):
    happened = events()
    figure = plots.risk_over_time(table, happened, unit="all", model="sharp")
    saved(figure, tmp_path)
    top, bottom = figure.axes
    (risk,) = curves(top, "risk")
    sharp = table.loc[table["model"] == "sharp", "probability"]
    np.testing.assert_array_equal(risk.get_ydata(), sharp)
    assert risk.get_drawstyle() == "steps-post"
    assert len(bottom.collections[0].get_offsets()) == len(happened)
    assert any(text.startswith("base rate") for text in words(figure))


def test_events_outside_the_window_are_not_drawn(table):
    late = events().assign(event_date=pd.Timestamp("2031-01-01"))
    figure = plots.risk_over_time(table, late, unit="all", model="sharp")
    assert len(figure.axes[1].collections[0].get_offsets()) == 0


@pytest.mark.parametrize("seed", range(4))
def test_event_labels_overlap_neither_each_other_nor_the_edge(table, seed):
    figure = plots.risk_over_time(table, events(seed=seed), unit="all", model="sharp")
    named = [text for text in figure.axes[1].texts if text.get_gid() == "event"]
    assert 3 <= len(named) <= 8
    assert not [pair for pair in combinations(boxes(named), 2) if pair[0].overlaps(pair[1])]
    assert all(box.x0 > 0 and box.x1 < figure.bbox.width for box in boxes(named))


def test_the_worst_events_are_named_first(table):
    happened = events()
    happened.loc[7, ["severity", "killed"]] = [6, 99]
    figure = plots.risk_over_time(table, happened, unit="all", model="sharp", names=1)
    (name,) = [text for text in figure.axes[1].texts if text.get_gid() == "event"]
    assert name.get_text().endswith("99 killed")


def test_the_title_gives_the_day_of_the_highest_risk(table):
    sharp = table[table["model"] == "sharp"]
    peak = sharp.loc[sharp["probability"].idxmax()]
    figure = plots.risk_over_time(table, events(), unit="all", model="sharp")
    assert f"{peak['day']:%-d %B %Y}" in figure.texts[0].get_text()
    assert f"{peak['probability']:.0%}" in figure.texts[0].get_text()


def test_risk_without_a_probability_or_an_event_still_renders(table, tmp_path):
    silent = table.assign(probability=np.nan, lower=np.nan, upper=np.nan, at_risk=False)
    figure = plots.risk_over_time(silent, events().iloc[:0], unit="all", model="sharp")
    saved(figure, tmp_path)
    assert "No probability" in figure.texts[0].get_text()


def test_a_single_reliability_curve_has_a_band_and_a_histogram(table, tmp_path):
    figure = plots.reliability_figure(table, models=["sharp"])
    saved(figure, tmp_path)
    top, bottom = figure.axes
    assert len(curves(top, "curve")) == len(top.collections) == 1
    assert sum(bottom.patches[0].get_data().values) == 100
    assert (np.diff(curves(top, "curve")[0].get_ydata()) >= 0).all()


def test_the_band_holds_the_curve_of_a_calibrated_forecaster_and_not_of_a_biased_one(table):
    def share_inside(rows):
        top = plots.reliability_figure(rows, models=["sharp"]).axes[0]
        edge = top.collections[0].get_paths()[0].vertices
        (line,) = curves(top, "curve")
        half = len(edge) // 2
        x = line.get_xdata()
        low = np.interp(x, edge[1 : half - 1, 0], edge[1 : half - 1, 1])
        high = np.interp(x, edge[: half + 1 : -1, 0], edge[: half + 1 : -1, 1])
        return np.mean((low - 0.02 <= line.get_ydata()) & (line.get_ydata() <= high + 0.02))

    biased = table.assign(probability=table["probability"] ** 0.3)
    assert share_inside(table) > 0.8
    assert share_inside(biased) < 0.5


def test_several_reliability_curves_are_named_once_each(table, tmp_path):
    figure = plots.reliability_figure(table)
    saved(figure, tmp_path)
    top, bottom = figure.axes
    assert len(curves(top, "curve")) == 3
    assert not top.collections
    names = [label.get_text() for label in bottom.get_yticklabels()]
    assert names == ["climatology", "ewma_nb", "sharp"]


def test_skill_has_a_panel_per_baseline_and_the_best_model_on_top(table, tmp_path):
    scored = summary(table)
    figure = plots.skill_figure(scored)
    saved(figure, tmp_path)
    assert [ax.get_title(loc="left").split(",")[0] for ax in figure.axes] == [
        "against ewma_nb", "against climatology",
    ]  # fmt: skip
    best = scored.sort_values("brier")["model"].iloc[0]
    assert figure.axes[0].get_yticklabels()[-1].get_text() == best
    assert "equal" in [t.get_text() for t in figure.axes[0].get_xticklabels()]
    assert figure.texts[0].get_text() == "sharp beats ewma_nb"


def test_skill_numbers_are_those_of_the_table(table):
    scored = summary(table).set_index("model")
    shown = {text.get_text() for text in plots.skill_figure(scored.reset_index()).axes[0].texts}
    expected = f"{scored.loc['sharp', 'skill_vs_ewma_nb']:+.0%}"
    assert expected in shown


def test_skill_on_thin_evidence_claims_no_ranking(table, tmp_path):
    few = table[table["day"] < "2019-11-20"]
    figure = plots.skill_figure(summary(few))
    saved(figure, tmp_path)
    assert figure.texts[0].get_text().startswith("No ranking claimed")


def test_a_very_poor_model_does_not_flatten_the_others(table):
    bad = table[table["model"] == "ewma_nb"].assign(model="bad")
    bad = bad.assign(probability=1.0 - bad["outcome"])
    figure = plots.skill_figure(summary(pd.concat([table, bad])))
    assert figure.axes[0].get_xlim()[0] > -1.6


def scores():
    return pd.DataFrame(
        {
            "unit": ["Najaf", "Anbar", "Baghdad", "Erbil"], "day": "2020-03-11", "horizon": 7,
            "probability": [None, 0.4, 0.7, 0.004], "lower": [None, 0.2, 0.5, None],
            "upper": [None, 0.6, 0.9, None], "base_rate": [0.1, 0.2, 0.35, 0.01],
        }
    )  # fmt: skip


def test_watch_list_puts_the_highest_on_top_and_lists_units_without_a_probability(tmp_path):
    figure = plots.watch_list_figure(scores())
    saved(figure, tmp_path)
    (ax,) = figure.axes
    assert [t.get_text() for t in ax.get_yticklabels()] == ["Erbil", "Anbar", "Baghdad"]
    assert [t.get_text() for t in ax.texts] == ["<1%", "40%", "70%"]
    assert len(curves(ax, "unit")) == 3
    assert figure.texts[0].get_text() == "Baghdad: 70%, 2.0 times its usual 35%"
    assert "No probability for Najaf." in figure.texts[1].get_text()


def test_watch_list_counts_the_units_it_leaves_out():
    figure = plots.watch_list_figure(scores(), most=1)
    assert "2 more units are lower." in figure.texts[1].get_text()


def test_watch_list_without_any_probability_renders(tmp_path):
    silent = scores().assign(probability=None, lower=None, upper=None)
    saved(plots.watch_list_figure(silent), tmp_path)


def test_missing_models_units_and_targets_are_refused(table):
    with pytest.raises(UsageError, match="E-PLOT"):
        plots.risk_over_time(table, events(), unit="nowhere", model="sharp")
    with pytest.raises(UsageError, match="E-PLOT"):
        plots.reliability_figure(table, models=["champion"])
    with pytest.raises(UsageError, match="E-PLOT"):
        plots.reliability_figure(table, target="surge")
    with pytest.raises(UsageError, match="E-PLOT"):
        plots.skill_figure(summary(table), target="surge")
    with pytest.raises(InputError, match="E-EMPTY"):
        plots.watch_list_figure(scores().iloc[:0])


def test_plots_leave_no_global_state_and_metrics_need_no_figures():
    code = (
        "import sys, escalation.metrics; assert 'matplotlib' not in sys.modules; "
        "assert 'sklearn' not in sys.modules; "
        "import escalation.plots; assert 'matplotlib.pyplot' not in sys.modules"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_formulas_and_control_characters_are_drawn_literally(tmp_path):
    figure = new_figure(width=4.0, height=3.0)
    ax = figure.add_subplot()
    ax.set_yticks(range(3), ["$\\frac$", "$x^$", "$$"])
    ax.set_title("$\\foo$ \x1b[2J")
    write_figure(figure, tmp_path / "a.svg")
    words = {text.get_text() for text in figure.findobj(Text)}
    assert {"$\\frac$", "$x^$", "$$", "$\\foo$ \\x1b[2J"} <= words
    ElementTree.parse(tmp_path / "a.svg")
