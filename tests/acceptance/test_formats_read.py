"""Every row of the README's tables of formats, on a file that the library of that row wrote.

The trusted channel: the same numbers saved by NumPy give the same document.
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from process import ROOT, clean_environment, python

rng = np.random.default_rng(8)
X = rng.standard_normal((40, 3))
Y = X @ rng.standard_normal((3, 2)) + 0.1 * rng.standard_normal((40, 2))
# (W, b) of a network at the global minimum: the least-squares solution of centred data, factored
CENTRED = X - X.mean(0), Y - Y.mean(0)
PRODUCT = np.linalg.lstsq(*CENTRED, rcond=None)[0].T
FIRST = rng.standard_normal((2, 2)) + 2 * np.eye(2)
W1, W2 = np.linalg.inv(FIRST) @ PRODUCT, FIRST
B1 = rng.standard_normal(2)
B2 = Y.mean(0) - W2 @ (W1 @ X.mean(0) + B1)
NAMES = ("a", "b", "c", "y1", "y2")


def table_rows(chapter):
    """First cells of the table in a chapter of the manual."""
    text = (ROOT / "lossurf" / "manual" / f"{chapter}.md").read_text("utf-8")
    return re.findall(r"^\| `?([^`|]+?)`? *\|", text, re.MULTILINE)[1:]


def csv_text(delimiter=",", comma=False):
    lines = [delimiter.join(NAMES)] + [delimiter.join(map(repr, row)) for row in np.hstack([X, Y]).tolist()]
    text = "\n".join(lines) + "\n"
    return text.replace(".", ",") if comma else text


def save_arrow(path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    table = pyarrow.table(dict(zip(NAMES, np.hstack([X, Y]).T, strict=True)))
    (parquet.write_table if path.suffix == ".parquet" else feather.write_feather)(table, path)


def data_files(directory):
    """Row of the table: (what to write, arguments)."""
    one = ("--target", "y1", "--target", "y2")
    return {
        ".npy": (lambda: [np.save(directory / f"{n}.npy", v) for n, v in (("X", X), ("Y", Y))], (".",)),
        ".npz": (lambda: np.savez_compressed(directory / "d.npz", X=X, Y=Y), ("d.npz",)),
        ".csv": (lambda: (directory / "t.csv").write_text(csv_text(";", comma=True)), ("t.csv", *one)),
        ".tsv": (lambda: (directory / "t.tsv").write_text(csv_text("\t")), ("t.tsv", *one)),
        ".csv.gz": (
            lambda: (directory / "t.csv.gz").write_bytes(gzip.compress(csv_text().encode())),
            ("t.csv.gz", *one),
        ),
        ".parquet": (lambda: save_arrow(directory / "t.parquet"), ("t.parquet", *one)),
        ".feather": (lambda: save_arrow(directory / "t.feather"), ("t.feather", *one)),
        ".arrow": (lambda: save_arrow(directory / "t.arrow"), ("t.arrow", *one)),
    }


DATA_ROWS = [".npy", ".npz", ".csv", ".tsv", ".csv.gz", ".parquet", ".feather", ".arrow"]


@pytest.mark.parametrize("row", DATA_ROWS)
def test_data_of_every_row(tmp_path, lossurf, row):
    np.savez(tmp_path / "plain.npz", X=X, Y=Y)
    write, arguments = data_files(tmp_path)[row]
    write()
    found, expected = (
        json.loads(lossurf("check", *given, "--format", "json").stdout) for given in (arguments, ("plain.npz",))
    )
    for document in (found, expected):
        document["data"].pop("x")
        document["data"].pop("y")
    assert found == expected


def torch_state(directory, name, wrap):
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 2)).double()
    with torch.no_grad():
        for layer, weight, bias in zip(net, (W1, W2), (B1, B2), strict=True):
            layer.weight.copy_(torch.tensor(weight))
            layer.bias.copy_(torch.tensor(bias))
    torch.save(wrap(net.state_dict()), directory / name)


def save_safetensors(directory):
    numpy = pytest.importorskip("safetensors.numpy")
    numpy.save_file({"0.weight": W1, "0.bias": B1, "1.weight": W2, "1.bias": B2}, directory / "c.safetensors")


FLAX = """
import numpy as np, pathlib
w = np.load("flax.npz")
layers = {f"Dense_{i}": {"kernel": w[f"W{i}"].T, "bias": w[f"b{i}"]} for i in (0, 1)}
state = {"params": layers, "step": np.array(7)}
"""
MSGPACK = """
from flax.serialization import msgpack_serialize
pathlib.Path("c.msgpack").write_bytes(msgpack_serialize(state))
"""
ORBAX = """
import orbax.checkpoint
with orbax.checkpoint.PyTreeCheckpointer() as checkpointer:
    checkpointer.save(pathlib.Path("orbax").absolute(), state)
"""


def save_by_jax(code, package):
    """Write in a process of its own: JAX's threads do not go with the forks of other tests."""

    def save(directory):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
        np.savez(directory / "flax.npz", W0=W1, b0=B1, W1=W2, b1=B2)
        done = python("-c", FLAX + code, cwd=directory)
        assert done.returncode == 0, done.stderr

    return save


def save_sharded(directory):
    numpy = pytest.importorskip("safetensors.numpy")
    shards = [{"0.weight": W1, "0.bias": B1}, {"1.weight": W2, "1.bias": B2}]
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    for name, arrays in zip(names, shards, strict=True):
        numpy.save_file(arrays, directory / name)
    table = {key: name for name, arrays in zip(names, shards, strict=True) for key in arrays}
    (directory / "model.safetensors.index.json").write_text(json.dumps({"weight_map": table}))


def keras_bytes():
    h5py = pytest.importorskip("h5py")
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for name, weight, bias in (("dense", W1, B1), ("dense_1", W2, B2)):
            file[f"layers/{name}/vars/0"] = weight.T
            file[f"layers/{name}/vars/1"] = bias
    return stream.getvalue()


def save_keras(directory):
    with zipfile.ZipFile(directory / "c.keras", "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": []}}))
        archive.writestr("model.weights.h5", keras_bytes())


def old_keras(directory):
    h5py = pytest.importorskip("h5py")
    with h5py.File(directory / "c.h5", "w") as file:
        for name, weight, bias in (("dense", W1, B1), ("dense_1", W2, B2)):
            file[f"model_weights/{name}/{name}/kernel:0"] = weight.T
            file[f"model_weights/{name}/{name}/bias:0"] = bias


def scikit_learn(directory):
    network = pytest.importorskip("sklearn.neural_network")
    model = network.MLPRegressor(hidden_layer_sizes=(2,), activation="identity", max_iter=1)
    model.partial_fit(X, Y)
    model.coefs_, model.intercepts_ = [W1.T, W2.T], [B1, B2]
    parts = {f"coefs_{i}": w for i, w in enumerate(model.coefs_)}
    np.savez(directory / "c.npz", **parts, **{f"intercepts_{i}": b for i, b in enumerate(model.intercepts_)})


CHECKPOINTS = {
    ".npz": ("c.npz", lambda d: np.savez(d / "c.npz", W1=W1, b1=B1, W2=W2, b2=B2)),
    ".npz, state dict": (
        "c.npz",
        lambda d: np.savez(d / "c.npz", **{"net.0.weight": W1, "net.0.bias": B1, "net.1.weight": W2, "net.1.bias": B2}),
    ),
    ".npz, flax": (
        "c.npz",
        lambda d: np.savez(
            d / "c.npz",
            **{"Dense_0/kernel": W1.T, "Dense_0/bias": B1, "Dense_1/kernel": W2.T, "Dense_1/bias": B2},
        ),
    ),
    ".npz, scikit-learn": ("c.npz", scikit_learn),
    ".safetensors": ("c.safetensors", save_safetensors),
    ".msgpack": ("c.msgpack", save_by_jax(MSGPACK, "flax")),
    "orbax": ("orbax", save_by_jax(ORBAX, "orbax")),
    ".index.json": ("model.safetensors.index.json", save_sharded),
    ".pt, .pth, .bin": ("c.pt", lambda d: torch_state(d, "c.pt", dict)),
    ".ckpt": ("c.ckpt", lambda d: torch_state(d, "c.ckpt", lambda state: {"epoch": 1, "state_dict": state})),
    ".weights.h5": ("c.weights.h5", lambda d: (d / "c.weights.h5").write_bytes(keras_bytes())),
    ".keras": ("c.keras", save_keras),
    ".h5, .hdf5": ("c.h5", old_keras),
}
TORCH = {".pt, .pth, .bin", ".ckpt"}


@pytest.mark.parametrize("row", [pytest.param(r, marks=[pytest.mark.torch] if r in TORCH else []) for r in CHECKPOINTS])
def test_checkpoint_of_every_row(tmp_path, lossurf, row):
    np.savez(tmp_path / "data.npz", X=X, Y=Y)
    name, write = CHECKPOINTS[row]
    write(tmp_path)
    done = lossurf("classify", name, "--data", "data.npz", "--format", "json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    [result] = document["results"]
    assert result["verdict"] == "global-minimum"
    assert [layer["shape"] for layer in result["layers"]] == [[2, 3], [2, 2]]
    assert result["loss"] == pytest.approx(0.5 * np.sum((CENTRED[0] @ PRODUCT.T - CENTRED[1]) ** 2), rel=1e-9)
    assert document["data"]["bias"] is True


def test_one_matrix_as_npy(tmp_path, lossurf):
    np.savez(tmp_path / "data.npz", X=X, Y=Y)
    np.save(tmp_path / "w.npy", np.linalg.lstsq(X, Y, rcond=None)[0].T)
    done = lossurf("classify", "w.npy", "--data", "data.npz", "--expect", "global-minimum")
    assert done.returncode == 0, done.stdout + done.stderr


def test_npz_on_standard_input(tmp_path):
    np.savez(tmp_path / "data.npz", X=X, Y=Y)
    np.savez(tmp_path / "c.npz", W1=W1, b1=B1, W2=W2, b2=B2)
    command = [sys.executable, "-m", "lossurf", "classify", "-", "--data", "data.npz", "--format", "json"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=clean_environment(),
        input=(tmp_path / "c.npz").read_bytes(),
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    [result] = json.loads(done.stdout)["results"]
    assert result["verdict"] == "global-minimum"
    assert result["checkpoint"] == "standard input"


def test_the_readme_lists_these_rows():
    assert table_rows("data") == DATA_ROWS
    assert table_rows("checkpoints") == [*CHECKPOINTS, ".npy", "-"]


def test_standardize_and_intercept_are_repeated_by_the_report(tmp_path, lossurf):
    np.savez(tmp_path / "data.npz", X=X * [1, 1e3, 1e-3], Y=Y)
    np.savez(tmp_path / "plain.npz", X=np.hstack([(X - X.mean(0)) / X.std(0), np.ones((40, 1))]), Y=Y)
    given = json.loads(lossurf("check", "data.npz", "--standardize", "--intercept", "--format", "json").stdout)
    plain = json.loads(lossurf("check", "plain.npz", "--format", "json").stdout)
    assert given["data"]["x"] == "data.npz, array X, standardized, with an intercept column"
    assert given["data"]["dx"] == 4
    assert given["eigenvalues"] == pytest.approx(plain["eigenvalues"], rel=1e-10)
