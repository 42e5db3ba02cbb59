"""`verify`: a written certificate's claim, derived again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import ClassVar

import numpy as np

from lossurf.api.parts.result import Result
from lossurf.certificates.against_data import Rows, data_checks
from lossurf.certificates.check import Check
from lossurf.certificates.stored import StoredCertificate, read_certificate
from lossurf.certificates.verify import Verification, verify_certificate
from lossurf.data import Data


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
        What the matrices are to be held against.
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
    """
    stored = read_certificate(Path(certificate), max_memory=max_memory)
    found = verify_certificate(stored, any_tolerance=any_tolerance)
    if data is None:
        return VerifyResult(**vars(found))
    further = _against(stored, data)
    valid = found.valid and all(check.ok for check in further)
    changed = {"valid": valid, "checks": found.checks + further, "notes": data.notes}
    return VerifyResult(**{**vars(found), **changed})


def _against(stored: StoredCertificate, data: Data) -> tuple[Check, ...]:
    """Hold the matrices against the rows [1 x y] of the data, or of the triangular factor that a summary holds."""
    dataset = data.dataset
    if dataset.summary is None:
        rows: Iterable[Rows] = ((np.ones(len(X)), X, Y) for X, Y in dataset.blocks())
        return data_checks(stored, rows, eps=dataset.data_eps)
    R, first = dataset.summary.triangle, 1 + dataset.dx
    return data_checks(
        stored, [(R[:, 0], R[:, 1:first], R[:, first:])], shift=dataset.summary.shift[1:], eps=dataset.data_eps
    )


DOCUMENT = VerifyResult
