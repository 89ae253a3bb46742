"""Feature families: causal functions over the panel. A new one is a file and a line here."""

from escalation.features.base import Across, Local
from escalation.features.calendar import calendar
from escalation.features.decay import decayed_sums
from escalation.features.neighbours import neighbours
from escalation.features.pairs import pairs
from escalation.features.recency import recency
from escalation.features.severity import severity
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
"""Families that read other units' rows; they are given local features, as known on each day."""
