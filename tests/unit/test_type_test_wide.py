"""The type test of networks that are too wide for all singular values: bounds stand for them where they are rounding.

Independent channel: diagonal layers, whose products are read off, and the same network judged by singular values. No
order is small enough for these here, so that small layers are wide.
"""

from __future__ import annotations

import numpy as np
import pytest
from test_type_test_edges import made

from lossurf.landscape.sensitivity import Sensitivity
from lossurf.landscape.type_test import TypeTest
from lossurf.network import WhitenedNetwork


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setattr("lossurf.spectral._DIRECT", 1)


def narrow(test: TypeTest, monkeypatch) -> TypeTest:
    """The same by singular values."""
    with monkeypatch.context() as patch:
        patch.setattr("lossurf.spectral._DIRECT", 96)
        network = WhitenedNetwork(test.network.layers, test.network.target, test.network.stretch, 0.0)
        found = TypeTest(
            test._problem, Sensitivity(network), rank_max=test.rank_max, mean_excess=0.0, mean_gradient=0.0
        )
        found.strict_below(0)
        return found


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_the_edge_between_strict_and_bad_is_that_by_singular_values_or_where_the_point_is_not_critical(
    monkeypatch, depth
):
    rng = np.random.default_rng([3, depth])
    told = 0
    for _ in range(12):
        # every layer but some carries what the outer ones leave out
        tails = 10.0 ** -rng.uniform(0.0, 6.0, (depth, 2)) * (rng.random((depth, 2)) < 0.7)
        test = made((1.0, 0.6, 0.3), [(1.0, *tail) for tail in tails])
        other = narrow(test, monkeypatch)
        for rank in range(4):
            found, wanted = test.strict_below(rank), other.strict_below(rank)
            explained = max(test.gradient, test.sensitivity.rounding)
            told += wanted > explained
            assert found == pytest.approx(wanted, rel=0.02, abs=0.0) or wanted <= found <= explained
    assert told >= 5


def test_what_is_beyond_the_signal_is_a_singular_value_or_a_bound_of_its_rounding():
    # the second of the three layers keeps 1/8 twice, of which a bound would be 2 ** 0.5 times as much
    test = made((1.0, 0.6, 0.3), [(1, 0, 0), (1, 0.125, 0.125), (1, 0, 0)])
    assert test.singular_value_beyond(3, 1, 1) == pytest.approx(0.125, rel=1e-12)
    assert test.singular_value_beyond(3, 1, 0) == pytest.approx(1.0, rel=1e-12)
    for i, j in ((4, 1), (3, 0), (4, 0), (3, 1)):  # products of one layer or more that lead to zero
        test = made((1.0, 0.6, 0.3), [(1, 0, 0), (1, 0, 0), (1, 0, 0)])
        assert test.singular_value_beyond(i, j, 1) <= test.sensitivity.rounding * test.sensitivity.change(i, j)


def test_of_rounding_a_bound_stands_for_the_norm_and_above_it_the_norm_itself():
    # P = 0 of two layers of norm 1, which move it by 2 tau: rounding of E is 2 * 2 eps * 2
    eps = 2.0**-52
    for size, norm in ((3.0 * eps, 2.0**0.5), (7.0 * eps, 1.0)):
        P = [np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[0.0, 0.0], [0.0, 1.0]])]
        network = WhitenedNetwork(tuple(P), -size * np.eye(2), (0.0, 0.0), 1.0)
        sensitivity = Sensitivity(network)
        assert (sensitivity.product_change, sensitivity.rounding) == (2.0, 4.0 * eps)
        assert sensitivity.residual_norm == pytest.approx(size * norm, rel=1e-12, abs=0.0)
