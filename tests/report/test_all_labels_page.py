"""The page of all labels of an experiment; later information changes nothing on it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from escalation import schema
from escalation._util.resources import bundled
from escalation.backtest.train import train_labels
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment, load_experiment
from escalation.models.excitation.exchanges import ExchangeState
from escalation.report import page, training_pages
from escalation.report.questions import episodes, supposed_lines, turn_words
from escalation.scoring.replay import experiment_as_of

DAY = "2020-03-14"


def of_that_day(archive):
    """The page of all labels of the bundled experiment, with baselines only, as of a day."""
    written = load_experiment(bundled("iraq_crisis.toml")).model_dump(mode="json")
    for target in written["targets"]:
        target["models"] = ["ewma_nb"]
    written["features"] = {"window_sums": {}, "recency": {}}
    written["backtest"] |= {"every": 7, "refit_every": 20}
    experiment = experiment_as_of(Experiment(**written), np.datetime64(DAY))
    trained = train_labels(archive, experiment)
    return training_pages(trained, explain=2)[0]


@pytest.fixture(scope="module")
def data(crisis):
    return of_that_day(crisis.until(DAY))


@pytest.fixture(scope="module")
def text(data):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page(data).partition("</style>")[2]))


def known_after(archive, rng):
    """The archive with events before the day that are added, changed or retracted after it."""
    known = archive.until(DAY).versions.drop_duplicates("event_id")
    known = known[~known["event_id"].isin(archive.versions.query("known_date > @DAY")["event_id"])]
    later = pd.Timestamp(DAY) + pd.Timedelta(days=1)
    some = known.iloc[rng.choice(len(known), 30, replace=False)].assign(known_date=later)
    added = some.iloc[:10].assign(event_id=[f"late-{i}" for i in range(10)], operation="add")
    changed = some.iloc[10:20].assign(operation="update", severity=6, killed=40)
    gone = some.iloc[20:].assign(operation="retract")
    table = pd.concat([archive.versions, added, changed, gone], ignore_index=True)
    table = table.astype(archive.versions.dtypes)
    return EventArchive.of(table, covered_to=archive.covered_to, known_basis=archive.known_basis)


def test_nothing_known_later_changes_a_byte_of_the_page(crisis, data):
    poisoned = known_after(crisis, np.random.default_rng(3))
    assert poisoned.digest != crisis.digest
    later = of_that_day(poisoned)
    assert [label.scores[0].target for label in (later, *later.others)] == [
        "any_7d", "deadly_14d", "us_strike_14d", "climb_7d"
    ]  # fmt: skip
    pd.testing.assert_frame_equal(later.moves, data.moves, check_exact=True)
    assert later.states == data.states
    assert page(later) == page(data)


def test_the_four_questions_are_answered_on_top(data, text):
    top = text.partition("Where it is most likely")[0]
    for question in ("How likely?", "Where?", "What drives it?", "Who moves next?"):
        assert question in top
    for words in ("A US strike on militias", "graver than any in the past four weeks"):
        assert words in top
    assert "The exchange between US coalition and militia is in round" in top


def test_a_label_of_all_places_together_has_one_line_and_its_record(data):
    by_label = {label.scores[0].target: label for label in data.others}
    assert [row.unit_key for row in by_label["us_strike_14d"].scores] == [schema.ALL_UNIT]
    assert len(data.scores) > 5


def test_supposed_events_become_a_table_of_changes(data):
    rows = [replace(row, change=0.104) for row in data.scores[:2]]
    supposed = [replace(row, provenance={"supposed": ["an attack"]}) for row in rows]
    what_if = replace(data, supposed=(*supposed, replace(supposed[0], change=0.001)))
    lines = supposed_lines(what_if)
    assert [line.points for line in lines] == ["+10", "+10"]
    assert lines[0].before == pytest.approx(data.scores[0].probability - 0.104)
    assert "If these events had also happened: an attack." in page(what_if)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (ExchangeState("a", "b", True, 2, "a", 3, 0, 0, None, None), "a to answer within 3 days"),
        (ExchangeState("a", "b", True, 2, "a", 0, 0, 0, None, None), "no answer from a in time"),
        (
            ExchangeState("a", "b", True, 2, "a", 1, 4, 3, 0.2, 0.9),
            "1 day; 3 of 4 earlier",
        ),
    ],
)
def test_an_exchange_in_words(state, words):
    assert words in turn_words(state)


def test_consecutive_weekly_forecasts_are_one_episode():
    days = pd.to_datetime(["2020-01-01", "2020-01-08", "2020-01-15", "2020-03-04", "2020-03-11"])
    assert episodes(pd.DataFrame({"day": days})) == 2
    assert episodes(pd.DataFrame({"day": days[:0]})) == 0
