"""Both ends at critical points that keep their samples apart, against the dense Hessian of the samples."""

import numpy as np
import pytest
from critical_points import build, chain, dense_hessian, random_data

from lossurf.data import Data
from lossurf.landscape import curvature, hessian_ends, product_ends
from lossurf.landscape.boxed import Boxed
from lossurf.landscape.curvature import find_curvature
from lossurf.landscape.split_ends import SplitNetwork, _other_ends
from lossurf.landscape.triangular_bases import TurnedNetwork

INPUTS = ("white", "autoencoder", "commuting")


def split_data(rng, inputs, dx, dy):
    """Data whose critical points keep samples apart: X X^T has eigenvectors that Y X^+ X turns into others."""
    if inputs == "autoencoder":
        X = rng.standard_normal((dx, 12)) * rng.uniform(0.3, 2.0, (dx, 1))
        return X, X.copy()
    basis = np.linalg.svd(rng.standard_normal((dx, 12)), full_matrices=False)[2]
    if inputs == "white":
        return basis * 10.0 ** rng.uniform(-1.0, 1.0), random_data(rng, dx, dy, 12)[1]
    U, left = (np.linalg.qr(rng.standard_normal((d, d)))[0] for d in (dx, dy))
    q = min(dx, dy)
    return U * rng.uniform(0.5, 2.0, dx) @ basis, left[:, :q] * np.linspace(3.0, 0.5, q) @ basis[:q]


@pytest.fixture
def splits(monkeypatch):
    """Take this way for a network of any size, and keep what it says."""
    monkeypatch.setattr(curvature, "_DENSE_ORDER", 0)
    monkeypatch.setattr(curvature, "_PRODUCT_ORDER", 0)
    monkeypatch.setattr(product_ends, "_LOOSE", -100.0)
    for name, value in (("_SMALLEST", 0), ("_LARGE", 0), ("_WORTH", 10.0)):
        monkeypatch.setattr(hessian_ends, name, value)
    found = []
    split_ends = hessian_ends.split_ends
    monkeypatch.setattr(hessian_ends, "split_ends", lambda *args: found.append(split_ends(*args)) or found[-1])
    return found


@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_both_ends_are_those_of_the_dense_hessian(splits, inputs, depth):
    for seed in range(12):
        rng = np.random.default_rng([11, seed, depth])
        dx = int(rng.integers(3, 6))
        dy = dx if inputs == "autoencoder" else int(rng.integers(3, 6))
        widths = [dx, *rng.integers(2, 6, depth - 1).tolist(), dy]
        X, Y = split_data(rng, inputs, dx, dy)
        kept = rng.choice(min(dx, dy), int(rng.integers(1, min(widths))), replace=False)
        weights = build(rng, widths, X, Y, eigen_set=tuple(sorted(kept.tolist())), recipe="zero")
        if seed % 3 == 0:
            weights = [W.astype(np.float32).astype(np.float64) for W in weights]
        share = float(rng.choice([0.1, 0.02]))
        found = find_curvature(weights, None, Data(X.T, Y.T).problem(bias=False), share=share)
        exact = np.linalg.eigvalsh(dense_hessian(weights, X, Y))
        radius = np.abs(exact).max()
        assert abs(found.largest - exact[-1]) <= found.largest_error + 1e-12 * radius
        assert abs(found.smallest - exact[0]) <= found.smallest_error + 1e-12 * radius
        assert max(found.largest_error, found.smallest_error) <= 1.03 * share * radius
    taken = [found for found in splits if found is not None]
    assert len(taken) >= (10 if inputs == "white" else 3)
    assert any(found.products == 0 and found.largest.failure == 0.0 for found in taken)


def test_white_saddles_need_no_luck(splits):
    # layers of one set of singular values: one direction has the largest eigenvalue
    rng = np.random.default_rng(12)
    turns = [np.linalg.qr(rng.standard_normal((6, 6)))[0] for _ in range(4)]
    values = np.array([2.0, 1.7, 1.4, 0.0, 0.0, 0.0])
    weights = [turns[k + 1] * values ** (1.0 / 3.0) @ turns[k].T for k in range(3)]
    X = np.eye(6)
    Y = turns[3] * np.array([2.0, 1.7, 1.4, 2.5, 0.5, 0.1]) @ turns[0].T
    found = find_curvature(weights, None, Data(X.T, Y.T).problem(bias=False), share=0.01)
    exact = np.linalg.eigvalsh(dense_hessian(weights, X, Y))
    assert (found.products, found.failure) == (0, 0.0)
    assert abs(found.smallest - exact[0]) <= found.smallest_error <= 1e-9
    assert abs(found.largest - exact[-1]) <= found.largest_error <= 0.01 * exact[-1]
    assert exact[0] < -0.5
    assert len(splits) == 1


@pytest.mark.parametrize("reason", ["inputs that mix", "a residual where the layers are", "full rank"])
def test_other_points_do_not_fall_apart(splits, reason):
    rng = np.random.default_rng(13)
    X, Y = split_data(rng, "white", 4, 4)
    if reason == "inputs that mix":
        X = np.diag([1.0, 1.5, 2.0, 3.0]) @ np.linalg.qr(rng.standard_normal((4, 4)))[0] @ X
    kept = (0, 1, 2, 3) if reason == "full rank" else (0, 2)
    weights = build(rng, [4, 4, 4, 4], X, Y, eigen_set=kept, recipe="zero")
    if reason == "a residual where the layers are":
        weights = [1.1 * W for W in weights]
    found = find_curvature(weights, None, Data(X.T, Y.T).problem(bias=False))
    exact = np.linalg.eigvalsh(dense_hessian(weights, X, Y))
    assert not splits
    assert abs(found.largest - exact[-1]) <= found.largest_error
    assert abs(found.smallest - exact[0]) <= found.smallest_error + 1e-12 * exact[-1]


def drawn_parts(rng, depth, *, white=False):
    """Parts of any factors, at no critical point."""
    r, p, q, s = (int(n) for n in rng.integers(1, 4, 4))
    layers = [rng.standard_normal((r, r)) for _ in range(depth - 1)]
    nodes = [rng.standard_normal((r, r)) for _ in range(depth)]
    G = np.linalg.qr(rng.standard_normal((3, 3)))[0] if white else rng.standard_normal((q, s))
    E = rng.standard_normal((p, G.shape[1])) * 10.0 ** rng.uniform(-1.0, 1.0)
    return SplitNetwork(layers, nodes, G, E, has_idle=bool(rng.random() < 0.5), share=0.0)


def other_form(parts):
    """||A_1 b G||^2 + ||c h||^2 + 2 <E G^T, c M b> as a matrix, b and c in rows."""
    r, p, q = len(parts.nodes[0]), len(parts.residual), len(parts.rest)
    M = chain(parts.layers[:-1], r)
    A, h, Z = parts.layers[-1] @ M, parts.nodes[-1], parts.residual @ parts.rest.T
    across = np.einsum("pq,ij->pijq", Z, M).reshape(p * r, r * q)
    of_b = np.kron(A.T @ A, parts.rest @ parts.rest.T)
    return np.block([[of_b, across.T], [across, np.kron(np.eye(p), h @ h.T)]])


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("white", [False, True])
def test_the_other_form_is_enclosed_whatever_its_factors(depth, white):
    # channel: the form as a dense matrix, from Kronecker products
    tight = 0
    for seed in range(60):
        parts = drawn_parts(np.random.default_rng([14, seed, depth]), depth, white=white)
        values = np.linalg.eigvalsh(other_form(parts))
        if depth == 2 and parts.has_idle:
            z = np.linalg.norm(parts.residual @ parts.rest.T, 2)
            values = np.sort(np.append(values, [-z, z]))
        low, high = _other_ends(parts, 0.0)
        slack = 1e-12 * np.abs(values).max()
        assert low.outer - slack <= values[0] <= low.inner + slack
        assert high.inner - slack <= values[-1] <= high.outer + slack
        tight += high.outer - low.outer <= (1.0 + 1e-9) * (values[-1] - values[0])
    assert tight == 60 if white else tight < 60


@pytest.mark.parametrize(
    "broken", [None, "layer", "node", "first rows of E", "first columns of E", "inputs", "inner E"]
)
def test_only_a_network_that_falls_apart_is_split(broken):
    rng = np.random.default_rng(15)
    r, corner = 2, np.zeros((5, 5))
    corner[:2, :2] = rng.standard_normal((2, 2))
    first, E = np.zeros((5, 5)), np.zeros((5, 5))
    first[:2, :2], first[2:, 2:], E[2:, 2:] = corner[:2, :2], rng.standard_normal((3, 3)), rng.standard_normal((3, 3))
    parts = {"layer": corner.copy(), "node": corner.copy(), "inputs": first, "E": E}
    if broken in parts:
        parts[broken][0, 3] = 0.1
    if broken == "first rows of E":
        E[1, 4] = 0.1
    if broken == "first columns of E":
        E[4, 1] = 0.1
    box = {name: Boxed.of(matrix, 1e-9) for name, matrix in parts.items()}
    turned = TurnedNetwork(
        nodes=[box["inputs"], box["node"], Boxed.of(corner, 1e-9)],
        layers=[box["layer"], Boxed.of(corner, 1e-9)],
        deltas=[box["E"] if broken == "inner E" else None, box["E"]],
        ones=np.zeros(5),
        rank=r,
        error=0.0,
    )
    found = SplitNetwork.of(turned, 1e-8)
    assert (found is None) == (broken is not None)
    if found is not None:
        assert found.rest == pytest.approx(first[2:, 2:])
        assert found.has_idle
