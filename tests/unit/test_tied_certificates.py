"""Certificates of tied autoencoders: none that is honest is refused, none that is false is accepted.

Trusted channels: what `classify --tied` writes of points whose kind is known by their making, while `verify` shares
nothing with it; dense Hessians of tests/unit/tied_points.py; and for each forgery a plain formula that says it is one.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from certificates import signed
from tied_certificates import DATA, Subject, certificate_of, honest
from tied_points import RECIPES, hessian, random_point
from tied_tampering import agreeing, forgeries, tied

import lossurf
from lossurf.api.certificate import Evidence
from lossurf.api.verify import _against
from lossurf.certificates.stored import StoredCertificate, read_certificate
from lossurf.certificates.tied import TiedClaim
from lossurf.certificates.tied_point import ExactPoint, Spectrum
from lossurf.certificates.verify import verify_certificate
from lossurf.errors import InputError, UsageError
from lossurf.inputs.checkpoints.checkpoint import Checkpoint

SQRT2 = float(np.sqrt(2.0))
CLASSES = {
    *("loss", "optimal_loss", "next_level", "residual_loss", "gradient", "norm", "rank", "rank_max", "shapes"),
    *("nearest-gradient", "nearest-distance", "nearest-gone", "unseen_inputs", "idle_units", "symmetries", "signs"),
    *("negative", "zero", "positive", "idle_weights", "eigenvalues", "carried", "claim", "kind", "dtype", "tolerance"),
    *("curvature", "loss_decrease", "step", "direction", "beside", "rank of X", "moved"),
    *("array W", "array N", "array V", "array Q", "array U", "data-array R", "data-samples"),
}


def failing(stored, **options):
    return {check.id for check in verify_certificate(stored, **options).checks if not check.ok}


def refused(seeds):
    """What was refused, with its data or without, and how many of each claim were asked."""
    asked, found = Counter(), []
    for seed, subject, stored in honest(seeds):
        asked[stored.claim["claim"]] += 1
        checks = (*verify_certificate(stored).checks, *_against(stored, subject.data()))
        found += [(seed, subject.name, subject.W.dtype, check) for check in checks if not check.ok]
    return asked, found


def test_no_honest_certificate_is_refused():
    asked, found = refused(range(10 * len(DATA)))
    assert not found
    assert sum(asked.values()) > 120
    assert len(asked) == 4


def test_a_matrix_that_is_long_on_what_x_hardly_has_is_not_refused():
    # W Q is rounded there relative to W, and U are left singular vectors of its image to no more than that
    assert not refused(range(23946, 23947))[1]


@pytest.mark.slow
def test_no_honest_certificate_of_six_thousand_is_refused():
    asked, found = refused(range(20000, 27000))
    assert not found
    assert sum(asked.values()) > 6000


def accepted(seeds, most=None):
    """Which forgeries were accepted, of `most` of each class and certificate, and how many of each class were asked."""
    asked, found = Counter(), []
    for seed, subject, stored in honest(seeds):
        rng, taken = np.random.default_rng([3, seed]), Counter()
        forged = list(forgeries(stored, rng))
        for name, other in (forged[at] for at in rng.permutation(len(forged))):
            taken[name] += 1
            if most and taken[name] > most:
                continue
            asked[name] += 1
            checks = verify_certificate(other).checks
            if name.startswith("data-"):
                checks = (*checks, *_against(other, subject.data()))
            if all(check.ok for check in checks):
                found.append((seed, subject.name, stored.claim["claim"], name))
    return asked, found


def test_no_forged_certificate_is_accepted():
    asked, found = accepted(range(3 * len(DATA)), most=2)
    assert not found
    assert set(asked) == CLASSES


@pytest.mark.slow
def test_none_of_fifty_thousand_forged_certificates_is_accepted():
    asked, found = accepted(range(1000, 1600))
    assert not found
    assert sum(asked.values()) > 50_000


def exact_point(found):
    """The verifier's point on a problem that is made from its answer."""
    _, s, vt = np.linalg.svd(found.X)
    padded = np.zeros(len(vt))
    rank = found.eigenvalues.size
    padded[:rank] = s[:rank] / (s[0] or 1.0)
    cuts = [0, *(np.flatnonzero(-np.diff(padded[:rank]) > 1e-10) + 1).tolist(), rank]
    groups = tuple(slice(a, b) for a, b in pairwise(cuts) if b > a)
    kept = np.isin(np.arange(rank), found.carried)
    carried = tuple(int(np.sum(kept[group])) for group in groups)
    return ExactPoint(found.exact @ vt.T, Spectrum(padded, 1e-14, groups), carried)


@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if recipe != "ill"])
def test_the_closed_form_and_the_dense_hessian_of_the_verifier_agree_with_that_of_the_loss(recipe):
    rng = np.random.default_rng([16, RECIPES.index(recipe)])
    for _ in range(20):
        found = random_point(rng, recipe)
        point = exact_point(found)
        assert point.signs == found.signs()
        np.testing.assert_allclose(point.coordinates, point.C, atol=1e-9 * max(np.linalg.norm(point.C), 1.0))
        S = np.diag(point.spectrum.s**2)
        size = 1.0 + np.sum(point.C**2)
        np.testing.assert_allclose(point.hessian(), hessian(point.coordinates, S), atol=1e-12 * size)


def held(beyond, *, claim=None):
    """A certificate of a unit that carries the first eigenvector beside an idle one of weight sqrt 2 + beyond."""
    X = np.diag([3.0, 2.0, 1.0, 0.0])
    W = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, SQRT2 + beyond]])
    stored = certificate_of(Subject("held", W, X))
    return stored if claim is None else signed(stored, **claim)


@pytest.mark.parametrize(("beyond", "claim"), [(1e-6, "local-minimum"), (-1e-6, "strict-saddle")])
def test_on_either_side_of_sqrt_2_the_other_verdict_is_refused(beyond, claim):
    # the forger takes the certificate of the point on the other side, whose numbers are the same to six digits
    stored, other = held(beyond), held(-beyond)
    assert (stored.claim["claim"], failing(stored)) == (claim, set())
    arrays = {**other.arrays, "W1": stored.arrays["W1"]}
    assert failing(agreeing(replace(other, arrays=arrays))) & {"nearest-point", "idle-weights"}
    named = agreeing(replace(other, arrays={**arrays, "N1": stored.arrays["W1"]}))
    assert "idle-weights" in failing(named)
    weights = [float(stored.arrays["W1"][1, 3])]
    assert failing(tied(named, idle_weights=weights)) & {"idle-weight-above", "idle-weight-below"}


@pytest.mark.parametrize(("beyond", "known"), [(2e-8, True), (1e-9, False), (-1e-9, False), (-2e-8, True)])
def test_the_signs_that_a_tolerance_leaves_open_may_not_be_claimed(beyond, known):
    # an exchange makes it a strict saddle whatever the idle unit does
    X = np.diag([3.0, 2.0, 1.0, 0.0])
    W = np.array([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, SQRT2 + SQRT2 * beyond]])
    stored = certificate_of(Subject("open", W, X))
    assert stored.claim["claim"] == "strict-saddle"
    assert (stored.claim["tied"]["negative"] is not None) == known
    assert failing(stored) == set()
    other = {"negative": 3, "zero": 4, "positive": 1} if not known else dict.fromkeys(("negative", "zero", "positive"))
    assert "signs" in failing(tied(stored, **other))


def test_the_bound_of_the_loss_is_its_rounding():
    # on the edge: a hundredth of the bound passes, a hundred times it does not
    for _, _, stored in honest(range(2 * len(DATA))):
        check = next(check for check in verify_certificate(stored).checks if check.id == "loss")
        if check.bound < 1e-280:
            continue
        for factor, right in ((0.01, True), (100.0, False), (-100.0, False)):
            claim = stored.claim["loss"] + factor * check.bound
            assert ("loss" not in failing(signed(stored, loss=claim))) == right or claim == stored.claim["loss"]


def test_a_tolerance_is_that_of_the_weights():
    X, W = np.diag([2.0, 1.0]), np.array([[1.0, 3e-9]])
    easier = certificate_of(Subject("easier", W, X), tolerance=1e-6)
    assert easier.claim["claim"] == "global-minimum"
    assert failing(easier) == {"tolerance"}
    assert failing(easier, any_tolerance=True) == set()
    assert "critical" in failing(signed(easier, tolerance=0.5), any_tolerance=True) or easier.claim["gradient"] < 1e-2
    mixed = Checkpoint.of([W.astype(np.float32), W.astype(np.float32).T], dtypes=["float64", "float32"])
    found = lossurf.certify(mixed, X, tied=True)
    assert (found.claim.layers[0].dtype, found.claim.tolerance) == ("float32", 1e-6)
    assert failing(as_read(found)) == set()


def as_read(found: Evidence) -> StoredCertificate:
    return StoredCertificate("c.npz", json.loads(json.dumps(found.to_dict())), dict(found.arrays), 1)


@pytest.mark.parametrize("beyond", [1.0, -1.0])
def test_what_has_no_place_beside_a_verdict_is_refused(beyond):
    # true numbers, which nobody would compute again: a level, a layer, a count, another matrix
    stored = held(beyond)
    assert not verify_certificate(stored).gap_is_bound
    further = {"next_level": 4.0, "pair": [1, 1], "index": {"negative": 0, "resolution": 0.0, "ranks": []}}
    further |= {"staircase": [{"layers": [1, 1], "factor": "product", "value": 0.0, "threshold": 0.0}]}
    further |= {"curvature": -1.0, "step": 1.0} if beyond > 0.0 else {}
    for key, value in further.items():
        assert failing(signed(stored, **{key: value})) == {"belongs"}, key
    more = {**stored.arrays, "V1" if beyond > 0.0 else "D1": stored.arrays["W1"]}
    assert failing(signed(replace(stored, arrays=more))) == {"belongs"}


def test_numbers_out_of_range_fail_a_check_and_no_arithmetic():
    stored = held(1.0)
    for name in ("W1", "R11", "Q", "U", "N1"):
        for size in (1e100, 1e160, 3e307):
            assert failing(signed(replace(stored, arrays={**stored.arrays, name: size * stored.arrays[name]})))
    assert failing(tied(stored, eigenvalues=[2**52, 2**52], carried=[1, 0]))


def test_other_data_do_not_pass_for_those_of_a_certificate():
    rng = np.random.default_rng(8)
    X = rng.standard_normal((20, 3)) + 5.0
    stored = certificate_of(Subject("own", np.linalg.svd(X)[2][:2], X))
    own = lossurf.Data(X, X.copy())
    assert all(check.ok for check in _against(stored, own))
    others = {
        "data-x": lossurf.Data(1.001 * X, 1.001 * X),
        "data-y-is-x": lossurf.Data(X, X * (1.0 + 1e-9)),
        "data-shape": lossurf.Data(X, X[:, :2]),
        "data-rows": lossurf.Data(np.vstack([X[:-1], X[-1:], 0.0 * X[:1]]), np.vstack([X, 0.0 * X[:1]])),
    }
    for name, data in others.items():
        assert name in {check.id for check in _against(stored, data) if not check.ok}


def test_a_summary_stands_for_its_data():
    rng = np.random.default_rng(9)
    X = rng.standard_normal((20, 3)) + 1e6
    stored = certificate_of(Subject("own", np.linalg.svd(X)[2][:2], X))
    others = ((X[:, ::-1], "data-y-is-x"), (X + 1e-3, "data-y-is-x"), (X[:, :2], "data-shape"))
    for Y, fails in ((X, None), *others):
        checks = _against(stored, lossurf.reduce([(X, Y)]))
        assert [check.id for check in checks if not check.ok] == ([fails] if fails else [])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tied": 3}, "tied must be an object"),
        ({"tied": {}}, "unseen_inputs must be a whole number"),
        ({"claim": "bad-saddle"}, "claim must be one of global-minimum, local-minimum, strict-saddle"),
        ({"lambda": 1.0, "claim": "global-minimum"}, "alone, without weight decay"),
        ({"curvature": None}, "step and curvature must be there"),
        ({"layers": [{"norm": 1.0}, {"norm": 1.0}]}, "layers must be the one matrix"),
        ({"carried": [1]}, "carried must be one number for each eigenvalue"),
        ({"eigenvalues": 3}, "eigenvalues must be a list"),
        ({"idle_weights": ["a"]}, "idle_weights 1 must be a number"),
        ({"zero": None}, "zero must be a whole number"),
        ({"array": "Q"}, "'Q' cannot be used: it is missing"),
        ({"shape": "U"}, "'U' cannot be used: its shape"),
        ({"more": "T"}, "'T' cannot be used: its shape"),
    ],
)
def test_what_is_no_certificate_of_a_tied_autoencoder_is_refused(tmp_path, changes, message):
    found = lossurf.certify([np.zeros((2, 3))], np.diag([2.0, 1.0, 0.0]), tied=True)
    found.save(tmp_path / "c.npz")
    assert lossurf.verify(tmp_path / "c.npz").valid
    claim = json.loads((tmp_path / "c.json").read_text())
    arrays = dict(found.arrays)
    for key, value in changes.items():
        if key == "array":
            del arrays[value]
        elif key in ("shape", "more"):
            arrays[value] = np.ones((3, 2))
        elif key in claim["tied"]:
            claim["tied"][key] = value
        else:
            claim[key] = value
    (tmp_path / "c.json").write_text(json.dumps(claim))
    np.savez(tmp_path / "c.npz", **arrays)
    with pytest.raises(InputError, match=message):
        read_certificate(tmp_path / "c.npz")


def test_an_undetermined_point_and_directions_have_no_certificate():
    X = np.diag([3.0, 2.0, 0.0])
    with pytest.raises(UsageError, match="claims nothing"):
        lossurf.certify([np.array([[1.0, 0.0, 0.0], [0.0, 0.0, SQRT2]])], X, tied=True)
    assert TiedClaim(held(1.0)).gap == pytest.approx(2.0)  # 1/2 of the second eigenvalue
