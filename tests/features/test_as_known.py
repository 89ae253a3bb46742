"""Every registered family against a panel rebuilt for each day from what was known then."""

from __future__ import annotations

import numpy as np
import pytest
import random_archives as archives

from escalation.features import ACROSS, FEATURES
from escalation.features.build import build
from escalation.panel.by_unit import history


@pytest.mark.parametrize(("seed", "lag"), [(0, 0), (1, 0), (2, 3), (3, 1)])
def test_each_value_is_the_one_that_was_known_on_its_day(seed, lag):
    archive = archives.archive(seed, lag=lag)
    past = history(archive, archives.SPEC, lag=lag)
    built = build(past, {name: {} for name in (*FEATURES, *ACROSS)})
    additions = past.panel().news["events"].value > 0
    assert additions.sum() > 2 * len(past.units), "no late news"
    for t, day in enumerate(past.days):
        panel = archives.slow_panel(archive, archives.SPEC, day, past)
        present = np.array(archives.slow_present(archive, archives.SPEC, day, past.units, lag=lag))
        np.testing.assert_array_equal(built.present[:, t], present)
        if not present.any():
            continue
        column = {}
        for family in FEATURES.values():
            column |= {
                n: v[:, [max(t - lag, 0)]] * present[:, None] for n, v in family(panel).items()
            }
        for family in ACROSS.values():
            column |= {
                n: v * present[:, None] for n, v in family(dict(column), panel, slice(None)).items()
            }
        assert list(column) == list(built.names)
        for name, expected in column.items():
            np.testing.assert_allclose(
                built[name][:, t], expected[:, 0], rtol=1e-6, atol=1e-6, err_msg=f"{name} {day}"
            )


def test_values_are_finite_and_zero_before_a_unit_is_known():
    past = history(archives.archive(0), archives.SPEC)
    built = build(past, {name: {} for name in (*FEATURES, *ACROSS)})
    assert np.isfinite(built.values).all()
    assert not built.present.all()
    assert (built.values[:, ~built.present] == 0).all()
