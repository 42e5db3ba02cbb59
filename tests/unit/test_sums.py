"""Trusted channel: sums of fractions, rounded once."""

from fractions import Fraction

import numpy as np
import pytest

from lossurf.reduction.sums import GramSum


def matrices(n, count, seed):
    """Symmetric matrices whose entries differ by much in size and cancel."""
    rng = np.random.default_rng([n, seed])
    for _ in range(count):
        block = rng.standard_normal((n, n)) * 10.0 ** rng.integers(-12, 13, (n, n))
        yield np.asfortranarray(np.triu(block))


def added(parts):
    whole = GramSum(parts[0].copy(order="F"))
    for part in parts[1:]:
        whole.add(GramSum(part.copy(order="F")))
    return whole


def exact(parts):
    n = len(parts[0])
    return np.array([[float(sum(Fraction(float(part[i, j])) for part in parts)) for j in range(n)] for i in range(n)])


@pytest.mark.parametrize("n", [1, 2, 7, 130])
def test_a_sum_of_many_is_rounded_once(n):
    parts = list(matrices(n, 40, 1)) if n < 100 else list(matrices(n, 6, 1))
    found, expected = added(parts).rounded(), exact(parts)
    # what is left of additions is summed in float64: that rounds by 2^-53 of what each of them rounds
    assert np.array_equal(np.triu(found), found)
    assert np.all(np.abs(found - expected) <= np.spacing(np.abs(expected)) + 40 * 2.0**-104 * np.max(parts, axis=0))


def test_sums_of_sums_are_as_exact():
    parts = list(matrices(5, 32, 2))
    halves = [added(parts[:9]), added(parts[9:])]
    halves[0].add(halves[1])
    assert np.allclose(halves[0].rounded(), exact(parts), rtol=2.0**-52, atol=1e-14)


def test_one_alone_stays_as_it_is():
    part = next(matrices(4, 1, 3))
    assert np.array_equal(GramSum(part.copy(order="F")).rounded(), part)
