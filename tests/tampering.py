"""False certificates: a true one changed in one thing and signed again, or forged whole with numbers that agree.

Every class yields what is false by its own construction. Whether a change is one is told apart here, from the terms of
each number: a change below 1e-9 of them is not asked for, as nobody could tell it from rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from certificates import signed

from lossurf.certificates.stored import StoredCertificate

Forgery = tuple[str, StoredCertificate]

SHOWS = 1e-9
KINDS = {"global-minimum": "gap", "strict-saddle": "tails", "bad-saddle": "staircase", "not-critical": "gradient"}


def forgeries(stored: StoredCertificate, rng: np.random.Generator) -> Iterator[Forgery]:
    """Yield false certificates by class; those named `data-...` are true in themselves and false for their data."""
    for forge in (_numbers, _measures, _counts, _words, _tolerances, _stairs, _directions, _index, _shifted):
        yield from forge(stored)
    for forge in (_arrays, _moved):
        yield from forge(stored, rng)


def _changed(value: float, terms: float) -> Iterator[float]:
    for other in (value * (1.0 + 1e-5), value * (1.0 - 1e-7), 2.0 * value, -value, 0.0, value + 1e-5 * terms):
        if np.isfinite(other) and abs(other - value) > SHOWS * terms:
            yield float(other)


def loss_terms(stored: StoredCertificate) -> float:
    """Sum of the sizes of what the loss is computed from."""
    R11, T = stored.arrays["R11"], stored.arrays["T"]
    product = np.abs(stored.arrays["W1"]) @ np.abs(R11).T
    for W in stored.listed("W")[1:]:
        product = np.abs(W) @ product
    total = 0.5 * float(np.sum((product + np.abs(T)) ** 2)) + abs(stored.claim["residual_loss"])
    if "mean_x" in stored.arrays:
        mean = np.abs(stored.arrays["mean_x"])
        for k, W in enumerate(stored.listed("W"), 1):
            mean = np.abs(W) @ mean + np.abs(stored.arrays.get(f"b{k}", 0.0))
        mean = mean + np.abs(stored.arrays["mean_y"])
        total += stored.claim["data"]["samples"] * float(mean @ mean)
    return total


def _numbers(stored: StoredCertificate) -> Iterator[Forgery]:
    claim, terms = stored.claim, loss_terms(stored)
    if not np.isfinite(terms) or terms < 1e-290:  # in the claim's own units nothing shows
        return
    level = 0.5 * float(np.sum(stored.arrays["T"] ** 2)) + claim["residual_loss"]
    sizes = {"loss": terms, "optimal_loss": level, "residual_loss": terms, "next_level": level}
    for key, size in sizes.items():
        if claim.get(key) is not None and size > 0.0:
            yield from ((key, signed(stored, **{key: other})) for other in _changed(claim[key], size))


def _measures(stored: StoredCertificate) -> Iterator[Forgery]:
    claim = stored.claim
    gradient, tau = claim["gradient"], claim["tolerance"]
    for other in (gradient + 1e-2 * tau, gradient + 2.0 * tau, -gradient - 1e-2 * tau, gradient * 1.001 + 1e-2 * tau):
        yield "gradient", signed(stored, gradient=other)
    for k, layer in enumerate(claim["layers"]):
        for other in _changed(layer["norm"], layer["norm"]) if layer["norm"] else (1e-3,):
            yield "norm", _layer(stored, k, norm=other)
    if claim["nearest"] is not None:
        for key, other in (("gradient", 1e-6), ("gradient", -1.0), ("distance", claim["nearest"]["distance"] + tau)):
            yield f"nearest-{key}", signed(stored, nearest={**claim["nearest"], key: other})


def _counts(stored: StoredCertificate) -> Iterator[Forgery]:
    claim = stored.claim
    for key in ("rank", "rank_max"):
        yield from ((key, signed(stored, **{key: other})) for other in (claim[key] + 1, claim[key] + 7))
        if claim[key]:
            yield key, signed(stored, **{key: claim[key] - 1})
    data = claim["data"]
    yield "shapes", signed(stored, data={**data, "dx": data["dx"] + 1})
    yield "data-samples", signed(stored, data={**data, "samples": data["samples"] + 1})
    for k, layer in enumerate(claim["layers"]):
        yield "shapes", _layer(stored, k, shape=[layer["shape"][0] + 1, layer["shape"][1]])
        yield "shapes", _layer(stored, k, shape=layer["shape"][:1])


def _words(stored: StoredCertificate) -> Iterator[Forgery]:
    claim = stored.claim
    for verdict, kind in KINDS.items():
        if verdict != claim["claim"]:
            evidence = {"curvature": claim.get("curvature") or -1.0, "step": claim.get("step") or 1.0}
            yield "claim", signed(stored, claim=verdict, kind=kind, pair=claim.get("pair") or [2, 1], **evidence)
            yield "claim", signed(stored, claim=verdict, kind=kind, pair=[2, 1], nearest=None, **evidence)
        elif kind != "tails":
            yield "kind", signed(stored, kind="tails")
    yield "kind", signed(stored, kind="other")
    if claim["claim"] == "strict-saddle" and stored.depth > 2:
        other = next([i, j] for i in range(1, stored.depth + 1) for j in range(1, i) if {i, j} != set(claim["pair"]))
        yield "pair", signed(stored, pair=other)
    half = any((W.astype(np.float16) != W).any() for W in stored.listed("W"))
    if half and all(layer["dtype"] == "float64" for layer in claim["layers"]):
        layers = [{**layer, "dtype": "float16"} for layer in claim["layers"]]
        yield "dtype", signed(stored, layers=layers, tolerance=1e-2)
        yield "dtype", signed(stored, layers=layers)


def _tolerances(stored: StoredCertificate) -> Iterator[Forgery]:
    claim, gradient = stored.claim, stored.claim["gradient"]
    if claim["claim"] == "not-critical":
        others = [0.0, -1.0, 1e-12, claim["tolerance"] / 2.0, 2.0 * gradient]
    else:
        others = [0.0, -1.0, 0.1, 1.0, 2.0 * claim["tolerance"], *([gradient / 2.0] if gradient > 1e-13 else [])]
    yield from (("tolerance", signed(stored, tolerance=other)) for other in others)


def _stairs(stored: StoredCertificate) -> Iterator[Forgery]:
    stairs = stored.claim["staircase"] or []
    for index, stair in enumerate(stairs):
        yield "staircase", signed(stored, staircase=stairs[:index] + stairs[index + 1 :])
        for key in ("value", "threshold"):
            if stair["threshold"]:
                changed = {**stair, key: stair[key] + 0.01 * stair["threshold"]}
                yield "staircase", signed(stored, staircase=[*stairs[:index], changed, *stairs[index + 1 :]])


def _arrays(stored: StoredCertificate, rng: np.random.Generator) -> Iterator[Forgery]:
    """One array made another: an entry, a sign, a factor, a permutation, noise, nothing."""
    for name, array in stored.arrays.items():
        largest = float(np.abs(array).max(initial=0.0))
        if not array.size or (not largest and name[0] == "V"):
            continue
        where = np.unravel_index(int(np.argmax(np.abs(array))), array.shape)
        entry = array.copy()
        entry[where] += 1e-4 * (largest or 1.0)
        noise = array + 1e-3 * (largest or 1.0) * rng.standard_normal(array.shape)
        others = [entry, noise, -array, 1.001 * array, 0.0 * array, array[::-1]]
        scope = "data-" if name in ("R11", "T", "mean_x", "mean_y") else ""
        for other in others:
            changed = replace(stored, arrays={**stored.arrays, name: other})
            if not np.array_equal(other, array) and (name[0] in "VN" or scope or _shows(stored, changed, name)):
                yield f"{scope}array {name[0]}", signed(changed)


def _shows(stored: StoredCertificate, changed: StoredCertificate, name: str) -> bool:
    """Say whether the norm of a layer, or the loss, is another: beside a zero layer signs and order change nothing."""
    arrays = [each.arrays[name] for each in (stored, changed)]
    unit = max(float(np.abs(array).max()) for array in arrays)
    before, after = (float(np.linalg.norm(array / unit)) for array in arrays)
    if name[0] == "W" and abs(after - before) > SHOWS:
        return True
    terms = max(loss_terms(stored), loss_terms(changed))
    return bool(np.isfinite(terms) and abs(loss(changed) - loss(stored)) > SHOWS * terms > 1e-290)


def loss(stored: StoredCertificate) -> float:
    """Loss of the weights and biases, from the arrays alone."""
    arrays = stored.arrays
    product = arrays["R11"].T
    for W in stored.listed("W"):
        product = W @ product
    total = 0.5 * float(np.sum((product - arrays["T"]) ** 2)) + stored.claim["residual_loss"]
    if "mean_x" in arrays:
        mean = arrays["mean_x"]
        for k, W in enumerate(stored.listed("W"), 1):
            mean = W @ mean + arrays.get(f"b{k}", 0.0)
        total += 0.5 * stored.claim["data"]["samples"] * float(np.sum((mean - arrays["mean_y"]) ** 2))
    return total


def _directions(stored: StoredCertificate) -> Iterator[Forgery]:
    """Numbers of a direction; along it the loss must fall as is said."""
    claim = stored.claim
    if claim["claim"] != "strict-saddle":
        return
    for other in (claim["curvature"] and 10.0 * claim["curvature"], -1.0, 1.0, 0.0):
        if other != claim["curvature"]:
            yield "curvature", signed(stored, curvature=other)
    far = {
        f"W{k}": np.abs(W) + claim["step"] * np.abs(stored.arrays[f"V{k}"]) for k, W in enumerate(stored.listed("W"), 1)
    }
    terms = loss_terms(replace(stored, arrays={**stored.arrays, **far}))
    shows = np.isfinite(terms) and claim["loss_decrease"] > SHOWS * terms > 1e-290
    for key in ("loss_decrease", "step"):
        factors = (-1.0, 3.0, 1e6) if shows else (-1.0,)
        yield from ((key, signed(stored, **{key: factor * claim[key]})) for factor in factors)
    arrays = {name: array for name, array in stored.arrays.items() if name[0] != "V"}
    yield "direction", signed(replace(stored, arrays=arrays))


def _index(stored: StoredCertificate) -> Iterator[Forgery]:
    """Another index, with directions to match it, other ranks and margins, and directions that are not what is said."""
    index = stored.claim["index"]
    if index is None:
        return
    count = index["negative"]
    for other in {0, count - 1, count + 1, 2 * count}:
        yield "index", signed(stored, index={**index, "negative": other})
    yield "index", signed(stored, index={**index, "resolution": 0.1})
    yield "index-ranks", signed(stored, index={**index, "ranks": index["ranks"][1:]})
    for at, rank in enumerate(index["ranks"]):
        for changed in ({"rank": rank["rank"] + 1}, {"margin": 0.5}, {"factor": "product", "layers": [1, 1]}):
            if {**rank, **changed} != rank and not (at == 0 and "factor" in changed):
                ranks = [*index["ranks"][:at], {**rank, **changed}, *index["ranks"][at + 1 :]]
                yield "index-ranks", signed(stored, index={**index, "ranks": ranks})
    if "D1" not in stored.arrays:
        return
    rows = {name: array for name, array in stored.arrays.items() if name[0] == "D"}
    fewer = {name: array[1:] for name, array in rows.items()}
    doubled = {name: np.vstack([array[:1], array[:1], array[2:]]) for name, array in rows.items()}
    layer = np.zeros_like(rows["D1"][0])
    layer[0] = 1.0  # a change of one layer alone, along which the loss is convex
    upwards = {name: np.vstack([layer if name == "D1" else 0.0 * array[0], array[1:]]) for name, array in rows.items()}
    for other in (fewer, {name: 0.0 * array for name, array in rows.items()}, *([doubled] if count > 1 else [])):
        yield "index-descents", signed(replace(stored, arrays={**stored.arrays, **other}))
    yield (
        "index-descents",
        signed(replace(stored, arrays={**stored.arrays, **fewer}), index={**index, "negative": count - 1}),
    )
    yield "index-descents", signed(replace(stored, arrays={**stored.arrays, **upwards}))  # one layer alone is convex
    yield "index-descents", signed(stored, index=None)


def _shifted(stored: StoredCertificate) -> Iterator[Forgery]:
    """Every loss shifted alike: what least squares leaves becomes negative, or another."""
    claim = stored.claim
    size = claim["residual_loss"] + 0.5 * float(np.sum(stored.arrays["T"] ** 2))
    keys = [key for key in ("loss", "optimal_loss", "residual_loss", "next_level") if claim.get(key) is not None]
    for by in (-claim["residual_loss"] - 0.1 * size, 0.1 * size):
        changed = {key: claim[key] + by for key in keys}
        if all(changed[key] != claim[key] for key in keys):
            yield "residual-loss" if by < 0.0 else "data-residual-loss", signed(stored, **changed)


def _moved(stored: StoredCertificate, rng: np.random.Generator) -> Iterator[Forgery]:
    """Weights moved by a thousandth, and every number of the claim made theirs: only what is claimed is false."""
    if stored.claim["claim"] == "not-critical" or stored.claim["layers"][0]["dtype"] != "float64":
        return
    sizes = [float(np.abs(W).max()) for W in stored.listed("W")]
    moved = {
        f"W{k}": W + 1e-3 * (size or 1.0) * rng.standard_normal(W.shape)
        for k, (W, size) in enumerate(zip(stored.listed("W"), sizes, strict=True), 1)
    }
    forged = replace(stored, arrays={**stored.arrays, **moved})
    if largest_gradient(forged) > 1e-5 * loss_terms(forged) > 1e-290:
        yield "moved", agreeing(forged)


def largest_gradient(stored: StoredCertificate) -> float:
    """Return by how much the loss changes, to first order, per relative change of a layer."""
    layers = [stored.arrays["W1"] @ stored.arrays["R11"].T, *stored.listed("W")[1:]]
    below = [np.eye(layers[0].shape[1])]
    for W in layers:
        below.append(W @ below[-1])
    back, largest = below[-1] - stored.arrays["T"], 0.0
    for W, product in zip(layers[::-1], below[-2::-1], strict=True):
        largest = max(largest, float(np.linalg.norm(back @ product.T) * np.linalg.norm(W)))
        back = W.T @ back
    return largest


def agreeing(stored: StoredCertificate, **changes: Any) -> StoredCertificate:
    """Make every number of a claim that of its matrices, as a forger who reads `verify` would."""
    from lossurf.certificates.claim import Claim

    with np.errstate(all="ignore"):
        claim = Claim(signed(stored, **changes))
        numbers = {
            "gradient": claim.gradient,
            "loss": claim.excess + claim.said["residual_loss"],
            "optimal_loss": claim.loss(claim.rank_max),
        }
    layers = copy.deepcopy(stored.claim["layers"])
    for layer, W in zip(layers, stored.listed("W"), strict=True):
        layer["norm"] = float(np.linalg.norm(W))
    finite = {key: float(np.nan_to_num(value)) for key, value in numbers.items()}
    return signed(stored, layers=layers, **finite, **changes)


def _layer(stored: StoredCertificate, k: int, **changes: Any) -> StoredCertificate:
    layers = copy.deepcopy(stored.claim["layers"])
    layers[k].update(changes)
    return signed(stored, layers=layers)
