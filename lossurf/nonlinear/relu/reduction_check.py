"""Corollary 3.2 simulated: random activations on a checkpoint's weights average to the linear network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from lossurf.fields import INFINITE, Count, Size, Unbounded, limited
from lossurf.nonlinear.relu.corollary import reduced_map, unit_probabilities
from lossurf.nonlinear.relu.network import Masks, ReluNetwork, with_constant
from lossurf.numerics import Matrix, rank_threshold
from lossurf.words import Status

SLOPE_ERROR: Final = 0.02
"""Standard error of the slope at which the simulation stops: far below the deviations (eta) it is compared with."""

SIMULATION_LEVEL: Final = 1e-3
"""Family-wise level of the comparison. The identity is a theorem, so a rejection means a mistake in the arithmetic, not
a property of the network; it is kept rarer than the tests of the assumptions."""

_ACTIVE_DRAWS: Final = 100  # expected draws with a given path active: below this, means are too skewed for a normal law
_LEAST_DRAWS: Final = 2048  # the same for the law of the mean over draws when every path is common
_BATCH: Final = 128  # draws in memory together
_MOST_DRAWS: Final = 2**17  # about a second for a network so small that its work does not count
_MOST_FLOPS: Final = 1e10  # of a simulation: seconds


@dataclass(frozen=True)
class ReductionCheck:
    """The mean of masked networks against the linear network.

    Attributes
    ----------
    status : Status
        `holds` if slope and entries agree within their errors.
    slope, slope_error : float or None
        <mean, linear> / <linear, linear> and its standard error.
    largest_z, z_limit : float or None
        The largest entrywise deviation in standard errors, and its Bonferroni limit.
    draws, samples : int
        Activations drawn for each sample; samples used.
    reason : str or None
        Why it is undecided.
    """

    status: Status
    slope: Unbounded | None
    slope_error: Annotated[float, limited(minimum=0), INFINITE] | None
    largest_z: Annotated[float, limited(minimum=0), INFINITE] | None
    z_limit: Annotated[float, limited(minimum=0), INFINITE] | None
    draws: Count
    samples: Size
    reason: str | None


def simulate_reduction(
    network: ReluNetwork, X: Matrix, start_rates: Matrix, rng: np.random.Generator
) -> ReductionCheck:
    """Draw independent units with the measured rates and compare the mean output with the linear network's.

    Parameters
    ----------
    network : ReluNetwork
    X : ndarray, shape (n, dx)
        A few dozen samples.
    start_rates : ndarray, shape (H + 1,)
    rng : numpy.random.Generator

    Returns
    -------
    ReductionCheck
    """
    R = reduced_map(network, start_rates)
    linear = with_constant(X) @ R.T
    size = float(np.max(np.abs(linear), initial=0.0))
    if size == 0.0:
        return ReductionCheck(Status.UNDECIDED, None, None, None, None, 0, X.shape[0], "the reduced network is zero")
    moments = _Moments(linear / size)
    p = unit_probabilities(start_rates)
    enough, most = _draws(network, X.shape[0], float(start_rates[0]))
    while moments.draws < enough or (moments.slope_error > SLOPE_ERROR and moments.draws < most):
        moments.add(_random_outputs(network, X, p, rng) / size)
    return _judge(moments, float(start_rates[0]))


def _draws(network: ReluNetwork, samples: int, rate: float) -> tuple[int, int]:
    """Return the draws that are enough for normal laws, and the most that the work allows."""
    work = 2.0 * samples * sum(W.size for W in network.weights)
    most = max(_LEAST_DRAWS, min(_MOST_DRAWS, int(_MOST_FLOPS / work)))
    needed = max(_LEAST_DRAWS, _ACTIVE_DRAWS / rate if rate > 0.0 else np.inf)
    if needed > most:  # it will be undecided: more draws would not help
        return _LEAST_DRAWS, _LEAST_DRAWS
    return int(needed), most


def _random_outputs(network: ReluNetwork, X: Matrix, p: Matrix, rng: np.random.Generator) -> Matrix:
    """Return the outputs of `_BATCH` draws, shape (draws, n, dy)."""
    n = X.shape[0]
    repeated = np.broadcast_to(X, (_BATCH, *X.shape)).reshape(-1, X.shape[1])
    masks: Masks = tuple(
        rng.random((_BATCH * n, width), dtype=np.float32) < rate
        for width, rate in zip(network.hidden_widths, p, strict=True)
    )
    return network.masked_forward(repeated, masks).reshape(_BATCH, n, -1)


class _Moments:
    """Running means over draws of the outputs, their squares and the slope on the linear network."""

    def __init__(self, linear: Matrix) -> None:
        self.linear = linear
        self.draws = 0
        self._first = np.zeros_like(linear)  # of deviations from `linear`, which cancels nothing
        self._second = np.zeros_like(linear)
        self._slopes: list[Matrix] = []

    def add(self, outputs: Matrix) -> None:
        deviations = outputs - self.linear
        self.draws += outputs.shape[0]
        self._first += deviations.sum(axis=0)
        self._second += (deviations**2).sum(axis=0)
        self._slopes.append(np.tensordot(deviations, self.linear, axes=2) / np.sum(self.linear**2))

    @property
    def slope(self) -> float:
        return 1.0 + float(np.mean(np.concatenate(self._slopes)))

    @property
    def slope_error(self) -> float:
        return float(np.std(np.concatenate(self._slopes), ddof=1) / np.sqrt(self.draws))

    def largest_z(self) -> float:
        """Largest |mean deviation| in standard errors; entries that do not vary must agree to rounding."""
        mean = self._first / self.draws
        error = np.sqrt(np.maximum(self._second / self.draws - mean**2, 0.0) / (self.draws - 1))
        rounding = rank_threshold(1.0, self.linear.size)
        z = np.divide(np.abs(mean), error, out=np.zeros_like(mean), where=error > rounding)
        z[(error <= rounding) & (np.abs(mean) > rounding)] = np.inf
        return float(np.max(z))


def _judge(moments: _Moments, rate: float) -> ReductionCheck:
    from scipy.special import ndtri

    comparisons = moments.linear.size + 1  # every entry and the slope
    limit = -float(ndtri(SIMULATION_LEVEL / (2 * comparisons)))
    slope, error, largest = moments.slope, moments.slope_error, moments.largest_z()
    agrees = abs(slope - 1.0) <= limit * error + rank_threshold(1.0, moments.linear.size) and largest <= limit
    reason = None
    if moments.draws * rate < _ACTIVE_DRAWS:
        reason = f"paths are active too rarely (rho = {rate:.3g}) for {moments.draws} draws to decide"
    elif error > SLOPE_ERROR:
        reason = f"the standard error of the slope is still {error:.3g} after {moments.draws} draws"
    status = Status.UNDECIDED if reason else Status.HOLDS if agrees else Status.FAILS
    n = moments.linear.shape[0]
    finite = largest if np.isfinite(largest) else None
    return ReductionCheck(status, slope, error, finite, limit, moments.draws, n, reason)
