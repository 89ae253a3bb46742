"""A model of an unknown name, and the names that resemble it."""

import pytest

from escalation import tracking
from escalation.errors import ModelError
from escalation.tracking.loading import version_of


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("smal.any_7d", "small.any_7d"),
        ("small", "small.any_7d"),
        ("other", "escalation train`, or name one of these models: small.any_7d"),
    ],
)
def test_a_model_of_an_unknown_name_gets_near_ones(uri, asked, named):
    tracking.open_store(uri).create_registered_model("small.any_7d")
    with pytest.raises(ModelError) as refused:
        version_of(tracking.open_store(uri), asked, "champion")
    assert refused.value.code == "E-MODEL-MISSING" and named in refused.value.fix
