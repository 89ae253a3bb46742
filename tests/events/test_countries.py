"""Codes of four schemes and the names that sources use, against tables written by hand."""

import pyarrow as pa
import pytest

from escalation.events.countries import _names, _rows, _table, to_iso3


def iso3(value, code):
    return to_iso3(pa.array([value], pa.string()), code=code)[0].as_py()


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("2", "USA"), ("260", "DEU"), ("340", "SRB"), ("345", "SRB"), ("347", "XKX"),
        ("365", "RUS"), ("490", "COD"), ("484", "COG"), ("572", "SWZ"), ("626", "SSD"),
        ("645", "IRQ"), ("652", "SYR"), ("666", "ISR"), ("678", "YEM"), ("700", "AFG"),
        ("775", "MMR"), ("816", "VNM"), ("970", "KIR"), ("971", "NRU"), ("972", "TON"),
    ],
)  # fmt: skip
def test_a_number_of_gleditsch_and_ward_is_a_country(number, country):
    assert iso3(number, "gw") == country


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("255", "DEU"), ("260", "DEU"), ("679", "YEM"), ("645", "IRQ"), ("345", "SRB"),
        ("946", "KIR"), ("947", "TUV"), ("955", "TON"), ("970", "NRU"), ("340", None),
        ("971", None),
    ],
)  # fmt: skip
def test_a_number_of_correlates_of_war_is_a_country_where_it_differs_too(number, country):
    assert iso3(number, "cow") == country


@pytest.mark.parametrize(
    ("letters", "country", "in_iso"),
    [
        ("IZ", "IRQ", None), ("SY", "SYR", None), ("GM", "DEU", "Gambia"),
        ("CH", "CHN", "Switzerland"), ("SZ", "CHE", "Eswatini"), ("GA", "GMB", "Gabon"),
        ("NI", "NGA", "Nicaragua"), ("NG", "NER", "Nigeria"), ("AU", "AUT", "Australia"),
        ("AS", "AUS", "American Samoa"), ("IS", "ISR", "Iceland"), ("IC", "ISL", None),
        ("BM", "MMR", "Bermuda"), ("BA", "BHR", "Bosnia"), ("BK", "BIH", None),
        ("TU", "TUR", None), ("TS", "TUN", None), ("TX", "TKM", None), ("UP", "UKR", None),
        ("RS", "RUS", "Serbia"), ("RI", "SRB", None), ("RB", "SRB", None), ("KV", "XKX", None),
        ("GZ", "PSE", None), ("WE", "PSE", None), ("EI", "IRL", None), ("UK", "GBR", None),
        ("DA", "DNK", None), ("DO", "DMA", "Dominican Republic"), ("DR", "DOM", None),
        ("CG", "COD", "Congo"), ("CF", "COG", "Central African Republic"), ("CT", "CAF", None),
        ("KS", "KOR", None), ("KN", "PRK", "Saint Kitts and Nevis"), ("YM", "YEM", None),
        ("OD", "SSD", None), ("SU", "SDN", None), ("SP", "ESP", None), ("PO", "PRT", None),
        ("VM", "VNM", None), ("ZA", "ZMB", "South Africa"), ("SF", "ZAF", None), ("OS", None, None),
    ],
)  # fmt: skip
def test_fips_letters_are_a_country_and_rarely_the_one_of_iso(letters, country, in_iso):
    import pycountry

    assert iso3(letters, "fips") == country
    other = pycountry.countries.get(alpha_2=letters)
    assert in_iso is None or (in_iso in other.name and other.alpha_3 != country)


@pytest.mark.parametrize(
    ("name", "country"),
    [
        ("Iraq", "IRQ"), ("Iran", "IRN"), ("Iran, Islamic Republic of", "IRN"),
        ("Islamic Republic of Iran", "IRN"), ("Yemen (North Yemen)", "YEM"),
        ("DR Congo (Zaire)", "COD"), ("Democratic Republic of Congo", "COD"), ("Congo", "COG"),
        ("Republic of Congo", "COG"), ("Myanmar (Burma)", "MMR"),
        ("Kingdom of eSwatini (Swaziland)", "SWZ"), ("eSwatini", "SWZ"),
        ("Bosnia-Herzegovina", "BIH"), ("Russia (Soviet Union)", "RUS"),
        ("Serbia (Yugoslavia)", "SRB"), ("Cambodia (Kampuchea)", "KHM"),
        ("Macedonia, FYR", "MKD"), ("Madagascar (Malagasy)", "MDG"), ("Zimbabwe (Rhodesia)", "ZWE"),
        ("Rumania", "ROU"), ("Ivory Coast", "CIV"), ("Cote d'Ivoire", "CIV"),
        ("TÜRKIYE", "TUR"), ("Turkey", "TUR"), ("Palestine", "PSE"),
        ("Occupied Palestinian Territory", "PSE"), ("Kosovo", "XKX"), ("The Gambia", "GMB"),
        ("South Korea", "KOR"), ("North Korea", "PRK"), ("Laos", "LAO"), ("Niger", "NER"),
        ("Nigeria", "NGA"), ("Former Yugoslav Republic of Macedonia", "MKD"),
        ("West Bank and Gaza Strip", "PSE"), ("Gambia, The", "GMB"), ("St. Lucia", "LCA"),
        ("West Germany (FRG)", "DEU"), ("Serbia-Montenegro", "SRB"), ("Rhodesia", "ZWE"),
        ("Soviet Union", None), ("Czechoslovakia", None), ("Abkhazia", None), ("Yugoslavia", None),
        ("Guinea", "GIN"), ("Guinea-Bissau", "GNB"), ("Dominica", "DMA"),
        ("Dominican Republic", "DOM"), ("Bailiwick of Jersey", "JEY"), ("Vietnam", "VNM"),
        ("Korea", None), ("Atlantis", None), ("Irak", None), ("IRQ", None), ("", None),
    ],
)  # fmt: skip
def test_a_name_is_the_country_that_the_source_means_and_never_a_similar_one(name, country):
    assert iso3(name, "name") == country


def test_numbers_may_be_padded_or_written_by_a_table_with_gaps():
    numbers = pa.array(["645.0", "0645", "645.5", "-645", "٦٤٥", "6 45", "", None])
    assert to_iso3(numbers, code="gw").to_pylist() == ["IRQ", "IRQ"] + [None] * 6


def test_numbers_and_letters_of_iso_are_checked():
    assert to_iso3(pa.array(["368", "004", "4", "999"]), code="numeric").to_pylist() == [
        "IRQ", "AFG", "AFG", None,
    ]  # fmt: skip
    assert to_iso3(pa.array(["IRQ", "XKX", "irq", "IQ"]), code="iso3").to_pylist() == [
        "IRQ", "XKX", None, None,
    ]  # fmt: skip


def test_chunked_and_empty_columns_are_accepted():
    chunked = pa.chunked_array([["645"], ["652", None]])
    assert to_iso3(chunked, code="gw").to_pylist() == ["IRQ", "SYR", None]
    assert to_iso3(pa.array([], pa.string()), code="name").to_pylist() == []
    assert to_iso3(pa.nulls(2, pa.string()), code="fips").to_pylist() == [None, None]


@pytest.mark.parametrize("code", ["gw", "cow", "fips"])
def test_no_code_is_repeated_in_the_table(code):
    codes = [number for row in _rows() for number in row[code].split("|") if number]
    assert len(codes) > 190 and len(set(codes)) == len(codes)


def test_no_name_means_two_countries():
    meant = {}
    for name, country in _names():
        assert meant.setdefault(name, country) == country, name


def test_every_country_of_the_table_has_an_iso_code():
    assert {row["iso3"] for row in _rows()} <= set(_table("iso3"))
