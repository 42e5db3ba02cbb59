"""Lower bounds of the regularised loss, which hold for every network of the depth: what is certified about any point.

One hidden layer or none: by Fenchel's duality from any matrix D (dy, rank_x),

    N = 1:  L >= <D, T> - 1/2 ||D||^2 - ||D F^T||_F^2 / (2 lam)
    N = 2:  L >= <D, T> - 1/2 ||D||^2   where ||D F^T||_2 <= lam

since 1/2 (||W_1||^2 + ||W_2||^2) >= ||W_2 W_1||_* (Srebro, Rennie & Jaakkola 2005). Haeffele & Vidal 2015 prove that a
local minimum with an idle unit attains this bound, whatever the data; here the bound itself is computed, at any point.

Any depth (own): the least penalty of a product with singular values s is N/2 lam sum s^{2/N}, von Neumann's inequality
bounds <P F, T> by the singular values, and those of P F are at most ||F|| s, so that

    L >= 1/2 ||T||^2 + sum_i min(0, min_q 1/2 q^2 - q t_i + N/2 lam (q / ||F||)^{2/N})

over the min(p, rank) largest singular values t of T. It is attained where F F^T is a multiple of a projector that holds
all of X: the closed form of whitened data; and it says when nothing is better than zero. A second one of the same kind
counts the singular values of P and those of T F^T, with the least singular value of F in the place of the square.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np

from lossurf.decompositions import largest_singular_value, singular_values
from lossurf.numerics import Matrix
from lossurf.regularised.scaled import ScaledProblem

_BISECTIONS = 200  # a float64 has 2^64 values: past 64 halvings of logarithms nothing moves


def feasible_dual(problem: ScaledProblem, residual: Matrix) -> Matrix:
    """Return the best multiple of T - P F at which the bound for no or one hidden layer holds, shape (dy, rank_x).

    For N = 2 shrunk by the rounding of the norm, so that it is feasible and not feasible to rounding only.
    """
    slope = residual @ problem.F.T
    along, square = float(np.sum(residual * problem.T)), float(np.sum(residual**2))
    if problem.depth == 1:
        curved = square + float(np.sum(slope**2)) / problem.decay
        return np.asarray(residual * (along / curved if curved else 0.0))
    largest = largest_singular_value(slope) * (1.0 + problem.rounding(1.0)) if slope.size else 0.0
    most = problem.decay / largest if largest else np.inf
    best = along / square if square else 0.0
    return np.asarray(residual * min(max(best, 0.0), most))


def dual_value(problem: ScaledProblem, dual: Matrix) -> float:
    """Return the bound that a feasible D gives, in the problem's units and without the constant part."""
    value = float(np.sum(dual * problem.T)) - 0.5 * float(np.sum(dual**2))
    if problem.depth == 1:
        value -= float(np.sum((dual @ problem.F.T) ** 2)) / (2.0 * problem.decay)
    return value


def spectral_bound(problem: ScaledProblem, width: int) -> float:
    """Return the bound for any depth and products of rank at most `width`, in the problem's units."""
    f = problem.input_singular_values
    if not f.size or not f[0] or not problem.T.any():
        return problem.zero_loss
    N = problem.depth
    of_outputs = singular_values(problem.T)[:width]
    weight = 0.5 * N * problem.decay * float(f[0]) ** (-2.0 / N)
    first = sum(scalar_minimum(1.0, float(t), weight, N)[1] for t in of_outputs)
    of_products = singular_values(problem.correlation)[:width]
    second = sum(scalar_minimum(float(f[-1]) ** 2, float(g), 0.5 * N * problem.decay, N)[1] for g in of_products)
    return problem.zero_loss + max(first, second)


def scalar_minimum(square: float, slope: float, weight: float, N: int) -> tuple[float, float]:
    """Where 1/2 square q^2 - slope q + weight q^{2/N} is least for q >= 0, and its value there, at most 0.

    Parameters
    ----------
    square, slope, weight : float
        At least 0, at least 0, positive; square > 0.
    N : int

    Notes
    -----
    For N >= 3 the derivative square q - slope + (2/N) weight q^{2/N-1} is convex; between its least value and
    slope / square it crosses zero once, upwards: the only local minimum beside 0.
    """
    power = 2.0 / N
    if N <= 2:
        q = max(slope - weight, 0.0) / square if N == 2 else slope / (square + 2.0 * weight)
        return q, 0.5 * square * q * q - slope * q + weight * q**power
    roots = scalar_roots(square, slope, weight, N)
    if not roots:
        return 0.0, 0.0
    highest = roots[-1]
    value = 0.5 * square * highest * highest - slope * highest + weight * highest**power
    return (highest, value) if value < 0.0 else (0.0, 0.0)


def scalar_roots(square: float, slope: float, weight: float, N: int) -> tuple[float, ...]:
    """Where 1/2 square q^2 - slope q + weight q^{2/N} is stationary for q > 0: the least first, none to two.

    Parameters
    ----------
    square, slope, weight : float
        As for `scalar_minimum`.
    N : int

    Notes
    -----
    For N >= 3 the larger root, if any, is a minimum, and the smaller one a maximum between it and the minimum at 0.
    """
    power = 2.0 / N
    if N <= 2:
        q = scalar_minimum(square, slope, weight, N)[0]
        return (q,) if q > 0.0 else ()
    lowest = (power * (1.0 - power) * weight / square) ** (1.0 / (2.0 - power))

    def rise(q: float) -> float:
        return square * q - slope + power * weight * float(q ** (power - 1.0))

    if not slope or not lowest < slope / square or rise(lowest) >= 0.0:
        return ()
    # below lowest the last term alone exceeds the slope at (power weight / slope)^{1 / (1 - power)}
    least = (power * weight / slope) ** (1.0 / (1.0 - power))
    return _crossing(rise, lowest, least), _crossing(rise, lowest, slope / square)


def _crossing(rise: Callable[[float], float], inside: float, outside: float) -> float:
    """Return the zero of a function between a point where it is negative and one where it is not."""
    for _ in range(_BISECTIONS):
        middle = sqrt(inside) * sqrt(outside)
        if middle in (inside, outside):
            break
        inside, outside = (middle, outside) if rise(middle) < 0.0 else (inside, middle)
    return outside


def largest_useful_decay(problem: ScaledProblem) -> float:
    """||T F^T||_2: for one hidden layer the least lam at which no network is better than zero; the problem's units."""
    return largest_singular_value(problem.correlation)
