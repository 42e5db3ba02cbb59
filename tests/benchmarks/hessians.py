"""Cost of deciding the kind of a critical point by Hessian libraries, in gradients of the same reduced problem.

Run in an environment of its own with torch, hessian-eigenthings and curvlinops: python hessians.py [d ...].
"""

from __future__ import annotations

import sys
import time
import warnings
from importlib.metadata import version

import numpy as np
import torch
from points import gradient, point, problem_and_map
from scipy.sparse.linalg import ArpackNoConvergence, eigsh

from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network

KINDS = ("strict-saddle", "bad-saddle")
LARGEST = {"torch.func.hessian + eigvalsh": 32, "hessian-eigenthings": 256, "curvlinops + eigsh": 32}


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
        return 0.5 * ((out - y) ** 2).sum()

    flat = torch.cat([W.detach().reshape(-1) for W in model.layers])
    return float(torch.linalg.eigvalsh(torch.func.hessian(loss)(flat))[0])


def eigenthings(model, x, y):
    from hessian_eigenthings import lanczos
    from hessian_eigenthings.loss_fns import supervised_loss
    from hessian_eigenthings.operators import HessianOperator

    operator = HessianOperator(
        model=model,
        dataloader=[(x, y)],
        loss_fn=supervised_loss(lambda out, wanted: 0.5 * ((out - wanted) ** 2).sum()),
    )
    return float(min(lanczos(operator, k=1, max_iter=200, which="SA").eigenvalues))


def curvlinops(model, x, y):
    from curvlinops import HessianLinearOperator

    loss = torch.nn.MSELoss(reduction="sum")
    operator = HessianLinearOperator(model, loss, list(model.parameters()), [(x, y)], check_deterministic=False)
    return float(eigsh(operator.to_scipy(), k=1, which="SA", maxiter=2000, return_eigenvectors=False)[0])


METHODS = {"torch.func.hessian + eigvalsh": dense, "hessian-eigenthings": eigenthings, "curvlinops + eigsh": curvlinops}


def cell(method, layers, target, unit):
    model = Deep(layers, target)
    x = torch.eye(target.shape[1], dtype=torch.float64)
    y = torch.tensor(target.T.copy())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            before = time.process_time()
            least = method(model, x, y)
            seconds = time.process_time() - before
    except ArpackNoConvergence:
        return "not converged"
    except Exception as error:  # noqa: BLE001  # what a library answers is the measurement
        return f"{type(error).__name__}"
    return f"{seconds / unit:,.0f} g, least {least:.1e}"


def main() -> None:
    torch.set_num_threads(1)
    sizes = [int(argument) for argument in sys.argv[1:]] or [16, 32]
    names = ("torch", "hessian-eigenthings", "curvlinops-for-pytorch", "numpy", "scipy")
    print(", ".join(f"{name} {version(name)}" for name in names))
    print("| d | kind (N = 3) | lossurf | " + " | ".join(METHODS) + " |")
    print("|---|---|---|" + "---|" * len(METHODS))
    for d in sizes:
        problem, svd = problem_and_map(d)
        for kind in KINDS:
            layers, target = point(kind, d, 3, svd), svd[0] * svd[1] @ svd[2].T
            unit = least_cpu(200, gradient, layers, target)
            ours = least_cpu(3, classify_network, Checkpoint.of(layers), problem)
            fitting = {name: method for name, method in METHODS.items() if d <= LARGEST[name]}
            cells = [cell(fitting[name], layers, target, unit) if name in fitting else "-" for name in METHODS]
            print(f"| {d} | {kind} | {ours / unit:,.0f} g | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
