"""Writes sample_data/wine.ipynb, run from its first cell to its last, with what it printed."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "sample_data" / "wine.ipynb"

CELLS = (
    """# A linear network that waits, and one that has arrived

Two layers of weights, ten measurements of a wine in, three cultivars out, and plain gradient descent from small
weights. The loss falls, waits, and falls again. Is it done? A flat curve does not tell. `lossurf` does, with proof.""",
    """import matplotlib.pyplot as plt
import numpy as np

import lossurf
from lossurf.callbacks import Monitor

data = lossurf.read("wine")
X, Y = data.samples()
X.shape, Y.shape""",
    """## What these data allow

For a network of widths 10, 2, 3 the product has rank 2 at most. The best loss of every rank is known before any
training: these are the heights at which a run can wait.""",
    """allowed = lossurf.check(data, widths=[10, 2, 3])
print(f"best loss of rank 0, 1, 2: {allowed.loss_by_rank[:3].round(2)}; L* = {allowed.optimal_loss:.2f}")""",
    """## Training, and a verdict every twenty steps""",
    """rng = np.random.default_rng(1)
W1, W2 = 1e-9 * rng.standard_normal((2, 10)), 1e-9 * rng.standard_normal((3, 2))
monitor = Monitor(data, every=20, stop_at="global-minimum")
rate = 0.1 / np.linalg.norm(X, 2) ** 2
for step in range(200_000):
    monitor.step([W1, W2], step)
    if monitor.should_stop:
        break
    residual = X @ W1.T @ W2.T - Y
    W1, W2 = W1 - rate * W2.T @ residual.T @ X, W2 - rate * residual.T @ X @ W1.T
print(f"stopped after {step} steps: {monitor.observations[-1].classification.verdict}")
assert monitor.should_stop""",
    """seen = [one for one in monitor.observations if one.step <= 2000]
steps, losses = [one.step for one in seen], [one.classification.loss for one in seen]
figure, axes = plt.subplots(figsize=(6, 3))
axes.plot(steps, losses)
for rank, loss in enumerate(allowed.loss_by_rank[:3]):
    axes.axhline(loss, color="0.6", linestyle="--")
    axes.annotate(f"best of rank {rank}", (steps[-1], loss), ha="right", va="bottom", color="0.4")
axes.margins(y=0.12)
axes.set(xlabel="step", ylabel="loss", title="Every plateau is a critical value of the loss");""",
    """## Stuck on purpose

A critical point whose product carries the second eigenvector of Sigma and not the first: its gradient is zero, and the
curve of its loss is as flat as that of the minimum. The verdict tells them apart, and how many independent ways lead
down.""",
    """saddle = lossurf.construct(data, widths=[10, 2, 3], kind="strict-saddle", eigen_set=[2])
stuck = lossurf.classify(saddle.checkpoint, data)
print(stuck.verdict, "with", stuck.inertia.negative, "independent ways down; gradient measure", f"{stuck.gradient:.0e}")
assert stuck.verdict == "strict-saddle"
stuck""",
    """## And out of it

`escape` leaves a saddle along its certificate; `to_minimum` follows the closed-form path to the least loss.""",
    """found = lossurf.escape(saddle.checkpoint, data, to_minimum=True)
print(f"{found.loss_before:.2f} -> {found.loss_after:.2f}, L* = {found.optimal_loss:.2f}")
arrived = lossurf.classify(found.lower, data)
print(arrived.verdict)
assert arrived.verdict == "global-minimum\"""",
    """## Do not believe it: verify it

The certificate holds the matrices and the claim; `verify` derives the claim again by a short path of its own.""",
    """from pathlib import Path
from tempfile import TemporaryDirectory

with TemporaryDirectory() as folder:
    proof = Path(folder) / "proof.npz"
    lossurf.certify(found.lower, data).save(proof)
    verification = lossurf.verify(proof, data)
print(verification.claim, "is", "valid" if verification.valid else "not valid", f"({len(verification.checks)} checks)")
assert verification.valid""",
)


def notebook() -> nbformat.NotebookNode:
    """The cells, text and code in the order of the lesson, without outputs."""
    code = ("import ", "allowed", "rng", "seen", "saddle", "found", "from ")
    made = nbformat.v4.new_notebook()
    for number, text in enumerate(CELLS):
        new = nbformat.v4.new_code_cell if text.startswith(code) else nbformat.v4.new_markdown_cell
        made.cells.append(new(text, id=f"cell-{number:02d}"))
    made.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return made


def run(made: nbformat.NotebookNode) -> None:
    """Run every cell where the sample data lie; the first that fails raises.

    What a cell prints is one output, in however many pieces a busy machine sends it.
    """
    place = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(made, timeout=300, resources=place, coalesce_streams=True).execute()


if __name__ == "__main__":
    made = notebook()
    run(made)
    for cell in made.cells:
        cell.metadata.pop("execution", None)  # the time of day
    nbformat.write(made, NOTEBOOK)
    sys.stdout.write(f"{NOTEBOOK.name}: {len(made.cells)} cells\n")
