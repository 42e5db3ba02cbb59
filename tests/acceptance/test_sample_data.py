"""sample_data/ is what its script writes, and its checkpoints are what SOURCES.md says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lossurf

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_data"
CHECKPOINTS = SAMPLES / "wine" / "checkpoints"


def files_below(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_the_script_reproduces_every_file_byte_for_byte(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "tests" / "tools" / "make_sample_data.py", tmp_path], check=True)
    stored = files_below(SAMPLES)
    del stored["SOURCES.md"], stored["wine/lossurf.yaml"]  # written by hand
    del stored["wine.ipynb"]  # by a program of its own
    made = files_below(tmp_path)
    assert sorted(made) == sorted(stored)
    assert [name for name in stored if made[name] != stored[name]] == []


def wine() -> list[np.ndarray]:
    return [np.loadtxt(SAMPLES / "wine" / f"{name}.csv", delimiter=",", skiprows=1) for name in "XY"]


def dense_hessian_eigenvalues(
    layers: list[np.ndarray], X: np.ndarray, Y: np.ndarray, decay: float = 0.0
) -> tuple[float, np.ndarray]:
    """Largest gradient entry and eigenvalues of the Hessian by central differences of a gradient written out here."""
    shapes = [layer.shape for layer in layers]
    cuts = np.cumsum([rows * columns for rows, columns in shapes])[:-1]

    def gradient(flat: np.ndarray) -> np.ndarray:
        weights = [part.reshape(shape) for part, shape in zip(np.split(flat, cuts), shapes, strict=True)]
        below = [np.eye(X.shape[1])]
        for W in weights:
            below.append(W @ below[-1])
        back, slopes = (X @ below[-1].T - Y).T @ X, []
        for W, B in zip(reversed(weights), reversed(below[:-1]), strict=True):
            slopes.append((back @ B.T + decay * W).ravel())
            back = W.T @ back
        return np.concatenate(slopes[::-1])

    point = np.concatenate([layer.ravel() for layer in layers])
    steps = 1e-5 * np.eye(point.size)
    H = np.array([(gradient(point + step) - gradient(point - step)) / 2e-5 for step in steps])
    return float(np.abs(gradient(point)).max()), np.linalg.eigvalsh((H + H.T) / 2)


# Independent channel: the dense Hessian of the loss on the stored samples.
@pytest.mark.parametrize(
    ("name", "critical", "downhill"),
    [
        ("global-minimum", True, False),
        ("strict-saddle", True, True),
        ("strict-saddle-tails", True, True),
        ("bad-saddle", True, False),
        ("early-float32", False, True),
    ],
)
def test_dense_hessians_agree_with_the_stated_kinds(name: str, critical: bool, downhill: bool) -> None:
    X, Y = wine()
    with np.load(CHECKPOINTS / f"{name}.npz") as archive:
        layers = [archive[key].astype(np.float64) for key in archive.files]
    largest_gradient, eigenvalues = dense_hessian_eigenvalues(layers, X, Y)
    scale = eigenvalues[-1]
    assert (largest_gradient < 1e-11 * scale) == critical  # the points are exact to about 1e-15
    assert (eigenvalues[0] < -1e-8 * scale) == downhill  # the saddles' are below -1e-2, central differences leave 1e-10


@pytest.mark.parametrize(
    ("name", "verdict", "is_lower_known"),
    [
        ("one-hidden-float32", "global-minimum", False),
        ("deep-float32", "local-minimum", False),
        ("collapsed-float32", "local-minimum", True),
        ("early-float32", "not-critical", False),
    ],
)
def test_what_was_trained_with_weight_decay_is_judged_right(name: str, verdict: str, is_lower_known: bool) -> None:
    # trusts central differences of the regularised gradient on the stored samples
    X, Y = wine()
    path, decay = SAMPLES / "wine" / "decayed" / f"{name}.npz", 0.01 * Y.size / 2
    with np.load(path) as archive:
        layers = [archive[key].astype(np.float64) for key in archive.files]
    result = lossurf.classify(path, X, Y, weight_decay=0.01)
    assert result.verdict == verdict
    assert (result.decay.lower is not None) is is_lower_known
    largest_gradient, eigenvalues = dense_hessian_eigenvalues(layers, X, Y, decay)
    assert (largest_gradient < 1e-5 * eigenvalues[-1]) == (verdict != "not-critical")
    if verdict == "not-critical":
        return
    near, flat = 1e-3 * decay, result.inertia.zero  # rounded weights turn zeros into this much
    assert np.count_nonzero(np.abs(eigenvalues) < near) == flat
    assert eigenvalues[0] > -near
    if name != "collapsed-float32":  # zero is critical without weight decay too
        assert lossurf.classify(path, X, Y).verdict == "not-critical"


def test_the_adapter_is_at_the_best_of_rank_one_on_its_base() -> None:
    # trusts numpy's least squares and SVD
    X, Y = wine()
    folder = SAMPLES / "wine" / "adapted"
    with np.load(folder / "base.npz") as archive:
        left = Y - X @ archive["fc.weight"].astype(np.float64).T
    fitted = X @ np.linalg.lstsq(X, left, rcond=None)[0]
    least = 0.5 * (np.sum((left - fitted) ** 2) + np.sum(np.linalg.svd(fitted, compute_uv=False)[1:] ** 2))
    on_base = lossurf.classify(folder / "adapter", lossurf.Data(X, Y, base=folder / "base.npz"))
    assert on_base.verdict == "global-minimum"
    assert on_base.loss == pytest.approx(least, rel=1e-10)
    assert lossurf.classify(folder / "adapter", X, Y).verdict == "not-critical"


def test_the_bad_saddle_lies_above_the_global_minimum() -> None:
    X, Y = wine()
    losses = {}
    for name in ("bad-saddle", "global-minimum"):
        with np.load(CHECKPOINTS / f"{name}.npz") as archive:
            losses[name] = 0.5 * np.sum((X @ (archive["W3"] @ archive["W2"] @ archive["W1"]).T - Y) ** 2)
    assert losses["bad-saddle"] > 1.2 * losses["global-minimum"]
