"""Convert country codes (numeric, GW, COW, FIPS) and names to ISO 3166-1 alpha-3.

ISO codes and names come from pycountry. ``country_codes.csv`` adds the numbers of Gleditsch and
Ward (``gw``, used by UCDP) and of Correlates of War (``cow``), the two letters of FIPS 10-4
(``fips``, used by GDELT for places), and the names that sources use.

* Kosovo is not in ISO 3166; it gets ``XKX``, the code in common use.
* A former state whose ISO code is still in use keeps it: West Germany is DEU, North Yemen YEM, and
  Yugoslavia from 1992 on SRB, as in UCDP. Others (South Yemen, East Germany, Czechoslovakia, the
  Netherlands Antilles) have no code here.
* The West Bank and the Gaza Strip are both PSE.
* The same letters mean different countries by scheme: CH is China in FIPS 10-4, Switzerland in ISO.
  The scheme is never guessed from a code; the caller names it.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

import pyarrow as pa

from escalation.events.columns import looked_up, one_array

Scheme = Literal["name", "iso3", "numeric", "gw", "cow", "fips"]
_NUMBERS = ("numeric", "gw", "cow")


def to_iso3(column: pa.Array | pa.ChunkedArray, *, code: Scheme) -> pa.Array:
    """Convert codes or names to ISO 3166-1 alpha-3; null where one is unknown.

    Parameters
    ----------
    column : pyarrow.Array of string
    code : str
        Scheme of the column: ``name``, ``iso3``, ``numeric`` (ISO 3166-1 numeric), ``gw``, ``cow``
        or ``fips``. Numbers may be written ``645``, ``0645`` or ``645.0``. Names match regardless
        of accents, case and punctuation, but otherwise exactly.

    Examples
    --------
    >>> to_iso3(pa.array(["645", "652.0", "1"]), code="gw").to_pylist()
    ['IRQ', 'SYR', None]
    >>> to_iso3(pa.array(["IZ", "CH"]), code="fips").to_pylist()
    ['IRQ', 'CHN']
    >>> to_iso3(pa.array(["DR Congo (Zaire)", "Türkiye", "Atlantis"]), code="name").to_pylist()
    ['COD', 'TUR', None]
    """
    iso3_by_code = _table(code)
    normalise = _plain_number if code in _NUMBERS else _plain_name if code == "name" else str
    return looked_up(one_array(column), lambda value: iso3_by_code.get(normalise(value)))


def _plain_number(text: str) -> str:
    whole, _, rest = text.partition(".")
    return (whole.lstrip("0") if not rest.strip("0") else text) if text.isascii() else text


def _plain_name(text: str) -> str:
    """Reduce to lower case and single spaces: ``Côte d'Ivoire`` becomes ``cote d ivoire``."""
    letters = (c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    spaced = "".join(c if c.isalnum() else " " for c in "".join(letters).casefold())
    plain = " ".join(spaced.split()).removeprefix("the ").removesuffix(" the")
    return f"saint {plain[3:]}" if plain.startswith("st ") else plain


@cache
def _table(code: Scheme) -> Mapping[str, str]:
    if code == "name":
        return dict(_names())
    if code in ("iso3", "numeric"):
        return {key: iso3 for iso3, number, _ in _iso() for key in (iso3, number)} | {"XKX": "XKX"}
    return {key: row["iso3"] for row in _rows() for key in row[code].split("|") if key}


def _names() -> Iterator[tuple[str, str]]:
    """Yield names and codes: ISO names first, so that the names that sources use override them."""
    for iso3, _, names in _iso():
        for name in names:
            yield _plain_name(name), iso3
            # "Iran, Islamic Republic of" is also "Islamic Republic of Iran".
            head, _, tail = name.partition(", ")
            yield _plain_name(f"{tail} {head}"), iso3
    for row in _rows():
        for name in filter(None, row["names"].split("|")):
            yield _plain_name(name), row["iso3"]


def _iso() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    import pycountry

    for country in pycountry.countries:
        attributes = ("name", "common_name", "official_name")
        names = tuple(name for key in attributes if (name := getattr(country, key, None)))
        yield country.alpha_3, country.numeric.lstrip("0"), names


@cache
def _rows() -> tuple[dict[str, str], ...]:
    table = files("escalation.events").joinpath("country_codes.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(table.splitlines()))
