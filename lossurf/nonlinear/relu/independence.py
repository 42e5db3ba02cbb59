"""Two permutation tests of A5u-m: whether the activations are independent of the inputs.

Both shuffle the samples' activations against their inputs, one permutation for all layers, so that the dependence
between units stays as it is. Under independence the data are exchangeable and the p-values exact
(Lehmann & Romano 2005, section 15.2), whatever the distributions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lossurf.fields import Count, Share, Size, Unbounded
from lossurf.nonlinear.relu.network import Masks, ReluNetwork, affine
from lossurf.numerics import Matrix, rank_threshold

PERMUTATIONS: Final = 499
"""Permutations of each test: p-values are multiples of 1/500, so that the level 0.05 is attained exactly."""

ENOUGH_OF_BOTH: Final = 5.0
"""A unit is tested if p (1 - p) n reaches this, the customary least expected count of a contingency table: a unit that
is nearly always in one state carries no evidence."""

_BATCH: Final = 16  # permutations in one matrix product

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class MaskShuffle:
    """Mask-shuffle test: the spread ||f - Jbar X||_F of the outputs around the averaged map, against shuffled masks.

    `ratio` is the observed spread over the mean of the shuffled ones; `p_value` two-sided. Both None where no shuffle
    moves anything: `reason` then says why.

    Attributes
    ----------
    p_value : float or None
        None where nothing can be shuffled.
    ratio : float or None
        Observed spread around the averaged map over the mean of the shuffled ones.
    reason : str or None
        Why no test is possible.
    """

    p_value: Share | None
    ratio: Unbounded | None
    reason: str | None


@dataclass(frozen=True)
class TestedUnit:
    """A hidden unit, layer and place from 1, and its adjusted p-value.

    Attributes
    ----------
    layer : int
        From 1.
    unit : int
        From 1.
    p_value : float
        Adjusted for all units (max-T).
    """

    layer: Size
    unit: Size
    p_value: Share


@dataclass(frozen=True)
class UnitDependence:
    """Distance covariance of single units with the input, adjusted for their number (max-T).

    Attributes
    ----------
    p_value : float or None
        The least adjusted p-value; None where no unit can be tested.
    tested, dependent : int
        Units with enough samples in both states, and those among them with an adjusted p-value at most the level.
    units : tuple of TestedUnit
        In network order.
    reason : str or None
        Why nothing could be tested.
    """

    p_value: Share | None
    tested: Count
    dependent: Count
    units: tuple[TestedUnit, ...]
    reason: str | None


def mask_shuffle_test(
    network: ReluNetwork, X: Matrix, masks: Masks, rng: np.random.Generator, permutations: int = PERMUTATIONS
) -> MaskShuffle:
    """Forward X with the activations of a permuted sample and compare the outputs' spread around the averaged map.

    Parameters
    ----------
    network : ReluNetwork
    X : ndarray, shape (n, dx)
    masks : tuple of ndarray of bool, shapes (n, d_k)
    rng : numpy.random.Generator
    permutations : int

    Returns
    -------
    MaskShuffle
    """
    if all(np.all(mask == mask[0]) for mask in masks):
        return MaskShuffle(None, None, "every unit is constant on the data")
    spread = _Spread(network, X, masks)
    observed = spread.of(masks)
    shuffled = np.empty(permutations)
    for k in range(permutations):
        order = rng.permutation(X.shape[0])
        shuffled[k] = spread.of(tuple(mask[order] for mask in masks))
    rounding = rank_threshold(float(shuffled.max()), X.shape[0])
    if np.all(np.abs(shuffled - observed) <= rounding):
        return MaskShuffle(None, None, "no shuffle of the activations changes the outputs' spread")
    above = np.count_nonzero(shuffled >= observed - rounding)  # a tie up to rounding counts on both sides
    below = np.count_nonzero(shuffled <= observed + rounding)
    p_value = min(2.0 * (1 + min(above, below)) / (permutations + 1), 1.0)
    return MaskShuffle(float(p_value), float(observed / shuffled.mean()), None)


def unit_dependence_test(
    X: Matrix,
    masks: Masks,
    rng: np.random.Generator,
    *,
    level: float,
    permutations: int = PERMUTATIONS,
    progress: Progress | None = None,
) -> UnitDependence:
    """Test each unit's activation against the input by distance covariance, single-step max-T adjusted.

    Parameters
    ----------
    X : ndarray, shape (n, dx)
        Columns are standardised first, so that units of measurement do not matter.
    masks : tuple of ndarray of bool, shapes (n, d_k)
    rng : numpy.random.Generator
    level : float
        Units with an adjusted p-value at most this count as dependent.
    permutations : int
    progress : callable, optional

    Returns
    -------
    UnitDependence

    Notes
    -----
    For a binary activation a, |a_i - a_j| centred twice is -2 (a_i - mean)(a_j - mean), so the squared distance
    covariance (Szekely, Rizzo & Bakirov 2007, definition 4) is -(2 / n^2) a^T B a with B the doubly centred distances
    of the inputs. Units are standardised by their own permutation distribution, which the identity belongs to, and
    compared with the maximum over units (Westfall & Young 1993, section 2.3).
    """
    units, names = testable_units(masks)
    B = centred_distances(X)
    if not names or not np.any(B):
        reason = "no unit is active often enough and inactive often enough" if not names else "all inputs are equal"
        return UnitDependence(None, 0, 0, (), reason)
    statistics = _permuted_statistics(units, B, rng, permutations, progress)
    spread = statistics.std(axis=0)
    moving = spread > rank_threshold(1.0, X.shape[0]) * np.abs(statistics).max(axis=0)
    standardised = (statistics[:, moving] - statistics[:, moving].mean(axis=0)) / spread[moving]
    if not np.any(moving):
        return UnitDependence(None, 0, 0, (), "no shuffle changes any unit's distance covariance")
    largest = standardised.max(axis=1)
    adjusted = (largest[:, None] >= standardised[0]).mean(axis=0)
    tested = [name for name, moves in zip(names, moving, strict=True) if moves]
    found = tuple(TestedUnit(*name, float(p)) for name, p in zip(tested, adjusted, strict=True))
    return UnitDependence(float(adjusted.min()), len(tested), int(np.count_nonzero(adjusted <= level)), found, None)


def testable_units(masks: Masks) -> tuple[Matrix, list[tuple[int, int]]]:
    """Return the activations of the units that can be tested, shape (units, n), and their (layer, unit) from 1."""
    rows: list[NDArray[np.bool_]] = []
    names: list[tuple[int, int]] = []
    for layer, mask in enumerate(masks, start=1):
        rate = mask.mean(axis=0)
        chosen = np.flatnonzero(rate * (1.0 - rate) * mask.shape[0] >= ENOUGH_OF_BOTH)
        rows.extend(mask[:, chosen].T)
        names.extend((layer, int(unit) + 1) for unit in chosen)
    return np.asarray(rows, dtype=np.float64), names


def centred_distances(X: Matrix) -> Matrix:
    """Return the Euclidean distances between standardised rows, centred by rows and columns, shape (n, n)."""
    from scipy.spatial.distance import cdist

    centred = X - X.mean(axis=0)
    size = np.max(np.abs(centred), axis=0, initial=0.0)
    scaled = np.divide(centred, size, out=np.zeros_like(centred), where=size > 0.0)
    deviation = scaled.std(axis=0)
    Z = np.divide(scaled, deviation, out=np.zeros_like(scaled), where=deviation > 0.0)
    D = cdist(Z, Z)
    means = D.mean(axis=0)
    return np.asarray(D - means - means[:, None] + means.mean())


def _permuted_statistics(
    units: Matrix, B: Matrix, rng: np.random.Generator, permutations: int, progress: Progress | None
) -> Matrix:
    """Squared distance covariance of each unit for the identity (row 0) and each permutation."""
    count, n = units.shape
    orders = np.vstack([np.arange(n), *(rng.permutation(n) for _ in range(permutations))])
    statistics = np.empty((permutations + 1, count))
    for start in range(0, permutations + 1, _BATCH):
        chosen = orders[start : start + _BATCH]
        shuffled = units[:, chosen].transpose(1, 0, 2).reshape(-1, n)
        forms = np.einsum("ij,ij->i", shuffled @ B, shuffled)
        statistics[start : start + _BATCH] = (-2.0 / n**2) * forms.reshape(-1, count)
        if progress is not None:
            progress("distance covariance", (start + len(chosen)) / (permutations + 1))
    return statistics


class _Spread:
    """||f - Jbar X||_F for given activations, in units of the largest output so that no square overflows."""

    def __init__(self, network: ReluNetwork, X: Matrix, masks: Masks) -> None:
        average = network.average_map(masks)
        self._network, self._X = network, X
        self._averaged = affine(X, average[:, :-1], average[:, -1])
        self._size = float(np.max(np.abs(network.masked_forward(X, masks)), initial=0.0)) or 1.0

    def of(self, masks: Masks) -> float:
        return float(np.linalg.norm((self._network.masked_forward(self._X, masks) - self._averaged) / self._size))
