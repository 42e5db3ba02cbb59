"""A network some of whose layers are frozen: what the loss sees of the others, and what kind of point that is.

Frozen first layers map the data, X' = F X. Of frozen last ones A = U S V^T the loss sees U^T Y, and the trained layer
below as S V^T W; the rest of Y is a constant (Friedland & Torokhti 2007, "Generalized rank-constrained matrix
approximations"). A frozen block M = U S V^T in between leaves U S^(1/2) to the layer above and S^(1/2) V^T to the one
below. Each trained layer is thus seen through a linear surjection: the gradient vanishes in one if in the other, the
Hessian's signs are the same, and every further trained parameter is flat.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import groupby
from typing import Final

import numpy as np

from lossurf.data import Data
from lossurf.errors import UsageError
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.faults import fault, hint, listing
from lossurf.landscape.classify import classify_network
from lossurf.landscape.verdict import Classification
from lossurf.numerics import EPS, Matrix, default_tolerance, frobenius_norm, numerical_rank, rank_threshold
from lossurf.reduction import changes
from lossurf.reduction.problem import ReducedProblem, reduced_problem
from lossurf.reduction.triangle import Triangle

_LARGEST: Final = 1e150  # of an entry of a frozen product: what is below multiplies into the layers within float64


@dataclass(frozen=True)
class Block:
    """Frozen layers in a row, multiplied: U S V^T of numerical rank rho.

    Attributes
    ----------
    product, sizes : ndarray, shape (outputs, inputs)
        The product, and that of the absolute values, which its rounding is a share of.
    u, s, vt : ndarray, shapes (outputs, rho), (rho,), (rho, inputs)
    order : int
        n of the bound n eps of their rounding, relative to ||product of sizes||.
    """

    product: Matrix
    sizes: Matrix
    u: Matrix
    s: Matrix
    vt: Matrix
    order: int

    @property
    def turned(self) -> float:
        """Bound of the sine of the angle by which rounding turns the column space; 0 where that is the whole space."""
        rows, rank = self.u.shape
        return 0.0 if rows == rank else min(self.order * EPS * float(np.linalg.norm(self.sizes) / self.s[-1]), 1.0)


@dataclass(frozen=True)
class SeenNetwork:
    """The trained layers as the loss sees them, and the data they are seen on.

    Attributes
    ----------
    checkpoint : Checkpoint
        The trained layers alone, each times what is frozen beside it.
    problem : ReducedProblem
        Its residual holds what frozen last layers cannot reach of Y.
    stretch : float
        A relative change of the stored layers is at most this times as large in those that are seen.
    rank_limit : int
        Rank of the frozen first layers; the width of X without.
    unseen : int
        How many trained parameters are flat because a frozen layer is of lower rank than its width.
    """

    checkpoint: Checkpoint
    problem: ReducedProblem
    stretch: float
    rank_limit: int
    unseen: int


def classify_frozen(
    checkpoint: Checkpoint, data: Data, frozen: Sequence[str], *, tolerance: float | None = None
) -> Classification:
    """Decide what kind of point of the squared loss the layers that are not frozen are at.

    Parameters
    ----------
    checkpoint : Checkpoint
        As the loss sees its outputs (`Data.seen`).
    data : Data
    frozen : sequence of str
        Names of the layers that are not trained; their biases are not either.
    tolerance : float, optional
        tau, of the layers as they are seen; by default that of the coarsest trained dtype times `SeenNetwork.stretch`.

    Returns
    -------
    Classification
        Losses are those of the whole network, the inertia is over the trained parameters as they are stored.

    Raises
    ------
    UsageError
        If a name is not a layer's, or all layers are frozen.
    InputError
        If the frozen layers' product is zero, a bias between them has no exact reduction, or the loss leaves the range
        of float64.
    """
    names = tuple(dict.fromkeys(frozen))
    _require_known(names, checkpoint)
    seen = _seen_network(checkpoint, data, names)
    found = classify_network(
        seen.checkpoint,
        seen.problem,
        tolerance=tolerance or min(default_tolerance(list(seen.checkpoint.dtypes)) * seen.stretch, 1.0),
    )
    inertia = found.inertia
    return replace(
        found,
        layers=checkpoint.layers,
        mse=2.0 * found.loss / (seen.problem.samples * data.dy),
        rank_max=min(found.rank_max, seen.rank_limit),
        inertia=None if inertia is None else replace(inertia, zero=inertia.zero + seen.unseen),
        balance=(),  # what gradient flow keeps is another difference where a frozen layer lies between
        frozen=names,
    )


def _require_known(names: Sequence[str], checkpoint: Checkpoint) -> None:
    for name in names:
        if name not in checkpoint.layer_names:
            remedy = f"{hint(name, checkpoint.layer_names)}its layers are {listing(checkpoint.layer_names)}"
            raise UsageError(f"{checkpoint.name} has no layer '{name}' to freeze", where="--frozen", remedy=remedy)
    if len(names) == len(checkpoint.layer_names):
        raise UsageError(
            "all layers are frozen, and no parameter is left to judge",
            where="--frozen",
            remedy="name those that were not trained; `lossurf check` gives the least loss of a network",
        )


def _seen_network(checkpoint: Checkpoint, data: Data, names: Sequence[str]) -> SeenNetwork:
    held = [name in names for name in checkpoint.layer_names]
    first, last = held.index(False), len(held) - held[::-1].index(False)  # of the trained ones
    _require_foldable(checkpoint, held, first, last)
    blocks = dict(_blocks(checkpoint, held))
    triangle, rank_limit = data.reduce(), data.dx
    if first:
        block = blocks[0]
        triangle = changes.with_inputs_mapped(triangle, block.product, block.sizes, _pushed(checkpoint, range(first)))
        rank_limit = block.s.size
    left_out = (0.0, 0.0)
    if last < len(held):
        triangle, left_out = _of_last(triangle, blocks[last], _pushed(checkpoint, range(last, len(held))))
    network, stretch = _trained(checkpoint, held, blocks)
    problem = reduced_problem(triangle, bias=network.has_bias)
    return SeenNetwork(network, _with_left_out(problem, *left_out), stretch, rank_limit, _unseen(checkpoint, network))


def _require_foldable(checkpoint: Checkpoint, held: Sequence[bool], first: int, last: int) -> None:
    """Refuse biases that no exact change of the data takes in."""
    named = [
        (k, name)
        for k, (name, b) in enumerate(zip(checkpoint.layer_names, checkpoint.biases, strict=True))
        if b is not None
    ]
    between = [name for k, name in named if held[k] and first < k < last]
    if between:
        raise fault("frozen-bias", checkpoint.name, names=listing(between))
    trained = [name for k, name in named if not held[k]]
    if trained and last < len(held):
        raise fault("frozen-behind-bias", checkpoint.name, names=listing(trained), last=checkpoint.layer_names[-1])


def _blocks(checkpoint: Checkpoint, held: Sequence[bool]) -> Iterator[tuple[int, Block]]:
    """Yield every run of frozen layers by its first one's place."""
    for is_held, run in groupby(range(len(held)), key=held.__getitem__):
        if is_held:
            places = list(run)
            yield places[0], _block(checkpoint, places)


def _block(checkpoint: Checkpoint, places: Sequence[int]) -> Block:
    layers = [checkpoint.weights[k] for k in places]
    with np.errstate(over="ignore", invalid="ignore"):
        product = reduce(lambda below, above: above @ below, layers)
        sizes = reduce(lambda below, above: above @ below, map(np.abs, layers))
    if not np.all(sizes < _LARGEST):
        raise fault("frozen-range", checkpoint.name, names=listing(checkpoint.layer_names[k] for k in places))
    u, s, vt = np.linalg.svd(product, full_matrices=False)
    order = sum(max(W.shape) for W in layers)
    # one layer is exact as stored, and its rounding is that of the SVD; products add that of their absolute values
    size = float(s[0]) if len(layers) == 1 else frobenius_norm(sizes)
    rank = numerical_rank(s, rank_threshold(size, order))
    if rank == 0:
        raise fault("frozen-zero", checkpoint.name, names=listing(checkpoint.layer_names[k] for k in places))
    return Block(product, sizes, u[:, :rank], s[:rank], vt[:rank], order)


def _pushed(checkpoint: Checkpoint, places: range) -> Matrix | None:
    """Return what the biases of frozen layers in a row add up to behind the last of them."""
    total: Matrix | None = None
    for k in places:
        carried, own = None if total is None else checkpoint.weights[k] @ total, checkpoint.biases[k]
        total = own if carried is None else carried if own is None else carried + own
    return total


def _of_last(triangle: Triangle, block: Block, bias: Matrix | None) -> tuple[Triangle, tuple[float, float]]:
    """Return the data in U's coordinates, and what is left out of Y: its norm and the error that rounding gives it."""
    if bias is not None:
        triangle = changes.without_outputs(triangle, np.zeros((triangle.dy, triangle.dx)), bias)
    outputs = slice(1 + triangle.dx, None)
    if block.u.shape[0] == block.u.shape[1]:
        return changes.with_outputs_mapped(triangle, block.u), (0.0, 0.0)
    Y = triangle.unshifted[:, outputs]
    size = frobenius_norm(triangle.unshifted_norms[outputs])
    norm = frobenius_norm(Y - (Y @ block.u) @ block.u.T)
    error = rank_threshold(size, len(triangle.r)) + block.turned * size
    if triangle.data_eps > EPS:
        error += triangle.data_eps * frobenius_norm(triangle.stored[outputs])
    return changes.with_outputs_mapped(triangle, block.u), (norm, error)


def _with_left_out(problem: ReducedProblem, norm: float, error: float) -> ReducedProblem:
    """Add the constant to the residual, and its error to those of Y: a turned U mixes the two."""
    if norm == error == 0.0:
        return problem
    precision = problem.precision
    return replace(
        problem,
        residual_norm=float(np.hypot(problem.residual_norm, norm)),
        precision=replace(
            precision,
            target_errors=np.append(precision.target_errors, error),
            residual_errors=np.append(precision.residual_errors, error),
        ),
    )


def _trained(checkpoint: Checkpoint, held: Sequence[bool], blocks: dict[int, Block]) -> tuple[Checkpoint, float]:
    """Return the trained layers as they are seen, and the most that a relative change of one grows by."""
    ends = {start + sum(1 for _ in _run(held, start)): block for start, block in blocks.items()}
    places = [k for k, is_held in enumerate(held) if not is_held]
    layers, biases, stretch = [], [], 1.0
    for k in places:
        W, bias, reach = checkpoint.weights[k], checkpoint.biases[k], _norm(checkpoint.weights[k])
        above, below = blocks.get(k + 1), ends.get(k)
        if above is not None:  # behind the last layer all of S is this one's
            root = above.s if k == places[-1] else np.sqrt(above.s)
            through = root[:, None] * above.vt
            W, reach = through @ W, reach * float(root[0])
            bias = None if bias is None else through @ bias
        if below is not None and k != places[0]:
            root = np.sqrt(below.s)
            W, reach = W @ (below.u * root), reach * float(root[0])
        size = _norm(W)
        if size <= rank_threshold(reach, sum(checkpoint.weights[k].shape)):
            W = np.zeros_like(W)  # rounding of a layer that frozen ones do not let through
        else:
            stretch = max(stretch, reach / size)
        layers.append(W)
        biases.append(bias)
    return replace(
        checkpoint,
        layer_names=tuple(checkpoint.layer_names[k] for k in places),
        weights=tuple(layers),
        biases=tuple(biases),
        dtypes=tuple(checkpoint.dtypes[k] for k in places),
        bias_names=tuple(checkpoint.bias_names[k] for k in places) if checkpoint.bias_names else (),
    ), stretch


def _run(held: Sequence[bool], start: int) -> Iterator[int]:
    """Yield the places of the frozen layers in a row from `start` on."""
    for k in range(start, len(held)):
        if not held[k]:
            return
        yield k


def _norm(W: Matrix) -> float:
    return float(np.linalg.norm(W, 2)) if W.size else 0.0


def _unseen(checkpoint: Checkpoint, network: Checkpoint) -> int:
    stored = [checkpoint.layer_names.index(name) for name in network.layer_names]
    sizes = sum(checkpoint.weights[k].size + _size(checkpoint.biases[k]) for k in stored)
    return sizes - sum(W.size + _size(b) for W, b in zip(network.weights, network.biases, strict=True))


def _size(bias: Matrix | None) -> int:
    return 0 if bias is None else bias.size
