"""Trusted channels: scikit-learn's LinearRegression, exact rationals, brute force, and perturbed networks.

A perturbed network's loss is compared with the least-squares loss allowing the a-priori bound of its own rounding
(Higham 2002, section 3.1), not a constant.
"""

from fractions import Fraction

import numpy as np
import pytest
from sklearn import datasets
from sklearn.linear_model import LinearRegression

from lossurf.errors import InputError, UsageError
from lossurf.nonlinear.spurious.activations import piecewise_linear
from lossurf.nonlinear.spurious.decide import find_spurious
from lossurf.nonlinear.spurious.exact import exact_loss
from lossurf.nonlinear.spurious.shallow import ShallowNetwork
from lossurf.words import SpuriousVerdict

RELU = piecewise_linear()


def sklearn_data(name):
    if name == "linnerud":
        X, Y = datasets.load_linnerud(return_X_y=True)
        return X, Y[:, :1]
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return X.astype(float), y[:, None].astype(float)


@pytest.mark.parametrize(
    ("name", "loss", "percent"),
    [("diabetes", 631993, 6.3), ("linnerud", 4239.8, 62), ("iris", 3.480, 21), ("digits", 2961.1, 22)],
)
def test_real_data_have_a_spurious_minimum(name, loss, percent):
    X, Y = sklearn_data(name)
    found = find_spurious(X, Y, RELU)
    fitted = LinearRegression().fit(X, Y).predict(X)
    assert found.verdict is SpuriousVerdict.SPURIOUS
    assert found.hidden_width == 2
    assert found.loss == pytest.approx(0.5 * np.sum((fitted - Y) ** 2), rel=1e-11)
    assert float(f"{found.loss:.4g}" if name == "iris" else f"{found.loss:.5g}") == pytest.approx(loss, rel=1e-5)
    assert 100.0 * found.relative_drop == pytest.approx(percent, abs=0.5 if percent > 10 else 0.05)
    drop = exact_loss(found.minimum, X, Y, RELU) - exact_loss(found.better, X, Y, RELU)
    assert isinstance(drop, Fraction)
    assert float(drop) == found.drop > 0.0
    assert 0.0 < found.minimal_drop <= found.drop <= found.attainable


def rounding_of_loss(network, X, Y, slope):
    """A-priori bound of the error of the loss computed in float64."""
    eps = np.finfo(float).eps
    size = slope * (np.abs(X) @ np.abs(network.W1).T + np.abs(network.b1)) @ np.abs(network.W2).T + np.abs(network.b2)
    error = (X.shape[1] + network.hidden_width + 6) * eps * (size + np.abs(Y))
    residual = np.abs(network.W2 @ (slope * (network.W1 @ X.T + network.b1[:, None])) + network.b2[:, None] - Y.T).T
    loss = 0.5 * np.sum(residual**2)
    return np.sum(residual * error + error**2) + 2 * Y.size * eps * loss


def perturbed(found, X, Y, rng):
    """Each unit's (w_j, b_j) anywhere within rho; the output layer anywhere, or the best there is for those units."""
    point, d1 = found.minimum, found.hidden_width
    step = rng.standard_normal((d1, X.shape[1] + 1))
    step *= found.radius * (1.0 - 1e-9) / np.linalg.norm(step, axis=1, keepdims=True)
    step *= 10.0 ** rng.uniform(-6.0, 0.0) if rng.random() < 0.5 else 1.0
    W1, b1 = point.W1 + step[:, :-1], point.b1 + step[:, -1]
    if rng.random() < 0.1:
        hidden = np.column_stack([found.activation(X @ W1.T + b1), np.ones(X.shape[0])])
        output = np.linalg.lstsq(hidden, Y, rcond=None)[0].T
        return ShallowNetwork(W1, b1, output[:, :-1], output[:, -1])
    size = 10.0 ** rng.uniform(-12.0, 1.0)
    W2 = point.W2 * (1.0 + size * rng.standard_normal(point.W2.shape)) + size * rng.standard_normal(point.W2.shape)
    return ShallowNetwork(W1, b1, W2, point.b2 * (1.0 + size * rng.standard_normal(point.b2.shape)))


def require_nothing_lower(X, Y, slopes, trials, seed):
    found = find_spurious(X, Y, piecewise_linear(slopes=slopes))
    assert found.verdict is SpuriousVerdict.SPURIOUS
    drop = exact_loss(found.minimum, X, Y, found.activation) - exact_loss(found.better, X, Y, found.activation)
    assert drop > 0
    rng = np.random.default_rng(seed)
    for _ in range(trials):
        network = perturbed(found, X, Y, rng)
        loss = network.loss(X, Y, found.activation)
        assert loss >= found.loss - found.defect - rounding_of_loss(network, X, Y, slopes[0])


def synthetic(kind, seed=5):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((40, 4))
    Y = X @ rng.standard_normal((4, 2)) + rng.standard_normal((40, 2))
    if kind == "repeated":
        X = np.round(X)
    elif kind == "units":
        X = X * 10.0 ** np.arange(-3, 5, 2)
    elif kind == "offset":
        X = X + 1e4
    elif kind == "boolean":
        X, Y = (X > 0.0).astype(float), (Y[:, :1] > 0.0).astype(float)
    return X, Y


SLOPES = [(1.0, 0.0), (1.0, 0.01), (0.5, 2.0), (3.0, 0.2)]
SYNTHETIC = ["plain", "repeated", "units", "offset", "boolean"]
REAL = ["linnerud", "iris", "diabetes", "wine", "breast_cancer", "digits"]


@pytest.mark.parametrize("slopes", SLOPES)
@pytest.mark.parametrize("kind", SYNTHETIC)
def test_nothing_inside_the_radius_is_lower(kind, slopes):
    require_nothing_lower(*synthetic(kind), slopes, trials=100, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("slopes", SLOPES)
@pytest.mark.parametrize("name", [*SYNTHETIC, *REAL])
def test_nothing_inside_the_radius_is_lower_in_a_hundred_thousand(name, slopes):
    X, Y = synthetic(name) if name in SYNTHETIC else sklearn_data(name)
    require_nothing_lower(X, Y, slopes, trials=2300, seed=1)  # 11 datasets, 4 activations: 101,200 in all


def test_residuals_that_cancel_in_every_group_are_not_spurious():
    X = np.repeat([[0.0], [1.0], [3.0]], 2, axis=0)
    Y = np.array([[1.0], [-1.0], [2.0], [0.0], [3.5], [2.5]])  # group means 0, 1, 3 lie on a line
    found = find_spurious(X, Y, RELU)
    assert found.verdict is SpuriousVerdict.NOT_SPURIOUS
    assert (found.groups, found.better, found.drop) == (3, None, None)
    assert found.loss == pytest.approx(1.0 + 1.0 + 0.25, rel=1e-15)


def test_groups_off_the_line_are_spurious_and_never_gain_more_than_attainable():
    X = np.repeat([[0.0], [1.0], [3.0]], 2, axis=0)
    Y = np.array([[1.0], [-1.0], [2.0], [1.0], [3.5], [2.5]])
    found = find_spurious(X, Y, RELU)
    assert found.verdict is SpuriousVerdict.SPURIOUS
    # a hinge between the inputs passes through all three group means: everything attainable is gained
    assert found.drop == pytest.approx(found.attainable, rel=1e-12)


@pytest.mark.parametrize("constant", [True, False])
def test_data_an_affine_map_fits_are_not_applicable(constant):
    X = np.random.default_rng(0).standard_normal((20, 3))
    Y = np.full((20, 1), 2.5) if constant else X @ [[1.0], [2.0], [-1.0]] + 4.0
    found = find_spurious(X, Y, RELU)
    assert found.verdict is SpuriousVerdict.NOT_APPLICABLE
    assert found.better is None


def test_a_nearly_exact_fit_is_undecided():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((20, 3))
    Y = X @ [[1.0], [2.0], [-1.0]] + 1e-8 * rng.standard_normal((20, 1))
    found = find_spurious(X, Y, RELU)
    assert found.verdict is SpuriousVerdict.UNDECIDED
    assert "rounding" in found.reason


def test_one_sample_is_not_applicable():
    assert find_spurious(np.array([[1.0, 2.0]]), np.array([[3.0]]), RELU).verdict is SpuriousVerdict.NOT_APPLICABLE


def test_a_width_without_room_for_a_hinge_descends():
    X = np.linspace(-1.0, 1.0, 21)[:, None]
    found = find_spurious(X, np.maximum(X - 0.3, 0.0), RELU, hidden_width=1)  # one unit can fit it
    assert found.verdict is SpuriousVerdict.SPURIOUS
    assert found.better_kind == "descent"
    assert found.better_loss < 1e-3 * found.loss


def test_a_width_below_the_rank_keeps_its_certificate_and_may_stay_undecided():
    rng = np.random.default_rng(7)
    X = rng.standard_normal((30, 3))
    found = find_spurious(X, X @ rng.standard_normal((3, 3)), RELU, hidden_width=2)  # linear data, a bottleneck
    singular_values = np.linalg.svd(found.minimum.W2 @ found.minimum.W1, compute_uv=False)
    assert (found.rank, np.count_nonzero(singular_values > 1e-12)) == (3, 2)
    assert found.linear_loss < 1e-25 * found.loss
    assert found.radius > 0.0
    assert found.verdict is SpuriousVerdict.UNDECIDED
    assert "local minimum verified, spuriousness undecided" in found.reason


def test_the_better_point_keeps_the_width_and_beats_a_known_bound():
    X, Y = synthetic("plain")
    for width in (3, 4, 8):
        found = find_spurious(X, Y, RELU, hidden_width=width)
        assert found.better.hidden_width == width == found.minimum.hidden_width
        assert found.better_loss < found.linear_loss


def test_same_seed_same_numbers():
    X, Y = synthetic("repeated")
    one, two = (find_spurious(X, Y, RELU, hidden_width=1, seed=4) for _ in range(2))
    assert one.better_loss == two.better_loss
    assert np.array_equal(one.minimum.W1, two.minimum.W1)


def test_impossible_requests_are_refused():
    X, Y = synthetic("plain")
    with pytest.raises(UsageError, match="width"):
        find_spurious(X, Y, RELU, hidden_width=0)
    with pytest.raises(InputError, match="X is so large"):
        find_spurious(X * 1e200, Y, RELU)
    with pytest.raises(InputError, match="Y is so large"):
        find_spurious(X, Y * 1e200, RELU)


def exact_affine_loss(X, Y):
    """Least 1/2 ||W x + b - Y||^2 in Fractions: Gram-Schmidt without square roots, column by column."""
    fractions = [[Fraction(value) for value in column] for column in X.T.tolist()]
    orthogonal = []
    for column in [[Fraction(1)] * len(X), *fractions]:
        rest = removed(column, orthogonal)
        if any(rest):
            orthogonal.append(rest)
    residuals = [removed([Fraction(value) for value in column], orthogonal) for column in Y.T.tolist()]
    return sum(value**2 for column in residuals for value in column) / 2


def removed(column, orthogonal):
    for q in orthogonal:
        share = sum(a * b for a, b in zip(column, q, strict=True)) / sum(b * b for b in q)
        column = [a - share * b for a, b in zip(column, q, strict=True)]
    return column


def test_a_minimum_far_from_the_origin_has_the_loss_it_is_written_for_or_is_not_written():
    # channel: least squares in Fractions, and the stored network's loss on the stored data
    written = 0
    for seed in range(30):
        rng = np.random.default_rng([107, seed])
        m, dx, dy = rng.integers((2, 1, 1), (12, 5, 4))
        X = rng.standard_normal((m, dx)) + 10.0 ** rng.integers(0, 13) * rng.standard_normal(dx)
        Y = rng.standard_normal((m, dy)) + 10.0 ** rng.integers(0, 13)
        found = find_spurious(X, Y, RELU)
        total = 0.5 * np.sum((Y - Y.mean(axis=0)) ** 2)
        if found.minimum is None:
            assert (found.verdict, found.better) == (SpuriousVerdict.UNDECIDED, None)
            assert "not written" in found.reason
            continue
        written += 1
        excess = float(exact_loss(found.minimum, X, Y, RELU) - exact_affine_loss(X, Y))
        assert 0.0 <= excess <= 2e-9 * found.loss + 2e-12 * total, seed
    assert written > 20


def test_integers_with_any_mean_are_fitted_as_if_centred():
    # channel: the same integers without the mean, whose least squares is the same
    rng = np.random.default_rng(5)
    X, Y = rng.integers(-9, 10, (20, 3)).astype(float), rng.integers(-9, 10, (20, 2)).astype(float)
    wanted = exact_affine_loss(X, Y)
    for mean in (1e6, 1e9, 1e15):
        assert find_spurious(X + mean, Y + mean, RELU).linear_loss == pytest.approx(float(wanted), rel=1e-13)
