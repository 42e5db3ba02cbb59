"""Where the gradient in the stored coordinates is surely not zero, however ill-conditioned X is.

Independent channel: exact fractions for the optimum, and a gradient that can be written down by hand.
"""

import numpy as np
import pytest
from attack import exact_least_squares

import lossurf
from lossurf.landscape.stored_gradient import surely_not_critical
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem


def one_input(slope=1.0):
    X = np.array([[3.0], [4.0]])
    return reduced_problem(reduce_blocks([(X, slope * X)], 1, 1))


@pytest.mark.parametrize("scale", [1e-100, 1.0, 1e100])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_margin_is_three_tolerances(depth, scale):
    # L = 25/2 (w - 1)^2: the gradient's factor w - 1 moves by tau for every layer, that of a layer itself cancels
    tau, problem = 1e-3, one_input()
    for times, sure in ((2.9, False), (3.3, True)):
        weights = [np.array([[1.0 + times * depth * tau]])] + [np.ones((1, 1))] * (depth - 1)
        if depth > 1:
            weights[0], weights[1] = weights[0] * scale, weights[1] / scale
        assert surely_not_critical(weights, problem, tau) is sure


def test_the_margin_is_ten_errors_of_the_data():
    # X and Y of float32 are known to 1.2e-7 of themselves; the error of H is that of P X, of Y, and nothing else here
    X = np.array([[3.0], [4.0]], np.float32)
    problem = reduced_problem(reduce_blocks([(X, X)], 1, 1, data_eps=2.0**-23))
    known = 2.0 * 2.0**-23
    for times, sure in ((0.5, False), (9.0, False), (11.0, True)):
        assert surely_not_critical([np.array([[1.0 + times * known]])], problem, 1e-16) is sure


def test_two_zero_layers_have_no_gradient():
    weights = [np.zeros((2, 1)), np.zeros((1, 2))]
    assert not surely_not_critical(weights, one_input(), 1e-8)
    assert surely_not_critical([np.ones((2, 1)), np.zeros((1, 2))], one_input(), 1e-8)


@pytest.mark.parametrize("seed", range(60))
def test_the_exact_optimum_is_never_surely_anything_else(seed):
    # channel: least squares in fractions, rounded to float64 or float32; integer X of condition up to 1e12
    rng = np.random.default_rng(seed)
    n, depth, float32 = int(rng.integers(2, 5)), int(rng.integers(1, 4)), bool(rng.integers(2))
    base = rng.integers(-9, 10, (n, n + 4))
    X = np.vstack([base[:1], 10 ** int(rng.integers(3, 13)) * base[:1] + base[1:]]).astype(float)
    Y = rng.integers(-9, 10, (1, n + 4)) * 10.0 ** rng.integers(0, 7)
    optimum = np.array([[float(v) for v in exact_least_squares(X, Y)]])
    if float32:
        optimum = optimum.astype(np.float32).astype(float)
    weights = [optimum] + [np.ones((1, 1))] * (depth - 1)
    result = lossurf.classify(weights, X.T, Y.T, tolerance=1e-6 if float32 else None)
    assert result.verdict in ("global-minimum", "undetermined")


def test_what_moves_the_factors_of_a_gradient_counts_beside_what_moves_its_residual():
    # two layers of norm 1: x = w - 1 is moved by 2 (1 + x) tau through P and by x tau through the other layer
    tau, problem = 0.01, one_input()
    edge = 6.0 * tau / (1.0 - 9.0 * tau)
    for x, sure in ((0.99 * edge, False), (1.01 * edge, True)):
        root = np.full((1, 1), np.sqrt(1.0 + x))
        assert surely_not_critical([root, root], problem, tau) is sure


def float32(X, Y):
    return reduced_problem(reduce_blocks([(X, Y)], 1, 1, dtype="float32", data_eps=2.0**-23))


def test_what_x_leaves_of_y_makes_an_error_of_x_felt():
    # Y = X + 10 times what is orthogonal to it: errors of sqrt(101) of Y, 1 of P X, and 10 of X along the residual
    X, across = np.array([[3.0], [4.0]]), np.array([[-4.0], [3.0]])
    known = (np.sqrt(101.0) + 1.0 + 10.0) * 2.0**-23
    for times, sure in ((9.5, False), (10.5, True)):
        weights = [np.array([[1.0 + times * known]])]
        assert surely_not_critical(weights, float32(X, X + 10.0 * across), 1e-16) is sure


def test_a_target_that_was_taken_for_zero_is_known_to_its_size_only():
    # T = X / 2^24 within the errors of Y, which is orthogonal to X else: 1 of Y, 1 of X along the residual, 1/2 of T
    X, across = np.array([[3.0], [4.0]]), np.array([[-4.0], [3.0]])
    problem = float32(X, across + 2.0**-24 * X)
    assert not problem.target.any()
    for times, sure in ((9.5, False), (10.5, True)):
        assert surely_not_critical([np.array([[times * 2.5 * 2.0**-23]])], problem, 1e-16) is sure


def test_layers_are_known_to_the_rounding_of_their_product_whatever_the_tolerance():
    # three layers: 3 eps of each, three of them, three times; beside ten errors of X and Y
    problem = one_input()
    errors = problem.precision.input_error + problem.precision.target_errors[0] / problem.scale
    edge = 27.0 * 2.0**-52 + 10.0 * errors
    for times, sure in ((0.9, False), (1.1, True)):
        assert surely_not_critical([np.array([[1.0 + times * edge]]), *[np.ones((1, 1))] * 2], problem, 1e-300) is sure
