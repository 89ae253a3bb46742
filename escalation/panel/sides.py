"""Daily counts of acts between directed pairs of sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from escalation.errors import UsageError
from escalation.events.archive import EventArchive
from escalation.panel.by_unit import history
from escalation.panel.dense import PanelSpec


def pair_counts(
    archive: EventArchive,
    spec: PanelSpec,
    *,
    first_day: object = None,
    last_day: object = None,
    lag: int = 0,
) -> dict[str, NDArray[np.float32]]:
    """Count the violent acts of each directed pair of sides on each day, as known on the last.

    Parameters
    ----------
    archive : EventArchive
    spec : PanelSpec
        Its channels named ``actor>target`` are the pairs; other channels and its units are ignored.
    first_day, last_day : date-like, optional
        Ends of the day axis; by default those of the archive.
    lag : int
        Reporting lag in days; the last ``lag`` days are incomplete and omitted.

    Returns
    -------
    dict of str to ndarray, shape (day,)
        Counts by ``actor>target``.

    Raises
    ------
    UsageError
        ``E-CONFIG`` if there are no pairs.
    """
    channels = tuple(channel for channel in spec.channels if ">" in channel.name)
    if not channels:
        raise no_pairs()
    past = history(archive, PanelSpec(("all",), channels), first_day=first_day, last_day=last_day)
    last = len(past.days) - 1
    panel = past.panel_at(last)
    return {channel.name: panel[channel.name][0, : last + 1 - lag] for channel in channels}


def no_pairs() -> UsageError:
    """The error for an experiment without a pair of sides."""
    return UsageError(
        "E-CONFIG",
        "needs at least one pair of sides",
        where="[panel]",
        column="pairs",
        fix='add pairs = [["one_side", "other_side"]] under [panel]',
    )
