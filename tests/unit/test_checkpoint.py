"""Checkpoint readers. The trusted channel: the arrays that numpy stored, and their product with a vector."""

from __future__ import annotations

import io
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from process import shell_words

from lossurf.errors import InputError
from lossurf.inputs.checkpoints.checkpoint import require_output_bias
from lossurf.inputs.checkpoints.open import as_checkpoint, read_checkpoint

rng = np.random.default_rng(2)
DX, DY = 5, 2
WIDTHS = (5, 4, 3, 2)
WEIGHTS = [rng.standard_normal((a, b)) for b, a in pairwise(WIDTHS)]
BIASES = [rng.standard_normal(a) for a in WIDTHS[1:]]


def store(path, arrays, **more):
    np.savez(path, **arrays, **more)
    return path


def same(checkpoint, weights=WEIGHTS):
    assert len(checkpoint.weights) == len(weights)
    return all(np.array_equal(a, b) for a, b in zip(checkpoint.weights, weights, strict=True))


def message(path, dx=DX, dy=DY, **options):
    with pytest.raises(InputError) as caught:
        read_checkpoint(path, dx, dy, **options)
    assert caught.value.remedy
    return shell_words(caught.value)


NAMES = {
    "W": ("W{1}", "b{1}", False),
    "arr": ("arr_{0}", None, False),
    "state dict": ("{0}.weight", "{0}.bias", False),
    "nested": ("net.layers.{0}.weight", "net.layers.{0}.bias", False),
    "wrapped": ("_orig_mod.module.net.{0}.weight", "_orig_mod.module.net.{0}.bias", False),
    "far": ("fc{9}.weight", "fc{9}.bias", False),
    "flax": ("params/Dense_{0}/kernel", "params/Dense_{0}/bias", True),
    "flat flax": ("Dense_{0}.kernel", "Dense_{0}.bias", True),
    "scikit-learn": ("coefs_{0}", "intercepts_{0}", True),
    "words": ("weights_{0}", "biases_{0}", False),
    "underscores": ("layer{0}_weight", "layer{0}_bias", False),
    "letters": ("{2}", None, False),
    "short": ("l{0}.W", "l{0}.b", False),
}


@pytest.mark.parametrize("style", NAMES)
@pytest.mark.parametrize("bias", [True, False])
def test_names_understood(tmp_path, style, bias):
    weight, vector, transposed = NAMES[style]
    numbers = [(i, i + 1, "abc"[i], 0, 0, 0, 0, 0, 0, i + 8) for i in range(3)]  # fc8, fc9, fc10: natural order
    arrays = {weight.format(*n): (w.T if transposed else w) for n, w in zip(numbers, WEIGHTS, strict=True)}
    if bias and vector:
        arrays |= {vector.format(*n): b for n, b in zip(numbers, BIASES, strict=True)}
    path = store(tmp_path / "c.npz", dict(reversed(arrays.items())))
    checkpoint = read_checkpoint(path, DX, DY)
    assert same(checkpoint)
    assert checkpoint.layer_names == tuple(weight.format(*n) for n in numbers)
    assert checkpoint.dtypes == ("float64",) * 3
    assert bool(checkpoint.notes) == transposed
    if bias and vector:
        assert all(np.array_equal(a, b) for a, b in zip(checkpoint.biases, BIASES, strict=True))
        assert checkpoint.has_bias
    else:
        assert checkpoint.biases == (None, None, None)


def test_orientation(tmp_path):
    arrays = {f"W{i}": w.T for i, w in enumerate(WEIGHTS, 1)}
    path = store(tmp_path / "c.npz", arrays)
    checkpoint = read_checkpoint(path, DX, DY)
    assert same(checkpoint)
    assert "only that chains" in checkpoint.notes[0]
    assert same(read_checkpoint(path, DX, DY, orientation="in-out"))
    assert "--orientation in-out" in message(path, orientation="out-in")
    square = [rng.standard_normal((3, 3)) for _ in range(2)]
    path = store(tmp_path / "s.npz", {"W1": square[0], "W2": square[1]})
    checkpoint = read_checkpoint(path, 3, 3)
    assert same(checkpoint, square)
    assert "assumed" in checkpoint.notes[0]
    assert same(read_checkpoint(path, 3, 3, orientation="in-out"), [w.T for w in square])
    path = store(tmp_path / "k.npz", {"0.kernel": square[0], "1.kernel": square[1]})
    assert same(read_checkpoint(path, 3, 3), [w.T for w in square])
    path = store(tmp_path / "t.npz", {"0.weight": square[0], "1.weight": square[1]})
    assert read_checkpoint(path, 3, 3).notes == ()


def test_layers_choose_and_order(tmp_path):
    arrays = {"dec.weight": WEIGHTS[2], "enc.weight": WEIGHTS[0], "mid.weight": WEIGHTS[1], "mid.bias": BIASES[1]}
    path = store(tmp_path / "c.npz", arrays, step=np.array(3))
    assert "'step'" in message(path)
    kernels = {name.replace("weight", "kernel"): array.T for name, array in arrays.items() if array.ndim == 2}
    for stored in (arrays, kernels):
        checkpoint = read_checkpoint(store(tmp_path / "d.npz", stored), DX, DY)
        assert same(checkpoint)
        assert "order enc" in checkpoint.notes[-1]
        backwards = {name.replace("enc", "out").replace("dec", "in"): array for name, array in stored.items()}
        kind = "weight" if stored is arrays else "kernel"
        found = message(store(tmp_path / "b.npz", backwards))
        assert f"this order chains: --layers out.{kind},mid.{kind},in.{kind}" in found
    for layers in (["enc.weight", "mid.weight", "dec.weight"], ["enc", "mid", "dec"]):
        checkpoint = read_checkpoint(path, DX, DY, layers=layers)
        assert same(checkpoint)
        assert checkpoint.biases[0] is None
        assert np.array_equal(checkpoint.biases[1], BIASES[1])
    assert "did you mean 'enc.weight'" in message(path, layers=["encc.weight", "mid", "dec"])
    assert "listed twice" in message(path, layers=["enc", "enc"])


NOT_LINEAR = {
    "convolution": ({"conv.weight": np.zeros((4, 3, 3, 3))}, "convolution", "jacrev"),
    "three dimensions": ({"0.weight": np.zeros((4, 3, 3))}, "3 dimensions", "save its output as X"),
    "normalisation": ({"bn1.weight": np.zeros(4)}, "normalisation", "fold it"),
    "plain vector": ({"1.weight": np.zeros(4)}, "vector", "save its output as X"),
    "running mean": ({"1.running_mean": np.zeros(4)}, "normalisation", "fold it"),
    "embedding": ({"embedding.weight": np.zeros((4, 3))}, "embedding", "save its output as X"),
    "optimiser": ({"optimizer.0.exp_avg": np.zeros((4, 3))}, "optimiser state", "--layers"),
    "recurrent": ({"rnn.weight_ih_l0": np.zeros((4, 3))}, "recurrent", "save its output as X"),
    "attention": ({"self_attn.in_proj_weight": np.zeros((4, 3))}, "attention", "save its output as X"),
    "unknown": ({"mystery": np.zeros(4)}, "tells nothing", "if the network does not use it, choose"),
    "text": ({"note": np.array("hello")}, "is not an array of numbers", "--layers"),
    "bias of none": ({"9.bias": np.zeros(4)}, "belongs to no weight", "save the weight matrix"),
}


@pytest.mark.parametrize("kind", NOT_LINEAR)
def test_what_is_not_linear_is_refused_by_name_or_left_out(tmp_path, kind):
    extra, part, remedy = NOT_LINEAR[kind]
    names = [f"{i}.weight" for i in (2, 4, 6)]
    path = store(tmp_path / "c.npz", dict(zip(names, WEIGHTS, strict=True)) | extra)
    found = message(path)
    assert part in found
    assert repr(next(iter(extra))) in found
    assert remedy in found
    harmless = kind in ("optimiser", "unknown", "text")
    assert (f"--layers {','.join(names)}" in found) == harmless  # else the rest would be another function
    checkpoint = read_checkpoint(path, DX, DY, layers=names)
    assert same(checkpoint)
    assert f"not used, as --layers leaves it out: {next(iter(extra))}" in checkpoint.notes[0]


def test_what_does_not_chain(tmp_path):
    arrays = {f"W{i}": w for i, w in enumerate(WEIGHTS, 1)}
    path = store(tmp_path / "c.npz", arrays)
    found = message(path, dx=6)
    assert "6 inputs" in found
    assert "W1 4x5 -> W2 3x4 -> W3 2x3" in found
    backwards = store(tmp_path / "b.npz", {"W1": WEIGHTS[2], "W2": WEIGHTS[1], "W3": WEIGHTS[0]})
    assert "--layers W3,W2,W1" in message(backwards)
    assert "exchange X and Y" in message(path, dx=2, dy=5)
    assert "no weight matrix" in message(store(tmp_path / "e.npz", {}), dx=2)


def test_one_matrix(tmp_path):
    W = rng.standard_normal((DY, DX))
    np.save(tmp_path / "w.npy", W)
    assert same(read_checkpoint(tmp_path / "w.npy", DX, DY), [W])
    np.save(tmp_path / "f.npy", np.asfortranarray(W.T.astype(np.float32)))
    checkpoint = read_checkpoint(tmp_path / "f.npy", DX, DY)
    assert same(checkpoint, [W.astype(np.float32).astype(float)])
    assert checkpoint.dtypes == ("float32",)
    np.save(tmp_path / "v.npy", np.zeros(3))
    assert "is a vector (shape (3,))" in message(tmp_path / "v.npy")


def test_scikit_learn_linear_model(tmp_path):
    row = rng.standard_normal(DX)
    path = store(tmp_path / "c.npz", {"coef_": row, "intercept_": np.array(0.5)})
    checkpoint = read_checkpoint(path, DX, 1)
    assert same(checkpoint, [row[None]])
    assert checkpoint.biases[0].tolist() == [0.5]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble", "int32", ">f4"])
def test_number_types(tmp_path, dtype):
    stored = [w.astype(dtype) for w in WEIGHTS]
    path = store(tmp_path / "c.npz", {f"W{i}": w for i, w in enumerate(stored)})
    checkpoint = read_checkpoint(path, DX, DY)
    assert same(checkpoint, [w.astype(np.float64) for w in stored])
    assert checkpoint.dtypes == (np.dtype(dtype).name,) * 3
    assert bool(checkpoint.notes) == (dtype == "longdouble")


def test_standard_input(monkeypatch):
    data = io.BytesIO()
    np.savez_compressed(data, W1=WEIGHTS[0], W2=WEIGHTS[1], W3=WEIGHTS[2])

    def give(content):
        stream = SimpleNamespace(buffer=io.BytesIO(content), isatty=lambda: False)
        monkeypatch.setattr(sys, "stdin", stream)

    give(data.getvalue())
    checkpoint = read_checkpoint(Path("-"), DX, DY)
    assert same(checkpoint)
    assert checkpoint.name == "standard input"
    give(data.getvalue()[:-30])
    assert "standard input" in message(Path("-"))
    give(b"")
    assert "is empty" in message(Path("-"))
    single = io.BytesIO()
    np.save(single, np.asfortranarray(np.ones((DY, DX)) * [1, 2, 3, 4, 5]))
    give(single.getvalue())
    assert same(read_checkpoint(Path("-"), DX, DY), [np.ones((DY, DX)) * [1, 2, 3, 4, 5]])
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    assert "terminal" in message(Path("-"))


def test_biases(tmp_path):
    arrays = {f"W{i}": w for i, w in enumerate(WEIGHTS, 1)}
    inner = read_checkpoint(store(tmp_path / "i.npz", arrays | {"b1": BIASES[0], "b2": BIASES[1]}), DX, DY)
    with pytest.raises(InputError, match="W1, W2 have a bias and the output layer 'W3' has none"):
        require_output_bias(inner)
    output = read_checkpoint(store(tmp_path / "o.npz", arrays | {"b3": BIASES[2][None]}), DX, DY)
    require_output_bias(output)
    assert np.array_equal(output.biases[2], BIASES[2])
    assert "shape (3,)" in message(store(tmp_path / "w.npz", arrays | {"b3": BIASES[1]}))
    assert "no weight" in message(store(tmp_path / "n.npz", arrays | {"b4": BIASES[1]}))


def test_what_is_told_of_one_file_is_told_of_another_that_is_alike_with_its_own_name_and_numbers(tmp_path):
    """The order, axes and biases of files with the same arrays are found once; all else is each file's own."""
    arrays = {f"W{i}": w for i, w in enumerate(WEIGHTS, 1)} | {"b3": BIASES[2]}
    one = store(tmp_path / "one.npz", dict(reversed(arrays.items())))
    two = store(tmp_path / "two.npz", {name: 2.0 * array for name, array in reversed(arrays.items())})
    first, second = read_checkpoint(one, DX, DY), read_checkpoint(two, DX, DY)
    assert same(first)
    assert same(second, [2.0 * w for w in WEIGHTS])
    assert np.array_equal(second.biases[-1], 2.0 * BIASES[2])
    assert [note.replace("one.npz", "two.npz") for note in first.notes] == list(second.notes)
    turned = store(tmp_path / "turned.npz", {name: array.T for name, array in arrays.items()})
    assert same(read_checkpoint(turned, DX, DY))
    single = store(tmp_path / "single.npz", {name: array.astype(np.float32) for name, array in arrays.items()})
    assert read_checkpoint(single, DX, DY).dtypes == ("float32",) * 3
    chosen = [read_checkpoint(path, DX, DY, layers=["W1", "W2", "W3"]).bias_names for path in (one, two)]
    assert chosen == [(None, None, "b3")] * 2


def test_files_that_are_alike_are_refused_each_by_its_name(tmp_path):
    paths = [store(tmp_path / f"{name}.npz", {"W1": WEIGHTS[0], "W3": WEIGHTS[2]}) for name in "ab"]
    said = [message(path) for path in paths]
    assert "a.npz" in said[0]
    assert said[0].replace("a.npz", "b.npz") == said[1]
    whole = [store(tmp_path / f"{name}.npz", {f"W{i}": w for i, w in enumerate(WEIGHTS, 1)}) for name in "cd"]
    assert same(read_checkpoint(whole[0], DX, DY))
    assert "would take" in message(whole[1], max_memory=100)
    assert "do not chain from 6 inputs" in message(whole[1], dx=DX + 1)
    data = whole[1].read_bytes()
    whole[1].write_bytes(data.replace(WEIGHTS[0].tobytes(), np.full_like(WEIGHTS[0], np.nan).tobytes()))
    assert "CRC" in message(whole[1])


def test_values_are_finite(tmp_path):
    bad = WEIGHTS[1].copy()
    bad[2, 0] = np.nan
    found = message(store(tmp_path / "c.npz", {"W1": WEIGHTS[0], "W2": bad, "W3": WEIGHTS[2]}))
    assert "layer W2, row 3, column 1" in found
    assert "before training diverged" in found


def test_arrays_of_python():
    checkpoint = as_checkpoint([w.tolist() for w in WEIGHTS], DX, DY, biases=[None, None, BIASES[2]])
    assert same(checkpoint)
    assert np.array_equal(checkpoint.biases[2], BIASES[2])
    for weights, biases, part in [
        ([], None, "no weight"),
        (WEIGHTS[:2], None, "do not chain"),
        ([w.T for w in WEIGHTS], None, "transpose each"),
        (WEIGHTS, [None], "1 biases for 3"),
        ([WEIGHTS[0], WEIGHTS[1], np.zeros(3)], None, r"has shape \(3,\)"),
        ([WEIGHTS[0], WEIGHTS[1], WEIGHTS[2] * 1j], None, "complex"),
        ([WEIGHTS[0], WEIGHTS[1], WEIGHTS[2] * np.inf], None, "infinity|NaN"),
    ]:
        with pytest.raises(InputError, match=part):
            as_checkpoint(weights, DX, DY, biases=biases)


def test_state_dicts_of_python():
    state = {f"net.{i}.weight": w for i, w in enumerate(WEIGHTS)} | {"net.2.bias": BIASES[2]}
    checkpoint = as_checkpoint(dict(reversed(state.items())), DX, DY)
    assert same(checkpoint)
    assert checkpoint.biases[0] is None
    assert np.array_equal(checkpoint.biases[2], BIASES[2])
    assert checkpoint.bias_names == (None, None, "net.2.bias")
    assert same(as_checkpoint({f"{i}.kernel": w.T for i, w in enumerate(WEIGHTS)}, DX, DY))
    for weights, biases, part in [
        (state, [None] * 3, "beside a state dict"),
        ({}, None, "no weight matrix"),
        (state | {"bn.weight": np.ones(3)}, None, "'bn.weight' belongs to a normalisation"),
        (state | {"net.1.weight": [[1.0, 2.0], [3.0]]}, None, "not an array"),
    ]:
        with pytest.raises(InputError, match=part):
            as_checkpoint(weights, DX, DY, biases=biases)


def test_files_that_are_not_checkpoints(tmp_path):
    (tmp_path / "c.npz").write_bytes(b"PK\x03\x04 broken")
    assert "not a readable .npz" in message(tmp_path / "c.npz")
    (tmp_path / "c.weights").write_bytes(b"1")
    assert "known endings" in message(tmp_path / "c.weights")
    assert "no file" in message(tmp_path / "d.npz")
    np.savez(tmp_path / "o.npz", W1=np.array([None], dtype=object))
    assert "unpickling" in message(tmp_path / "o.npz")
    assert "--max-memory" in message(store(tmp_path / "m.npz", {"W1": np.ones((DY, DX))}), max_memory=50)
