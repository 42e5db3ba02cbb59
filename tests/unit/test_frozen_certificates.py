"""Certificates beside frozen layers: honest ones are valid with their data, no forged one is, and they tell the truth.

Trusted channel: the points are of known kind by construction (frozen_points), the index is that of a dense Hessian over
the trained parameters, the loss that of the samples; a forgery is false by what was changed in it.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from certificates import signed
from critical_points import chain, loss
from frozen_certificates import FrozenSubject, forgeries, frozen_certificate, honest
from frozen_points import FrozenPoint, frozen_point, trained_hessian

import lossurf
from lossurf.certificates.frozen_data import frozen_data_checks
from lossurf.certificates.stored import read_certificate
from lossurf.certificates.verify import verify_certificate
from lossurf.output.npz import npz_bytes


def failed(stored, data=None):
    checks = verify_certificate(stored).checks
    if data is not None:
        eps, taken = data.dataset.data_eps, data.adjustments.taken
        checks = (*checks, *frozen_data_checks(stored, data.rows(), taken=taken, eps=eps))
    return [check for check in checks if not check.ok]


def of_summary(stored, data):
    """Checks against the triangle that a summary of the data holds."""
    triangle, first = data.reduce(), 1 + data.dx
    rows = [(triangle.r[:, 0], triangle.r[:, 1:first], triangle.r[:, first:])]
    shift, taken = triangle.shift[1:], data.adjustments.taken
    return frozen_data_checks(stored, rows, shift=shift, taken=taken, eps=data.dataset.data_eps)


def refused(seeds):
    asked, found = Counter(), []
    for seed, subject, stored in honest(seeds):
        asked[stored.claim["claim"]] += 1
        checks = (*failed(stored, subject.data), *(check for check in of_summary(stored, subject.data) if not check.ok))
        found += [(seed, subject.kind, subject.point.held, check) for check in checks]
    return asked, found


def test_no_honest_certificate_is_refused():
    asked, found = refused(range(70))
    assert not found
    assert sum(asked.values()) > 60
    assert set(asked) == {"global-minimum", "strict-saddle", "bad-saddle", "not-critical"}


@pytest.mark.parametrize("seed", [1008, 1211, 1269, 1463, 1537, 1538, 5766])
def test_what_a_long_campaign_found_refused(seed):
    # 1008: a next level told from L* by less than the rounding of what frozen last layers cannot reach;
    # 1211, 1537: all of T's singular values are there, and a change of an ill-conditioned first layer could take them;
    # 1269, 1463, 1538: a minimum as near as that layer's rounding reaches, which is farther away as it is stored;
    # 5766: a mean residual of rounding, which classify counted
    assert not refused(range(seed, seed + 1))[1]


@pytest.mark.slow
def test_no_honest_certificate_of_two_thousand_is_refused():
    # but where frozen first layers of condition 1e10 and more hide the rank of the nearest point in their rounding,
    # which is one in some six hundred: seed 5627
    asked, found = refused(range(1000, 3000))
    hidden = [check for *_, check in found if check.id == "nearest-rank-reached"]
    assert len(found) == len(hidden) <= 6
    assert sum(asked.values()) > 1700


def accepted(seeds):
    asked, found = Counter(), []
    for seed, subject, stored in honest(seeds):
        data = subject.data
        for name, forged in forgeries(stored, np.random.default_rng([9, seed])):
            asked[name] += 1
            if not failed(forged, data if name.startswith("data-") else None):
                found.append((seed, subject.kind, subject.point.held, name))
    return asked, found


CLASSES = {
    *(f"array {letter}" for letter in "WSABVbc"),
    *(f"data-{name}" for name in ("R11", "T", "means", "W", "b")),
    *("gauge", "rank", "not let through", "rank_max", "loss", "optimal_loss", "residual_loss", "gradient", "layers"),
    *("tolerance", "claim"),
}


def test_no_forged_certificate_is_accepted():
    asked, found = accepted(range(300, 309))
    assert not found
    assert set(asked) == CLASSES


@pytest.mark.slow
def test_none_of_ten_thousand_forged_certificates_is_accepted():
    asked, found = accepted(range(4000, 4250))
    assert not found
    assert sum(asked.values()) > 10_000


def example(pattern, *, seed=1, **options):
    rng = np.random.default_rng(seed)
    held = [letter == "F" for letter in pattern]
    widths = [4, *rng.integers(2, 5, len(held) - 1).tolist(), 3]
    return FrozenSubject("exact", frozen_point(rng, held, widths, **options))


@pytest.mark.parametrize("pattern", ["FTT", "TFT", "TTF", "FTFT", "TFTF", "FTFTF"])
def test_the_index_is_that_of_the_dense_hessian_and_the_loss_that_of_the_samples(pattern):
    told = 0
    for seed in range(6):
        subject = example(pattern, seed=seed)
        point, stored = subject.point, frozen_certificate(subject)
        here = loss(point.weights, point.X, point.Y)
        assert stored.claim["loss"] == pytest.approx(here, rel=1e-9)
        seen = chain([stored.arrays[f"S{i}"] for i in range(1, pattern.count("T") + 1)], len(stored.arrays["R11"].T))
        inside = 0.5 * np.sum((seen @ stored.arrays["R11"].T - stored.arrays["T"]) ** 2)
        assert inside + stored.claim["residual_loss"] == pytest.approx(here, rel=1e-9)
        if stored.claim["index"] is not None:
            values = np.linalg.eigvalsh(trained_hessian(point))
            assert stored.claim["index"]["negative"] == np.sum(values < -1e-9 * np.abs(values).max())
            told += 1
    assert told


@pytest.mark.parametrize("pattern", ["FTT", "TFT", "TTF"])
def test_the_direction_of_a_strict_saddle_leads_down_from_the_stored_layers(pattern):
    # channel: the direction lifted through what the layers are multiplied by, and the loss of the samples
    subject = next(
        subject
        for subject in (example(pattern, seed=seed) for seed in range(20))
        if frozen_certificate(subject).claim["claim"] == "strict-saddle"
    )
    point, stored = subject.point, frozen_certificate(subject)
    step, moved, i = stored.claim["step"], list(point.weights), 0
    for k, held in enumerate(point.held):
        if held:
            continue
        i += 1
        above, below = (stored.arrays.get(f"{letter}{i}") for letter in "AB")
        move = stored.arrays[f"V{i}"]
        move = move if above is None else np.linalg.pinv(above) @ move
        moved[k] = moved[k] + step * (move if below is None else move @ np.linalg.pinv(below))
    fall = loss(point.weights, point.X, point.Y) - loss(moved, point.X, point.Y)
    assert fall > 0.0
    assert fall == pytest.approx(stored.claim["loss_decrease"], rel=1e-6)


def test_a_layer_that_rounding_alone_lets_through_makes_no_tolerance():
    # forged: a trained layer that the frozen one above takes away, said to be seen as its rounding, at tolerance 1
    rng = np.random.default_rng(2)
    X, Y = rng.standard_normal((4, 20)), rng.standard_normal((3, 20))
    first, last = (np.linalg.qr(rng.standard_normal((n, n)))[0] for n in (4, 3))
    W = first[:, 2:] @ rng.standard_normal((2, 4))
    frozen = (last[:, :2] * [1.0, 0.5]) @ first[:, :2].T
    stored = frozen_certificate(FrozenSubject("zero", FrozenPoint([W, frozen], [False, True], X, Y)))
    assert not stored.arrays["S1"].any()
    assert not failed(stored)
    rounding = stored.arrays["A1"] @ W + 1e-18
    forged = signed(replace(stored, arrays={**stored.arrays, "S1": rounding}), tolerance=1.0)
    assert {"seen-layers"} <= {check.id for check in failed(forged)}


@pytest.mark.parametrize("pattern", ["FT", "TF", "FTF"])
def test_other_data_are_told_apart(pattern):
    subject = example(pattern)
    stored, point = frozen_certificate(subject), subject.point
    wider = pattern[-1] == "F" and len(point.Y) > point.weights[-1].shape[1]
    outside = np.linalg.svd(point.weights[-1])[0][:, -1:] if wider else None
    changes = {"X": (point.X + 1e-6 * np.eye(*point.X.shape), point.Y), "Y": (point.X, point.Y * (1.0 + 1e-8))}
    changes |= {"fewer": (point.X[:, 1:], point.Y[:, 1:]), "columns": (point.X[1:], point.Y)}
    if outside is not None:  # only what frozen last layers cannot reach
        changes["outside"] = (point.X, point.Y + 1e-5 * outside)
    for name, (X, Y) in changes.items():
        assert failed(stored, lossurf.Data(X.T, Y.T)), name
    assert not failed(stored, subject.data)


ARRAYS = {
    "a missing layer": lambda a: a.pop("W2"),
    "a missing seen layer": lambda a: a.pop("S1"),
    "a missing factor": lambda a: a.pop("A1"),
    "a factor of another shape": lambda a: a.update(B2=a["B2"][:, :1]),
    "a factor where nothing is frozen": lambda a: a.update(A2=np.eye(3)),
    "a seen layer of another shape": lambda a: a.update(S1=a["S1"].T),
    "a layer of another shape": lambda a: a.update(W3=np.zeros((3, 9))),
    "no data": lambda a: a.pop("T"),
}
CLAIMS = {
    "no names": {"frozen": []},
    "a name of no layer": {"frozen": ["W9"]},
    "all": {"frozen": ["W1", "W2", "W3"]},
    "twice": {"frozen": ["W2", "W2"]},
    "a word": {"frozen": "W2"},
    "numbers": {"frozen": [2]},
    "a weight decay": {"lambda": 1.0},
    "none": {"frozen": None},
}


def written(tmp_path, claim, arrays):
    (tmp_path / "c.npz").write_bytes(npz_bytes(arrays))
    (tmp_path / "c.json").write_text(json.dumps(dict(claim)))
    return tmp_path / "c.npz"


def middle():
    rng = np.random.default_rng(5)
    X, Y = rng.standard_normal((4, 20)), rng.standard_normal((3, 20))
    weights = [rng.standard_normal(shape) for shape in ((3, 4), (5, 3), (3, 5))]
    return FrozenSubject("off", FrozenPoint(weights, [False, True, False], X, Y))


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_do_not_fit_are_refused(tmp_path, name):
    stored = frozen_certificate(middle())
    assert not failed(read_certificate(written(tmp_path, stored.claim, stored.arrays)))
    arrays = dict(stored.arrays)
    ARRAYS[name](arrays)
    with pytest.raises(lossurf.InputError):
        read_certificate(written(tmp_path, stored.claim, arrays))


@pytest.mark.parametrize("name", CLAIMS)
def test_names_of_frozen_layers_that_are_none_are_refused(tmp_path, name):
    stored = frozen_certificate(middle())
    with pytest.raises(lossurf.InputError):
        read_certificate(written(tmp_path, {**stored.claim, **CLAIMS[name]}, stored.arrays))


def test_another_layer_said_to_be_frozen_is_refused(tmp_path):
    stored = frozen_certificate(middle())
    for frozen in (["W1"], ["W3"], ["W1", "W2"]):
        with pytest.raises(lossurf.InputError):
            read_certificate(written(tmp_path, {**stored.claim, "frozen": frozen}, stored.arrays))


def test_numbers_that_overflow_are_refused_without_a_warning():
    stored = frozen_certificate(middle())
    for name in ("W1", "W2", "A1", "B2", "S1", "S2"):
        huge = signed(replace(stored, arrays={**stored.arrays, name: stored.arrays[name] * 1e200}))
        assert failed(huge)


@pytest.mark.parametrize("frozen", [["W1"], ["W2"], ["W3"], ["W1", "W3"]])
def test_certify_in_python_takes_frozen_layers(tmp_path, frozen):
    point = middle().point
    found = lossurf.certify(point.weights, point.X.T, point.Y.T, frozen=frozen)
    found.save(tmp_path / "c.npz")
    result = lossurf.verify(tmp_path / "c.npz", lossurf.Data(point.X.T, point.Y.T))
    assert result.valid
    assert result.claim == "not-critical"
    assert found.claim.frozen == tuple(frozen)
