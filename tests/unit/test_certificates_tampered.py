"""No false certificate is accepted, whoever signs it: every field and every array changed, and claims forged whole.

Trusted channel: each class of forgery is false by its construction, and whether a change shows beside rounding is told
in tests/tampering.py from the terms of the number, by products of its own. Classes: numbers (loss, L*, the loss of
least squares, the next level, curvature, decrease, step), measures (gradients, norms, the distance and gradient of the
nearest point), counts (ranks, samples, shapes), words (claim, kind, pair, dtype), tolerances, stairs, arrays (an entry,
noise, sign, factor, order, zeros), directions left out, the index with its ranks and its directions, losses shifted
together below zero, weights moved off the critical point with every number made theirs, and saddles said to be minima
because what they lack is small.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from certificates import SUBJECTS, Subject, certificate_of, honest, signed
from tampering import agreeing, forgeries

from lossurf.certificates.against_data import data_checks
from lossurf.certificates.verify import verify_certificate

CLASSES = {
    *("loss", "optimal_loss", "residual_loss", "next_level", "curvature", "loss_decrease", "step", "direction"),
    *("index", "index-ranks", "index-descents"),
    *("gradient", "norm", "nearest-gradient", "nearest-distance", "rank", "rank_max", "shapes", "data-samples"),
    *("claim", "kind", "pair", "dtype", "tolerance", "staircase", "residual-loss", "data-residual-loss", "moved"),
    *(f"array {letter}" for letter in "WVNb"),
    *(f"data-array {letter}" for letter in "RTm"),
}


def accepted(seeds, most=None):
    """Which forgeries were accepted, of `most` of each class and certificate, and how many of each class were asked."""
    asked, found = Counter(), []
    for seed, subject, stored in honest(seeds):
        rng = np.random.default_rng([3, seed])
        with np.errstate(all="ignore"):  # what overflows is no forgery that anyone could write
            forged = list(forgeries(stored, rng))
        for name, other in some_of_each(forged, most, rng) if most else forged:
            asked[name] += 1
            checks = verify_certificate(other).checks
            if name.startswith("data-"):
                checks = (*checks, *data_checks(other, subject.rows(), eps=subject.eps))
            if all(check.ok for check in checks):
                found.append((seed, subject.name, stored.claim["claim"], name))
    return asked, found


def some_of_each(forged, most, rng):
    """Draw `most` of each class: one certificate has two dozen forgeries that change a norm, and one of its pair."""
    taken = Counter()
    for name, other in (forged[at] for at in rng.permutation(len(forged))):
        taken[name] += 1
        if taken[name] <= most:
            yield name, other


def test_no_forged_certificate_is_accepted():
    asked, found = accepted(range(len(SUBJECTS)), most=2)
    assert not found
    assert set(asked) == CLASSES


def test_a_staircase_of_a_network_of_nothing_but_rounding_has_no_false_numbers():
    # what a long campaign found accepted: the bound grew with how much shorter than 1 the first layer is
    asked, found = accepted(range(1036, 1037))
    assert not found
    assert asked["staircase"] == 9


@pytest.mark.slow
def test_none_of_a_hundred_thousand_forged_certificates_is_accepted():
    asked, found = accepted(range(1000, 2000))
    assert not found
    assert sum(asked.values()) > 100_000


def lacking(missing, *, first=1.0, condition=1.0):
    """A critical point whose product lacks a small singular value of T: a saddle just above the optimum.

    The loss differs from L* by half the square of what is missing. X has the condition number, and W_1 is longer by a
    factor that W_2 takes back.
    """
    rng = np.random.default_rng(4)
    left, right = (np.linalg.qr(rng.standard_normal((4, 4)))[0] for _ in range(2))
    rows = np.linalg.qr(rng.standard_normal((9, 4)))[0].T  # orthonormal
    X = right * np.geomspace(1.0, 1.0 / condition, 4) @ rows
    T = left * np.array([1.0, 0.6, 0.3, missing]) @ right.T
    Y = T @ rows
    best = left[:, :3] @ left[:, :3].T @ T @ np.linalg.inv(right * np.geomspace(1.0, 1.0 / condition, 4))
    W_1 = np.vstack([left[:, :3].T @ best, np.zeros((1, 4))])
    return Subject("lacking", [first * W_1, np.hstack([left[:, :3], np.zeros((4, 1))]) / first], X, Y)


@pytest.mark.parametrize("condition", [1.0, 1e4, 1e8])
@pytest.mark.parametrize("first", [1.0, 1e4])
@pytest.mark.parametrize("missing", [3e-5, 1e-4, 1e-2])
@pytest.mark.parametrize("named", [False, True])
def test_a_saddle_is_no_minimum_because_its_loss_agrees_to_eight_digits(missing, first, condition, named):
    subject = lacking(missing, first=first, condition=condition)
    best = subject.Y @ np.linalg.pinv(subject.X)
    stored = certificate_of(subject.problem(), [best, np.eye(len(best))])  # of the same data
    claim = {"claim": "global-minimum", "kind": "gap", "tolerance": 1e-8, "staircase": [], "curvature": None}
    values = np.linalg.svd(stored.arrays["T"], compute_uv=False)
    level = 0.5 * values[-1] ** 2 + stored.claim["residual_loss"]
    arrays = {name: array for name, array in stored.arrays.items() if name[0] not in "VN"}
    arrays |= {f"W{k}": W for k, W in enumerate(subject.weights, 1)}
    nearest = None
    if named:  # the weights themselves, which are critical to rounding
        arrays |= {f"N{k}": W for k, W in enumerate(subject.weights, 1)}
        nearest = {"distance": 0.0, "gradient": 0.0}
    forged = agreeing(replace(stored, arrays=arrays), nearest=nearest, next_level=level, rank=3, **claim)
    failed = {check.id for check in verify_certificate(forged).checks if not check.ok}
    assert failed & {"at-the-optimum", "at-the-optimum-itself", "nearest-at-the-optimum"}


def test_a_minimum_that_is_there_but_not_named_is_found():
    subject = lacking(0.1)
    best = subject.Y @ np.linalg.pinv(subject.X)
    weights = [best * (1.0 + 1e-9), np.eye(4)]
    stored = certificate_of(subject.problem(), weights)
    arrays = {name: array for name, array in stored.arrays.items() if name[0] != "N"}
    alone = signed(replace(stored, arrays=arrays), nearest=None)
    assert stored.claim["claim"] == "global-minimum"
    assert verify_certificate(alone).valid
    far = agreeing(replace(alone, arrays={**arrays, "W1": best * (1.0 + 3e-7), "W2": np.eye(4)}))
    assert not verify_certificate(far).valid


def test_the_bound_of_the_loss_is_its_rounding():
    # on the edge: a hundredth of the bound of either side passes, a hundred times it does not
    for _, _, stored in honest(range(4 * len(SUBJECTS))):
        check = next(check for check in verify_certificate(stored).checks if check.id == "loss")
        terms = stored.claim["loss"] + 0.5 * float(np.sum(stored.arrays["T"] ** 2))
        if not np.isfinite(terms) or check.bound < 1e-280:
            continue
        for factor, right in ((0.01, True), (100.0, False), (-100.0, False)):
            claim = stored.claim["loss"] + factor * check.bound
            found = {check.id: check.ok for check in verify_certificate(signed(stored, loss=claim)).checks}
            assert found["loss"] == right or claim == stored.claim["loss"]
