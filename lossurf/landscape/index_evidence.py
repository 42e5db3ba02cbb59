"""What shows a Morse index to a third party: the ranks it follows from, and as many directions that all lead down.

A form that is negative definite on n independent directions has at least n negative squares, and the ranks say that
there are no more (theory, section 10).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from lossurf.landscape.hessian_bounds import hessian_bounds
from lossurf.landscape.inertia import RankTable
from lossurf.landscape.levels import root_resolution
from lossurf.landscape.node_network import DataErrors, NodeNetwork
from lossurf.landscape.parameter_hessian import ParameterHessian
from lossurf.landscape.type_test import TypeTest
from lossurf.landscape.verdict import IndexEvidence, Inertia, RankFinding
from lossurf.network import WhitenedNetwork, from_user, to_user
from lossurf.numerics import STABILITY_FACTOR, Matrix
from lossurf.reduction.problem import ReducedProblem

_LARGEST_ORDER: Final = 1000
"""Weights in whitened coordinates up to which all directions are computed: a dense Hessian of 8 MB, a second."""


def index_evidence(
    test: TypeTest, problem: ReducedProblem, inertia: Inertia, tau: float, *, directions: bool
) -> IndexEvidence | None:
    """Gather what the number of negative squares at a strict saddle follows from.

    Parameters
    ----------
    test : TypeTest
        In the gauge that decides.
    problem : ReducedProblem
    inertia : Inertia
        Found by that test at `tau`.
    tau : float
    directions : bool
        Whether directions are wanted too.

    Returns
    -------
    IndexEvidence or None
        None where errors of T decide a rank, which nobody can see without the data. Without directions for large
        networks, and where mapping them back through an ill-conditioned X leaves one of them in doubt.
    """
    resolution = root_resolution(problem)
    if resolution > tau:
        return None
    table = RankTable(test, problem, tau)
    ranks = tuple(
        RankFinding(layers, factor, int(np.count_nonzero(values > tau)), _margin(values, tau))
        for layers, factor, values in table.spectra()
    )
    found = _directions(test.network, problem, inertia.negative) if directions else None
    return IndexEvidence(inertia.negative, resolution, ranks, found)


def _margin(values: Matrix, tau: float) -> float | None:
    """How far the nearest of the tolerances at which a rank changes is from tau, as a ratio above 1; None: none is."""
    ratios = values[(values > 0.0) & np.isfinite(values)] / tau
    return float(np.min(np.maximum(ratios, 1.0 / ratios))) if ratios.size else None


def _directions(network: WhitenedNetwork, problem: ReducedProblem, count: int) -> tuple[Matrix, ...] | None:
    """Orthonormal directions (count, rows * columns) of every layer as stored; None where one is not surely down."""
    hessian = ParameterHessian(_as_nodes(network))
    if hessian.order > _LARGEST_ORDER or not count:
        return None
    vectors = np.linalg.eigh(hessian.dense())[1][:, :count].T
    stored = [to_user(network, _layers(vector, network), problem) for vector in vectors]
    whole = np.array([np.concatenate([V.ravel() for V in direction]) for direction in stored])
    if not np.isfinite(whole).all():
        return None
    sizes = np.max(np.abs(whole), axis=1, keepdims=True)
    basis = np.linalg.qr((whole / np.where(sizes > 0.0, sizes, 1.0)).T)[0].T
    parts = np.split(basis, np.cumsum([V.size for V in stored[0]])[:-1], axis=1)
    shapes = [V.shape for V in stored[0]]
    lead_down = _lead_down(
        hessian, network, problem, [[p[k].reshape(s) for p, s in zip(parts, shapes, strict=True)] for k in range(count)]
    )
    return tuple(parts) if lead_down else None


def _lead_down(
    hessian: ParameterHessian, network: WhitenedNetwork, problem: ReducedProblem, directions: Sequence[Sequence[Matrix]]
) -> bool:
    """Whether the form is negative definite on the directions as they are stored, above rounding."""
    whitened = [from_user(network, direction, problem) for direction in directions]
    rows = np.array([np.concatenate([V.ravel() for V in direction]) for direction in whitened])
    if not np.isfinite(rows).all():
        return False
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    form = rows @ np.array([hessian.apply(row) for row in rows]).T
    rounding = STABILITY_FACTOR * len(rows) * hessian_bounds(hessian).rounding
    lengths = np.sqrt(np.maximum(-np.diag(form), 0.0))
    if not np.min(lengths) > 0.0:
        return False
    scaled = form / np.outer(lengths, lengths)
    return bool(np.linalg.eigvalsh(scaled)[-1] + rounding / float(np.min(lengths)) ** 2 < 0.0)


def _as_nodes(network: WhitenedNetwork) -> NodeNetwork:
    """Read a whitened network, whose samples are the identity, as one in units of 1."""
    N = network.depth
    return NodeNetwork(
        units=(0,) * (N + 1),
        layers=network.layers,
        flat=0,
        nodes=tuple(network.below(k) for k in range(N + 1)),
        ones=np.zeros(network.target.shape[1]),
        deltas=(np.zeros((0, 0)), *(network.above(k).T @ network.residual for k in range(1, N + 1))),
        biased=(False,) * N,
        errors=DataErrors(0.0, 0.0, 0.0, 0.0),
    )


def _layers(vector: Matrix, network: WhitenedNetwork) -> list[Matrix]:
    parts = np.split(vector, np.cumsum([W.size for W in network.layers])[:-1])
    return [part.reshape(W.shape) for part, W in zip(parts, network.layers, strict=True)]
