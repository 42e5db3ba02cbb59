"""Which numbers a dtype holds, and which tolerances a claim may be made at.

Independent channel: the significands of IEEE 754, in powers of two.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from lossurf.certificates.stored import StoredCertificate, digest_of
from lossurf.certificates.tolerance import representable, stored_tolerance
from lossurf.certificates.verify import verify_certificate
from lossurf.landscape.classify import classify_network
from lossurf.landscape.evidence import evidence_arrays, evidence_claim
from lossurf.landscape.verdict import LayerFacts
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem
from lossurf.report.document import make_document


@pytest.mark.parametrize(
    ("dtype", "digits", "largest"),
    [("float32", 23, 2.0**127), ("float16", 10, 2.0**15), ("bfloat16", 7, 2.0**127)],
)
def test_a_dtype_holds_its_own_digits_and_no_more(dtype, digits, largest):
    assert representable(np.array([[1.0 + 2.0**-digits, 0.0, largest]]), dtype)
    assert not representable(np.array([[1.0, 1.0 + 2.0 ** -(digits + 1)]]), dtype)
    assert not representable(np.array([[1.0, 4.0 * largest]]), dtype)
    assert representable(np.array([[1.0 + 2.0**-52]]), "float64")


@pytest.mark.parametrize("coarse", [0, 1, 2])
def test_the_coarsest_of_the_layers_sets_the_tolerance(coarse):
    dtypes = ["float64"] * 3
    dtypes[coarse] = "float32"
    assert stored_tolerance([{"dtype": dtype} for dtype in dtypes]) == 1e-6


def certificate(weights, Y, *, dtypes=None, tolerance=None):
    """A certificate as it is written, on X = I."""
    problem = reduced_problem(reduce_blocks([(np.eye(len(Y)), Y)], len(Y), Y.shape[1]))
    dtypes = dtypes or ["float64"] * len(weights)
    layers = [LayerFacts(f"W{k}", W.shape, dtype) for k, (W, dtype) in enumerate(zip(weights, dtypes, strict=True), 1)]
    result = classify_network(weights, problem, layers=layers, tolerance=tolerance)
    claim = evidence_claim(result, problem, weights)
    arrays = evidence_arrays(result, problem, weights, None)
    document = make_document("certificate", claim, data={"samples": problem.samples, "dx": problem.dx})
    return signed(StoredCertificate("c.npz", json.loads(json.dumps(document)), arrays, len(weights)))


def signed(stored):
    return replace(stored, claim={**stored.claim, "digest": digest_of(stored.claim, stored.arrays)})


def failed(stored, **options):
    return {check.id for check in verify_certificate(stored, **options).checks if not check.ok}


def test_a_claim_of_a_critical_point_is_made_at_most_at_the_tolerance_of_its_weights():
    Y, weights = np.diag([2.0, 1.0]), [np.diag([2.0, 1.0]), np.eye(2)]
    for tau, refused in ((1e-9, False), (1e-8, False), (1.1e-8, True)):
        stored = certificate(weights, Y, tolerance=tau)
        assert stored.claim["claim"] == "global-minimum"
        assert failed(stored) == ({"tolerance"} if refused else set())
        assert failed(stored, any_tolerance=True) == set()
    mixed = certificate(weights, Y, dtypes=["float64", "float32"])
    assert mixed.claim["tolerance"] == 1e-6
    assert failed(mixed) == set()


def test_a_claim_that_a_point_is_not_critical_is_made_at_least_at_that_tolerance():
    Y, weights = np.diag([2.0, 1.0]), [np.diag([2.0, 0.5]), np.eye(2)]
    for tau, refused in ((0.9e-8, True), (1e-8, False), (1e-6, False)):
        stored = certificate(weights, Y, tolerance=tau)
        assert stored.claim["claim"] == "not-critical"
        assert failed(stored) == ({"tolerance"} if refused else set())
        assert failed(stored, any_tolerance=True) == set()


def test_every_layer_must_be_of_the_dtype_it_is_said_to_have():
    Y = np.diag([2.0, 1.0])
    weights = [np.diag([2.0, 1.0]) * 3.0, np.eye(2) / 3.0]
    for dtypes in (["float32", "float32"], ["float64", "float32"]):
        assert failed(certificate(weights, Y, dtypes=dtypes)) == {"dtypes"}
    assert failed(certificate(weights, Y, dtypes=["float32", "float64"])) == set()
