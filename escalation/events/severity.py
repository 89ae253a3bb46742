"""The severity ladder applied: a rung, 0 to 6, from event type, casualties and sides."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.events.columns import Mask, became_null, flags, is_one_of, looked_up


def severity_of(
    types: pa.Array,
    *,
    ladder: Mapping[str, schema.Rungs],
    killed: pa.Array | None = None,
    wounded: pa.Array | None = None,
    interstate: Mask | None = None,
) -> pa.Array:
    """Rung of each event.

    Unknown casualties are not zero, but they prove no harm: the rung is then the lowest that the
    type allows. Violence by one state on another is the highest rung whatever the harm. A type
    that the ladder does not know is taken for violence: 3, 4 or 5 by its casualties.

    Parameters
    ----------
    types : pyarrow.Array of string, shape (event,)
        Event types.
    ladder : mapping of str to Rungs
        Rungs by event type.
    killed, wounded : pyarrow.Array of integers, shape (event,), optional
        Null where unknown; left out where the source counts none.
    interstate : ndarray of bool, shape (event,), optional
        Events in which a state acts on another.

    Returns
    -------
    pyarrow.Array of int8, shape (event,)
        Null where the event type is missing.

    Examples
    --------
    >>> types = pa.array(["battle", "battle", "protest", "picnic", None])
    >>> killed = pa.array([3, None, 1, 0, 0])
    >>> severity_of(types, ladder=schema.SEVERITY_LADDER, killed=killed).to_pylist()
    [5, 3, 2, 3, None]
    """
    encoded = types.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    rated = [_rungs(word, ladder) for word in words]
    table = np.array([rungs or schema.VIOLENCE for rungs in [*rated, None]], np.int8)
    known = np.array([rungs is not None for rungs in [*rated, None]])
    row = pc.fill_null(encoded.indices, len(words)).to_numpy()
    nobody = np.zeros(len(types), np.bool_)
    dead, hurt = (nobody if n is None else flags(pc.greater(n, 0)) for n in (killed, wounded))
    rung = table[row, np.where(dead, 2, np.where(hurt, 1, 0))]
    if interstate is not None:
        violent = known[row] & (table[row, 0] >= schema.VIOLENCE.nobody_hurt)
        rung = np.where(interstate & violent, np.int8(schema.HIGHEST_RUNG), rung)
    return pa.array(rung, pa.int8(), mask=flags(pc.is_null(types)))


def unrated(types: pa.Array, *, ladder: Mapping[str, schema.Rungs]) -> Mask:
    """Events whose type has no rung on the ladder.

    Parameters
    ----------
    types : pyarrow.Array of string, shape (event,)
    ladder : mapping of str to Rungs

    Examples
    --------
    >>> unrated(pa.array(["battle", "picnic", None]), ladder=schema.SEVERITY_LADDER).tolist()
    [False, True, False]
    """
    found = looked_up(types, lambda word: word if _rungs(word, ladder) else None)
    return became_null(types, found)


def _rungs(word: str, ladder: Mapping[str, schema.Rungs]) -> schema.Rungs | None:
    """By the word itself, or as the ladder would write it."""
    return ladder.get(word) or ladder.get("_".join(word.casefold().split()))


def between_states(actor: pa.Array, target: pa.Array) -> Mask:
    """Events in which one side of :data:`escalation.schema.STATE_FORCES` acts on another.

    Parameters
    ----------
    actor, target : pyarrow.Array of string, shape (event,)
        The side that acts and the side acted upon.

    Examples
    --------
    >>> between_states(pa.array(["iran", "iran"]), pa.array(["us_coalition", None])).tolist()
    [True, False]
    """
    states = is_one_of(actor, schema.STATE_FORCES) & is_one_of(target, schema.STATE_FORCES)
    return states & flags(pc.not_equal(actor, target))
