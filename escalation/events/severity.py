"""Assign severity rungs, 0 to 6, by event type, casualties and sides."""

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
    """Return the severity rung of each event.

    Unknown casualties are not zero, but they are no evidence of harm either: the event gets the
    lowest rung of its type. Violence by one state against another is always the highest rung. A
    type that is not on the ladder counts as violence: 3, 4 or 5 by its casualties.

    Parameters
    ----------
    types : pyarrow.Array of string, shape (event,)
        Event types.
    ladder : mapping of str to Rungs
        Rungs by event type.
    killed, wounded : pyarrow.Array of integers, shape (event,), optional
        Null if unknown; omitted for a source without casualties.
    interstate : ndarray of bool, shape (event,), optional
        Events in which one state acts against another.

    Returns
    -------
    pyarrow.Array of int8, shape (event,)
        Null if the event type is missing.

    Examples
    --------
    >>> types = pa.array(["battle", "battle", "protest", "picnic", None])
    >>> killed = pa.array([3, None, 1, 0, 0])
    >>> severity_of(types, ladder=schema.SEVERITY_LADDER, killed=killed).to_pylist()
    [5, 3, 2, 3, None]
    """
    encoded = types.dictionary_encode()
    rungs_by_type = [*(_rungs(name, ladder) for name in encoded.dictionary.to_pylist()), None]
    table = np.array([rungs or schema.VIOLENCE for rungs in rungs_by_type], np.int8)
    on_ladder = np.array([rungs is not None for rungs in rungs_by_type])
    row = pc.fill_null(encoded.indices, len(table) - 1).to_numpy()
    nobody = np.zeros(len(types), np.bool_)
    dead, hurt = (nobody if n is None else flags(pc.greater(n, 0)) for n in (killed, wounded))
    rung = table[row, np.where(dead, 2, np.where(hurt, 1, 0))]
    if interstate is not None:
        violent = on_ladder[row] & (table[row, 0] >= schema.VIOLENCE.nobody_hurt)
        rung = np.where(interstate & violent, np.int8(schema.HIGHEST_RUNG), rung)
    return pa.array(rung, pa.int8(), mask=flags(pc.is_null(types)))


def unrated(types: pa.Array, *, ladder: Mapping[str, schema.Rungs]) -> Mask:
    """Return the events whose type is not on the ladder.

    Parameters
    ----------
    types : pyarrow.Array of string, shape (event,)
    ladder : mapping of str to Rungs
    """
    rated = looked_up(types, lambda name: name if _rungs(name, ladder) else None)
    return became_null(types, rated)


def _rungs(name: str, ladder: Mapping[str, schema.Rungs]) -> schema.Rungs | None:
    """Look a type up by its name, or by its name in lower case with underscores."""
    return ladder.get(name) or ladder.get("_".join(name.casefold().split()))


def between_states(actor: pa.Array, target: pa.Array) -> Mask:
    """Return the events in which one of :data:`escalation.schema.STATE_FORCES` acts on another.

    Parameters
    ----------
    actor, target : pyarrow.Array of string, shape (event,)
        The acting side and the side acted upon.
    """
    states = is_one_of(actor, schema.STATE_FORCES) & is_one_of(target, schema.STATE_FORCES)
    return states & flags(pc.not_equal(actor, target))
