"""Verification accepts what is true, rejects what was changed in any one array or number, and shares no code."""

from __future__ import annotations

import ast
import contextlib
import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from certificates import certificate_of, signed
from critical_points import dense_hessian, loss, random_data, random_point

from lossurf.certificates import verify as verification
from lossurf.certificates.against_data import data_checks
from lossurf.certificates.plain_network import curvature
from lossurf.certificates.stored import read_certificate
from lossurf.certificates.verify import verify_certificate
from lossurf.errors import InputError
from lossurf.landscape.points.construct import construct_point
from lossurf.output.npz import npz_bytes
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem

HERE = Path(verification.__file__).parent
KINDS = ("global-minimum", "strict-saddle", "bad-saddle", "not-critical")


def problem_of(X, Y, *, bias=False):
    return reduced_problem(reduce_blocks([(X.T, Y.T)], X.shape[0], Y.shape[0]), bias=bias)


def example(kind, *, bias=False, by=None):
    rng = np.random.default_rng(1)
    X, Y = random_data(rng, 5, 4, 14)
    Y = Y + 3.0 if bias else Y
    problem = problem_of(X, Y, bias=bias)
    of = "bad-saddle" if kind == "not-critical" else kind
    made = construct_point(problem, (5, 4, 3, 4), of, rank=3 if of == "global-minimum" else 2, by=by)
    weights = [W + 0.05 * rng.standard_normal(W.shape) if kind == "not-critical" else W for W in made.weights]
    biases = [rng.standard_normal(4), None, None] if bias else None
    if bias:
        biases[-1] = made.biases[-1] - weights[2] @ weights[1] @ biases[0]
    stored = certificate_of(problem, weights, biases)
    assert stored.claim["claim"] == kind
    return stored, (X, Y)


EXAMPLES = [
    *((kind, False, None) for kind in KINDS),
    ("strict-saddle", False, "wrong-eigenset"),
    ("strict-saddle", True, None),
    ("bad-saddle", True, None),
    ("not-critical", True, None),
]


def rows_of(data, cut):
    X, Y = (array.T for array in data)
    return [(np.ones(len(X[part])), X[part], Y[part]) for part in (slice(cut), slice(cut, None))]


def failed(stored):
    return [check.id for check in verify_certificate(stored).checks if not check.ok]


@pytest.mark.parametrize(("kind", "bias", "by"), EXAMPLES)
def test_what_is_true_is_valid_and_belongs_to_its_data(kind, bias, by):
    stored, (X, Y) = example(kind, bias=bias, by=by)
    assert failed(stored) == []
    assert all(check.ok for check in data_checks(stored, rows_of((X, Y), 5)))


def agree(seeds):
    count = 0
    for seed in seeds:
        point = random_point(np.random.default_rng(seed), max_dim=6)
        for dtype in ("float64", "float32"):
            weights = [W.astype(dtype).astype(float) for W in point.weights]
            stored = certificate_of(problem_of(point.X, point.Y), weights, dtype=dtype)
            if stored is not None:
                count += 1
                assert failed(stored) == [], (seed, stored.claim["claim"])
    return count


def test_every_certificate_of_random_critical_points_is_valid():
    # channel: two separate computations of the same definitions
    assert agree([91, k] for k in range(30)) > 50


@pytest.mark.slow
def test_every_certificate_of_thousands_of_critical_points_is_valid():
    # channel: two separate computations of the same definitions
    assert agree([92, k] for k in range(2000)) > 3900


@pytest.mark.parametrize(("kind", "bias", "by"), EXAMPLES)
def test_a_change_in_any_one_array_is_rejected_even_with_a_new_digest(kind, bias, by):
    stored, _ = example(kind, bias=bias, by=by)
    for name, array in stored.arrays.items():
        if name.startswith("D"):
            continue  # any set of as many independent directions that lead down is one
        everywhere = list(np.ndindex(array.shape))
        for position in everywhere[:: 1 + len(everywhere) // 12]:
            changed = array.copy()
            changed[position] += 1e-4 * (np.abs(array).max() or 1.0)
            arrays = {**stored.arrays, name: changed}
            assert not replace(stored, arrays=arrays).intact
            assert failed(signed(replace(stored, arrays=arrays))), (name, position)


def changed_values(value):
    """Other values of a field, of its own type and of another."""
    if isinstance(value, str):
        return [value + "x", None]
    if isinstance(value, (int, float)):
        return [value + 1, value * 1.5 + 1e-9, "x"]
    if isinstance(value, dict):
        return [{**value, key: other} for key in value for other in changed_values(value[key])] + [[]]
    if isinstance(value, list):
        changed = [
            [*value[:k], other, *value[k + 1 :]] for k in range(len(value)) for other in changed_values(value[k])
        ]
        return [*changed, value[1:], [*value, 1]]
    return [1, "x"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_in_any_one_field_is_refused_or_rejected(tmp_path, kind):
    stored, _ = example(kind)
    path = written(tmp_path, stored)
    assert failed(read_certificate(path)) == []
    for key, value in stored.claim.items():
        again = None
        for changed in [value for value in changed_values(value) if value != stored.claim[key]]:
            path.with_suffix(".json").write_text(json.dumps({**stored.claim, key: changed}))
            with contextlib.suppress(InputError):
                again = read_certificate(path)
                assert not again.intact, (key, changed)
        assert again is None or "digest" in failed(again), key


@pytest.mark.parametrize(("kind", "bias", "by"), EXAMPLES)
def test_a_false_number_is_rejected_even_with_a_new_digest(kind, bias, by):
    stored, _ = example(kind, bias=bias, by=by)
    numbers = [key for key in ("loss", "optimal_loss", "residual_loss", "rank", "rank_max") if key in stored.claim]
    numbers += [key for key in ("curvature", "step", "loss_decrease", "next_level") if stored.claim[key] is not None]
    for key in numbers:
        value = stored.claim[key]
        changed = value + 1 if isinstance(value, int) else value * 1.001 + 1e-6
        assert failed(signed(replace(stored, claim={**stored.claim, key: changed}))), key
    false_gradient = {**stored.claim, "gradient": stored.claim["gradient"] + 1e-3 * stored.claim["tolerance"]}
    if kind != "not-critical":
        assert failed(signed(replace(stored, claim=false_gradient)))
    for layer in range(stored.depth):
        claim = copy.deepcopy(dict(stored.claim))
        claim["layers"][layer]["norm"] *= 1.001
        assert failed(signed(replace(stored, claim=claim)))


@pytest.mark.parametrize("kind", KINDS)
def test_another_claim_about_the_same_matrices_is_rejected(kind):
    stored, _ = example(kind)
    kinds = {"global-minimum": "gap", "strict-saddle": "tails", "bad-saddle": "staircase", "not-critical": "gradient"}
    for claim, certificate in kinds.items():
        if claim != kind:
            said = {**stored.claim, "claim": claim, "kind": certificate, "curvature": -1.0, "step": 1.0, "pair": [2, 1]}
            assert failed(signed(replace(stored, claim=said))), claim
    assert failed(signed(replace(stored, claim={**stored.claim, "kind": "other"}))) == ["kind"]


def test_a_false_stair_is_rejected():
    stored, _ = example("bad-saddle")
    for index in range(len(stored.claim["staircase"])):
        for key, change in (("value", 1e-3), ("threshold", 1e-3)):
            claim = copy.deepcopy(dict(stored.claim))
            claim["staircase"][index][key] += change
            assert "staircase" in failed(signed(replace(stored, claim=claim)))
        claim = copy.deepcopy(dict(stored.claim))
        del claim["staircase"][index]
        assert failed(signed(replace(stored, claim=claim))) == ["staircase-covers"]


def test_a_direction_that_is_not_there_is_rejected():
    stored, _ = example("strict-saddle")
    arrays = {name: array for name, array in stored.arrays.items() if name[0] != "V"}
    assert failed(signed(replace(stored, arrays=arrays))) == ["direction"]


@pytest.mark.parametrize("bias", [False, True])
def test_other_data_are_told_apart(bias):
    stored, (X, Y) = example("bad-saddle", bias=bias)
    changes = {
        "x": (X + 1e-6 * np.eye(*X.shape), Y),
        "y": (X, Y + 1e-6 * np.eye(*Y.shape)),
        "fewer": (X[:, 1:], Y[:, 1:]),
        "other columns": (X[1:], Y),
        "other outputs": (X, Y[1:]),
    }
    for name, (other_X, other_Y) in changes.items():
        assert not all(check.ok for check in data_checks(stored, rows_of((other_X, other_Y), 5))), name


@pytest.mark.parametrize("shift", [(1e-6, 0.0), (0.0, 1e-6)])
def test_other_means_are_told_apart_where_the_sums_of_squares_do_not_show_them(shift):
    # channel: sums of squares about the certificate's means change by the square of the shift, 1e-12 of them
    stored, (X, Y) = example("bad-saddle", bias=True)
    checks = data_checks(stored, rows_of((X + shift[0], Y + shift[1]), 5))
    assert {check.id for check in checks if not check.ok} == {"data-means"}


def test_samples_that_are_paired_otherwise_and_outputs_that_x_does_not_see_are_told_apart():
    # channel: the same samples in another order have the same squares; what is orthogonal to X has no product with it
    stored, (X, Y) = example("bad-saddle")
    across = np.linalg.svd(X)[2][-1]
    for other, check_id in ((Y[:, ::-1], "data-xy"), (Y + np.outer(np.ones(4), across), "data-y")):
        checks = data_checks(stored, rows_of((X, other), 5))
        assert check_id in {check.id for check in checks if not check.ok}


def with_nearest(kind):
    """A certificate of weights 1e-10 away from an exactly critical point that it names."""
    stored, (X, Y) = example(kind)
    rng = np.random.default_rng(8)
    exact = [stored.arrays[f"W{k}"] for k in range(1, 4)]
    weights = [W * (1.0 + 1e-10 * rng.standard_normal(W.shape)) for W in exact]
    again = certificate_of(problem_of(X, Y), weights)
    distance = max(np.linalg.norm(V - W) / np.linalg.norm(W) for V, W in zip(exact, weights, strict=True))
    claim = {**again.claim, "nearest": {"distance": distance, "gradient": 1e-16}}
    arrays = {**again.arrays, **{f"N{k}": W for k, W in enumerate(exact, 1)}}
    return signed(replace(again, claim=claim, arrays=arrays))


@pytest.mark.parametrize("kind", ["global-minimum", "strict-saddle", "bad-saddle"])
def test_a_nearest_critical_point_is_checked_and_no_other_taken_for_it(tmp_path, kind):
    stored = with_nearest(kind)
    assert failed(read_certificate(written(tmp_path, stored))) == []
    assert {"nearest-distance", "nearest-critical"} <= {check.id for check in verify_certificate(stored).checks}
    for name in ("N1", "N2", "N3"):
        array = stored.arrays[name]
        for position in np.ndindex(array.shape):
            changed = array.copy()
            changed[position] += 1e-7 * np.abs(array).max()
            assert failed(signed(replace(stored, arrays={**stored.arrays, name: changed}))), (name, position)
    themselves = {f"N{k}": stored.arrays[f"W{k}"] for k in range(1, 4)}
    claim = {**stored.claim, "nearest": {"distance": 0.0, "gradient": 0.0}}
    merely_near = signed(replace(stored, claim=claim, arrays={**stored.arrays, **themselves}))
    assert "nearest-critical" in failed(merely_near)
    for changes in ({"distance": 0.0}, {"gradient": 1e-3}, {"distance": 1e-12}):
        claim = {**stored.claim, "nearest": {**stored.claim["nearest"], **changes}}
        assert failed(signed(replace(stored, claim=claim))), changes


def test_a_nearest_point_that_is_missing_or_not_spoken_of_is_refused(tmp_path):
    stored = with_nearest("bad-saddle")
    for changes in ({"nearest": None}, {"nearest": []}, {"nearest": {"distance": 0.0}}, {"nearest": {"distance": "x"}}):
        with pytest.raises(InputError):
            read_certificate(written(tmp_path, replace(stored, claim={**stored.claim, **changes})))
    for name in ("N1", "N2"):
        arrays = {key: array for key, array in stored.arrays.items() if key != name}
        with pytest.raises(InputError):
            read_certificate(written(tmp_path, replace(stored, arrays=arrays)))


def test_curvature_is_that_of_the_dense_hessian():
    # channel: the dense Hessian from the data, and second differences of the loss
    rng = np.random.default_rng(2)
    X, Y = random_data(rng, 3, 2, 9)
    weights = [rng.standard_normal(shape) for shape in ((2, 3), (3, 2), (2, 3))]
    V = [rng.standard_normal(W.shape) for W in weights]
    form, terms = curvature(weights, V, X.T, Y)  # R11 = X^T and T = Y are one factor of themselves
    v = np.concatenate([layer.ravel() for layer in V])
    assert form == pytest.approx(v @ dense_hessian(weights, X, Y) @ v, rel=1e-12)
    h = 1e-4
    ends = [loss([W + s * h * d for W, d in zip(weights, V, strict=True)], X, Y) for s in (-1, 0, 1)]
    assert form == pytest.approx((ends[0] - 2 * ends[1] + ends[2]) / h**2, rel=1e-5)
    assert terms >= abs(form)


VERIFYING = sorted(HERE.glob("*.py"))
ALLOWED = (
    "lossurf.certificates",
    "lossurf.decompositions",
    "lossurf.errors",
    "lossurf.fields",
    "lossurf.inputs",
    "lossurf.numerics",
    "lossurf.words",
)


@pytest.mark.parametrize("path", VERIFYING, ids=lambda path: path.stem)
def test_nothing_of_the_analysis_is_imported(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        assert all(name.startswith(ALLOWED) for name in names if name.startswith("lossurf"))


# --- files ---------------------------------------------------------------------------------------------------------


def written(tmp_path, stored):
    (tmp_path / "c.npz").write_bytes(npz_bytes(stored.arrays))
    (tmp_path / "c.json").write_text(json.dumps(dict(stored.claim)))
    return tmp_path / "c.npz"


def test_what_is_written_is_read_by_either_name(tmp_path):
    stored, _ = example("strict-saddle", bias=True)
    path = written(tmp_path, stored)
    for name in (path, path.with_suffix(".json")):
        again = read_certificate(name)
        assert again.intact
        assert set(again.arrays) == set(stored.arrays)
        assert failed(again) == []


ARRAYS = {
    "missing layer": lambda a: a.pop("W2"),
    "missing data": lambda a: a.pop("R11"),
    "missing direction": lambda a: a.pop("V3"),
    "unknown array": lambda a: a.update(extra=np.zeros(2)),
    "a layer too many": lambda a: a.update(W4=np.zeros((4, 4))),
    "another shape": lambda a: a.update(W2=a["W2"].T),
    "another rank": lambda a: a.update(T=a["T"][:, :-1]),
    "a vector": lambda a: a.update(W1=a["W1"].ravel()),
    "float32": lambda a: a.update(W1=a["W1"].astype(np.float32)),
    "objects": lambda a: a.update(W1=np.array([["x"]])),
    "NaN": lambda a: a.update(T=a["T"] * np.nan),
    "infinity": lambda a: a.update(R11=a["R11"] * np.inf),
    "half the means": lambda a: a.update(mean_x=np.zeros(5)),
    "no outputs": lambda a: a.update(T=a["T"][:0]),
}


@pytest.mark.parametrize("change", ARRAYS.values(), ids=ARRAYS)
def test_arrays_that_make_no_certificate_are_refused(tmp_path, change):
    stored, _ = example("strict-saddle")
    arrays = dict(stored.arrays)
    change(arrays)
    with pytest.raises(InputError):
        read_certificate(written(tmp_path, replace(stored, arrays=arrays)))


CLAIMS = {
    "no version": lambda c: c.pop("format_version"),
    "another version": lambda c: c.update(format_version="2.0"),
    "no claim": lambda c: c.pop("claim"),
    "no verdict": lambda c: c.update(claim="undetermined"),
    "a number as text": lambda c: c.update(loss="1.0"),
    "a truth as number": lambda c: c.update(loss=True),
    "infinity": lambda c: c.update(loss=float("inf")),
    "NaN": lambda c: c.update(tolerance=float("nan")),
    "too large for a float": lambda c: c.update(loss=10**400),
    "a negative rank": lambda c: c.update(rank=-1),
    "no layers": lambda c: c.update(layers=[]),
    "layers of text": lambda c: c.update(layers=["W1", "W2", "W3"]),
    "fewer layers": lambda c: c["layers"].pop(),
    "a pair outside": lambda c: c.update(pair=[4, 1]),
    "a pair of one": lambda c: c.update(pair=[3]),
    "no step": lambda c: c.update(step=None),
    "stairs of text": lambda c: c.update(staircase=["a"]),
    "a stair without layers": lambda c: c.update(staircase=[{"value": 1.0, "threshold": 1.0, "factor": "residual"}]),
    "no data": lambda c: c.update(data=None),
    "no digest": lambda c: c.pop("digest"),
}


@pytest.mark.parametrize("change", CLAIMS.values(), ids=CLAIMS)
def test_a_claim_that_is_none_is_refused(tmp_path, change):
    stored, _ = example("strict-saddle")
    claim = copy.deepcopy(dict(stored.claim))
    change(claim)
    with pytest.raises(InputError):
        read_certificate(written(tmp_path, replace(stored, claim=claim)))


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "null", "[1]", '{"a": NaN}', "\xff\xfe"])
def test_files_that_are_no_certificate_are_refused(tmp_path, text):
    stored, _ = example("bad-saddle")
    path = written(tmp_path, stored)
    path.with_suffix(".json").write_text(text, "latin-1")
    with pytest.raises(InputError):
        read_certificate(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(InputError):
        read_certificate(path)


def test_a_certificate_beyond_the_memory_allowed_is_refused(tmp_path):
    stored, _ = example("bad-saddle")
    with pytest.raises(InputError, match="memory"):
        read_certificate(written(tmp_path, stored), max_memory=1000)


def test_numbers_that_overflow_make_no_certificate_valid():
    stored, _ = example("bad-saddle")
    for name in ("W1", "R11", "T"):
        arrays = {**stored.arrays, name: stored.arrays[name] * 1e200}
        assert not verify_certificate(signed(replace(stored, arrays=arrays))).valid


def test_a_mean_residual_that_nothing_can_change_is_refused_like_any_other():
    stored, _ = example("strict-saddle", bias=True)
    nothing = {name: 0.0 * array for name, array in stored.arrays.items() if name[0] in "Wb" or name == "mean_x"}
    forged = signed(replace(stored, arrays={**stored.arrays, **nothing}))
    assert "critical" in failed(forged)
