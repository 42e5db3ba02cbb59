"""Certificates of trained layers beside frozen ones, honest and forged, made in memory.

Frozen first, inner and last layers, several and all but one, of deficient rank and of condition up to 1e6; trained ones
exact, near a critical point, off it, or zero; float32 and half precision, layers from 1e-6 to 1e6, biases that are
frozen and trained, means up to 1e6 times the spread, weights of samples and outputs, a base and a ridge.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from certificates import signed
from frozen_points import FrozenPoint, frozen_point

import lossurf
from lossurf.api.certificate import evidence
from lossurf.api.classify import Judge
from lossurf.certificates.stored import StoredCertificate
from lossurf.inputs.checkpoints.open import as_checkpoint

KINDS = ("exact", "exact", "off", "near", "zero", "float32", "float16", "scaled")


@dataclass(frozen=True)
class FrozenSubject:
    """A network with frozen layers and its data, X (dx, m) and Y (dy, m)."""

    kind: str
    point: FrozenPoint
    biases: list | None = None
    options: dict = field(default_factory=dict)

    @property
    def data(self) -> lossurf.Data:
        return lossurf.Data(self.point.X.T, self.point.Y.T, **self.options)


def subject(rng: np.random.Generator) -> FrozenSubject:
    """Draw one."""
    held = _held(rng)
    widths = rng.integers(1, 6, len(held) + 1).tolist()
    biased, mean = rng.random() < 0.4, float(rng.choice([0.0, 0.0, 1.0, 1e6]))
    means = [mean * rng.standard_normal((n, 1)) for n in (widths[0], widths[-1])]
    condition, noise = float(rng.choice([2.0, 2.0, 1e3, 1e6])), float(rng.choice([0.0, 1.0]))
    point = frozen_point(
        rng,
        held,
        widths,
        deficient=rng.random() < 0.4,
        condition=condition,
        noise=noise,
        centred=biased,
        mean=None if biased else means[0],
    )
    kind = str(rng.choice(KINDS))
    point, biases = replace(point, weights=_changed(rng, kind, point)), None
    if biased:
        point = replace(point, X=point.X + means[0], Y=point.Y + means[1])
        biases = _biases(rng, point, means)
    if kind in ("float32", "float16"):
        weights, biases = ([_stored(array, kind) for array in arrays or ()] for arrays in (point.weights, biases))
        point = replace(point, weights=weights)
    return FrozenSubject(kind, point, biases or None, _options(rng, point, biased=biased))


def _held(rng: np.random.Generator) -> list:
    n = int(rng.integers(2, 6))
    held = (rng.random(n) < 0.5).tolist()
    held[int(rng.integers(n))] = True
    if all(held):
        held[int(rng.integers(n))] = False
    return held


def _changed(rng: np.random.Generator, kind: str, point: FrozenPoint) -> list:
    pairs = list(zip(point.weights, point.held, strict=True))
    if kind == "off":
        return [W if held else W + 0.1 * rng.standard_normal(W.shape) for W, held in pairs]
    if kind == "near":
        size = 10.0 ** rng.uniform(-12, -6)
        return [W if held else W * (1.0 + size * rng.standard_normal(W.shape)) for W, held in pairs]
    if kind == "zero":
        return [W if held else 0.0 * W for W, held in pairs]
    if kind == "scaled":
        units = 10.0 ** rng.uniform(-6, 6, len(pairs))
        units[last_trained(point)] /= np.prod(units)
        return [unit * W for unit, W in zip(units, point.weights, strict=True)]
    return list(point.weights)


def last_trained(point: FrozenPoint) -> int:
    return max(k for k, held in enumerate(point.held) if not held)


def _biases(rng: np.random.Generator, point: FrozenPoint, means: list) -> list:
    """Biases at random, and the last trained one that makes the mean residual as small as it can."""
    last = last_trained(point)
    biases: list = [rng.standard_normal(len(W)) if rng.random() < 0.5 else None for W in point.weights]
    biases[last] = None
    total, above = means[0][:, 0], np.eye(len(point.weights[last]))
    for k, (W, bias) in enumerate(zip(point.weights, biases, strict=True)):
        total = W @ total + (0.0 if bias is None else bias)
        above = W @ above if k > last else above
    biases[last] = np.linalg.lstsq(above, means[1][:, 0] - total, rcond=1e-10)[0]
    return biases


def _stored(array: Any, kind: str) -> Any:
    return None if array is None else np.clip(array, -6e4, 6e4).astype(kind)


def _options(rng: np.random.Generator, point: FrozenPoint, *, biased: bool) -> dict:
    (dx, m), dy = point.X.shape, len(point.Y)
    drawn = {
        "sample_weights": rng.uniform(0.1, 2.0, m),
        "output_weights": rng.uniform(0.1, 2.0, dy),
        "ridge": 0.3,
        "base": rng.standard_normal((dy, dx)),
    }
    names = [name for name in drawn if rng.random() < 0.12]
    if "ridge" in names:
        names = [] if biased else ["ridge"]
    return {name: drawn[name] for name in names}


def frozen_certificate(
    subject: FrozenSubject, *, tolerance: float | None = None, descents: bool = True
) -> StoredCertificate | None:
    """What would be written, as it would be read; None where the verdict claims nothing."""
    point, data = subject.point, subject.data
    checkpoint = as_checkpoint(point.weights, data.dx, data.dy, biases=subject.biases)
    judge = Judge(data, frozen=point.names, index=True, descents=descents, tolerance=tolerance)
    found = evidence(judge(checkpoint), checkpoint, data)
    if found is None:
        return None
    claim = json.loads(json.dumps(found.to_dict()))
    return StoredCertificate("c.npz", claim, dict(found.arrays), len(point.weights))


def honest(seeds: range) -> Iterator[tuple[int, FrozenSubject, StoredCertificate]]:
    """Yield what is written about random subjects."""
    for seed in seeds:
        found = subject(np.random.default_rng([78, seed]))
        stored = frozen_certificate(found)
        if stored is not None:
            yield seed, found, stored


# --- forgeries -------------------------------------------------------------------------------------------------------

OF_DATA = {"R": "R11", "T": "T", "m": "means"}  # arrays that the data give, and that only they may contradict


def forgeries(stored: StoredCertificate, rng: np.random.Generator) -> Iterator[tuple[str, StoredCertificate]]:
    """Yield false certificates by class; those named `data-...` are true of other data, and false of these."""
    for name, arrays in (*_arrays(stored, rng), *_factors(stored)):
        yield name, signed(replace(stored, arrays={**stored.arrays, **arrays}))
    yield from _claims(stored)


def _arrays(stored, rng):
    """One array changed: an entry, all of them, their sign or their order."""
    for name, array in stored.arrays.items():
        if name[0] == "b" and not stored.arrays[f"S{_trained(stored)}"].any():
            continue  # nothing of what is below a layer of zeros is seen
        if name[0] in "DN" or not array.any() or (name[0] == "m" and np.abs(array).max() < 1e-9):
            continue  # ways down and a nearest point are forged elsewhere; of a mean of rounding all is rounding
        position = tuple(int(rng.integers(n)) for n in array.shape)
        entry = array.copy()
        entry[position] += 1e-3 * np.abs(array).max()
        others = [entry, 1.001 * array, -array, array + 1e-3 * np.abs(array).max() * rng.standard_normal(array.shape)]
        if name[0] == "V":
            others = [1.001 * array, np.zeros_like(array)]  # another direction may lead down as well
        elif array.shape[0] > 1 and not np.array_equal(array[::-1], array):
            others.append(array[::-1])
        for other in others:
            yield _class_of(stored, name), {name: other}


def _trained(stored):
    return sum(layer["name"] not in stored.claim["frozen"] for layer in stored.claim["layers"])


def _class_of(stored, name):
    """Frozen first layers and the biases of frozen first and last ones are seen in the data alone."""
    held = [layer["name"] in stored.claim["frozen"] for layer in stored.claim["layers"]]
    first, last = held.index(False), len(held) - held[::-1].index(False)
    if name[0] in OF_DATA:
        return f"data-{OF_DATA[name[0]]}"
    if name[0] == "b" and not first < int(name[1:]) <= last:
        return "data-b"
    if name[0] == "W" and int(name[1:]) <= first:
        return "data-W"
    return f"array {name[0]}"


def _factors(stored):
    """A frozen block's factors in another gauge with the seen layers made theirs, of other rank, and no surjection."""
    for i in range(1, _trained(stored) + 1):
        if f"A{i}" not in stored.arrays:
            continue
        A, B, S = (stored.arrays[f"{letter}{at}"] for letter, at in (("A", i), ("B", i + 1), ("S", i)))
        scale = np.linspace(1.0, 1e4, len(A)) if len(A) > 1 else np.array([1e4])
        arrays = {f"A{i}": A / scale[:, None], f"B{i + 1}": B * scale, f"S{i}": S / scale[:, None]}
        above = stored.arrays.get(f"S{i + 1}")
        if above is not None:
            arrays[f"S{i + 1}"] = above * scale
        yield "gauge", arrays
        yield "rank", {f"A{i}": np.vstack([A[:-1], 0.0 * A[-1:]]), f"S{i}": np.vstack([S[:-1], 0.0 * S[-1:]])}
        if S.any():
            yield "not let through", {f"S{i}": 0.0 * S}


def _claims(stored):
    claim = stored.claim
    names = [layer["name"] for layer in claim["layers"]]
    yield "rank_max", signed(stored, rank_max=claim["rank_max"] + 1)
    for key in ("loss", "optimal_loss", "residual_loss"):
        size = claim["loss"] + 0.5 * float(np.sum(stored.arrays["T"] ** 2))
        yield key, signed(stored, **{key: claim[key] + 1e-3 * size + 1e-300})
    # means that are rounding alone may be left out of the measure, and where little moves them they are most of it
    factor = 1e3 if "mean_x" in stored.arrays else 1.001
    yield "gradient", signed(stored, gradient=factor * claim["gradient"] + factor * claim["tolerance"])
    for k in range(len(names)):
        for changed in ({"norm": 1.001 * claim["layers"][k]["norm"] + 1e-9}, {"shape": [1, 99]}):
            layers = [{**layer, **changed} if at == k else layer for at, layer in enumerate(claim["layers"])]
            yield "layers", signed(stored, layers=layers)
    harder = claim["claim"] == "not-critical"
    yield "tolerance", signed(stored, tolerance=claim["tolerance"] * (1e-3 if harder else 1e3))
    kinds = {"global-minimum": "gap", "strict-saddle": "tails", "bad-saddle": "staircase", "not-critical": "gradient"}
    for verdict, kind in kinds.items():
        if verdict != claim["claim"]:
            said = {"curvature": -1.0, "step": 1.0, "pair": [1, 1]}
            yield "claim", signed(stored, claim=verdict, kind=kind, nearest=None, **said)
            yield "claim", signed(stored, claim=verdict, kind=kind, **said)
