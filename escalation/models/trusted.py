"""The types that a model on disk may be made of, beyond those that skops trusts by itself.

Written out by hand, and never taken from an artifact: trusting whatever a file lists would cancel
the protection. A new estimator of ours, or a private type of a new scikit-learn, is a line here.
"""

from __future__ import annotations

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
