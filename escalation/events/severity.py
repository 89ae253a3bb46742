"""The severity ladder applied: a rung, 0 to 6, from event type, sides and casualties."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import InputError


def severity(
    events: pd.DataFrame, *, ladder: Mapping[str, schema.Rungs] = schema.SEVERITY_LADDER
) -> NDArray[np.int8]:
    """Rung of each event.

    Violence by one state's forces on another state's forces is rung 6 whatever the harm. Unknown
    casualties are not zero, but they prove no harm: the rung is the lowest that the type allows.

    Parameters
    ----------
    events : pandas.DataFrame
        Columns ``event_type``, ``actor``, ``target``, ``killed``, ``wounded``.
    ladder : mapping of str to Rungs, optional
        Rungs by event type.

    Returns
    -------
    ndarray of int8, shape (len(events),)

    Raises
    ------
    InputError
        ``E-LADDER`` when an event type is missing or has no row in the ladder.

    Examples
    --------
    >>> events = pd.DataFrame({"event_type": ["rocket_attack", "parliamentary_vote"],
    ...     "actor": ["militia", "iraq_parliament"], "target": ["us_coalition", "us_coalition"],
    ...     "killed": [3, None], "wounded": [None, None]})
    >>> severity(events).tolist()
    [5, 1]
    """
    types = events[schema.EVENT_TYPE].astype("category")
    unknown = sorted(set(types.cat.categories) - set(ladder)) + ["(missing)"] * types.hasnans
    if unknown:
        raise InputError(
            "E-LADDER",
            f"expected a rung for every event type, none for {', '.join(unknown[:5])}",
            column=schema.EVENT_TYPE,
            value=unknown[0],
            fix="add it under [severity] in the experiment file",
        )
    table = np.array([ladder[name] for name in types.cat.categories], dtype=np.int8).reshape(-1, 3)
    if not len(events):
        return np.empty(0, np.int8)
    killed = events[schema.KILLED].fillna(0).to_numpy(dtype=float) > 0
    wounded = events[schema.WOUNDED].fillna(0).to_numpy(dtype=float) > 0
    actor, target = events[schema.ACTOR], events[schema.TARGET]
    states = (
        actor.isin(schema.STATE_FORCES) & target.isin(schema.STATE_FORCES) & (actor != target)
    ).to_numpy(dtype=bool)
    return _rung(table[types.cat.codes.to_numpy()], killed, wounded, states)


def severity_of(
    events: pa.Table, *, ladder: Mapping[str, schema.Rungs] = schema.SEVERITY_LADDER
) -> pa.Array:
    """The same for an Arrow table, null where the event type is missing or has no rung.

    Parameters
    ----------
    events : pyarrow.Table
        Columns ``event_type``, ``actor``, ``target``, ``killed``, ``wounded``.
    ladder : mapping of str to Rungs, optional
        Rungs by event type.

    Returns
    -------
    pyarrow.Array of int8

    Examples
    --------
    >>> events = pa.table({"event_type": ["rocket_attack", "picnic"], "actor": ["militia", None],
    ...     "target": ["us_coalition", None], "killed": [3, 0], "wounded": pa.nulls(2, pa.int32())})
    >>> severity_of(events).to_pylist()
    [5, None]
    """
    types = events[schema.EVENT_TYPE].combine_chunks().dictionary_encode()
    words = types.dictionary.to_pylist()
    known = np.array([word in ladder for word in words] + [False])
    table = np.array([ladder.get(word, (0, 0, 0)) for word in words] + [(0, 0, 0)], np.int8)
    row = pc.fill_null(types.indices, len(words)).to_numpy()
    killed, wounded = (_positive(events[name]) for name in schema.COUNT_COLUMNS)
    actor, target = events[schema.ACTOR], events[schema.TARGET]
    forces = pa.array(sorted(schema.STATE_FORCES), pa.string())
    both = pc.and_(pc.is_in(actor, forces), pc.is_in(target, forces))
    states = _true(pc.and_(both, pc.not_equal(actor, target)))
    return pa.array(_rung(table[row], killed, wounded, states), pa.int8(), mask=~known[row])


def _positive(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    return _true(pc.greater(column, 0))


def _true(mask: pa.ChunkedArray) -> NDArray[np.bool_]:
    return pc.fill_null(mask, False).to_numpy()


def _rung(
    rungs: NDArray[np.int8],
    killed: NDArray[np.bool_],
    wounded: NDArray[np.bool_],
    states: NDArray[np.bool_],
) -> NDArray[np.int8]:
    """The rungs that a type allows, of shape (event, 3), and what was done to whom."""
    harm = np.where(killed, 2, np.where(wounded, 1, 0))
    rung = rungs[np.arange(len(rungs)), harm]
    return np.where(states & (rungs[:, 0] >= 3), np.int8(schema.HIGHEST_RUNG), rung)
