"""Models: one function per file gives an unfitted estimator; a new one is a file and a line."""

from collections.abc import Callable

from escalation.models.base import EventModel
from escalation.models.blend import blend
from escalation.models.boosting import boosting
from escalation.models.climatology import climatology
from escalation.models.corrected import corrected
from escalation.models.dynamic import dynamic
from escalation.models.ewma_fit import ewma_fit
from escalation.models.ewma_nb import ewma_nb
from escalation.models.forest import forest
from escalation.models.hawkes import hawkes
from escalation.models.hazard import hazard
from escalation.models.last_value import last_value
from escalation.models.levels import levels
from escalation.models.logistic import logistic
from escalation.models.mixture import Matured
from escalation.models.negbin import negbin
from escalation.models.pool import pool
from escalation.models.trusted import TRUSTED_TYPES

MODELS: dict[str, Callable[..., EventModel]] = {
    "climatology": climatology,
    "last_value": last_value,
    "ewma_nb": ewma_nb,
    "logistic": logistic,
    "boosting": boosting,
    "forest": forest,
    "negbin": negbin,
    "hazard": hazard,
    "hawkes": hawkes,
    "ewma_fit": ewma_fit,
    "dynamic": dynamic,
    "levels": levels,
    "pool": pool,
    "corrected": corrected,
    "blend": blend,
}
BASELINES = ("climatology", "last_value", "ewma_nb")
"""Always run, never skipped."""

__all__ = ["BASELINES", "MODELS", "TRUSTED_TYPES", "EventModel", "Matured"]
