"""Certificates of hard points, honest and tampered with, made in memory: what `verify` must accept and refuse.

Honest ones are of critical points and of points that are surely none, in float64, float32 and half precision, with and
without biases, on data with large means, ill-conditioned X and units from 1e-150 to 1e150, layers scaled far apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from attack import KINDS, Case
from critical_points import Point, eigen_system, point_on, random_data, random_point

from lossurf.certificates.stored import StoredCertificate, digest_of
from lossurf.errors import InputError
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network
from lossurf.landscape.evidence import evidence_arrays, evidence_claim
from lossurf.numerics import data_eps
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import ReducedProblem, reduced_problem
from lossurf.report.document import make_document

DTYPES = ("float64", "float32", "float16")


@dataclass(frozen=True)
class Subject:
    """A network with its data, X (dx, m) and Y (dy, m), and the dtype its weights are stored in."""

    name: str
    weights: list
    X: np.ndarray
    Y: np.ndarray
    dtype: str = "float64"
    biases: list | None = None

    def rows(self, cut: int = 5) -> list:
        """Rows [1 x y], in two blocks."""
        X, Y = (np.asarray(array, dtype=float).T for array in (self.X, self.Y))
        return [(np.ones(len(X[part])), X[part], Y[part]) for part in (slice(cut), slice(cut, None)) if len(X[part])]

    @property
    def eps(self) -> float:
        """Precision of the data."""
        return max(data_eps(self.X.dtype), data_eps(self.Y.dtype))

    def problem(self) -> ReducedProblem:
        """Reduce the data as `classify` does."""
        X, Y = (np.asarray(array, dtype=float).T for array in (self.X, self.Y))
        triangle = reduce_blocks([(X, Y)], X.shape[1], Y.shape[1], data_eps=self.eps)
        return reduced_problem(triangle, bias=self.biases is not None and self.biases[-1] is not None)


def certificate_of(
    problem, weights, biases=None, dtype="float64", *, dtypes=None, tolerance=None
) -> StoredCertificate | None:
    """What would be written, as it would be read; None where the verdict claims nothing."""
    checkpoint = Checkpoint.of(weights, biases, dtypes=dtypes or [dtype] * len(weights))
    result = classify_network(checkpoint, problem, tolerance=tolerance, index=True, descents=True)
    claim = evidence_claim(result, problem, weights)
    if claim is None:
        return None
    arrays = evidence_arrays(result, problem, weights, biases)
    document = make_document("certificate", claim, data={"samples": problem.samples, "dx": problem.dx})
    return signed(StoredCertificate("c.npz", json.loads(json.dumps(document)), arrays, len(weights)))


def signed(stored: StoredCertificate, **changes: Any) -> StoredCertificate:
    """Change fields of the claim and give it the digest of what it then is."""
    claim = {**stored.claim, **changes}
    return replace(stored, claim={**claim, "digest": digest_of(claim, stored.arrays)})


def written_by(subject: Subject) -> StoredCertificate | None:
    """Certificate of a subject; None where none is written."""
    try:
        with np.errstate(all="ignore"):
            return certificate_of(subject.problem(), subject.weights, subject.biases, subject.dtype)
    except InputError:  # units out of the range of float64
        return None


def honest(seeds: range) -> Iterator[tuple[int, Subject, StoredCertificate]]:
    """Yield what is written about subjects of every kind in turn."""
    for seed in seeds:
        name = tuple(SUBJECTS)[seed % len(SUBJECTS)]
        subject = SUBJECTS[name](np.random.default_rng([*name.encode(), seed]))
        stored = written_by(subject)
        if stored is not None:
            yield seed, subject, stored


def _rounded(subject: Subject, rng: np.random.Generator) -> Subject:
    dtype = str(rng.choice(DTYPES))
    with np.errstate(over="ignore"):
        weights = [W.astype(dtype).astype(float) for W in subject.weights]
    fits = all(np.isfinite(W).all() for W in weights)
    return replace(subject, weights=weights, dtype=dtype) if fits else subject


def _of_point(name: str, point: Point) -> Subject:
    return Subject(name, point.weights, point.X, point.Y)


def plain(rng: np.random.Generator) -> Subject:
    return _rounded(_of_point("plain", random_point(rng, max_dim=6)), rng)


def scaled(rng: np.random.Generator) -> Subject:
    """Units of X and Y from 1e-150 to 1e150, and the layers that go with them."""
    point = random_point(rng, max_dim=6)
    x, y = 10.0 ** rng.uniform(-150, 150, 2)
    first, *rest, last = point.weights
    weights = [first / x, *rest, last * y]
    return Subject("scaled", weights, x * point.X, y * point.Y)


def scaled_columns(rng: np.random.Generator) -> Subject:
    """Every column of X in its own unit, from 1e-100 to 1e100."""
    point = random_point(rng, max_dim=6)
    x = 10.0 ** rng.uniform(-100, 100, len(point.X))
    return Subject("scaled-columns", [point.weights[0] / x, *point.weights[1:]], x[:, None] * point.X, point.Y)


def far_apart(rng: np.random.Generator) -> Subject:
    """Every layer in its own unit, from 1e-30 to 1e30, the product kept."""
    point = random_point(rng, max_dim=6)
    units = rng.uniform(-30, 30, len(point.weights))
    units -= units.mean()
    return replace(
        _of_point("far-apart", point), weights=[10.0**u * W for u, W in zip(units, point.weights, strict=True)]
    )


def ill_conditioned_points(rng: np.random.Generator) -> Subject:
    """X of condition 1e2 to 1e14 and a critical point on it."""
    widths = rng.integers(1, 7, int(rng.integers(3, 6))).tolist()
    widths[0] = max(widths[0], 2)
    X, Y = random_data(rng, widths[0], widths[-1], widths[0] + int(rng.integers(1, 12)))
    left, s, right = np.linalg.svd(X, full_matrices=False)
    X = left * 10.0 ** np.linspace(0.0, -rng.uniform(2, 14), s.size) @ right
    return _rounded(_of_point("ill-conditioned-points", point_on(rng, widths, X, Y)), rng)


def with_biases(rng: np.random.Generator) -> Subject:
    """Biases on the output and some others, means up to 1e9 times the spread, units of 1e-100 to 1e100."""
    point = random_point(rng, max_dim=6)
    m = point.X.shape[1]
    X, Y = (grid - grid.mean(axis=1, keepdims=True) for grid in (point.X, point.Y))
    if not eigen_system(X, Y)[1].size or m < 3:
        return plain(rng)
    point = point_on(rng, [len(X), *(len(W) for W in point.weights)], X, Y)
    size = 10.0 ** rng.uniform(-2, rng.choice([1, 9]))
    means = [size * rng.standard_normal(len(grid)) for grid in (X, Y)]
    unit = 10.0 ** (rng.uniform(-100, 100) if rng.random() < 0.3 else 0.0)
    biases = [rng.standard_normal(len(W)) if rng.random() < 0.5 else None for W in point.weights[:-1]]
    total = means[0]
    for W, b in zip(point.weights, [*biases, None], strict=True):
        total = W @ total + (0.0 if b is None else b)
    biases.append(unit * (means[1] - total))
    weights = [*point.weights[:-1], unit * point.weights[-1]]
    return Subject("with-biases", weights, X + means[0][:, None], unit * (Y + means[1][:, None]), biases=biases)


def trained(rng: np.random.Generator) -> Subject:
    """A critical point left by a relative 1e-12 to 1e-3: near it, or not critical."""
    point = random_point(rng, max_dim=6)
    size = 10.0 ** rng.uniform(-12, -3)
    weights = [W * (1.0 + size * rng.standard_normal(W.shape)) for W in point.weights]
    return _rounded(replace(_of_point("trained", point), weights=weights), rng)


def coarse_data(rng: np.random.Generator) -> Subject:
    """Data stored in half precision, float32 or as whole numbers, a column of X twice."""
    point = random_point(rng, max_dim=6)
    dtype = str(rng.choice(["float16", "float32", "int16"]))
    X, Y = ((10.0 * grid).astype(dtype) for grid in (point.X, point.Y))
    X = np.vstack([X, X[:1]]) if rng.random() < 0.5 else X
    widths = [len(X), *(len(W) for W in point.weights)]
    try:
        made = point_on(rng, widths, X.astype(float), Y.astype(float))
    except (np.linalg.LinAlgError, ValueError, IndexError):  # no T is left to build on
        return plain(rng)
    return Subject("coarse-data", made.weights, X, Y)


def _of_case(name: str):
    def draw(rng: np.random.Generator) -> Subject:
        case: Case = KINDS[name](rng)
        dtype = "float32" if case.float32 else "float64"
        return Subject(name, case.weights, case.X, case.Y, dtype, case.biases)

    return draw


SUBJECTS = {
    kind.__name__.replace("_", "-"): kind
    for kind in (
        plain,
        scaled,
        scaled_columns,
        far_apart,
        ill_conditioned_points,
        with_biases,
        trained,
        coarse_data,
    )
} | {name: _of_case(name) for name in KINDS}
