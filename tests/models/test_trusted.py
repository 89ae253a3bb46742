"""Every fitted model survives the way to disk, and is made of trusted types only."""

import numpy as np
import pytest
import skops.io

from escalation.models import MODELS, TRUSTED_TYPES


@pytest.fixture(scope="module")
def dumped(table):
    stored = {}
    for name, make in MODELS.items():
        model = make().fit(table.X, table.y, count=table.count)
        stored[name] = (model, skops.io.dumps(model))
    return stored


@pytest.mark.parametrize("name", MODELS)
def test_a_model_read_back_gives_equal_probabilities(dumped, table, name):
    model, data = dumped[name]
    read = skops.io.loads(data, trusted=list(TRUSTED_TYPES))
    np.testing.assert_array_equal(read.predict_proba(table.X), model.predict_proba(table.X))
    assert read.get_params() == model.get_params()
    with pytest.raises(ValueError, match="feature names"):
        read.predict_proba(table.X[table.X.columns[::-1]])


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_one_class_reads_back_too(table, name):
    model = MODELS[name]().fit(table.X, np.zeros(len(table.y)))
    read = skops.io.loads(skops.io.dumps(model), trusted=list(TRUSTED_TYPES))
    np.testing.assert_array_equal(read.predict_proba(table.X), model.predict_proba(table.X))


@pytest.mark.parametrize("name", MODELS)
def test_no_model_needs_a_type_that_is_not_listed(dumped, name):
    untrusted = set(skops.io.get_untrusted_types(data=dumped[name][1]))
    assert untrusted
    assert untrusted <= set(TRUSTED_TYPES)


def test_nothing_is_listed_that_no_model_needs(dumped):
    needed = set().union(*(skops.io.get_untrusted_types(data=d) for _, d in dumped.values()))
    assert needed == set(TRUSTED_TYPES)
    assert sorted(TRUSTED_TYPES) == list(TRUSTED_TYPES)


@pytest.mark.parametrize("name", MODELS)
def test_what_is_on_disk_is_small(dumped, name):
    assert len(dumped[name][1]) < 5_000_000
