"""Ways down beside frozen layers: the loss falls on the samples, to the least there is, and nothing frozen moves.

Trusted channel: products of the stored layers on the samples in long double, and the least loss by its own formula.
"""

from __future__ import annotations

import numpy as np
import pytest
from frozen_points import FrozenPoint, frozen_point, least_loss

import lossurf


def loss_on_samples(weights, biases, X, Y):
    found = X.astype(np.longdouble)
    for W, bias in zip(weights, biases, strict=True):
        found = np.asarray(W, dtype=np.longdouble) @ found + (0.0 if bias is None else bias[:, None])
    return float(0.5 * np.sum((found - Y) ** 2))


def saddle(pattern, seed, **options):
    """The first strict saddle of a pattern that is found, or the zero of its trained layers."""
    rng = np.random.default_rng(seed)
    held = [letter == "F" for letter in pattern]
    point = frozen_point(rng, held, rng.integers(2, 5, len(held) + 1).tolist(), **options)
    if lossurf.classify(point.weights, point.X.T, point.Y.T, frozen=point.names).verdict == "strict-saddle":
        return point
    weights = [W if frozen else 0.0 * W for W, frozen in zip(point.weights, held, strict=True)]
    return FrozenPoint(weights, held, point.X, point.Y)


@pytest.mark.parametrize("pattern", ["FTT", "TFT", "TTF", "FTFT", "TFTF", "FTFTTF"])
@pytest.mark.parametrize("to_minimum", [False, True])
@pytest.mark.parametrize("deficient", [False, True])
def test_the_loss_falls_and_nothing_frozen_moves(pattern, to_minimum, deficient):
    for seed in range(3):
        point = saddle(pattern, seed, deficient=deficient)
        none = [None] * len(pattern)
        found = lossurf.escape(point.weights, point.X.T, point.Y.T, frozen=point.names, to_minimum=to_minimum)
        assert found.moved
        assert found.frozen == point.names
        before, after = (
            loss_on_samples(layers, none, point.X, point.Y) for layers in (point.weights, found.end.layers)
        )
        assert found.loss_before == pytest.approx(before, rel=1e-9)
        assert found.loss_after == pytest.approx(after, rel=1e-9)
        assert found.drop == pytest.approx(before - after, rel=1e-6)
        assert after < before
        for W, moved, frozen in zip(point.weights, found.end.layers, point.held, strict=True):
            assert not frozen or np.array_equal(W, moved)
        if to_minimum:
            assert after == pytest.approx(least_loss(point), rel=1e-7, abs=1e-10 * before)
            again = lossurf.classify(found.lower, point.X.T, point.Y.T, frozen=point.names)
            assert again.verdict == "global-minimum"


@pytest.mark.parametrize("held", [(True, False, False), (False, True, False), (False, False, True)])
def test_biases_go_along_and_frozen_ones_stay(held):
    rng = np.random.default_rng(3)
    X, Y = rng.standard_normal((20, 3)) + 5.0, rng.standard_normal((20, 2)) - 3.0
    weights = [
        rng.standard_normal(shape) * frozen for shape, frozen in zip(((3, 3), (3, 3), (2, 3)), held, strict=True)
    ]
    biases = [rng.standard_normal(len(W)) for W in weights]
    last = max(k for k, frozen in enumerate(held) if not frozen)
    above = np.linalg.multi_dot([np.eye(2), *weights[:last:-1], np.eye(len(weights[last]))])
    rest = sum(
        biases[k] @ np.linalg.multi_dot([np.eye(len(biases[k])), *[W.T for W in weights[k + 1 :]], np.eye(2)])
        for k in range(3)
        if k > last
    )
    biases[last] = np.linalg.lstsq(above, Y.mean(axis=0) - rest)[0]
    names = [f"W{k}" for k, frozen in enumerate(held, 1) if frozen]
    found = lossurf.escape(weights, X, Y, biases=biases, frozen=names, to_minimum=True)
    assert found.verdict == "strict-saddle"
    assert found.loss_after == pytest.approx(found.optimal_loss, rel=1e-9)
    assert loss_on_samples(found.end.layers, found.end.biases, X.T, Y.T) == pytest.approx(found.loss_after, rel=1e-9)
    for k, frozen in enumerate(held):
        assert not frozen or np.array_equal(found.end.biases[k], biases[k])


def test_frozen_layers_keep_their_number_type():
    point = saddle("TFT", 1)
    found = lossurf.escape(point.weights, point.X.T, point.Y.T, frozen=point.names, dtype="float32")
    assert found.dtypes == ("float32", "float64", "float32")
    assert np.array_equal(found.lower.weights[1], point.weights[1])
    assert loss_on_samples(found.lower.weights, [None] * 3, point.X, point.Y) == pytest.approx(
        found.loss_after, rel=1e-9
    )


def test_what_is_no_saddle_stays_and_what_cannot_be_is_refused():
    point = saddle("TFT", 2)
    arguments = (point.weights, point.X.T, point.Y.T)
    best = lossurf.escape(*arguments, frozen=point.names, to_minimum=True)
    assert not lossurf.escape(best.lower, *arguments[1:], frozen=point.names).moved
    for options, message in (
        ({"frozen": "W2"}, "sequence of names"),
        ({"frozen": ["W2"], "weight_decay": 0.1}, "with a weight decay"),
        ({"frozen": ["W2"], "at_least": 1e9}, "can fall by"),
    ):
        with pytest.raises(lossurf.UsageError, match=message):
            lossurf.escape(*arguments, **options)
    with pytest.raises(lossurf.InputError, match="all layers are frozen"):
        lossurf.escape(*arguments, frozen=["W1", "W2", "W3"])
