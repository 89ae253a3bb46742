"""One unit is one country and one name, however they are written."""

import unicodedata

import numpy as np
import pandas as pd
import pytest

from escalation.events.units import shown_names, unit_key, unit_keys

SAME = [
    ("Bay", "Bay "), ("Khomas", "khomas"), ("S\u00e9gou", "Se\u0301gou"),
    ("STRASSE", "stra\u00dfe"),
    ("North  East", "north east"), ("\u00a0Bay", "Bay"), ("\u0130zmir", "i\u0307zmir"),
]  # fmt: skip
OTHER = [("Punjab", "Punjabi"), ("S\u00e9gou", "Segou"), ("a", "b"), ("1", "01")]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_blanks_case_and_encoding_make_no_other_unit(one, other):
    assert unit_key(one, "MLI") == unit_key(other, "mli ")


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_another_name_is_another_unit(one, other):
    assert unit_key(one, "MLI") != unit_key(other, "MLI")


def test_the_country_is_part_of_the_unit_and_no_country_is_its_own():
    keys = [unit_key("Punjab", country) for country in ("IND", "PAK", None)]
    assert len(set(keys)) == 3
    assert unit_key("b", "a/") != unit_key("/b", "a")


def test_the_key_of_a_key_s_parts_is_stable():
    for name in ("S\u00e9gou", "\u1e9e", "\u0390", "\ufb03"):
        key = unit_key(name, "X")
        assert unicodedata.is_normalized("NFC", key) and unit_key(key[2:], "x") == key


def test_keys_of_a_table_are_those_of_its_rows():
    rng = np.random.default_rng(3)
    names = pd.Series(rng.choice(["Bay", "bay ", "Gedo", None], 200))
    countries = pd.Series(rng.choice(["SOM", "som", "KEN", None], 200))
    expected = [
        None if pd.isna(name) else unit_key(name, None if pd.isna(country) else country)
        for name, country in zip(names, countries, strict=True)
    ]
    assert unit_keys(names, countries).tolist() == expected
    assert unit_keys(names).tolist() == [
        None if pd.isna(name) else unit_key(name) for name in names
    ]
    assert unit_keys(names[:0]).tolist() == []


def test_the_country_is_shown_only_where_a_name_is_shared():
    names = ["Punjab", "Bay ", "punjab", "Punjab"]
    assert shown_names(names, ["IND", "SOM", "PAK", None]) == [
        "Punjab (IND)", "Bay", "punjab (PAK)", "Punjab",
    ]  # fmt: skip
