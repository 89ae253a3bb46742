"""Feature families: causal functions of the panel. To add one, write a file and a line here.

A family returns float32 arrays [row, day] by column name. It reads the panel in one of two ways:

* ``panel.series(channel)`` has statistics as known on each day: sums over windows, decayed sums,
  days since the last event, the highest rung, active days, gaps (see
  :class:`escalation.panel.series.Series`). A formula over them takes one pass over the days,
  however late the news. The built-in families work this way; ``decay.py`` is the shortest.
* ``panel[channel]`` is the row itself. A family may be any function of it, if row i depends only on
  row i and day t only on the days up to t: no sum, mean, quantile, fill or rank over the whole
  axis. The family gets every row that was ever current, in batches: the result is the same, memory
  is bounded, and the time grows with units, days and late news.

A family that reads other units is ``family(local, panel, rows, *, …)``, registered in ``ACROSS``,
and starts from finished columns. Parameters are keyword-only and annotated, because experiment
files are checked against them. Docstrings have the formula, the parameters and a worked example.

>>> def attacks_per_strike(panel, *, days: int = 28):
...     attacks, strikes = (
...         panel.series(channel).window_sums(np.array([days]))[0]
...         for channel in ("rocket_attack", "air_strike")
...     )
...     return {f"attacks_per_strike_{days}d": attacks / np.maximum(strikes, 1)}
>>> import numpy as np
>>> def unanswered(panel, *, attack: str = "rocket_attack", answer: str = "air_strike"):
...     attacks = np.cumsum(panel[attack], axis=1)
...     settled = np.where(panel[answer] > 0, attacks, 0)
...     return {f"{attack}_unanswered": attacks - np.maximum.accumulate(settled, axis=1)}
>>> from escalation.features.base import one_unit
>>> panel = one_unit({"rocket_attack": [1, 2, 0, 1], "air_strike": [0, 0, 1, 0]})
>>> unanswered(panel)["rocket_attack_unanswered"].tolist()
[[1.0, 3.0, 0.0, 1.0]]
"""

from escalation.features.base import Across, Local
from escalation.features.calendar import calendar
from escalation.features.decay import decayed_sums
from escalation.features.neighbours import neighbours
from escalation.features.pairs import pairs
from escalation.features.recency import recency
from escalation.features.rungs import severity
from escalation.features.tempo import tempo
from escalation.features.trend import trend
from escalation.features.windows import window_sums

FEATURES: dict[str, Local] = {
    "window_sums": window_sums,
    "decayed_sums": decayed_sums,
    "recency": recency,
    "trend": trend,
    "severity": severity,
    "tempo": tempo,
    "pairs": pairs,
    "calendar": calendar,
}
"""Families that read one row at a time."""

ACROSS: dict[str, Across] = {
    "neighbours": neighbours,
}
"""Families that read other units, from local features as known on each day."""
