"""Trusted channels: mpmath at 40 digits for values and second derivatives, and scipy's special functions."""

import math

import mpmath
import numpy as np
import pytest

from lossurf.errors import UsageError
from lossurf.nonlinear.spurious.activations import COUNTEREXAMPLES, PiecewiseLinear, piecewise_linear

with mpmath.workdps(40):
    SELU_SCALE, SELU_ALPHA = (
        mpmath.mpf("1.0507009873554804934193349852946"),
        mpmath.mpf("1.6732632423543772848170429916717"),
    )
TRUTH = {
    "sigmoid": lambda t: 1 / (1 + mpmath.exp(-t)),
    "tanh": mpmath.tanh,
    "arctan": mpmath.atan,
    "elu": lambda t: t if t > 0 else mpmath.expm1(t),
    "selu": lambda t: SELU_SCALE * (t if t > 0 else SELU_ALPHA * mpmath.expm1(t)),
    "softplus": lambda t: mpmath.log(1 + mpmath.exp(t)),
    "gelu": lambda t: t * mpmath.ncdf(t),
    "silu": lambda t: t / (1 + mpmath.exp(-t)),
    "relu": lambda t: max(t, mpmath.mpf(0)),
    "leaky-relu": lambda t: t if t > 0 else mpmath.mpf(0.01) * t,
}


@pytest.fixture(autouse=True)
def forty_digits():
    with mpmath.workdps(40):  # mpmath's own setting is shared by every test of a process
        yield


@pytest.mark.parametrize("name", sorted(COUNTEREXAMPLES))
@pytest.mark.parametrize("t", [-700.0, -30.0, -1.25, -1e-9, 0.0, 1e-9, 0.5, 40.0, 700.0])
def test_values_are_good_to_rounding(name, t):
    value, truth = COUNTEREXAMPLES[name].value(t), TRUTH[name](mpmath.mpf(t))
    # exp(t) and erfc(t) turn the rounding of t / sqrt(2) into |t| relative roundings, squared in the exponent for erfc
    assert abs(value - truth) <= 4e-16 * (2.0 + t * t) * abs(truth) + mpmath.mpf(1e-300)


@pytest.mark.parametrize("name", sorted(COUNTEREXAMPLES))
def test_convex_on_the_stated_interval_and_not_just_beyond(name):
    entry, h = COUNTEREXAMPLES[name], TRUTH[name]
    low, high = max(entry.convex_from, -40.0), min(entry.convex_to, 40.0)
    points = mpmath.linspace(low, high, 401)
    for left, middle, right in zip(points, points[1:], points[2:], strict=False):
        assert h(left) + h(right) - 2 * h(middle) >= -(mpmath.mpf(10) ** -35)
    step = mpmath.mpf("1e-3")
    for end, sign in ((entry.convex_to, 1), (entry.convex_from, -1)):
        if math.isfinite(end):
            t = mpmath.mpf(end) + sign * 2 * step
            assert h(t - step) + h(t + step) - 2 * h(t) < 0 or name == "selu"  # selu is linear beyond its kink
    if name == "selu":
        assert h(-step) + h(step) - 2 * h(mpmath.mpf(0)) < 0
    assert entry.convex_from < entry.bias < entry.convex_to


def test_piecewise_linear_by_name_and_by_slopes():
    t = np.array([-2.0, 0.0, 3.0])
    assert piecewise_linear("relu")(t).tolist() == [0.0, 0.0, 3.0]
    assert piecewise_linear("leaky-relu")(t).tolist() == [-0.02, 0.0, 3.0]
    assert piecewise_linear(slopes=(0.5, 2.0))(t).tolist() == [-4.0, 0.0, 1.5]
    assert piecewise_linear(slopes=(1.0, 0.0)).name == "relu"


@pytest.mark.parametrize("slopes", [(0.0, 1.0), (-1.0, 0.0), (1.0, -0.1), (1.0, 1.0), (math.inf, 0.0), (1.0, math.nan)])
def test_slopes_outside_the_theorem_are_refused(slopes):
    with pytest.raises(UsageError, match="ReLU-like"):
        PiecewiseLinear("h", *slopes)


def test_smooth_activations_are_sent_to_the_counterexample():
    with pytest.raises(UsageError, match="counterexample"):
        piecewise_linear("tanh")
