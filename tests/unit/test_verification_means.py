"""The mean residual of a network with an output bias: its measure, its rounding, and where it is nothing but that.

Independent channel: one layer of one number on four samples, whose residual and bounds are written down.
"""

from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
import pytest
from certificates import certificate_of, signed

from lossurf.certificates.claim import Claim
from lossurf.certificates.verify import verify_certificate
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem

EPS = 2.0**-52


def scalar(*, weight=1.0, bias, mean_x, mean_y, residual_loss=0.0, unit=1.0, **changes):
    """A claim that y = weight * x + bias is the minimum for T = 1, of four samples with these means; Y in a unit."""
    X = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    problem = reduced_problem(reduce_blocks([(X, X)], 1, 1), bias=True)
    stored = certificate_of(problem, [np.eye(1)], [np.zeros(1)])
    arrays = {name: array for name, array in stored.arrays.items() if name[0] != "N"}
    arrays |= {"W1": np.full((1, 1), unit * weight), "b1": np.full(1, unit * bias), "R11": np.eye(1)}
    arrays |= {"T": np.full((1, 1), unit), "mean_x": np.full(1, mean_x), "mean_y": np.full(1, unit * mean_y)}
    loss = residual_loss + 0.5 * (weight - 1.0) ** 2 + 2.0 * (weight * mean_x + bias - mean_y) ** 2
    losses = {"loss": loss, "optimal_loss": residual_loss, "residual_loss": residual_loss}
    losses["next_level"] = residual_loss + 0.5
    said = {name: unit * unit * value for name, value in losses.items()} | {"gradient": 0.0, "nearest": None} | changes
    layers = [{**stored.claim["layers"][0], "norm": unit * weight}]
    return signed(replace(stored, arrays=arrays), layers=layers, **said)


def checks(stored):
    return {check.id: check for check in verify_certificate(stored).checks}


def failed(stored):
    return {name for name, check in checks(stored).items() if not check.ok}


NOT_CRITICAL = {"claim": "not-critical", "kind": "gradient", "next_level": None}


@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_a_mean_residual_has_the_terms_and_the_reach_of_its_layers_and_biases(weight):
    # twice (as of four samples) 3 w + 5 less 2; a relative change moves 3 w and 5
    mean = Claim(scalar(weight=weight, bias=5.0, mean_x=3.0, mean_y=2.0)).mean
    assert mean.norm == pytest.approx(2.0 * (3.0 * weight + 3.0), rel=1e-14)
    assert mean.measure == pytest.approx((3.0 * weight + 3.0) / (3.0 * weight + 5.0), rel=1e-14)
    assert mean.terms == pytest.approx(2.0 * (3.0 * weight + 7.0), rel=1e-14)


def test_a_mean_residual_is_known_to_the_rounding_of_the_means_or_of_the_layers():
    # of three numbers by 30 eps each of Y, its spread of (1 + 2 * 12) ** 0.5 and its mean of 2 * 2; or of one layer by
    # eps of what it moves, where the means of X are far larger
    for unit in (1.0, 8.0):
        stored = scalar(bias=5.0, mean_x=3.0, mean_y=2.0, residual_loss=12.0, unit=unit)
        assert Claim(stored).mean.uncertain == pytest.approx(90 * EPS * (5.0 + 4.0) / 16.0, rel=1e-12, abs=0.0)
    far = scalar(bias=-1e9, mean_x=1e9, mean_y=2.0, residual_loss=12.0)
    assert Claim(far).mean.uncertain == pytest.approx(EPS, rel=1e-6, abs=0.0)


@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_the_loss_of_a_mean_residual_is_known_to_its_own_terms(scale):
    # size 2 * 6, terms 2 * 10; three inner dimensions, and the logarithms of the unit in the layer and in T
    stored = scalar(bias=5.0, mean_x=3.0, mean_y=2.0, unit=scale)
    unit = (3 + 2.0 * log(scale)) * EPS
    of_mean = 12.0 * unit * 20.0 + unit * 12.0**2
    assert checks(stored)["loss"].bound == pytest.approx(scale**2 * 4 * (of_mean + unit * 72.0), rel=1e-12, abs=0.0)
    off = checks(signed(stored, loss=scale**2 * 72.0 + 1e-9))["loss"]
    assert off.value == pytest.approx(1e-9, rel=1e-3)
    assert failed(signed(stored, gradient=Claim(stored).gradient, **NOT_CRITICAL)) == set()


def test_a_mean_residual_of_two_layers_moves_with_both_and_their_biases():
    # x = 3 becomes 2 * 3 + 1 = 7 and -5 * 7 + 4 = -31, off by 33 of 2; 2 * 3 and 1 move by themselves, five times that
    # after the second layer, and 5 * 7 and 4 there
    X = np.array([[1.0], [-1.0], [1.0], [-1.0]]) + 3.0
    problem = reduced_problem(reduce_blocks([(X, X - 1.0)], 1, 1), bias=True)
    stored = certificate_of(problem, [np.full((1, 1), 2.0), np.full((1, 1), -5.0)], [np.ones(1), np.full(1, 4.0)])
    assert failed(stored) == set()
    mean = Claim(stored).mean
    assert mean.norm * Claim(stored).scale == pytest.approx(2.0 * 33.0, rel=1e-12)
    assert mean.measure == pytest.approx(33.0 / (5.0 * 7.0 + 35.0 + 4.0), rel=1e-12)
    assert mean.terms * Claim(stored).scale == pytest.approx(2.0 * (35.0 + 4.0 + 2.0), rel=1e-12)


def test_a_mean_that_nothing_moves_has_the_largest_measure_or_none():
    assert Claim(scalar(bias=0.0, mean_x=0.0, mean_y=1.0)).mean.measure == 1e150
    assert Claim(scalar(bias=0.0, mean_x=0.0, mean_y=1.0)).mean.uncertain == 0.0
    assert Claim(scalar(bias=0.0, mean_x=0.0, mean_y=0.0)).mean.measure == 0.0


def test_a_mean_residual_within_rounding_is_none_where_the_claim_has_none():
    # a bias of 1e-16: what it moves, 2e-16, is far below the rounding of the means, 90 eps
    bias = 1e-16
    for share, fails in ((0.9, set()), (1.1, {"critical", "gradient-claimed"})):
        stored = scalar(bias=bias, mean_x=0.0, mean_y=bias - share * 45 * EPS)
        assert failed(stored) - {"at-the-optimum-itself"} == fails
    assert failed(scalar(bias=bias, mean_x=0.0, mean_y=bias)) == set()
    # and then no gradient may be claimed for it
    assert failed(scalar(bias=bias, mean_x=0.0, mean_y=-1e-15, gradient=1e-9)) == {"gradient-claimed"}


def test_a_mean_residual_within_rounding_is_one_where_the_claim_has_half_of_it():
    # a measure of 50 by a bias of 1e-16, and rounding of about 100
    bias, mean_y = 1e-16, -49e-16
    for gradient, fails in ((24.9, {"not-critical", "gradient-claimed"}), (25.1, set()), (50.0, set()), (75.0, set())):
        assert failed(scalar(bias=bias, mean_x=0.0, mean_y=mean_y, gradient=gradient, **NOT_CRITICAL)) == fails
    # it is known to itself, not to all of the rounding
    over = scalar(bias=bias, mean_x=0.0, mean_y=mean_y, gradient=101.0, **NOT_CRITICAL)
    assert failed(over) == {"gradient-claimed"}


@pytest.mark.parametrize("measure", [0.9e-8, 1.2e-8])
def test_a_mean_residual_within_rounding_does_not_count_beside_a_smaller_gradient_of_the_layers(measure):
    # the layer is off by 8e-9 of itself, within the tolerance of 1e-8; the mean by more, of rounding
    weight, bias = 1.0 + 8e-9, 1e-7
    stored = scalar(weight=weight, bias=bias, mean_x=0.0, mean_y=bias * (1.0 - measure), gradient=weight - 1.0)
    assert failed(stored) == set()
    assert Claim(stored).gradient == pytest.approx(8e-9 if measure > 1e-8 else measure, rel=1e-6, abs=0.0)
