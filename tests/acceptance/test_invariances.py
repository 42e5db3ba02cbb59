"""The verdict does not depend on units, scale, rotation, the number or order of samples, or useless inputs.

Independent channel: the point's kind is known from how it was made (theory: constructions, and dense Hessians in
test_sample_data.py); each change below is linear, onto and known to keep the type.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from process import ROOT

from lossurf import Classification, classify

SAMPLES = ROOT / "sample_data"
Network = tuple[list[np.ndarray], np.ndarray, np.ndarray]


@cache
def wine_checkpoint(name: str) -> Network:
    X, Y = (np.loadtxt(SAMPLES / "wine" / f"{part}.csv", delimiter=",", skiprows=1) for part in "XY")
    with np.load(SAMPLES / "wine" / "checkpoints" / f"{name}.npz") as archive:
        return [archive[key].astype(np.float64) for key in archive.files], X, Y


@cache
def zero_digits(*hidden: int) -> Network:
    """All-zero layers on data whose X has rank 61 of 64."""
    X, Y = (np.load(SAMPLES / "digits" / f"{part}.npy").astype(np.float64) for part in "XY")
    widths = (64, *hidden, 10)
    return [np.zeros((rows, columns)) for columns, rows in pairwise(widths)], X, Y


@cache
def fitted_digits() -> Network:
    _, X, Y = zero_digits()
    return [np.linalg.lstsq(X, Y, rcond=1e-10)[0].T], X, Y


POINTS: dict[str, tuple[Callable[[], Network], str, float]] = {
    "global-minimum": (lambda: wine_checkpoint("global-minimum"), "global-minimum", 1e-8),
    "strict-saddle": (lambda: wine_checkpoint("strict-saddle"), "strict-saddle", 1e-8),
    "strict-saddle-tails": (lambda: wine_checkpoint("strict-saddle-tails"), "strict-saddle", 1e-8),
    "bad-saddle": (lambda: wine_checkpoint("bad-saddle"), "bad-saddle", 1e-8),
    "bad-saddle-float32": (lambda: wine_checkpoint("bad-saddle-float32"), "bad-saddle", 1e-6),
    "early-float32": (lambda: wine_checkpoint("early-float32"), "not-critical", 1e-6),
    "nearly-float32": (lambda: wine_checkpoint("nearly-float32"), "undetermined", 1e-6),
    "trained-float32": (lambda: wine_checkpoint("trained-float32"), "global-minimum", 1e-6),
    "digits fitted, one matrix": (fitted_digits, "global-minimum", 1e-8),
    "digits zero, one hidden layer": (lambda: zero_digits(16), "strict-saddle", 1e-8),
    "digits zero, two hidden layers": (lambda: zero_digits(16, 12), "bad-saddle", 1e-8),
}


def generator() -> np.random.Generator:
    return np.random.default_rng(20160523)


def unchanged(network: Network) -> Network:
    return network


def inputs_times(factor: float) -> Callable[[Network], Network]:
    return lambda network: ([network[0][0] / factor, *network[0][1:]], network[1] * factor, network[2])


def outputs_times(factor: float) -> Callable[[Network], Network]:
    return lambda network: ([*network[0][:-1], network[0][-1] * factor], network[1], network[2] * factor)


def both_times(factor: float) -> Callable[[Network], Network]:
    return lambda network: (network[0], network[1] * factor, network[2] * factor)


def layers_apart(network: Network) -> Network:
    weights = [layer.copy() for layer in network[0]]
    weights[0] *= 1e8
    weights[-1] /= 1e8  # of one matrix nothing changes
    return weights, network[1], network[2]


def samples_permuted(network: Network) -> Network:
    order = generator().permutation(network[1].shape[0])
    return network[0], network[1][order], network[2][order]


def samples_doubled(network: Network) -> Network:
    return network[0], np.vstack([network[1]] * 2), np.vstack([network[2]] * 2)


def inputs_rotated(network: Network) -> Network:
    weights, X, Y = network
    rotation = np.linalg.qr(generator().standard_normal((X.shape[1], X.shape[1])))[0]
    return [weights[0] @ rotation, *weights[1:]], X @ rotation, Y


def columns_in_other_units(network: Network) -> Network:
    weights, X, Y = network
    units = 10.0 ** generator().uniform(-6, 6, X.shape[1])
    units[:2] = 1e-6, 1e6
    return [weights[0] / units, *weights[1:]], X * units, Y


def zero_column_added(network: Network) -> Network:
    weights, X, Y = network
    wider = np.hstack([weights[0], generator().standard_normal((weights[0].shape[0], 1))])  # what X never sees is free
    return [wider, *weights[1:]], np.hstack([X, np.zeros((X.shape[0], 1))]), Y


def column_copied(network: Network) -> Network:
    weights, X, Y = network
    first, share = weights[0].copy(), weights[0][:, 4:5] * 0.3
    first[:, 4:5] -= share
    return [np.hstack([first, share]), *weights[1:]], np.hstack([X, X[:, 4:5]]), Y


# How much the loss is multiplied by: the loss has the units of Y squared times samples.
CHANGES: dict[str, tuple[Callable[[Network], Network], float]] = {
    "as given": (unchanged, 1.0),
    "X times 1e100": (inputs_times(1e100), 1.0),
    "Y times 1e-120": (outputs_times(1e-120), 1e-240),
    "X and Y times 1e150": (both_times(1e150), 1e300),
    "W_1 times 1e8, W_N divided by it": (layers_apart, 1.0),
    "samples permuted": (samples_permuted, 1.0),
    "samples doubled": (samples_doubled, 2.0),
    "X rotated with W_1": (inputs_rotated, 1.0),
    "columns in units from 1e-6 to 1e6": (columns_in_other_units, 1.0),
    "a zero column added": (zero_column_added, 1.0),
    "a column copied": (column_copied, 1.0),
}


@cache
def classification(point: str) -> Classification:
    make, _, tolerance = POINTS[point]
    return classify(*make(), tolerance=tolerance)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("point", POINTS)
def test_the_verdict_is_unchanged(point: str, change: str) -> None:
    make, verdict, tolerance = POINTS[point]
    transform, factor = CHANGES[change]
    weights, X, Y = transform(make())
    result = classify(weights, X, Y, tolerance=tolerance)
    assert result.verdict == verdict
    before = classification(point)
    assert result.loss == pytest.approx(before.loss * factor, rel=1e-9, abs=0.0)
    assert result.optimal_loss == pytest.approx(before.optimal_loss * factor, rel=1e-9, abs=0.0)
    assert result.rank == before.rank
    assert result.eigen_indices == before.eigen_indices


# The same through files and the command, for the changes that reach the ends of float64.
@pytest.mark.parametrize(
    ("change", "kind"),
    [("X times 1e100", "bad-saddle"), ("Y times 1e-120", "strict-saddle"), ("X and Y times 1e150", "global-minimum")],
)
def test_the_command_sees_no_units(change: str, kind: str, lossurf: Run, tmp_path: Path) -> None:
    weights, X, Y = CHANGES[change][0](wine_checkpoint(kind))
    np.savez(tmp_path / "point.npz", **{f"W{k}": layer for k, layer in enumerate(weights, start=1)})
    np.savez(tmp_path / "data.npz", X=X, Y=Y)
    result = lossurf("classify", "point.npz", "--data", "data.npz", "--expect", kind)
    assert (result.returncode, result.stderr) == (0, "")
