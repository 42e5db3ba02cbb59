"""Standardised columns and an intercept. The trusted channels: exact rationals, and scikit-learn's StandardScaler."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

import numpy as np
import pytest

from lossurf.inputs.tables.data import as_dataset
from lossurf.inputs.tables.prepare import prepared

rng = np.random.default_rng(5)
Y = np.arange(50.0)


def blocks(dataset, rows=7):
    return np.concatenate([x for x, _ in dataset.blocks(rows)])


def exactly_standardised(column):
    """Mean and variance in rationals; the square root to 40 digits."""
    values = [Fraction(float(value)) for value in column]
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / len(values)
    root = Fraction(isqrt(int(variance * 10**80)), 10**40)
    return [float((value - mean) / root) for value in values]


def test_against_rationals():
    X = np.column_stack([rng.standard_normal(50), 1e6 + rng.standard_normal(50), np.arange(50) * 1e-3])
    dataset = prepared(as_dataset(X, Y), standardize=True)
    found = blocks(dataset)
    for j in range(3):  # the second column's mean costs it nothing
        off = found[:, j] - exactly_standardised(X[:, j])
        assert np.linalg.norm(off) <= dataset.data_eps * np.sqrt(50)
    assert dataset.data_eps <= 40 * np.finfo(float).eps
    assert np.array_equal(found, blocks(dataset, 50))


def test_what_float32_left_uncertain_grows_as_the_mean_is_taken_off():
    X = (1e3 + rng.standard_normal((50, 1))).astype(np.float32)
    uncertain = prepared(as_dataset(X, Y), standardize=True).data_eps / np.finfo(np.float32).eps
    assert uncertain == pytest.approx(np.hypot(X.mean(), X.std()) / X.std(), rel=1e-3)
    assert prepared(as_dataset(X.astype(float), Y), standardize=True).data_eps < 1e-14


def test_against_scikit_learn():
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    X = rng.standard_normal((50, 4)) * [1e-3, 1, 10, 1e3] + [0, 1, -5, 100]
    X[:, 1] = 3.25
    dataset = prepared(as_dataset(X, Y), standardize=True)
    assert np.allclose(blocks(dataset), preprocessing.StandardScaler().fit_transform(X), atol=1e-12)
    assert not blocks(dataset)[:, 1].any()
    assert any("constant columns became 0: 2" in note for note in dataset.notes)
    assert dataset.x == "X, standardized"


def test_sizes_that_squares_leave():
    X = rng.standard_normal((50, 2)) * [1e200, 1e-200]
    unit = prepared(as_dataset(X / [1e200, 1e-200], Y), standardize=True)
    assert np.allclose(blocks(prepared(as_dataset(X, Y), standardize=True)), blocks(unit), atol=1e-12)


def test_intercept():
    X = rng.standard_normal((50, 2))
    dataset = prepared(as_dataset(X, Y), standardize=True, intercept=True)
    assert dataset.dx == 3
    assert blocks(dataset)[:, 2].tolist() == [1.0] * 50
    assert dataset.x == "X, standardized, with an intercept column"
    plain = prepared(as_dataset(X, Y), intercept=True)
    assert np.array_equal(blocks(plain)[:, :2], X)
