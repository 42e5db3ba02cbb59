"""Independent channel: conclusions worked out by hand from the published hypotheses, on integer data whose ranks are
checked in exact rationals (fractions)."""

from fractions import Fraction

import numpy as np
import pytest

import lossurf
from lossurf.data import Data
from lossurf.theory.conditions import check_conditions
from lossurf.theory.hypothesis_texts import HYPOTHESES
from lossurf.theory.registry import THEOREMS
from lossurf.words import Status


def exact_rank(matrix):
    rows = [[Fraction(int(entry)) for entry in row] for row in matrix]
    rank = 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column] != 0), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for i in range(rank + 1, len(rows)):
            factor = rows[i][column] / rows[rank][column]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[rank], strict=True)]
        rank += 1
    return rank


def check(X, Y, widths=None, bias=False):
    X, Y = np.asarray(X, dtype=float), np.asarray(Y, dtype=float)
    return lossurf.check(X, Y, widths, bias=bias)


def applies(result):
    return {finding.id: str(finding.applies) for finding in result.theorems}


def because(result, identifier):
    return next(set(finding.because) for finding in result.theorems if finding.id == identifier)


def integers(rows, columns, seed):
    return np.random.default_rng(seed).integers(-9, 10, size=(rows, columns))


X3 = integers(12, 3, 1)
Y3 = integers(12, 3, 2)
Y2 = Y3[:, :2]


def test_the_integer_data_have_full_ranks():
    assert exact_rank(X3) == exact_rank(X3.T @ Y3) == 3
    assert exact_rank(X3.T @ Y2) == exact_rank(Y2) == 2


def test_every_hypothesis_is_explained_decided_and_used_as_named():
    result = check(X3, Y2, (3, 2, 2))
    decided = {finding.id for finding in result.hypotheses + result.conditions}
    for theorem in THEOREMS.values():
        assert set(theorem.hypotheses) <= set(HYPOTHESES)
        if theorem.evaluated:
            assert set(theorem.hypotheses) <= decided
    for entry in HYPOTHESES.values():
        assert all((entry.title, entry.statement, entry.matters, entry.action, entry.reference))


def test_autoencoder_shape_with_a_bottleneck_meets_every_1989_condition():
    found = applies(check(X3, Y3, (3, 2, 3)))
    assert found["baldi-hornik-2.1"] == found["baldi-hornik-2.2"] == "yes"
    assert found["kawaguchi-2.3"] == found["kawaguchi-2.3-iv"] == found["kawaguchi-2.4-shallow"] == "yes"
    assert found["yun-2018-2.2"] == found["lu-kawaguchi"] == found["zhou-liang"] == found["achour"] == "yes"
    assert found["kawaguchi-2.4-deep"] == "no"
    assert found["laurent-von-brecht"] == found["yun-2018-2.1"] == found["yun-2019-general-loss"] == "no"
    assert found["kawaguchi-3.1"] == found["yun-2019-1"] == found["yun-2019-2"] == "no"
    assert found["kawaguchi-3.2"] == "undecided"
    assert "kawaguchi-kaelbling" not in found


def test_depth_two_moves_the_corollary_and_leaves_the_inner_rank_open():
    result = check(X3, Y3, (3, 2, 2, 3))
    found = applies(result)
    assert found["baldi-hornik-2.1"] == "no"
    assert because(result, "baldi-hornik-2.1") == {"one-hidden-layer"}
    assert found["baldi-hornik-2.2"] == found["kawaguchi-2.3"] == found["kawaguchi-2.4-deep"] == "yes"
    assert found["kawaguchi-2.3-iv"] == "undecided"
    assert because(result, "kawaguchi-2.3-iv") == {"inner-product-full-rank"}


@pytest.mark.parametrize(("hidden", "wide"), [((2,), True), ((1,), False), ((2, 1, 3), False), ((3, 2, 2), True)])
def test_the_wide_theorems_speak_exactly_without_a_bottleneck(hidden, wide):
    found = applies(check(X3, Y2, (3, *hidden, 2)))
    for name in ("laurent-von-brecht", "yun-2018-2.1", "yun-2019-general-loss"):
        assert found[name] == ("yes" if wide else "no")
    assert found["yun-2018-2.2"] == ("no" if wide else "yes")


def test_no_hidden_layer_is_no_deep_network():
    found = applies(check(X3, Y2, (3, 2)))
    assert found["kawaguchi-2.3"] == found["baldi-hornik-2.1"] == found["kawaguchi-2.4-deep"] == "no"
    assert found["laurent-von-brecht"] == found["lu-kawaguchi"] == "yes"


def test_without_widths_only_what_depends_on_them_is_open():
    found = applies(check(X3, Y3))
    assert found["kawaguchi-2.3"] == found["lu-kawaguchi"] == found["achour"] == "yes"
    for name in ("baldi-hornik-2.1", "laurent-von-brecht", "yun-2018-2.1", "kawaguchi-2.4-deep"):
        assert found[name] == "undecided"


@pytest.mark.parametrize(("further", "answer"), [(X3[:, :1], "undecided"), (np.zeros((12, 1)), "no")])
def test_a_copied_input_silences_every_theorem_that_inverts_the_covariance(further, answer):
    # no rounding tells a copy from a column that differs below it; a blank one is a matter of fact
    X = np.hstack([X3, further])
    assert exact_rank(X) == 3
    result = check(X, Y2, (4, 2, 2))
    found = applies(result)
    for name in ("kawaguchi-2.3", "lu-kawaguchi", "yun-2018-2.1", "achour", "kawaguchi-3.2"):
        assert found[name] == answer
        assert "xxt-full-rank" in because(result, name)
    assert found["laurent-von-brecht"] == found["zhou-liang"] == "yes"
    assert result.advice[0].startswith("Theorem 2.3 does not speak here.")
    assert "Drop constant, copied or redundant inputs" in result.advice[1]


def test_more_outputs_than_inputs_leave_lu_and_kawaguchi_who_need_only_full_row_ranks():
    Y = integers(12, 4, 3)
    assert exact_rank(X3) == 3
    assert exact_rank(Y) == 4
    result = check(X3, Y, (3, 3, 4))
    assert because(result, "kawaguchi-2.3") == {"dy-le-dx"}
    assert applies(result)["lu-kawaguchi"] == "yes"
    assert applies(result)["achour"] == "no"


def test_repeated_zero_singular_values_leave_theorem_2_2_of_yun_undecided():
    # With dy > dx + 1 the published condition can be read either way; with dy = dx + 1 zero is there once.
    for outputs, expected in ((4, "yes"), (5, "undecided"), (7, "undecided")):
        Y = integers(12, outputs, 3)
        assert exact_rank(X3.T @ Y) == 3
        result = check(X3, Y, (3, 2, outputs))
        assert applies(result)["yun-2018-2.2"] == expected
        if expected == "undecided":
            assert because(result, "yun-2018-2.2") == {"distinct-singular-values"}
            assert "distinct-eigenvalues" in because(result, "kawaguchi-2.3")


def test_what_was_not_read_never_applies():
    for widths in ((3, 2, 2), (3, 1, 2), (3, 1, 1, 2), (3, 2)):
        found = applies(check(X3, Y2, widths))
        assert "yes" not in {found[name] for name in ("zhu-soudry", "trager-non-filling", "bah", "arora-2019")}
        assert found["zhang"] == "yes"
        assert found["nouiehed-razaviyayn-deep"] == "yes"
        assert found["nouiehed-razaviyayn-shallow"] == ("yes" if len(widths) == 3 else "no")
        assert found["trager-filling"] == found["laurent-von-brecht"]


def test_whitened_inputs_are_never_proved_and_others_refuted():
    # Rows of a Hadamard matrix: X^T X = m I in exact integers.
    X = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    Y = integers(4, 2, 8)
    for scale, expected in ((1.0, "undecided"), (1.0 + 1e-9, "fails"), (1e-100, "fails"), (1e100, "fails")):
        findings = {finding.id: finding for finding in check(X * scale, Y, (2, 2, 2)).conditions}
        assert str(findings["whitened-data"].status) == expected
    assert because(check(X, Y, (2, 2, 2)), "arora-2019") == {"whitened-data", "balanced-start", "deficiency-margin"}
    assert because(check(X3, Y2, (3, 1, 2)), "arora-2019") == {"no-bottleneck", "whitened-data"}


def test_uncorrelated_output_breaks_xyt_but_not_y():
    # The last output is orthogonal to every input by construction: rank(X Y^T) = 1 while rank(Y) = 2.
    X = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])
    Y = np.array([[3, 0], [1, 0], [2, 0], [0, 5]])
    assert exact_rank(X.T @ Y) == 1
    assert exact_rank(Y) == 2
    result = check(X, Y, (2, 2, 2))
    assert applies(result)["lu-kawaguchi"] == "yes"
    assert because(result, "kawaguchi-2.3") == {"xyt-full-rank"}


def test_dependent_outputs_silence_lu_and_kawaguchi():
    Y = np.hstack([Y2, Y2[:, :1] + 2 * Y2[:, 1:]])
    assert exact_rank(Y) == 2
    result = check(X3, Y, (3, 3, 3))
    assert because(result, "lu-kawaguchi") == {"y-full-rank"}


def test_constant_output_counts_as_independent_unless_centred():
    Y = np.hstack([Y2[:, :1], np.full((12, 1), 4)])
    assert exact_rank(Y) == 2
    statuses = {
        bias: {finding.id: finding.status for finding in check(X3, Y, (3, 2, 2), bias=bias).conditions}
        for bias in (False, True)
    }
    assert statuses[False]["y-full-rank"] is Status.HOLDS
    assert statuses[True]["y-full-rank"] is Status.FAILS


def test_the_relu_theorem_needs_one_output_that_no_affine_model_fits():
    exact = X3 @ np.array([[1], [-2], [3]]) + 5
    noisy = exact + integers(12, 1, 9)
    widths = (3, 2, 1)
    result = check(X3, noisy, widths, bias=True)
    assert applies(result)["yun-2019-1"] == "yes"
    twice = check(np.vstack([X3, X3[:1]]), np.vstack([noisy, noisy[:1] + 1]), widths, bias=True)
    assert because(twice, "yun-2019-1") == {"distinct-samples"}
    assert applies(twice)["yun-2019-1"] == "no"
    assert "not-linearly-fittable" in because(check(X3, exact, widths, bias=True), "yun-2019-1")
    assert because(check(X3, noisy, (3, 1, 1), bias=True), "yun-2019-1") == {"two-hidden-units"}
    # Without the samples a linear residual says nothing about affine models.
    alone = {f.id: f for f in check_conditions(Data(X3, noisy).problem(bias=False), widths)}
    assert alone["not-linearly-fittable"].status == "undecided"
    assert applies(check(X3, noisy, widths))["yun-2019-1"] == "yes"


def test_too_few_samples_are_named():
    result = check(integers(2, 3, 5), integers(2, 2, 6), (3, 2, 2))
    assert {"enough-samples", "xxt-full-rank"} <= because(result, "yun-2018-2.1")


def test_no_advice_where_the_main_theorem_speaks():
    assert check(X3, Y2, (3, 2, 2)).advice == ()


def test_from_the_samples_themselves_the_relu_theorem_is_decided():
    exact = X3 @ np.array([1, -2, 3]) + 5
    noisy = exact + integers(12, 1, 9)[:, 0]
    widths = (3, 2, 1)
    assert len({tuple(row) for row in X3.tolist()}) == 12
    decided = {
        "noisy": lossurf.check(X3, noisy, widths),
        "affine": lossurf.check(X3, exact, widths),
        "repeated": lossurf.check(np.vstack([X3, X3[:1]]), np.append(noisy, 7), widths),
        "signed zeros": lossurf.check([[0.0], [-0.0], [1.0]], [1.0, 2.0, 4.0], (1, 2, 1)),
    }
    assert applies(decided["noisy"])["yun-2019-1"] == "yes"
    assert because(decided["affine"], "yun-2019-1") == {"not-linearly-fittable"}
    assert because(decided["repeated"], "yun-2019-1") == {"distinct-samples"}
    assert because(decided["signed zeros"], "yun-2019-1") == {"distinct-samples"}
    assert {str(applies(decided[name])["yun-2019-1"]) for name in ("repeated", "signed zeros")} == {"no"}
    assert applies(decided["affine"])["yun-2019-1"] == "undecided"  # a residual of rounding proves no exact fit
