"""The convex problem behind a linear network: the least loss over all linear maps, with a dual bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lossurf.decompositions import svd
from lossurf.losses.functions import Huber, Loss
from lossurf.numerics import Matrix, column_norms, rank_threshold

GAP: Final = 1e-8
"""Share of the loss at zero outputs within which a loss counts as least: eight digits of what there is to gain."""

_WANTED_GAP: Final = (
    1e-3 * GAP
)  # of the minimiser, so that its own gap does not spend the tolerance of the points judged
_STEPS: Final = 60  # a Newton method on a smooth convex problem with a minimiser needs some ten
_NEAR: Final = 1e-3  # share of the first gradient below which the dual bound is worth a linear system
_POLISHING: Final = 12
_SHRINK: Final = 4.0  # of delta along the path of Huber losses: few samples change sides from one to the next
_DENSE: Final = 1500  # parameters up to which the Hessian is formed and solved directly (18 MB)


@dataclass(frozen=True)
class ConvexProblem:
    """min over C of the loss of R = Z C^T.

    Attributes
    ----------
    loss : Loss
    Z : ndarray, shape (m, rho)
        Orthonormal, spans the columns of X, or of [1 X] with a bias.
    Y : ndarray, shape (m, dy)
    """

    loss: Loss
    Z: Matrix
    Y: Matrix

    @property
    def zero_loss(self) -> float:
        """Loss of the map that is zero everywhere."""
        return self.loss.value(np.zeros_like(self.Y), self.Y)

    def outputs(self, vector: Matrix) -> Matrix:
        """R of packed C (dy * rho,)."""
        return np.asarray(self.Z @ vector.reshape(self.Y.shape[1], -1).T)

    def value_and_gradient(self, vector: Matrix) -> tuple[float, Matrix]:
        """Loss and its gradient in packed C."""
        R = self.outputs(vector)
        return self.loss.value(R, self.Y), (self.loss.slope(R, self.Y).T @ self.Z).ravel()

    def times_hessian(self, vector: Matrix, direction: Matrix) -> Matrix:
        """Hessian at packed C times a direction."""
        V = self.outputs(direction)
        return np.asarray((self.loss.times_curvature(self.outputs(vector), self.Y, V).T @ self.Z).ravel())


def span(X: Matrix, *, bias: bool) -> Matrix:
    """Orthonormal basis of the columns of X, of [1 X] with a bias; columns are scaled to equal norms first."""
    columns = np.column_stack([np.ones(X.shape[0]), X]) if bias else X
    norms = column_norms(columns)
    scaled = columns / np.where(norms > 0.0, norms, 1.0)
    u, s, _ = svd(scaled, full_matrices=False)
    return np.asarray(u[:, s > rank_threshold(float(s[0]) if s.size else 0.0, max(scaled.shape))])


def dual_bound(problem: ConvexProblem, R: Matrix) -> float:
    """Lower bound of the loss of every linear map, from the slopes at the outputs R.

    Lambda is the slope at R less what it has along X, so that Lambda^T X = 0: taken away evenly, or in proportion to
    the loss's curvature (the slope after a Newton step, to first order), which leaves saturated samples where they are.
    What then still lies outside the conjugate's domain is scaled into it. The better of the two.
    """
    even = _bound(problem, _removed(problem, problem.loss.slope(R, problem.Y)))
    return max(even, _bound(problem, newton_multipliers(problem, R)))


def newton_multipliers(problem: ConvexProblem, R: Matrix) -> Matrix:
    """Multipliers Lambda, Lambda^T Z = 0, in proportion to the curvature at R."""
    D = problem.loss.slope(R, problem.Y)
    newton = _newton_step(problem, R, D)
    return _removed(problem, D - problem.loss.times_curvature(R, problem.Y, problem.Z @ newton.T))


def _removed(problem: ConvexProblem, D: Matrix) -> Matrix:
    for _ in range(2):  # once leaves rounding of what was removed
        D = D - problem.Z @ (problem.Z.T @ D)
    return D


def _bound(problem: ConvexProblem, Lambda: Matrix) -> float:
    share = problem.loss.feasible_share(Lambda, problem.Y)
    return max(0.0, problem.loss.dual(share * Lambda, problem.Y))  # no loss here is negative


def _newton_step(problem: ConvexProblem, R: Matrix, D: Matrix) -> Matrix:
    """Solve Hessian . step = gradient in the least-squares sense, (dy, rho)."""
    dy, rho = problem.Y.shape[1], problem.Z.shape[1]
    gradient = D.T @ problem.Z
    if dy * rho == 0 or not np.any(gradient):
        return np.zeros((dy, rho))
    if dy * rho > _DENSE:
        return _by_conjugate_gradients(problem, R, gradient)
    hessian = _dense_hessian(problem, R)
    # softmax's Hessian is singular, and its gradient fits it; a hundred roundings keep the elimination off zero
    ridge = 100.0 * rank_threshold(float(np.max(np.diag(hessian))), dy * rho)
    if ridge == 0.0:
        return np.zeros((dy, rho))
    return np.asarray(np.linalg.solve(hessian + ridge * np.eye(dy * rho), gradient.ravel()).reshape(dy, rho))


def _dense_hessian(problem: ConvexProblem, R: Matrix) -> Matrix:
    dy, rho = problem.Y.shape[1], problem.Z.shape[1]
    hessian = np.zeros((dy, rho, dy, rho))
    for b in range(dy):
        unit = np.zeros_like(R)
        unit[:, b] = 1.0
        weights = problem.loss.times_curvature(R, problem.Y, unit)
        for a in np.flatnonzero(np.any(weights != 0.0, axis=0)):
            hessian[a, :, b, :] = problem.Z.T @ (weights[:, a, None] * problem.Z)
    return hessian.reshape(dy * rho, dy * rho)


def _by_conjugate_gradients(problem: ConvexProblem, R: Matrix, gradient: Matrix) -> Matrix:
    from scipy.sparse.linalg import LinearOperator, cg

    def times(vector: Matrix) -> Matrix:
        V = problem.Z @ vector.reshape(gradient.shape).T
        return np.asarray((problem.loss.times_curvature(R, problem.Y, V).T @ problem.Z).ravel())

    operator = LinearOperator((gradient.size, gradient.size), matvec=times, dtype=np.float64)
    step, _ = cg(operator, gradient.ravel(), rtol=1e-12, maxiter=500)
    return np.asarray(step.reshape(gradient.shape))


@dataclass(frozen=True)
class ConvexMinimum:
    """The least loss over all linear maps, between two numbers.

    Attributes
    ----------
    loss : float
        Loss of `outputs`: an upper bound.
    bound : float
        Dual lower bound.
    zero_loss : float
        Loss of the zero map.
    outputs : ndarray, shape (m, dy)
    """

    loss: float
    bound: float
    zero_loss: float
    outputs: Matrix

    @property
    def gap(self) -> float:
        """How far the two bounds are apart."""
        return max(self.loss - self.bound, 0.0)

    @property
    def relative_gap(self) -> float:
        """The gap as a share of the loss of the zero map."""
        return self.gap / self.zero_loss if self.zero_loss > 0.0 else 0.0


def minimise_convex(problem: ConvexProblem) -> ConvexMinimum:
    """Minimise the loss over all linear maps.

    Parameters
    ----------
    problem : ConvexProblem

    Returns
    -------
    ConvexMinimum
        Where classes are split the infimum is 0 and not attained; the search ends there, whatever the loss then is.

    Notes
    -----
    scipy's trust-region Newton-CG, stopped by the dual gap; near the end, where the loss no longer shows progress in
    float64, plain Newton steps judged by the gap alone.
    """
    zero_loss = problem.zero_loss
    if zero_loss == 0.0 or problem.Z.shape[1] == 0:
        return ConvexMinimum(zero_loss, zero_loss, zero_loss, np.zeros_like(problem.Y))
    vector, best = _descended(problem, _start(problem))
    return _polished(problem, vector, best)


def _start(problem: ConvexProblem) -> Matrix:
    """Where to start: for the regression losses, at the end of a path of Huber losses from nearly squared ones on.

    With errors far beyond delta the loss is nearly linear, and a Newton method started at zero creeps.
    """
    vector = np.zeros(problem.Y.shape[1] * problem.Z.shape[1])
    if problem.loss.name not in {"huber", "logcosh"}:
        return vector
    last = problem.loss.delta if isinstance(problem.loss, Huber) else 1.0  # log-cosh bends like Huber's with delta = 1
    vector = (problem.Y.T @ problem.Z).ravel()
    delta = float(np.max(np.abs(problem.outputs(vector) - problem.Y)))
    while delta > _SHRINK * last:
        delta /= _SHRINK
        vector, _ = _descended(ConvexProblem(Huber(delta), problem.Z, problem.Y), vector)
    return vector


def _descended(problem: ConvexProblem, start: Matrix) -> tuple[Matrix, ConvexMinimum]:
    from scipy.optimize import minimize

    zero_loss = problem.zero_loss
    best = _at(problem, start, zero_loss)
    first = float(np.linalg.norm(problem.value_and_gradient(np.zeros_like(start))[1]))
    if best.relative_gap <= _WANTED_GAP:
        return start, best
    size = max(1.0, float(np.linalg.norm(start)))

    def stop_at_gap(intermediate_result: Any) -> None:
        nonlocal best
        near = float(np.linalg.norm(problem.value_and_gradient(intermediate_result.x)[1])) <= _NEAR * first
        best = min(best, _at(problem, intermediate_result.x, zero_loss, thorough=near), key=_worth)
        if best.relative_gap <= _WANTED_GAP or problem.loss.splits(best.outputs, problem.Y):
            raise StopIteration

    end = minimize(
        problem.value_and_gradient,
        start,
        jac=True,
        hessp=problem.times_hessian,
        method="trust-ncg",
        callback=stop_at_gap,
        options={"maxiter": _STEPS, "gtol": 0.0, "initial_trust_radius": size, "max_trust_radius": 1e9 * size},
    )
    return end.x, min(best, _at(problem, end.x, zero_loss), key=_worth)


def _polished(problem: ConvexProblem, vector: Matrix, best: ConvexMinimum) -> ConvexMinimum:
    for _ in range(_POLISHING):
        if best.relative_gap <= _WANTED_GAP or problem.loss.splits(best.outputs, problem.Y):
            break
        R = problem.outputs(vector)
        vector = vector - _newton_step(problem, R, problem.loss.slope(R, problem.Y)).ravel()
        candidate = _at(problem, vector, best.zero_loss)
        if not candidate.gap < best.gap:
            break
        best = min(best, candidate, key=_worth)
    return best


def _worth(minimum: ConvexMinimum) -> tuple[float, float]:
    return minimum.gap, minimum.loss


def _at(problem: ConvexProblem, vector: Matrix, zero_loss: float, *, thorough: bool = True) -> ConvexMinimum:
    R = problem.outputs(vector)
    loss = problem.loss.value(R, problem.Y)
    return ConvexMinimum(loss, min(dual_bound(problem, R), loss) if thorough else 0.0, zero_loss, R)
