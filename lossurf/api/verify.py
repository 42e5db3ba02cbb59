"""`verify`: a written certificate's claim, derived again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

from lossurf.adjustments import KINDS, option
from lossurf.api.parts.result import Result
from lossurf.certificates.against_data import data_checks
from lossurf.certificates.check import Check
from lossurf.certificates.frozen_data import frozen_data_checks
from lossurf.certificates.stored import StoredCertificate, claim_path, is_tied, read_certificate, read_claim
from lossurf.certificates.tied_data import tied_data_checks
from lossurf.certificates.verify import Verification, verify_certificate
from lossurf.data import Data
from lossurf.errors import UsageError
from lossurf.inputs.files import file_size


@dataclass(frozen=True)
class VerifyResult(Verification, Result):
    """Whether a certificate's claim is true.

    Attributes
    ----------
    notes : tuple of str
        What was assumed in reading the data that the matrices were held against.
    """

    command: ClassVar[str] = "verify"

    notes: tuple[str, ...] = ()


def verify(
    certificate: str | PathLike[str],
    data: Data | None = None,
    *,
    any_tolerance: bool = False,
    max_memory: int | str | None = None,
) -> VerifyResult:
    """Derive again what a certificate that `lossurf classify --certificate` wrote claims.

    Parameters
    ----------
    certificate : path
        Either of its two files.
    data : Data, optional
        What the matrices are to be held against; of a tied autoencoder X twice.
    any_tolerance : bool
        Accept a tolerance that is easier to meet than the default of the weights' dtype.
    max_memory : int or str, optional
        Bytes that may be taken, or a size such as "4G".

    Returns
    -------
    VerifyResult
        `valid` only if every check passed.

    Raises
    ------
    InputError
        If a file is missing or damaged, or holds no certificate; if the data cannot be read.

    Examples
    --------
    >>> import numpy as np, lossurf
    >>> X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]])
    >>> Y = X @ np.array([[1.0, 0.0], [2.0, 1.0]]) + np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [0.0, 0.0]])
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     proof = Path(folder) / "proof.npz"
    ...     lossurf.certify([np.zeros((2, 2)), np.zeros((2, 2))], X, Y).save(proof)
    ...     print(lossurf.verify(proof, lossurf.Data(X, Y)).valid)
    True
    """
    stored = read_certificate(Path(certificate), max_memory=max_memory)
    found = verify_certificate(stored, any_tolerance=any_tolerance)
    if data is None:
        return VerifyResult(**vars(found))
    further = _against(stored, data)
    valid = found.valid and all(check.ok for check in further)
    changed = {"valid": valid, "checks": found.checks + further, "notes": data.notes}
    return VerifyResult(**{**vars(found), **changed})


def is_about_tied(certificate: Path) -> bool:
    """Say whether a certificate is about a tied autoencoder, for which X alone is the data.

    Raises
    ------
    InputError
        If there is no such file, or it is damaged.
    """
    file_size(certificate)  # first: "" and "/" have no name to change
    return is_tied(read_claim(claim_path(certificate)))


def _against(stored: StoredCertificate, data: Data) -> tuple[Check, ...]:
    """Hold the matrices against the rows [1 x y] of the data, or of the triangular factor that a summary holds."""
    dataset = data.dataset
    _require_same_changes(stored, data)
    taken, eps = data.adjustments.taken, dataset.data_eps
    rows, shift = data.rows(), None
    if dataset.summary is not None:
        triangle, first = data.reduce(), 1 + dataset.dx
        R, shift = triangle.r, triangle.shift[1:]
        rows = iter([(R[:, 0], R[:, 1:first], R[:, first:])])
    if is_tied(stored.claim):
        return tied_data_checks(stored, rows, shift=shift, eps=eps)
    checks = data_checks if stored.claim.get("frozen") is None else frozen_data_checks
    return checks(stored, rows, shift=shift, taken=taken, eps=eps)


def _require_same_changes(stored: StoredCertificate, data: Data) -> None:
    """Refuse data that were not weighted, or had no base or ridge, as those of the certificate, or the reverse.

    Whether the numbers are the same is what the checks are about.
    """
    told: Mapping[str, Any] = stored.claim["data"].get("adjusted") or {}
    given = {} if data.adjusted is None else vars(data.adjusted)
    for name in KINDS:
        claimed = bool(told.get(name))
        if claimed != bool(given.get(name)):
            made, now, remedy = ("with", "without", "add") if claimed else ("without", "with", "leave out")
            raise UsageError(
                f"the certificate was made {made} {option(name)}, and the data are given {now} it",
                where=stored.name,
                remedy=f"{remedy} {option(name)}",
            )


DOCUMENT = VerifyResult
