"""What a third party needs to check a verdict about a tied autoencoder: the claim in numbers, and the matrices."""

from __future__ import annotations

from dataclasses import replace

from lossurf.inputs.checkpoints.checkpoint import Checkpoint, LayerFacts
from lossurf.landscape.evidence import CertificateClaim, TiedClaim, evidence_claim
from lossurf.landscape.verdict import Classification
from lossurf.numerics import Matrix, default_tolerance
from lossurf.reduction.problem import ReducedProblem
from lossurf.tied.network import tied_weight
from lossurf.tied.point import TiedPoint
from lossurf.tied.problem import tied_problem
from lossurf.words import Verdict


def tied_evidence(
    result: Classification, checkpoint: Checkpoint, problem: ReducedProblem
) -> tuple[CertificateClaim, dict[str, Matrix]] | None:
    """Return the claim of a verdict and the matrices that it is about; None for `undetermined`, which claims nothing.

    Parameters
    ----------
    result : Classification
        Of `checkpoint`, by `classify_tied`.
    checkpoint : Checkpoint
        One matrix, or it and its transpose.
    problem : ReducedProblem
        Of data whose Y is X, not centred.

    Returns
    -------
    tuple of CertificateClaim and dict, or None
        The matrices: W1 (k, dx), the one; R11 (rank_x, dx) with R11^T R11 = X X^T, so that
        L(W) = 1/2 ||(W^T W - I) R11^T||_F^2; Q (dx, dx), eigenvectors of X X^T, and U (k, k), left singular vectors of
        W X, the bases that the gradient is measured in; V1, the direction of a strict saddle; N1, the exactly critical
        point beside W.
    """
    weight = tied_weight(checkpoint)
    point = TiedPoint(tied_problem(problem), weight)
    claim = evidence_claim(replace(result, layers=(_layer(result.layers),)), problem, (weight,))
    if claim is None:
        return None
    arrays = {"W1": weight, "R11": (problem.column_norms[:, None] * problem.whitening).T}
    arrays |= {"Q": point.problem.basis, "U": point.left}
    if result.certificate is not None and result.certificate.direction is not None:
        arrays["V1"] = result.certificate.direction[0]
    if result.nearest is not None:
        arrays["N1"] = result.nearest.layers[0]
    return replace(claim, residual_loss=0.0, tied=_tied_claim(result, point)), arrays


def _layer(layers: tuple[LayerFacts, ...]) -> LayerFacts:
    """Return the one matrix, in the coarser number type of the two that it was stored in: it is exact in both."""
    return replace(
        layers[0], dtype=max((layer.dtype for layer in layers), key=lambda dtype: default_tolerance([dtype]))
    )


def _tied_claim(result: Classification, point: TiedPoint) -> TiedClaim:
    facts, signs = result.tied, result.inertia
    assert facts is not None
    nearest = None if result.verdict is Verdict.NOT_CRITICAL else point.nearest()
    return TiedClaim(
        unseen_inputs=facts.unseen_inputs,
        eigenvalues=tuple(group.stop - group.start for group in point.problem.groups),
        carried=None if nearest is None else nearest.carried,
        idle_units=facts.idle_units,
        idle_weights=facts.idle_weights,
        symmetries=facts.symmetries,
        negative=None if signs is None else signs.negative,
        zero=None if signs is None else signs.zero,
        positive=None if signs is None else signs.positive,
    )
