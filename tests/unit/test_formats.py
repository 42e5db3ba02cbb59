"""Checkpoints that other libraries wrote. The trusted channel: the arrays given to each library's own writer."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from process import shell_words

from lossurf.errors import InputError, MissingExtraError
from lossurf.inputs.checkpoints.open import as_checkpoint, read_checkpoint

h5py = pytest.importorskip("h5py")
safetensors_numpy = pytest.importorskip("safetensors.numpy")

rng = np.random.default_rng(3)
DX, DY = 5, 2
WEIGHTS = [rng.standard_normal(shape) for shape in ((4, 5), (3, 4), (2, 3))]
BIASES = [rng.standard_normal(w.shape[0]) for w in WEIGHTS]
ARRAYS = {f"net.{2 * i}.weight": w for i, w in enumerate(WEIGHTS)}
ALL = ARRAYS | {f"net.{2 * i}.bias": b for i, b in enumerate(BIASES)}


def same(checkpoint, weights=WEIGHTS, biases=None):
    assert all(np.array_equal(a, b) for a, b in zip(checkpoint.weights, weights, strict=True))
    if biases is None:
        return checkpoint.biases == (None,) * len(weights)
    return all(np.array_equal(a, b) for a, b in zip(checkpoint.biases, biases, strict=True))


def message(path, dx=DX, dy=DY, **options):
    with pytest.raises(InputError) as caught:
        read_checkpoint(path, dx, dy, **options)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    return shell_words(caught.value)


# safetensors


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "bool"])
def test_safetensors(tmp_path, dtype):
    path = tmp_path / "c.safetensors"
    stored = {name: array.astype(dtype) for name, array in ALL.items()}
    safetensors_numpy.save_file(stored, path)
    checkpoint = read_checkpoint(path, DX, DY)
    assert same(checkpoint, [w.astype(dtype) for w in WEIGHTS], [b.astype(dtype) for b in BIASES])
    assert checkpoint.dtypes == (dtype,) * 3


def safetensors_bytes(tensors):
    """The published layout: length, JSON header, buffer."""
    header, data = {}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def test_safetensors_bfloat16(tmp_path):
    path = tmp_path / "c.safetensors"
    bits = np.array(
        [[0x3F80, 0xC000, 0x0001], [0x7F7F, 0x0000, 0x3EAB]], "<u2"
    )  # 1, -2, least, largest, 0, 0.333984375
    path.write_bytes(safetensors_bytes({"w.weight": ("BF16", [2, 3], bits.tobytes())}))
    checkpoint = read_checkpoint(path, 3, 2)
    values = [[1.0, -2.0, 2.0**-133], [(2 - 2.0**-7) * 2.0**127, 0.0, 0.333984375]]
    assert checkpoint.weights[0].tolist() == values
    assert checkpoint.dtypes == ("bfloat16",)


def test_safetensors_that_are_refused(tmp_path):
    path = tmp_path / "c.safetensors"
    path.write_bytes(safetensors_bytes({"w.weight": ("F8_E4M3", [2, 3], b"123456")}))
    assert "F8_E4M3" in message(path, 3, 2)
    whole = safetensors_numpy.save(ALL)
    for data in (whole[:-1], whole + b"1", whole[:4], (1 << 60).to_bytes(8, "little") + b"{}", b"x" * 40):
        path.write_bytes(data)
        assert "not a readable .safetensors" in message(path)
    path.write_bytes(whole)
    assert "--max-memory" in message(path, max_memory=100)


# Keras


def write_keras3(file, *, root="layers", optimizer=True):
    names = ["dense", "dense_1", "dense_10"]
    for name, weight, bias in zip(names, WEIGHTS, BIASES, strict=True):
        file[f"{root}/{name}/vars/0"] = weight.T.astype("float32")
        file[f"{root}/{name}/vars/1"] = bias.astype("float32")
    file.create_group("vars")
    if optimizer:
        file["optimizer/vars/0"] = np.int64(10)
        file["optimizer/vars/2"] = WEIGHTS[0].T


@pytest.mark.parametrize("root", ["layers", "_layer_checkpoint_dependencies"])
def test_keras_weights(tmp_path, root):
    path = tmp_path / "c.weights.h5"
    with h5py.File(path, "w") as file:
        write_keras3(file, root=root)
    checkpoint = read_checkpoint(path, DX, DY)
    single = [a.astype("float32") for a in WEIGHTS], [b.astype("float32") for b in BIASES]
    assert same(checkpoint, *single)
    assert checkpoint.layer_names == tuple(f"{root}/{name}/vars/0" for name in ("dense", "dense_1", "dense_10"))
    assert checkpoint.dtypes == ("float32",) * 3
    assert any("optimizer" in note for note in checkpoint.notes)
    picked = read_checkpoint(path, DX, DY, layers=[f"{root}/dense", f"{root}/dense_1", f"{root}/dense_10"])
    assert same(picked, *single)


def keras_archive(path, layers, weights=True):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write_keras3(file)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": layers}}))
        if weights:
            archive.writestr("model.weights.h5", buffer.getvalue())


def test_keras_archive(tmp_path):
    path = tmp_path / "c.keras"
    layers = [
        {"class_name": "Dense", "config": {"name": "dense", "activation": "relu"}},
        {"class_name": "Dense", "config": {"name": "dense_1", "activation": "linear"}},
    ]
    keras_archive(path, layers)
    checkpoint = read_checkpoint(path, DX, DY)
    assert [w.shape for w in checkpoint.weights] == [(4, 5), (3, 4), (2, 3)]
    assert [note for note in checkpoint.notes if "'relu'" in note]
    assert not [note for note in checkpoint.notes if "dense_1" in note]
    keras_archive(path, [], weights=False)
    assert "holds no model.weights.h5" in message(path)
    path.write_bytes(b"not a zip")
    assert "not a readable .keras" in message(path)


def test_keras_older_layout(tmp_path):
    path = tmp_path / "c.h5"
    with h5py.File(path, "w") as file:
        for name, weight, bias in zip(("dense", "dense_1", "dense_2"), WEIGHTS, BIASES, strict=True):
            file[f"model_weights/{name}/sequential/{name}/kernel:0"] = weight.T
            file[f"model_weights/{name}/sequential/{name}/bias:0"] = bias
        file["optimizer_weights/adam/m:0"] = WEIGHTS[0]
    assert same(read_checkpoint(path, DX, DY), WEIGHTS, BIASES)


KERAS = Path(__file__).parent.parent / "data" / "keras"


@pytest.mark.parametrize("name", ["sequential.keras", "sequential.weights.h5", "sequential.h5"])
def test_files_that_keras_wrote(name):
    with np.load(KERAS / "sequential.npz") as stored:
        arrays = list(stored.values())
    checkpoint = read_checkpoint(KERAS / name, 3, 2)
    assert same(checkpoint, [w.T for w in arrays[::2]], arrays[1::2])
    assert checkpoint.dtypes == ("float32",) * 3
    said = " ".join(checkpoint.notes)
    assert ("'dense_1' has the activation 'relu'" in said) == ("weights" not in name)
    assert "beside the layers is not read" in said


def test_half_precision_that_keras_wrote():
    with np.load(KERAS / "functional.npz") as stored:
        arrays = list(stored.values())
    checkpoint = read_checkpoint(KERAS / "functional.weights.h5", 3, 2)
    assert same(checkpoint, [w.T for w in arrays])
    assert set(checkpoint.dtypes) == {arrays[0].dtype.name}


def test_hdf5_that_is_refused(tmp_path):
    path, other = tmp_path / "c.h5", tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["kernel"] = WEIGHTS[0]
    with h5py.File(path, "w") as file:
        file["a/kernel"] = h5py.ExternalLink(other.name, "/kernel")
    assert "'a/kernel' is a link" in message(path)
    with h5py.File(path, "w") as file:
        file.create_dataset("a/kernel", (5, 4), "f8", external=[(str(tmp_path / "raw"), 0, 160)])
    assert "'a/kernel' is a link" in message(path)
    with h5py.File(path, "w") as file:
        group = file.create_group("a")
        group["again"] = group  # a circle of hard links
    assert "no weight matrix" in message(path)
    with h5py.File(path, "w") as file:
        file.create_dataset("a/kernel", (10**6, 10**6), "f8", chunks=(1000, 1000), compression="gzip")
    assert "--max-memory" in message(path, 10**6, 10**6, max_memory=10**9)
    with h5py.File(path, "w") as file:
        file.create_dataset("a/kernel", (3, 2), "f8", maxshape=(None, None), chunks=(2, 2**27), compression="gzip")
    assert "a chunk of layer 'a/kernel'" in message(path, 3, 2, max_memory=10**9)
    with h5py.File(path, "w") as file:
        file["a/kernel"] = h5py.Empty("f8")
    assert "'a/kernel' has shape ()" in message(path)
    with h5py.File(path, "w") as file:
        file["a/kernel"] = np.array([[b"text"]])
    assert "text" in message(path, 1, 1)
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 100)
    assert "not a readable HDF5" in message(path)


# PyTorch


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def tensors(torch, dtype=None):
    return OrderedDict((name, torch.tensor(array, dtype=dtype)) for name, array in ALL.items())


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("zipped", [True, False])
def test_torch_state_dict(tmp_path, torch, dtype, zipped):
    state = tensors(torch, getattr(torch, dtype))
    torch.save(state, tmp_path / "c.pt", _use_new_zipfile_serialization=zipped)
    checkpoint = read_checkpoint(tmp_path / "c.pt", DX, DY)
    expected = [state[name].double().numpy() for name in ARRAYS]
    assert same(checkpoint, expected, [state[name].double().numpy() for name in ALL if name not in ARRAYS])
    assert checkpoint.dtypes == (dtype,) * 3
    assert checkpoint.layer_names == tuple(ARRAYS)


@pytest.mark.torch
def test_torch_modules_and_wrappers(tmp_path, torch):
    net = torch.nn.Sequential(torch.nn.Linear(DX, 4), torch.nn.Linear(4, DY))
    weights = [net[0].weight.detach().numpy(), net[1].weight.detach().numpy()]
    path = tmp_path / "c.pth"
    state = {f"module._orig_mod.{name}": value for name, value in net.state_dict().items()}
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(3, DX)).sum().backward()
    optimizer.step()
    weights = [w.copy() for w in weights]
    state = {f"module._orig_mod.{name}": value.clone() for name, value in net.state_dict().items()}
    for saved in (
        state,
        {"epoch": 3, "state_dict": state, "optimizer_states": [optimizer.state_dict()]},
        {"model_state_dict": state, "optimizer_state_dict": optimizer.state_dict()},
        {"model": state},
    ):
        torch.save(saved, path)
        checkpoint = read_checkpoint(path, DX, DY)
        assert same(checkpoint, weights, [net[0].bias.detach().numpy(), net[1].bias.detach().numpy()])
        assert bool(checkpoint.notes) == (len(saved) == 3 or "model_state_dict" in saved)
    torch.save([net[0].weight, net[1].weight], path)
    assert same(read_checkpoint(path, DX, DY), weights)
    torch.save(net[0].weight.t(), path)
    assert same(read_checkpoint(path, DX, 4), weights[:1])
    torch.save({**state, "epoch": 3}, path)
    assert "'epoch'" in message(path)


@pytest.mark.torch
def test_torch_tensors_in_python(torch):
    net = torch.nn.Sequential(torch.nn.Linear(DX, 4), torch.nn.Linear(4, DY)).bfloat16()
    expected = [layer.weight.detach().double().numpy() for layer in net]
    checkpoint = as_checkpoint(net.state_dict(), DX, DY)
    assert same(checkpoint, expected, [layer.bias.detach().double().numpy() for layer in net])
    assert checkpoint.dtypes == ("bfloat16",) * 2
    assert same(as_checkpoint([layer.weight for layer in net], DX, DY), expected)  # parameters, in a graph
    assert same(as_checkpoint([torch.ones(DY, DX)], DX, DY), [np.ones((DY, DX))])
    with pytest.raises(InputError, match="not an array"):
        as_checkpoint([torch.ones(DY, DX, device="meta")], DX, DY)


@pytest.mark.torch
def test_torch_files_that_are_refused(tmp_path, torch):
    path = tmp_path / "c.pt"
    torch.save(torch.nn.Linear(2, 3), path)
    assert "unpickling" in message(path)
    torch.save({"a": 1, "b": "x"}, path)
    assert "the keys a, b" in message(path)
    torch.save("text", path)
    assert "a str" in message(path)
    torch.save({"0.weight": torch.zeros(2, 5).to_sparse()}, path)
    assert "sparse" in message(path)
    torch.save({"0.weight": torch.zeros(2, 5, dtype=torch.complex64)}, path)
    assert "complex" in message(path)
    torch.save({"0.weight": torch.zeros(2, 5, device="meta")}, path)
    assert "meta" in message(path)
    torch.save({"0.weight": torch.zeros(1).expand(10**6, 10**6)}, path)
    assert "--max-memory" in message(path, 10**6, 10**6, max_memory=10**9)
    torch.save(tensors(torch), path)
    whole = path.read_bytes()
    for data in (whole[:-200], whole[:50], b"\x80\x02garbage", b"PK\x03\x04" + b"\0" * 60, b"\0" * 100):
        path.write_bytes(data)
        assert "unpickling" in (found := message(path)) or "not a readable PyTorch" in found


@pytest.mark.torch
def test_torch_never_runs_code(tmp_path, torch):
    import pickle

    marker = tmp_path / "ran"

    class Attack:
        def __reduce__(self):
            return (exec, (f"open({str(marker)!r}, 'w')",))

    path = tmp_path / "c.pt"
    torch.save({"0.weight": Attack()}, path)
    assert "unpickling" in message(path)
    path.write_bytes(pickle.dumps(Attack()))
    message(path)
    assert not marker.exists()


# extras


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [("c.safetensors", "safetensors", "safetensors"), ("c.pt", "torch", "torch"), ("c.keras", "h5py", "keras")],
)
def test_missing_extras_are_named(tmp_path, monkeypatch, name, module, extra):
    (tmp_path / name).write_bytes(b"PK")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'lossurf\[{extra}\]'"):
        read_checkpoint(tmp_path / name, DX, DY)
