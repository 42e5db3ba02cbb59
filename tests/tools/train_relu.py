"""Train small ReLU networks on the digits in `sample_data`, in plain numpy: stochastic gradient descent with momentum.

After each step the weights are rounded to multiples of 2^-20. Differences in the last bits between machines then die
out instead of growing, and the same seed gives the same network everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DIGITS = Path(__file__).resolve().parents[2] / "sample_data" / "digits"
GRID = 2.0**20

Vectors = list[NDArray[np.float64]]


def digits(folder: Path = DIGITS) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixels centred and scaled to order 1, as one does before training, and one-hot labels: (1797, 64), (1797, 10)."""
    X = np.load(folder / "X.npy").astype(np.float64) / 16.0
    return X - X.mean(axis=0), np.load(folder / "Y.npy").astype(np.float64)


def train(
    widths: Sequence[int],
    X: NDArray[np.float64],
    Y: NDArray[np.float64],
    *,
    bias: bool,
    steps: int = 1000,
    rate: float = 0.03,
    seed: int = 0,
) -> tuple[Vectors, Vectors]:
    """Weights (d_k, d_{k-1}) and biases (d_k), first to last; without `bias` the biases stay zero."""
    generator = np.random.default_rng(seed)
    weights = [generator.uniform(-1.0, 1.0, (b, a)) / np.sqrt(a) for a, b in pairwise(widths)]
    biases = [np.zeros(b) for b in widths[1:]]
    parameters = [np.round(p * GRID) / GRID for p in (*weights, *biases)]
    velocities = [np.zeros_like(p) for p in parameters]
    for _ in range(steps):
        rows = generator.integers(0, len(X), 100)
        gradients = gradient(parameters, X[rows], Y[rows])
        for k, slope in enumerate(gradients if bias else gradients[: len(weights)]):
            velocities[k] = 0.9 * velocities[k] - rate * slope
            parameters[k] = np.round((parameters[k] + velocities[k]) * GRID) / GRID
    return parameters[: len(weights)], parameters[len(weights) :]


def gradient(parameters: Vectors, X: NDArray[np.float64], Y: NDArray[np.float64]) -> Vectors:
    """Gradient of the mean over samples of 1/2 |f - y|^2, weights then biases."""
    depth = len(parameters) // 2
    weights, biases = parameters[:depth], parameters[depth:]
    layers = [X]
    for W, b in zip(weights[:-1], biases[:-1], strict=True):
        layers.append(np.maximum(layers[-1] @ W.T + b, 0.0))
    delta = (layers[-1] @ weights[-1].T + biases[-1] - Y) / len(X)
    of_weights, of_biases = [], []
    for W, h in zip(reversed(weights), reversed(layers), strict=True):
        of_weights.append(delta.T @ h)
        of_biases.append(delta.sum(axis=0))
        delta = (delta @ W) * (h > 0.0)
    return of_weights[::-1] + of_biases[::-1]


def in_pixels(weights: Vectors, biases: Vectors, folder: Path = DIGITS) -> dict[str, NDArray[np.float32]]:
    """The state dict of a torch.nn.Sequential of Linear and ReLU on pixels as stored, 0 to 16, in float32."""
    mean = np.load(folder / "X.npy").astype(np.float64).mean(axis=0)
    state = {}
    for k, (W, b) in enumerate(zip(weights, biases, strict=True)):
        first = k == 0  # x enters training as (x - mean) / 16
        state[f"{2 * k}.weight"] = (W / 16.0 if first else W).astype(np.float32)
        state[f"{2 * k}.bias"] = (b - W @ mean / 16.0 if first else b).astype(np.float32)
    return state


def sample_network(folder: Path = DIGITS) -> dict[str, NDArray[np.float32]]:
    """The ReLU network of `sample_data/digits`, widths 64,64,32,10."""
    return in_pixels(*train((64, 64, 32, 10), *digits(folder), bias=True), folder)
