"""An experiment for an archive: what is asked of it, and in which steps."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from own_tables import own_table

from escalation.backtest.inspect_file import inspect_file
from escalation.backtest.learnability import learnable_cases
from escalation.backtest.propose import propose
from escalation.errors import GateError
from escalation.events import read_events


def weekly(path, *, weeks=90):
    draw = random.Random(3)
    lines = ["WEEK,REGION,COUNTRY,ADMIN1,EVENT_TYPE,SUB_EVENT_TYPE,EVENTS,FATALITIES,ID"]
    for week in range(weeks):
        for place in ("Baghdad", "Basrah"):
            if draw.random() < 0.4:
                day = dt.date(2022, 1, 1) + dt.timedelta(7 * week)
                cells = f"{draw.randint(1, 5)},{draw.randint(0, 2)}"
                lines.append(f"{day},Middle East,Iraq,{place},Battles,Armed clash,{cells},1")
    path.write_text("\n".join(lines) + "\n")
    return path


def proposed(path):
    inspection = inspect_file(path)
    return propose(
        inspection.archive,
        inspection.facts,
        name="mine",
        data={"events": path.name, **inspection.reading},
    )


def test_units_are_provinces_with_enough_events_and_all(tmp_path):
    experiment = proposed(own_table(tmp_path / "e.csv", ["ambush"], ["North", "South"])).experiment
    assert experiment.panel.units == ["admin1", "all"]


@pytest.mark.parametrize(("sites", "units"), [(5, "site"), (1, "country")])
def test_places_are_taken_where_more_of_them_than_countries_have_enough_events(
    tmp_path, sites, units
):
    """Where every country sees something each week, to ask about countries asks nothing."""
    lines = ["event_id,event_date,country,site,event_type"]
    for day in range(240):
        place = ("Iraq", f"I{day % sites}") if day % 2 else ("Syria", f"S{day % sites}")
        date = dt.date(2022, 1, 1) + dt.timedelta(day)
        lines.append(f"{day},{date},{','.join(place)},air_strike")
    (tmp_path / "e.csv").write_text("\n".join(lines) + "\n")
    assert proposed(tmp_path / "e.csv").experiment.panel.units == [units, "all"]


def daily(path, *, days):
    """An air strike every day."""
    lines = ["event_id,event_date,country,event_type"]
    lines += [f"{day},2022-01-{day:02d},Iraq,air_strike" for day in range(1, days + 1)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(("days", "horizon"), [(3, 1), (12, 5), (14, 6), (15, 7)])
def test_of_a_few_days_it_asks_what_prior_answers_and_has_answered_once(tmp_path, days, horizon):
    proposal = proposed(daily(tmp_path / "e.csv", days=days))
    assert not proposal.missing_days and not proposal.labels
    experiment = proposal.experiment
    (label,) = experiment.labels
    assert (label.name, label.horizon) == ("any", horizon)
    archive = read_events(tmp_path / "e.csv")
    with pytest.warns(UserWarning, match="forecast by `prior` alone"):
        (case,) = learnable_cases(archive, experiment)
    assert case.model_names == ["climatology", "last_value", "ewma_nb", "prior"]


@pytest.mark.parametrize(
    ("days", "message"),
    [(2, "add history$"), (8, "8 days of history.*needs 15 days.*horizon of at most 3 days$")],
)
def test_a_history_too_short_is_told_how_many_days_it_takes(tmp_path, days, message):
    experiment = proposed(daily(tmp_path / "fifteen.csv", days=15)).experiment
    with pytest.raises(GateError, match=f"E-INSUFFICIENT.*{message}"):
        learnable_cases(read_events(daily(tmp_path / "e.csv", days=days)), experiment)


def test_it_says_how_many_days_are_missing_until_anything_can_be_trained(tmp_path):
    days = [proposed(daily(tmp_path / "e.csv", days=d)).missing_days for d in (1, 2, 3)]
    assert days == [2, 1, 0]


def test_a_table_of_weeks_is_asked_for_a_week_at_least(tmp_path):
    proposal = proposed(weekly(tmp_path / "e.csv", weeks=10))
    assert {label.horizon for label in proposal.experiment.labels} <= {7, 28}


def test_a_single_place_is_the_whole(tmp_path):
    experiment = proposed(own_table(tmp_path / "e.csv", ["ambush"], ["North"])).experiment
    assert experiment.panel.units == ["all"]
    assert "neighbours" not in experiment.features


def test_votes_alone_are_counted_from_words_on_and_are_never_violent(tmp_path):
    path = own_table(tmp_path / "e.csv", ["Vote on air strikes", "bill passed"], ["Parliament"])
    inspection, proposal = inspect_file(path), proposed(path)
    assert inspection.archive.versions["severity"].tolist() == [1] * len(
        inspection.archive.versions
    )
    assert proposal.experiment.severity == {
        "Vote on air strikes": (1, 1, 1),
        "bill passed": (1, 1, 1),
    }
    assert {target["where"]["rung"] for target in proposal.experiment.targets} == {1}
    assert "any_7d" in proposal.labels


def test_own_types_without_such_words_are_lines_to_take_in(tmp_path):
    path = own_table(tmp_path / "e.csv", ["bombing explosion", "talks held"], ["North", "South"])
    proposal = proposed(path)
    assert proposal.experiment.severity == {"talks held": (1, 1, 1)}
    assert '# "bombing explosion" = [3, 4, 5]' in proposal.text
    assert {target["where"]["rung"] for target in proposal.experiment.targets} == {3}


def test_weeks_stay_whole_and_the_file_says_why(tmp_path):
    proposal = proposed(weekly(tmp_path / "weekly.csv"))
    experiment = proposal.experiment
    schedule = experiment.backtest
    assert {target["horizon"] % 7 for target in experiment.targets} == {0}
    assert (schedule.every, schedule.train_every) == (7, 7)
    assert schedule.first_origin.weekday() == dt.date(2022, 1, 7).weekday()
    assert "horizons and steps are whole weeks" in proposal.text
    assert experiment.data.lag == 7
    assert "any_7d" in proposal.labels


def test_too_short_a_table_is_told_and_asks_all_the_same(tmp_path):
    proposal = proposed(own_table(tmp_path / "e.csv", ["ambush"], ["North"], days=9, seed=5))
    assert not proposal.labels
    assert len(proposal.experiment.targets) == 1
    assert "any_7d" in proposal.skipped


def test_a_few_events_far_before_all_others_do_not_stretch_the_axis(tmp_path):
    path = own_table(tmp_path / "e.csv", ["ambush"], ["North", "South", "East"], days=700)
    with path.open("a") as file:
        file.write("old,1975-05-01,ambush,IRQ,North\n")
    experiment = proposed(path).experiment
    assert experiment.data.first_day.year == 2022


@pytest.mark.parametrize("event_type", ['say "no"', "back\\slash", "Événement", "—"])
def test_any_event_type_can_be_written(event_type, tmp_path):
    path = own_table(tmp_path / "e.csv", ["ambush"], ["North", "South"])
    cell = '"' + event_type.replace('"', '""') + '"'
    with path.open("a", encoding="utf-8") as file:
        for n in range(20):
            file.write(f"x{n},2022-03-{n + 1:02},{cell},IRQ,North\n")
    channels = proposed(path).experiment.panel.channels
    assert [event_type] in [channel.where["event_type"] for channel in channels.values()]
