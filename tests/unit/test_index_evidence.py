"""Directions that all lead down, as many as the index says, against dense Hessians and the separate check."""

import numpy as np
import pytest
from certificates import certificate_of
from critical_points import build, dense_hessian, random_data
from hessian_oracle import exact
from test_curvature import problem_of

from lossurf.certificates.verify import verify_certificate
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network


def written(*, widths=(3, 4, 3), eigen_set=(1,), recipe="zero", seed=0):
    rng = np.random.default_rng([13, seed])
    X, Y = random_data(rng, widths[0], widths[-1], 12)
    weights = build(rng, list(widths), X, Y, eigen_set=eigen_set, recipe=recipe)
    return certificate_of(problem_of(X, Y), weights), weights, X, Y


@pytest.mark.parametrize("widths", [(3, 4, 3), (4, 3, 3, 3), (2, 5, 3)])
def test_the_form_is_negative_definite_on_as_many_directions_as_the_dense_hessian_has(widths):
    stored, weights, X, Y = written(widths=widths)
    H = dense_hessian(weights, X, Y)
    rows = np.hstack([stored.arrays[f"D{k}"] for k in range(1, len(weights) + 1)])
    count = stored.claim["index"]["negative"]
    eigenvalues = np.linalg.eigvalsh(H)
    assert len(rows) == count == np.sum(eigenvalues < -1e-9 * eigenvalues[-1])
    assert np.allclose(rows @ rows.T, np.eye(count), atol=1e-12)
    assert np.linalg.eigvalsh(rows @ H @ rows.T)[-1] < 0.0
    assert verify_certificate(stored).valid


def test_the_ranks_are_those_of_the_products():
    stored, weights, *_ = written(widths=(4, 3, 3, 3), eigen_set=(0, 2))
    products = {(i, j): 0 for i in range(1, 4) for j in range(1, i + 1)}
    for i, j in products:
        total = np.eye(weights[j - 1].shape[1])
        for W in weights[j - 1 : i]:
            total = W @ total
        products[i, j] = int(np.linalg.matrix_rank(total, tol=1e-8))
    found = {
        tuple(rank["layers"]): rank["rank"] for rank in stored.claim["index"]["ranks"] if rank["factor"] == "product"
    }
    assert found == products


def test_checks_of_the_index_are_named_and_the_form_has_a_margin():
    stored, *_ = written()
    checks = {check.id: check for check in verify_certificate(stored).checks}
    for name in ("index", "index-ranks", "index-margins", "index-directions", "index-independent", "index-definite"):
        assert checks[name].ok
    assert checks["index-definite"].value < -1e-3


def test_the_form_of_verification_is_that_of_fractions():
    from lossurf.certificates.index import _product_with_hessian

    stored, weights, *_ = written(widths=(2, 2, 2))
    R11, T = stored.arrays["R11"], stored.arrays["T"]
    direction = [stored.arrays[f"D{k}"][0].reshape(W.shape) for k, W in enumerate(weights, 1)]
    image, sizes = _product_with_hessian(weights, direction, R11, T)
    W1, W2, V1, V2, R, target = map(exact, (*weights, *direction, R11.T, T))
    E, moved = W2 @ W1 @ R - target, W2 @ V1 @ R + V2 @ W1 @ R
    true = [W2.T @ moved @ R.T + V2.T @ E @ R.T, moved @ (W1 @ R).T + E @ (V1 @ R).T]
    for got, size, wanted in zip(image, sizes, true, strict=True):
        off = np.abs((exact(got) - wanted).astype(float))
        assert np.all(off <= 30.0 * np.finfo(float).eps * size)


def test_layers_far_apart_keep_their_directions():
    stored, *_ = written(widths=(3, 3, 3), eigen_set=(2,), seed=2)
    rng = np.random.default_rng([13, 2])
    X, Y = random_data(rng, 3, 3, 12)
    weights = build(rng, [3, 3, 3], X, Y, eigen_set=(2,), recipe="zero", scale=1e6)
    other = certificate_of(problem_of(X, Y), weights)
    assert other.claim["index"]["negative"] == stored.claim["index"]["negative"]
    assert verify_certificate(other).valid
    assert "D1" in stored.arrays


def test_a_certificate_says_where_it_holds_no_directions(monkeypatch):
    found = note_of(widths=(3, 4, 3))
    assert found == []
    monkeypatch.setattr("lossurf.landscape.index_evidence._LARGEST_ORDER", 10)
    (note,) = note_of(widths=(3, 4, 3))
    assert "holds no directions" in note


def note_of(widths):
    rng = np.random.default_rng([13, 0])
    X, Y = random_data(rng, widths[0], widths[-1], 12)
    checkpoint = Checkpoint.of(build(rng, list(widths), X, Y, eigen_set=(1,), recipe="zero"))
    found = classify_network(checkpoint, problem_of(X, Y), index=True, descents=True)
    assert (found.certificate.index.directions is None) is bool(found.notes)
    return [*found.notes]
