"""Which numbers a dtype holds, which tolerances a claim may be made at, and each part of a claim alone.

Independent channel: the significands of IEEE 754, and diagonal layers whose curvature and losses are read off.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from certificates import certificate_of, signed
from tampering import agreeing

import lossurf
from lossurf.certificates.against_data import data_checks
from lossurf.certificates.claim import Claim
from lossurf.certificates.stored import StoredCertificate
from lossurf.certificates.tolerance import representable, stored_tolerance
from lossurf.certificates.verify import verify_certificate
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem


@pytest.mark.parametrize(
    ("dtype", "digits", "largest"),
    [("float32", 23, 2.0**127), ("float16", 10, 2.0**15), ("bfloat16", 7, 2.0**127)],
)
def test_a_dtype_holds_its_own_digits_and_no_more(dtype, digits, largest):
    assert representable(np.array([[1.0 + 2.0**-digits, 0.0, largest]]), dtype)
    assert not representable(np.array([[1.0, 1.0 + 2.0 ** -(digits + 1)]]), dtype)
    assert not representable(np.array([[1.0, 4.0 * largest]]), dtype)
    assert representable(np.array([[1.0 + 2.0**-52]]), "float64")


@pytest.mark.parametrize("coarse", [0, 1, 2])
def test_the_coarsest_of_the_layers_sets_the_tolerance(coarse):
    dtypes = ["float64"] * 3
    dtypes[coarse] = "float32"
    assert stored_tolerance([{"dtype": dtype} for dtype in dtypes]) == 1e-6


def certificate(weights, Y, *, dtypes=None, tolerance=None):
    """A certificate as it is written, on X = I."""
    problem = reduced_problem(reduce_blocks([(np.eye(len(Y)), Y)], len(Y), Y.shape[1]))
    return certificate_of(problem, weights, dtypes=dtypes, tolerance=tolerance)


def failed(stored, **options):
    return {check.id for check in verify_certificate(stored, **options).checks if not check.ok}


def test_a_claim_of_a_critical_point_is_made_at_most_at_the_tolerance_of_its_weights():
    Y, weights = np.diag([2.0, 1.0]), [np.diag([2.0, 1.0]), np.eye(2)]
    for tau, refused in ((1e-9, False), (1e-8, False), (1.1e-8, True)):
        stored = certificate(weights, Y, tolerance=tau)
        assert stored.claim["claim"] == "global-minimum"
        assert failed(stored) == ({"tolerance"} if refused else set())
        assert failed(stored, any_tolerance=True) == set()
    mixed = certificate(weights, Y, dtypes=["float64", "float32"])
    assert mixed.claim["tolerance"] == 1e-6
    assert failed(mixed) == set()


def test_a_claim_that_a_point_is_not_critical_is_made_at_least_at_that_tolerance():
    Y, weights = np.diag([2.0, 1.0]), [np.diag([2.0, 0.5]), np.eye(2)]
    for tau, refused in ((0.9e-8, True), (1e-8, False), (1e-6, False)):
        stored = certificate(weights, Y, tolerance=tau)
        assert stored.claim["claim"] == "not-critical"
        assert failed(stored) == ({"tolerance"} if refused else set())
        assert failed(stored, any_tolerance=True) == set()


def test_every_layer_must_be_of_the_dtype_it_is_said_to_have():
    Y = np.diag([2.0, 1.0])
    weights = [np.diag([2.0, 1.0]) * 3.0, np.eye(2) / 3.0]
    for dtypes in (["float32", "float32"], ["float64", "float32"]):
        assert failed(certificate(weights, Y, dtypes=dtypes)) == {"dtypes"}
    assert failed(certificate(weights, Y, dtypes=["float32", "float64"])) == set()


def strict(**changes):
    """The saddle at zero of two layers for T = diag(2, 1), with a claim that was changed and signed again."""
    stored = certificate([np.zeros((2, 2)), np.zeros((2, 2))], np.diag([2.0, 1.0]))
    assert stored.claim["claim"] == "strict-saddle"
    return signed(replace(stored, claim={**stored.claim, **changes}))


def along(stored, directions):
    arrays = {**stored.arrays, **{f"V{k}": V for k, V in enumerate(directions, 1)}}
    return signed(replace(stored, arrays=arrays))


def test_a_direction_has_length_1():
    stored = strict()
    assert failed(stored) == set()
    longer = strict(curvature=stored.claim["curvature"] * 1.21, step=stored.claim["step"] / 1.1)
    assert failed(along(longer, [1.1 * V for V in stored.listed("V")])) == {"direction"}


def test_a_step_that_leads_up_is_no_descent_and_none_at_all_is_no_step():
    # along the first singular vector L = 1/2 ((step^2 / 2 - 2)^2 + 1): 5/2 at 0, 1/2 at 2 and 37/2 at 4
    V = np.diag([1.0, 0.0]) / np.sqrt(2.0)
    for step, decrease, fails in ((2.0, 2.0, set()), (0.0, 0.0, {"step"}), (4.0, -16.0, {"descends"})):
        stored = along(strict(curvature=-2.0, step=step, loss_decrease=decrease), [V, V])
        assert fails <= failed(stored)
        assert bool(fails) is bool(failed(stored))


def test_a_curvature_within_its_rounding_is_none():
    # V_2 V_1 = diag(a, d) has the form -2 (2 a + d): d is taken an ulp or two beyond -2 a
    a = -0.25
    for ulps in range(1, 4):
        V = [np.diag([0.5, np.sqrt(0.5)]), np.diag([2.0 * a, (1.0 + ulps * 2.0**-52) / (2.0 * np.sqrt(0.5))])]
        V = [W / np.sqrt(sum(np.sum(U**2) for U in V)) for W in V]
        form = -2.0 * (2.0 * V[1][0, 0] * V[0][0, 0] + V[1][1, 1] * V[0][1, 1])
        if form < 0.0:
            break
    assert -2e-15 < form < 0.0
    assert "curvature" in failed(along(strict(curvature=form, step=0.0, loss_decrease=0.0), V))


def test_the_pair_is_that_of_the_layers_that_move():
    stored = certificate([np.diag([2.0, 0.0]), np.diag([1.0, 0.01]), np.diag([1.0, 0.0])], np.diag([2.0, 1.0]))
    assert failed(stored) == set()
    assert sorted(stored.claim["pair"]) == [1, 3]
    for pair in ([2, 1], [3, 2]):
        assert failed(signed(replace(stored, claim={**stored.claim, "pair": pair}))) == {"pair"}


def test_what_is_not_critical_has_no_critical_point_beside_it():
    weights = [np.diag([2.0, 0.5]), np.eye(2)]
    stored = certificate(weights, np.diag([2.0, 1.0]))
    claim = {**stored.claim, "nearest": {"distance": 0.0, "gradient": 0.0}}
    arrays = {**stored.arrays, **{f"N{k}": W for k, W in enumerate(weights, 1)}}
    assert failed(signed(replace(stored, claim=claim, arrays=arrays))) == {"nearest"}


def test_a_minimum_of_no_other_level_is_one_of_nothing_to_learn():
    stored = certificate([np.diag([2.0, 1.0]), np.eye(2)], np.diag([2.0, 1.0]))
    assert failed(signed(replace(stored, claim={**stored.claim, "next_level": None}))) == {"next-level"}
    at_itself = {**stored.claim, "next_level": stored.claim["optimal_loss"]}
    assert failed(signed(replace(stored, claim=at_itself))) == {"next-level"}


def test_no_gap_is_negative():
    below = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        Y = rng.standard_normal((3, 3))
        u, s, vt = np.linalg.svd(Y.T)
        stored = certificate([np.sqrt(s[:2, None]) * vt[:2], u[:, :2] * np.sqrt(s[:2])], Y)
        below += Claim(stored).rise < 0.0
        assert verify_certificate(stored).gap >= 0.0
    assert below  # as differences of sums of squares, some are


def test_a_saddle_that_the_tolerance_does_not_tell_from_the_optimum_is_none():
    # 1/2 1e-10 above it, of 4 in all: told at a tolerance of 1e-12, and not at 1e-8
    stored = certificate([np.diag([2.0, 0.0]), np.diag([1.0, 0.0])], np.diag([2.0, 1e-5]), tolerance=1e-12)
    assert stored.claim["claim"] == "strict-saddle"
    assert failed(stored) == set()
    assert "above-the-optimum" in failed(signed(replace(stored, claim={**stored.claim, "tolerance": 1e-8})))


def test_the_next_level_of_tied_eigenvalues_is_above_the_optimum():
    # T = diag(2, 2) and one hidden unit: exchanging the eigenvectors leads nowhere, dropping one costs 2
    stored = certificate([np.array([[2.0, 0.0]]), np.array([[1.0], [0.0]])], np.diag([2.0, 2.0]))
    assert stored.claim["claim"] == "global-minimum"
    assert failed(stored) == set()
    at_itself = {**stored.claim, "next_level": stored.claim["optimal_loss"]}
    assert failed(signed(replace(stored, claim=at_itself))) == {"next-level"}


@pytest.mark.parametrize("unit", [2.0**-10, 1.0, 2.0**10])
def test_a_minimum_holds_every_singular_value_in_both_ways_of_counting_them(unit):
    # T = diag(1, t), tau = 1e-6: a product diag(1, sigma) has rank 2 by itself above 1e-6, and against its change above
    # 2e-6; between the two it is no minimum beside one
    t = float(np.float32(2.4e-6))
    Y = unit * np.diag([1.0, t])
    for sigma, fails in ((1.5e-6, {"at-the-optimum-itself"}), (2.2e-6, set())):
        stored = certificate([Y, np.eye(2)], Y, dtypes=["float32", "float32"])
        assert (stored.claim["claim"], stored.claim["tolerance"]) == ("global-minimum", 1e-6)
        arrays = {name: array for name, array in stored.arrays.items() if name[0] != "N"}
        arrays["W1"] = unit * np.diag([1.0, float(np.float32(sigma))])
        assert failed(agreeing(replace(stored, arrays=arrays), nearest=None, rank=2)) == fails


def test_a_bad_saddle_is_one_at_both_ranks_that_its_product_may_have():
    # tau = 0.01, and a product diag(1, 0.02, 0) of rank 2 by itself and of rank 1 against its change of 3. The middle
    # layer diag(1, 1, 0) lacks nothing beyond rank 2; beyond rank 1 the outer layers move E, which is not zero
    Y = np.diag([1.0, 0.14, 0.1])
    template = certificate([np.diag([1.0, 0.0, 0.0])] * 3, Y)
    assert template.claim["claim"] == "bad-saddle"
    outer = np.diag([1.0, np.sqrt(0.02), 0.0])
    arrays = {name: array for name, array in template.arrays.items() if name[0] != "N"}
    arrays |= {"W1": outer, "W2": np.diag([1.0, 1.0, 0.0]), "W3": outer}
    claim = {"tolerance": 0.01, "rank": 2, "nearest": None}
    forged = agreeing(replace(template, arrays=arrays), **claim)
    network, stairs = Claim(forged).network, []
    for factor, i, j in (("residual", 2, 1), ("residual", 3, 2), ("product", 3, 1)):
        value = 0.0 if factor == "product" else float(np.linalg.norm(network.residual_block(i, j), 2))
        change = network.change(i, j) if factor == "product" else network.residual_change(i, j)
        stairs.append({"factor": factor, "layers": [i, j], "value": value, "threshold": 0.01 * change})
    assert failed(signed(forged, staircase=stairs), any_tolerance=True) == {"pair-3-1-at-rank-1"}


@pytest.mark.parametrize("unit", [2.0**-10, 1.0, 2.0**10])
def test_the_gap_is_that_of_the_loss_and_its_rise_is_relative_to_the_squares_of_t(unit):
    # at zero L = 1/2 (4 + 1) unit^2, with T = unit diag(2, 1) and L* = 0
    verified = verify_certificate(certificate([np.zeros((2, 2))] * 2, unit * np.diag([2.0, 1.0])))
    assert verified.gap == pytest.approx(2.5 * unit * unit, rel=1e-14, abs=0.0)
    assert [check.value for check in verified.checks if check.id == "above-the-optimum"] == pytest.approx([0.5])


def test_a_gap_beyond_the_range_of_float64_is_none():
    stored = strict()
    far = {"W1": 1e200 * np.eye(2), "W2": 1e200 * np.eye(2)}
    assert verify_certificate(signed(replace(stored, arrays={**stored.arrays, **far}))).gap is None


@pytest.mark.parametrize(("first", "any_tolerance"), [(1.0, True), (0.5, True), (0.5, False)])
def test_no_claim_is_made_at_a_tolerance_above_1(first, any_tolerance):
    stored = certificate([np.diag([2.0, first]), np.eye(2)], np.diag([2.0, 1.0]))
    for tau, refused in ((1.0, False), (np.nextafter(1.0, 2.0), True), (0.0, True)):
        assert ("tolerance" in failed(signed(stored, tolerance=tau), any_tolerance=any_tolerance)) is refused


def with_bias(X, Y, *, off=0.0, **options):
    """A certificate of the least squares with an output bias that is off by some part of the spread."""
    data = lossurf.Data(X, Y, **options)
    P = np.linalg.lstsq(X - X.mean(axis=0), Y - Y.mean(axis=0))[0].T
    return certificate_of(
        data.problem(bias=True), [P, np.eye(len(P))], [None, Y.mean(axis=0) - P @ X.mean(axis=0) + off]
    )


@pytest.mark.parametrize("unit", [1.0, 1e-8, 1e8])
def test_means_that_are_rounding_are_no_residual(unit):
    # centred data, as standardised ones are: a bias of rounding size, of which no relative change reaches its error
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, Y = (
            unit * (grid - grid.mean(axis=0)) for grid in (rng.standard_normal((12, 3)), rng.standard_normal((12, 2)))
        )
        stored = with_bias(X, Y)
        assert stored.claim["claim"] == "global-minimum"
        assert failed(stored) == set()
        assert "critical" in failed(agreeing(replace(stored, arrays={**stored.arrays, "b2": np.full(2, 1e-6 * unit)})))


def test_means_that_are_rounding_are_no_residual_with_a_weight_decay():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X, Y = (grid - grid.mean(axis=0) for grid in (rng.standard_normal((12, n)) for n in (3, 2)))
        best = Y.T @ X @ np.linalg.inv(X.T @ X + 0.3 * np.eye(3))  # the ridge's own solution
        network = Checkpoint.of([best], [Y.mean(axis=0) - best @ X.mean(axis=0)])
        found = lossurf.certify(network, X, Y, weight_decay=0.3, reduction="half-sum")
        stored = StoredCertificate("c.npz", json.loads(json.dumps(found.to_dict())), dict(found.arrays), 1)
        assert stored.claim["claim"] == "global-minimum"
        assert failed(stored) == set()
        off = signed(replace(stored, arrays={**stored.arrays, "b1": np.full(2, 1e-6)}))
        assert "critical" in failed(off)


def test_a_mean_residual_above_rounding_is_one_whatever_gradient_is_claimed():
    rng = np.random.default_rng(3)
    X, Y = rng.standard_normal((12, 3)), rng.standard_normal((12, 2))
    X, Y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    stored = with_bias(X, Y, off=1e-9)
    assert stored.claim["claim"] == "not-critical"
    assert failed(stored) == set()
    said = {"claim": "global-minimum", "kind": "gap", "gradient": 0.0, "next_level": None}
    assert {"critical", "gradient-claimed"} <= failed(signed(stored, **said))


@pytest.mark.parametrize("mean", [1.0, 1e6, 1e9])
@pytest.mark.parametrize("options", ["samples", "outputs"])
def test_weighted_data_with_large_means_are_those_of_their_certificate(mean, options):
    # the root of a weight times a mean is rounded, and what is left of it is the spread
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X, Y = (rng.standard_normal((12, n)) + mean * rng.standard_normal(n) for n in (3, 2))
        weights = {"sample_weights": rng.uniform(0.1, 2.0, 12)} if options == "samples" else {}
        weights |= {"output_weights": rng.uniform(0.1, 2.0, 2)} if options == "outputs" else {}
        data = lossurf.Data(X, Y, **weights)
        found = lossurf.certify(Checkpoint.of([np.ones((2, 3)), np.ones((2, 2))], [None, np.ones(2)]), data)
        stored = StoredCertificate("c.npz", json.loads(json.dumps(found.to_dict())), dict(found.arrays), 2)
        eps, taken = data.dataset.data_eps, data.adjustments.taken
        assert all(check.ok for check in data_checks(stored, data.rows(), taken=taken, eps=eps))
        other = lossurf.Data(X + 1e-3 * np.eye(12, 3), Y, **weights)
        assert not all(check.ok for check in data_checks(stored, other.rows(), taken=taken, eps=eps))


@pytest.mark.parametrize("off", [0.0, 1e-3, None])
def test_a_bias_beside_layers_of_zeros_is_critical_at_the_mean_alone(off):
    # what is left of the mean of Y, relative to the bias; a bias of zeros is not moved by any relative change
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((9, 3)), rng.standard_normal((9, 2)) + 3.0
    mean = Y.mean(axis=0)
    bias = np.zeros(2) if off is None else mean + off
    problem = reduced_problem(reduce_blocks([(X, Y)], 3, 2), bias=True)
    stored = certificate_of(problem, [np.zeros((2, 3)), np.zeros((2, 2))], [None, bias])
    assert failed(stored) == set()
    assert stored.claim["claim"] == ("strict-saddle" if off == 0.0 else "not-critical")
    measure = 1e150 if off is None else np.linalg.norm(mean - bias) / np.linalg.norm(bias)
    assert stored.claim["gradient"] == pytest.approx(measure, rel=1e-12, abs=1e-15)
    assert stored.claim["loss"] == pytest.approx(0.5 * np.sum((Y - bias) ** 2), rel=1e-12)
    if off is None:
        assert failed(signed(stored, gradient=1.0)) == {"gradient-claimed"}


def test_no_gradient_is_negative_however_small():
    assert strict().claim["gradient"] == 0.0
    for gradient, fails in ((5e-324, set()), (-5e-324, {"gradient-claimed"})):
        assert failed(strict(gradient=gradient)) == fails


def test_a_gradient_is_that_of_the_layers_as_they_are_stored_where_they_are_said_to_be_so():
    # in units of T the layers are 1/2, 1 and nothing: that of the last is ||W_2 W_1|| ||E|| = 1/2, which changes by 1/2
    # and 1 of the others and, through P, 1/4; with layers of equal norms it would be 4e-10
    stored = certificate([np.eye(2), np.eye(2), 1e-27 * np.eye(2)], np.diag([2.0, 1.0]))
    assert stored.claim["claim"] == "not-critical"
    assert stored.claim["gradient"] == pytest.approx(2.0 / 7.0, rel=1e-12)
    assert failed(stored) == set()


def test_where_the_means_have_the_gradient_the_index_may_be_that_of_either_length_of_the_layers():
    # the mean is off by 5e-9 in each of two, relative to the bias of 3: more than the layers' own 1e-12 or 4e-12
    X = np.vstack([np.eye(2), -np.eye(2)])
    problem = reduced_problem(reduce_blocks([(X, X * [2.0, 1.0] + 3.0)], 2, 2), bias=True)
    stored = certificate_of(problem, [1e-12 * np.eye(2), 4e-12 * np.eye(2)], [None, np.full(2, 3.0 + 5e-9)])
    assert stored.claim["claim"] == "strict-saddle"
    assert stored.claim["gradient"] == pytest.approx(5e-9 / 3.0, rel=1e-7, abs=0.0)
    assert stored.claim["index"]["ranks"]
    assert failed(stored) == set()
