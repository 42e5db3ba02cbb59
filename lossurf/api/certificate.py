"""What `classify --certificate` writes: the claim about a verdict, and the matrices behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

from lossurf.api.parts.result import Result
from lossurf.certificates.decay import LARGEST_HESSIAN
from lossurf.certificates.stored import claim_path, digest_of
from lossurf.data import Data, DataFacts
from lossurf.errors import UsageError
from lossurf.fields import limited, merged
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.evidence import CertificateClaim, evidence_arrays, evidence_claim
from lossurf.landscape.verdict import Classification
from lossurf.numerics import Matrix
from lossurf.words import CertificateKind


@dataclass(frozen=True)
class Evidence(Result):
    """A certificate to be written.

    Attributes
    ----------
    claim : CertificateClaim
    data : DataFacts
    digest : str
        SHA-256 of the document without it, and of the matrices; empty until the document is made.
    arrays : dict of str to ndarray
        The matrices that the claim is about.
    """

    command: ClassVar[str] = "certificate"

    claim: CertificateClaim = field(metadata=merged())
    data: DataFacts
    digest: Annotated[str, limited(pattern="^sha256:[0-9a-f]{64}$")] = ""
    arrays: Mapping[str, Matrix] = field(default_factory=dict, repr=False)

    def signed(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the document of this certificate with its digest."""
        return {**document, "digest": digest_of(document, self.arrays)}

    @staticmethod
    def claim_path(path: Path) -> Path:
        """Return where the claim stands beside an .npz of the matrices."""
        return claim_path(path)


def evidence(
    result: Classification, checkpoint: Checkpoint, data: Data, *, decay: float | None = None
) -> Evidence | None:
    """Return what a reader needs to check a verdict; None where it claims nothing.

    Parameters
    ----------
    result : Classification
        Of `checkpoint` on `data`.
    checkpoint : Checkpoint
    data : Data
    decay : float, optional
        lam, where the result is about a loss with weight decay.

    Raises
    ------
    UsageError
        If only the signs of a Hessian decide, of more weights than `verify` forms it for.
    """
    problem = data.problem(bias=checkpoint.has_bias)
    claim = evidence_claim(result, problem, checkpoint.weights, decay)
    if claim is None:
        return None
    weights = sum(W.size for W in checkpoint.weights)
    if claim.kind is CertificateKind.INERTIA and weights > LARGEST_HESSIAN:
        raise UsageError(
            f"the signs of the Hessian of {weights} weights have no certificate that is short to check",
            where="--certificate",
            remedy=f"leave it out; up to {LARGEST_HESSIAN} weights `verify` forms the Hessian",
        )
    arrays = evidence_arrays(result, problem, checkpoint.weights, checkpoint.biases)
    return Evidence(claim, data.facts(bias=checkpoint.has_bias), arrays=arrays)


DOCUMENT = Evidence
