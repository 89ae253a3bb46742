"""The tidy tables made from the shared data lose no row and no place."""

import pandas as pd
from shared_data import tidy_iraq_airstrikes, tidy_iraq_attacks, tidy_israel_alerts


def read(path):
    return pd.read_csv(path, dtype=str)


def test_an_alert_for_several_places_becomes_a_row_for_each(tmp_path):
    table = read(tidy_israel_alerts(tmp_path / "alerts.csv"))
    assert len(table) == 47906 and table["event_id"].is_unique
    assert table["event_date"].str.fullmatch(r"20\d\d-\d\d-\d\d").all()
    first = table[table["event_date"] == "2014-07-24"]["site"].head(3).tolist()
    assert first == ["באר שבע 288", "באר שבע 289", "באר שבע 291"]
    assert table["event_type"].value_counts()["none"] < 20


def test_strikes_and_attacks_in_iraq_have_a_type_a_place_and_their_own_ids(tmp_path):
    strikes = read(tidy_iraq_airstrikes(tmp_path / "strikes.csv"))
    attacks = read(tidy_iraq_attacks(tmp_path / "attacks.csv"))
    assert strikes["event_type"].value_counts().to_dict() == {
        "air_strike": 2446, "troop_movement": 1492,
    }  # fmt: skip
    assert attacks["event_type"].value_counts().to_dict() == {
        "battle": 37292, "armed_clash": 15680, "ied_attack": 15601,
    }  # fmt: skip
    assert not strikes.isna().any().any() and not attacks.isna().any().any()
    assert not set(strikes["event_id"]) & set(attacks["event_id"])
