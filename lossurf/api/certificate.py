"""What `classify --certificate` writes: the claim about a verdict, and the matrices behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Annotated, ClassVar

from numpy.typing import ArrayLike

from lossurf.api.classify import classify
from lossurf.api.parts.penalty import penalty_of
from lossurf.api.parts.result import Result
from lossurf.certificates.decay import LARGEST_HESSIAN
from lossurf.certificates.stored import claim_path, digest_of
from lossurf.data import Data, DataFacts, as_data
from lossurf.errors import UsageError
from lossurf.fields import limited, merged
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.checkpoints.open import Network, as_checkpoint
from lossurf.landscape.evidence import CertificateClaim, evidence_arrays, evidence_claim, frozen_arrays
from lossurf.landscape.seen import seen_network
from lossurf.landscape.verdict import Classification
from lossurf.numerics import Matrix
from lossurf.output.files import write_file
from lossurf.output.npz import npz_bytes
from lossurf.report.document import Document
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

    def to_dict(self) -> Document:
        """Return the claim as it is written, with its digest."""
        document = super().to_dict()
        return {**document, "digest": digest_of(document, self.arrays)}

    def files(self, path: Path) -> Iterator[tuple[Path, bytes]]:
        """Yield what is to be written: first the matrices as an .npz, then the claim beside it that makes it one."""
        yield path, npz_bytes(self.arrays)
        yield claim_path(path), self.report("json").encode()

    def save(self, path: str | PathLike[str]) -> None:
        """Write the certificate, an .npz of the matrices and the claim as .json beside it.

        Raises
        ------
        OutputError
            If a file cannot be written.
        """
        for file, content in self.files(Path(path)):
            write_file(file, content)


def certify(
    weights: Network,
    X: ArrayLike | Data,
    Y: ArrayLike | None = None,
    *,
    weight_decay: float | None = None,
    reduction: str = "mean",
    tied: bool = False,
    frozen: Sequence[str] = (),
) -> Evidence:
    """Classify a network, and return what a reader needs to check the verdict without lossurf.

    Parameters
    ----------
    weights : sequence of array_like, mapping of str to array_like, path, model, or Checkpoint
        As in `classify`.
    X : array_like, shape (m, dx), or Data
    Y : array_like, shape (m, dy) or (m,)
        Left out where X is a Data, and with `tied`.
    weight_decay, reduction, tied, frozen
        As in `classify`.

    Returns
    -------
    Evidence

    Raises
    ------
    InputError
        As `classify`.
    UsageError
        If the verdict is undetermined, which claims nothing.

    Examples
    --------
    >>> import numpy as np, lossurf
    >>> found = lossurf.certify([np.zeros((1, 2)), np.zeros((2, 1))], np.eye(2), np.eye(2))
    >>> print(found.claim.claim, sorted(found.arrays))
    strict-saddle ['N1', 'N2', 'R11', 'T', 'V1', 'V2', 'W1', 'W2']
    """
    data = as_data(X, X if tied and Y is None and not isinstance(X, Data) else Y)
    checkpoint = as_checkpoint(weights, data.dx, data.dy, tied=tied)
    result = classify(checkpoint, data, weight_decay=weight_decay, reduction=reduction, tied=tied, frozen=frozen)
    penalty = penalty_of(data, weight_decay, reduction)
    found = evidence(result, checkpoint, data, decay=None if penalty is None else penalty.lambda_)
    if found is None:
        raise UsageError("the verdict is undetermined, which claims nothing", remedy="see `classify` for the reason")
    return found


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
    if result.tied is not None:
        return _tied_evidence(result, checkpoint, data)
    checkpoint = data.seen(checkpoint)
    if result.frozen is not None:
        return _evidence_beside_frozen(result, checkpoint, data, result.frozen)
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


def _tied_evidence(result: Classification, checkpoint: Checkpoint, data: Data) -> Evidence | None:
    from lossurf.tied.evidence import tied_evidence

    found = tied_evidence(result, checkpoint, data.problem(bias=False))
    return None if found is None else Evidence(found[0], data.facts(bias=False), arrays=found[1])


def _evidence_beside_frozen(
    result: Classification, checkpoint: Checkpoint, data: Data, frozen: Sequence[str]
) -> Evidence | None:
    seen = seen_network(checkpoint, data.reduce(), frozen)
    claim = evidence_claim(result, seen.problem, checkpoint.weights)
    if claim is None:
        return None
    return Evidence(claim, data.facts(bias=seen.problem.bias), arrays=frozen_arrays(result, seen, checkpoint))


DOCUMENT = Evidence
