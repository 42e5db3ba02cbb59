"""Certificates about a loss with weight decay: valid as written, and not once a number or a matrix is another."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from decay_points import random_point

import lossurf
from lossurf.api.certificate import evidence
from lossurf.certificates.decay_numbers import _least
from lossurf.certificates.stored import StoredCertificate, digest_of
from lossurf.certificates.verify import verify_certificate
from lossurf.data import Data
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.regularised.bounds import scalar_minimum
from lossurf.regularised.classify import classify_with_decay
from lossurf.words import Verdict


def certified(found, **changes):
    """What `classify --weight-decay --certificate` writes of a point, as it is read again."""
    data, checkpoint = Data(found.X.T, found.Y.T), Checkpoint.of([W + changes.get("off", 0.0) for W in found.weights])
    result = classify_with_decay(checkpoint, data.problem(bias=False), found.decay)
    written = evidence(result, checkpoint, data, decay=found.decay)
    if written is None:
        return None
    claim = json.loads(json.dumps(written.to_dict()))
    return StoredCertificate("c.npz", claim, dict(written.arrays), len(found.weights))


def forged(stored, *, claim=None, arrays=None):
    """A certificate with other numbers, signed again."""
    said, matrices = {**stored.claim, **(claim or {})}, {**stored.arrays, **(arrays or {})}
    said["digest"] = digest_of(said, matrices)
    return StoredCertificate(stored.name, said, matrices, stored.depth)


def failing(stored):
    return {check.id for check in verify_certificate(stored).checks if not check.ok}


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_every_certificate_is_valid_and_no_other_verdict_is(depth):
    # trusts the definitions: a claim of another kind, of another weight decay, or of another point fails
    rng = np.random.default_rng([21, depth])
    verdicts = set()
    for recipe in ("plain", "ill-conditioned", "white"):
        for _ in range(4):
            found = random_point(rng, depth, recipe)
            stored = certified(found)
            assert stored is not None
            assert failing(stored) == set()
            verdicts.add(stored.claim["claim"])
            assert "digest" in failing(StoredCertificate("c", {**stored.claim, "loss": 0.0}, stored.arrays, depth))
            if stored.arrays["N1"].any():  # zero is critical under every weight decay
                assert failing(forged(stored, claim={"lambda": 1.5 * found.decay}))
            assert failing(forged(stored, claim={"loss": stored.claim["loss"] * (1 + 1e-6)}))
            assert failing(forged(stored, claim={"optimal_loss": stored.claim["loss"] * (1 + 1e-6)}))
            assert "not-critical" in failing(forged(stored, claim={"claim": "not-critical", "kind": "gradient"}))
            moved = {"N1": stored.arrays["N1"] + 1e-3 * np.max(np.abs(stored.arrays["W1"]) + 1e-3)}
            assert failing(forged(stored, arrays=moved)) & {"nearest-critical", "nearest-distance"}
            another_verdict_fails(stored)
    assert depth == 1 or len(verdicts) > 1


def another_verdict_fails(stored):
    kinds = {"global-minimum": "dual-gap", "local-minimum": "inertia", "strict-saddle": "hessian"}
    true = stored.claim["claim"]
    for verdict, kind in kinds.items():
        if verdict == true or (true, verdict) == ("global-minimum", "local-minimum"):
            continue  # a global minimum is a local one as well
        said = {"claim": verdict, "kind": kind, "step": 1.0, "curvature": -1.0}
        assert failing(forged(stored, claim=said)), (true, verdict)


@pytest.mark.parametrize("seed", [30, 33, 37, 120, 142])
def test_what_a_campaign_in_other_units_found_refused(seed):
    # layers in units of 1e-34 to 1e95: `optimal-loss`, `least`, `nearest-critical` and a gradient off by a hundred eps
    depth, rng = 1 + seed % 4, np.random.default_rng([199, seed])
    found, exponent = random_point(rng, depth, ("plain", "ill-conditioned", "white")[seed % 3]), 120 / depth
    unit, _ = 10.0 ** rng.uniform(-exponent, exponent), rng.uniform()
    off = float(rng.choice([0.0, 0.0, 1e-3]))
    weights = [unit * (W + off) for W in found.weights]
    Y, decay = found.Y * unit**depth, found.decay * unit ** (2 * depth - 2)
    stored = certified(replace(found, weights=weights, Y=Y, decay=decay))
    assert failing(stored) == set()


HELD = {
    "gradient": "gradient-claimed",
    "rank": "rank",
    "rank_max": "rank-max",
    "loss": "loss",
    "curvature": "curvature-claimed",
    "loss_decrease": "descent-claimed",
}


@pytest.mark.parametrize("off", [0.0, 0.1])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_no_number_of_a_claim_may_be_another(depth, off):
    rng = np.random.default_rng([25, depth])
    stored = certified(random_point(rng, depth, "plain"), off=off)
    said = stored.claim
    for key, check in HELD.items():
        value = said[key]
        if value is not None:
            for other in (
                (value + 1, value - 1)
                if isinstance(value, int)
                else (value * 1.001 + 1e-9, value - 1e-8 * max(abs(value), 1e-2))
            ):
                assert check in failing(forged(stored, claim={key: other})), (key, other)
        elif key in ("curvature", "loss_decrease"):
            assert failing(forged(stored, claim={key: -1.0})) == {"belongs"}
    for key in ("dx", "dy", "rank_x"):
        assert failing(forged(stored, claim={"data": {**said["data"], key: said["data"][key] + 1}})) == {"shapes"}
    for at, layer in enumerate(said["layers"]):
        for changed, check in (({"norm": layer["norm"] + 1e-9}, "weights"), ({"shape": [7, 7]}, "shapes")):
            layers = [*said["layers"][:at], {**layer, **changed}, *said["layers"][at + 1 :]]
            assert failing(forged(stored, claim={"layers": layers})) == {check}
    if said["nearest"] is not None:
        for key, more in (("distance", 1e-9), ("gradient", 1e-9), ("gradient", -1.0)):
            nearest = {**said["nearest"], key: said["nearest"][key] + more}
            assert failing(forged(stored, claim={"nearest": nearest})) == {f"nearest-{key}-claimed"}


@pytest.mark.parametrize("bias", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("size", [0.0, 0.3])
def test_the_gradient_of_an_output_bias_is_held_to_its_measure(bias, size):
    # a mean of 3 that the bias is to be; zeros that no relative change moves have the largest measure there is
    rng = np.random.default_rng(27)
    X, Y = rng.standard_normal((9, 3)), rng.standard_normal((9, 2))
    Y += 3.0 - Y.mean(axis=0)
    network = Checkpoint.of([np.full((2, 3), size), np.eye(2)], [None, np.full(2, bias)])
    found = lossurf.certify(network, X, Y, weight_decay=0.3, reduction="half-sum")
    stored = StoredCertificate("c.npz", json.loads(json.dumps(found.to_dict())), dict(found.arrays), 2)
    assert stored.claim["claim"] == Verdict.NOT_CRITICAL
    assert failing(stored) == set()
    if bias == size == 0.0:
        assert stored.claim["gradient"] == 1e150
    for factor in (0.999, 1.001):
        assert failing(forged(stored, claim={"gradient": factor * stored.claim["gradient"]})) == {"gradient-claimed"}


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("decay", [0.0, -1.0, 5e-324])
def test_a_weight_decay_of_nothing_is_none(depth, decay):
    stored = certified(random_point(np.random.default_rng([25, depth]), depth, "plain"))
    assert failing(forged(stored, claim={"lambda": decay})) & {"weight-decay", "nearest-critical", "critical"}


def test_a_point_that_is_not_critical_is_certified_as_that():
    rng = np.random.default_rng(22)
    stored = certified(random_point(rng, 2, "plain"), off=0.1)
    assert stored.claim["claim"] == Verdict.NOT_CRITICAL
    assert failing(stored) == set()


def test_the_two_ways_to_the_scalar_problem_agree():
    # trusts the grid of the verification against the bisection of the analysis
    rng = np.random.default_rng(23)
    for _ in range(50):
        N = int(rng.integers(2, 7))
        square, slope, weight = 10.0 ** rng.uniform(-3, 0), 10.0 ** rng.uniform(-2, 0.5), 10.0 ** rng.uniform(-4, 0)
        ours = scalar_minimum(square, slope, weight, N)[1]
        assert _least(square, slope, weight, N) == pytest.approx(ours, abs=1e-9 * slope**2 / square)


def test_the_gap_of_a_local_minimum_is_told_as_a_bound(tmp_path):
    # trusts the construction: zero under three layers, where a singular value is worth carrying
    X, Y = np.eye(3), np.diag([3.0, 2.0, 1.2])
    zero = lossurf.certify([np.zeros((3, 3))] * 3, X, Y, weight_decay=0.4, reduction="half-sum")
    zero.save(tmp_path / "zero.npz")
    found = lossurf.verify(tmp_path / "zero.npz", Data(X, Y))
    assert found.valid
    assert found.gap_is_bound
    assert "the loss is at most " in found.report("table")
    plain = lossurf.certify([np.zeros((3, 3))] * 2, X, Y)
    plain.save(tmp_path / "plain.npz")
    found = lossurf.verify(tmp_path / "plain.npz")
    assert not found.gap_is_bound
    assert "the loss is 7.22 above L*" in found.report("table")
