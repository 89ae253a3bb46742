"""Suggestions for an unknown model name."""

import pytest

from escalation import tracking
from escalation.errors import ModelError
from escalation.tracking.loading import version_of


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("smal.any_7d", "small.any_7d"),
        ("small", "small.any_7d"),
        ("other", "escalation train`, or name one of these models: small.any_7d"),
    ],
)
def test_the_error_for_an_unknown_model_suggests_similar_names(uri, name, suggestion):
    tracking.open_store(uri).create_registered_model("small.any_7d")
    with pytest.raises(ModelError) as refused:
        version_of(tracking.open_store(uri), name, "champion")
    assert refused.value.code == "E-MODEL-MISSING" and suggestion in refused.value.fix
