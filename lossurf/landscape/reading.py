"""From stored weights to the type tests that judge them: one in each gauge that the weights can be read in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, nextafter

import numpy as np

from lossurf.landscape.bias import MeanResidual, mean_residual
from lossurf.landscape.projection import projection_of
from lossurf.landscape.sensitivity import Sensitivity
from lossurf.landscape.type_test import Step, TypeTest
from lossurf.network import Gauge, whiten
from lossurf.numerics import LARGEST_TOLERANCE, Matrix
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import Verdict


@dataclass(frozen=True)
class Reading:
    """The type test in every gauge the weights can be read in, and the step function of all together.

    Attributes
    ----------
    tests : tuple of TypeTest
        Balanced first; then, where the product is nearly zero and fixes no scale between the layers, as stored.
    """

    tests: tuple[TypeTest, ...]

    @property
    def balanced(self) -> TypeTest:
        """The test on layers of equal spectral norms."""
        return self.tests[0]

    def verdict(self, tau: float) -> Verdict:
        """Return the verdict that the gauges give together.

        A gradient that is not zero as the weights are stored is a fact about the weights. Otherwise a direction of
        negative curvature decides, in whichever gauge it is found: it is verified before it is believed. Gauges that
        differ about anything else leave the verdict open (theory, section 6a). So do they about a gradient beside an
        exact zero: the scale of the other layers, which makes it small, is then no more theirs than any other.
        """
        verdicts = [test.verdict(tau) for test in self.tests]
        if len(set(verdicts)) == 1 or verdicts[-1] is Verdict.NOT_CRITICAL:
            return verdicts[-1]
        if verdicts[0] is Verdict.NOT_CRITICAL and self._scale_is_free:
            return Verdict.UNDETERMINED
        return Verdict.STRICT_SADDLE if Verdict.STRICT_SADDLE in verdicts else Verdict.UNDETERMINED

    @cached_property
    def _scale_is_free(self) -> bool:
        return not all(np.any(W) for W in self.balanced.network.layers)

    def deciding(self, tau: float) -> TypeTest:
        """Return the test that gives the verdict at tau, the balanced one first."""
        verdict = self.verdict(tau)
        return next((test for test in self.tests if test.verdict(tau) is verdict), self.balanced)

    def step(self, tau: float) -> tuple[Step, Verdict | None, Verdict | None]:
        """Return the step of the verdict that contains tau, and the verdicts below and above it (None: no end)."""
        here = self.verdict(tau)
        start, below = tau, None
        while start > 0.0:
            start = max(test.step(start)[0].start for test in self.tests)
            if start > 0.0 and (below := self.verdict(before := nextafter(start, 0.0))) is not here:
                break
            start, below = (before, None) if start > 0.0 else (0.0, None)
        stop, above = tau, None
        while stop < inf:
            stop = min(test.step(stop)[0].stop for test in self.tests)
            if stop < inf and (above := self.verdict(stop)) is not here:
                break
            above = None
        return Step(here, start, stop), below, above


def read_point(
    weights: Sequence[Matrix],
    problem: ReducedProblem,
    *,
    biases: Sequence[Matrix | None] | None = None,
    tau: float = 1e-8,
) -> Reading:
    """Whiten a network and set up its type tests.

    Parameters
    ----------
    weights : sequence of ndarray
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}), finite float64.
    problem : ReducedProblem
        Centred exactly when the network has an output bias.
    biases : sequence of ndarray or None, optional
        One per layer, shape (d_k,).
    tau : float
        Tolerance at which the verdict will be asked for: what is far below it may be known by bounds only.

    Returns
    -------
    Reading

    Notes
    -----
    A product above the largest tolerance, ||T|| = 1, is more than a relative change of the layers may take away: it
    fixes their scales, and the balanced reading is the only one.
    """
    mean = mean_residual(weights, biases, problem) if problem.bias else MeanResidual(0.0, 0.0)
    balanced = _test(weights, problem, mean, Gauge.BALANCED, tau)
    fixed = balanced.product_singular_values.max(initial=0.0) > LARGEST_TOLERANCE
    if fixed or balanced.network.depth == 1:
        return Reading((balanced,))
    return Reading((balanced, _test(weights, problem, mean, Gauge.STORED, tau)))


def _test(weights: Sequence[Matrix], problem: ReducedProblem, mean: MeanResidual, gauge: Gauge, tau: float) -> TypeTest:
    network = whiten(weights, problem, gauge=gauge)
    return TypeTest(
        problem,
        Sensitivity(network, projection_of(network.product, problem, tau), tau),
        rank_max=min(problem.dx, *(W.shape[0] for W in weights)),
        mean_excess=0.5 * mean.norm**2,
        mean_gradient=mean.measure,
    )
