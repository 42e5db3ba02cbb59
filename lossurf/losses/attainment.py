"""Is the least loss attained? Huber and log-cosh always attain it; cross-entropies only on data no hyperplane splits.

A direction V lowers no sample's loss exactly where every margin of V is at least 0, and where one is positive the
loss falls along V for ever. A linear program finds the most margins that can be positive at once (Albert & Anderson
1984, "On the existence of maximum likelihood estimates in logistic regression models").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from lossurf.losses.convex import ConvexProblem, newton_multipliers
from lossurf.numerics import Matrix
from lossurf.words import Attained

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# HiGHS meets its constraints to 1e-7; a slack s of 1 for a direction of at most this length is a margin of 1e-5 of
# the largest, a hundred times that.
_LONGEST: Final = 1e5
_SLACK: Final = 1e-6
_CLEAR: Final = 1e-10  # a million roundings of weights that are at most about 1
_SECONDS: Final = 60.0  # for one linear program; past it the answer is `undecided`


@dataclass(frozen=True)
class Attainment:
    """Whether the least loss is attained.

    Attributes
    ----------
    attained : Attained
    margins : int
        Number of margins: one for each sample and output (logistic) or other class (softmax); 0 for other losses.
    separable : int or None
        How many of them one direction makes positive with none negative; None where the linear program did not end.
    """

    attained: Attained
    margins: int
    separable: int | None

    @property
    def vanishes(self) -> bool:
        """Whether the infimum is zero: every margin can be positive."""
        return self.attained is Attained.NO and self.separable == self.margins


def attainment(problem: ConvexProblem, outputs: Matrix) -> Attainment:
    """Decide whether the least loss over all linear maps is attained.

    Parameters
    ----------
    problem : ConvexProblem
    outputs : ndarray, shape (m, dy)
        Of a map of low loss; if it already splits all classes, no linear program is needed.

    Returns
    -------
    Attainment
    """
    if problem.loss.name not in {"logistic", "softmax"} or problem.Z.shape[1] == 0:  # zero is the only linear map
        return Attainment(Attained.YES, 0, 0)
    blocks = _logistic_blocks(problem) if problem.loss.name == "logistic" else [_softmax_block(problem)]
    margins = sum(block.rows.shape[0] for block in blocks)
    if problem.loss.splits(outputs, problem.Y):
        return Attainment(Attained.NO, margins, margins)
    if _interior(newton_multipliers(problem, outputs), problem):
        return Attainment(Attained.YES, margins, 0)
    found = [_most_positive(block) for block in blocks]
    if any(answer is None for answer in found):
        return Attainment(Attained.UNDECIDED, margins, None)
    slacks = np.concatenate([answer for answer in found if answer is not None])
    separable = int(np.count_nonzero(slacks > 1.0 - _SLACK))
    if separable:
        return Attainment(Attained.NO, margins, separable)
    clear = float(np.max(slacks, initial=0.0)) <= _SLACK
    return Attainment(Attained.YES if clear else Attained.UNDECIDED, margins, 0)


def _interior(multipliers: Matrix, problem: ConvexProblem) -> bool:
    """Whether multipliers prove that no margin can be positive with none negative.

    With p = Lambda + Y inside the domain, 0 = <Lambda, R> sums every margin of R with a positive weight, which no
    direction with such margins allows (Stiemke's lemma). Weights must stand clear of rounding.
    """
    p, Y = multipliers + problem.Y, problem.Y
    total = np.ones_like(Y) if problem.loss.name == "logistic" else np.sum(Y, axis=1, keepdims=True)
    room = np.minimum(np.where(total > Y, p, 1.0), np.where(Y > 0.0, total - p, 1.0))
    return bool(np.min(room, initial=1.0) > _CLEAR)


@dataclass(frozen=True)
class _Block:
    """Margins rows @ v of directions v that share variables, differences that must stay 0."""

    rows: csr_array  # (margins, variables)
    equal: csr_array


def _logistic_blocks(problem: ConvexProblem) -> list[_Block]:
    from scipy.sparse import csr_array

    Z, Y = _unit_rows(problem.Z), problem.Y
    blocks = []
    for q in range(Y.shape[1]):
        sure = np.flatnonzero((Y[:, q] == 0.0) | (Y[:, q] == 1.0))
        between = np.setdiff1d(np.arange(Y.shape[0]), sure)
        signs = np.where(Y[sure, q] == 1.0, 1.0, -1.0)
        blocks.append(_Block(csr_array(signs[:, None] * Z[sure]), csr_array(Z[between])))
    return blocks


def _softmax_block(problem: ConvexProblem) -> _Block:
    """For each sample: a class with weight above each without; classes with weight level with each other."""
    Z, Y, K = _unit_rows(problem.Z), problem.Y, problem.Y.shape[1]
    carrier = np.argmax(Y > 0.0, axis=1)
    smaller, level = [], []
    for k in range(K):
        other = np.flatnonzero(carrier != k)
        smaller.append((other[Y[other, k] == 0.0], k))
        level.append((other[Y[other, k] > 0.0], k))
    return _Block(_differences(Z, carrier, smaller, K), _differences(Z, carrier, level, K))


def _differences(Z: Matrix, carrier: Matrix, chosen: list[tuple[Matrix, int]], K: int) -> csr_array:
    """Rows z_i^T (v_carrier - v_k) over the variables (v_1 .. v_K)."""
    from scipy.sparse import csr_array

    samples = np.concatenate([rows for rows, _ in chosen])
    classes = np.concatenate([np.full(rows.size, k) for rows, k in chosen])
    rho, n = Z.shape[1], samples.size
    steps = np.arange(rho)
    columns = np.hstack([carrier[samples, None] * rho + steps, classes[:, None] * rho + steps])
    values = np.hstack([Z[samples], -Z[samples]])
    starts = np.arange(0, (n + 1) * 2 * rho, 2 * rho)
    return csr_array((values.ravel(), columns.ravel(), starts), shape=(n, K * rho))


def _most_positive(block: _Block) -> Matrix | None:
    """Slacks s of: max sum s, 0 <= s <= 1, s <= margins; None where HiGHS gives up."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, eye_array, hstack

    n, variables = block.rows.shape
    if n == 0:
        return np.zeros(0)
    equal = hstack([block.equal, csr_array((block.equal.shape[0], n))]) if block.equal.shape[0] else None
    program = {
        "c": np.concatenate([np.zeros(variables), -np.ones(n)]),
        "A_ub": hstack([-block.rows, eye_array(n)], format="csr"),
        "b_ub": np.zeros(n),
        "A_eq": equal,
        "b_eq": None if equal is None else np.zeros(block.equal.shape[0]),
        "bounds": np.array([[-_LONGEST, _LONGEST]] * variables + [[0.0, 1.0]] * n),
        "options": {"time_limit": _SECONDS},
    }
    for method in ("highs-ds", "highs-ipm"):  # where one meets numerical trouble the other may not
        answer = linprog(**program, method=method)
        if answer.status == 0:
            return np.asarray(answer.x[variables:])
    return None


def _unit_rows(Z: Matrix) -> Matrix:
    """Scale samples to unit norm: no margin changes its sign, and the program's tolerances become relative."""
    norms = np.linalg.norm(Z, axis=1, keepdims=True)
    return np.asarray(Z / np.where(norms > 0.0, norms, 1.0))
