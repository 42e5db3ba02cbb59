"""Certificates of layers and data in any unit: what is true is accepted, and every number is held to its rounding.

Independent channel: layers that are diagonal or of one unit, whose norms, losses and levels are read off.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from certificates import certificate_of, signed

from lossurf.certificates.against_data import data_checks
from lossurf.certificates.verify import verify_certificate
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem


def certificate(weights, Y, X=None):
    """A certificate as it is written, on X = I where there is no other."""
    X = np.eye(len(Y)) if X is None else X
    return certificate_of(reduced_problem(reduce_blocks([(X, Y)], X.shape[1], Y.shape[1])), weights)


def failed(stored):
    return {check.id for check in verify_certificate(stored).checks if not check.ok}


@pytest.mark.parametrize("unit", [1e-250, 1e-160, 1e160, 1e250])
def test_layers_whose_squares_leave_the_range_of_float64_have_the_norm_that_they_have(unit):
    weights = [np.diag([3.0, 4.0]) * unit, np.eye(2) / unit]
    stored = certificate(weights, np.diag([3.0, 4.0]))
    assert failed(stored) == set()
    layers = stored.claim["layers"]
    assert [layer["norm"] for layer in layers] == pytest.approx([5.0 * unit, math.sqrt(2.0) / unit], rel=1e-15, abs=0.0)
    for k in range(2):
        for norm in (3.0, layers[k]["norm"] * (1.0 + 1e-13)):
            other = [*layers[:k], {**layers[k], "norm": norm}, *layers[k + 1 :]]
            assert failed(signed(stored, layers=other)) == {"weights"}


def test_a_layer_whose_norm_leaves_the_range_of_float64_has_none_that_can_be_claimed():
    stored = certificate([np.diag([2.0, 1.0]), np.eye(2)], np.diag([2.0, 1.0]))
    largest = {"W1": np.eye(2) / 1.7e308, "W2": np.full((2, 2), 1.7e308)}
    layers = [
        {**layer, "norm": norm} for layer, norm in zip(stored.claim["layers"], (2**0.5 / 1.7e308, 1.0), strict=True)
    ]
    assert "weights" in failed(signed(replace(stored, arrays={**stored.arrays, **largest}), layers=layers))


@pytest.mark.parametrize("layer", [0, 1])
def test_a_norm_is_known_to_four_times_the_rounding_of_its_squares(layer):
    # two sums of up to six squares, each off by 6 eps, and as much again
    stored = certificate([3.0 * np.eye(2), np.ones((3, 2))], np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 1.0]]))
    layers = stored.claim["layers"]
    assert [size["shape"] for size in layers] == [[2, 2], [3, 2]]
    for share, fails in ((0.9, set()), (-0.9, set()), (1.1, {"weights"}), (-1.1, {"weights"})):
        norm = layers[layer]["norm"] * (1.0 + share * 4 * 6 * 2.0**-52)
        changed = [*layers[:layer], {**layers[layer], "norm": norm}, *layers[layer + 1 :]]
        assert failed(signed(stored, layers=changed)) == fails


HELD = {"loss": "loss", "optimal_loss": "optimal-loss", "next_level": "next-level"}
HELD |= {"curvature": "curvature-claimed", "loss_decrease": "descent-claimed"}


@pytest.mark.parametrize("unit", [2.0**-200, 2.0**-20, 1.0, 2.0**20, 2.0**200])
@pytest.mark.parametrize("at", [0, 1])
def test_what_is_claimed_is_held_to_its_rounding_in_any_unit(unit, at):
    # one hidden unit on T = unit * diag(2, 1): the optimum 1/2 carries the first eigenvector, the saddle 2 the second
    e = np.eye(2)[at : at + 1]
    stored = certificate([[2.0, 1.0][at] * unit * e, e.T], unit * np.diag([2.0, 1.0]))
    assert stored.claim["claim"] == ["global-minimum", "strict-saddle"][at]
    assert stored.claim["loss"] == pytest.approx([0.5, 2.0][at] * unit * unit, rel=1e-14, abs=0.0)
    keys = [key for key in HELD if stored.claim[key] is not None]
    assert len(keys) == [3, 4][at]
    for key in keys:
        for part, fails in ((1e-15, set()), (-1e-15, set()), (1e-10, {HELD[key]}), (-1e-10, {HELD[key]})):
            assert failed(signed(stored, **{key: stored.claim[key] * (1.0 + part)})) == fails, (key, part)


@pytest.mark.parametrize("unit", [2.0**-700, 2.0**-550, 2.0**600])
def test_columns_of_x_whose_squares_leave_the_range_of_float64_change_no_verdict(unit):
    # a power of two in a column of X and its inverse in that of W_1 change nothing but the exponents
    kinds = set()
    for seed in (0, 1, 3):
        rng = np.random.default_rng(seed)
        X, Y = rng.standard_normal((9, 3)), rng.standard_normal((9, 2))
        X[:, 2] = X[:, 1] + 10.0**-seed * X[:, 2]
        best = np.linalg.lstsq(X, Y, rcond=None)[0].T
        u = np.linalg.svd(best @ np.linalg.qr(X)[1].T)[0][:, 1:]
        near = best * (1.0 + 1e-5 * rng.standard_normal(best.shape))
        for weights in ([u @ u.T @ best, u @ u.T], [best, np.eye(2)], [near, np.eye(2)]):
            units = np.array([1.0, unit, unit])
            stored, other = certificate(weights, Y, X), certificate([weights[0] / units, weights[1]], Y, X * units)
            assert other.claim["claim"] == stored.claim["claim"]
            assert failed(other) == failed(stored) == set()
            assert all(check.ok for check in data_checks(other, [(np.ones(9), X * units, Y)]))
            kinds.add(stored.claim["claim"])
    assert kinds == {"global-minimum", "strict-saddle", "not-critical"}


@pytest.mark.parametrize("left", [0.0, 1e-3, 1e3])
def test_where_x_explains_nothing_of_y_the_unit_is_what_is_left(left):
    X, Y = np.array([[1.0], [0.0]]), np.array([[0.0], [left]])
    cases = ((2.0, 0.5, "not-critical"), (1.0, 0.0, "global-minimum"), (0.0, 0.0, "global-minimum"))
    for first, second, claim in cases:
        stored = certificate([np.array([[first]]), np.array([[second]])], Y, X)
        assert stored.claim["claim"] == claim
        assert failed(stored) == set()
        assert stored.claim["loss"] == pytest.approx(0.5 * (first * second) ** 2 + 0.5 * left**2, rel=1e-14, abs=0.0)
        assert stored.claim["optimal_loss"] == pytest.approx(0.5 * left**2, rel=1e-14, abs=0.0)


@pytest.mark.parametrize("exponent", [400, 500, 515, 530, 900])
@pytest.mark.parametrize("first", [1, -1])
def test_no_direction_is_claimed_whose_numbers_leave_the_normal_range(exponent, first):
    # the layers 2^k and 2^-k of a strict saddle move by as much, relative to each other 2^2k
    rng = np.random.default_rng(4)
    X = rng.standard_normal((9, 4))
    Y = X @ rng.standard_normal((4, 4))
    best = np.linalg.lstsq(X, Y)[0].T
    u = np.linalg.svd(best @ np.linalg.qr(X)[1].T)[0][:, 1:3]
    inner = rng.standard_normal((2, 2))
    layers = [inner @ u.T @ best, u @ np.linalg.inv(inner)]
    stored = certificate([np.ldexp(layers[0], first * exponent), np.ldexp(layers[1], -first * exponent)], Y, X)
    assert (stored is None) is (exponent > 510)
    assert stored is None or (stored.claim["claim"] == "strict-saddle" and failed(stored) == set())
