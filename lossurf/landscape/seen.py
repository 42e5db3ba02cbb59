"""What the loss sees of a network some of whose layers are frozen: the trained layers, and the data they are seen on.

Frozen first layers map the data, X' = F X. Of frozen last ones A = U S V^T the loss sees U^T Y, and the trained layer
below as S V^T W; the rest of Y is a constant (Friedland & Torokhti 2007, "Generalized rank-constrained matrix
approximations"). A frozen block M = U S V^T in between leaves U S^(1/2) to the layer above and S^(1/2) V^T to the one
below. Each trained layer is thus seen through a linear surjection: the gradient vanishes in one if in the other, the
Hessian's signs are the same, and every further trained parameter is flat.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final

import numpy as np

from lossurf.decompositions import largest_singular_value, svd
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.faults import fault, hint, listing
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
    above, below : mapping of int to ndarray
        What the i-th trained layer, from 1, is multiplied by from the left and from the right where a frozen block is
        beside it; the block behind it is below[i + 1] @ above[i]. Of frozen last layers below[n + 1] is U.
    """

    checkpoint: Checkpoint
    problem: ReducedProblem
    stretch: float
    rank_limit: int
    unseen: int
    above: Mapping[int, Matrix] = field(repr=False)
    below: Mapping[int, Matrix] = field(repr=False)

    @property
    def default_tolerance(self) -> float:
        """Tau of the layers as they are seen, where none is asked for."""
        return min(default_tolerance(list(self.checkpoint.dtypes)) * self.stretch, 1.0)

    def of(self, checkpoint: Checkpoint, held: Sequence[bool]) -> Checkpoint:
        """Return how other trained layers beside the same frozen ones are seen."""
        return _trained(checkpoint, held, self.above, self.below)[0]


def seen_network(checkpoint: Checkpoint, triangle: Triangle, frozen: Sequence[str]) -> SeenNetwork:
    """Return the trained layers as the loss sees them.

    Parameters
    ----------
    checkpoint : Checkpoint
        As the loss sees its outputs (`Data.seen`).
    triangle : Triangle
    frozen : sequence of str
        Names of the layers that are not trained.

    Raises
    ------
    InputError
        As `classify_frozen`.
    """
    _require_known(frozen, checkpoint)
    try:
        with np.errstate(over="raise", invalid="raise"):
            return _seen_network(checkpoint, triangle, frozen)
    except FloatingPointError:
        raise output_too_large() from None


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
    above, below = _factors(held, blocks)
    network, stretch = _trained(checkpoint, held, above, below)
    problem = _with_left_out(reduced_problem(triangle, bias=network.has_bias), *left_out)
    return SeenNetwork(network, problem, stretch, rank_limit, _unseen(checkpoint, network), above, below)


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
    u, s, vt = svd(product, full_matrices=False)
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


def _factors(held: Sequence[bool], blocks: Sequence[Block]) -> tuple[dict[int, Matrix], dict[int, Matrix]]:
    """Return what each trained layer, counted from 1, is multiplied by from the left and from the right.

    A block in between leaves the root of S to either side, one behind the last trained layer all of it below.
    """
    above, below = {}, {}
    for block in blocks:
        i = held[: block.places.start].count(False)  # trained layers before it
        if i == 0:
            continue
        is_last = block.places.stop == len(held)
        above[i] = np.asarray((block.s if is_last else np.sqrt(block.s))[:, None] * block.vt)
        below[i + 1] = block.u if is_last else block.u * np.sqrt(block.s)
    return above, below


def _trained(
    checkpoint: Checkpoint, held: Sequence[bool], above: Mapping[int, Matrix], below: Mapping[int, Matrix]
) -> tuple[Checkpoint, float]:
    """Return the trained layers as they are seen, and the most that a relative change of one grows by."""
    places = [k for k, is_held in enumerate(held) if not is_held]
    seen = [_layer(checkpoint.weights[k], above.get(i), below.get(i)) for i, k in enumerate(places, 1)]
    biases = enumerate(_trained_biases(checkpoint, held), 1)
    network = replace(
        checkpoint,
        layer_names=tuple(checkpoint.layer_names[k] for k in places),
        weights=tuple(W for W, _ in seen),
        biases=tuple(above[i] @ b if b is not None and i in above else b for i, b in biases),
        dtypes=tuple(checkpoint.dtypes[k] for k in places),
        bias_names=tuple(checkpoint.bias_names[k] for k in places) if checkpoint.bias_names else (),
    )
    return network, max(stretch for _, stretch in seen)


def _layer(W: Matrix, above: Matrix | None, below: Matrix | None) -> tuple[Matrix, float]:
    """Return a trained layer as it is seen, and how much larger a relative change of it may be there."""
    seen, reach = W, largest_singular_value(W)
    if above is not None:
        seen, reach = above @ seen, largest_singular_value(above) * reach
    if below is not None:
        seen, reach = seen @ below, reach * largest_singular_value(below)
    size = largest_singular_value(seen)
    if size <= rank_threshold(reach, sum(W.shape)):
        return np.zeros_like(seen), 1.0  # rounding of a layer that frozen ones do not let through
    return seen, reach / size if seen is not W else 1.0


def _unseen(checkpoint: Checkpoint, network: Checkpoint) -> int:
    stored = [checkpoint.layer_names.index(name) for name in network.layer_names]
    sizes = sum(checkpoint.weights[k].size + _size(checkpoint.biases[k]) for k in stored)
    return sizes - sum(W.size + _size(b) for W, b in zip(network.weights, network.biases, strict=True))


def _size(bias: Matrix | None) -> int:
    return 0 if bias is None else bias.size
