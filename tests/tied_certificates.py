"""Certificates of tied autoencoders at hard points, as `classify --tied` writes them, and false ones made of them.

Points are exact up to rounding and a noise that is drawn: eigenvalues tied or nearly so, idle units with weights around
sqrt 2, zero, more units than inputs, columns of X in units far apart, large means, few samples, ill-conditioned X, data
of float32 with a column twice, weights of float32 and float16, units of X from 1e-140 to 1e140.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from tied_points import orthonormal

from lossurf.api.certificate import evidence
from lossurf.api.classify import classify
from lossurf.certificates.stored import StoredCertificate
from lossurf.data import Data
from lossurf.errors import InputError
from lossurf.inputs.checkpoints.open import as_checkpoint


@dataclass(frozen=True)
class Subject:
    """W (k, dx) in the dtype it is stored in, X (m, dx), and weights of the samples."""

    name: str
    W: np.ndarray
    X: np.ndarray
    weights: np.ndarray | None = None

    def data(self) -> Data:
        return Data(self.X, self.X, sample_weights=self.weights)


def certificate_of(subject: Subject, *, tolerance: float | None = None) -> StoredCertificate | None:
    """What would be written, as it would be read; None where the verdict claims nothing or X has no squares."""
    data = subject.data()
    checkpoint = as_checkpoint([subject.W], data.dx, data.dy, tied=True)
    try:
        found = classify(checkpoint, data, tied=True, tolerance=tolerance)
        written = evidence(found, checkpoint, data)
    except InputError:
        return None
    if written is None:
        return None
    return StoredCertificate("c.npz", json.loads(json.dumps(written.to_dict())), dict(written.arrays), 1)


def honest(seeds: range) -> Iterator[tuple[int, Subject, StoredCertificate]]:
    """Yield what is written about subjects of every kind in turn."""
    for seed in seeds:
        name = tuple(DATA)[seed % len(DATA)]
        subject = subject_of(name, np.random.default_rng([*name.encode(), seed]))
        stored = certificate_of(subject)
        if stored is not None:
            yield seed, subject, stored


def subject_of(name: str, rng: np.random.Generator) -> Subject:
    """Draw data of a kind and a point on them."""
    d, k = int(rng.integers(2, 7)), int(rng.integers(1, 8))
    X = DATA[name](rng, d)
    unit = 10.0 ** rng.uniform(-140, 140) if name == "units" else 1.0
    weights = rng.integers(0, 4, len(X)).astype(float) if rng.random() < 0.2 else None
    weights = None if weights is None or not weights.any() else weights
    W = _point(rng, (X.astype(float) * (1.0 if weights is None else np.sqrt(weights)[:, None])), k)
    dtype = rng.choice(["float64", "float64", "float32", "float16"])
    noise = {"float64": rng.choice([0.0, 0.0, 1e-12, 1e-10, 1e-9, 1e-5]), "float32": 1e-8}.get(str(dtype), 0.0)
    W = (W + noise * rng.standard_normal(W.shape)).astype(dtype)
    return Subject(name, W, X if unit == 1.0 else unit * X, weights)


def _point(rng: np.random.Generator, X: np.ndarray, k: int) -> np.ndarray:
    """W at an exactly critical point, with idle weights that may be near sqrt 2, or at none."""
    _, s, vt = np.linalg.svd(X)
    rank = int(np.sum(s > 1e-12 * s[0])) if s.size and s[0] > 0.0 else 0
    kind = rng.random()
    if kind < 0.08:
        return np.zeros((k, len(vt)))
    if kind < 0.16:
        return rng.standard_normal((k, len(vt))) * 10.0 ** rng.uniform(-8, 4)
    full = min(k, rank)
    r = full if rng.random() < 0.4 else int(rng.integers(0, full + 1))
    carried = np.arange(r) if rng.random() < 0.6 else np.sort(rng.permutation(rank)[:r])
    held = rng.random() < 0.3
    r = max(min(k - len(vt) + rank, full), 0) if held else r
    carried = np.arange(r) if held else carried
    units, hidden = orthonormal(rng, k, k), min(k - r, len(vt) - rank)
    z = np.zeros(hidden)
    if held:
        z = np.sqrt(2.0) + 10.0 ** rng.uniform(-7, 4, hidden)
    elif rng.random() < 0.7:
        z = rng.choice([0.0, 1.0, np.sqrt(2.0), 1e3], hidden) + rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(
            -9, 0, hidden
        )
    Z = orthonormal(rng, k - r, k - r)[:, :hidden] * z @ orthonormal(rng, len(vt) - rank, len(vt) - rank)[:, :hidden].T
    return np.asarray(units[:, :r] @ vt[carried] + units[:, r:] @ Z @ vt[rank:])


def _with_values(rng: np.random.Generator, s: np.ndarray) -> np.ndarray:
    return np.asarray((orthonormal(rng, 20 + len(s), len(s)) * s) @ orthonormal(rng, len(s), len(s)).T)


def _plain(rng, d):
    return rng.standard_normal((30, d)) * np.exp(rng.uniform(-1.0, 1.0, d))


def _lacking(rng, d):
    X = _plain(rng, d)
    X[:, rng.permutation(d)[: int(rng.integers(1, d))]] = 0.0
    return X


def _near_ties(rng, d):
    s = np.sort(rng.choice([0.5, 1.0, 2.0], d))[::-1]
    return _with_values(rng, s * (1.0 + 10.0 ** rng.uniform(-16, -2) * rng.standard_normal(d)))


def _columns_far_apart(rng, d):
    return _plain(rng, d) * 10.0 ** rng.uniform(-60, 60, d)


def _float32_twice(rng, d):
    X = _plain(rng, d).astype(np.float32)
    return np.hstack([X, X[:, :1] * np.float32(1.0 + 2e-7 * rng.integers(0, 3))])


DATA = {
    "plain": _plain,
    "units": _lacking,
    "lacking": _lacking,
    "ties": lambda rng, d: _with_values(rng, np.sort(rng.choice([0.5, 1.0, 2.0], d))[::-1]),
    "near-ties": _near_ties,
    "ill-conditioned": lambda rng, d: _with_values(rng, np.logspace(0.0, -rng.uniform(1.0, 16.0), d)),
    "columns-far-apart": _columns_far_apart,
    "columns-apart": lambda rng, d: _lacking(rng, d) * 10.0 ** rng.uniform(-4, 4, d),
    "means": lambda rng, d: _plain(rng, d) + 10.0 ** rng.uniform(0, 9),
    "column-of-ones": lambda rng, d: np.column_stack([_plain(rng, d) + 10.0 ** rng.uniform(0, 6), np.ones(30)]),
    "few-samples": lambda rng, d: rng.standard_normal((int(rng.integers(1, d)), d)),
    "float32-twice": _float32_twice,
    "white": lambda rng, d: _with_values(rng, np.ones(d)),
    "zero": lambda _, d: np.zeros((5, d)),
}
