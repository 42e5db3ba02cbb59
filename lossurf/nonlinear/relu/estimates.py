"""A measured number with its interval, and how it is held against a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lossurf.fields import Unbounded
from lossurf.numerics import Matrix
from lossurf.words import Status

CONFIDENCE: Final = 0.95
"""Two-sided level of every interval of the ReLU measurements, the customary one."""

NORMAL_QUANTILE: Final = 1.959963984540054
"""The 0.975 quantile of the standard normal distribution: what CONFIDENCE asks of a symmetric interval."""

LEAST_SAMPLES: Final = 10
"""Below this many samples no resampling interval is given: with so few distinct resamples it would be far too short."""


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval; both None where the data leave it undefined.

    Attributes
    ----------
    value : float or None
        None where it is not defined.
    interval : (float, float) or None
        95 % interval; None where there is none.
    """

    value: Unbounded | None
    interval: tuple[float, float] | None

    def within(self, limit: float) -> Status:
        """Decide "the quantity is at most `limit`" from the whole interval; without one it is undecided."""
        if self.interval is None:
            return Status.UNDECIDED
        low, high = self.interval
        if high <= limit:
            return Status.HOLDS
        return Status.FAILS if low > limit else Status.UNDECIDED


UNDEFINED: Final = Estimate(None, None)


def percentile_estimate(value: float, resampled: Matrix) -> Estimate:
    """Return the value with the percentile interval of its bootstrap replicates (Efron & Tibshirani 1993, ch. 13)."""
    finite = resampled[np.isfinite(resampled)]
    if not np.isfinite(value) or finite.size == 0:
        return UNDEFINED
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(finite, [tail, 100.0 - tail])
    return Estimate(float(value), (float(low), float(high)))
