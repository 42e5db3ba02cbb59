"""Cost of both extreme curvatures in gradients of the reduced problem: python curvature_cost.py [d ...]."""

from __future__ import annotations

import sys

from classify_cost import cpu
from points import KINDS, gradient, point, problem_and_map

from lossurf.landscape.curvature import find_curvature
from lossurf.reduction.blas_threads import SingleThreadHold


def main() -> None:
    sizes = [int(argument) for argument in sys.argv[1:]] or [64, 128, 256, 512]
    print("| d | " + " | ".join(KINDS) + " |\n|---|" + "---|" * len(KINDS))
    with SingleThreadHold():
        for d in sizes:
            problem, svd = problem_and_map(d)
            cells = []
            for kind in KINDS:
                layers = point(kind, d, 3, svd)
                unit = cpu(50, gradient, layers, problem.target)
                found = find_curvature(layers, None, problem)
                cells.append(f"{cpu(5, find_curvature, layers, None, problem) / unit:.0f} g, {found.products}")
            print(f"| {d} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
