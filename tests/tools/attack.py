"""Attack the verdicts where they were wrong: `python tests/tools/attack.py 20000` prints a table of what came out.

Every point is exactly critical by construction, or surely not, and is then stored in a way that hides it: layers scaled
far apart, layers of rounding size, a rank-deficient X, ill-conditioned X, vanishing gradients, means much larger than
the spread, data stored as float32. The answer comes from a dense Hessian of the point before it was hidden, or from
exact fractions; nothing of lossurf is used for it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

from critical_points import Point, dense_hessian, point_on, random_data, random_point, true_type

import lossurf


@dataclass(frozen=True)
class Case:
    """Weights and data as given to lossurf, and the verdicts that are right."""

    weights: list
    X: np.ndarray
    Y: np.ndarray
    right: frozenset
    float32: bool = False
    before: list | None = None  # the weights before they were hidden, if rounding drowns what the Hessian shows after
    biases: list | None = None


def point_case(weights: list, point: Point, X: np.ndarray | None = None, **options: Any) -> Case:
    return Case(weights, point.X if X is None else X, point.Y, frozenset({true_type(point)}), **options)


def rescaled(rng: np.random.Generator) -> Case:
    """Hide a critical point by c and 1/c on two adjacent layers, c from 1e-12 to 1e12."""
    point = without_rounding(lambda: random_point(rng))  # c would scale it up, and then it is no zero any more
    k, c = int(rng.integers(len(point.weights) - 1)), 10.0 ** rng.uniform(-12, 12)
    weights = list(point.weights)
    weights[k], weights[k + 1] = c * weights[k], weights[k + 1] / c
    return point_case(weights, point)


def without_rounding(draw: Callable[[], Point]) -> Point:
    """Draw until no layer is rounding of a zero, which the construction leaves where a projector should vanish."""
    point = draw()
    while any(0.0 < np.linalg.norm(W, 2) < 1e-5 for W in point.weights):
        point = draw()
    return point


def float32(rng: np.random.Generator) -> Case:
    """Round a critical point to float32."""
    point = random_point(rng)
    return point_case(
        [W.astype(np.float32).astype(float) for W in point.weights], point, float32=True, before=point.weights
    )


def rounding_for_zero(rng: np.random.Generator) -> Case:
    """Put noise of 1e-17 to 1e-15 where a layer is exactly zero, as a computation leaves it."""
    point = random_point(rng)
    weights = [W if np.any(W) else 10.0 ** rng.uniform(-17, -15) * rng.standard_normal(W.shape) for W in point.weights]
    return point_case(weights, point)


def outer_rounding(rng: np.random.Generator) -> Case:
    """Outer layers of 1e-17 to 1e-14 around inner ones of size 1: the type is that of the exact zeros."""
    point = random_point(rng, max_depth=5)
    while len(point.weights) < 3:
        point = random_point(rng, max_depth=5)
    shapes = [W.shape for W in point.weights]
    inner = [rng.standard_normal(shape) for shape in shapes[1:-1]]
    zero = [np.zeros(shapes[0]), *inner, np.zeros(shapes[-1])]
    size = 10.0 ** rng.uniform(-17, -14)
    weights = [size * rng.standard_normal(shapes[0]), *inner, size * rng.standard_normal(shapes[-1])]
    return point_case(weights, Point(zero, point.X, point.Y, (), "outer-rounding"))


def blind(rng: np.random.Generator) -> Case:
    """Copy rows of X and let W_1 have any component that the copies cancel."""
    point = random_point(rng)
    dx = len(point.X)
    copies = np.vstack([np.eye(dx), np.eye(dx)[rng.integers(dx, size=int(rng.integers(1, 4)))]])
    unseen = np.eye(len(copies)) - copies @ np.linalg.pinv(copies)
    first = point.weights[0] @ np.linalg.pinv(copies)
    extra = 10.0 ** rng.uniform(-2, 2) * rng.standard_normal(first.shape) @ unseen
    wide = Point([first + extra, *point.weights[1:]], copies @ point.X, point.Y, point.eigen_set, point.recipe)
    return point_case(wide.weights, point, wide.X)


def vanishing(rng: np.random.Generator) -> Case:
    """An untrained deep network: small layers of full rank, far from critical by any relative change."""
    depth, width = int(rng.integers(6, 15)), int(rng.integers(2, 6))
    widths = [int(rng.integers(2, 6)), *[width] * (depth - 1), int(rng.integers(2, 6))]
    size = rng.uniform(0.1, 0.6)
    weights = [size * rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairwise(widths)]
    X, Y = rng.standard_normal((widths[0], 30)), rng.standard_normal((widths[-1], 30))
    return Case(weights, X, Y, frozenset({"not-critical"}))


def ill_conditioned(rng: np.random.Generator) -> Case:
    """Integer X of condition 1e3 to 1e12 and a network whose exact gap is a real share of what can be gained."""
    n, depth = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    power = int(rng.integers(3, 12))
    base = rng.integers(-9, 10, (n, n + 4))
    X = np.vstack([base[:1], 10**power * base[:1] + base[1:]]).astype(float)  # nearly parallel rows, exact
    Y = rng.integers(-9, 10, (1, n + 4)).astype(float)
    optimum = exact_least_squares(X, Y)
    weights = [np.array([[float(v) for v in optimum]])] + [np.ones((1, 1))] * (depth - 1)
    weights[0] = weights[0] + 10.0 ** rng.uniform(-6, 0) * rng.standard_normal(weights[0].shape)
    gap, attainable = exact_gap(weights[0], optimum, X, Y)
    near = gap <= Fraction(1, 10**8) * attainable
    right = {"not-critical", "global-minimum"} if near else {"not-critical"}
    return Case(weights, X, Y, frozenset(right))


def large_means(rng: np.random.Generator) -> Case:
    """A network with biases on data of means up to 2^36 times the spread, every number of which is exact."""
    point = random_point_on_a_grid(rng)
    means = [np.rint(2.0 ** rng.uniform(0, 36, n)) * rng.choice([-1, 1], n) for n in (len(point.X), len(point.Y))]
    inner = [rng.standard_normal(len(W)) if rng.random() < 0.5 else np.zeros(len(W)) for W in point.weights[:-1]]
    shifted = [grid + mean[:, None] for grid, mean in zip((point.X, point.Y), means, strict=True)]
    centred = [grid - grid.mean(axis=1, keepdims=True) for grid in (point.X, point.Y)]
    widths = [len(point.X), *(len(W) for W in point.weights)]
    point = without_rounding(lambda: point_on(rng, widths, *centred))
    x, y = ([sum(map(Fraction, row)) / len(row) for row in matrix.tolist()] for matrix in shifted)
    for W, b in zip(point.weights, [*inner, None], strict=True):  # b_N makes the mean residual zero, up to its rounding
        x = [sum(Fraction(w) * v for w, v in zip(row, x, strict=True)) for row in W.tolist()]
        x = x if b is None else [v + Fraction(c) for v, c in zip(x, b.tolist(), strict=True)]
    last = np.array([float(a - b) for a, b in zip(y, x, strict=True)])
    right = frozenset({true_type(point)})
    return Case(point.weights, *shifted, right, biases=[*inner, last])


def intercept(rng: np.random.Generator) -> Case:
    """A row of ones in X beside rows of means up to 2^10 times their spread."""
    point = random_point_on_a_grid(rng)
    X = np.vstack([np.ones(point.X.shape[1]), point.X])
    widths = [len(X), *(len(W) for W in point.weights)]
    point = without_rounding(lambda: point_on(rng, widths, X, point.Y))
    means = np.rint(2.0 ** rng.uniform(0, 10, len(X) - 1))
    shear = np.eye(len(X))
    shear[1:, 0] = means
    back = np.eye(len(X))
    back[1:, 0] = -means
    return point_case([point.weights[0] @ back, *point.weights[1:]], point, shear @ X)


def float32_data(rng: np.random.Generator) -> Case:
    """Data stored as float32, means up to 2^6 times the spread; the answer is that of the stored numbers."""
    point = random_point_on_a_grid(rng)
    X, Y = ((grid + 2.0 ** rng.uniform(0, 6)).astype(np.float32) for grid in (point.X, point.Y))
    widths = [len(X), *(len(W) for W in point.weights)]
    point = without_rounding(lambda: point_on(rng, widths, X.astype(float), Y.astype(float)))
    return Case(point.weights, X, Y, frozenset({true_type(point)}))


def random_point_on_a_grid(rng: np.random.Generator) -> Point:
    """A critical point, of data of a few samples more than dx + dy, whose numbers are multiples of 2^-12."""
    widths = rng.integers(1, 6, int(rng.integers(3, 6))).tolist()
    samples = widths[0] + widths[-1] + int(rng.integers(3, 12))
    X, Y = (np.rint(4096 * data) / 4096 for data in random_data(rng, widths[0], widths[-1], samples))
    return point_on(rng, widths, X, Y)


def exact_least_squares(X: np.ndarray, Y: np.ndarray) -> list[Fraction]:
    """Solve X X^T w = X Y^T in fractions; a singular system gets zeros for its free unknowns."""
    rows = [[Fraction(v) for v in row] for row in X.tolist()]
    target = [Fraction(v) for v in Y[0].tolist()]
    system = [
        [sum(a * b for a, b in zip(r, s, strict=True)) for s in rows]
        + [sum(a * b for a, b in zip(r, target, strict=True))]
        for r in rows
    ]
    pivots: list[int] = []
    for column in range(len(rows)):
        at = len(pivots)
        pivot = next((i for i in range(at, len(rows)) if system[i][column]), None)
        if pivot is None:
            continue
        system[at], system[pivot] = system[pivot], system[at]
        system[at] = [v / system[at][column] for v in system[at]]
        for i in range(len(rows)):
            if i != at and system[i][column]:
                system[i] = [a - system[i][column] * b for a, b in zip(system[i], system[at], strict=True)]
        pivots.append(column)
    solution = [Fraction(0)] * len(rows)
    for i, column in enumerate(pivots):
        solution[column] = system[i][-1]
    return solution


def exact_gap(W: np.ndarray, optimum: list[Fraction], X: np.ndarray, Y: np.ndarray) -> tuple[Fraction, Fraction]:
    """L(W) - L* and L(0) - L*, exactly."""

    def half_squares(w: list[Fraction]) -> Fraction:
        out = [sum(c * Fraction(x) for c, x in zip(w, column, strict=True)) for column in X.T.tolist()]
        return sum(((o - Fraction(y)) ** 2 for o, y in zip(out, Y[0].tolist(), strict=True)), Fraction(0)) / 2

    least = half_squares(optimum)
    return half_squares([Fraction(v) for v in W[0].tolist()]) - least, half_squares([Fraction(0)] * len(X)) - least


KINDS: dict[str, Callable[[np.random.Generator], Case]] = {
    kind.__name__.replace("_", "-"): kind
    for kind in (
        rescaled,
        float32,
        rounding_for_zero,
        outer_rounding,
        blind,
        vanishing,
        ill_conditioned,
        large_means,
        intercept,
        float32_data,
    )
}


@dataclass
class Outcome:
    """What one kind came to: counts by word, seeds of wrong answers, curvatures as a share of lambda_min."""

    counts: Counter
    wrong: list
    curvatures: list


def attack(name: str, seeds: range) -> Outcome:
    """Classify the points of one kind."""
    outcome = Outcome(Counter(), [], [])
    for seed in seeds:
        case = KINDS[name](np.random.default_rng([*name.encode(), seed]))
        tolerance = 1e-6 if case.float32 else None
        result = lossurf.classify(case.weights, case.X.T, case.Y.T, biases=case.biases, tolerance=tolerance)
        verdict = str(result.verdict)
        word = "undetermined" if verdict == "undetermined" else "right" if verdict in case.right else "wrong"
        outcome.counts[word] += 1
        if word == "wrong":
            outcome.wrong.append((seed, verdict, *case.right))
        if verdict == "strict-saddle" and name in ("float32", "blind", "rounding-for-zero"):
            eigenvalues = np.linalg.eigvalsh(dense_hessian(case.before or case.weights, case.X, case.Y))
            if eigenvalues[0] < -len(eigenvalues) * 2.0**-52 * eigenvalues[-1]:  # above its own rounding
                outcome.curvatures.append(result.certificate.curvature / eigenvalues[0])
    return outcome


def main(points: int) -> int:
    """Print one row a kind; 1 if any verdict was wrong."""
    each = -(-points // len(KINDS))
    failed = False
    print(f"{'kind':20}{'points':>8}{'right':>8}{'undet.':>8}{'wrong':>8}   curvature share (5 %, least), seeds")
    for name in KINDS:
        outcome = attack(name, range(each))
        counts, shares = outcome.counts, outcome.curvatures
        curvature = f"{np.quantile(shares, 0.05):.2g} {min(shares):.2g}" if shares else "-"
        print(
            f"{name:20}{each:8}{counts['right']:8}{counts['undetermined']:8}{counts['wrong']:8}   "
            f"{curvature}  {outcome.wrong[:4]}",
            flush=True,
        )
        failed |= bool(outcome.wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20000))
