"""Recount what the data card states about the bundled chronology and its tallies."""

import re

import pandas as pd
import pytest

from escalation import schema
from escalation.errors import InputError
from escalation.events.formats.iraq_crisis import INSTALLATION_ATTACK
from escalation.events.tallies import load_tallies

ASAD, TAJI, K1 = "IQ-2020-01-08-01", "IQ-2020-03-11-01", "IQ-2019-12-27-01"


@pytest.fixture(scope="module")
def first(crisis):
    """The first version of each event."""
    return crisis.versions.groupby(schema.EVENT_ID).head(1).set_index(schema.EVENT_ID)


@pytest.fixture(scope="module")
def attacks(first):
    return first[first[schema.TAGS] == INSTALLATION_ATTACK]


@pytest.fixture(scope="module")
def tallies():
    return load_tallies()


def test_there_are_355_versions_of_302_events_53_of_them_later_ones_of_39_events(crisis, first):
    per_event = crisis.versions.groupby(schema.EVENT_ID).size()
    assert (len(crisis.versions), len(first)) == (355, 302)
    assert (len(crisis.versions) - len(first), (per_event > 1).sum()) == (53, 39)
    assert (str(crisis.first_day), str(crisis.covered_to)) == ("2019-10-01", "2024-10-01")


HALF_YEARS = {
    "2019 H2": (38, 12), "2020 H1": (92, 30), "2020 H2": (49, 25), "2021 H1": (33, 21),
    "2021 H2": (14, 10), "2022 H1": (12, 10), "2022 H2": (2, 0), "2023 H2": (36, 32),
    "2024 H1": (19, 10), "2024 H2": (7, 5),
}  # fmt: skip
"""Events, and attacks on installations among them."""


def test_events_and_attacks_on_installations_by_half_year(first, attacks):
    def halves(events):
        day = events[schema.EVENT_DATE].dt
        return day.strftime("%Y H") + (1 + (day.month > 6)).astype(str)

    counts = {name: (len(first[halves(first) == name]), len(attacks[halves(attacks) == name]))
              for name in sorted(set(halves(first)))}  # fmt: skip
    assert counts == HALF_YEARS
    assert len(attacks) == 155


def test_events_by_type(first):
    assert first[schema.EVENT_TYPE].value_counts().to_dict() == {
        "rocket_attack": 107, "drone_attack": 53, "ied_attack": 28, "diplomatic_warning": 24,
        "political_decision": 17, "air_strike": 16, "troop_movement": 15, "protest_violence": 14,
        "parliamentary_vote": 8, "missile_strike": 6, "sanction": 4, "truce": 3,
        "assassination": 2, "mortar_attack": 2, "drone_strike": 2, "embassy_assault": 1,
    }  # fmt: skip


WOUNDED = {
    "2020-01-08": 0, "2020-01-15": 0, "2020-01-16": 11, "2020-01-23": 11, "2020-01-24": 34,
    "2020-01-28": 50, "2020-01-30": 64, "2020-02-09": 64, "2020-02-10": 109, "2020-02-21": 110,
    "2024-10-01": 110,
}  # fmt: skip


@pytest.mark.parametrize(("day", "wounded"), WOUNDED.items())
def test_the_wounded_of_8_january_2020_as_known_on_each_day(crisis, day, wounded):
    events = crisis.as_of(day).set_index(schema.EVENT_ID)
    assert events.loc[ASAD, schema.WOUNDED] == wounded
    assert events.loc[ASAD, schema.KILLED] == 0


AUTHORS = [
    (TAJI, "2020-03-11", "unknown", "unknown"), (TAJI, "2020-03-12", "militia", "blamed"),
    (TAJI, "2020-03-14", "militia", "blamed"), (TAJI, "2020-03-15", "militia", "claimed"),
    (K1, "2019-12-28", "unknown", "unknown"), (K1, "2019-12-29", "militia", "blamed"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "day", "actor", "attribution"), AUTHORS)
def test_who_did_it_counts_from_the_day_of_the_claim(crisis, event, day, actor, attribution):
    row = crisis.as_of(day).set_index(schema.EVENT_ID).loc[event]
    assert (row[schema.ACTOR], row[schema.ATTRIBUTION]) == (actor, attribution)


def test_tolls_that_grew_or_fell_have_the_day_on_which_they_did(crisis):
    def toll(event, day):
        row = crisis.as_of(day).set_index(schema.EVENT_ID).loc[event]
        return row[schema.KILLED], row[schema.WOUNDED]

    assert toll("IQ-2020-09-28-01", "2020-09-28") == (5, 2)
    assert toll("IQ-2020-09-28-01", "2020-09-29") == (7, 0)
    assert toll("IQ-2021-02-15-01", "2021-02-21")[0] == 1
    assert toll("IQ-2021-02-15-01", "2021-02-22")[0] == 2
    assert toll(TAJI, "2020-03-11") == (3, 12)
    assert toll(TAJI, "2020-03-12") == (3, 14)


def test_hours_munitions_and_conditions_are_kept_if_reported(first, crisis):
    assert first[schema.HOUR].notna().sum() == 59
    assert first[schema.MUNITIONS].notna().sum() == 188
    assert crisis.as_of("2019-12-27").set_index("event_id").loc[K1, schema.MUNITIONS] == 30
    assert crisis.as_of("2020-02-06").set_index("event_id").loc[K1, schema.MUNITIONS] == 31
    assert first.loc[TAJI, schema.HOUR] == 19
    assert first.loc["IQ-2020-03-14-01", schema.HOUR] == 10
    warnings = first[first[schema.CONDITION].notna()]
    assert set(warnings[schema.EVENT_TYPE]) == {"diplomatic_warning", "truce"}
    assert len(warnings) == 13


def test_identifiers_keep_their_date_and_eight_differ_from_the_day_of_the_event(first):
    days = first[schema.EVENT_DATE].dt.strftime("%Y-%m-%d")
    moved = days[days != first.index.str[3:13]]
    assert moved.to_dict() == {
        "IQ-2019-12-12-01": "2019-12-11", "IQ-2020-03-16-02": "2020-03-15",
        "IQ-2020-08-27-01": "2020-08-28", "IQ-2021-02-25-01": "2021-02-26",
        "IQ-2021-06-27-01": "2021-06-28", "IQ-2021-12-30-01": "2021-12-28",
        "IQ-2022-01-06-01": "2022-01-05", "IQ-2023-12-25-01": "2023-12-26",
    }  # fmt: skip


DOUBTFUL = (
    "IQ-2020-07-20-01", "IQ-2020-06-14-01", "IQ-2020-07-28-01", "IQ-2020-08-17-01",
)  # fmt: skip


def test_doubtful_events_are_of_low_confidence(first):
    assert set(first.loc[list(DOUBTFUL), schema.CONFIDENCE]) == {"low"}


def test_41_attacks_in_iraq_from_17_october_2023_to_february_2024_37_up_to_18_january(attacks):
    day = attacks[schema.EVENT_DATE]
    iraq = attacks[(day >= "2023-10-17") & (day < "2024-03-01") & (attacks["country"] == "IRQ")]
    assert len(iraq) == 41
    assert (iraq[schema.EVENT_DATE] <= "2024-01-18").sum() == 37


def test_there_are_109_tallies(tallies):
    assert len(tallies) == 109
    assert {tally.unit for tally in tallies} == {
        "attacks", "bases", "killed", "launch pads", "launchers", "rockets", "troops", "wounded",
        "yes or no",
    }  # fmt: skip


ON_INSTALLATIONS = [
    # Published, by whom, its tally, and how many the chronology has for the same days.
    ("2019-12-09", "AFP", 9, 9),
    ("2019-12-12", "AFP", 10, 10),
    ("2020-02-16", "AFP", 19, 24),
    ("2020-03-14", "AFP", 23, 31),
    ("2020-06-18", "AFP", 32, 41),
    ("2022-04-08", "Rudaw", 30, 31),
    ("2024-01-19", "Pentagon", 57, 37),
]  # fmt: skip


@pytest.mark.parametrize(("published", "publisher", "value", "counted"), ON_INSTALLATIONS)
def test_attacks_compared_with_the_tally_of_the_day(
    tallies, attacks, published, publisher, value, counted
):
    (tally,) = [
        tally for tally in tallies
        if (str(tally.published_date), tally.publisher) == (published, publisher)
        and tally.value == value
        and "attacks" in tally.what and "Syria" not in tally.what
    ]  # fmt: skip
    days = attacks[schema.EVENT_DATE].dt.date
    iraq = attacks["country"] == "IRQ"
    assert ((days >= tally.since_date) & (days <= tally.as_of_date) & iraq).sum() == counted


def test_with_roadside_bombs_there_are_82_of_nearly_90_and_28_of_43(first):
    kinds = (first[schema.TAGS] == INSTALLATION_ATTACK) | (first["event_type"] == "ied_attack")
    days = first.loc[kinds, schema.EVENT_DATE]
    assert days.between("2019-10-28", "2020-11-17").sum() == 82
    assert days.between("2021-01-01", "2021-06-26").sum() == 28


def test_the_card_has_the_same_counts_by_half_year(root):
    table = re.findall(
        r"^\| (\d{4}), .*(June|October|December) \| (\d+) \| (\d+) \|",
        (root / "data/README.md").read_text(encoding="utf-8"), re.MULTILINE,
    )  # fmt: skip
    published_counts = {f"{year} H{1 + (month != 'June')}": (int(events), int(attacks))
            for year, month, events, attacks in table}  # fmt: skip
    assert published_counts | {"2019 H2": (38, 12)} == HALF_YEARS


def test_the_23rd_attack_was_that_of_14_march_2020(tallies):
    (tally,) = [tally for tally in tallies if "23rd" in tally.what and tally.value == 23
                and tally.as_of_date.year == 2020]  # fmt: skip
    assert (str(tally.as_of_date), str(tally.since_date)) == ("2020-03-14", "2019-10-28")


def test_up_to_14_march_2020_31_installations_were_attacked_22_with_high_confidence(attacks):
    window = attacks[attacks[schema.EVENT_DATE] <= "2020-03-14"]
    assert len(window) == 31
    assert str(window[schema.EVENT_DATE].min().date()) == "2019-10-28"
    assert (window[schema.CONFIDENCE] == "high").sum() == 22


STEPS = {
    ("2019-10-28", "2019-12-09"): (9, 9),
    ("2019-12-10", "2019-12-11"): (1, 1),
    ("2019-12-12", "2020-02-16"): (9, 14),
    ("2020-02-17", "2020-03-14"): (4, 7),
}
"""AFP's count and the rows here, from one of its tallies to the next."""


def test_the_card_reconciles_the_23rd_attack_step_by_step(attacks, tallies):
    afp = {"2019-10-27": 0} | {
        str(tally.as_of_date): tally.value
        for tally in tallies
        if tally.publisher == "AFP" and str(tally.since_date) == "2019-10-28"
    }
    days = attacks[schema.EVENT_DATE]
    for (first_day, last_day), (step, here) in STEPS.items():
        before = max(day for day in afp if day < first_day)
        assert afp[last_day] - afp[before] == step
        assert days.between(first_day, last_day).sum() == here
    spring = days[days.between("2020-02-17", "2020-03-14") & (attacks["confidence"] != "low")]
    assert spring.dt.strftime("%m-%d").tolist() == ["03-02", "03-05", "03-11", "03-14"]


def test_the_lateness_of_first_reports(first):
    late = (first[schema.KNOWN_DATE] - first[schema.EVENT_DATE]).dt.days
    assert [(late <= days).sum() for days in (0, 1, 7)] == [256, 291, 297]
    assert (late.max(), late.idxmax()) == (21, "IQ-2020-02-21-01")


BAD = [
    (("value", "some"), "E-VALUE"),
    (("as_of_date", "2020-02-30"), "E-VALUE"),
    (("published_date", "2019-10-04"), "E-KNOWN"),
]


@pytest.mark.parametrize(("change", "code"), BAD)
def test_an_impossible_tally_is_refused_with_its_line(root, tmp_path, change, code):
    table = pd.read_csv(root / "data/iraq_crisis_tallies.csv", dtype=str).head(1)
    table.assign(**dict([change])).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match=rf"{code}.*t\.csv:2"):
        load_tallies(tmp_path / "t.csv")


def test_a_table_with_other_columns_is_refused(crisis_csv):
    with pytest.raises(InputError, match="E-COLUMNS"):
        load_tallies(crisis_csv)
