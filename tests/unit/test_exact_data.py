"""Trusted channel: rationals of the stored numbers and 60-digit eigenvalues, which share nothing with us.

Random data sets of every stored type with means up to 1e15, collinear, constant and repeated columns and rows, exact
fits, read as they are, standardised, with an intercept, and centred for an output bias: what a report says may be
undecided, but never contradict the numbers, nor itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from exact_data import DTYPES, Truth, random_data, truth
from mpmath import mp

from lossurf.api.check import CheckResult, check
from lossurf.data import Data
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.tables.data import as_dataset
from lossurf.inputs.tables.prepare import prepared
from lossurf.landscape.classify import classify_network
from lossurf.reduction.problem import ReducedProblem


@dataclass(frozen=True)
class Case:
    """A data set as it was asked for, what is true of it, and what is said."""

    exact: Truth
    problem: ReducedProblem
    said: CheckResult

    @property
    def status(self):
        return {finding.id: str(finding.status) for finding in self.said.hypotheses}

    @property
    def resolved(self):
        """Whether nothing of X that varies was left out as rounding."""
        return self.problem.rank_x == self.exact.rank_x == self.problem.rank_bounds[0]


def case(seed):
    rng = np.random.default_rng([7, seed])
    changes = {name: bool(rng.integers(2)) for name in ("bias", "standardize", "intercept")}
    X, Y = random_data(rng, DTYPES[seed % len(DTYPES)])
    bias = changes["bias"]
    exact = truth(X, Y, **changes)
    del changes["bias"]
    data = Data.of(prepared(as_dataset(X, Y), **changes))
    return Case(exact, data.problem(bias=bias), check(data, bias=bias))


def says(status, *, holds, fails):
    """Whether a status agrees with the truth, or leaves it open."""
    return {"holds": holds, "fails": fails, "undecided": True}[status]


def assert_ranks(found):
    exact, problem, status = found.exact, found.problem, found.status
    full, wanted = exact.rank_x == problem.dx, min(problem.dx, problem.dy)
    assert says(status["xxt-full-rank"], holds=full, fails=not full)
    shown_full = problem.rank_x == problem.dx
    assert says(status["xxt-full-rank"], holds=shown_full, fails=not shown_full)  # no report contradicts itself
    assert exact.rank_x <= problem.rank_bounds[0]
    assert exact.rank_xy <= min(problem.rank_bounds)
    assert says(status["xyt-full-rank"], holds=exact.rank_xy == wanted, fails=exact.rank_xy < wanted)


def assert_distinct(found):
    values = [max(value, mp.mpf(0)) for value in found.exact.eigenvalues]
    tie = any(a - b <= mp.mpf(10) ** -45 * max(values[0], 1) for a, b in pairwise(values))
    assert says(found.status["distinct-eigenvalues"], holds=not tie, fails=tie)


def assert_within(values, errors, exact):
    """Hold values against the truth: their error bars and half a unit of float64's last place, which writing costs."""
    largest = max(float(abs(value)) for value in exact)
    for value, error, true in zip(values, errors, exact, strict=True):
        off = abs(mp.mpf(float(value)) - true)
        assert off <= float(error) + 2.0**-52 * abs(true) + 1e-40 * largest, (float(value), float(true), float(error))


def assert_no_contradiction(seed):
    found = case(seed)
    exact, problem, said = found.exact, found.problem, found.said
    assert_ranks(found)
    assert_distinct(found)
    if problem.rank_x == exact.rank_x:
        assert_within(said.loss_by_rank, said.loss_by_rank_error, exact.levels)
        assert_within(said.eigenvalues, said.eigenvalues_error, exact.eigenvalues)
    else:  # a matter of rounding, which the report then says
        assert problem.rank_x < problem.rank_bounds[0] or found.status["xxt-full-rank"] == "undecided"
    if found.resolved and np.all(problem.column_norms > 0.0):
        for weights in ([exact.P], [exact.P, np.eye(problem.dy)]):
            biases = None if exact.b is None else [None] * (len(weights) - 1) + [exact.b]
            result = classify_network(Checkpoint.of(weights, biases), problem)
            assert result.verdict in ("global-minimum", "undetermined"), (result.verdict, result.reason)


def assert_none_contradicts(seeds):
    for seed in seeds:
        try:
            assert_no_contradiction(seed)
        except AssertionError as error:
            raise AssertionError(f"data set {seed}") from error


@pytest.mark.parametrize("first", range(0, 250, 50))
def test_no_report_contradicts_the_stored_numbers(first):
    assert_none_contradicts(range(first, first + 50))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(250, 20_250, 1000))
def test_twenty_thousand_more(first):
    assert_none_contradicts(range(first, first + 1000))


def test_the_data_sets_are_of_every_kind():
    """The slice is no use if it never decides, or never has to leave anything open."""
    seen = {(name, status) for seed in range(120) for name, status in case(seed).status.items()}
    for name in ("xxt-full-rank", "xyt-full-rank", "distinct-eigenvalues"):
        assert {(name, "holds"), (name, "fails"), (name, "undecided")} <= seen
