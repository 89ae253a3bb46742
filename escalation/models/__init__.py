"""Models: a scikit-learn estimator class per file; a new one is a file and a line here."""

from escalation.models.base import EventModel
from escalation.models.blend import Blend
from escalation.models.boosting import Boosting
from escalation.models.climatology import Climatology
from escalation.models.corrected import Corrected
from escalation.models.dynamic import Dynamic
from escalation.models.ewma_nb import EwmaNB
from escalation.models.forest import Forest
from escalation.models.hawkes import Hawkes
from escalation.models.hazard import Hazard
from escalation.models.last_value import LastValue
from escalation.models.levels import Levels
from escalation.models.logistic import Logistic
from escalation.models.mixture import ResolvedForecasts
from escalation.models.negbin import NegBin
from escalation.models.pool import Pool
from escalation.models.prior import Prior
from escalation.models.trusted import TRUSTED_TYPES

MODELS: dict[str, type[EventModel]] = {
    "climatology": Climatology,
    "last_value": LastValue,
    "ewma_nb": EwmaNB,
    "logistic": Logistic,
    "boosting": Boosting,
    "forest": Forest,
    "negbin": NegBin,
    "hazard": Hazard,
    "hawkes": Hawkes,
    "dynamic": Dynamic,
    "levels": Levels,
    "pool": Pool,
    "prior": Prior,
    "corrected": Corrected,
    "blend": Blend,
}
"""Keyword-only, annotated parameters of ``__init__`` are what an experiment file can set."""
BASELINES = ("climatology", "last_value", "ewma_nb")
"""Always run, never skipped."""
ON_REQUEST = ("prior",)
"""Run only where an experiment names it: it has seen data on which the others are compared."""
FROM_FIRST_DAY = (*BASELINES, "prior")
"""Need no outcome of either class to learn from."""

__all__ = [
    "BASELINES",
    "FROM_FIRST_DAY",
    "MODELS",
    "ON_REQUEST",
    "TRUSTED_TYPES",
    "Blend",
    "Boosting",
    "Climatology",
    "Corrected",
    "Dynamic",
    "EventModel",
    "EwmaNB",
    "Forest",
    "Hawkes",
    "Hazard",
    "LastValue",
    "Levels",
    "Logistic",
    "NegBin",
    "Pool",
    "Prior",
    "ResolvedForecasts",
]
