"""What a label lacks is told at once, the right way round, and stops no other label."""

import pickle

import numpy as np
import pandas as pd
import pytest

from escalation import schema
from escalation.backtest import rolling, train
from escalation.backtest.learnability import learnable_cases
from escalation.backtest.rolling import backtest_labels
from escalation.backtest.shortage import Outcomes, Shortage, all_of, shortage_of, warn
from escalation.backtest.train import train_labels
from escalation.errors import GateError
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment
from escalation.models import prior
from escalation.scoring.replay import replay, replay_range

SPAN = ("2023-01-01", "2023-04-10", "2023-04-20")


@pytest.mark.parametrize(
    ("horizon", "positives", "negatives", "plain", "classes", "words"),
    [
        (7, 0, 90, True, ("positive",), "no event that counts"),
        (7, 1, 90, True, ("positive",), "only 1 positive"),
        (7, 0, 90, False, ("positive",), "no week reached the threshold"),
        (30, 90, 0, True, ("negative",), "no quiet month: every month had an event that counts"),
        (7, 90, 0, False, ("negative",), "no quiet week: every week reached the threshold"),
        (10, 90, 1, True, ("negative",), "only 1 quiet stretch of 10 days"),
        (7, 0, 0, True, ("positive", "negative"), "no day at risk has a known outcome"),
        (7, 1, 1, True, ("positive", "negative"), "only 1 positive"),
    ],
)
def test_the_class_that_is_short_is_named_with_counts_and_dates(
    horizon, positives, negatives, plain, classes, words
):
    shortage = shortage_of(Outcomes("any", horizon, positives, negatives, *SPAN, plain=plain))
    assert shortage.outcomes.short == classes
    assert words in shortage.message
    rows = positives + negatives
    assert f"{positives} positive among {rows} resolved rows (2023-01-01 to" in shortage.message
    assert (shortage.code, shortage.status) == ("E-INSUFFICIENT", 4)
    assert ("lengthen the horizon" in shortage.fix) == (classes == ("positive",))
    assert ("fewer events" in shortage.fix) == (classes == ("negative",))


@pytest.mark.parametrize(("positives", "negatives"), [(2, 2), (2, 900), (900, 2)])
def test_two_of_either_class_are_enough(positives, negatives):
    assert shortage_of(Outcomes("any", 7, positives, negatives, *SPAN)) is None


def test_a_refusal_from_another_process_is_the_same():
    one = shortage_of(Outcomes("any_7d", 7, 0, 9, *SPAN))
    two = Shortage("up_7d", "needs origins", fix="add history")
    for shortage in (one, all_of([one, two])):
        again = pickle.loads(pickle.dumps(shortage))
        assert str(again) == str(shortage)
        assert [part.as_dict() for part in again.parts] == [p.as_dict() for p in shortage.parts]
    assert {"any_7d", "up_7d"} <= set(str(all_of([one, two])).replace(":", " ").split())


@pytest.fixture(autouse=True)
def nothing_learnt_elsewhere(monkeypatch):
    """No label is answered by the model `prior`, which needs nothing to learn from."""
    monkeypatch.setattr(prior, "packaged_numbers", dict)


@pytest.fixture(scope="module")
def war():
    """A province that is shelled nearly every day of 300, with a rocket now and then."""
    rng = np.random.default_rng(1)
    days = pd.date_range("2023-01-01", periods=300)
    rows = [(day, "shelling") for day in days if rng.random() < 0.9]
    rows += [(day, "rocket_attack") for day in days if rng.random() < 0.05]
    table = pd.DataFrame(rows, columns=["event_date", "event_type"])
    table["event_id"] = [f"e{number}" for number in range(len(table))]
    table = table.assign(
        known_date=table["event_date"], source="test", country="IRQ", admin1="east", severity=4
    )
    return EventArchive.of(table.reindex(columns=schema.EVENT_COLUMNS), covered_to=days[-1])


def experiment(*targets):
    return Experiment(
        experiment={"name": "war"},
        panel={"units": ["admin1"]},
        features={"window_sums": {"channels": ["events"], "windows": [7]}},
        targets=list(targets),
        models={"logistic": {}},
        backtest={"every": 7, "refit_every": 20, "train_every": 3},
    )


ROCKETS = {"name": "any", "horizon": 7, "where": {"event_type": "rocket_attack"}}
NO_QUIET_MONTH = {"name": "any", "horizon": 30}
NOTHING = {"name": "any", "horizon": 14, "where": {"event_type": "drone_attack"}}


def test_a_label_that_cannot_be_learnt_is_told_before_any_feature_and_the_others_go_on(
    war, monkeypatch
):
    missing, add_features = [], rolling.add_features

    def after_all_were_counted(case):
        assert len(missing) == 2
        return add_features(case)

    monkeypatch.setattr(train, "add_features", after_all_were_counted)
    trained = train_labels(
        war, experiment(NO_QUIET_MONTH, ROCKETS, NOTHING), missing=missing.append
    )
    assert [one.label for one in trained] == ["any_7d"]
    reasons = {shortage.label: (shortage.outcomes.short, shortage.message) for shortage in missing}
    assert reasons["any_30d"][0] == ("negative",) and "no quiet month" in reasons["any_30d"][1]
    assert (
        reasons["any_14d"][0] == ("positive",) and "no event that counts" in reasons["any_14d"][1]
    )


def test_where_no_label_can_be_learnt_one_refusal_names_them_all(war):
    with pytest.raises(GateError, match=r"E-INSUFFICIENT.*any_30d: .*any_14d: ") as refused:
        train_labels(war, experiment(NO_QUIET_MONTH, NOTHING))
    assert [part.label for part in refused.value.parts] == ["any_30d", "any_14d"]


def test_backtest_and_replay_leave_it_out_too(war):
    labels = experiment(NO_QUIET_MONTH, ROCKETS)
    with pytest.warns(UserWarning, match="^any_30d is left out: too few negative outcomes"):
        assert set(backtest_labels(war, labels)["target"]) == {"any_7d"}
    assert {score.target for score in replay(war, labels, "2023-10-20", explain=0)} == {"any_7d"}
    rows = replay_range(war, labels, "2023-10-20", "2023-10-21")
    assert set(rows["target"]) == {"any_7d"}


def test_a_history_shorter_than_the_horizon_names_days_horizon_and_lag(war):
    short = war.until("2023-01-06")
    with pytest.raises(GateError, match=r"E-INSUFFICIENT.*6 days of history, horizon 7, lag 0"):
        learnable_cases(short, experiment(ROCKETS))


def test_a_warning_is_one_line_with_what_to_do():
    with pytest.warns(UserWarning, match="left out") as reasons:
        warn(shortage_of(Outcomes("any_7d", 7, 0, 9, *SPAN)))
    text = str(reasons[0].message)
    assert text.count("\n") == 0 and reasons[0].filename == __file__
    assert text.startswith("any_7d is left out: ") and "fix: add history" in text
