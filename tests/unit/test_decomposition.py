"""Trusted: maps averaged with each sample left out in a loop, and scipy.stats.bootstrap for the intervals."""

from __future__ import annotations

import numpy as np
import pytest
from relu_enumeration import random_network
from scipy.stats import bootstrap

from lossurf.nonlinear.relu.decomposition import decompose
from lossurf.nonlinear.relu.network import ReluNetwork
from lossurf.nonlinear.relu.path_statistics import start_layer_activation


def problem(widths, *, bias, m, seed=6):
    generator = np.random.default_rng(seed)
    network, X = random_network(widths, generator, bias=bias), generator.standard_normal((m, widths[0]))
    masks = network.forward(X)[1]
    return network, X, masks, start_layer_activation(masks, m)


def naive_maps(network, masks, i):
    """J_i from its definition: the outputs of the masked network on 0 and on the unit vectors."""
    one = tuple(mask[i : i + 1] for mask in masks)
    dx = network.weights[0].shape[1]
    constant = network.masked_forward(np.zeros((1, dx)), one)[0]
    columns = [network.masked_forward(np.eye(dx)[[j]], one)[0] - constant for j in range(dx)]
    return np.column_stack([*columns, constant])


@pytest.mark.parametrize(("widths", "bias"), [((4, 5, 2), False), ((3, 4, 3, 2), True), ((3, 2), True)])
def test_distances_are_those_of_the_definition(widths, bias):
    m = 12
    network, X, masks, activation = problem(widths, bias=bias, m=m)
    outputs = network.forward(X)[0]
    maps = [naive_maps(network, masks, i) for i in range(m)]
    X1 = np.hstack([X, np.ones((m, 1))])
    R = np.tensordot(activation.mean(axis=0), network.start_layer_maps(), axes=1)
    others = [np.mean([maps[j] for j in range(m) if j != i], axis=0) for i in range(m)]
    size = np.linalg.norm(outputs)
    delta1 = np.linalg.norm(X1 @ (np.mean(maps, axis=0) - R).T) / size
    delta5 = np.linalg.norm([outputs[i] - others[i] @ X1[i] for i in range(m)]) / size
    eta = np.linalg.norm(outputs - X1 @ R.T) / size
    found = decompose(network, X, masks, activation, np.random.default_rng(0))
    values = (found.delta1.value, found.delta5.value, found.eta.value)
    np.testing.assert_allclose(values, (delta1, delta5, eta), rtol=1e-10, atol=1e-14)


def test_interval_of_eta_is_the_bootstrap_of_another_library():
    network, X, masks, activation = problem((4, 6, 3), bias=False, m=60)
    outputs, maps = network.forward(X)[0], network.start_layer_maps()
    X1 = np.hstack([X, np.ones((60, 1))])

    def eta(index):
        R = np.tensordot(activation[index].mean(axis=0), maps, axes=1)
        return np.linalg.norm(outputs[index] - X1[index] @ R.T) / np.linalg.norm(outputs[index])

    pytest.importorskip("scipy", "1.15", reason="its bootstrap takes a generator of numpy from there on")
    theirs = bootstrap(
        (np.arange(60),), eta, method="percentile", n_resamples=2000, vectorized=False, rng=np.random.default_rng(1)
    ).confidence_interval
    ours = decompose(network, X, masks, activation, np.random.default_rng(2)).eta.interval
    width = theirs.high - theirs.low
    np.testing.assert_allclose(ours, (theirs.low, theirs.high), atol=0.15 * width)  # 2.5 % points of 1000 draws


def test_leaving_copies_out_together_is_leaving_one_out_of_the_resample():
    """A resample with all samples of one kind twice must give the distances of the doubled data, copies left out."""
    network, X, masks, activation = problem((3, 4, 2), bias=True, m=8)
    twice = decompose(
        network,
        np.vstack([X, X]),
        tuple(np.vstack([mask, mask]) for mask in masks),
        np.vstack([activation, activation]),
        np.random.default_rng(0),
    )
    once = decompose(network, X, masks, activation, np.random.default_rng(0))
    assert twice.delta5.value == pytest.approx(once.delta5.value * (7 / 8) * (16 / 15), rel=1e-12)
    assert twice.eta.value == pytest.approx(once.eta.value, rel=1e-12)


def test_scale_does_not_matter_up_to_the_ends_of_float64():
    network, X, masks, activation = problem((3, 4, 2), bias=False, m=20)
    plain = decompose(network, X, masks, activation, np.random.default_rng(0))
    for factor in (1e-160, 1e140):
        weights = (network.weights[0] * factor, network.weights[1])
        scaled = decompose(ReluNetwork(weights, (None, None)), X, masks, activation, np.random.default_rng(0))
        assert scaled.eta.value == pytest.approx(plain.eta.value, rel=1e-12)


def test_outputs_that_are_all_zero_leave_it_undefined():
    network, X, masks, activation = problem((3, 4, 2), bias=False, m=20)
    dead = ReluNetwork((network.weights[0], np.zeros((2, 4))), (None, None))
    assert decompose(dead, X, masks, activation, np.random.default_rng(0)).eta.value is None
