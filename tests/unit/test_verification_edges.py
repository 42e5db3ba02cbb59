"""Which numbers a dtype holds, which tolerances a claim may be made at, and each part of a claim alone.

Independent channel: the significands of IEEE 754, and diagonal layers whose curvature and losses are read off.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from certificates import certificate_of, signed
from tampering import agreeing

from lossurf.certificates.claim import Claim
from lossurf.certificates.tolerance import representable, stored_tolerance
from lossurf.certificates.verify import verify_certificate
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


def bad(**changes):
    """Three layers diag(., 0): a bad saddle for T = diag(2, 1), with a claim that was changed and signed again."""
    stored = certificate([np.diag([2.0, 0.0]), np.diag([1.0, 0.0]), np.diag([1.0, 0.0])], np.diag([2.0, 1.0]))
    assert stored.claim["claim"] == "bad-saddle"
    return signed(replace(stored, claim={**stored.claim, **changes}))


def test_what_is_said_of_a_stair_is_what_it_is():
    stairs = bad().claim["staircase"]
    assert failed(bad()) == set()
    for index, stair in enumerate(stairs):
        assert stair["threshold"] > 0.0
        for key in ("value", "threshold"):
            for part in (0.02, -0.02):
                other = {**stair, key: stair[key] + part * stair["threshold"]}
                assert failed(bad(staircase=[*stairs[:index], other, *stairs[index + 1 :]])) == {"staircase"}, (
                    key,
                    part,
                )
            close = {**stair, key: stair[key] * (1.0 + 1e-15)}
            assert failed(bad(staircase=[*stairs[:index], close, *stairs[index + 1 :]])) == set()


def test_a_stair_that_does_not_vanish_is_none_however_truly_it_is_described():
    # between neighbours M_21 is the identity, whose second singular value is 1 whatever the layers are
    stairs = bad().claim["staircase"]
    more = {"factor": "product", "layers": [2, 1], "value": 1.0, "threshold": 0.0}
    assert failed(bad(staircase=[*stairs, more])) == {"staircase"}


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


@pytest.mark.parametrize("unit", [1e-250, 1e-160, 1e160, 1e250])
def test_layers_whose_squares_leave_the_range_of_float64_have_the_norm_that_they_have(unit):
    weights = [np.diag([3.0, 4.0]) * unit, np.eye(2) / unit]
    stored = certificate(weights, np.diag([3.0, 4.0]))
    assert failed(stored) == set()
    layers = stored.claim["layers"]
    assert [layer["norm"] for layer in layers] == pytest.approx([5.0 * unit, math.sqrt(2.0) / unit], rel=1e-15)
    for k in range(2):
        for norm in (3.0, layers[k]["norm"] * (1.0 + 1e-13)):
            other = [*layers[:k], {**layers[k], "norm": norm}, *layers[k + 1 :]]
            assert failed(signed(stored, layers=other)) == {"weights"}


def test_a_layer_whose_norm_leaves_the_range_of_float64_has_none_that_can_be_claimed():
    stored = certificate([np.diag([2.0, 1.0]), np.eye(2)], np.diag([2.0, 1.0]))
    largest = {"W1": np.eye(2) / 1.7e308, "W2": np.full((2, 2), 1.7e308)}
    layers = [
        {**layer, "norm": norm} for layer, norm in zip(stored.claim["layers"], (2**0.5 / 1.7e308, 1.0), strict=True)
    ]
    assert "weights" in failed(signed(replace(stored, arrays={**stored.arrays, **largest}), layers=layers))


def test_the_gap_is_that_of_the_loss():
    # at zero L = 1/2 (4 + 1), with T = diag(2, 1) and L* = 0
    assert verify_certificate(strict()).gap == pytest.approx(2.5, rel=1e-14)
    assert verify_certificate(certificate([np.zeros((2, 2))] * 2, np.diag([6.0, 3.0]))).gap == pytest.approx(22.5)


def test_a_gap_beyond_the_range_of_float64_is_none():
    stored = strict()
    far = {"W1": 1e200 * np.eye(2), "W2": 1e200 * np.eye(2)}
    assert verify_certificate(signed(replace(stored, arrays={**stored.arrays, **far}))).gap is None


@pytest.mark.parametrize(("first", "any_tolerance"), [(1.0, True), (0.5, True), (0.5, False)])
def test_no_claim_is_made_at_a_tolerance_above_1(first, any_tolerance):
    stored = certificate([np.diag([2.0, first]), np.eye(2)], np.diag([2.0, 1.0]))
    for tau, refused in ((1.0, False), (np.nextafter(1.0, 2.0), True), (0.0, True)):
        assert ("tolerance" in failed(signed(stored, tolerance=tau), any_tolerance=any_tolerance)) is refused


def test_stairs_cover_the_pairs_whose_factors_contain_theirs():
    # four layers diag(., 0): each E_ij but the outermost is zero, and each product of one layer or more has rank 1
    rank_1 = np.diag([1.0, 0.0])
    stored = certificate([np.diag([2.0, 0.0]), rank_1, rank_1, rank_1], np.diag([2.0, 1.0]))
    assert stored.claim["claim"] == "bad-saddle"
    network = Claim(stored).network
    true = [("residual", i, j) for i, j in ((2, 1), (3, 1), (3, 2), (4, 2), (4, 3))]
    true += [("product", i, j) for i, j in ((3, 1), (4, 1), (4, 2))]
    changes = [network.residual_change(i, j) if factor == "residual" else network.change(i, j) for factor, i, j in true]
    stairs = [
        {"factor": factor, "layers": [i, j], "value": 0.0, "threshold": stored.claim["tolerance"] * change}
        for (factor, i, j), change in zip(true, changes, strict=True)
    ]

    def within(i, j):  # of M_ij
        return set(range(j + 1, i))

    def outside(i, j):  # of E_ij
        return {*range(i + 1, 5), *range(1, j)}

    def follows(i, j, factor, p, q):
        return outside(p, q) <= outside(i, j) if factor == "residual" else within(p, q) <= within(i, j)

    covers = 0
    for chosen in (set(of) for count in range(4) for of in combinations(range(len(true)), count)):
        pairs = ((i, j) for i in range(2, 5) for j in range(1, i))
        covered = all(any(follows(i, j, *true[k]) for k in chosen) for i, j in pairs)
        covers += covered
        fails = failed(signed(stored, staircase=[stairs[k] for k in sorted(chosen)]))
        assert fails == (set() if covered else {"staircase-covers"}), [true[k] for k in chosen]
    assert covers


@pytest.mark.parametrize("factor", ["residual", "product"])
@pytest.mark.parametrize("layers", [[1, 1], [2, 2], [3, 3], [1, 2], [1, 3]])
def test_a_stair_between_a_layer_and_itself_or_an_outer_one_is_none(factor, layers):
    more = {"factor": factor, "layers": layers, "value": 0.0, "threshold": 0.0}
    assert failed(bad(staircase=[*bad().claim["staircase"], more])) == {"staircase"}


@pytest.mark.parametrize("layer", [0, 1])
def test_a_norm_is_known_to_four_times_the_rounding_of_its_squares(layer):
    # two sums of up to six squares, each off by 6 eps, and as much again
    stored = certificate([3.0 * np.eye(2), np.ones((3, 2))], np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 1.0]]))
    layers = stored.claim["layers"]
    assert [size["shape"] for size in layers] == [[2, 2], [3, 2]]
    for share, fails in ((0.9, set()), (-0.9, set()), (1.1, {"weights"}), (-1.1, {"weights"})):
        norm = layers[layer]["norm"] * (1.0 + share * 4 * 6 * 2.0**-52)
        changed = [*layers[:layer], {**layers[layer], "norm": norm}, *layers[layer + 1 :]]
        assert failed(signed(stored, layers=changed)) == fails


HELD = {"loss": "loss", "optimal_loss": "optimal-loss", "next_level": "next-level"}
HELD |= {"curvature": "curvature-claimed", "loss_decrease": "descent-claimed"}


@pytest.mark.parametrize("unit", [2.0**-200, 2.0**-20, 1.0, 2.0**20, 2.0**200])
@pytest.mark.parametrize("at", [0, 1])
def test_what_is_claimed_is_held_to_its_rounding_in_any_unit(unit, at):
    # one hidden unit on T = unit * diag(2, 1): the optimum 1/2 carries the first eigenvector, the saddle 2 the second
    e = np.eye(2)[at : at + 1]
    stored = certificate([[2.0, 1.0][at] * unit * e, e.T], unit * np.diag([2.0, 1.0]))
    assert stored.claim["claim"] == ["global-minimum", "strict-saddle"][at]
    assert stored.claim["loss"] == pytest.approx([0.5, 2.0][at] * unit * unit, rel=1e-14)
    keys = [key for key in HELD if stored.claim[key] is not None]
    assert len(keys) == [3, 4][at]
    for key in keys:
        for part, fails in ((1e-15, set()), (-1e-15, set()), (1e-10, {HELD[key]}), (-1e-10, {HELD[key]})):
            assert failed(signed(stored, **{key: stored.claim[key] * (1.0 + part)})) == fails, (key, part)
