"""What a third party needs to check a verdict without lossurf: the claim in numbers, and the matrices behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lossurf.landscape.verdict import Classification
from lossurf.numerics import Matrix
from lossurf.reduction.problem import ReducedProblem


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
        many independent ones as lead down, a row each; N1..NN, the exactly critical point beside the weights; with an
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
    if result.nearest is not None:
        arrays |= {f"N{k}": W for k, W in enumerate(result.nearest.layers, 1)}
    return arrays


def evidence_claim(result: Classification, problem: ReducedProblem, weights: Sequence[Matrix]) -> dict[str, Any] | None:
    """Return the claim in numbers; None where the verdict is `undetermined`, which claims nothing."""
    certificate = result.certificate
    if certificate is None:
        return None
    layers = [
        {"name": layer.name, "shape": layer.shape, "dtype": layer.dtype, "norm": float(np.linalg.norm(W))}
        for layer, W in zip(result.layers, weights, strict=True)
    ]
    return {
        "checkpoint": result.checkpoint,
        "layers": layers,
        "claim": result.verdict,
        "kind": certificate.kind,
        "tolerance": result.tolerance,
        "gradient": result.gradient,
        "loss": result.loss,
        "optimal_loss": result.optimal_loss,
        "residual_loss": 0.5 * problem.residual_norm**2,
        "rank": result.rank,
        "rank_max": result.rank_max,
        "pair": certificate.layers,
        "curvature": certificate.curvature,
        "loss_decrease": certificate.loss_decrease,
        "step": certificate.step,
        "staircase": certificate.staircase,
        "next_level": certificate.next_level,
        "nearest": result.nearest,
        "index": certificate.index,
    }
