"""The Hessian of the loss over stored weights and biases, exactly: second derivatives of rational numbers.

Hyper-dual numbers a + b e1 + c e2 + d e1 e2 (Fike & Alonso 2011) run through the loss on the samples themselves; d is
the second derivative, with no rounding in Fractions. Eigenvalues by mpmath. Nothing here uses lossurf.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations_with_replacement

import mpmath
import numpy as np


def exact(array):
    """Numbers as they are stored, as fractions."""
    return np.array([Fraction(float(x)) for x in np.ravel(array)], dtype=object).reshape(np.shape(array))


def _times(left, right):
    a, b, c, d = left
    e, f, g, h = right
    return a @ e, a @ f + b @ e, a @ g + c @ e, a @ h + d @ e + b @ g + c @ f


def _unit(shape, at):
    part = np.full(shape, Fraction(0), dtype=object)
    if at is not None:
        part[at] = Fraction(1)
    return part


def exact_hessian(weights, biases, X, Y):
    """Second derivatives of 1/2 ||h_N - Y||^2, X (dx, m) and Y (dy, m), in the entries of W_1..W_N, b_1..b_N."""
    weights, X, Y = [exact(W) for W in weights], exact(X), exact(Y)
    biases = [None if b is None else exact(b) for b in biases or [None] * len(weights)]
    arrays = [*weights, *(b for b in biases if b is not None)]
    places = [(k, at) for k, array in enumerate(arrays) for at in np.ndindex(array.shape)]
    H = np.full((len(places), len(places)), Fraction(0), dtype=object)
    ones = np.full((1, X.shape[1]), Fraction(1), dtype=object)
    for (p, first), (q, second) in combinations_with_replacement(enumerate(places), 2):

        def seeded(index, array, first=first, second=second):
            units = [_unit(array.shape, at if index == k else None) for k, at in (first, second)]
            return array, *units, _unit(array.shape, None)

        zero = _unit(X.shape, None)
        h, of_bias = (X, zero, zero, zero), len(weights)
        for index, (W, b) in enumerate(zip(weights, biases, strict=True)):
            h = _times(seeded(index, W), h)
            if b is not None:
                offset = seeded(of_bias, b)
                h = tuple(part + np.outer(column, ones) for part, column in zip(h, offset, strict=True))
                of_bias += 1
        R = h[0] - Y
        H[p, q] = H[q, p] = np.sum(R * h[3]) + np.sum(h[1] * h[2])
    return H


def eigenvalues(H, digits=60):
    """Ascending, as mpmath numbers."""
    with mpmath.workdps(digits):
        matrix = mpmath.matrix(len(H), len(H))
        for p in range(len(H)):
            for q in range(len(H)):
                matrix[p, q] = mpmath.mpf(H[p, q].numerator) / H[p, q].denominator
        return sorted(mpmath.eigsy(matrix, eigvals_only=True))
