"""A program as a user writes it, which `mypy --strict` must accept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import lossurf
from lossurf.callbacks import Monitor


def train(X: NDArray[np.float64], Y: NDArray[np.float64]) -> lossurf.PointResult:
    """Train a linear network until the verdict is a global minimum, and judge it."""
    data = lossurf.Data(X, Y)
    widths = (data.dx, 2, data.dy)
    allowed: lossurf.CheckResult = lossurf.check(data, widths=widths)
    weights = [0.1 * np.ones((2, data.dx)), 0.1 * np.ones((data.dy, 2))]
    monitor = Monitor(data, every=10, stop_at="global-minimum")
    for step in range(100):
        residual = X @ weights[0].T @ weights[1].T - Y
        gradients = weights[1].T @ residual.T @ X, residual.T @ X @ weights[0].T
        weights = [W - 1e-3 * gradient for W, gradient in zip(weights, gradients, strict=True)]
        monitor.step(weights, step)
        if monitor.should_stop:
            break
    result = lossurf.classify(weights, data, expect=["global-minimum"])
    if result.verdict in ("strict-saddle", "bad-saddle"):
        lower: lossurf.EscapeResult = lossurf.escape(weights, data)
        lower.save(Path("better.npz"))
        weights = [np.asarray(W, dtype=np.float64) for W in lower.end.layers]
    assert result.loss >= allowed.optimal_loss - allowed.optimal_loss_error
    document: dict[str, object] = result.to_dict()
    print(result, document["ok"])
    return result


def read(folder: Path) -> lossurf.WatchResult:
    """Read data and a run from files."""
    data = lossurf.read(folder, standardize=True)
    point: lossurf.Construction = lossurf.construct(data, widths=[data.dx, data.dy], kind="global-minimum")
    point.save(folder / "best.npz")
    runs = lossurf.watch({"sgd": folder / "sgd.jsonl", "adam": f"{folder}/adam/*.npz"}, data)
    for run in runs.runs or ():
        print(run.name, run.verdict, run.loss)
    axes = runs.plot(panel="left")
    axes.set_title("seeds")
    return lossurf.watch(f"{folder}/run/*.npz", data, expect=["global-minimum"])


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((20, 3))
    train(inputs, inputs @ rng.standard_normal((3, 2)))
