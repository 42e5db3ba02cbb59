"""Corollary 3.2 held against a trained ReLU checkpoint: each assumption measured, and decided three-valued.

Kawaguchi 2016, section 3.2: if every path is active with one probability (A1p-m) and activations are independent of
inputs (A5u-m), the expected network is the linear one with weights rho P. On a fixed network the activations are a
function of the input, so A5u-m holds literally only where every unit is constant on the data; what is measured is how
much the difference matters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray

from lossurf.fields import Count, Share, Size, limited
from lossurf.nonlinear.relu.assumptions import LEVEL, Assumption, decide
from lossurf.nonlinear.relu.decomposition import RESAMPLES, decompose
from lossurf.nonlinear.relu.estimates import Estimate
from lossurf.nonlinear.relu.independence import (
    PERMUTATIONS,
    MaskShuffle,
    UnitDependence,
    mask_shuffle_test,
    unit_dependence_test,
)
from lossurf.nonlinear.relu.network import Masks, ReluNetwork
from lossurf.nonlinear.relu.path_statistics import path_dispersion, start_layer_activation, unit_rates
from lossurf.nonlinear.relu.reduction_check import ReductionCheck, simulate_reduction
from lossurf.nonlinear.relu.survey import Survey
from lossurf.theory.hypotheses import overall
from lossurf.words import Status

SAMPLE_LIMIT: Final = 2000
"""Most samples in the statistics whose cost is quadratic in them (16 million pairs)."""

_DEPENDENCE_LIMIT: Final = 1000  # most samples of the distance covariance
_TEST_WORK: Final = 1e11  # multiplications of each test: seconds
_LEAST_SAMPLES: Final = 200  # of each statistic, however large the network: fewer say too little
_MAP_NUMBERS: Final = 2**24  # numbers in the per-sample maps J_i that are in memory together: 128 MB
_SIMULATED: Final = 64  # samples of the simulation

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class UnitSummary:
    """The units of one hidden layer (from 1): never active, always active, and the range of their rates.

    Attributes
    ----------
    layer : int
        From 1.
    units : int
        How many it has.
    dead : int
        Active on no sample.
    always_on : int
        Active on every sample.
    rate_min : float
        Least share of samples on which one is active.
    rate_median : float
        Median share.
    rate_max : float
        Largest share.
    """

    layer: Size
    units: Size
    dead: Count
    always_on: Count
    rate_min: Share
    rate_median: Share
    rate_max: Share


@dataclass(frozen=True)
class Sampling:
    """How many of the `samples` each statistic uses: all of them up to its limit, else a seeded random subset.

    Attributes
    ----------
    samples : int
        m; losses, rho and the units' rates use all of them.
    paths : int
        Path dispersion.
    maps : int
        The decomposition, which keeps one map for each sample.
    shuffles : int
        Mask shuffles.
    dependence : int
        Distance covariance, whose work grows with the square.
    permutations, resamples : int
        Of each test, and of the bootstrap.
    """

    samples: Size
    paths: Size
    maps: Size
    shuffles: Size
    dependence: Size
    permutations: Size = PERMUTATIONS
    resamples: Size = RESAMPLES


@dataclass(frozen=True)
class ReluMeasurements:
    """Everything measured on the activations and outputs of a ReLU network.

    Attributes
    ----------
    literal : bool
        Whether every unit is constant on the data, so that A5u-m holds to the letter.
    rho : Estimate
        Mean share of active paths from the input.
    rho_by_start_layer : tuple of Estimate
        The same for paths from the input (and b_1), from b_2, ..., from b_N (always 1).
    path_cv : Estimate
        Coefficient of variation of the paths' probabilities (A1p-m: 0).
    delta1, delta5, eta : Estimate
        Of `Decomposition`.
    mask_shuffle : MaskShuffle
    unit_dependence : UnitDependence
    simulation : ReductionCheck
    assumptions : tuple of Assumption
        a1p-m, a5u-m, reduction.
    units : tuple of UnitSummary
    sampling : Sampling
    seed : int
        Every random draw follows from it.
    status : Status
        `holds` only if all three assumptions hold.
    """

    literal: bool
    rho: Estimate
    rho_by_start_layer: Annotated[tuple[Estimate, ...], limited(minItems=1)]
    path_cv: Estimate
    delta1: Estimate
    delta5: Estimate
    eta: Estimate
    mask_shuffle: MaskShuffle
    unit_dependence: UnitDependence
    simulation: ReductionCheck
    assumptions: Annotated[tuple[Assumption, ...], limited(minItems=3)]
    units: tuple[UnitSummary, ...]
    sampling: Sampling
    seed: Count
    status: Status


def measure(network: ReluNetwork, facts: Survey, seed: int, progress: Progress | None = None) -> ReluMeasurements:
    """Measure the assumptions of Corollary 3.2 on a surveyed network.

    Parameters
    ----------
    network : ReluNetwork
    facts : Survey
        Of the same network and data.
    seed : int
        Every random draw follows from it.
    progress : callable, optional
        Called with the name of a stage and the share of it that is done.

    Returns
    -------
    ReluMeasurements
    """
    told = progress or (lambda _stage, _share: None)
    choose, resample, shuffle, permute, simulate = (
        np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(5)
    )
    X = facts.subsample
    masks = network.forward(X)[1]
    activation = start_layer_activation(masks, X.shape[0])
    at_maps, at_shuffles, at_dependence, at_simulated = (
        _some(X.shape[0], wanted, choose)
        for wanted in (_map_sample(network), _shuffle_sample(network), _dependence_sample(network), _SIMULATED)
    )
    told("path statistics", 0.0)
    path_cv = path_dispersion(masks, activation[:, 0])
    told("decomposition", 0.0)
    parts = decompose(network, X[at_maps], _rows(masks, at_maps), activation[at_maps], resample)
    told("mask shuffles", 0.0)
    shuffled = mask_shuffle_test(network, X[at_shuffles], _rows(masks, at_shuffles), shuffle)
    told("distance covariance", 0.0)
    dependent = unit_dependence_test(
        X[at_dependence], _rows(masks, at_dependence), permute, level=LEVEL / 2, progress=progress
    )
    told("simulation", 0.0)
    simulation = simulate_reduction(network, X[at_simulated], facts.start_rates, simulate)
    literal = all(_is_constant(count, facts.samples).all() for count in facts.active)
    assumptions = decide(path_cv, parts, shuffled, dependent, literal=literal)
    return ReluMeasurements(
        literal=literal,
        rho=facts.rates[0],
        rho_by_start_layer=facts.rates,
        path_cv=path_cv,
        delta1=parts.delta1,
        delta5=parts.delta5,
        eta=parts.eta,
        mask_shuffle=shuffled,
        unit_dependence=dependent,
        simulation=simulation,
        assumptions=assumptions,
        units=summarise_units(facts.active, facts.samples),
        sampling=Sampling(facts.samples, X.shape[0], at_maps.size, at_shuffles.size, at_dependence.size),
        seed=seed,
        status=overall([assumption.status for assumption in assumptions]),
    )


def summarise_units(active: tuple[NDArray[np.int64], ...], samples: int) -> tuple[UnitSummary, ...]:
    """Summarise the activity of each hidden layer's units over all samples."""
    summaries = []
    for layer, count in enumerate(active, start=1):
        rates = unit_rates(count, samples)
        dead, always = int(np.count_nonzero(count == 0)), int(np.count_nonzero(count == samples))
        spread = (float(rates.min()), float(np.median(rates)), float(rates.max()))
        summaries.append(UnitSummary(layer, count.size, dead, always, *spread))
    return tuple(summaries)


def _is_constant(count: NDArray[np.int64], samples: int) -> NDArray[np.bool_]:
    return np.asarray((count == 0) | (count == samples))


def _rows(masks: Masks, chosen: NDArray[np.int64]) -> Masks:
    return tuple(mask[chosen] for mask in masks)


def _some(available: int, wanted: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return indices of a sample without replacement, in order; all of them if there are no more than wanted."""
    if available <= wanted:
        return np.arange(available)
    return np.sort(rng.permutation(available)[:wanted])


def _map_sample(network: ReluNetwork) -> int:
    """How many of the maps J_i fit into the memory allowed; never fewer than an interval needs."""
    numbers: int = network.weights[-1].shape[0] * (max(W.shape[1] for W in network.weights) + 1)
    return max(_LEAST_SAMPLES, _MAP_NUMBERS // numbers)


def _shuffle_sample(network: ReluNetwork) -> int:
    """How many samples the mask shuffles can afford: their work is weights * n * permutations."""
    affordable = _TEST_WORK / (sum(W.size for W in network.weights) * PERMUTATIONS)
    return max(_LEAST_SAMPLES, int(affordable))


def _dependence_sample(network: ReluNetwork) -> int:
    """How many samples the distance covariance of all units can afford: its work is units * n^2 * permutations."""
    units = max(sum(network.hidden_widths), 1)
    affordable = int(np.sqrt(_TEST_WORK / (units * PERMUTATIONS)))
    return min(_DEPENDENCE_LIMIT, max(_LEAST_SAMPLES, affordable))
