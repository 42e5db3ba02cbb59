"""The margins of a verdict: of the tolerance, of the data's error, and of what is no tolerance any more.

Independent channel: one weight w on Y = X, whose gradient vanishes at a relative change of (w - 1) / w.
"""

from __future__ import annotations

import numpy as np
import pytest

import lossurf

X = np.array([[3.0], [4.0]])
SINGLE = 2.0**-23


def verdict(w, *, X=X, tolerance=None):
    return str(lossurf.classify([np.array([[w]])], X, X, tolerance=tolerance).verdict)


@pytest.mark.parametrize("tau", [1e-3, 1e-6])
def test_a_verdict_within_a_factor_3_of_another_is_not_given(tau):
    found = [verdict(1.0 / (1.0 - ratio * tau), tolerance=tau) for ratio in (3.05, 2.95, 1 / 2.95, 1 / 3.05)]
    assert found == ["not-critical", "undetermined", "undetermined", "global-minimum"]


def test_within_three_errors_of_the_data_a_point_may_be_any():
    # T is known to 2^-23; a gradient above the weights' tolerance but within three times that may be zero
    single = X.astype(np.float32)
    found = [verdict(1.0 / (1.0 - ratio * SINGLE), X=single) for ratio in (3.1, 2.9, 1.1)]
    assert found == ["not-critical", "undetermined", "undetermined"]
    assert [verdict(1.0 / (1.0 - ratio * SINGLE)) for ratio in (3.1, 2.9, 1.1)] == ["not-critical"] * 3


def test_above_a_hundredth_no_kind_of_point_is_named():
    assert [verdict(1.0, tolerance=tau) for tau in (0.01, 0.0101)] == ["global-minimum", "undetermined"]
    assert verdict(2.0, tolerance=0.0101) == "not-critical"
