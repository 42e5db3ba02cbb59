"""The steps of the verdict as a function of the tolerance, each on its edge.

Independent channel: diagonal layers on data whose T has the singular values that are written here, so that losses,
reaches and ranks are worked out by hand.
"""

from __future__ import annotations

from math import inf, nextafter

import numpy as np
import pytest

from lossurf.landscape.sensitivity import Sensitivity
from lossurf.landscape.type_test import Level, TypeTest
from lossurf.network import WhitenedNetwork
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem
from lossurf.words import Verdict


def problem_of(*roots, data_eps=2.0**-52):
    size = len(roots)
    return reduced_problem(
        reduce_blocks([(np.eye(size + 1)[:, :size], np.eye(size + 1)[:, :size] * roots)], size, size, data_eps=data_eps)
    )


def made(roots, layers, *, first_size=0.0, rank_max=None, mean_excess=0.0, mean_gradient=0.0):
    """The test on layers with these diagonals, in the singular vectors of T."""
    problem = problem_of(*roots)
    u, _, vt = problem.target_svd
    matrices = [np.diag(np.array(layer, dtype=float)) for layer in layers]
    matrices[0], matrices[-1] = matrices[0] @ vt, u @ matrices[-1]
    if len(layers) == 1:
        matrices = [u @ np.diag(layers[0]) @ vt]
    network = WhitenedNetwork(tuple(matrices), problem.target, (0.0,) * len(layers), first_size)
    return TypeTest(
        problem,
        Sensitivity(network),
        rank_max=len(roots) if rank_max is None else rank_max,
        mean_excess=mean_excess,
        mean_gradient=mean_gradient,
    )


def test_a_rank_is_judged_in_itself_and_against_what_moves_the_product():
    # P = diag(1, 0.003), and two layers of norm 1 move it by 2 tau
    test = made((1, 0.5), [(1, 0.03), (1, 0.1)])
    assert [test.ranks(tau) for tau in (1e-3, 2e-3, 4e-3)] == [(2, 2), (2, 1), (1, 1)]
    small = made((1, 0.5), [(0.1, 0), (0.1, 0)])  # which moves by 0.2 tau, less than T
    assert [small.ranks(tau) for tau in (7e-3, 2e-2)] == [(1, 1), (0, 0)]


def test_a_gradient_on_the_tolerance_is_zero():
    test = made((1, 0.5), [(1, 0.1), (1, 0.1)])
    assert test.gradient > 0.0
    assert test.verdict(test.gradient) is not Verdict.NOT_CRITICAL
    assert test.verdict(nextafter(test.gradient, 0.0)) is Verdict.NOT_CRITICAL


def test_one_layer_with_a_loss_above_the_optimum_that_no_gradient_shows_is_left_open():
    # large means: the mean residual is a tenth of T and yet 1e-9 of what it is the difference of
    assert made((1, 0.5), [(1, 0.5)]).verdict(1e-8) is Verdict.GLOBAL_MINIMUM
    test = made((1, 0.5), [(1, 0.5)], mean_excess=0.005, mean_gradient=1e-9)
    assert test.verdict(1e-8) is Verdict.UNDETERMINED
    assert test.verdict(1e-10) is Verdict.NOT_CRITICAL


def test_a_loss_is_above_a_level_equal_or_neither():
    # 1/8 above the optimum of 5/4 in all: equal from 0.1. Layers of 10 and 1/10 move P by 11 tau: by all of E at 1/22
    test = made((1, 0.5), [(10, 0), (0.1, 0)])
    found = [test.level(2, tau) for tau in (0.04, 0.047, 0.095, 0.105)]
    assert found == [Level.ABOVE, Level.UNRESOLVED, Level.UNRESOLVED, Level.EQUAL]
    assert [test.level(1, tau) for tau in (0.0, 0.04)] == [Level.EQUAL, Level.EQUAL]


def test_what_two_sums_of_squares_round_by_is_no_difference_of_losses():
    assert made((1, 0.5), [(1, 0), (1, 0)], mean_excess=1e-16).level(1, 0.0) is Level.EQUAL
    assert made((1, 0.5), [(1, 0), (1, 0)], mean_excess=1e-14).level(1, 0.0) is Level.ABOVE


def test_a_singular_value_that_the_loss_hides_and_the_tolerance_resolves_leaves_the_minimum_open():
    # T = diag(1, 0.1): the loss of diag(1, 0) is 0.005 above the optimum, within a tolerance of 0.01, which sees 0.1
    test = made((1, 0.1), [(1, 0), (1, 0)])
    assert test.verdict(0.01) is Verdict.UNDETERMINED
    assert test.verdict(0.11) is Verdict.GLOBAL_MINIMUM
    step, below, above = test.step(0.02)
    assert (step.start, step.stop) == pytest.approx((0.005 / 1.01, 0.1), rel=1e-9)
    assert above is Verdict.GLOBAL_MINIMUM
    assert below is Verdict.STRICT_SADDLE
    # nothing is missed where the layers are too narrow for it, nor where the loss is that of the optimum
    assert made((1, 0.1), [(1.0001, 0), (1, 0)], rank_max=1).verdict(0.01) is Verdict.GLOBAL_MINIMUM
    whole = made((1, 0.1), [(1, 1), (1, 0.1)], first_size=50.0)
    assert whole.ranks(0.01) == (2, 1)
    assert whole.verdict(0.01) is Verdict.GLOBAL_MINIMUM


def test_a_saddle_is_bad_from_where_the_layer_between_vanishes():
    # E_31 = E and M_31 = W_2 = diag(1, 0.01), which moves by tau; E_21 and E_32 are zero
    test = made((1, 0.5), [(1, 0), (1, 0.01), (1, 0)])
    edge = test.strict_below(1)
    assert edge == pytest.approx(0.01, rel=1e-12)
    assert test.verdict(edge) is Verdict.BAD_SADDLE
    assert test.verdict(nextafter(edge, 0.0)) is Verdict.STRICT_SADDLE
    assert test.strict_pairs(1, edge).tolist() == []
    assert test.strict_pairs(1, nextafter(edge, 0.0)).tolist() == [[3, 1]]
    assert test.step(1e-3)[0].stop == edge
    assert test.step(0.02)[0].start == edge


def test_the_means_have_a_gradient_and_a_loss_of_their_own():
    test = made((1, 0.5), [(1, 0.5), (1, 1)], mean_excess=0.5, mean_gradient=0.25)
    assert (test.gradient, test.excess) == (0.25, pytest.approx(0.5))
    assert test.verdict(0.24) is Verdict.NOT_CRITICAL


def carried(roots, columns, *, tau=1e-8, data_eps=2.0**-52):
    """Eigen-set of a product whose range is spanned by these columns, in the eigenvectors of Sigma."""
    problem = problem_of(*roots, data_eps=data_eps)
    u = problem.target_svd[0]
    left = np.linalg.qr(np.array(columns, dtype=float).T)[0]
    network = WhitenedNetwork((u @ left @ left.T @ u.T @ problem.target,), problem.target, (0.0,), 0.0)
    test = TypeTest(problem, Sensitivity(network), rank_max=len(roots), mean_excess=0.0, mean_gradient=0.0)
    return test.eigen_indices(len(columns), tau)


def test_an_eigen_set_is_named_where_neither_a_mixture_nor_a_tie_leaves_it_open():
    assert carried((3, 2, 1), [(1, 0, 0), (0, 0, 1)]) == (1, 3)
    assert carried((3, 2, 1), [(1, 1, 0)]) is None
    assert carried((3, 2, 2), [(0, 1, 0)]) is None
    assert carried((3, 2, 2), [(1, 0, 0)]) == (1,)
    assert carried((3, 2, 2), [(0, 1, 0), (0, 0, 1)]) == (2, 3)
    assert carried((3, 2, 1.999), [(0, 1, 0)]) == (2,)
    assert carried((3, 2, 1.999), [(0, 1, 0)], tau=1e-3) is None


def test_eigenvalues_that_the_precision_of_the_data_ties_name_no_set():
    roots = (3.0, 2.0, 2.0 - 1e-6)
    assert carried(roots, [(0, 1, 0)]) == (2,)
    assert carried(roots, [(0, 1, 0)], data_eps=2.0**-10) is None


def test_an_eigen_set_is_named_where_each_vector_is_carried_by_nine_tenths_or_by_less_than_one():
    roots, half = (5, 4, 3, 2, 1), 0.06**0.5
    for shares, found in (((0.91, 0.05, 0.04), (1,)), ((0.89, 0.06, 0.05), None)):
        assert carried(roots[:3], [np.sqrt(shares)]) == found
    # two columns orthogonal to one that carries 0.05, 0.04 and 0.91 of the first three, or 0.09, 0.06 and 0.85; a
    # share is measured against the least singular value that P carries where that is larger than the vector's own
    for shares, found in (((0.05, 0.04, 0.91), (1, 2)), ((0.09, 0.06, 0.85), None)):
        plane = np.linalg.svd(np.sqrt([shares]))[2][1:]
        assert carried(roots[:4], np.column_stack([plane, np.zeros(2)])) == found
    # the second is carried by 0.88 alone, the first by 0.96, and no other by a tenth
    columns = [(0.96**0.5, 0, 0.2, 0, 0), (0, 0.88**0.5, 0, half, half)]
    assert carried(roots, columns) is None


@pytest.mark.parametrize("seed", range(12))
def test_a_step_is_where_its_verdict_holds_and_ends_where_it_does_not(seed):
    rng = np.random.default_rng(seed)
    depth, roots = int(rng.integers(1, 5)), (1.0, 10.0 ** -rng.uniform(0.0, 3.0))
    layers = [(1.0, 10.0 ** -rng.uniform(0.0, 4.0) * (rng.random() < 0.7)) for _ in range(depth)]
    if seed % 4 == 3:  # a loss above that of zeros: no level is reached
        layers[0] = tuple(5.0 * value + 1.0 for value in layers[0])
    test = made(roots, layers, first_size=10.0 ** rng.uniform(-1.0, 1.0))
    taus = [0.0, *np.geomspace(1e-9, 10.0, 24), test.gradient, nextafter(test.gradient, 0.0)]
    for tau in taus:
        step, below, above = test.step(tau)
        assert step.start <= tau < step.stop
        inside = [step.start, tau, nextafter(min(step.stop, 1e6), 0.0), 0.5 * (step.start + min(step.stop, 1e6))]
        assert {test.verdict(at) for at in inside} == {step.verdict}
        assert {test.verdict(at) for at in taus if step.start <= at < step.stop} <= {step.verdict}
        assert (below is None) == (step.start == 0.0)
        assert (above is None) == (step.stop == inf)
        assert below is None or test.verdict(nextafter(step.start, 0.0)) is below is not step.verdict
        assert above is None or test.verdict(step.stop) is above is not step.verdict


def test_the_gradient_is_the_largest_of_the_layers():
    # the measures of layers of one number, 4, 1/2 and 2, for T = 1: 3/29, 24/232 and 6/64
    test = made((1.0,), [(4,), (0.5,), (2,)], first_size=8.0)
    assert test.gradient == pytest.approx(3.0 / 29.0, rel=1e-14)
    assert test.largest_layer_gradient == pytest.approx(24.0, rel=1e-14)


def test_a_minimum_at_one_of_its_two_ranks_alone_is_left_open():
    # as above, with a millionth of the second singular value missing: more than rounding
    off = made((1, 0.1), [(1, 1), (1, 0.1 * (1.0 - 1e-5))], first_size=50.0)
    assert off.ranks(0.01) == (2, 1)
    assert off.verdict(0.01) is Verdict.UNDETERMINED


def test_what_is_no_best_fit_of_its_rank_is_strict_whatever_the_pairs_are():
    wrong = made((1, 0.5), [(0, 1), (0, 1), (0, 0.5)])  # the second eigenvector in place of the first
    assert wrong.strict_below(1) == pytest.approx(0.0, abs=1e-15)
    assert wrong.verdict(1e-8) is Verdict.STRICT_SADDLE
    # layers of 10 and 1/20 that move P by 11 tau or more: from 0.045 on the loss may be that of rank 1
    far = made((1, 0.5), [(10, 0), (0.05, 0)])
    assert far.level(1, 0.05) is Level.UNRESOLVED
    assert far.level(2, 0.05) is Level.ABOVE
    assert far.verdict(0.05) is Verdict.UNDETERMINED


@pytest.mark.parametrize("depth", [2, 3, 4, 6])
def test_pairs_are_those_of_each_pair_alone_the_clearest_first(depth):
    rng = np.random.default_rng(depth)
    layers = [(1.0, 10.0 ** -rng.uniform(0.0, 2.0)) for _ in range(depth)]
    test = made((1.0, 0.7), layers)
    of, rank = test.sensitivity, 1
    ratios = {(i, j): of.block_ratio(i, j) for i in range(2, depth + 1) for j in range(1, i)}
    both = {pair: min(ratio, of.rank_ratios(np.array([pair]), rank)[0]) for pair, ratio in ratios.items()}
    assert test.strict_below(rank) == max(both.values()) > 0.0
    for tau in (0.0, *sorted(ratios.values()), *sorted(both.values())):
        linked, strict = (
            [tuple(pair) for pair in pairs.tolist()] for pairs in (test.linked_pairs(tau), test.strict_pairs(rank, tau))
        )
        assert sorted(linked) == sorted(pair for pair, ratio in ratios.items() if ratio > tau)
        assert [ratios[pair] for pair in linked] == sorted((ratios[pair] for pair in linked), reverse=True)
        assert sorted(strict) == sorted(pair for pair, ratio in both.items() if ratio > tau)
        assert [both[pair] for pair in strict] == sorted((both[pair] for pair in strict), reverse=True)


def test_a_rank_beyond_all_of_them_has_the_level_of_the_highest():
    test = made((1, 0.5), [(1, 0.5), (1, 0.9)], rank_max=5)
    assert test.rise_above(5) == test.rise_above(2) == pytest.approx(0.5 * 0.05**2, rel=1e-9)
    assert [test.level(5, tau) for tau in (0.0, 0.01)] == [test.level(2, tau) for tau in (0.0, 0.01)]
    other = made((1, 0.5), [(1, 0.5), (1, 0.9)])
    for tau in (0.0, 0.0009, 0.0011, 0.1, 1.0):
        assert test.verdict(tau) is other.verdict(tau)
        assert test.step(tau) == other.step(tau)


def test_a_minimum_of_fewer_units_than_singular_values_misses_none_that_its_units_may_carry():
    # as above, with a third singular value for which there is no unit: L* is 1/2 0.05^2
    whole = made((1, 0.1, 0.05), [(1, 1, 0), (1, 0.1, 0)], first_size=50.0, rank_max=2)
    assert whole.ranks(0.01) == (2, 1)
    assert whole.verdict(0.01) is Verdict.GLOBAL_MINIMUM


def test_where_the_loss_is_not_told_from_the_best_of_the_rank_the_kind_of_saddle_is_open():
    # P = diag(0.7, 0), which layers of 10 and 0.07 move by 10.7: 0.045 above L_1, and 0.17 above L*
    test = made((1, 0.5), [(10, 0), (0.07, 0)])
    assert test.ranks(0.03) == (1, 1)
    assert test.level(1, 0.03) is Level.UNRESOLVED
    assert test.level(2, 0.03) is Level.ABOVE
    assert test.gradient < 0.03
    assert test.verdict(0.03) is Verdict.UNDETERMINED


def test_zeros_that_nothing_moves_are_surely_above_the_optimum():
    test = made((1, 0.5), [(0, 0), (0, 0), (0, 0)])
    assert test.sensitivity.product_change == 0.0
    assert test.verdict(1e-8) is Verdict.BAD_SADDLE
    assert test.eigen_indices(0, 1e-8) == ()


def test_an_eigen_set_that_leaves_out_one_or_none():
    assert carried((3, 2), [(1, 0), (0, 1)]) == (1, 2)
    assert carried((3, 2), [(0, 1)]) == (2,)
    assert carried((2, 2), [(1, 0)]) is None
    s = problem_of(3, 2).target_svd[1]
    apart = float(s[0] - s[1])
    assert carried((3, 2), [(1, 0)], tau=apart) is None
    assert carried((3, 2), [(1, 0)], tau=nextafter(apart, 0.0)) == (1,)


def test_what_carries_the_product_is_found_once():
    test = made((1, 0.5, 0.25), [(1, 0.5, 0), (1, 1, 0)])
    found, signal = test.carried(2), test.signal(2)
    assert test.carried(2) is found
    assert test.signal(2) is signal
    u = test._problem.target_svd[0]
    assert np.linalg.norm(found.left @ found.left.T - u[:, :2] @ u[:, :2].T) < 1e-14
    assert signal.rank == 2
    assert np.linalg.norm(test.network.product - signal.layers()[1] @ signal.layers()[0]) < 1e-14
    mixed = made((1, 0.5, 0.25), [(1, 1, 1), (0.5, 0.25, 0.125)])
    assert mixed.carried(1) is None
    assert mixed.signal(1) is None
    assert mixed.carried(0).left.shape == (3, 0)
    # what a product of norm 1 has of an eigenvector of 1e-9 is rounding, however much of that it is
    faint = made((1, 1e-9), [(1, 8e-10), (1, 1)])
    assert faint.carried(1).counts.tolist() == [1, 0]


@pytest.mark.parametrize("seed", range(30))
def test_no_threshold_of_the_verdict_lies_within_a_step(seed):
    # products that carry some singular values of T, are near others and miss the rest, of layers far from one length
    rng = np.random.default_rng([7, seed])
    depth, roots = int(rng.integers(1, 5)), (1.0, *sorted(10.0 ** -rng.uniform(0.0, 2.5, 2), reverse=True))
    share = rng.choice([0.0, 1.0, 1.0, 1.0 - 10.0 ** -rng.uniform(1.0, 8.0)], 3)
    split = 10.0 ** rng.uniform(-1.0, 1.0, (depth, 3)) * (rng.random((depth, 3)) < 0.9)
    split[0] = 1.0 / np.prod(split[1:], axis=0, where=split[1:] > 0.0) * np.array(roots) * share
    test = made(
        roots,
        split.tolist(),
        first_size=float(rng.choice([0.0, 3.0, 50.0])),
        rank_max=int(rng.integers(1, 4)),
        mean_excess=float(rng.choice([0.0, 0.0, 1e-4])),
    )
    places = [test.gradient, *test._target_roots, *np.concatenate(test._rank_thresholds)]
    places += [*np.concatenate(test._level_thresholds), *(test.strict_below(rank) for rank in range(4))]
    taus = sorted({0.0, *(tau for at in places if 0.0 < at < np.inf for tau in (at, nextafter(at, 0.0)))})
    verdicts = [test.verdict(tau) for tau in taus]
    for tau, verdict in zip(taus, verdicts, strict=True):
        step, below, above = test.step(tau)
        inside = [at for at, other in enumerate(taus) if step.start <= other < step.stop]
        assert {verdicts[at] for at in inside} == {verdict}
        # as far as it may go: the next of all thresholds outside has another verdict
        assert below is (verdicts[inside[0] - 1] if inside[0] else None) is not verdict
        after = inside[-1] + 1
        assert above is (verdicts[after] if after < len(taus) else None) is not verdict
