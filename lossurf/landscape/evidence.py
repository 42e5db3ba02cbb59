"""What a third party needs to check a verdict without lossurf: the claim in numbers, and the matrices behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from lossurf.fields import Count, Magnitude, Size, Unbounded, limited
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.seen import SeenNetwork
from lossurf.landscape.verdict import Classification, IndexEvidence, Shadow, Stair
from lossurf.numerics import Matrix, frobenius_norm
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import CLAIMED, DECAY_CERTIFICATES, SQUARED_CERTIFICATES, CertificateKind, Verdict

_SEEN_NAMES: Final = {"W": "S", "b": "c"}
"""Where some layers are frozen the others have these names as the loss sees them, and W and b are as stored."""


def evidence_arrays(
    result: Classification,
    problem: ReducedProblem,
    weights: Sequence[Matrix],
    biases: Sequence[Matrix | None] | None = None,
) -> dict[str, Matrix]:
    """Return the matrices that a claim is about.

    Returns
    -------
    dict
        W1..WN; R11 (rank_x, dx) with R11^T R11 = X X^T and T (dy, rank_x) with T R11 = Y X^T, so that
        L(W) = 1/2 ||W_N ... W_1 R11^T - T||_F^2 + constant; V1..VN, the direction of a strict saddle; D1..DN, as
        many independent ones as lead down, a row each; N1..NN, the exactly critical point beside the weights; with
        weight decay and at most one hidden layer D (dy, rank_x), a dual point that bounds the loss from below; with an
        output bias b1..bN and the means mean_x (dx,) and mean_y (dy,) of the data, which are then centred in R11 and T.
    """
    arrays = {f"W{k}": W for k, W in enumerate(weights, 1)}
    arrays["R11"] = (problem.column_norms[:, None] * problem.whitening).T
    arrays["T"] = problem.scale * problem.target
    if problem.mean_row is not None:
        arrays |= {f"b{k}": b for k, b in enumerate(biases or (), 1) if b is not None}
        arrays["mean_x"] = problem.mean_row.x / problem.mean_row.root_samples
        arrays["mean_y"] = problem.mean_row.y / problem.mean_row.root_samples
    if result.certificate is not None and result.certificate.direction is not None:
        arrays |= {f"V{k}": V for k, V in enumerate(result.certificate.direction, 1)}
    index = None if result.certificate is None else result.certificate.index
    if index is not None and index.directions is not None:
        arrays |= {f"D{k}": rows for k, rows in enumerate(index.directions, 1)}
    if result.decay is not None and result.decay.dual is not None:
        arrays["D"] = result.decay.dual
    if result.nearest is not None:
        arrays |= {f"N{k}": W for k, W in enumerate(result.nearest.layers, 1)}
    return arrays


def frozen_arrays(result: Classification, seen: SeenNetwork, checkpoint: Checkpoint) -> dict[str, Matrix]:
    """Return the matrices that a claim about the trained layers of a network is about.

    Returns
    -------
    dict
        W1..WN and their biases b as the loss has them, frozen ones too. S1..Sn are the n trained layers as the loss
        sees them, S_i = A_i W B_i, with biases c1..cn; A_i and B_i are there where a frozen block is above or below,
        and the block between the trained layers i and i + 1 is B_{i+1} A_i. Of frozen last layers B_{n+1} is
        orthonormal and A_n the rest. All others are those of `evidence_arrays` for S1..Sn, X mapped by frozen first
        layers, and Y in the coordinates of B_{n+1}.
    """
    network = seen.checkpoint
    arrays = {
        _SEEN_NAMES.get(name[0], name[0]) + name[1:] if name[1:].isdigit() else name: array
        for name, array in evidence_arrays(result, seen.problem, network.weights, network.biases).items()
    }
    arrays |= {f"W{k}": W for k, W in enumerate(checkpoint.weights, 1)}
    arrays |= {f"b{k}": b for k, b in enumerate(checkpoint.biases, 1) if b is not None}
    arrays |= {f"A{i}": A for i, A in seen.above.items()} | {f"B{i}": B for i, B in seen.below.items()}
    return arrays


@dataclass(frozen=True)
class ClaimedLayer:
    """One weight that a claim is about.

    Attributes
    ----------
    name : str
        As in the file.
    shape : (int, int)
        Outputs and inputs.
    dtype : str
        Stored number type.
    norm : float
        Frobenius norm.
    """

    name: str
    shape: tuple[Size, Size]
    dtype: str
    norm: Magnitude


@dataclass(frozen=True)
class TiedClaim:
    """What is claimed of a tied autoencoder's matrix and of its data beside what every certificate says.

    Attributes
    ----------
    unseen_inputs : int
        Inputs less the rank of X.
    eigenvalues : tuple of int
        Those of X X^T above rounding, the largest first: of how many eigenvectors each is, to rounding.
    carried : tuple of int or None
        How many of these the nearest critical point carries; None, as all that follows, for not-critical.
    idle_units : int or None
        Hidden units that carry none.
    idle_weights : tuple of float
        Singular values of their weights on what X lacks, descending, one for each.
    symmetries : int or None
        Zeros of the Hessian that are rotations of hidden units.
    negative, zero, positive : int or None
        Signs of its eigenvalues at that point; None where rounding or the tolerance leaves them open too.
    """

    unseen_inputs: Count
    eigenvalues: tuple[Size, ...]
    carried: tuple[Count, ...] | None
    idle_units: Count | None
    idle_weights: tuple[Magnitude, ...]
    symmetries: Count | None
    negative: Count | None
    zero: Count | None
    positive: Count | None


@dataclass(frozen=True)
class CertificateClaim:
    """A claim in numbers, each of which the matrices give again.

    Attributes
    ----------
    checkpoint : str
        The file that was classified.
    layers : tuple of ClaimedLayer
    claim : Verdict
    kind : CertificateKind
    tolerance : float
        tau.
    gradient : float
        The criticality measure.
    loss, optimal_loss : float
        L(W) and L*.
    residual_loss : float
        What the best linear map leaves of the loss.
    rank, rank_max : int
        Of the product, and the highest that the widths allow.
    pair : (int, int) or None
        The two layers that the direction of a strict saddle moves.
    curvature, loss_decrease, step : float or None
        Along that direction.
    staircase : tuple of Stair
    next_level : float or None
        The next critical value above the optimal loss.
    nearest : Shadow or None
        The exactly critical point beside the weights.
    index : IndexEvidence or None
        What a strict saddle's Morse index follows from.
    lambda_ : float or None
        With weight decay the weight of 1/2 sum ||W_k||^2 in the loss; `optimal_loss` is then a lower bound.
    tied : TiedClaim or None
        For a tied autoencoder, 1/2 ||W^T W X - X||^2, whose one matrix is then the only layer.
    frozen : tuple of str or None
        Names of the layers that are not trained; pairs of layers, ranks and the tolerance are then those of the others
        as the loss sees them.
    """

    checkpoint: str
    layers: Annotated[tuple[ClaimedLayer, ...], limited(minItems=1)]
    claim: Annotated[Verdict, limited(enum=[*CLAIMED])]
    kind: Annotated[CertificateKind, limited(enum=[*dict.fromkeys((*SQUARED_CERTIFICATES, *DECAY_CERTIFICATES))])]
    tolerance: Magnitude
    gradient: Magnitude
    loss: Magnitude
    optimal_loss: Magnitude
    residual_loss: Magnitude
    rank: Count
    rank_max: Size
    pair: tuple[Size, Size] | None
    curvature: Unbounded | None
    loss_decrease: Unbounded | None
    step: Unbounded | None
    staircase: tuple[Stair, ...]
    next_level: Unbounded | None
    nearest: Shadow | None
    index: IndexEvidence | None = None
    lambda_: Annotated[float, limited(exclusiveMinimum=0)] | None = None
    tied: TiedClaim | None = None
    frozen: Annotated[tuple[str, ...], limited(minItems=1)] | None = None


def evidence_claim(
    result: Classification, problem: ReducedProblem, weights: Sequence[Matrix], decay: float | None = None
) -> CertificateClaim | None:
    """Return the claim in numbers, with lam under weight decay; None for `undetermined`, which claims nothing."""
    certificate = result.certificate
    if certificate is None:
        return None
    return CertificateClaim(
        checkpoint=result.checkpoint,
        layers=tuple(
            ClaimedLayer(layer.name, layer.shape, layer.dtype, frobenius_norm(W))
            for layer, W in zip(result.layers, weights, strict=True)
        ),
        claim=result.verdict,
        kind=certificate.kind,
        tolerance=result.tolerance,
        gradient=result.gradient,
        loss=result.loss,
        optimal_loss=result.optimal_loss,
        residual_loss=0.5 * problem.residual_norm**2,
        rank=result.rank,
        rank_max=result.rank_max,
        pair=certificate.layers,
        curvature=certificate.curvature,
        loss_decrease=certificate.loss_decrease,
        step=certificate.step,
        staircase=certificate.staircase,
        next_level=certificate.next_level,
        nearest=result.nearest,
        index=certificate.index,
        lambda_=decay,
        frozen=result.frozen,
    )
