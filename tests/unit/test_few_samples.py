"""Many columns of few samples cost what the samples cost, and what is found is what a dense SVD of the data finds.

The independent channel is numpy's least squares on the data as they are.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem

SECONDS = 12.0  # of the processor, several times what it takes; a dense SVD of 2,500 columns takes longer


@pytest.mark.parametrize("kind", ["random", "zero", "half zero", "constant"])
@pytest.mark.parametrize("bias", [False, True])
def test_the_reduced_problem_is_that_of_the_data(kind, bias):
    rng = np.random.default_rng(5)
    X, Y = rng.standard_normal((12, 400)), rng.standard_normal((12, 3))
    if kind == "zero":
        X[:] = 0.0
    elif kind == "half zero":
        X[:, ::2] = 0.0
    elif kind == "constant":
        X[:, 5] = 1.0
    Y = np.hstack([Y, np.ones((12, 1))])
    problem = reduced_problem(reduce_blocks([(X, Y)], 400, 4), bias=bias)
    inputs, outputs = (part - part.mean(axis=0) if bias else part for part in (X, Y))
    rank = np.linalg.matrix_rank(inputs)
    fit = inputs @ np.linalg.lstsq(inputs, outputs, rcond=None)[0]
    assert problem.rank_x == rank
    assert problem.residual_norm == pytest.approx(np.linalg.norm(outputs - fit), abs=1e-10)
    wanted = np.linalg.svd(fit, compute_uv=False)[:4]
    assert np.sqrt(problem.eigenvalues) == pytest.approx(wanted, abs=1e-10)
    W = rng.standard_normal((4, 400))
    seen = W * problem.column_norms @ problem.whitening
    assert np.linalg.norm(seen) == pytest.approx(np.linalg.norm(inputs @ W.T), rel=1e-10)
    assert problem.whitening.shape == problem.left_inverse.shape[::-1] == (400, rank)


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_thousands_of_columns_of_thirty_samples_are_quick(scale):
    rng = np.random.default_rng(6)
    X, Y = scale * rng.standard_normal((30, 2500)), rng.standard_normal((30, 2))
    start = time.process_time()
    problem = reduced_problem(reduce_blocks([(X, Y)], 2500, 2))
    assert problem.rank_x == (30 if scale else 0)
    assert time.process_time() - start < SECONDS
