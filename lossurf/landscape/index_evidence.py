"""What shows a Morse index to a third party: the ranks it follows from, and as many directions that all lead down.

A form that is negative definite on n independent directions has at least n negative squares, and the ranks say that
there are no more (theory, section 10).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from lossurf.landscape.inertia import RankTable
from lossurf.landscape.levels import root_resolution
from lossurf.landscape.node_network import DataErrors, NodeNetwork
from lossurf.landscape.parameter_hessian import ParameterHessian
from lossurf.landscape.type_test import TypeTest
from lossurf.landscape.verdict import IndexEvidence, Inertia, RankFinding
from lossurf.network import WhitenedNetwork, to_user
from lossurf.numerics import EPS, Matrix
from lossurf.reduction.problem import ReducedProblem

_LARGEST_ORDER: Final = 2000
"""Weights in whitened coordinates up to which all directions are computed: a dense Hessian of 32 MB, ten seconds."""

NO_DIRECTIONS: Final = (
    "the certificate holds no directions that all lead down: they are written for up to 2,000 weights, and where the "
    "layers as they are stored leave none of them in doubt"
)

_ROUNDINGS: Final = 10.0
"""Of the terms of the form that a definite one stands clear of: `verify` asks for 4, from terms that it sums itself."""


def index_evidence(
    test: TypeTest, problem: ReducedProblem, inertia: Inertia, tau: float, *, weights: Sequence[Matrix] | None
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
    weights : sequence of ndarray, or None
        The layers as stored, where directions are wanted too.

    Returns
    -------
    IndexEvidence or None
        None where errors of T decide a rank, which nobody can see without the data. Without directions for large
        networks, and where the layers as they are stored leave one of them in doubt.
    """
    resolution = root_resolution(problem)
    if resolution > tau:
        return None
    table = RankTable(test, problem, tau)
    ranks = tuple(
        RankFinding(layers, factor, int(np.count_nonzero(values > tau)), _margin(values, tau))
        for layers, factor, values in table.spectra()
    )
    found = None if weights is None else _directions(test.network, problem, weights, inertia.negative)
    return IndexEvidence(inertia.negative, resolution, ranks, found)


def _margin(values: Matrix, tau: float) -> float | None:
    """How far the nearest of the tolerances at which a rank changes is from tau, as a ratio above 1; None: none is."""
    ratios = values[(values > 0.0) & np.isfinite(values)] / tau
    return float(np.min(np.maximum(ratios, 1.0 / ratios))) if ratios.size else None


def _directions(
    network: WhitenedNetwork, problem: ReducedProblem, weights: Sequence[Matrix], count: int
) -> tuple[Matrix, ...] | None:
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
    return tuple(parts) if _lead_down(problem, weights, parts) else None


def _lead_down(problem: ReducedProblem, weights: Sequence[Matrix], rows: Sequence[Matrix]) -> bool:
    """Whether whoever has the stored layers and directions alone sees that the form is negative definite on them.

    They multiply the layers as they are stored, where a first layer that X hardly sees, or one that another takes back,
    makes terms far larger than their sum: the rounding of the form is a share of its terms and not of itself.
    """
    R, T = problem.column_norms[:, None] * problem.whitening, problem.target
    layers = [weights[0] / problem.scale, *weights[1:]]
    count = len(rows[0])
    with np.errstate(all="ignore"):
        moves = [[part[p].reshape(W.shape) for part, W in zip(rows, layers, strict=True)] for p in range(count)]
        moves = [[move[0] / problem.scale, *move[1:]] for move in moves]
        form = _form(layers, moves, R, -T)
        terms = _form([np.abs(W) for W in layers], [[np.abs(V) for V in move] for move in moves], np.abs(R), np.abs(T))
        lengths = np.sqrt(np.maximum(-np.diag(form), 0.0))
        if not (np.isfinite(form).all() and np.isfinite(terms).all() and np.min(lengths) > 0.0):
            return False
        scaled, order = np.outer(lengths, lengths), sum(W.shape[1] for W in layers) + sum(T.shape)
        error = _ROUNDINGS * order * EPS * float(np.linalg.norm(terms / scaled))
        return bool(np.linalg.eigvalsh(form / scaled)[-1] + error < 0.0)


def _form(layers: Sequence[Matrix], moves: Sequence[Sequence[Matrix]], R: Matrix, minus_T: Matrix) -> Matrix:
    """V^T H V' of 1/2 ||W_N ... W_1 R - T||^2 for all pairs of directions.

    With the absolute values of everything, T's added, it is the sum of the sizes of the terms.
    """
    below = [R]
    for W in layers:
        below.append(W @ below[-1])
    images = [_image(layers, move, below, below[-1] + minus_T) for move in moves]
    flat = [np.array([np.concatenate([V.ravel() for V in each]) for each in one]) for one in (moves, images)]
    form = flat[0] @ flat[1].T
    return np.asarray(0.5 * (form + form.T))


def _image(layers: Sequence[Matrix], move: Sequence[Matrix], below: Sequence[Matrix], E: Matrix) -> list[Matrix]:
    """H V by layers: the change of the gradient above^T E below^T of every layer, to first order."""
    along = [0.0 * below[0]]
    for W, V, product in zip(layers, move, below[:-1], strict=True):
        along.append(W @ along[-1] + V @ product)
    change, found = along[-1], []
    for W, V, product, moved in zip(layers[::-1], move[::-1], below[-2::-1], along[-2::-1], strict=True):
        found.append(change @ product.T + E @ moved.T)
        change, E = W.T @ change + V.T @ E, W.T @ E
    return found[::-1]


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
