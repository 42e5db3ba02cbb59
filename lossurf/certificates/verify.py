"""A certificate's claim derived again from its matrices, by a short path of its own.

Plain products, singular values and the definitions of theory sections 5 and 6; nothing of the analysis that wrote the
certificate is used. Every number that is claimed is computed again, so that no array and no number can be exchanged
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

import numpy as np

from lossurf.certificates.check import Check, at_most
from lossurf.certificates.decay import DecayClaim
from lossurf.certificates.frozen import FrozenClaim
from lossurf.certificates.plain import PlainClaim
from lossurf.certificates.stored import StoredCertificate, output_weights
from lossurf.certificates.tied import TiedClaim
from lossurf.certificates.tolerance import representable_layers
from lossurf.fields import Magnitude, limited
from lossurf.numerics import Matrix
from lossurf.words import CLAIMED


@dataclass(frozen=True)
class Verification:
    """Whether a certificate's claim is true.

    Attributes
    ----------
    certificate : str
        The file.
    claim : str
        The verdict that is claimed.
    valid : bool
        Whether every check passed.
    checks : tuple of Check
    tolerance, default_tolerance : float
        tau of the claim, and the one that the stored dtypes of the weights justify.
    gap : float or None
        L - L* of the weights, computed again, user's units; None where it leaves the range of float64.
    gap_is_bound : bool
        With weight decay: the gap is to a lower bound of the loss, and L - L* is at most that.
    """

    certificate: str
    claim: Annotated[str, limited(enum=[*CLAIMED])]
    valid: bool
    checks: Annotated[tuple[Check, ...], limited(minItems=1)]
    tolerance: float
    default_tolerance: Annotated[float, limited(exclusiveMinimum=0)]
    gap: Magnitude | None
    gap_is_bound: bool


class Derivation(Protocol):
    """A stored claim of one kind, derived again."""

    @property
    def said(self) -> Mapping[str, Any]:
        """The claim as it was written."""

    @property
    def weights(self) -> Sequence[Matrix]:
        """The layers as they are stored."""

    @property
    def tau(self) -> float:
        """The tolerance of the claim."""

    @property
    def default_tau(self) -> float:
        """The tolerance that the stored dtypes justify."""

    @property
    def gap(self) -> float:
        """L - L* or, where `gap_is_bound`, a bound of it, in the units of the data."""

    @property
    def gap_is_bound(self) -> bool:
        """Whether the gap is to a lower bound of the loss."""

    def checks(self) -> Iterator[Check]:
        """Yield what the claim says, computed again."""


_BY_KEY: Final[dict[str, Callable[[StoredCertificate], Derivation]]] = {
    "lambda": DecayClaim,
    "frozen": FrozenClaim,
    "tied": TiedClaim,
}
"""Claims of other losses and networks, each told by a key of the claim that no other has."""


def derivation_of(stored: StoredCertificate) -> Derivation:
    """Return what derives a stored claim again."""
    others = [derive for key, derive in _BY_KEY.items() if stored.claim.get(key) is not None]
    return others[0](stored) if others else PlainClaim(stored)


def verify_certificate(stored: StoredCertificate, *, any_tolerance: bool = False) -> Verification:
    """Derive a certificate's claim again.

    Parameters
    ----------
    stored : StoredCertificate
    any_tolerance : bool
        Accept a claim at a tolerance that is easier to meet than the default of the weights' dtype: every point is
        critical at a large one, and none at a tiny one.

    Returns
    -------
    Verification
        `valid` only if every check passed; a number that leaves the range of float64 passes none.
    """
    with np.errstate(all="ignore"):  # a forged certificate may overflow anywhere; its checks then fail
        claim = derivation_of(stored)
        written = (Check("digest", stored.intact), *_tolerance(claim, any_tolerance=any_tolerance))
        checks, gap = (*written, *claim.checks()), claim.gap
    return Verification(
        certificate=stored.name,
        claim=str(stored.claim["claim"]),
        valid=all(check.ok for check in checks),
        checks=checks,
        tolerance=claim.tau,
        default_tolerance=claim.default_tau,
        gap=gap if np.isfinite(gap) else None,
        gap_is_bound=claim.gap_is_bound,
    )


def _tolerance(claim: Derivation, *, any_tolerance: bool) -> Iterator[Check]:
    """Refuse a tolerance that makes the claim easier than the weights' own precision does."""
    dtypes = [str(layer.get("dtype")) for layer in claim.said["layers"]]
    yield Check("dtypes", representable_layers(claim.weights, dtypes, output_weights(claim.said["data"])))
    if any_tolerance:
        yield at_most("tolerance", claim.tau, 1.0, over=0.0)
    elif claim.said["claim"] == "not-critical":
        yield Check("tolerance", claim.default_tau <= claim.tau <= 1.0, claim.tau, claim.default_tau)
    else:
        yield at_most("tolerance", claim.tau, claim.default_tau, over=0.0)
