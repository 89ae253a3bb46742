"""Names that are the same unit or different ones, and how units are shown."""

import itertools

import pytest

from escalation.events.units import (
    UnitName,
    dyad_key,
    normalised,
    place_key,
    shown_names,
    tidied,
)


@pytest.mark.parametrize(
    "spellings",
    [
        ("Bay", "Bay ", "\tBay", "bay\u00a0", "BAY"),
        ("Khomas", "khomas"),
        ("S\u00e9gou", "Se\u0301gou", "S\u00c9GOU", "SE\u0301GOU"),
        ("Abu Kamal", "Abu  Kamal", "abu\u00a0\u2003kamal", "Abu\nKamal"),
        ("Stra\u00dfe", "STRASSE"),
        ("\u1e9b\u0323", "\u1e9b\u0323 "),
        ("H\u1ea3i Ph\u00f2ng", "Ha\u0309i Pho\u0300ng"),
    ],
)
def test_spellings_of_one_name_share_a_key(spellings):
    assert len({place_key(name, "VNM") for name in spellings}) == 1
    assert len({place_key("x", country) for country in spellings}) == 1
    assert len({dyad_key(side, "y") for side in spellings}) == 1
    for name in spellings:
        assert normalised(normalised(name)) == normalised(name)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("Punjab", "IND"), ("Punjab", "PAK")),
        (("Punjab", "IND"), ("Punjab", "")),
        (("Georgia", ""), ("Georgia", "USA")),
        (("Segou", "MLI"), ("S\u00e9gou", "MLI")),
        (("b/c", "a"), ("c", "a/b")),
        (("b/c", ""), ("c", "b")),
        (("a%2fb", ""), ("a/b", "")),
        (("Bay of", "SOM"), ("Bayof", "SOM")),
    ],
)
def test_different_places_have_different_keys(first, second):
    assert place_key(*first) != place_key(*second)


def test_different_pairs_of_sides_have_different_keys():
    pairs = itertools.product(["a", "b", "a>b", "a%3eb", "b>a"], repeat=2)
    keys = [dyad_key(actor, target) for actor, target in pairs]
    assert len(set(keys)) == 25


@pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u00a0"])
def test_a_name_of_blanks_is_no_unit_and_a_country_of_blanks_is_none(blank):
    assert place_key(blank, "IRQ") == dyad_key(blank, "x") == dyad_key("x", blank) == ""
    assert place_key("Taji", blank) == "taji"


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ([], ()),
        ([("a", "Taji", "IRQ")], ("Taji",)),
        ([("a", " Abu  Kamal ", "SYR")], ("Abu Kamal",)),
        ([("a", "Punjab", "IND"), ("b", "Punjab", "PAK"), ("c", "Sindh", "PAK")],
         ("Punjab (IND)", "Punjab (PAK)", "Sindh")),
        ([("a", "Punjab", "IND"), ("b", "punjab", "PAK")], ("Punjab (IND)", "punjab (PAK)")),
        ([("a", "Georgia", ""), ("b", "Georgia", "USA")], ("Georgia", "Georgia (USA)")),
        ([("a", "x", "I"), ("b", "x", "J"), ("c", "x (I)", "")],
         ("x (I) [a]", "x (J)", "x (I) [c]")),
        ([("all", "all", ""), ("irq/all", "All", "IRQ")], ("all", "All (IRQ)")),
    ],
)  # fmt: skip
def test_names_gain_their_country_only_where_they_are_shared(units, expected):
    assert shown_names([UnitName(*unit) for unit in units]) == expected


def test_a_tidy_name_keeps_its_case_and_its_letters():
    assert tidied("  Se\u0301gou\u00a0 Nord\n") == "S\u00e9gou Nord"
