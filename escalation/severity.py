"""The severity ladder applied: a rung, 0 to 6, from event type, sides and casualties."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
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
    killed = events[schema.KILLED].fillna(0).to_numpy(dtype=float) > 0
    wounded = events[schema.WOUNDED].fillna(0).to_numpy(dtype=float) > 0
    harm = np.where(killed, 2, np.where(wounded, 1, 0))
    rung = table[types.cat.codes.to_numpy(), harm] if len(events) else np.empty(0, np.int8)
    actor, target = events[schema.ACTOR], events[schema.TARGET]
    states = (
        actor.isin(schema.STATE_FORCES) & target.isin(schema.STATE_FORCES) & (actor != target)
    ).to_numpy(dtype=bool)
    violent = table[types.cat.codes.to_numpy(), 0] >= 3 if len(events) else states
    return np.where(states & violent, np.int8(schema.HIGHEST_RUNG), rung).astype(np.int8)
