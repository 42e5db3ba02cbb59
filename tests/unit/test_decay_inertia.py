"""The inertia at critical points with weight decay, against dense Hessians at points that another solver found."""

from __future__ import annotations

import numpy as np
import pytest
from critical_points import dense_hessian
from decay_points import RECIPES, random_point

from lossurf.regularised.curvature import curvature, curvature_reach
from lossurf.regularised.inertia import CurvatureSigns
from lossurf.regularised.nearest import find_critical, rounding_of_slope, slope
from lossurf.regularised.point import Point
from lossurf.regularised.scaled import ScaledProblem
from lossurf.regularised.tangent import _divided

TAU = 1e-8


def scaled(found):
    """The problem in units with ||F|| = ||T|| = 1, built from the samples themselves, and the layers in them."""
    size, target = np.linalg.norm(found.X, 2), np.linalg.norm(found.Y @ np.linalg.pinv(found.X) @ found.X, 2)
    N = len(found.weights)
    unit = (target / size) ** (1.0 / N)
    row_space = np.linalg.svd(found.X, full_matrices=False)[2]
    rank = np.linalg.matrix_rank(found.X)
    Q = row_space[:rank].T
    problem = ScaledProblem(
        F=found.X @ Q / size,
        T=found.Y @ Q / target,
        decay=found.decay * unit**2 / target**2,
        depth=N,
        unit=float(np.log(unit)),
        loss_unit=float(target),
        residual_loss=0.0,
        floor=1e-15,
    )
    return problem, [W / unit for W in found.weights]


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("count", [16, pytest.param(80, marks=pytest.mark.slow)])
def test_the_signs_are_those_of_the_dense_hessian(depth, recipe, count):
    # trusts numpy's eigenvalues of the Hessian of the raw loss
    rng = np.random.default_rng([depth, RECIPES.index(recipe)])
    compared = kinds = 0
    while compared < count:
        found = random_point(rng, depth, recipe)
        truth = found.signs()
        if truth is None or not np.any(found.Y @ found.X.T):
            continue
        problem, layers = scaled(found)
        point = Point(problem, layers)
        assert max(point.gradient_measures) < 1e-11
        assert point.imbalance < 1e-9
        (rank,) = point.ranks(TAU, TAU)
        signal = find_critical(point, rank, 10.0 * TAU)
        assert point.distance(signal.layers) < 10.0 * TAU
        assert slope(problem, signal) <= rounding_of_slope(problem, signal)
        signs = CurvatureSigns(signal, problem, found.widths)
        counts = signs.counts(TAU)
        assert (counts.negative, counts.zero + signs.symmetries) == truth
        assert not counts.open
        if counts.negative:
            kinds += 1
            downhill_is_verified(found, problem, signs)
        compared += 1
    assert kinds > 1


def downhill_is_verified(found, problem, signs):
    """The direction's curvature is the dense Hessian's in the same units, and not far from the least eigenvalue."""
    direction = signs.downhill()
    v = np.concatenate([V.ravel() for V in direction])
    assert abs(v @ v - 1.0) < 1e-12
    units = np.exp(2.0 * problem.unit) / problem.loss_unit**2
    H = (dense_hessian(found.weights, found.X, found.Y) + found.decay * np.eye(v.size)) * units
    value = curvature(problem, signs.signal.layers, direction)
    largest = np.linalg.norm(H, 2)
    assert abs(value - v @ H @ v) < 1e-6 * largest
    assert value < 0.05 * np.linalg.eigvalsh(H)[0]


def test_the_reach_of_a_curvature_is_its_derivative():
    # trusts central differences of v^T H v along moves of the layers
    rng = np.random.default_rng(5)
    widths = [3, 4, 2, 3]
    F, T = rng.standard_normal((3, 3)), rng.standard_normal((3, 3))
    problem = ScaledProblem(F / np.linalg.norm(F, 2), T / np.linalg.norm(T, 2), 0.1, 3, 0.0, 1.0, 0.0, 1e-15)
    layers = [rng.standard_normal(shape) for shape in zip(widths[1:], widths[:-1], strict=True)]
    direction = [rng.standard_normal(W.shape) for W in layers]
    total = 0.0
    for k, W in enumerate(layers):
        slope_k = np.zeros_like(W)
        for index in np.ndindex(W.shape):
            moved = [[layer.copy() for layer in layers] for _ in range(2)]
            moved[0][k][index] += 1e-5
            moved[1][k][index] -= 1e-5
            up, down = (curvature(problem, at, direction) for at in moved)
            slope_k[index] = (up - down) / 2e-5
        total += np.linalg.norm(slope_k) * max(np.linalg.norm(W, 2), 1.0)
    assert curvature_reach(problem, layers, direction) == pytest.approx(total, rel=1e-6)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_differences_of_powers_keep_their_digits(depth):
    # trusts 40-digit arithmetic; for two layers the exponent is 0 and every difference is 0
    mpmath = pytest.importorskip("mpmath")
    sigma = np.array([1.7, 1.7 * (1.0 - 1e-12), 1.2, 1e-3])
    ours = _divided(sigma, depth)
    with mpmath.workdps(40):
        a = mpmath.mpf(2) / depth - 1
        s = [mpmath.mpf(float(x)) ** depth for x in sigma]
        for p in range(4):
            for q in range(4):
                limit = a * s[p] ** (a - 1)
                exact = limit if s[p] == s[q] else (s[p] ** a - s[q] ** a) / (s[p] - s[q])
                # few digits of the logarithms' difference are left, and few are needed
                near = abs(sigma[p] / sigma[q] - 1.0) < 1e-6
                assert float(ours[p, q]) == pytest.approx(float(exact), rel=1e-9 if near else 1e-12, abs=1e-300)


def test_fifty_digits_see_the_same_signs():
    # trusts second differences of the raw loss at 50 digits
    mpmath = pytest.importorskip("mpmath")
    rng = np.random.default_rng(11)
    for depth in (2, 3):
        found = random_point(rng, depth, "plain")
        problem, layers = scaled(found)
        point = Point(problem, layers)
        signal = find_critical(point, *point.ranks(TAU, TAU), 10.0 * TAU)
        signs = CurvatureSigns(signal, problem, found.widths)
        counts = signs.counts(TAU)
        exact = differences(mpmath, signal.layers, problem)
        zero = np.abs(exact) < 1e-9 * np.max(np.abs(exact))
        assert counts.negative == np.sum((exact < 0.0) & ~zero)
        assert counts.zero + signs.symmetries == np.sum(zero)


def differences(mpmath, layers, problem):
    """Eigenvalues of the matrix of second differences, every one of them at 50 digits with steps of 1e-15."""
    shapes = [W.shape for W in layers]
    with mpmath.workdps(50):
        F, T = mpmath.matrix(problem.F.tolist()), mpmath.matrix(problem.T.tolist())
        start = [mpmath.mpf(float(x)) for W in layers for x in W.ravel()]
        step, count = mpmath.mpf(10) ** -15, len(start)

        def value(vector):
            at, P = 0, F
            for rows, columns in shapes:
                P = _matrix(mpmath, vector[at : at + rows * columns], columns) * P
                at += rows * columns
            E = P - T
            return (sum(x * x for x in E) + mpmath.mpf(problem.decay) * sum(x * x for x in vector)) / 2

        def shifted(*moves):
            vector = list(start)
            for index, by in moves:
                vector[index] += by
            return value(vector)

        H = np.zeros((count, count))
        for i in range(count):
            for j in range(i + 1):
                corners = [a * b * shifted((i, a * step), (j, b * step)) for a in (1, -1) for b in (1, -1)]
                H[i, j] = H[j, i] = float(sum(corners) / (4 * step * step))
    return np.linalg.eigvalsh(H)


def _matrix(mpmath, entries, columns):
    return mpmath.matrix([entries[i : i + columns] for i in range(0, len(entries), columns)])
