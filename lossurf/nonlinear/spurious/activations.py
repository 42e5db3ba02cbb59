"""Activation functions: the piecewise linear ones that give every dataset a spurious minimum, and the smooth ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from lossurf.errors import UsageError
from lossurf.numerics import Matrix


@dataclass(frozen=True)
class PiecewiseLinear:
    """h(t) = s+ max(t, 0) + s- min(t, 0), the activations of Yun, Sra & Jadbabaie 2019, Theorem 1.

    Attributes
    ----------
    name : str
    positive, negative : float
        The slopes s+ > 0 and s- >= 0, unequal.
    """

    name: str
    positive: float
    negative: float

    def __post_init__(self) -> None:
        s, t = self.positive, self.negative
        if not (math.isfinite(s) and math.isfinite(t) and s > 0.0 and t >= 0.0 and s != t):
            raise UsageError(
                f"slopes ({s:g}, {t:g}) do not make a ReLU-like activation",
                where="slopes",
                remedy="give s+ > 0 and s- >= 0 that differ, for example 1,0 (ReLU) or 1,0.01 (leaky ReLU)",
            )

    @property
    def slopes(self) -> tuple[float, float]:
        """(s+, s-)."""
        return self.positive, self.negative

    def __call__(self, t: Matrix) -> Matrix:
        """Apply h entrywise."""
        return np.asarray(self.positive * np.maximum(t, 0.0) + self.negative * np.minimum(t, 0.0))


@dataclass(frozen=True)
class Activation:
    """An activation of Theorem 2's counterexample (Yun, Sra & Jadbabaie 2019).

    Attributes
    ----------
    name : str
    value : callable
        h of one number.
    bias : float
        v, the hidden bias of the bad point.
    convex_from, convex_to : float
        An interval around v on which h is convex.
    """

    name: str
    value: Callable[[float], float]
    bias: float
    convex_from: float
    convex_to: float

    def __call__(self, t: Matrix) -> Matrix:
        """Apply h entrywise."""
        flat = np.array([self.value(float(number)) for number in np.ravel(t)])
        return flat.reshape(np.shape(t))

    @property
    def margin(self) -> float:
        """How far every pre-activation may move from v before h stops being convex; inf where it never does."""
        return min(self.bias - self.convex_from, self.convex_to - self.bias)


def _sigmoid(t: float) -> float:
    if t >= 0.0:
        return 1.0 / (1.0 + math.exp(-t))
    return math.exp(t) / (1.0 + math.exp(t))


def _elu(t: float) -> float:
    return t if t > 0.0 else math.expm1(t)


_SELU_SCALE: Final = 1.0507009873554805  # Klambauer et al. 2017, "Self-normalizing neural networks"
_SELU_ALPHA: Final = 1.6732632423543772


def _selu(t: float) -> float:
    return _SELU_SCALE * (t if t > 0.0 else _SELU_ALPHA * math.expm1(t))


def _softplus(t: float) -> float:
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))


def _gelu(t: float) -> float:
    return 0.5 * t * math.erfc(-t / math.sqrt(2.0))


def _silu(t: float) -> float:
    return t * _sigmoid(t)


_LEAKY_SLOPE: Final = 0.01  # torch.nn.LeakyReLU's default

PIECEWISE_LINEAR: Final = {"relu": (1.0, 0.0), "leaky-relu": (1.0, _LEAKY_SLOPE)}
"""Slopes (s+, s-) of the activations with a name."""

# Where h'' >= 0: sigmoid, tanh and arctan left of 0; selu left of the kink at 0, whose slope falls there; gelu'' has
# the sign of 2 - t^2; silu'' that of 2 - t tanh(t / 2), zero at 2.39935...; elu, softplus and the ReLUs everywhere.
_EVERYWHERE: Final = (-math.inf, math.inf)
_SILU_INFLECTION: Final = 2.399

COUNTEREXAMPLES: Final = {
    entry.name: entry
    for entry in (
        Activation("sigmoid", _sigmoid, -1.0, -math.inf, 0.0),
        Activation("tanh", math.tanh, -0.7, -math.inf, 0.0),
        Activation("arctan", math.atan, -0.6, -math.inf, 0.0),
        Activation("elu", _elu, -1.0, *_EVERYWHERE),
        Activation("selu", _selu, -1.0, -math.inf, 0.0),
        Activation("softplus", _softplus, 0.0, *_EVERYWHERE),
        Activation("gelu", _gelu, 0.0, -math.sqrt(2.0), math.sqrt(2.0)),
        Activation("silu", _silu, 0.0, -_SILU_INFLECTION, _SILU_INFLECTION),
        Activation("relu", lambda t: max(t, 0.0), 0.5, *_EVERYWHERE),
        Activation("leaky-relu", lambda t: t if t > 0.0 else _LEAKY_SLOPE * t, 0.5, *_EVERYWHERE),
    )
}
"""The activations `--counterexample` knows."""


def piecewise_linear(name: str = "relu", slopes: tuple[float, float] | None = None) -> PiecewiseLinear:
    """Look up a ReLU-like activation, or make one from its slopes.

    Parameters
    ----------
    name : str
        "relu" or "leaky-relu"; what to call the activation where `slopes` are given.
    slopes : (float, float), optional
        (s+, s-), in place of the named activation's.

    Returns
    -------
    PiecewiseLinear

    Raises
    ------
    UsageError
        If the name is unknown or the slopes are not s+ > 0, s- >= 0, s+ != s-.
    """
    if slopes is not None:
        named = [known for known, values in PIECEWISE_LINEAR.items() if values == tuple(slopes)]
        return PiecewiseLinear(named[0] if named else "piecewise-linear", float(slopes[0]), float(slopes[1]))
    if name not in PIECEWISE_LINEAR:
        raise UsageError(
            f"'{name}' is not one of {', '.join(PIECEWISE_LINEAR)}, which are spurious on any data",
            where="activation",
            remedy="give its slopes if it is piecewise linear, or ask for the counterexample of a smooth one",
        )
    return PiecewiseLinear(name, *PIECEWISE_LINEAR[name])
