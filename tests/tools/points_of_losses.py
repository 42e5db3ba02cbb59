"""How many critical points of Huber, log-cosh, logistic and softmax losses `classify` decides, and how many rightly.

Points come from scipy's optimisers and from constructions (zero layers, idle and dead units), and are polished by
Newton's method on the dense Hessian until the gradient is rounding. The truth is that Hessian's least eigenvalue; where
it is not negative, descents from many points nearby; a minimum is global where it is the least of all linear maps.
Nothing of lossurf is used for either. Run: python tests/tools/points_of_losses.py [POINTS [FIRST_SEED]]
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import least_squares, minimize

import lossurf

LOSSES = ("huber", "logcosh", "logistic", "softmax")
KINDS = ("minimum", "saddle", "zero-layers", "idle-units", "dead-path", "constructed")


@dataclass(frozen=True)
class Problem:
    """Data (m, dx), (m, dy) under a loss of outputs; with a bias on the output or without."""

    loss: str
    X: np.ndarray
    Y: np.ndarray
    delta: float
    bias: bool

    def value(self, R):
        e = R - self.Y
        if self.loss == "huber":
            a = np.abs(e)
            return float(np.sum(np.where(a <= self.delta, 0.5 * a * a, self.delta * (a - 0.5 * self.delta))))
        if self.loss == "logcosh":
            return float(np.sum(np.logaddexp(e, -e) - np.log(2.0)))
        if self.loss == "logistic":
            return float(np.sum(np.logaddexp(0.0, R) - self.Y * R))
        top = R.max(axis=1, keepdims=True)
        return float(np.sum(top[:, 0] + np.log(np.exp(R - top).sum(axis=1))) - np.sum(self.Y * R))

    def slope(self, R):
        e = R - self.Y
        if self.loss == "huber":
            return np.clip(e, -self.delta, self.delta)
        if self.loss == "logcosh":
            return np.tanh(e)
        if self.loss == "logistic":
            return 0.5 * (1.0 + np.tanh(0.5 * R)) - self.Y
        return self._shares(R) - self.Y

    def bend(self, R):
        """Second derivatives, one (dy, dy) matrix a sample."""
        e, eye = R - self.Y, np.eye(R.shape[1])
        if self.loss == "huber":
            return (np.abs(e) <= self.delta).astype(float)[:, :, None] * eye
        if self.loss == "logcosh":
            return (1.0 / np.cosh(np.clip(e, -300.0, 300.0)) ** 2)[:, :, None] * eye
        if self.loss == "logistic":
            return (0.25 / np.cosh(np.clip(0.5 * R, -300.0, 300.0)) ** 2)[:, :, None] * eye
        p = self._shares(R)
        return p[:, :, None] * eye - p[:, :, None] * p[:, None, :]

    def _shares(self, R):
        p = np.exp(R - R.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)


class Surface:
    """Loss, gradient and dense Hessian in the packed layers, and the output bias where there is one."""

    def __init__(self, problem, widths):
        self.problem, self.widths = problem, tuple(widths)
        self.shapes = [(b, a) for a, b in pairwise(widths)]
        self.sizes = [a * b for a, b in self.shapes] + ([widths[-1]] if problem.bias else [])

    def unpack(self, v):
        parts = np.split(v, np.cumsum(self.sizes)[:-1])
        layers = [p.reshape(s) for p, s in zip(parts, self.shapes, strict=False)]
        return layers, parts[-1] if self.problem.bias else np.zeros(self.widths[-1])

    def parts(self, v):
        layers, b = self.unpack(v)
        below = [self.problem.X]
        for W in layers:
            below.append(below[-1] @ W.T)
        above = [np.eye(self.widths[-1])]
        for W in layers[::-1]:
            above.append(above[-1] @ W)
        return layers, below, above[-2::-1], below[-1] + b

    def value(self, v):
        return self.problem.value(self.parts(v)[3])

    def gradient(self, v):
        layers, below, above, R = self.parts(v)
        D = self.problem.slope(R)
        found = [(above[k].T @ (D.T @ below[k])).ravel() for k in range(len(layers))]
        return np.concatenate([*found, D.sum(axis=0)] if self.problem.bias else found)

    def hessian(self, v):
        layers, below, above, R = self.parts(v)
        m, dy = R.shape
        columns = [np.einsum("qa,mb->mqab", above[k], below[k]).reshape(m, dy, -1) for k in range(len(layers))]
        if self.problem.bias:
            columns.append(np.broadcast_to(np.eye(dy), (m, dy, dy)))
        J = np.concatenate(columns, axis=2)
        H = np.einsum("mqa,mqp,mpb->ab", J, self.problem.bend(R), J, optimize=True)
        D, at = self.problem.slope(R), np.concatenate([[0], np.cumsum(self.sizes)])
        for i in range(1, len(layers)):
            for j in range(i):
                M = np.eye(self.widths[j + 1])
                for W in layers[j + 1 : i]:
                    M = W @ M
                S = below[j].T @ D @ above[i]
                block = np.einsum("bc,da->abcd", M, S).reshape(self.sizes[i], self.sizes[j])
                H[at[i] : at[i + 1], at[j] : at[j + 1]] += block
                H[at[j] : at[j + 1], at[i] : at[i + 1]] += block.T
        return H


def draw_problem(rng):
    loss = LOSSES[rng.integers(4)]
    dx, dy, m = (int(n) for n in (rng.integers(2, 5), rng.integers(2, 5), rng.integers(10, 31)))
    X = rng.standard_normal((m, dx)) * np.exp(rng.normal(0.0, 0.5, dx)) + rng.choice([0.0, 0.0, 3.0])
    true = rng.standard_normal((dx, dy)) * rng.choice([0.3, 1.0, 3.0])
    if loss in ("huber", "logcosh"):
        Y = X @ true + rng.standard_normal((m, dy)) * rng.choice([0.3, 1.0]) + rng.standard_t(2, (m, dy))
    elif loss == "logistic":
        Y = (rng.random((m, dy)) < 1.0 / (1.0 + np.exp(-0.5 * X @ true))).astype(float)
    else:
        Y = np.eye(dy)[np.argmax(0.5 * X @ true + rng.gumbel(size=(m, dy)), axis=1)]
    delta = float(rng.choice([0.5, 1.0, 3.0])) if loss == "huber" else 1.0
    return Problem(loss, X, Y, delta, bool(rng.random() < 0.4))


def draw_widths(rng, problem):
    depth = int(rng.integers(2, 5))
    return [problem.X.shape[1], *rng.integers(1, 5, depth - 1).tolist(), problem.Y.shape[1]]


def polished(surface, v, steps=40):
    """Newton's method on the gradient, singular directions left out; None where it does not end at rounding."""
    scale = np.linalg.norm(surface.gradient(np.zeros_like(v))) + 1.0
    for _ in range(steps):
        g = surface.gradient(v)
        if not np.isfinite(g).all():
            return None
        if np.linalg.norm(g) <= 1e-13 * scale:
            break
        values, vectors = np.linalg.eigh(surface.hessian(v))
        kept = np.abs(values) > 1e-9 * np.abs(values).max()
        moved = v - vectors[:, kept] @ ((vectors[:, kept].T @ g) / values[kept])
        if np.linalg.norm(surface.gradient(moved)) >= np.linalg.norm(g):
            break
        v = moved
    good = np.linalg.norm(surface.gradient(v)) <= 1e-11 * scale and np.abs(v).max() < 50.0
    return v if good else None


def minimum(surface, v):
    return polished(surface, minimize(surface.value, v, jac=surface.gradient, method="BFGS", options={"gtol": 1e-7}).x)


def critical(surface, v):
    found = least_squares(surface.gradient, v, jac=surface.hessian, method="lm", max_nfev=400)
    return polished(surface, found.x) if np.linalg.norm(found.fun) < 1e-3 else None


def pack(surface, layers, bias):
    return np.concatenate([*(W.ravel() for W in layers), *([bias] if surface.problem.bias else [])])


def widened(rng, surface, kind):
    """A critical point of lower rank: that of a narrower network, with units that carry nothing.

    idle: all their weights are zero; dead-path: at one node what comes in is random and what goes out zero, or the
    other way about; elsewhere idle.
    """
    problem, widths = surface.problem, surface.widths
    r = int(rng.integers(1, max(2, min(widths))))
    inner = Surface(problem, [widths[0], *[r] * (len(widths) - 2), widths[-1]])
    start = rng.standard_normal(sum(inner.sizes))
    v = minimum(inner, start) if rng.random() < 0.6 else critical(inner, start)
    if v is None:
        return None
    small, b = inner.unpack(v)
    layers = [np.zeros(s) for s in surface.shapes]
    for W, V in zip(layers, small, strict=True):
        W[: V.shape[0], : V.shape[1]] = V
    if kind == "dead-path":
        node = int(rng.integers(len(widths) - 2))  # between layers node and node + 1
        if rng.random() < 0.5:
            layers[node][r:, :] = rng.standard_normal(layers[node][r:, :].shape)
        else:
            layers[node + 1][:, r:] = rng.standard_normal(layers[node + 1][:, r:].shape)
            if node + 1 < len(layers) - 1:  # it must not reach the signal of the next node
                layers[node + 1][:r, r:] = 0.0
    for k in range(len(widths) - 2):  # another basis of the hidden units
        C = np.linalg.qr(rng.standard_normal((widths[k + 1],) * 2))[0] * rng.uniform(0.5, 2.0, widths[k + 1])
        layers[k], layers[k + 1] = C @ layers[k], layers[k + 1] @ np.linalg.inv(C)
    v = pack(surface, layers, b)
    g = np.linalg.norm(surface.gradient(v))
    return v if g <= 1e-10 * (1.0 + np.linalg.norm(surface.gradient(0.0 * v))) else None


def zeros(rng, surface):
    problem = surface.problem
    b = np.zeros(surface.widths[-1])
    if problem.bias:
        flat = Problem(problem.loss, np.zeros((len(problem.X), 1)), problem.Y, problem.delta, True)
        found = minimum(Surface(flat, (1, surface.widths[-1])), np.zeros(2 * surface.widths[-1]))
        if found is None:
            return None
        b = found[-surface.widths[-1] :]
    layers = [rng.standard_normal(s) for s in surface.shapes]
    dead = rng.choice(len(layers), min(len(layers), int(rng.integers(2, len(layers) + 1))), replace=False)
    for k in dead:
        layers[k] = np.zeros_like(layers[k])
    return pack(surface, layers, b)


def constructed(rng):
    """A pure point at which one direction is as wished: Y is chosen after the outputs, so the gradient is known.

    Huber and log-cosh: any slopes inside (-1, 1) are those of some targets. Logistic: of some shares in Y.
    """
    dx, dy, m = (int(n) for n in (rng.integers(2, 5), rng.integers(2, 5), rng.integers(10, 31)))
    widths = [dx, *rng.integers(1, min(dx, dy) + 1, int(rng.integers(1, 4))).tolist(), dy]
    X, r = rng.standard_normal((m, dx)), min(widths)
    U, V = (np.linalg.qr(rng.standard_normal((n, r)))[0] for n in (dy, dx))
    s = rng.uniform(0.1, 2.0, r)
    R = X @ ((U * s) @ V.T).T
    D = rng.uniform(-1.0, 1.0, (m, dy))
    Q, F = np.linalg.qr(X)
    G = D.T @ Q  # in whitened coordinates; its part that is seen by the tangent space of P is taken out of D
    row = np.linalg.qr(F @ V)[0]
    outside = (np.eye(dy) - U @ U.T) @ G @ (np.eye(dx) - row @ row.T)
    D = D - Q @ (G - outside).T
    D *= rng.uniform(0.02, 0.9) / np.abs(D).max()
    loss = ("logcosh", "logistic", "huber")[rng.integers(3)]
    if loss == "logcosh":
        Y = R - np.arctanh(D)
    elif loss == "logistic":
        p = 1.0 / (1.0 + np.exp(-R))
        D *= 0.9 * np.min(np.minimum(p, 1.0 - p)) / np.abs(D).max()
        Y = p - D
    else:
        Y = R - D
    problem = Problem(loss, X, Y, 1.0, False)
    surface = Surface(problem, widths)
    layers = [np.zeros(shape) for shape in surface.shapes]
    for k, W in enumerate(layers):
        share = np.diag(s ** (1.0 / len(layers)))
        left = U if k == len(layers) - 1 else np.eye(W.shape[0])[:, :r]
        right = V if k == 0 else np.eye(W.shape[1])[:, :r]
        W[...] = left @ share @ right.T
    return surface, pack(surface, layers, None)


def truth(rng, surface, v, least_of_all):
    """Kind of a critical point by its dense Hessian, and by descents where that does not decide."""
    v = balanced(surface, v)
    values = np.linalg.eigvalsh(surface.hessian(v))
    loss, unit = surface.value(v), surface.value(0.0 * v)
    if loss - least_of_all <= 1e-9 * unit:
        return "global-minimum"
    if values[0] < -1e-8 * max(np.abs(values).max(), unit):  # the tolerance of the verdicts
        return "strict-saddle"
    if falls(rng, surface, v, 1e-2) and falls(rng, surface, v, 1e-3):
        return "bad-saddle"  # left from however near; a minimum only over its rim
    zero = int(np.sum(np.abs(values) <= 1e-7 * np.abs(values).max()))
    return "local-minimum" if zero <= fibre(surface) else "flat"


def balanced(surface, v):
    """Layers of equal norms with the same product; of norm 1 beside one that is zero."""
    layers, b = surface.unpack(v)
    norms = [float(np.linalg.norm(W)) for W in layers]
    size = float(np.exp(np.mean(np.log(norms)))) if min(norms) else 1.0
    return pack(surface, [W * (size / n) if n else W for W, n in zip(layers, norms, strict=True)], b)


def falls(rng, surface, v, size):
    """Whether one of some trust-region descents from points this near ends lower."""
    loss, margin = surface.value(v), 1e-9 * surface.value(0.0 * v)
    starts = (v + size * rng.standard_normal(v.size) * max(1.0, np.abs(v).max()) for _ in range(6))
    return any(descended(surface, start, loss - margin) < loss - margin for start in starts)


def descended(surface, v, level, steps=300):
    """Loss where a trust-region Newton method ends, or first below `level`; scipy's trust-exact may not end."""
    radius, loss = 1.0, surface.value(v)
    g, spectrum = surface.gradient(v), np.linalg.eigh(surface.hessian(v))
    for _ in range(steps):
        if loss < level or np.linalg.norm(g) <= 1e-12 or radius <= 1e-15:
            break
        step, promised = within(radius, *spectrum, g)
        there = surface.value(v + step)
        kept = (loss - there) / promised if promised > 0.0 and np.isfinite(there) else -1.0
        radius *= 0.25 if kept < 0.25 else 2.0 if kept > 0.75 and np.linalg.norm(step) > 0.9 * radius else 1.0
        if kept > 0.1:
            v, loss = v + step, there
            g, spectrum = surface.gradient(v), np.linalg.eigh(surface.hessian(v))
    return loss


def within(radius, values, vectors, g):
    """Least point of the quadratic model within the radius, by bisection for the multiplier, and what it promises."""
    c = vectors.T @ g
    low, high = max(0.0, -values[0]), np.abs(values).max() + np.linalg.norm(g) / radius
    low += 1e-14 * high  # off the pole; where the gradient has no part there, what is missing goes along its vector
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if np.linalg.norm(c / (values + middle)) > radius else (low, middle)
    y = -c / (values + high)
    if values[0] < 0.0:
        y[0] -= np.copysign(np.sqrt(max(radius**2 - y @ y, 0.0)), c[0])
    return vectors @ y, -float(c @ y + 0.5 * y @ (values * y))


def fibre(surface):
    """Dimension of what leaves the product of a network as it is, where its rank is full; softmax adds a constant."""
    r, dx, dy = min(surface.widths), surface.widths[0], surface.widths[-1]
    extra = r if surface.problem.loss == "softmax" else 0
    if surface.problem.loss == "softmax" and surface.problem.bias:
        extra += 1
    return sum(surface.sizes) - (dy if surface.problem.bias else 0) - r * (dx + dy - r) + extra


def least_loss(problem):
    """The least loss of all linear maps: a convex problem."""
    surface = Surface(problem, (problem.X.shape[1], problem.Y.shape[1]))
    v = minimize(surface.value, np.zeros(sum(surface.sizes)), jac=surface.gradient, method="BFGS").x
    end = polished(surface, v)
    return surface.value(v if end is None else end)


def settled(surface, v):
    """Set layers that a search was still shrinking to zero; None where that is no critical point."""
    layers, b = surface.unpack(v)
    v = pack(surface, [W if np.linalg.norm(W) > 1e-4 else np.zeros_like(W) for W in layers], b)
    g = np.linalg.norm(surface.gradient(v))
    return v if g <= 1e-10 * (1.0 + np.linalg.norm(surface.gradient(0.0 * v))) else None


def draw(rng):
    """One critical point: its surface, packed parameters and recipe; None where the search failed."""
    kind = KINDS[rng.integers(len(KINDS))]
    if kind == "constructed":
        return (*constructed(rng), kind)
    problem = draw_problem(rng)
    surface = Surface(problem, draw_widths(rng, problem))
    if kind == "minimum":
        v = minimum(surface, 0.7 * rng.standard_normal(sum(surface.sizes)))
    elif kind == "saddle":
        v = critical(surface, rng.standard_normal(sum(surface.sizes)))
    elif kind == "zero-layers":
        v = zeros(rng, surface)
    else:
        v = widened(rng, surface, kind)
    v = None if v is None else settled(surface, v)
    if v is None or surface.value(v) <= 1e-6 * surface.value(0.0 * v):
        return None  # classes that are split: on the way to infinity
    return surface, v, kind


def verdict_on(surface, v):
    layers, b = surface.unpack(v)
    problem = surface.problem
    biases = [None] * (len(layers) - 1) + [b] if problem.bias else None
    delta = {"delta": problem.delta} if problem.loss == "huber" else {}
    return lossurf.classify(layers, problem.X, problem.Y, biases=biases, loss=problem.loss, **delta)


def main(points=600, first=0):
    """Print how the verdicts compare with the truth, per kind of point."""
    table, wrong, seconds, reasons = Counter(), [], 0.0, Counter()
    for seed in range(first, first + points):
        rng = np.random.default_rng(seed)
        drawn = draw(rng)
        if drawn is None:
            table["(none found)", ""] += 1
            continue
        surface, v, recipe = drawn
        true = truth(rng, surface, v, least_loss(surface.problem))
        start = time.perf_counter()
        found = verdict_on(surface, v)
        seconds += time.perf_counter() - start
        said = str(found.verdict)
        outcome = "undetermined" if said == "undetermined" else "right" if said == true else "wrong"
        table[true, outcome] += 1
        if outcome == "undetermined":
            reasons[true, surface.problem.loss, found.reason[:60]] += 1
            if "-s" in sys.argv:
                print("undetermined:", seed, recipe, surface.problem.loss, surface.widths, surface.problem.bias, true)
        if outcome == "wrong":
            wrong.append((seed, recipe, surface.problem.loss, surface.widths, surface.problem.bias, true, said))
    report(table, wrong, seconds, reasons)


def report(table, wrong, seconds, reasons):
    kinds = sorted({kind for kind, outcome in table if outcome})
    print(f"{'truth':16s} {'points':>6s} {'right':>6s} {'wrong':>6s} {'undetermined':>12s}")
    total = Counter()
    for kind in kinds:
        row = [table[kind, outcome] for outcome in ("right", "wrong", "undetermined")]
        total.update(dict(zip(("right", "wrong", "undetermined"), row, strict=True)))
        print(f"{kind:16s} {sum(row):6d} {row[0]:6d} {row[1]:6d} {row[2]:12d}")
    points = total.total()
    decided = 100.0 * (points - total["undetermined"]) / points
    print(f"{'all':16s} {points:6d} {total['right']:6d} {total['wrong']:6d} {total['undetermined']:12d}")
    failed = table["(none found)", ""]
    print(f"decided {decided:.1f} %, {seconds / points * 1e3:.1f} ms a point; searches that failed: {failed}")
    for entry in wrong[:40]:
        print("wrong:", *entry)
    if "-v" in sys.argv:
        for key, count in reasons.most_common(40):
            print(count, *key)


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:] if a not in ("-v", "-s")))
