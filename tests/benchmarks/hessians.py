"""Cost and answers of Hessian libraries at critical points, in gradients of the same reduced problem.

Run in an environment of its own with requirements-hessians.txt: python hessians.py [d ...].
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
import warnings
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

import numpy as np
import torch
from points import extremes, gradient, point, problem_and_map
from scipy.sparse.linalg import ArpackError, eigsh

from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network
from lossurf.landscape.curvature import find_curvature

KINDS = ("global-minimum", "bad-saddle", "strict-saddle", "zero")
DEPTH = 3


class Deep(torch.nn.Module):
    """A deep linear network on the reduced problem: its loss needs no data."""

    def __init__(self, layers, target):
        super().__init__()
        self.layers = torch.nn.ParameterList(torch.tensor(W) for W in layers)
        self.target = torch.tensor(target)

    def forward(self, x):
        for W in self.layers:
            x = x @ W.T
        return x


@dataclass(frozen=True)
class Ends:
    """What a method says of the least and the largest eigenvalue; None where it says nothing of one."""

    least: float | None
    largest: float | None


def least_cpu(repeats, call, *arguments):
    """Least CPU seconds of one call, over ten calls in a row: a gradient can be shorter than the clock's tick."""
    seconds = []
    for _ in range(repeats):
        before = time.process_time()
        for _ in range(10):
            call(*arguments)
        seconds.append((time.process_time() - before) / 10)
    return min(seconds)


def dense(model, x, y):
    """torch.func.hessian of the flat parameters, then eigvalsh."""
    shapes = [W.shape for W in model.layers]
    sizes = [W.numel() for W in model.layers]

    def loss(flat):
        out = x
        for part, shape in zip(flat.split(sizes), shapes, strict=True):
            out = out @ part.reshape(shape).T
        return half_sum(out, y)

    flat = torch.cat([W.detach().reshape(-1) for W in model.layers])
    values = torch.linalg.eigvalsh(torch.func.hessian(loss)(flat))
    return Ends(float(values[0]), float(values[-1]))


def half_sum(out, wanted):
    return 0.5 * ((out - wanted) ** 2).sum()


def eigenthings(model, x, y):
    from hessian_eigenthings import lanczos
    from hessian_eigenthings.loss_fns import supervised_loss
    from hessian_eigenthings.operators import HessianOperator

    operator = HessianOperator(model=model, dataloader=[(x, y)], loss_fn=supervised_loss(half_sum))
    ends = [float(lanczos(operator, k=1, max_iter=200, which=which, seed=0).eigenvalues[0]) for which in ("SA", "LA")]
    return Ends(*ends)


def curvlinops(model, x, y):
    """Both ends to 1 % by ARPACK; of twice the loss, as the sum that curvlinops takes."""
    from curvlinops import HessianLinearOperator

    loss = torch.nn.MSELoss(reduction="sum")
    operator = HessianLinearOperator(model, loss, list(model.parameters()), [(x, y)], check_deterministic=False)
    start = np.random.default_rng(0).standard_normal(sum(W.numel() for W in model.layers))
    ends = []
    for which in ("SA", "LA"):
        try:
            options = {"k": 1, "which": which, "tol": 1e-2, "maxiter": 50, "v0": start}
            ends.append(0.5 * float(eigsh(operator.to_scipy(), return_eigenvectors=False, **options)[0]))
        except ArpackError:  # that did not converge, or of a Hessian of zeros
            ends.append(None)
    return Ends(*ends)


def pyhessian(model, x, y):
    """The largest in size by power iteration, all that it has of eigenvalues."""
    from pyhessian import hessian

    with contextlib.redirect_stdout(io.StringIO()):
        values, _ = hessian(model, half_sum, data=(x, y), cuda=False).eigenvalues(maxIter=100, tol=1e-3)
    return Ends(None, values[0])


METHODS = {
    "torch.func.hessian + eigvalsh": (dense, 16),
    "hessian-eigenthings": (eigenthings, 256),
    "curvlinops + eigsh": (curvlinops, 128),
    "PyHessian": (pyhessian, 256),
}


def told(ends, truth):
    """Both ends, each with how far off it is in units of the spectral radius."""
    radius = max(map(abs, truth))
    parts = []
    for name, value, exact in (("least", ends.least, truth[0]), ("largest", ends.largest, truth[1])):
        off = "" if value is None or radius == 0.0 else f" ({abs(value - exact) / radius:.0e})"
        parts.append(f"{name} {'none' if value is None else f'{value:.2g}'}{off}")
    return ", ".join(parts)


def cell(method, layers, target, unit, truth):
    model = Deep(layers, target)
    x = torch.eye(target.shape[1], dtype=torch.float64)
    y = torch.tensor(target.T.copy())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            before = time.process_time()
            ends = method(model, x, y)
            seconds = time.process_time() - before
    except Exception as error:  # noqa: BLE001  # what a library answers is the measurement
        return f"{type(error).__name__}"
    return f"{seconds / unit:,.0f} g: {told(ends, truth)}"


def ours(layers, problem, unit, truth):
    """The verdict, which needs no eigenvalue, and both ends with their proved errors in units of the radius."""
    checkpoint = Checkpoint.of(layers)
    found = classify_network(checkpoint, problem, count=True)
    ends = find_curvature(layers, None, problem)
    calls = (partial(classify_network, checkpoint, problem, count=True), partial(find_curvature, layers, None, problem))
    costs = [least_cpu(1, call) for call in calls]
    radius = max(map(abs, truth))
    bound = "" if radius == 0.0 else f", proved within {max(ends.largest_error, ends.smallest_error) / radius:.0e}"
    down = found.inertia.negative if found.inertia is not None else "-"
    return (
        f"{costs[0] / unit:,.0f} g: {found.verdict}, {down} ways down",
        f"{costs[1] / unit:,.0f} g: {told(Ends(ends.smallest, ends.largest), truth)}{bound}",
    )


def main() -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)  # PyHessian draws its start in it
    sizes = [int(argument) for argument in sys.argv[1:]] or [16, 64]
    names = ("hessian-eigenthings", "curvlinops-for-pytorch", "pyhessian", "numpy", "scipy")
    print(f"torch {torch.__version__}, " + ", ".join(f"{name} {version(name)}" for name in names))
    print("| d | point | truth | lossurf, verdict | lossurf, both ends | " + " | ".join(METHODS) + " |")
    print("|" + "---|" * (5 + len(METHODS)))
    for d in sizes:
        problem, svd = problem_and_map(d)
        for kind in KINDS:
            layers, target = point(kind, d, DEPTH, svd), svd[0] * svd[1] @ svd[2].T
            unit = least_cpu(20, gradient, layers, target)
            truth = extremes(kind, DEPTH, svd)
            cells = [
                cell(method, layers, target, unit, truth) if d <= largest else "-"
                for method, largest in METHODS.values()
            ]
            exact = f"{truth[0] if truth[0] < -1e-12 else 0.0:.3g}..{truth[1]:.3g}"
            row = [str(d), kind, exact, *ours(layers, problem, unit, truth), *cells]
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
