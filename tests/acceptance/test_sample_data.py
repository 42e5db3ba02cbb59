"""sample_data/ is what its script writes, and its checkpoints are what SOURCES.md says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_data"
CHECKPOINTS = SAMPLES / "wine" / "checkpoints"


def files_below(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_the_script_reproduces_every_file_byte_for_byte(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "tests" / "tools" / "make_sample_data.py", tmp_path], check=True)
    stored = files_below(SAMPLES)
    del stored["SOURCES.md"], stored["wine/lossurf.yaml"]  # written by hand
    made = files_below(tmp_path)
    assert sorted(made) == sorted(stored)
    assert [name for name in stored if made[name] != stored[name]] == []


def wine() -> list[np.ndarray]:
    return [np.loadtxt(SAMPLES / "wine" / f"{name}.csv", delimiter=",", skiprows=1) for name in "XY"]


def dense_hessian_eigenvalues(layers: list[np.ndarray], X: np.ndarray, Y: np.ndarray) -> tuple[float, np.ndarray]:
    """Largest gradient entry and eigenvalues of the Hessian by central differences of a gradient written out here."""
    shapes = [layer.shape for layer in layers]
    cuts = np.cumsum([rows * columns for rows, columns in shapes])[:-1]

    def gradient(flat: np.ndarray) -> np.ndarray:
        W1, W2, W3 = (part.reshape(shape) for part, shape in zip(np.split(flat, cuts), shapes, strict=True))
        E = (X @ (W3 @ W2 @ W1).T - Y).T @ X
        return np.concatenate([(W2.T @ W3.T @ E).ravel(), (W3.T @ E @ W1.T).ravel(), (E @ W1.T @ W2.T).ravel()])

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


def test_the_bad_saddle_lies_above_the_global_minimum() -> None:
    X, Y = wine()
    losses = {}
    for name in ("bad-saddle", "global-minimum"):
        with np.load(CHECKPOINTS / f"{name}.npz") as archive:
            losses[name] = 0.5 * np.sum((X @ (archive["W3"] @ archive["W2"] @ archive["W1"]).T - Y) ** 2)
    assert losses["bad-saddle"] > 1.2 * losses["global-minimum"]
