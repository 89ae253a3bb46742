"""Models: one scikit-learn estimator class per file; a new model is a file and a line here."""

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
"""An experiment file can set the keyword-only, annotated parameters of ``__init__``."""
BASELINES = ("climatology", "last_value", "ewma_nb")
"""Always run."""
ON_REQUEST = ("prior",)
"""Runs only if an experiment names it: it has seen data on which the others are compared."""
FROM_FIRST_DAY = (*BASELINES, "prior")
"""Need no outcome of either class to learn from."""
TRUSTED_TYPES: tuple[str, ...] = (
    "escalation.models.blend.Blend",
    "escalation.models.boosting.Boosting",
    "escalation.models.climatology.Climatology",
    "escalation.models.corrected.Corrected",
    "escalation.models.dynamic.Dynamic",
    "escalation.models.ewma_nb.EwmaNB",
    "escalation.models.forest.Forest",
    "escalation.models.hawkes.Hawkes",
    "escalation.models.hazard.Hazard",
    "escalation.models.last_value.LastValue",
    "escalation.models.levels.Levels",
    "escalation.models.logistic.Logistic",
    "escalation.models.logistic.SignedLog",
    "escalation.models.negbin.NegBin",
    "escalation.models.pool.Pool",
    "escalation.models.prior.Prior",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
"""Types that a stored model may contain beyond those that skops trusts by itself.

Written out by hand, never read from an artifact: trusting whatever a file lists would defeat the
protection. A new estimator, or a private type of a new scikit-learn, is a line here.
"""

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
