"""Random data sets of every stored type, with what is exactly true of their stored numbers: rationals and 60 digits."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from mpmath import mp

DTYPES = ("float64", "float32", "float16", "int64")
_LARGEST_MEAN = {"float64": 12, "float32": 4, "float16": 2, "int64": 15}  # powers of ten


def random_data(rng, dtype):
    """X, Y with any of: large means, collinear, nearly collinear, constant, zero columns, repeated rows, exact fits."""
    m, dx, dy = int(rng.integers(2, 13)), int(rng.integers(1, 5)), int(rng.integers(1, 4))
    whole = dtype == "int64" or rng.random() < 0.4
    X, Y = (rng.integers(-9, 10, (m, n)).astype(float) if whole else rng.standard_normal((m, n)) for n in (dx, dy))
    kind = rng.integers(0, 8)
    if kind == 0 and dx > 1:
        X[:, -1] = X[:, :-1] @ rng.integers(-2, 3, dx - 1)
    elif kind == 1:
        X[:, rng.integers(dx)] = rng.integers(-1, 2)
    elif kind == 2 and dx > 1:
        X[:, -1] = X[:, 0] + (1.0 if whole else 10.0 ** -rng.integers(1, 14)) * X[:, -1]
    elif kind == 3:
        X = X[rng.integers(0, max(1, m // 2), m)]
    elif kind == 4:
        Y = X @ rng.integers(-2, 3, (dx, dy)) + rng.integers(-2, 3)
    elif kind == 5 and dy > 1:
        Y[:, -1] = Y[:, 0]
    elif kind == 6:
        Y[:] = rng.integers(0, 2)
    power = _LARGEST_MEAN[dtype]
    if rng.random() < 0.7:
        X = X + np.rint(10.0 ** rng.uniform(0, power, dx))
        Y = Y + np.rint(10.0 ** rng.uniform(0, power, dy))
    return X.astype(dtype), Y.astype(dtype)


@dataclass(frozen=True)
class Truth:
    """Ranks, eigenvalues of Sigma and L_k of the stored numbers; `P` (dy, dx) and `b` (dy,) reach the last of them."""

    rank_x: int
    rank_xy: int
    eigenvalues: list
    levels: list
    P: np.ndarray
    b: np.ndarray | None


def exactly(matrix):
    return [[Fraction(int(v)) if isinstance(v, np.integer) else Fraction(float(v)) for v in row] for row in matrix]


def centred(rows):
    means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    return [[v - mean for v, mean in zip(row, means, strict=True)] for row in rows], means


def independent_columns(rows):
    """Indices of the columns that are no combination of earlier ones, by elimination in rationals."""
    rows, found = [list(row) for row in rows], []
    for column in range(len(rows[0])):
        pivot = next((i for i in range(len(found), len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        top = len(found)
        rows[top], rows[pivot] = rows[pivot], rows[top]
        for i in range(top + 1, len(rows)):
            factor = rows[i][column] / rows[top][column]
            if factor:
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[top], strict=True)]
        found.append(column)
    return found


def solved(A, B):
    """A^-1 B in rationals."""
    n = len(A)
    rows = [list(a) + list(b) for a, b in zip(A, B, strict=True)]
    for k in range(n):
        pivot = next(i for i in range(k, n) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [v / rows[k][k] for v in rows[k]]
        for i in range(n):
            if i != k and rows[i][k]:
                factor = rows[i][k]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[n:] for row in rows]


def products(A, B):
    """A^T B for lists of rows."""
    return [[sum(a * b for a, b in zip(u, v, strict=True)) for v in zip(*B, strict=True)] for u in zip(*A, strict=True)]


def truth(X, Y, *, bias=False, standardize=False, intercept=False):
    """What is exactly true: units of a standardised column change no rank and no loss; only its mean is taken off."""
    x, y, mean_y = exactly(X), exactly(Y), None
    x_means, units = [Fraction(0)] * len(x[0]), [1.0] * len(x[0])
    if standardize:
        x, _ = centred(x)
        deviations = [float(sum(v * v for v in column) / len(x)) ** 0.5 for column in zip(*x, strict=True)]
        units = [deviation or 1.0 for deviation in deviations]
    if intercept:
        x = [[*row, Fraction(1)] for row in x]
        x_means, units = [*x_means, Fraction(0)], [*units, 1.0]
    if bias:
        x, x_means = centred(x)  # zero where the columns are standardised, so that their units do not matter in b
        y, mean_y = centred(y)
    kept = independent_columns(x)
    basis = [[row[j] for j in kept] for row in x]
    yx = products(x, y)  # (dx, dy)
    coefficients = solved(products(basis, basis), products(basis, y)) if kept else []
    sigma = products(coefficients, products(basis, y)) if kept else [[Fraction(0)] * len(y[0]) for _ in y[0]]
    total = sum(v * v for row in y for v in row)
    with mp.workdps(60):
        matrix = mp.matrix([[mp.mpf(v.numerator) / v.denominator for v in row] for row in sigma])
        values = sorted(mp.eigsy(matrix, eigvals_only=True), reverse=True)
        left = total - sum(row[i] for i, row in enumerate(sigma))
        residual = mp.mpf(left.numerator) / left.denominator
        levels = [(residual + sum(values[k:])) / 2 for k in range(min(len(x[0]), len(y[0])) + 1)]
    P = [[Fraction(0)] * len(x[0]) for _ in y[0]]
    for place, j in enumerate(kept):
        for i in range(len(y[0])):
            P[i][j] = coefficients[place][i]
    b = None
    if bias:
        b = np.array([float(y - sum(p * x for p, x in zip(P[i], x_means, strict=True))) for i, y in enumerate(mean_y)])
    rank_xy = len(independent_columns(yx)) if yx else 0
    return Truth(len(kept), rank_xy, values, levels, np.array([[float(v) for v in row] for row in P]) * units, b)
