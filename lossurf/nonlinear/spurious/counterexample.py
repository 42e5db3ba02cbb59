"""Three samples on which a smooth network has a bad local minimum, for nearly any activation.

Yun, Sra & Jadbabaie 2019, Theorem 2. X = [[1, 0, 1/2], [0, 1, 1/2]], Y = [0, 0, 1]: no affine map fits, because the
third input lies midway between the others. The point W1 = 0, b1 = v, W2 = 1 / d1 has loss 1/3, and the certificate is
this: while h is convex on every unit's pre-activations and W2 >= 0, f(x3) <= (f(x1) + f(x2)) / 2, and no three numbers
with that inequality have a loss below 1/3.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from lossurf.errors import UsageError
from lossurf.nonlinear.spurious.activations import COUNTEREXAMPLES, Activation
from lossurf.nonlinear.spurious.minimum import Radius
from lossurf.nonlinear.spurious.shallow import ShallowNetwork
from lossurf.numerics import EPS, Matrix
from lossurf.words import SpuriousVerdict

INPUTS: Final = ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5))
TARGETS: Final = ((0.0,), (0.0,), (1.0,))
LINEAR_LOSS: Final = 1.0 / 3.0

_GRID: Final = (-2.0, -1.0, 0.0, 1.0, 2.0)  # pre-activations tried for the zero-loss point; any generic choice works

# Losses of points whose outputs are exactly representable up to this many roundings of numbers near 1 each.
_ROUNDINGS: Final = 64.0


@dataclass(frozen=True)
class Counterexample:
    """Theorem 2 for one activation and width.

    Attributes
    ----------
    activation : Activation
    hidden_width : int
    X, Y : ndarray, shapes (3, 2), (3, 1)
    verdict : SpuriousVerdict
    reason : str
    linear_loss, loss : float
        Loss of the best affine map, 1/3; and of `minimum`, computed.
    radius, relative_radius : float
        Any change of each unit's (w_j, b_j) and of each entry of W2 by at most this keeps the loss at 1/3 or above.
    convex_interval : (float, float)
        Where h is convex; the pre-activations stay inside.
    better_loss, drop, relative_drop : float or None
        Of the zero-loss point; None for one hidden unit.
    loss_error : float
        Bound of the rounding in the computed losses.
    minimum : ShallowNetwork
    better : ShallowNetwork or None
    """

    activation: Activation
    hidden_width: int
    X: Matrix
    Y: Matrix
    verdict: SpuriousVerdict
    reason: str
    linear_loss: float
    loss: float
    radius: float
    relative_radius: float
    convex_interval: tuple[float, float]
    better_loss: float | None
    drop: float | None
    relative_drop: float | None
    loss_error: float
    minimum: ShallowNetwork = field(repr=False)
    better: ShallowNetwork | None = field(repr=False)


def counterexample(name: str, hidden_width: int = 2) -> Counterexample:
    """Build Theorem 2's dataset, bad minimum with its certificate, and zero-loss point.

    Parameters
    ----------
    name : str
        One of `COUNTEREXAMPLES`.
    hidden_width : int
        d1; with one unit nothing is claimed about a lower loss.

    Returns
    -------
    Counterexample

    Raises
    ------
    UsageError
        If the activation is unknown or the width below 1.
    """
    if name not in COUNTEREXAMPLES:
        raise UsageError(
            f"no counterexample is known for '{name}'",
            where="counterexample",
            remedy=f"choose one of {', '.join(COUNTEREXAMPLES)}",
        )
    if hidden_width < 1:
        raise UsageError(
            f"a hidden width of {hidden_width} is no network", where="hidden width", remedy="give a width of at least 1"
        )
    activation = COUNTEREXAMPLES[name]
    X, Y = np.array(INPUTS), np.array(TARGETS)
    minimum = _bad_minimum(activation, hidden_width)
    better = _zero_loss_point(activation, hidden_width) if hidden_width >= 2 else None
    loss, radius = minimum.loss(X, Y, activation), _radius(activation, minimum)
    better_loss = None if better is None else better.loss(X, Y, activation)
    drop = None if better_loss is None else loss - better_loss
    error = _ROUNDINGS * EPS * max(1.0, *(float(np.max(np.abs(n.W2))) for n in (minimum, better or minimum)))
    return Counterexample(
        activation=activation,
        hidden_width=hidden_width,
        X=X,
        Y=Y,
        verdict=SpuriousVerdict.SPURIOUS if drop is not None and drop > error else SpuriousVerdict.UNDECIDED,
        reason=_REASONS[drop is not None],
        linear_loss=LINEAR_LOSS,
        loss=loss,
        radius=radius.value,
        relative_radius=radius.relative,
        convex_interval=(activation.convex_from, activation.convex_to),
        better_loss=better_loss,
        drop=drop,
        relative_drop=None if drop is None else drop / loss,
        loss_error=error,
        minimum=minimum,
        better=better,
    )


_REASONS: Final = {
    True: "a local minimum by convexity of the activation on its pre-activations, and another network of this width "
    "fits the three samples",
    False: "local minimum verified, spuriousness undecided: the theorem claims a zero-loss point for two or more units",
}


def _bad_minimum(activation: Activation, hidden_width: int) -> ShallowNetwork:
    v = activation.bias
    return ShallowNetwork(
        W1=np.zeros((hidden_width, 2)),
        b1=np.full(hidden_width, v),
        W2=np.full((1, hidden_width), 1.0 / hidden_width),
        b2=np.array([1.0 / 3.0 - activation.value(v)]),
    )


def _radius(activation: Activation, network: ShallowNetwork) -> Radius:
    """Radius in each unit's (w_j, b_j) and in each entry of W2; both must stay where the inequality holds.

    A change of (w_j, b_j) by d moves a pre-activation by at most ||d|| ||(x, 1)||, and W2 stays positive while its
    entries move by less than they are.
    """
    reach = max(math.hypot(*x, 1.0) for x in INPUTS)
    value = min(activation.margin / reach, float(np.min(network.W2))) * (1.0 - _ROUNDINGS * EPS)
    largest = max(float(np.max(np.abs(network.b1))), float(np.max(network.W2)))
    return Radius(value, value / largest)


def _zero_loss_point(activation: Activation, hidden_width: int) -> ShallowNetwork:
    """Two units with pre-activations p at x1, q at x2 and so (p + q) / 2 at x3; u makes f(x1) = f(x2) = 0, f(x3) = 1.

    Of a grid of choices, the one whose output weights are smallest.
    """
    best: tuple[float, Matrix, Matrix] | None = None
    for first, second, third in itertools.product(_GRID, repeat=3):
        p, q = np.array([first, second]), np.array([third, -first])
        u = _output_weights(activation, p, q)
        if u is not None and (best is None or np.linalg.norm(u) < best[0]):
            best = float(np.linalg.norm(u)), np.column_stack([p, q]), u
    assert best is not None, activation.name
    _, W1, u = best
    bias = -float(u @ activation(W1[:, 0]))
    spare = hidden_width - 2
    return ShallowNetwork(
        W1=np.vstack([W1, np.zeros((spare, 2))]),
        b1=np.zeros(hidden_width),
        W2=np.append(u, np.zeros(spare))[None, :],
        b2=np.array([bias]),
    )


def _output_weights(activation: Activation, p: Matrix, q: Matrix) -> Matrix | None:
    at_p, at_q, between = activation(p), activation(q), activation((p + q) / 2.0)
    u = np.array([-(at_p[1] - at_q[1]), at_p[0] - at_q[0]])
    rise = float(u @ (between - at_p))
    return None if abs(rise) <= np.sqrt(EPS) * float(np.linalg.norm(u)) else u / rise
