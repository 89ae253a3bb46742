"""What makes two names of a place the same unit, and how units are shown to people.

A unit is identified by its country and its name, after trimming, Unicode normalisation and case
folding: the Punjab of India and that of Pakistan are two, ``Khomas`` and ``khomas`` are one. Joins
go by the key. The shown name is for people and may gain its country once another unit shares it.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class UnitName(NamedTuple):
    """A unit's key, and its name and country as they were first written.

    Parameters
    ----------
    key : str
        Of :func:`place_key` or :func:`dyad_key`.
    name : str
    country : str
        Empty where it is not known, and for units that lie in none.
    """

    key: str
    name: str
    country: str = ""


def tidied(text: str) -> str:
    """A name without blanks around it, with single blanks within, its letters composed.

    Examples
    --------
    >>> tidied("  Bay   of Bengal "), tidied("Se\u0301gou") == "S\u00e9gou"
    ('Bay of Bengal', True)
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def normalised(text: str) -> str:
    """A name as it is compared: tidied, its case folded.

    Examples
    --------
    >>> normalised("Khomas ") == normalised("khomas"), normalised("STRASSE") == normalised("Straße")
    (True, True)
    """
    return tidied(unicodedata.normalize("NFD", text).casefold())


def place_key(name: str, country: str = "") -> str:
    """Key of a country, province or site; empty for a name of blanks.

    Parameters
    ----------
    name : str
    country : str, optional
        Where it lies; none for a country itself.

    Examples
    --------
    >>> place_key("Punjab", "IND"), place_key(" punjab", "PAK"), place_key("Iraq")
    ('ind/punjab', 'pak/punjab', 'iraq')
    """
    inside, place = _escaped(country, "/"), _escaped(name, "/")
    return f"{inside}/{place}" if inside and place else place


def dyad_key(actor: str, target: str) -> str:
    """Key of a pair of sides; empty where a side is nothing but blanks.

    Examples
    --------
    >>> dyad_key("Militia", "US  Coalition")
    'militia>us coalition'
    """
    one, other = _escaped(actor, ">"), _escaped(target, ">")
    return f"{one}>{other}" if one and other else ""


def _escaped(text: str, separator: str) -> str:
    """A normalised text in which the separator can't stand, so that no two pairs share a key."""
    plain = normalised(text)
    return plain.replace("%", "%25").replace(separator, f"%{ord(separator):02x}")


def shown_names(units: Sequence[UnitName]) -> tuple[str, ...]:
    """Names for people: with the country where several units share a name.

    Parameters
    ----------
    units : sequence of UnitName
        Each key once.

    Returns
    -------
    tuple of str
        Parallel to the units; no two are alike.

    Examples
    --------
    >>> two = UnitName("ind/punjab", "Punjab", "IND"), UnitName("pak/punjab", "Punjab", "PAK")
    >>> shown_names(two), shown_names(two[:1])
    (('Punjab (IND)', 'Punjab (PAK)'), ('Punjab',))
    """
    shared = _shared(unit.name for unit in units)
    longer = [_with_country(unit) if normalised(unit.name) in shared else unit for unit in units]
    again = _shared(unit.name for unit in longer)
    return tuple(
        f"{unit.name} [{unit.key}]" if normalised(unit.name) in again else tidied(unit.name)
        for unit in longer
    )


def _with_country(unit: UnitName) -> UnitName:
    name, country = tidied(unit.name), tidied(unit.country)
    return unit._replace(name=f"{name} ({country})" if country else name)


def _shared(names: Iterable[str]) -> frozenset[str]:
    """Normalised names that occur more than once."""
    counts = Counter(map(normalised, names))
    return frozenset(name for name, count in counts.items() if count > 1)
