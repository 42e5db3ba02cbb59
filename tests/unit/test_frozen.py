"""Frozen layers: signs of dense Hessians over the trained layers, least losses by a formula of its own, torch."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from critical_points import chain, loss
from frozen_points import FrozenPoint, frozen_matrix, frozen_point, least_loss, trained_hessian

import lossurf

TOO_LARGE = (lossurf.InputError, "too large to square")
PATTERNS = ("FT", "TF", "TFT", "FTFT", "TFTF", "FTTF", "FFTFFTFF", "TFTFT")


def held_of(pattern):
    return [letter == "F" for letter in pattern]


def judged(point, **options):
    return lossurf.classify(point.weights, point.X.T, point.Y.T, frozen=point.names, **options)


def signs(point):
    """Signs of the dense Hessian's eigenvalues; None where one is neither surely rounding nor surely not."""
    values = np.linalg.eigvalsh(trained_hessian(point))
    size = np.prod([max(np.linalg.norm(W, 2), 1.0) for W in point.weights]) * max(np.linalg.norm(point.X), 1.0)
    threshold = 1e-13 * size * max(size, np.linalg.norm(point.Y))
    if np.any((np.abs(values) > threshold) & (np.abs(values) < 30.0 * threshold)):
        return None
    return tuple(int(np.sum(each)) for each in (values < -threshold, np.abs(values) <= threshold, values > threshold))


def agree(rng, pattern, **options):
    """Hold one random critical point against the dense Hessian; return whether that could be decided."""
    held = held_of(pattern)
    point = frozen_point(rng, held, rng.integers(1, 5, len(held) + 1).tolist(), **options)
    found, least, here = judged(point), least_loss(point), loss(point.weights, point.X, point.Y)
    assert found.loss == pytest.approx(here, rel=1e-9)
    assert found.mse == pytest.approx(2.0 * here / point.Y.size, rel=1e-9)
    assert found.optimal_loss == pytest.approx(least, rel=1e-8, abs=1e-10 * here)
    assert found.frozen == point.names
    assert len(found.layers) == len(held)
    expected = signs(point)
    if expected is None or found.inertia is None:
        return False
    assert (found.inertia.negative, found.inertia.zero, found.inertia.positive) == expected
    best = here <= least * (1.0 + 1e-9) + 1e-12
    verdict = "global-minimum" if best else "strict-saddle" if expected[0] else "bad-saddle"
    assert found.verdict == verdict
    return True


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("deficient", [False, True])
def test_signs_are_those_of_the_dense_hessian_over_the_trained_layers(pattern, deficient):
    rng = np.random.default_rng(len(pattern) + 10 * deficient)
    assert sum(agree(rng, pattern, deficient=deficient) for _ in range(6)) >= 4


@pytest.mark.slow
def test_signs_of_two_thousand_points():
    rng = np.random.default_rng(0)
    patterns = [pattern for _ in range(2000) if "F" in (pattern := "".join(rng.choice([*"FT"], 5))) and "T" in pattern]
    assert sum(agree(rng, pattern, deficient=rng.random() < 0.4) for pattern in patterns) > 0.9 * len(patterns)


@pytest.mark.parametrize("pattern", ["FT", "TF", "TFT", "FTFT"])
def test_ill_conditioned_frozen_layers_leave_the_verdict(pattern):
    rng = np.random.default_rng(3)
    for _ in range(6):
        held = held_of(pattern)
        widths = [4, *rng.integers(2, 5, len(held) - 1).tolist(), 3]
        point = frozen_point(rng, held, widths, condition=1e6 if held.count(True) == 1 else 1e3)
        found, here, least = judged(point), loss(point.weights, point.X, point.Y), least_loss(point)
        assert found.optimal_loss == pytest.approx(least, rel=1e-7)
        assert found.verdict in {"undetermined", "global-minimum" if here < least * (1 + 1e-7) else "strict-saddle"}


@pytest.mark.parametrize("pattern", ["FTT", "TFT", "TTF"])
@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_the_scale_of_a_frozen_layer_leaves_the_verdict(pattern, scale):
    rng = np.random.default_rng(4)
    held = held_of(pattern)
    for _ in range(5):
        point = frozen_point(rng, held, rng.integers(1, 5, 4).tolist())
        factors = [scale if frozen else 1.0 for frozen in held]
        factors[held.index(False)] /= scale
        moved = FrozenPoint([W * c for W, c in zip(point.weights, factors, strict=True)], held, point.X, point.Y)
        before, after = judged(point), judged(moved)
        assert after.verdict == before.verdict
        assert after.optimal_loss == pytest.approx(before.optimal_loss, rel=1e-9)


def one_layer_optimum(rng, dtype, condition):
    """The least-squares Q between a frozen first and last layer: Q = A^+ Y B^+ (Penrose 1956)."""
    X, Y = rng.standard_normal((4, 30)), rng.standard_normal((5, 30))
    first, last = (frozen_matrix(rng, *shape, condition=condition).astype(dtype) for shape in ((6, 4), (5, 3)))
    Q = np.linalg.pinv(last.astype(float)) @ Y @ np.linalg.pinv(first.astype(float) @ X, rcond=1e-10)
    return FrozenPoint([first, Q.astype(dtype), last], [True, False, True], X, Y)


@pytest.mark.parametrize(("dtype", "condition"), [(np.float32, 2.0), (np.float64, 2.0), (np.float64, 1e4)])
def test_the_optimum_of_one_layer_between_frozen_ones(dtype, condition):
    point = one_layer_optimum(np.random.default_rng(1), dtype, condition)
    found = judged(point)
    rows = np.kron(point.weights[2].astype(float), (point.weights[0].astype(float) @ point.X).T)
    residual = np.linalg.lstsq(rows, point.Y.ravel(), rcond=1e-12)[1]
    solved = rows @ np.linalg.lstsq(rows, point.Y.ravel(), rcond=1e-10)[0] - point.Y.ravel()
    assert found.verdict == "global-minimum"
    assert found.optimal_loss == pytest.approx(0.5 * np.sum(solved**2), rel=1e-9)
    assert residual.size == 0  # the first layer widens: the least squares are of deficient rank
    assert found.rank_max == 3


@pytest.mark.parametrize(("widths", "held"), [((4, 5, 2, 3), "FTT"), ((4, 3, 5, 2), "TFT"), ((3, 4, 2, 5), "TTF")])
def test_trained_by_torch_with_biases_and_signs_by_its_autograd(widths, held):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    rng = np.random.default_rng(2)
    x, y = (torch.tensor(rng.standard_normal((40, n)) + 3.0) for n in (widths[0], widths[-1]))
    net = torch.nn.Sequential(*(torch.nn.Linear(a, b, dtype=torch.float64) for a, b in pairwise(widths)))
    net[held.index("F")].requires_grad_(requires_grad=False)
    trained = {name: p for name, p in net.named_parameters() if p.requires_grad}
    optimizer = torch.optim.LBFGS(trained.values(), max_iter=400, tolerance_grad=1e-13, tolerance_change=0.0)

    def loss_of(parameters):
        return 0.5 * ((torch.func.functional_call(net, parameters, x) - y) ** 2).sum()

    def closure():
        optimizer.zero_grad()
        value = loss_of(trained)
        value.backward()
        return value

    for _ in range(3):
        optimizer.step(closure)
    data = lossurf.Data(x.numpy(), y.numpy())
    found = lossurf.classify(net.state_dict(), data, frozen=[f"{held.index('F')}.weight"])
    assert found.verdict == "global-minimum"
    assert found.loss == pytest.approx(closure().item(), rel=1e-10)
    sizes, flat = [p.numel() for p in trained.values()], torch.cat([p.detach().flatten() for p in trained.values()])

    def value(at):
        parts = zip(trained.items(), at.split(sizes), strict=True)
        return loss_of({name: part.reshape(p.shape) for (name, p), part in parts})

    values = np.linalg.eigvalsh(torch.autograd.functional.hessian(value, flat).numpy())
    small = 1e-9 * values[-1]
    counted = (found.inertia.negative, found.inertia.zero, found.inertia.positive)
    assert counted == (np.sum(values < -small), np.sum(np.abs(values) <= small), np.sum(values > small))


def test_biases_of_frozen_last_layers_are_subtracted():
    rng = np.random.default_rng(6)
    point = frozen_point(rng, [False, False, True], [3, 2, 3, 4])
    bias = rng.standard_normal(4)
    found = lossurf.classify(
        point.weights, point.X.T, point.Y.T + bias, biases=[None, None, bias], frozen=point.names, lemmas=False
    )
    plain = judged(point)
    assert found.verdict == plain.verdict
    assert found.loss == pytest.approx(plain.loss, rel=1e-10)
    assert found.inertia.negative == plain.inertia.negative


def test_a_bias_of_a_frozen_first_layer_is_in_the_data():
    rng = np.random.default_rng(12)
    X, Y, F, b = (rng.standard_normal(shape) for shape in ((20, 3), (20, 2), (2, 3), 2))
    head = np.linalg.lstsq(X @ F.T + b, Y)[0].T
    found = lossurf.classify([F, head], X, Y, biases=[b, None], frozen=["W1"])
    assert found.verdict == "global-minimum"
    assert found.optimal_loss == pytest.approx(0.5 * np.linalg.norm((X @ F.T + b) @ head.T - Y) ** 2, rel=1e-12)


def test_weights_a_ridge_and_output_weights_go_with_frozen_layers():
    rng = np.random.default_rng(7)
    X, Y = rng.standard_normal((20, 3)), rng.standard_normal((20, 2))
    weights = [rng.standard_normal(shape) for shape in ((2, 3), (3, 2), (2, 3))]
    w, v, ridge = rng.uniform(0.5, 2.0, 20), np.array([1.0, 3.0]), 0.7
    residual = X @ chain(weights, 3).T - Y
    adjusted = lossurf.Data(X, Y, sample_weights=w, output_weights=v)
    found = lossurf.classify(weights, adjusted, frozen=["W1", "W3"])
    assert found.loss == pytest.approx(0.5 * np.sum(w[:, None] * v * residual**2), rel=1e-12)
    ridged = lossurf.classify(weights, lossurf.Data(X, Y, ridge=ridge), frozen=["W1", "W3"])
    assert ridged.loss == pytest.approx(0.5 * np.sum(residual**2) + 0.5 * ridge * np.sum(chain(weights, 3) ** 2))


@pytest.mark.parametrize("mean", [0.0, 1e6])
def test_large_means_go_through_frozen_first_layers(mean):
    rng = np.random.default_rng(8)
    X, Y = rng.standard_normal((50, 3)) + mean, rng.standard_normal((50, 2)) - mean
    F, W = rng.integers(-3, 4, (4, 3)).astype(float), rng.standard_normal((2, 4))
    found = lossurf.classify([F, W], X, Y, biases=[np.ones(4), np.zeros(2)], frozen=["W1"])
    Z = (X - X.mean(axis=0)) @ F.T
    centred = Y - Y.mean(axis=0)
    least = 0.5 * np.linalg.norm(centred - Z @ np.linalg.lstsq(Z, centred, rcond=1e-10)[0]) ** 2
    assert found.optimal_loss == pytest.approx(least, rel=1e-8)


@pytest.mark.parametrize("mean", [0, 10**8])
def test_frozen_integers_are_the_data_they_make(mean):
    """Two frozen layers whose product takes a large mean away exactly: what is left must not be lost with it."""
    rng = np.random.default_rng(10)
    X, Y = rng.integers(-9, 10, (40, 3)) + mean, rng.integers(-9, 10, (40, 2)).astype(float)
    F, G = np.array([[1, 1, 1], [0, 1, 0], [0, 0, 1]]), np.array([[1, -1, -2], [0, 1, -1], [1, -2, -1], [1, 0, -3]])
    W, V = rng.standard_normal((2, 4)), rng.standard_normal((2, 2))
    found = lossurf.classify([F, G, W, V], X.astype(float), Y, frozen=["W1", "W2"])
    plain = lossurf.classify([W, V], (X @ (G @ F).T).astype(float), Y)
    assert found.verdict == plain.verdict
    assert found.optimal_loss == pytest.approx(plain.optimal_loss, rel=1e-9)
    assert found.loss == pytest.approx(plain.loss, rel=1e-9)
    assert found.rank_max == 2


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="the long double here is a double")
def test_a_mean_that_frozen_layers_take_away_is_rounded_once():
    """Exact rational data of the frozen layers; in float64 the mean's rounding, 1e-8 of the spread, moves L*."""
    rng = np.random.default_rng(13)
    X, Y = rng.integers(-9, 10, (30, 3)) + 10.0**8, rng.integers(-9, 10, (30, 2)) + 5.0
    F, G = rng.standard_normal((3, 3)), rng.standard_normal((2, 3))
    G -= np.outer(G @ F.sum(axis=1), F.sum(axis=1)) / np.sum(F.sum(axis=1) ** 2)  # the mean's image is rounding
    of = np.vectorize(Fraction)
    exact = (of(X) @ (of(G) @ of(F)).T).astype(float)
    least = 0.5 * np.linalg.norm(exact @ np.linalg.lstsq(exact, Y)[0] - Y) ** 2
    found = lossurf.classify([F, G, np.ones((2, 2))], X, Y, frozen=["W1", "W2"])
    assert found.optimal_loss == pytest.approx(least, rel=1e-10)


@pytest.mark.parametrize(("left", "rank"), [(0.0, 2), (1e-17, 2), (1e-12, 3)])
def test_the_rank_of_frozen_layers_is_decided_at_their_rounding(left, rank):
    rng = np.random.default_rng(11)
    P, Q = (np.linalg.qr(rng.standard_normal((6, 6)))[0] for _ in range(2))
    layers = [rng.standard_normal((6, 4)), (P[:, :3] * [1.0, 0.5, left]) @ Q[:, :3].T, rng.standard_normal((5, 6))]
    X, Y = rng.standard_normal((30, 4)), rng.standard_normal((30, 5))
    found = lossurf.classify(layers, X, Y, frozen=["W2"], tolerance=1e-14)
    assert found.rank_max == rank


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"frozen": ["W9"]}, lossurf.InputError, "no layer 'W9' to freeze"),
        ({"frozen": ["W1", "W2", "W3"]}, lossurf.InputError, "all layers are frozen"),
        ({"frozen": "W1"}, lossurf.UsageError, "sequence of names"),
        ({"frozen": ["W1"], "weight_decay": 0.1}, lossurf.UsageError, "without weight_decay="),
        ({"frozen": ["W1"], "loss": "huber"}, lossurf.UsageError, "without loss="),
        ({"frozen": ["W1"], "curvature": True}, lossurf.UsageError, "without curvature="),
        ({"frozen": ["W1"], "lemmas": True}, lossurf.UsageError, "without lemmas="),
        ({"frozen": ["W2"], "biases": [None, np.ones(2), None]}, lossurf.InputError, "a bias at W2 and none at 'W3'"),
        ({"frozen": ["W3"], "biases": [np.ones(3), None, None]}, lossurf.InputError, "a bias at W1 and none at 'W2'"),
        ({"frozen": ["W2"], "zero": 1}, lossurf.InputError, "W2 is zero"),
        ({"frozen": ["W1"], "biases": [np.full(3, 1e308), *[np.ones(2)] * 2], "zero": 0, "value": 1e9}, *TOO_LARGE),
        ({"frozen": ["W2"], "biases": [np.full(3, 1e308), *[np.ones(2)] * 2], "zero": 1, "value": 1e9}, *TOO_LARGE),
        ({"frozen": ["W2"], "zero": 1, "value": 1e308}, lossurf.InputError, "leaves the range"),
    ],
)
def test_what_has_no_exact_reduction_is_refused(options, error, message):
    rng = np.random.default_rng(9)
    weights = [rng.standard_normal(shape) for shape in ((3, 3), (2, 3), (2, 2))]
    options = dict(options)
    if "zero" in options:
        weights[options.pop("zero")][:] = options.pop("value", 0.0)
    with pytest.raises(error) as told:
        lossurf.classify(weights, rng.standard_normal((9, 3)), rng.standard_normal((9, 2)), **options)
    assert message in str(told.value)
