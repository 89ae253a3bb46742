"""What makes two places one unit, and what people call it.

A unit is its country and its name, whatever their case, their blanks and the way in which their
accents are encoded. Everything that joins (ledgers, forecast files, comparisons) joins by the key;
the shown name is for people only.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def unit_key(name: str, country: str | None = None) -> str:
    """The key of a unit: its country, a slash, and its name, both folded.

    Parameters
    ----------
    name : str
        Of a place, or of anything else that makes a unit.
    country : str, optional
        In which the place lies; none for countries themselves, pairs of sides, and cells of a grid.

    Returns
    -------
    str
        Begins with the slash where there is no country, so that a country's name and the same name
        of a place without one are one key.

    Examples
    --------
    >>> unit_key(" Punjab", "IND"), unit_key("punjab", "PAK"), unit_key("IRQ")
    ('ind/punjab', 'pak/punjab', '/irq')
    >>> unit_key("Se\u0301gou", "MLI") == unit_key("S\u00e9gou ", "MLI")
    True
    """
    return f"{folded(country or '').replace('/', ' ')}/{folded(name)}"


def folded(text: str) -> str:
    """Text composed, in lower case of every alphabet, with single blanks inside and none around.

    Examples
    --------
    >>> folded(" Khomas  Region")
    'khomas region'
    """
    composed = unicodedata.normalize("NFC", text).casefold()
    return " ".join(unicodedata.normalize("NFC", composed).split())


def unit_keys(names: pd.Series, countries: pd.Series | None = None) -> NDArray[np.object_]:
    """The key of every event's unit.

    Parameters
    ----------
    names : pandas.Series of str, shape (event,)
        As the events write them; missing where an event belongs to no unit.
    countries : pandas.Series of str, shape (event,), optional
        Of the places; missing where unknown.

    Returns
    -------
    ndarray of object, shape (event,)
        None where the name is missing.

    Examples
    --------
    >>> names = pd.Series(["Punjab", "punjab ", None])
    >>> unit_keys(names, pd.Series(["IND", "IND", "PAK"])).tolist()
    ['ind/punjab', 'ind/punjab', None]
    """
    name_codes, name_values = pd.factorize(names)
    if countries is None:
        country_codes, country_values = np.full(len(names), -1), pd.Index([])
    else:
        country_codes, country_values = pd.factorize(countries)
    # Once per different pair: a million events name a few thousand places.
    pairs = name_codes.astype(np.int64) * (len(country_values) + 1) + country_codes + 1
    distinct, first, back = np.unique(pairs, return_index=True, return_inverse=True)
    keys = np.empty(len(distinct), object)
    for place, row in enumerate(first):
        if name_codes[row] >= 0:
            code = country_codes[row]
            country = str(country_values[code]) if code >= 0 else None
            keys[place] = unit_key(str(name_values[name_codes[row]]), country)
    return keys[back]


def shown_names(names: Sequence[str], countries: Sequence[str | None]) -> list[str]:
    """What people call units: the name, with its country where two units share it.

    Parameters
    ----------
    names : sequence of str, shape (unit,)
        Of units with different keys, each as the first row known of it writes it.
    countries : sequence of str or None, shape (unit,)

    Returns
    -------
    list of str, shape (unit,)

    Examples
    --------
    >>> shown_names(["Punjab", "Sindh ", "punjab"], ["IND", "PAK", "PAK"])
    ['Punjab (IND)', 'Sindh', 'punjab (PAK)']
    """
    shared = Counter(map(folded, names))
    return [
        f"{name.strip()} ({country})" if shared[folded(name)] > 1 and country else name.strip()
        for name, country in zip(names, countries, strict=True)
    ]
