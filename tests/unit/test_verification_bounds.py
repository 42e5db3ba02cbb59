"""What a check shows is what it compared, and every bound of it is the one that is written down here.

Independent channel: layers and T that are diagonal, whose numbers and whose rounding are worked out by hand.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from math import log

import numpy as np
import pytest
from certificates import certificate_of, signed
from tampering import agreeing

from lossurf.certificates.claim import Claim
from lossurf.certificates.plain_network import PlainNetwork
from lossurf.certificates.verify import verify_certificate
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem

EPS = 2.0**-52


def certificate(weights, Y, **options):
    """A certificate as it is written, on X = I."""
    problem = reduced_problem(reduce_blocks([(np.eye(len(Y)), Y)], len(Y), Y.shape[1]))
    return certificate_of(problem, weights, **options)


def checks(stored, **options):
    return {check.id: check for check in verify_certificate(stored, **options).checks}


def failed(stored, **options):
    return {name for name, check in checks(stored, **options).items() if not check.ok}


def shown(stored, name):
    check = checks(stored)[name]
    return check.value, check.bound


def test_what_is_shown_of_a_number_is_what_was_compared():
    stored = certificate([np.diag([2.0, 0.5]), np.eye(2)], np.diag([2.0, 1.0]))
    assert shown(signed(stored, residual_loss=-0.5), "residual-loss") == (-0.5, 0.0)
    assert shown(signed(stored, rank=1), "rank") == (2.0, 1.0)
    assert shown(signed(stored, rank_max=1), "rank-max") == (2.0, 1.0)
    assert shown(signed(stored, loss=stored.claim["loss"] + 1.0), "loss")[0] == pytest.approx(1.0, rel=1e-12, abs=0.0)


def test_a_claim_says_nothing_that_belongs_to_another_verdict():
    T = np.diag([2.0, 1.0])
    claims = {
        "not-critical": certificate([np.diag([2.0, 0.5]), np.eye(2)], T),
        "global-minimum": certificate([T, np.eye(2)], T),
        "strict-saddle": certificate([np.diag([2.0, 0.0]), np.diag([1.0, 0.0])], T),
        "bad-saddle": certificate([np.diag([2.0, 0.0]), np.diag([1.0, 0.0]), np.diag([1.0, 0.0])], T),
    }
    stairs = claims["bad-saddle"].claim["staircase"]
    numbers = {"curvature": -1.0, "loss_decrease": 1.0, "step": 1.0, "staircase": stairs[:1], "next_level": 4.0}
    own = {"strict-saddle": set(list(numbers)[:3]), "bad-saddle": {"staircase"}, "global-minimum": {"next_level"}}
    for verdict, stored in claims.items():
        assert stored.claim["claim"] == verdict
        assert failed(stored) == set()
        for key in set(numbers) - own.get(verdict, set()):
            assert failed(signed(stored, **{key: numbers[key]})) == {"belongs"}, (verdict, key)


def test_layers_and_data_have_the_shapes_that_are_said():
    stored = certificate([np.diag([2.0, 0.5]), np.eye(2)], np.diag([2.0, 1.0]))
    layers, data = stored.claim["layers"], stored.claim["data"]
    for k in range(2):
        other = [*layers[:k], {**layers[k], "shape": [2, 3]}, *layers[k + 1 :]]
        assert failed(signed(stored, layers=other)) == {"shapes"}
    for key in ("dx", "dy", "rank_x"):
        assert failed(signed(stored, data={**data, key: 3})) == {"shapes"}


@pytest.mark.parametrize("norm", [0.0, -1.0, 1.0])
def test_a_layer_of_zeros_and_none_but_that_has_the_norm_0(norm):
    stored = certificate([np.zeros((2, 2)), np.diag([2.0, 0.5])], np.diag([2.0, 1.0]))
    first, second = stored.claim["layers"]
    assert failed(signed(stored, layers=[{**first, "norm": norm}, second])) == ({"weights"} if norm else set())
    assert failed(signed(stored, layers=[first, {**second, "norm": norm}])) == {"weights"}


@pytest.mark.parametrize("unit", [2.0**-20, 1.0, 2.0**20])
def test_a_gradient_is_held_to_sixteen_times_the_rounding_of_each_product_and_of_the_lengths(unit):
    # eight inner dimensions, and the logarithms of the lengths 2 u, 1, 1 of the layers and of X and of 2 u
    stored = certificate([np.diag([2.0, 0.5]) * unit, np.eye(2)], np.diag([2.0, 1.0]) * unit)
    bound = 16 * 2 * (8 + 2.0 * abs(log(2.0 * unit))) * EPS
    assert shown(stored, "gradient-claimed")[1] == pytest.approx(bound, rel=1e-12, abs=0.0)
    for share, fails in ((0.9, set()), (-0.9, set()), (1.1, {"gradient-claimed"}), (-1.1, {"gradient-claimed"})):
        assert failed(signed(stored, gradient=stored.claim["gradient"] + share * bound)) == fails


def test_a_gradient_above_one_is_held_to_that_share_of_itself_and_to_the_rounding_of_the_means():
    # layers of zeros beside a bias of mean / 6: what is left of the mean is 5 times it
    X = np.vstack([np.eye(2), -np.eye(2)])
    problem = reduced_problem(reduce_blocks([(X, X * [2.0, 1.0] + 3.0)], 2, 2), bias=True)
    stored = certificate_of(problem, [np.zeros((2, 2)), np.zeros((2, 2))], [None, np.full(2, 0.5)])
    assert stored.claim["gradient"] == pytest.approx(5.0, rel=1e-12, abs=0.0)
    # in units of the largest singular value of T, 8 ** 0.5: the mean of Y, its spread, and the shift by the bias
    mean, spread, shift = (value / 8.0**0.5 for value in (72.0**0.5, 10.0**0.5, 2.0**0.5))
    of_means = 30 * 5 * EPS * (mean + spread) / shift
    # the lengths are those of X, 2 ** 0.5, and of T
    bound = 16 * 2 * (8 + log(2.0**0.5) + log(8.0**0.5)) * EPS * 5.0 + of_means
    assert shown(stored, "gradient-claimed")[1] == pytest.approx(bound, rel=1e-12, abs=0.0)


def test_a_singular_value_on_the_tolerance_is_none():
    T = np.diag([1.0, 0.5])
    stored = certificate([np.diag([1.0, 2.0**-20]), np.eye(2)], T, tolerance=2.0**-20)
    stored = replace(stored, arrays={**stored.arrays, "R11": np.eye(2), "T": T})  # without rounding
    for tau, rank in ((2.0**-20, 1), (2.0**-20 * (1.0 - EPS), 2)):
        for said, fails in ((rank, set()), (3 - rank, {"rank"})):
            claimed = signed(stored, tolerance=tau, rank=said)
            assert shown(claimed, "rank") == (float(rank), float(said))
            assert failed(claimed) == fails


def test_a_singular_value_at_what_takes_it_away_is_none_in_a_bad_saddle():
    # layers diag(1, 3/16, 0), diag(1, 1, 0), diag(1, 3/16, 0), which move their product by 3 tau = 9/256, all of its
    # second singular value: beyond rank 1 the middle one has another, and E is no zero
    Y, tau = np.diag([1.0, 0.15, 0.11]), 3.0 / 256.0
    template = certificate([np.diag([1.0, 0.0, 0.0])] * 3, Y)
    assert template.claim["claim"] == "bad-saddle"
    outer = np.diag([1.0, 3.0 / 16.0, 0.0])
    arrays = {name: array for name, array in template.arrays.items() if name[0] != "N"}
    arrays |= {"W1": outer, "W2": np.diag([1.0, 1.0, 0.0]), "W3": outer, "R11": np.eye(3), "T": Y}
    for at, fails in ((tau, True), (tau * (1.0 - EPS), False)):
        forged = agreeing(replace(template, arrays=arrays), tolerance=at, rank=2, nearest=None)
        assert ("pair-3-1-at-rank-1" in failed(forged, any_tolerance=True)) is fails


def test_small_layers_lose_no_singular_value_above_the_tolerance():
    # layers diag(1/4, 0), of which a product of 1/64 moves by 3/16 of the tolerance, less than by all of it
    T, quarter = np.diag([1.0, 0.5]), np.diag([0.25, 0.0])
    template = certificate([np.diag([1.0, 0.0])] * 3, T)
    assert template.claim["claim"] == "bad-saddle"
    arrays = {name: array for name, array in template.arrays.items() if name[0] != "N"}
    arrays |= {f"W{k}": quarter for k in (1, 2, 3)} | {"R11": np.eye(2), "T": T}
    for tau, rank in ((0.01, "1"), (0.0157, "0")):
        found = checks(signed(replace(template, arrays=arrays), tolerance=tau, nearest=None))
        assert {name[-1] for name in found if name.startswith("best-fit-of-rank-")} == {rank}
        pairs = {f"pair-{pair}-at-rank-{rank}" for pair in ("2-1", "3-1", "3-2")}
        assert {name for name in found if name.startswith("pair-")} == pairs
        # E_21 = W_3^T E is 1/4 * 63/64; a change of W_3 moves it by 63/64, of the product by 1/4 of 3/16; M_21 is I
        assert found[f"pair-2-1-at-rank-{rank}"].value == pytest.approx((63 / 256) / (63 / 64 + 3 / 64), rel=1e-12)


def test_what_is_no_bad_saddle_is_none_by_the_pair_or_the_level_that_it_lacks():
    # of two layers nothing lies between, and E is not zero; and a minimum has no singular value beyond its rank
    T, said = np.diag([2.0, 1.0]), {"claim": "bad-saddle", "kind": "staircase", "nearest": None, "next_level": None}
    strict = certificate([np.diag([2.0, 0.0]), np.diag([1.0, 0.0])], T)
    assert strict.claim["claim"] == "strict-saddle"
    none = dict.fromkeys(("curvature", "loss_decrease", "step", "index"))
    arrays = {name: array for name, array in strict.arrays.items() if name[0] not in "NDV"}
    forged = signed(replace(strict, arrays=arrays), **said, **none)
    assert failed(forged) == {"pair-2-1-at-rank-1", "staircase-covers"}
    minimum = certificate([T, np.eye(2)], T)
    arrays = {name: array for name, array in minimum.arrays.items() if name[0] != "N"}
    assert failed(signed(replace(minimum, arrays=arrays), **said)) == {"above-the-optimum", "staircase-covers"}


def minimum(unit, product, T, *, depth=2):
    """A claim of a minimum at 1e-6 with W_1 = unit * diag(product), T = unit * diag(T), and no point beside it."""
    Y = unit * np.diag(T)
    stored = certificate([Y, np.eye(2)][:depth], Y, dtypes=["float32"] * depth)
    assert (stored.claim["claim"], stored.claim["tolerance"]) == ("global-minimum", 1e-6)
    arrays = {name: array for name, array in stored.arrays.items() if name[0] != "N"}
    arrays["W1"] = unit * np.diag(np.float32(product).astype(float))
    return agreeing(replace(stored, arrays=arrays), nearest=None, rank=2)


@pytest.mark.parametrize(("depth", "fails"), [(1, set()), (2, {"at-the-optimum-itself"})])
def test_a_singular_value_is_held_against_what_all_layers_together_move(depth, fails):
    # T = diag(1, 2.4e-6), a second of 1.5e-6: above what one layer moves the product by, 1e-6, and not what two do
    assert failed(minimum(1.0, (1.0 + 4.0 * 2.0**-23, 1.5e-6), (1.0, 2.4e-6), depth=depth)) == fails


@pytest.mark.parametrize("unit", [2.0**-10, 1.0, 2.0**10])
def test_a_minimum_may_hold_a_singular_value_that_the_layers_could_lose_where_it_is_that_of_t(unit):
    # T = diag(1, t), t between tau and what two layers move their product by, 2 tau; the first is off by a few
    # roundings of float32, and so the loss by more than its own
    t = 1.5e-6
    for share, fails in ((0.0, set()), (0.8, set()), (-0.8, set()), (1.2, {"at-the-optimum-itself"})):
        product = (1.0 + 4.0 * 2.0**-23, t * (1.0 + share * 1e-5))
        assert failed(minimum(unit, product, (1.0, t))) == fails


def test_a_singular_value_of_t_on_the_tolerance_need_not_be_held():
    # T = diag(1, tau): its second may be missing, and what the first is off by lies beside a minimum
    T, tau = np.diag([1.0, 2.0**-20]), 2.0**-20
    stored = certificate([T, np.eye(2)], T)
    arrays = {name: array for name, array in stored.arrays.items() if name[0] != "N"}
    arrays |= {"W1": np.diag([1.0 + 2.0**-20, 0.0]), "R11": np.eye(2), "T": T}
    for at, fails in ((tau, set()), (tau * (1.0 - EPS), {"at-the-optimum-itself"})):
        forged = agreeing(replace(stored, arrays=arrays), nearest=None, rank=1, tolerance=at)
        assert failed(forged, any_tolerance=True) == fails


@pytest.mark.parametrize("left", [0.0, 100.0, 1e6])
@pytest.mark.parametrize(("second", "step"), [(2.0, 2.0), (1.0, 1.5), (2.0 - 2.0**-20, 2.0**-19 - 2.0**-41)])
def test_the_next_level_is_no_exchange_of_equal_eigenvalues_whatever_x_leaves_of_y(left, second, step):
    # one hidden unit and T = diag(2, .); a last sample at x = 0 adds 1/2 left^2 to every loss
    X, Y = np.eye(3, 2), np.vstack([np.diag([2.0, second]), [left, 0.0]])
    problem = reduced_problem(reduce_blocks([(X, Y)], 2, 2))
    stored = certificate_of(problem, [2.0 * np.eye(1, 2), np.eye(2, 1)])
    assert stored.claim["claim"] == "global-minimum"
    assert failed(stored) == set()
    optimum = stored.claim["optimal_loss"]
    assert stored.claim["next_level"] - optimum == pytest.approx(step, abs=1e-14 + 1e-15 * left**2)
    hidden = step < 1e-15 * left**2
    assert failed(signed(stored, next_level=optimum)) == (set() if hidden else {"next-level"})


@pytest.mark.parametrize(("roundings", "fails"), [(8, set()), (200, {"critical", "at-the-optimum-itself"})])
def test_a_minimum_of_fewer_units_than_singular_values_may_be_off_by_what_lies_beside_one(roundings, fails):
    stored = certificate([2.0 * np.eye(1, 2), np.eye(2, 1)], np.diag([2.0, 1.0]), dtypes=["float32", "float32"])
    arrays = {name: array for name, array in stored.arrays.items() if name[0] != "N"}
    arrays["W1"] = 2.0 * (1.0 + roundings * 2.0**-23) * np.eye(1, 2)
    moved = agreeing(replace(stored, arrays=arrays), nearest=None)
    assert Claim(moved).rise > 4 * Claim(moved).rounding_of_rise
    assert failed(moved) == fails


def exactly(stored, T, **changes):
    """With X = I and T as they are, without the rounding of their reduction."""
    return signed(replace(stored, arrays={**stored.arrays, "R11": np.eye(len(T)), "T": T}), **changes)


@pytest.mark.parametrize("at", [0, 1])
def test_losses_are_held_to_four_times_the_rounding_of_their_squares(at):
    # one hidden unit on T = diag(2, 1), in units of 2 diag(1, 1/2): seven inner dimensions, and the logarithms of 2, of
    # the layers' 2 or 1, and of 1. What is left of T and of |P| + |T|:
    T, left, terms = np.diag([2.0, 1.0]), [0.5, 1.0][at], [(2.0**2 + 0.5**2) ** 0.5, (1.0**2 + 1.0**2) ** 0.5][at]
    e = np.eye(2)[at : at + 1]
    stored = exactly(certificate([[2.0, 1.0][at] * e, e.T], T), T)
    unit = (7 + [2, 1][at] * log(2.0)) * EPS
    of_loss, of_level = unit * (left * terms + left**2), unit * (0.5 + 0.25)
    bounds = {
        "loss": 4 * (4 * of_loss + unit * 2.0 * left**2),
        "optimal-loss": 4 * (4 * of_level + unit * 0.5),
        "next-level": 4 * (unit * (1.0 + 1.0) + unit * 2.0 / 5.0),
        "at-the-optimum-itself": 4 * ((of_loss + of_level) * 4 / 5 + 7 * EPS),
    }
    for name in list(bounds) if at == 0 else ["loss", "optimal-loss"]:
        assert shown(stored, name)[1] == pytest.approx(bounds[name], rel=1e-12, abs=0.0)
    for name, size in (("loss", 1.0), ("optimal-loss", 1.0), ("next-level", 5.0)):
        key = name.replace("-", "_")
        for share in (0.9, -0.9, 1.1, -1.1) if at == 0 or size == 1.0 else ():
            changed = signed(stored, **{key: stored.claim[key] + share * bounds[name] * size})
            assert failed(changed) == (set() if abs(share) < 1.0 else {name}), (name, share)


@cache
def at_zero():
    T = np.diag([2.0, 1.0])
    return exactly(certificate([np.zeros((2, 2))] * 2, T), T)


def saddle(**changes):
    """The saddle at zero of two layers for T = diag(2, 1), by 2 along the first eigenvector in both layers."""
    V = np.diag([1.0, 0.0]) / 2.0**0.5
    said = {"curvature": -2.0, "step": 2.0, "loss_decrease": 2.0, "pair": [2, 1], **changes}
    return signed(replace(at_zero(), arrays={**at_zero().arrays, "V1": V, "V2": V}), **said)


def test_a_direction_is_held_to_the_rounding_of_its_own_terms():
    # in units of 2 the move is diag(1, 0), the form -2 of terms of 4, the fall 1/2 from ||E|| = ||T|| = 5 ** 0.5 / 2;
    # to map the move costs its bound four times the condition of X, 1, and as much again
    own, unit, size = 8 * EPS, (8 + log(2.0)) * EPS, 5.0**0.5 / 2.0
    rounding, of_difference = unit * ((size + 1.0) + size), unit * size * (size + 1.0)
    bounds = {"curvature-claimed": 8 * unit * 4.0, "descent-claimed": 8 * rounding + 4 * of_difference}
    assert failed(saddle()) == set()
    assert shown(saddle(), "step") == (2.0, 0.0)
    assert shown(saddle(), "curvature") == pytest.approx((-2.0, -4.0 * own), rel=1e-12, abs=0.0)
    assert shown(saddle(), "descends") == pytest.approx((0.5, 0.0), rel=1e-12, abs=0.0)
    for name, key, in_units in (("curvature-claimed", "curvature", 1.0), ("descent-claimed", "loss_decrease", 4.0)):
        assert shown(saddle(), name)[1] == pytest.approx(bounds[name], rel=1e-12, abs=0.0)
        for share in (0.9, -0.9, 1.1, -1.1):
            other = saddle(**{key: saddle().claim[key] + share * bounds[name] * in_units})
            assert failed(other) == (set() if abs(share) < 1.0 else {name}), (name, share)
    # a fall that is claimed to be rounding is none, and the loss may then rise by as much
    for claimed in (0.9 * of_difference, 0.5 * (rounding + of_difference), 0.9 * rounding):
        assert shown(saddle(loss_decrease=4.0 * claimed), "descends")[1] == pytest.approx(-rounding, rel=1e-12, abs=0.0)
    assert shown(saddle(loss_decrease=4.4 * rounding), "descends")[1] == 0.0
    assert shown(saddle(loss_decrease=None), "descent-claimed")[0] == pytest.approx(0.5, rel=1e-12, abs=0.0)


def test_a_saddle_without_a_direction_is_none_and_its_gap_is_that_of_its_loss():
    arrays = {name: array for name, array in saddle().arrays.items() if name[0] not in "VD"}
    assert "direction" in failed(signed(replace(saddle(), arrays=arrays)))
    assert verify_certificate(saddle()).gap == pytest.approx(2.5, rel=1e-12)


def test_a_fall_that_is_rounding_may_be_claimed_to_be_none():
    assert failed(saddle(step=1e-9, loss_decrease=0.0)) == set()
    assert failed(saddle(step=1e-9, loss_decrease=None)) == set()


def test_a_curvature_that_leaves_the_range_of_float64_is_none_and_no_other():
    # T = 2^480 diag(2, 1) and two layers of 2^400 between two of zeros: -2^1281, while 2^-159 of the direction make T
    assert failed(saddle(curvature=None)) == {"curvature-claimed"}
    T, inner, V = np.diag([2.0, 1.0]), np.diag([1.0, 0.0]), np.diag([1.0, 0.0]) / 2.0**0.5
    stored = exactly(certificate([np.zeros((2, 2)), inner, inner, np.zeros((2, 2))], T), T)
    assert stored.claim["claim"] == "strict-saddle"
    arrays = {name: array for name, array in stored.arrays.items() if name[0] not in "ND"}
    arrays |= {"T": 2.0**480 * T, "W2": 2.0**400 * inner, "W3": 2.0**400 * inner}
    arrays |= {"V1": V, "V2": 0.0 * V, "V3": 0.0 * V, "V4": V}
    said = {"step": 2.0**-159, "loss_decrease": 2.0**961, "pair": [4, 1], "index": None, "nearest": None}
    for curvature, fails in ((None, set()), (-1e308, {"curvature-claimed"})):
        assert failed(agreeing(replace(stored, arrays=arrays), curvature=curvature, **said)) == fails


@pytest.mark.parametrize("turn", [1.0, -1.0])
def test_a_direction_is_of_length_1_to_four_times_the_rounding_of_its_squares(turn):
    for share, fails in ((0.9, set()), (1.1, {"direction"})):
        stored = saddle()
        longer = 1.0 + turn * share * 4 * 8 * EPS
        arrays = {name: array * (longer if name[0] == "V" else 1.0) for name, array in stored.arrays.items()}
        assert failed(signed(replace(stored, arrays=arrays))) == fails


def test_what_is_below_the_normal_range_is_known_to_the_smallest_number():
    # T = 2^-530 diag(2, 1), a fall of 2^-1059; and T = 2^-450 diag(2, 1), a curvature of -2^-1048 along layers 2^-600
    # and 1, of which 2^75 make half of T
    one, turned = np.diag([1.0, 0.0]), np.diag([1.0, 0.0]) / 2.0**0.5
    fall = {"step": 2.0**-264, "curvature": -(2.0**-529), "loss_decrease": 2.0**-1059}
    curved = {"step": 2.0**75, "curvature": -(2.0**-1048), "loss_decrease": 1.5 * 2.0**-900}
    for exponent, V, said, key, name in (
        (-530, [turned, turned], fall, "loss_decrease", "descent-claimed"),
        (-450, [2.0**-600 * one, one], curved, "curvature", "curvature-claimed"),
    ):
        unit = 2.0**exponent
        arrays = {**saddle().arrays, "T": unit * np.diag([2.0, 1.0]), "V1": V[0], "V2": V[1]}
        stored = agreeing(replace(saddle(**said), arrays=arrays), nearest=None, **said)
        for quanta, fails in ((0, set()), (1, set()), (-1, set()), (3, {name}), (-3, {name})):
            other = signed(stored, **{key: said[key] + quanta * 2.0**-1074})
            assert failed(other) == fails, (name, quanta)


def test_a_staircase_is_held_to_what_the_lengths_are_known_to():
    # three layers and ten inner dimensions
    T = np.diag([2.0, 1.0])
    layers = [np.diag([2.0, 0.0]), np.diag([1.0, 0.0]), np.diag([1.0, 0.0])]
    stored = exactly(certificate(layers, T), T)
    assert stored.claim["claim"] == "bad-saddle"
    bound = 16 * 3 * (10 + 2.0 * log(2.0)) * EPS * (1.0 + 1e8)
    assert shown(signed(stored, tolerance=0.0), "staircase")[1] == 0.0
    assert shown(stored, "staircase")[1] == pytest.approx(bound, rel=1e-12, abs=0.0)


def test_a_point_is_critical_at_its_gradient_and_not_critical_below_it():
    stored = certificate([np.diag([2.0, 0.5]), np.eye(2)], np.diag([2.0, 1.0]))
    gradient = Claim(stored).gradient
    assert "not-critical" not in failed(signed(stored, tolerance=gradient * (1.0 - EPS)))
    assert "not-critical" in failed(signed(stored, tolerance=gradient))
    for claim in ("global-minimum", "strict-saddle", "bad-saddle"):
        said = {"claim": claim, "nearest": None, "next_level": None, "curvature": -1.0, "step": 1.0, "staircase": []}
        assert "critical" not in failed(signed(stored, tolerance=gradient, **said))
        assert "critical" in failed(signed(stored, tolerance=gradient * (1.0 - EPS), **said))


@pytest.mark.parametrize(
    ("inputs", "hidden", "known"),
    [
        (2, (96, 95), 0.0),
        (2, (96, 96), 0.05),
        (2, (97, 110), 0.05),
        (2, (110, 2), 0.0),
        (2, (96, 96, 2), 0.05),
        (96, (96,), 0.0),  # of rank 2
    ],
)
def test_measures_of_wide_layers_are_held_to_five_per_cent(inputs, hidden, known):
    # two layers, or one and X, of more than 95 have norms to a per cent
    W = [np.ones((b, a)) for a, b in pairwise((inputs, *hidden, 2))]
    X = np.eye(2, inputs)
    stored = certificate_of(reduced_problem(reduce_blocks([(X, np.diag([2.0, 1.0]))], inputs, 2)), W)
    assert Claim(stored).norms_known_to == known
    gradient = stored.claim["gradient"]
    for share, fails in ((0.04, not known), (-0.04, not known), (0.06, True)):
        changed = signed(stored, gradient=gradient * (1.0 + share))
        assert failed(changed) == ({"gradient-claimed"} if fails else set())


def test_a_product_that_is_not_nearly_zero_is_read_at_layers_of_one_size_alone():
    # diag(1, 1/2) and 1/4 as they are stored would have another gradient
    T = np.diag([1.0, 0.5])
    stored = exactly(certificate([np.diag([1.0, 0.5]), 0.25 * np.eye(2)], T), T)
    other = PlainNetwork(stored.listed("W"), np.eye(2), T, 1.0, as_stored=True).gradient()
    assert abs(other - stored.claim["gradient"]) > 1e-3
    assert failed(stored) == set()
    assert failed(signed(stored, gradient=other)) == {"gradient-claimed"}


def test_where_no_gradient_tells_the_lengths_of_the_layers_a_staircase_is_that_of_one_size():
    # of four layers the outer two are zero, and so is the product of the others
    half = [np.diag([0.5, 0.0]), np.diag([0.0, 0.5])]
    stored = certificate([np.zeros((2, 2)), *half, np.zeros((2, 2))], np.diag([2.0, 1.0]))
    assert stored.claim["claim"] == "bad-saddle"
    assert len(Claim(stored).networks) == 2
    assert failed(stored) == set()


def test_the_margins_of_an_index_are_those_of_the_layers_whose_gradient_is_claimed():
    # layers 1e-12 / 2 and 4e-12 in units of T, as they are stored, instead of two of 2 ** 0.5 * 1e-12
    stored = certificate([1e-12 * np.eye(2), 4e-12 * np.eye(2)], np.diag([2.0, 1.0]))
    assert stored.claim["claim"] == "strict-saddle"
    assert failed(stored) == set()
    sizes = {(1, 1): 0.5e-12, (2, 2): 4e-12, (2, 1): 2e-24 / 4.5e-12}
    margins = {layers: 1e-8 / size for layers, size in sizes.items()}
    index = stored.claim["index"]
    ranks = [
        {**rank, "margin": margins[tuple(rank["layers"])]} if rank["factor"] == "product" else rank
        for rank in index["ranks"]
    ]
    assert failed(signed(stored, index={**index, "ranks": ranks})) == {"index-margins"}
