"""False certificates of tied autoencoders: a true one changed in one thing and signed again, or made to agree.

What is false is told here, by plain formulas in the inputs' own coordinates: a basis by what it leaves of X X^T off its
diagonal, a direction by its length, curvature and fall, a matrix by W^T W. The sign of a basis or a direction, and rows
of R11 in another order, change nothing that is said.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from certificates import signed

from lossurf.certificates.stored import StoredCertificate
from lossurf.certificates.tied import TiedClaim

Forgery = tuple[str, StoredCertificate]

SHOWS = 1e-9
KINDS = {"global-minimum": "gap", "local-minimum": "inertia", "strict-saddle": "hessian", "not-critical": "gradient"}


def forgeries(stored: StoredCertificate, rng: np.random.Generator) -> Iterator[Forgery]:
    """Yield false certificates by class; those named `data-...` are false for their data alone."""
    for forge in (_losses, _measures, _counts, _tied_counts, _spectra, _words, _tolerances, _directions, _beside):
        yield from forge(stored)
    for forge in (_arrays, _moved):
        yield from forge(stored, rng)


def sizes_of(stored: StoredCertificate) -> tuple[np.ndarray, float, float]:
    """S = X X^T in units of its largest eigenvalue, that eigenvalue, and the size of the loss's terms in its units."""
    R = stored.arrays["R11"]
    unit = float(np.linalg.norm(R, 2)) if R.size else 0.0
    R = R / (unit or 1.0)
    return R.T @ R, unit * unit, float(np.sum(R**2)) * (1.0 + float(np.sum(stored.arrays["W1"] ** 2))) ** 2


def _changed(value: float, terms: float) -> Iterator[float]:
    for other in (value * (1.0 + 1e-5), value * (1.0 - 1e-7), 2.0 * value, -value, 0.0, value + 1e-5 * terms):
        if np.isfinite(other) and abs(other - value) > SHOWS * terms:
            yield float(other)


def _losses(stored: StoredCertificate) -> Iterator[Forgery]:
    S, square, terms = sizes_of(stored)
    sizes = {"loss": terms, "optimal_loss": float(np.trace(S)), "next_level": float(np.trace(S)), "residual_loss": 1.0}
    for key, size in sizes.items():
        if stored.claim[key] is not None and square * size > 0.0:
            yield from ((key, signed(stored, **{key: other})) for other in _changed(stored.claim[key], square * size))
    if stored.claim["claim"] == "global-minimum" and stored.claim["next_level"] is not None:
        yield "next_level", signed(stored, next_level=None)


def _measures(stored: StoredCertificate) -> Iterator[Forgery]:
    claim = stored.claim
    gradient, tau, (layer,) = claim["gradient"], claim["tolerance"], claim["layers"]
    known = 1e-12 + 1e-6 * gradient
    for other in (gradient + 1e-2 * tau, gradient + 2.0 * tau, -gradient - 1e-2 * tau, 1.001 * gradient + 1e-2 * tau):
        if abs(other - gradient) > known:
            yield "gradient", signed(stored, gradient=other)
    for other in _changed(layer["norm"], layer["norm"]) if layer["norm"] else (1e-3,):
        yield "norm", _layer(stored, norm=other)
    if claim["nearest"] is not None:
        for key, other in (("gradient", 1e-6), ("gradient", -1.0), ("distance", claim["nearest"]["distance"] + tau)):
            yield f"nearest-{key}", signed(stored, nearest={**claim["nearest"], key: other})
        yield "nearest-gone", signed(stored, nearest=None)


def _counts(stored: StoredCertificate) -> Iterator[Forgery]:
    claim, (layer,) = stored.claim, stored.claim["layers"]
    for key in ("rank", "rank_max"):
        yield from ((key, signed(stored, **{key: claim[key] + by})) for by in (1, -1, 7))
    for key in ("dx", "dy", "rank_x"):
        yield "shapes", signed(stored, data={**claim["data"], key: claim["data"][key] + 1})
    yield "shapes", _layer(stored, shape=[layer["shape"][0] + 1, layer["shape"][1]])
    yield "data-samples", signed(stored, data={**claim["data"], "samples": claim["data"]["samples"] + 1})


def _tied_counts(stored: StoredCertificate) -> Iterator[Forgery]:
    told = stored.claim["tied"]
    for key in ("unseen_inputs", "idle_units", "symmetries", "negative", "zero", "positive"):
        if told[key] is None:
            yield key, tied(stored, **{key: 1})
        else:
            yield from ((key, tied(stored, **{key: told[key] + by})) for by in (1, -1))
    if told["negative"] is not None:
        more = {"negative": told["negative"] + 1, "zero": told["zero"] - 1}
        yield "signs", tied(stored, **more)
        yield "signs", tied(stored, negative=None, zero=None, positive=None)
        yield "signs", tied(stored, negative=None)
    weights = told["idle_weights"]
    for at, z in enumerate(weights):
        for other in (z + 1e-7, 2.0 * z + 1e-3, np.sqrt(2.0) + 1.0 if z < 1.0 else 0.0):
            if abs(other - z) > SHOWS * (1.0 + float(np.linalg.norm(stored.arrays["W1"]))):
                yield "idle_weights", tied(stored, idle_weights=[*weights[:at], other, *weights[at + 1 :]])
    yield "idle_weights", tied(stored, idle_weights=[*weights, 2.0])
    if weights:
        yield "idle_weights", tied(stored, idle_weights=weights[1:])


def _spectra(stored: StoredCertificate) -> Iterator[Forgery]:
    """Eigenvalues that are told to be one, or apart, or rounding, as they are not; others that are carried."""
    told = stored.claim["tied"]
    counts, carried = told["eigenvalues"], told["carried"] or [0] * len(told["eigenvalues"])
    none = told["carried"] is None

    def other(sizes: list[int], kept: list[int]) -> StoredCertificate:
        return tied(stored, eigenvalues=sizes, carried=None if none else kept)

    if len(counts) > 1:
        yield "eigenvalues", other([counts[0] + counts[1], *counts[2:]], [carried[0] + carried[1], *carried[2:]])
        yield "eigenvalues", other(counts[:-1], carried[:-1])
        yield "eigenvalues", other([sum(counts)], [sum(carried)])
    if counts and counts[0] > 1:
        yield (
            "eigenvalues",
            other([1, counts[0] - 1, *counts[1:]], [min(carried[0], 1), max(carried[0] - 1, 0), *carried[1:]]),
        )
    yield "eigenvalues", other([*counts, 1], [*carried, 0])
    yield "eigenvalues", other([*counts, 0], [*carried, 0])
    if none:
        yield "carried", tied(stored, carried=carried)
        return
    for at in range(len(counts)):
        for by in (1, -1):
            yield "carried", tied(stored, carried=[*carried[:at], carried[at] + by, *carried[at + 1 :]])
    if len(set(carried)) > 1:
        yield (
            "carried",
            tied(stored, carried=carried[::-1])
            if carried[::-1] != carried
            else tied(stored, carried=[9] * len(carried)),
        )


def _words(stored: StoredCertificate) -> Iterator[Forgery]:
    claim = stored.claim
    best = claim["next_level"] or claim["loss"]
    for verdict, kind in (*KINDS.items(), ("bad-saddle", "staircase"), ("degenerate", "inertia")):
        if verdict == claim["claim"]:
            continue
        strict, critical = verdict == "strict-saddle", verdict != "not-critical"
        said = {
            "claim": verdict,
            "kind": kind,
            "pair": None if critical else [1, 1],
            "next_level": best if verdict == "global-minimum" else None,
            "nearest": (claim["nearest"] or {"distance": 0.0, "gradient": 0.0}) if critical else None,
        }
        said |= {key: (claim[key] or -1.0 if strict else None) for key in ("curvature", "loss_decrease", "step")}
        arrays = {name: array for name, array in stored.arrays.items() if name[0] not in "VN"}
        W = arrays["W1"]
        arrays |= {"N1": stored.arrays.get("N1", W)} if critical else {}
        direction = np.zeros(W.shape)
        direction[0, -1] = 1.0
        arrays |= {"V1": stored.arrays.get("V1", direction)} if strict else {}
        told = claim["tied"]
        if critical and told["carried"] is None:
            told = {**told, "carried": [0] * len(told["eigenvalues"]), "idle_units": len(W), "symmetries": 0}
            told |= {"idle_weights": [0.0] * len(W)}
        if not critical:
            told = {key: value if key in ("unseen_inputs", "eigenvalues") else None for key, value in told.items()}
            told |= {"idle_weights": []}
        yield "claim", signed(replace(stored, arrays=arrays), tied=told, **said)
        yield "claim", signed(stored, claim=verdict, kind=kind)
    yield "kind", signed(stored, kind="other")
    yield from (("kind", signed(stored, kind=kind)) for kind in KINDS.values() if kind != claim["kind"])
    if (stored.arrays["W1"].astype(np.float16) != stored.arrays["W1"]).any():
        yield "dtype", signed(_layer(stored, dtype="float16"), tolerance=1e-2)
        yield "dtype", _layer(stored, dtype="float16")


def _tolerances(stored: StoredCertificate) -> Iterator[Forgery]:
    claim, gradient = stored.claim, stored.claim["gradient"]
    if claim["claim"] == "not-critical":
        others = [0.0, -1.0, 1e-12, claim["tolerance"] / 2.0, 2.0 * gradient]
    else:
        others = [0.0, -1.0, 0.1, 1.0, 2.0 * claim["tolerance"], *([gradient / 2.0] if gradient > 1e-12 else [])]
    # at a tolerance of zero a matrix of nothing is critical as well
    others = others if gradient or claim["nearest"] is None or claim["nearest"]["distance"] else others[1:]
    yield from (("tolerance", signed(stored, tolerance=other)) for other in others)


def _directions(stored: StoredCertificate) -> Iterator[Forgery]:
    claim = stored.claim
    if claim["claim"] != "strict-saddle":
        return
    curvature = claim["curvature"]
    for other in (10.0 * curvature, 0.5 * curvature, -curvature, 0.0):
        yield "curvature", signed(stored, curvature=other)
    for key in ("loss_decrease", "step"):
        yield from ((key, signed(stored, **{key: factor * claim[key]})) for factor in (3.0, 0.1, 1e6))
    yield "loss_decrease", signed(stored, loss_decrease=-claim["loss_decrease"])
    arrays = {name: array for name, array in stored.arrays.items() if name[0] != "V"}
    yield "direction", signed(replace(stored, arrays=arrays))


def _beside(stored: StoredCertificate) -> Iterator[Forgery]:
    """Yield what no certificate of this kind holds: it would be a number that nobody computes again."""
    claim = stored.claim
    further = {"index": {"negative": 0, "resolution": 0.0, "ranks": []}}
    further |= {"staircase": [{"layers": [1, 1], "factor": "product", "value": 0.0, "threshold": 0.0}]}
    further |= {key: -1.0 for key in ("curvature", "loss_decrease", "step", "next_level") if claim[key] is None}
    if claim["claim"] == "global-minimum":
        further.pop("next_level", None)
    further |= {"pair": [1, 1]} if claim["pair"] is None else {"pair": None}
    yield from (("beside", signed(stored, **{key: value})) for key, value in further.items())
    W, R = stored.arrays["W1"], stored.arrays["R11"]
    for name, array in (("D1", W.reshape(1, -1)), ("T", R.T), ("V1", W), ("N1", W)):
        if name not in stored.arrays:
            yield "beside", signed(replace(stored, arrays={**stored.arrays, name: array}))
    if R.shape[0] < R.shape[1]:
        more = np.vstack([R, np.zeros((1, R.shape[1]))])
        data = {**claim["data"], "rank_x": claim["data"]["rank_x"] + 1}
        longer = signed(replace(stored, arrays={**stored.arrays, "R11": more}), data=data)
        yield "rank of X", tied(longer, unseen_inputs=claim["tied"]["unseen_inputs"] - 1)


def _arrays(stored: StoredCertificate, rng: np.random.Generator) -> Iterator[Forgery]:
    """One array made another: an entry, noise, a sign, a factor, nothing, rows in another order."""
    for name, array in stored.arrays.items():
        largest = float(np.abs(array).max(initial=0.0))
        if not array.size:
            continue
        where = np.unravel_index(int(np.argmax(np.abs(array))), array.shape)
        entry = array.copy()
        entry[where] += 1e-4 * (largest or 1.0)
        noise = array + 1e-3 * (largest or 1.0) * rng.standard_normal(array.shape)
        for other in (entry, noise, -array, 1.001 * array, 0.0 * array, array[::-1]):
            changed = replace(stored, arrays={**stored.arrays, name: other})
            if is_false(stored, changed, name):
                yield f"{'data-' if name == 'R11' else ''}array {name[0]}", signed(changed)


def is_false(stored: StoredCertificate, changed: StoredCertificate, name: str) -> bool:
    """Whether something that is said no longer holds once an array is another."""
    before, after = stored.arrays[name], changed.arrays[name]
    S, _, _ = sizes_of(stored)
    W = stored.arrays["W1"]
    if name == "Q":
        return _off(after.T @ S @ after) > SHOWS or _not_orthonormal(after)
    if name == "U":
        return _off(after.T @ W @ S @ W.T @ after) > SHOWS * (1.0 + float(np.sum(W**2))) or _not_orthonormal(after)
    if name in ("W1", "R11"):
        grams = [array.T @ array for array in (before / _length(before), after / _length(before))]
        return float(np.abs(grams[1] - grams[0]).max()) > 1e-7
    if name == "V1":
        (length, form, fall), (other_length, other_form, other_fall) = (_along(each) for each in (stored, changed))
        off = max(abs(other_length - length), abs(other_form - form), abs(other_fall - fall))
        return off > 1e-7 * (1.0 + float(np.linalg.norm(W)) ** 2)
    return float(np.abs(after - before).max()) > 1e-7 * max(float(np.linalg.norm(W)), 1.0)


def _off(matrix: np.ndarray) -> float:
    return float(np.abs(matrix - np.diag(np.diag(matrix))).max(initial=0.0))


def _not_orthonormal(basis: np.ndarray) -> bool:
    return bool(np.abs(basis.T @ basis - np.eye(len(basis))).max() > SHOWS)


def _length(array: np.ndarray) -> float:
    return float(np.linalg.norm(array / (np.abs(array).max() or 1.0)) * np.abs(array).max()) or 1.0


def _along(stored: StoredCertificate) -> tuple[float, float, float]:
    """Length of the direction, v^T H v at the exact point and the fall to the step, the largest eigenvalue being 1."""
    S, _, _ = sizes_of(stored)
    N, V, t = stored.arrays["N1"], stored.arrays["V1"], stored.claim["step"]
    E = N.T @ N - np.eye(len(S))
    first, second = V.T @ N + N.T @ V, V.T @ V
    form = float(np.sum(first * (first @ S)) + 2.0 * np.sum(second * (E @ S)))
    far = E + t * first + t * t * second
    return float(np.linalg.norm(V)), form, float(np.sum(E * (E @ S)) - np.sum(far * (far @ S)))


def _moved(stored: StoredCertificate, rng: np.random.Generator) -> Iterator[Forgery]:
    """W moved by a thousandth, and every number of the claim made its own: only what is claimed is false."""
    W, claim = stored.arrays["W1"], stored.claim
    if claim["claim"] == "not-critical" or claim["layers"][0]["dtype"] != "float64":
        return
    S, _, _ = sizes_of(stored)
    moved = W + 1e-3 * max(float(np.linalg.norm(W, 2)), 1.0) * rng.standard_normal(W.shape)
    E = moved.T @ moved - np.eye(len(S))
    gradient = moved @ (S @ E + E @ S)
    if float(np.abs(gradient).max()) > 1e-5 * (1.0 + float(np.linalg.norm(moved))) ** 3:
        yield "moved", agreeing(replace(stored, arrays={**stored.arrays, "W1": moved}))
        yield "moved", agreeing(replace(stored, arrays={**stored.arrays, "W1": moved, "N1": moved}))


def agreeing(stored: StoredCertificate) -> StoredCertificate:
    """Make every number of a claim that of its matrices, as a forger who reads `verify` would."""
    arrays = dict(stored.arrays)
    claim = TiedClaim(stored)
    arrays["U"] = np.linalg.svd(claim.C * claim.spectrum.s)[0]
    claim = TiedClaim(replace(stored, arrays=arrays))
    N = arrays["N1"]
    distance = float(np.linalg.norm(N - claim.W)) / max(float(np.linalg.norm(claim.W)), 1.0)
    numbers = {
        "gradient": claim.gradient[0],
        "loss": claim.unit * (claim.unit * claim.loss[0]),
        "nearest": {"distance": distance, "gradient": 0.0},
        "rank": int(np.linalg.matrix_rank(claim.W, claim.tau * claim.size)),
    }
    layers = copy.deepcopy(stored.claim["layers"])
    layers[0]["norm"] = float(np.linalg.norm(claim.W))
    return signed(replace(stored, arrays=arrays), layers=layers, **numbers)


def tied(stored: StoredCertificate, **changes: object) -> StoredCertificate:
    """Change fields that only a tied autoencoder has."""
    return signed(stored, tied={**stored.claim["tied"], **changes})


def _layer(stored: StoredCertificate, **changes: object) -> StoredCertificate:
    layers = copy.deepcopy(stored.claim["layers"])
    layers[0].update(changes)
    return signed(stored, layers=layers)
