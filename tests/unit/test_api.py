"""The Python API. Independent channel: least squares and truncated SVD by numpy on the data as given."""

from __future__ import annotations

import json

import numpy as np
import pytest

import lossurf
from lossurf.errors import InputError, UsageError


@pytest.fixture
def arrays() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(11)
    X = generator.standard_normal((40, 4))
    return X, X @ generator.standard_normal((4, 3)) + 0.5 * generator.standard_normal((40, 3)) + 2.0


def least_squares(X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, float]:
    P = np.linalg.lstsq(X, Y, rcond=None)[0].T
    return P, 0.5 * float(np.sum((X @ P.T - Y) ** 2))


def test_losses_by_rank_are_those_of_truncated_fits(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    X, Y = arrays
    P, best = least_squares(X, Y)
    u, s, vt = np.linalg.svd(X @ P.T, full_matrices=False)
    expected = [0.5 * np.sum((u[:, :k] * s[:k] @ vt[:k] - Y) ** 2) for k in range(4)]
    result = lossurf.check(X, Y, widths=[4, 2, 3])
    np.testing.assert_allclose(result.loss_by_rank, expected, rtol=1e-12)
    assert result.loss_by_rank[-1] == pytest.approx(best, rel=1e-12)
    assert result.optimal_loss == result.loss_by_rank[2]
    assert result.optimal_mse == pytest.approx(2 * result.optimal_loss / 120)


def test_a_bias_is_centring(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    X, Y = arrays
    centred = least_squares(X - X.mean(axis=0), Y - Y.mean(axis=0))[1]
    assert lossurf.check(X, Y, bias=True).optimal_loss == pytest.approx(centred, rel=1e-12)


def test_samples_may_be_columns_and_one_output_a_vector(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    X, Y = arrays
    by_rows, by_columns = lossurf.check(X, Y[:, 0]), lossurf.check(X.T, Y[:, :1].T, samples="columns")
    assert by_rows.data.dy == by_columns.data.dy == 1
    assert by_rows.optimal_loss == pytest.approx(by_columns.optimal_loss, rel=1e-13)


def test_a_least_squares_solution_is_the_global_minimum(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    X, Y = arrays
    P, best = least_squares(X, Y)
    result = lossurf.classify([P], X, Y, expect=["global-minimum"])
    assert (str(result.verdict), result.ok, result.rank) == ("global-minimum", True, 3)
    assert result.loss == pytest.approx(best, rel=1e-12)
    assert [(layer.name, layer.shape, layer.dtype) for layer in result.layers] == [("W1", (3, 4), "float64")]


def test_with_biases_the_affine_fit_is_the_minimum(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    X, Y = arrays
    P, best = least_squares(X - X.mean(axis=0), Y - Y.mean(axis=0))
    bias = Y.mean(axis=0) - P @ X.mean(axis=0)
    result = lossurf.classify([P], X, Y, biases=[bias])
    assert str(result.verdict) == "global-minimum"
    assert result.loss == pytest.approx(best, rel=1e-12)
    assert str(lossurf.classify([P], X, Y, biases=[bias + 1.0]).verdict) == "not-critical"


def test_the_stored_precision_sets_the_tolerance(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    X, Y = arrays
    P = least_squares(X, Y)[0]
    assert lossurf.classify([P], X, Y).tolerance == 1e-8
    assert lossurf.classify([P.astype(np.float32)], X, Y).tolerance == 1e-6
    assert lossurf.classify([P], X, Y, tolerance=1e-3).tolerance == 1e-3


@pytest.mark.parametrize("coarse", [0, 1, 2])
@pytest.mark.parametrize(("dtype", "tau"), [("float32", 1e-6), ("float16", 1e-2)])
def test_the_coarsest_layer_of_a_checkpoint_sets_the_tolerance(inside, tmp_path, coarse, dtype, tau):
    # channel: the table of theory, section 6; the layers are exact in every precision
    weights = [np.diag([2.0, 1.0, 0.0]), np.eye(3), np.eye(3)]
    weights[coarse] = weights[coarse].astype(dtype)
    result = lossurf.classify(weights, np.eye(3), np.diag([2.0, 1.0, 0.0]))
    assert (str(result.verdict), result.tolerance) == ("global-minimum", tau)
    np.savez(tmp_path / "mixed.npz", W1=weights[0], W2=weights[1], W3=weights[2])
    np.savez(tmp_path / "data.npz", X=np.eye(3), Y=np.diag([2.0, 1.0, 0.0]))
    said = json.loads(
        inside("classify", "mixed.npz", "--data", "data.npz", "--certificate", "c.npz", "-f", "json").stdout
    )
    assert (said["results"][0]["verdict"], said["results"][0]["tolerance"]) == ("global-minimum", tau)
    checked = json.loads(inside("verify", "c.npz", "-f", "json").stdout)
    assert (checked["valid"], checked["default_tolerance"]) == (True, tau)


def test_faults_are_told_and_not_guessed_away(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    X, Y = arrays
    P = least_squares(X, Y)[0]
    with pytest.raises(InputError):
        lossurf.check(X[:-1], Y)
    with pytest.raises(InputError):
        lossurf.classify([P.T], X, Y)
    with pytest.raises(InputError):
        lossurf.classify([np.eye(3), P], X, Y)
    with pytest.raises(InputError):
        lossurf.classify([P, np.eye(3)], X, Y, biases=[np.ones(3), None])
    with pytest.raises(UsageError):
        lossurf.classify([P], X, Y, expect=["minimum"])
    with pytest.raises(UsageError):
        lossurf.classify([P], X, Y, tolerance=0.0)
