"""What two gauges say together, and when there are two.

Independent channel: the table of theory, section 6a, written out, and weights on Y = X that are their own size.
"""

from __future__ import annotations

from math import inf
from types import SimpleNamespace

import numpy as np
import pytest

from lossurf.landscape.reading import Reading, read_point
from lossurf.landscape.type_test import Step
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem
from lossurf.words import Verdict

MOVES, MINIMUM, STRICT, BAD, OPEN = (
    Verdict.NOT_CRITICAL,
    Verdict.GLOBAL_MINIMUM,
    Verdict.STRICT_SADDLE,
    Verdict.BAD_SADDLE,
    Verdict.UNDETERMINED,
)


class Says:
    """A type test that says one verdict after another as the tolerance grows."""

    def __init__(self, *verdicts, at=(), layer=1.0):
        ends = [0.0, *at, inf]
        self.steps = [Step(*piece) for piece in zip(verdicts, ends[:-1], ends[1:], strict=True)]
        self.network = SimpleNamespace(layers=(np.array([[layer]]), np.ones((1, 1))))

    def step(self, tau):
        found = next(step for step in self.steps if step.start <= tau < step.stop)
        return found, None, None

    def verdict(self, tau):
        return self.step(tau)[0].verdict


@pytest.mark.parametrize(
    ("balanced", "stored", "together"),
    [
        (BAD, BAD, BAD),
        (STRICT, MOVES, MOVES),  # a gradient of the weights as they are is a fact
        (MINIMUM, MOVES, MOVES),
        (MOVES, STRICT, STRICT),
        (MINIMUM, STRICT, STRICT),  # negative curvature in either decides
        (STRICT, BAD, STRICT),
        (STRICT, OPEN, STRICT),
        (BAD, MINIMUM, OPEN),  # any other difference is open
        (MOVES, BAD, OPEN),
        (OPEN, BAD, OPEN),
    ],
)
def test_two_gauges_speak_with_one_voice(balanced, stored, together):
    reading = Reading((Says(balanced), Says(stored)))
    assert reading.verdict(1e-8) is together
    said = reading.deciding(1e-8).verdict(1e-8)
    assert said is (together if together in (balanced, stored) else balanced)


def test_beside_a_zero_the_scale_that_makes_a_gradient_is_nobody_s():
    for stored in (STRICT, BAD, MINIMUM):
        assert Reading((Says(MOVES, layer=0.0), Says(stored, layer=0.0))).verdict(1e-8) is OPEN
    assert Reading((Says(STRICT, layer=0.0), Says(MOVES, layer=0.0))).verdict(1e-8) is MOVES


def test_a_step_ends_where_the_two_together_change():
    reading = Reading((Says(MOVES, STRICT, MINIMUM, at=(0.125, 0.5)), Says(MOVES, BAD, MINIMUM, at=(0.25, 0.5))))
    assert reading.step(0.1) == (Step(MOVES, 0.0, 0.25), None, STRICT)
    assert reading.step(0.3) == (Step(STRICT, 0.25, 0.5), MOVES, MINIMUM)
    assert reading.step(0.7) == (Step(MINIMUM, 0.5, inf), STRICT, None)


def problem_of(X, Y, **options):
    return reduced_problem(reduce_blocks([(X, Y)], X.shape[1], Y.shape[1]), **options)


X = np.array([[3.0], [4.0]])


@pytest.mark.parametrize(("sizes", "gauges"), [((0.1, 0.11), 1), ((0.1, 0.09), 2), ((0.009,), 1), ((0.0, 5.0), 2)])
def test_a_product_above_a_hundredth_of_t_fixes_the_scales(sizes, gauges):
    weights = [np.array([[size]]) for size in sizes]
    assert len(read_point(weights, problem_of(X, X)).tests) == gauges


def test_the_largest_rank_is_that_of_the_narrowest_layer_inputs_included():
    wide = [np.ones((3, 1)), np.ones((2, 3)), np.ones((2, 2))]
    assert read_point(wide, problem_of(X, np.hstack([X, X]))).balanced.rank_max == 1


def test_half_the_square_of_the_mean_residual_is_part_of_the_loss():
    # x = -1, 1 and y = x + 3 with the bias 3.5: 1/2 from each of two samples, ||T|| = sqrt(2)
    x = np.array([[-1.0], [1.0]])
    reading = read_point([np.ones((1, 1))], problem_of(x, x + 3.0, bias=True), biases=[np.array([3.5])])
    assert reading.balanced.excess == pytest.approx(0.5 * (0.5**2 + 0.5**2) / 2.0)
