"""Linear autoencoders as people name them, in every format. The trusted channel: each library's own forward pass, or
numpy's product of the arrays as they were meant, held against the loss that the command reports.
"""

from __future__ import annotations

import json
import os
from itertools import permutations

import numpy as np
import pytest
from process import shell_words

import lossurf
from lossurf.errors import InputError
from lossurf.inputs.checkpoints.open import as_checkpoint, read_checkpoint

rng = np.random.default_rng(12)
D = 6
X = rng.standard_normal((40, D))
Y = rng.standard_normal((40, D))

PAIRS = [
    ("encoder", "decoder"),
    ("enc", "dec"),
    ("W_enc", "W_dec"),
    ("down", "up"),
    ("lora_A", "lora_B"),
    ("fc_in", "fc_out"),
]


def maps(hidden: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Encoder (hidden, D) and decoder (D, hidden) of a map that is not symmetric."""
    generator = np.random.default_rng(hidden)
    return generator.standard_normal((hidden, D)), generator.standard_normal((D, hidden))


def half_square(outputs: np.ndarray) -> float:
    return 0.5 * float(((outputs - Y) ** 2).sum())


def truth(hidden: int = 2) -> float:
    encoder, decoder = maps(hidden)
    return half_square(X @ encoder.T @ decoder.T)


@pytest.fixture
def loss(tmp_path, inside):
    """What `lossurf classify` says the loss of a checkpoint is; the notes are read with it."""
    np.savez(tmp_path / "data.npz", X=X, Y=Y)

    def run(path, *options):
        done = inside("classify", path, "--data", tmp_path / "data.npz", "--format", "json", *options)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)["results"][0]
        run.notes = " ".join(result["notes"])
        return result["loss"]

    return run


def refusal(path, **options):
    with pytest.raises(InputError) as caught:
        read_checkpoint(path, D, D, **options)
    assert caught.value.remedy
    return shell_words(caught.value)


ARRAY_NAMES = {  # how the arrays of a layer are called, whether they are (in, out), and whether the name says so
    "torch": ("{}.weight", False),
    "wrapped": ("_orig_mod.module.{}.weight", False),
    "flax": ("params/{}/kernel", True),
    "flax.nnx": ("{}/kernel/value", True),
    "dots": ("{}.kernel", True),
    "bare, rows in": ("{}", False),
    "bare, rows out": ("{}", True),
    "haiku": ("{}/w", True),
}


@pytest.mark.parametrize("style", ARRAY_NAMES)
@pytest.mark.parametrize("pair", PAIRS, ids="/".join)
def test_in_npz_and_in_python(tmp_path, loss, style, pair):
    pattern, in_out = ARRAY_NAMES[style]
    stored = [array.T if in_out else array for array in maps()]
    arrays = dict(zip(map(pattern.format, pair), stored, strict=True))
    for order in (arrays, dict(reversed(arrays.items()))):
        np.savez(tmp_path / "c.npz", **order)
        assert loss(tmp_path / "c.npz") == pytest.approx(truth(), rel=1e-12)
        assert f"order {pattern.format(pair[0])} -> {pattern.format(pair[1])}" in loss.notes or pair == PAIRS[3]
        assert lossurf.classify(order, X, Y).loss == pytest.approx(truth(), rel=1e-12)


@pytest.mark.parametrize("hidden", [2, 6, 9])
@pytest.mark.parametrize("pair", PAIRS, ids="/".join)
def test_as_torch_saves_them(tmp_path, loss, pair, hidden):
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            for name, width in ((pair[1], (hidden, D)), (pair[0], (D, hidden))):  # made in the other order
                setattr(self, name, torch.nn.Linear(*width, bias=False).double())

        def forward(self, x):
            return getattr(self, pair[1])(getattr(self, pair[0])(x))

    net = Net()
    expected = half_square(net(torch.tensor(X)).detach().numpy())
    torch.save(net.state_dict(), tmp_path / "c.pt")
    safetensors.save_file(net.state_dict(), tmp_path / "c.safetensors")
    if hidden == D and pair == ("down", "up"):
        for name in ("c.pt", "c.safetensors"):
            assert "--layers down.weight,up.weight or --layers up.weight,down.weight" in refusal(tmp_path / name)
        return
    for name in ("c.pt", "c.safetensors"):
        assert loss(tmp_path / name) == pytest.approx(expected, rel=1e-12)
    assert lossurf.classify(net.state_dict(), X, Y).loss == pytest.approx(expected, rel=1e-12)


@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


def keras_model(keras, kind, pair, hidden, bias):
    def dense(width, name):
        return keras.layers.Dense(width, use_bias=bias, name=name, dtype="float64")

    if kind == "sequential":
        return keras.Sequential([keras.Input((D,)), dense(hidden, pair[0]), dense(D, pair[1])])
    if kind == "functional":
        inputs = keras.Input((D,))
        return keras.Model(inputs, dense(D, pair[1])(dense(hidden, pair[0])(inputs)))

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            setattr(self, pair[1], dense(D, pair[1]))
            setattr(self, pair[0], dense(hidden, pair[0]))

        def call(self, inputs):
            return getattr(self, pair[1])(getattr(self, pair[0])(inputs))

    return Net()


@pytest.mark.parametrize("kind", ["sequential", "functional", "subclass"])
@pytest.mark.parametrize("pair", PAIRS, ids="/".join)
@pytest.mark.parametrize("hidden", [2, 6])
@pytest.mark.filterwarnings("ignore")
def test_as_keras_saves_them(tmp_path, loss, keras, kind, pair, hidden):  # noqa: PLR0917  # parametrised
    keras.utils.set_random_seed(3)
    model = keras_model(keras, kind, pair, hidden, bias=True)
    expected = half_square(np.asarray(keras.ops.convert_to_numpy(model(X))))
    untold = kind == "subclass" and hidden == D and pair == ("down", "up")
    for name, save in (("c.weights.h5", model.save_weights), ("c.keras", model.save), ("c.h5", model.save)):
        save(tmp_path / name)
        if untold:
            assert "in more than one way" in refusal(tmp_path / name)
        else:
            assert loss(tmp_path / name) == pytest.approx(expected, rel=1e-6)  # float32 at its entrance


def write_keras(file, groups):
    """Keras 3's layout of a class of the user's, by hand: (group, what the user called the layer, kernel)."""
    for group, called, kernel in groups:
        file[f"{group}/vars/0"] = kernel
        file[f"{group}/vars"].attrs["name"] = called
    file.create_group("vars").attrs["name"] = "net"


def test_as_keras_lays_them_out(tmp_path, loss):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "c.weights.h5"
    for hidden, groups in [
        (2, ("decoder", "encoder")),  # attributes that come before "layers" in the alphabet
        (2, ("layers/dense", "down")),  # one that comes before, one that comes after
        (2, ("layers/dense", "layers/dense_1")),  # numbered as they were made, the decoder first
        (6, ("layers/dense", "layers/dense_1")),
    ]:
        encoder, decoder = maps(hidden)
        with h5py.File(path, "w") as file:
            write_keras(file, [(groups[0], "decoder", decoder.T), (groups[1], "encoder", encoder.T)])
        assert loss(path) == pytest.approx(truth(hidden), rel=1e-12)
    with h5py.File(path, "w") as file:
        write_keras(file, [("layers/dense", "dense_7", decoder.T), ("layers/dense_1", "dense_8", encoder.T)])
    assert "more than one way" in refusal(path)
    with h5py.File(path, "r+") as file:
        file["vars"].attrs["name"] = "sequential_3"  # whose layers are numbered as they follow each other
    assert np.array_equal(read_checkpoint(path, D, D).weights[0], decoder)


DEEP = [(4, 6), (2, 4), (4, 2), (6, 4)]


@pytest.mark.parametrize(
    "names",
    [
        ("encoder.0", "encoder.2", "decoder.0", "decoder.2"),
        ("encoder.fc1", "encoder.fc2", "decoder.fc1", "decoder.fc2"),
        ("enc1", "enc2", "dec1", "dec2"),
        ("enc1", "enc2", "dec2", "dec1"),
        ("encoder.fc1", "encoder.fc2", "decoder.fc2", "decoder.fc1"),
        ("encoder_one", "encoder_two", "decoder_one", "decoder_two"),
        ("input", "hidden1", "hidden2", "output"),
        ("q", "a", "z", "k"),  # nothing tells, and only one order chains
    ],
    ids=" ".join,
)
def test_of_four_layers(tmp_path, loss, names):
    weights = [rng.standard_normal(shape) for shape in DEEP]
    expected = half_square(X @ weights[0].T @ weights[1].T @ weights[2].T @ weights[3].T)
    for ending, turn in ((".weight", False), ("/kernel", True)):
        arrays = {f"{name}{ending}": w.T if turn else w for name, w in zip(names, weights, strict=True)}
        for order in list(permutations(arrays))[::5]:
            np.savez(tmp_path / "c.npz", **{name: arrays[name] for name in order})
            assert loss(tmp_path / "c.npz") == pytest.approx(expected, rel=1e-12)


def test_only_the_told_orientation_counts(tmp_path):
    encoder, decoder = maps()
    np.savez(tmp_path / "c.npz", **{"a.weight": encoder.T, "b.weight": decoder.T})  # (in, out) under PyTorch's names
    found = read_checkpoint(tmp_path / "c.npz", D, D)  # as PyTorch's: b comes first
    assert found.layer_names == ("b.weight", "a.weight")
    np.savez(tmp_path / "n.npz", **{"0.weight": encoder.T, "1.weight": decoder.T})  # numbers tell the order
    message = refusal(tmp_path / "n.npz")
    assert "--layers 1.weight,0.weight" in message
    found = read_checkpoint(tmp_path / "n.npz", D, D, orientation="in-out")
    assert np.array_equal(found.weights[0], encoder)
    np.savez(tmp_path / "k.npz", **{"0.weight": np.ones((3, D)), "1.weight": np.ones((4, 3))})
    with pytest.raises(InputError, match="they chain with orientation='in-out'"):
        np.savez(tmp_path / "t.npz", **{"0.weight": np.ones((D, 3)), "1.weight": np.ones((3, 4))})
        read_checkpoint(tmp_path / "t.npz", D, 4)
    with pytest.raises(InputError, match="two orientations"):
        as_checkpoint({"a.weight": encoder, "b.kernel": decoder}, D, D)


def test_where_nothing_tells_it_is_refused_with_the_choice(tmp_path):
    square = rng.standard_normal((D, D)), rng.standard_normal((D, D))
    encoder, decoder = maps()
    for arrays, options in [
        (dict(zip(("alpha.weight", "beta.weight"), square, strict=True)), ("--layers alpha.weight,beta.weight",)),
        (dict(zip(("alpha/kernel", "beta/kernel"), square, strict=True)), ("--layers beta/kernel,alpha/kernel",)),
        ({"arr_0": square[0], "arr_1": square[1]}, ("--orientation out-in or --orientation in-out",)),
        ({"encoder": square[0], "decoder": square[1]}, ("--orientation out-in or --orientation in-out",)),
        ({"A": encoder, "B": decoder}, ("--layers A,B --orientation out-in", "--layers B,A --orientation in-out")),
        ({"U": square[0], "V": square[1]}, ("--layers U,V",)),
        ({"dec1.weight": square[0], "dec2.weight": square[1]}, ("--layers dec1.weight,dec2.weight",)),
    ]:
        np.savez(tmp_path / "c.npz", **arrays)
        message = refusal(tmp_path / "c.npz")
        assert "more than one way" in message
        for option in options:
            assert option in message
            words = option.split(" or ")[0].split()
            chosen = dict(zip(words[::2], words[1::2], strict=True))
            layers = chosen["--layers"].split(",") if "--layers" in chosen else None
            told = "weight" in message or "kernel" in message
            orientation = chosen.get("--orientation", None if told else "out-in")
            read_checkpoint(tmp_path / "c.npz", D, D, layers=layers, orientation=orientation)  # the remedy works
        with pytest.raises(InputError, match="give the matrices as a list"):
            as_checkpoint(arrays, D, D)
    np.save(tmp_path / "one.npy", square[0])
    assert "--orientation out-in or --orientation in-out" in refusal(tmp_path / "one.npy")
    assert np.array_equal(read_checkpoint(tmp_path / "one.npy", D, D, orientation="in-out").weights[0], square[0].T)


def test_many_alike_layers_are_bounded(tmp_path):
    names = [f"{a}{b}.weight" for a in "pqrst" for b in "uvwxyz"]
    np.savez(tmp_path / "c.npz", **{name: np.ones((D, D)) for name in names})
    assert "more than one way" in refusal(tmp_path / "c.npz")
    np.savez(tmp_path / "d.npz", **{name: np.ones((D, D)) for name in names}, **{"zz.weight": np.ones((2, D))})
    with pytest.raises(InputError, match="do not chain"):
        read_checkpoint(tmp_path / "d.npz", D, 3)
    numbered = {f"{i}.weight": np.eye(D) for i in range(1500)}
    assert len(as_checkpoint(numbered, D, D).weights) == 1500
    far = {"0.weight": np.eye(D), f"{'9' * 5000}.weight": np.eye(D), f"{10**15}.weight": np.eye(D)}
    assert as_checkpoint(far, D, D).layer_names[1] == f"{10**15}.weight"
    assert len(as_checkpoint({f"arr_{'7' * 5000}": np.ones((2, D)), "arr_0": np.ones((D, 2))}, D, D).weights) == 2


def test_half_of_an_autoencoder_is_named(tmp_path):
    encoder, decoder = maps()
    for arrays in (
        {"encoder.weight": encoder},
        {"decoder.weight": decoder},
        {"encoder/kernel": encoder.T},
        {"W": encoder},
        {"0.weight": np.ones((4, D)), "1.weight": np.ones((2, 4))},
    ):
        np.savez(tmp_path / "c.npz", **arrays)
        message = refusal(tmp_path / "c.npz")
        assert "half of an autoencoder" in message
        assert "the matrix and its transpose" in message
        assert "--layers" not in message
    np.savez(tmp_path / "c.npz", **{"encoder.weight": np.ones((D, D))})
    assert "an encoder without a decoder" in refusal(tmp_path / "c.npz")
    assert len(read_checkpoint(tmp_path / "c.npz", D, D, layers=["encoder.weight"]).weights) == 1
    whole = {"encoder.0.weight": encoder, "encoder.1.weight": decoder}  # all of a network may be called one
    assert len(as_checkpoint(whole, D, D).weights) == 2
    saved = {"encoder.weight": encoder, "decoder.weight": encoder.T}  # what the message advises
    assert "decoder.weight is the transpose of encoder.weight" in " ".join(as_checkpoint(saved, D, D).notes)
    free = {"encoder.weight": encoder, "decoder.weight": decoder}
    assert "transpose" not in " ".join(as_checkpoint(free, D, D).notes)
    for arrays in (
        {"W": encoder, "b_h": np.zeros(2), "b_v": np.zeros(D)},
        {"encoder.weight": encoder, "encoder.bias": np.zeros(2), "decoder.bias": np.zeros(D)},
        {"kernel": encoder.T, "bias": np.zeros(2), "bias_out": np.zeros(D)},
        {"arr_0": encoder.T, "arr_1": np.zeros(2), "arr_2": np.zeros(D)},
    ):
        np.savez(tmp_path / "c.npz", **arrays)
        message = refusal(tmp_path / "c.npz")
        assert "tied autoencoder" in message
        assert "--layers" not in message
