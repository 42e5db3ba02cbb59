"""Evidence for a verdict that a third party can check with a few matrix products (theory, section 5)."""

from __future__ import annotations

import numpy as np

from lossurf.landscape.descent import Descent
from lossurf.landscape.levels import best_loss, next_level
from lossurf.landscape.staircase import innermost, outermost
from lossurf.landscape.type_test import TypeTest
from lossurf.landscape.verdict import Certificate, Stair
from lossurf.numerics import frobenius_norm
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import CertificateKind


def strict_certificate(descent: Descent, problem: ReducedProblem, *, margin: float) -> Certificate:
    """Return the certificate of a strict saddle in the caller's coordinates and units."""
    size = frobenius_norm(*descent.mapped)
    return Certificate(
        kind=descent.span.kind,
        margin=margin,
        curvature=descent.curvature,
        loss_decrease=descent.decrease * problem.scale**2,
        step=descent.step,
        layers=descent.span.layers,
        direction=tuple(V / size for V in descent.mapped),
    )


def bad_saddle_certificate(test: TypeTest, rank: int, tau: float) -> Certificate:
    """Return the staircase: the pairs of layers from which every other pair follows, each with what vanishes."""
    sensitivity = test.sensitivity
    linked = sensitivity.block_ratios > tau
    blind = np.tril(~linked, -1)
    blind[:, 0] = False  # layers count from 1
    stairs = [
        Stair(pair, "residual", sensitivity.block_norm(*pair), tau * sensitivity.block_change(*pair))
        for pair in outermost(blind)
    ] + [
        Stair(pair, "product", test.singular_value_beyond(*pair, rank), tau * sensitivity.change(*pair))
        for pair in innermost(linked)
    ]
    strict_below = float(test.strict_below(rank))
    return Certificate(
        kind=CertificateKind.STAIRCASE,
        margin=float(tau) / strict_below if strict_below > 0.0 else None,
        staircase=tuple(sorted(stairs, key=lambda stair: stair.layers)),
    )


def minimum_certificate(problem: ReducedProblem, rank_max: int, gap: float) -> Certificate:
    """Return the gap L - L* against the distance from L* to the next critical value."""
    following = next_level(problem, rank_max)
    distance = None if following is None else following - best_loss(problem, rank_max)
    return Certificate(
        kind=CertificateKind.GAP,
        margin=distance / gap if distance is not None and gap > 0.0 else None,
        next_level=following,
    )


def gradient_certificate(test: TypeTest, tau: float) -> Certificate:
    """Return the layer with the largest relative gradient."""
    k = int(np.argmax(test.layer_gradients)) + 1
    return Certificate(kind=CertificateKind.GRADIENT, margin=test.gradient / tau, layers=(k, k))
