"""Biases that only their place tells, and modules that only a gap in numbers tells. The trusted channel: the forward
pass of the network that the arrays were taken from, in numpy or in the library that made it.
"""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from process import shell_words

import lossurf
from lossurf.errors import InputError
from lossurf.inputs.checkpoints.open import as_checkpoint, read_checkpoint

rng = np.random.default_rng(31)
DX, H, DY = 4, 3, 2
X = rng.standard_normal((30, DX)) + 1
Y = rng.standard_normal((30, DY)) - 2
K1, b1, K2, b2 = (rng.standard_normal(shape) for shape in ((DX, H), H, (H, DY), DY))
LOSS = 0.5 * float((((X @ K1 + b1) @ K2 + b2 - Y) ** 2).sum())
GET_WEIGHTS = [K1, b1, K2, b2]  # Keras's order and orientation
PARAMETERS = [K1.T, b1, K2.T, b2]  # PyTorch's


@pytest.fixture
def classified(tmp_path, inside):
    np.savez(tmp_path / "data.npz", X=X, Y=Y)

    def run(path, *options):
        done = inside("classify", path, "--data", tmp_path / "data.npz", "--format", "json", *options)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)["results"][0]
        return result["loss"], " ".join(result["notes"])

    return run


@pytest.mark.parametrize("arrays", [GET_WEIGHTS, PARAMETERS], ids=["in, out", "out, in"])
@pytest.mark.parametrize("name", ["arr_{}", "w{}", "W{}", "weights_{}", "param_{}", "{}", "layer{}", "l.{}"])
def test_in_npz(tmp_path, classified, arrays, name):
    named = {name.format(i): array for i, array in enumerate(arrays, 8)}  # 8, 9, 10, 11: numbers, not letters
    for order in (named, dict(reversed(named.items()))):
        np.savez(tmp_path / "c.npz", **order)
        loss, notes = classified(tmp_path / "c.npz")
        assert loss == pytest.approx(LOSS, rel=1e-12)
        assert f"{name.format(9)}, {name.format(11)} taken as bias of {name.format(8)}, {name.format(10)}" in notes
        chosen, notes = classified(tmp_path / "c.npz", "--layers", f"{name.format(8)},{name.format(10)}")
        assert chosen == pytest.approx(LOSS, rel=1e-12)  # they are not lost where layers are chosen either
        assert "taken as bias" in notes
        assert "not used" not in notes
        assert lossurf.classify(order, X, Y).loss == pytest.approx(LOSS, rel=1e-12)


def test_every_format_says_it(tmp_path, inside):
    np.savez(tmp_path / "data.npz", X=X, Y=Y)
    np.savez(tmp_path / "c.npz", *GET_WEIGHTS)
    for style in ("table", "json", "jsonl", "markdown", "junit", "github", "html"):
        done = inside("classify", tmp_path / "c.npz", "--data", tmp_path / "data.npz", "--format", style)
        shown = " ".join((done.stdout + done.stderr).split()).replace("\\", "")
        assert "arr_1, arr_3 taken as bias of arr_0, arr_2" in shown, style


def test_names_without_numbers(tmp_path, classified):
    for names in (("A", "a", "B", "b"), ("enc", "shift", "dec", "offset"), ("W_1st", "x", "W_2nd", "y")):
        np.savez(tmp_path / "c.npz", **dict(zip(names, GET_WEIGHTS, strict=True)))
        loss, notes = classified(tmp_path / "c.npz")
        assert loss == pytest.approx(LOSS, rel=1e-12)
        assert "taken as bias" in notes
    for names in (
        ("W_enc", "b_enc", "W_dec", "b_dec"),
        ("enc", "enc_b", "dec", "dec_b"),
        ("Wenc", "benc", "Wdec", "bdec"),
    ):
        np.savez(tmp_path / "c.npz", **dict(sorted(zip(names, GET_WEIGHTS, strict=True))))
        loss, notes = classified(tmp_path / "c.npz")
        assert loss == pytest.approx(LOSS, rel=1e-12)
        assert "taken as bias" not in notes  # their names tell


def test_in_other_files(tmp_path, classified):
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.numpy")
    h5py = pytest.importorskip("h5py")
    net = torch.nn.Sequential(torch.nn.Linear(DX, H), torch.nn.Linear(H, DY)).double()
    with torch.no_grad():
        for parameter, array in zip(net.parameters(), PARAMETERS, strict=True):
            parameter.copy_(torch.tensor(array))
    torch.save(list(net.parameters()), tmp_path / "c.pt")
    named = {f"arr_{i}": np.ascontiguousarray(array) for i, array in enumerate(PARAMETERS)}
    safetensors.save_file(named, tmp_path / "c.safetensors")
    with h5py.File(tmp_path / "c.h5", "w") as file:
        for name, array in named.items():
            file[name] = array
    for name in ("c.pt", "c.safetensors", "c.h5"):
        loss, notes = classified(tmp_path / name)
        assert loss == pytest.approx(LOSS, rel=1e-12)
        assert "taken as bias" in notes
    assert lossurf.classify(list(net.parameters()), X, Y).loss == pytest.approx(LOSS, rel=1e-12)


@pytest.mark.filterwarnings("ignore")
def test_weights_of_keras(tmp_path, classified):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    layers = keras.layers
    model = keras.Sequential([keras.Input((DX,)), layers.Dense(H), layers.Dense(DY)])
    model.set_weights(GET_WEIGHTS)
    expected = 0.5 * float(((keras.ops.convert_to_numpy(model(X)) - Y) ** 2).sum())
    np.savez(tmp_path / "c.npz", *model.get_weights())
    assert classified(tmp_path / "c.npz")[0] == pytest.approx(expected, rel=1e-5)  # it computes in float32
    assert lossurf.classify(model.get_weights(), X, Y).loss == pytest.approx(expected, rel=1e-5)


def test_sequences_of_python():
    for arrays in (GET_WEIGHTS, PARAMETERS, [array.tolist() for array in PARAMETERS]):
        found = as_checkpoint(arrays, DX, DY)
        assert lossurf.classify(arrays, X, Y).loss == pytest.approx(LOSS, rel=1e-12)
        assert "taken as bias" in " ".join(found.notes)
    with pytest.raises(InputError, match="biases="):
        as_checkpoint([K1, b1, b1, K2], DX, DY)
    with pytest.raises(InputError, match="no bias of the matrix"):
        as_checkpoint([K1.T, np.zeros(7)], DX, H)
    square = [np.arange(4.0).reshape(2, 2), np.ones(2)]
    with pytest.raises(InputError, match="more than one way"):
        as_checkpoint(square, 2, 2)
    assert np.array_equal(as_checkpoint(square[:1], 2, 2, biases=square[1:]).weights[0], square[0])


def test_what_is_no_bias_is_refused(tmp_path):
    def refused(**arrays):
        np.savez(tmp_path / "c.npz", **arrays)
        with pytest.raises(InputError) as caught:
            read_checkpoint(tmp_path / "c.npz", DX, DY)
        return shell_words(caught.value)

    second = dict(enumerate([K1, b1, b1, b1, b1, K2, b2]))
    assert "'arr_2' is a second vector" in refused(**{f"arr_{i}": array for i, array in second.items()})
    assert "'arr_1' is no bias of 'arr_0' (4x3)" in refused(arr_0=K1, arr_1=np.ones(7), arr_2=K2)
    assert "'arr_0' has shape (3,)" in refused(arr_0=b1, arr_1=K1, arr_2=K2)
    assert "'mystery'" in refused(
        **{"0.weight": K1.T, "mystery": b1, "1.weight": K2.T}
    )  # names say what is a bias here
    assert "'1.weight' is a vector" in refused(**{"0.weight": K1.T, "1.weight": b1, "2.weight": K2.T})
    assert "'l1.W' is a vector" in refused(**{"l0.W": K1.T, "l1.W": b1, "l2.W": K2.T})
    assert "'gamma'" in refused(arr_0=K1, gamma=b1, arr_2=K2)
    inner = {"arr_0": K1, "arr_1": b1, "arr_2": K2}  # what has no reduction stays refused, by name
    np.savez(tmp_path / "i.npz", **inner)
    assert read_checkpoint(tmp_path / "i.npz", DX, DY).bias_names == ("arr_1", None)
    with pytest.raises(InputError, match="W1 has a bias and the output layer 'W2' has none"):
        lossurf.classify(list(inner.values()), X, Y)


def test_lengths_of_biases_tell_the_orientation(tmp_path):
    W = rng.standard_normal((5, 3))
    for name in ("arr_0", "W1"):
        np.savez(tmp_path / "c.npz", **{name: W, "b1" if name == "W1" else "arr_1": np.ones(5)})
        assert np.array_equal(read_checkpoint(tmp_path / "c.npz", 3, 5).weights[0], W)
    A, B = rng.standard_normal((6, 2)), rng.standard_normal((2, 6))
    np.savez(tmp_path / "a.npz", P=A, p=np.ones(2), Q=B, q=np.ones(6))  # (in, out), P first: or (out, in), Q first?
    found = read_checkpoint(tmp_path / "a.npz", 6, 6)
    assert found.layer_names == ("P", "Q")
    assert found.orientation == "in-out"
    assert "as many outputs as its bias" in " ".join(found.notes)


GAPS = [
    (("0", "2"), "between 0.weight and 2.weight"),
    (("net.0", "net.3"), "between net.0.weight and net.3.weight"),
    (("layers_0", "layers_2"), "between layers_0/kernel and layers_2/kernel"),
    (("0", "1"), None),
    (("a.0", "b.2"), None),
    (("fc0", "fc2"), None),
]


@pytest.mark.parametrize(("names", "said"), GAPS)
def test_gaps_in_a_sequential(tmp_path, classified, inside, names, said):
    if "layers" in names[0]:  # flax
        arrays = {f"{names[0]}/kernel": K1, f"{names[1]}/kernel": K2, f"{names[0]}/bias": b1, f"{names[1]}/bias": b2}
    else:
        arrays = {
            f"{names[0]}.weight": K1.T,
            f"{names[1]}.weight": K2.T,
            f"{names[0]}.bias": b1,
            f"{names[1]}.bias": b2,
        }
    np.savez(tmp_path / "c.npz", **arrays)
    _, notes = classified(tmp_path / "c.npz")
    assert ("taken as the identity" in notes) == (said is not None)
    assert (said or "") in notes
    assert ("'lossurf relu'" in notes) == (said is not None)
    found = as_checkpoint(arrays, DX, DY)
    assert any("identity" in note for note in found.notes) == (said is not None)
    done = inside("relu", tmp_path / "c.npz", "--data", tmp_path / "data.npz", "--format", "json")
    assert "identity" not in done.stdout + done.stderr  # there it is a ReLU


def test_gaps_where_layers_are_chosen(tmp_path):
    arrays = {"0.weight": K1.T, "1.weight": np.ones(H), "3.weight": K2.T}
    np.savez(tmp_path / "c.npz", **arrays)
    notes = " ".join(read_checkpoint(tmp_path / "c.npz", DX, DY, layers=["0", "3"]).notes)
    assert "1.weight" in notes
    assert "identity" not in notes  # what is known to lie there is listed as not used
