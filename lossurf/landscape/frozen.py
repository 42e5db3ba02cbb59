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
from itertools import groupby
from typing import Final

import numpy as np

from lossurf.data import Data
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.faults import fault, hint, listing
from lossurf.landscape.classify import classify_network
from lossurf.landscape.verdict import Classification
from lossurf.network import output_too_large
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
    places : range
        Of the layers, from 0.
    u, s, vt : ndarray, shapes (outputs, rho), (rho,), (rho, inputs)
    rounding : float
        Bound of the error of the product and its SVD in the spectral norm.
    """

    places: range
    u: Matrix
    s: Matrix
    vt: Matrix
    rounding: float

    @property
    def turned(self) -> float:
        """Bound of the sine of the angle by which rounding turns the column space; 0 where that is the whole space."""
        rows, rank = self.u.shape
        return 0.0 if rows == rank else min(self.rounding / float(self.s[-1]), 1.0)


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
    InputError
        If a name is not a layer's, all layers are frozen, the frozen layers' product is zero, a bias has no exact
        reduction, or the loss leaves the range of float64.
    """
    names = tuple(dict.fromkeys(frozen))
    _require_known(names, checkpoint)
    triangle = data.reduce()
    try:
        with np.errstate(over="raise", invalid="raise"):
            seen = _seen_network(checkpoint, triangle, names)
    except FloatingPointError:
        raise output_too_large() from None
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
            known = checkpoint.layer_names
            raise fault("frozen-name", checkpoint.name, name=name, hint=hint(name, known), known=listing(known))
    if len(names) == len(checkpoint.layer_names):
        raise fault("frozen-all", checkpoint.name)


def _seen_network(checkpoint: Checkpoint, triangle: Triangle, names: Sequence[str]) -> SeenNetwork:
    held = [name in names for name in checkpoint.layer_names]
    first, last = held.index(False), len(held) - held[::-1].index(False)  # of the trained ones
    _require_foldable(checkpoint, first, last)
    blocks = [_block(checkpoint, places) for places in _runs(held)]
    rank_limit = triangle.dx
    if first:
        triangle = changes.with_inputs_mapped(triangle, checkpoint.weights[:first], checkpoint.biases[:first])
        rank_limit = blocks[0].s.size  # of the first block, which starts at 0
    left_out = (0.0, 0.0)
    if last < len(held):
        biases = checkpoint.biases[last:]
        start = np.zeros(checkpoint.weights[last].shape[1])
        bias = changes.carried(checkpoint.weights[last:], biases, start) if any(b is not None for b in biases) else None
        triangle, left_out = _of_last(triangle, blocks[-1], bias)
    network, stretch = _trained(checkpoint, held, blocks)
    problem = reduced_problem(triangle, bias=network.has_bias)
    return SeenNetwork(network, _with_left_out(problem, *left_out), stretch, rank_limit, _unseen(checkpoint, network))


def _require_foldable(checkpoint: Checkpoint, first: int, last: int) -> None:
    """Refuse biases behind the first trained layer where the last trained one has none that takes them up."""
    if checkpoint.biases[last - 1] is not None:
        return
    names = [checkpoint.layer_names[k] for k in range(first, last) if checkpoint.biases[k] is not None]
    if names:
        raise fault("frozen-bias", checkpoint.name, names=listing(names), last=checkpoint.layer_names[last - 1])


def _trained_biases(checkpoint: Checkpoint, held: Sequence[bool]) -> list[Matrix | None]:
    """Return the trained biases; what frozen ones between add to the output is a change of variables of the last."""
    places = [k for k, is_held in enumerate(held) if not is_held]
    biases = [checkpoint.biases[k] for k in places]
    if biases[-1] is not None:
        between = slice(places[0], places[-1] + 1)
        fixed = [b if is_held else None for b, is_held in zip(checkpoint.biases[between], held[between], strict=True)]
        start = np.zeros(checkpoint.weights[places[0]].shape[1])
        biases[-1] = biases[-1] + changes.carried(checkpoint.weights[between], fixed, start)
    return biases


def _runs(held: Sequence[bool]) -> Iterator[range]:
    """Yield the places of frozen layers in a row."""
    for is_held, run in groupby(range(len(held)), key=held.__getitem__):
        if is_held:
            places = list(run)
            yield range(places[0], places[-1] + 1)


def _block(checkpoint: Checkpoint, places: range) -> Block:
    layers = [checkpoint.weights[k] for k in places]
    with np.errstate(over="ignore", invalid="ignore"):
        product, sizes = changes.product_of(layers)
    if not np.all(sizes < _LARGEST):
        raise fault("frozen-range", checkpoint.name, names=listing(checkpoint.layer_names[k] for k in places))
    u, s, vt = np.linalg.svd(product, full_matrices=False)
    order = sum(max(W.shape) for W in layers)
    # one layer is exact as stored, and its rounding is that of the SVD; products add that of their absolute values
    size = float(s[0]) if len(layers) == 1 else frobenius_norm(sizes)
    rounding = rank_threshold(size, order)
    rank = numerical_rank(s, rounding)
    if rank == 0:
        raise fault("frozen-zero", checkpoint.name, names=listing(checkpoint.layer_names[k] for k in places))
    return Block(places, u[:, :rank], s[:rank], vt[:rank], rounding)


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
        precision=precision._replace(
            target_errors=np.append(precision.target_errors, error),
            residual_errors=np.append(precision.residual_errors, error),
        ),
    )


def _trained(checkpoint: Checkpoint, held: Sequence[bool], blocks: Sequence[Block]) -> tuple[Checkpoint, float]:
    """Return the trained layers as they are seen, and the most that a relative change of one grows by."""
    above = {block.places.start - 1: _into_below(block, len(held)) for block in blocks if block.places.start}
    below = {block.places.stop: block.u * np.sqrt(block.s) for block in blocks if block.places.start}
    places = [k for k, is_held in enumerate(held) if not is_held]
    seen = [_layer(checkpoint.weights[k], above.get(k), below.get(k)) for k in places]
    pairs = zip(places, _trained_biases(checkpoint, held), strict=True)
    network = replace(
        checkpoint,
        layer_names=tuple(checkpoint.layer_names[k] for k in places),
        weights=tuple(W for W, _ in seen),
        biases=tuple(above[k] @ b if b is not None and k in above else b for k, b in pairs),
        dtypes=tuple(checkpoint.dtypes[k] for k in places),
        bias_names=tuple(checkpoint.bias_names[k] for k in places) if checkpoint.bias_names else (),
    )
    return network, max(stretch for _, stretch in seen)


def _into_below(block: Block, depth: int) -> Matrix:
    """Return what the layer below a block is multiplied by: half of S, and behind the last trained layer all of it."""
    is_last = block.places.stop == depth
    return np.asarray((block.s if is_last else np.sqrt(block.s))[:, None] * block.vt)


def _layer(W: Matrix, above: Matrix | None, below: Matrix | None) -> tuple[Matrix, float]:
    """Return a trained layer as it is seen, and how much larger a relative change of it may be there."""
    seen, reach = W, _norm(W)
    if above is not None:
        seen, reach = above @ seen, _norm(above) * reach
    if below is not None:
        seen, reach = seen @ below, reach * _norm(below)
    size = _norm(seen)
    if size <= rank_threshold(reach, sum(W.shape)):
        return np.zeros_like(seen), 1.0  # rounding of a layer that frozen ones do not let through
    return seen, reach / size if seen is not W else 1.0


def _norm(W: Matrix) -> float:
    return float(np.linalg.norm(W, 2)) if W.size else 0.0


def _unseen(checkpoint: Checkpoint, network: Checkpoint) -> int:
    stored = [checkpoint.layer_names.index(name) for name in network.layer_names]
    sizes = sum(checkpoint.weights[k].size + _size(checkpoint.biases[k]) for k in stored)
    return sizes - sum(W.size + _size(b) for W, b in zip(network.weights, network.biases, strict=True))


def _size(bias: Matrix | None) -> int:
    return 0 if bias is None else bias.size
