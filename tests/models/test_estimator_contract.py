"""scikit-learn's own checks, on every estimator, with columns by position."""

import inspect
from typing import get_type_hints

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from escalation.models import MODELS
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
from escalation.models.logistic import Logistic, SignedLog
from escalation.models.negbin import NegBin
from escalation.models.pool import Pool
from escalation.models.prior import Prior

SIX = (0,) * 6

POSITIONAL = [
    Climatology(horizon=1),
    LastValue(last=0, threshold=0),
    EwmaNB(decayed=0, past=0, threshold=0),
    Logistic(horizon=1, ridge=1.0),
    Boosting(horizon=1),
    Forest(horizon=1, trees=8),
    NegBin(columns=(0,), decayed=0, threshold=0),
    Hazard(columns=(0,)),
    Hawkes(columns=(0,), threshold=0),
    Dynamic(levels=SIX, threshold=0),
    Levels(levels=SIX, past=0, threshold=0),
    Pool(levels=SIX, threshold=0),
    Prior(levels=SIX, active=(0, 0, 0), since=0, past=0, year=0, mean=0, observed=0, threshold=0),
    Corrected(levels=SIX, since=0, past=0, threshold=0),
    Blend(levels=SIX, since=0, past=0, threshold=0),
]

BY_HISTORY = "the probability is decided by the history's counts, not by the outcomes seen"
EXPECTED_FAILURES = {
    EwmaNB: {"check_classifiers_one_label": BY_HISTORY},
    Hawkes: {"check_classifiers_one_label": BY_HISTORY},
    NegBin: {"check_classifiers_one_label": BY_HISTORY},
    Prior: {"check_classifiers_one_label": BY_HISTORY},
    Pool: {"check_classifiers_one_label": BY_HISTORY},
    Blend: {"check_classifiers_one_label": BY_HISTORY},
}


@parametrize_with_checks(
    [*POSITIONAL, SignedLog()],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES.get(type(estimator), {}),
)
def test_estimator_keeps_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


def test_every_registered_model_is_among_those_checked():
    assert set(MODELS.values()) == {type(model) for model in POSITIONAL}


@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_keyword_only_annotated_and_have_defaults(name):
    hints = get_type_hints(MODELS[name].__init__)
    for key, parameter in inspect.signature(MODELS[name]).parameters.items():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert key in hints
    assert MODELS[name](horizon=14).get_params()["horizon"] == 14
