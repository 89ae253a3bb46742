"""Keys and display names of units.

A unit is identified by its country and its name, after trimming, Unicode normalisation and case
folding: Punjab in India and Punjab in Pakistan are two units, ``Khomas`` and ``khomas`` are one.
Joins use the key. A display name includes the country if several units share the name.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class UnitName(NamedTuple):
    """A unit's key, with its name and country as first written.

    Parameters
    ----------
    key : str
        From :func:`place_key` or :func:`dyad_key`.
    name : str
    country : str
        Empty if it is unknown or the unit is in no country.
    """

    key: str
    name: str
    country: str = ""


def tidied(text: str) -> str:
    """Strip a name, reduce blanks to single spaces, and compose its letters (NFC).

    Examples
    --------
    >>> tidied("  Bay   of Bengal "), tidied("Se\u0301gou") == "S\u00e9gou"
    ('Bay of Bengal', True)
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def normalised(text: str) -> str:
    """Tidy a name and fold its case, to compare it with others.

    Examples
    --------
    >>> normalised("Khomas ") == normalised("khomas"), normalised("STRASSE") == normalised("Straße")
    (True, True)
    """
    return tidied(unicodedata.normalize("NFD", text).casefold())


def place_key(name: str, country: str = "") -> str:
    """Return the key of a country, province or site; empty for a blank name.

    Parameters
    ----------
    name : str
    country : str, optional
        Country of the place; empty for a country itself.

    Examples
    --------
    >>> place_key("Punjab", "IND"), place_key(" punjab", "PAK"), place_key("Iraq")
    ('ind/punjab', 'pak/punjab', 'iraq')
    """
    parent, place = _escaped(country, "/"), _escaped(name, "/")
    return f"{parent}/{place}" if parent and place else place


def dyad_key(actor: str, target: str) -> str:
    """Return the key of a pair of sides; empty if a side is blank.

    Examples
    --------
    >>> dyad_key("Militia", "US  Coalition")
    'militia>us coalition'
    """
    source, destination = _escaped(actor, ">"), _escaped(target, ">")
    return f"{source}>{destination}" if source and destination else ""


def _escaped(text: str, separator: str) -> str:
    """Normalise text and escape the separator, so that no two pairs share a key."""
    plain = normalised(text)
    return plain.replace("%", "%25").replace(separator, f"%{ord(separator):02x}")


def shown_names(units: Sequence[UnitName]) -> tuple[str, ...]:
    """Return a distinct display name per unit, with the country if several units share a name.

    Parameters
    ----------
    units : sequence of UnitName
        With distinct keys.

    Examples
    --------
    >>> two = UnitName("ind/punjab", "Punjab", "IND"), UnitName("pak/punjab", "Punjab", "PAK")
    >>> shown_names(two), shown_names(two[:1])
    (('Punjab (IND)', 'Punjab (PAK)'), ('Punjab',))
    """
    shared = _shared(unit.name for unit in units)
    longer = [_with_country(unit) if normalised(unit.name) in shared else unit for unit in units]
    still_shared = _shared(unit.name for unit in longer)
    return tuple(
        f"{unit.name} [{unit.key}]" if normalised(unit.name) in still_shared else tidied(unit.name)
        for unit in longer
    )


def _with_country(unit: UnitName) -> UnitName:
    name, country = tidied(unit.name), tidied(unit.country)
    return unit._replace(name=f"{name} ({country})" if country else name)


def _shared(names: Iterable[str]) -> frozenset[str]:
    """Return the normalised names that occur more than once."""
    counts = Counter(map(normalised, names))
    return frozenset(name for name, count in counts.items() if count > 1)
