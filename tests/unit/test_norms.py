"""Spectral norms by iteration, against LAPACK's SVD."""

from __future__ import annotations

import numpy as np
import pytest

from lossurf.landscape.norms import norm_bound, top_singular_pairs
from lossurf.spectral import RELATIVE_ERROR, spectral_norm


def matrix_with(rng, values, shape):
    left = np.linalg.qr(rng.standard_normal((shape[0], len(values))))[0]
    right = np.linalg.qr(rng.standard_normal((shape[1], len(values))))[0]
    return (left * values) @ right.T


@pytest.mark.parametrize("spectrum", ["flat", "decaying", "clustered", "one", "rank-one"])
@pytest.mark.parametrize("scale", [1.0, 1e-99, 1e-102, 1e-200, 1e98, 1e101, 1e200])  # on both sides of what is rescaled
def test_norm_of_large_matrices_agrees_with_lapack(spectrum, scale):
    # channel: the singular values the matrix is built from
    rng = np.random.default_rng(1)
    n = 150
    values = {
        "flat": np.linspace(1.0, 0.9, n),
        "decaying": np.geomspace(1.0, 1e-12, n),
        "clustered": np.r_[np.full(20, 1.0), np.full(n - 20, 0.999)],
        "one": np.ones(n),
        "rank-one": np.r_[1.0, np.zeros(n - 1)],
    }[spectrum]
    found = spectral_norm(scale * matrix_with(rng, values, (200, n))) / scale
    assert 1.0 - RELATIVE_ERROR <= found <= 1.0 + 1e-13  # the matrix is built to rounding


def test_norm_of_random_and_of_zero_matrices():
    # channel: LAPACK
    rng = np.random.default_rng(2)
    for shape in [(120, 300), (300, 120), (128, 128)]:
        A = rng.standard_normal(shape)
        assert spectral_norm(A) == pytest.approx(np.linalg.svd(A, compute_uv=False)[0], rel=RELATIVE_ERROR)
    assert spectral_norm(np.zeros((200, 200))) == 0.0
    assert spectral_norm(np.zeros((0, 5))) == 0.0


def test_top_pairs_carry_nearly_the_leading_singular_values():
    # channel: the singular values the matrix is built from; by the variational principle the pairs cannot carry more
    rng = np.random.default_rng(3)
    A = matrix_with(rng, np.r_[3.0, 2.0, 1.5, np.linspace(0.5, 0.1, 117)], (150, 130))
    left, right = top_singular_pairs(A, 3)
    assert np.allclose(left @ left.T, np.eye(3), atol=1e-12)
    assert np.allclose(right @ right.T, np.eye(3), atol=1e-12)
    carried = np.diag(left @ A @ right.T)
    assert carried[0] == pytest.approx(3.0, rel=1e-3)
    assert np.all(carried > 0.9 * np.array([3.0, 2.0, 1.5]))


@pytest.mark.parametrize("shape", [(47, 60), (48, 48), (200, 60), (60, 200), (1, 500)])
@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200])
def test_a_bound_is_never_below_the_norm_and_not_far_above(shape, scale):
    # channel: the singular values the matrix is built from
    rng = np.random.default_rng(4)
    n = min(shape)
    for values in (np.ones(n), np.geomspace(1.0, 1e-12, n), np.r_[1.0, np.zeros(n - 1)]):
        found = norm_bound(scale * matrix_with(rng, values, shape)) / scale
        assert 1.0 - 4e-15 <= found <= 1.001 * n**0.125  # the matrix is built to rounding


def test_a_bound_of_nothing_is_nothing():
    assert norm_bound(np.zeros((60, 60))) == norm_bound(np.zeros((0, 5))) == 0.0
