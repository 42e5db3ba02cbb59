"""Checkpoints of JAX. The trusted channel: a forward pass of flax's own network, and the arrays that were stored."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest

from lossurf.errors import InputError, MissingExtraError
from lossurf.inputs.checkpoints.open import read_checkpoint

rng = np.random.default_rng(10)
W1, W2, B2 = rng.standard_normal((4, 3)), rng.standard_normal((3, 4)), rng.standard_normal(3)
W1, W2, B2 = (array.astype("f4") for array in (W1, W2, B2))
PARAMS = {"Dense_0": {"kernel": W1.T, "bias": np.zeros(4, "f4")}, "Dense_1": {"kernel": W2.T, "bias": B2}}
STATE = {"step": 7, "params": PARAMS, "opt_state": {"0": {"mu": PARAMS}}}


def pack(path, tree):
    serialization = pytest.importorskip("flax.serialization")
    path.write_bytes(serialization.to_bytes(tree))
    return path


def save_orbax(path, tree):
    orbax = pytest.importorskip("orbax.checkpoint")
    with orbax.PyTreeCheckpointer() as checkpointer:
        checkpointer.save(path, tree)
    return path


WAYS = {"msgpack": (pack, "c.msgpack"), "orbax": (save_orbax, "c")}


def stored(directory, way, tree):
    save, name = WAYS[way]
    return save(directory / name, tree)


def message(path, **options):
    with pytest.raises(InputError) as caught:
        read_checkpoint(path, 3, 3, **options)
    return str(caught.value)


def same(checkpoint):
    return all(np.array_equal(a, b) for a, b in zip(checkpoint.weights, (W1, W2), strict=True))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("tree", [PARAMS, {"params": PARAMS}, STATE], ids=["bare", "variables", "train state"])
def test_parameters_are_read(tmp_path, way, tree):
    checkpoint = read_checkpoint(stored(tmp_path, way, tree), 3, 3)
    assert same(checkpoint)
    assert np.array_equal(checkpoint.biases[1], B2)
    assert checkpoint.layer_names == ("Dense_0.kernel", "Dense_1.kernel")
    assert checkpoint.dtypes == ("float32", "float32")
    assert checkpoint.orientation == "in-out"
    assert any("opt_state" in note for note in checkpoint.notes) == (tree is STATE)


@pytest.mark.parametrize("way", WAYS)
def test_a_network_of_flax_gives_the_same_outputs(tmp_path, way):
    linen, jax = pytest.importorskip("flax.linen"), pytest.importorskip("jax")

    class Autoencoder(linen.Module):
        @linen.compact
        def __call__(self, x):
            return linen.Dense(5, name="decoder")(linen.Dense(2, name="encoder")(x))

    x = rng.standard_normal((20, 5)).astype("f4")
    variables = Autoencoder().init(jax.random.key(0), x)
    path = stored(tmp_path, way, variables)
    first, second = read_checkpoint(path, 5, 5, layers=["encoder", "decoder"]).weights
    assert x @ first.T @ second.T == pytest.approx(np.asarray(Autoencoder().apply(variables, x)), abs=1e-5)


def test_a_network_of_nnx(tmp_path):
    nnx = pytest.importorskip("flax.nnx")
    orbax = pytest.importorskip("orbax.checkpoint")

    class Net(nnx.Module):
        def __init__(self, rngs):
            self.a = nnx.Linear(3, 4, rngs=rngs)
            self.b = nnx.Linear(4, 3, rngs=rngs)

        def __call__(self, x):
            return self.b(self.a(x))

    net = Net(nnx.Rngs(0))
    state = nnx.state(net)
    with orbax.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "net", state)
    x = rng.standard_normal((20, 3)).astype("f4")
    checkpoint = read_checkpoint(tmp_path / "net", 3, 3)
    assert checkpoint.layer_names == ("a.kernel", "b.kernel")
    first, second = checkpoint.weights
    assert x @ first.T @ second.T + checkpoint.biases[1] == pytest.approx(np.asarray(net(x)), abs=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_number_types(tmp_path, way):
    jnp = pytest.importorskip("jax.numpy")
    half = {"a": {"kernel": jnp.asarray(W1.T, jnp.bfloat16)}, "b": {"kernel": jnp.asarray(W2.T, jnp.bfloat16)}}
    checkpoint = read_checkpoint(stored(tmp_path, way, half), 3, 3)
    assert checkpoint.dtypes == ("bfloat16",) * 2
    assert np.array_equal(checkpoint.weights[0], np.asarray(half["a"]["kernel"]).astype("f4").T)
    small = {"a": {"kernel": jnp.asarray(W1.T, jnp.float8_e4m3fn)}, "b": {"kernel": W2.T}}
    (tmp_path / "small").mkdir()
    assert "float8_e4m3fn" in message(stored(tmp_path / "small", way, small))


@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_linear_network_is_named(tmp_path, way):
    tree = {"params": PARAMS, "batch_stats": {"BatchNorm_0": {"mean": np.zeros(4, "f4")}}}
    assert "batch_stats.BatchNorm_0.mean" in message(stored(tmp_path, way, tree))


def test_damaged_and_large_files(tmp_path):
    path = pack(tmp_path / "c.msgpack", STATE)
    whole = path.read_bytes()
    for cut in (1, 5, 50, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert "not a readable msgpack file" in message(path) or "not named tensors" in message(path)
    path.write_bytes(whole + b"x")
    assert "not a readable msgpack file" in message(path)
    path.write_bytes(b"\x91" * 100_000)
    assert "not a readable msgpack file" in message(path)
    path.write_bytes(b"\x93\x01\x02\x03")
    assert "a list" in message(path)
    path.write_bytes(whole)
    assert "memory" in message(path, max_memory=2 * len(whole))


RUN = """
import numpy, orbax.checkpoint as orbax, pathlib
w = numpy.load("w.npz")
params = {"Dense_0": {"kernel": w["W1"].T}, "Dense_1": {"kernel": w["W2"].T}}
with orbax.CheckpointManager(pathlib.Path("run").absolute()) as manager:
    for step in (3, 10):
        manager.save(step, args=orbax.args.Composite(params=orbax.args.StandardSave(params)))
"""


def test_directories_of_orbax(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    np.savez(tmp_path / "w.npz", W1=W1, W2=W2)
    done = subprocess.run([sys.executable, "-c", RUN], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert same(read_checkpoint(tmp_path / "run" / "10", 3, 3))
    assert same(read_checkpoint(tmp_path / "run" / "3" / "params", 3, 3))
    found = message(tmp_path / "run")
    assert "steps of an orbax checkpoint: 3, 10" in found
    assert repr(str(tmp_path / "run" / "10")) in found
    shutil.copytree(tmp_path / "run" / "3", tmp_path / "one" / "3")
    assert same(read_checkpoint(tmp_path / "one", 3, 3))
    save_orbax(tmp_path / "run" / "10" / "other", PARAMS)
    assert "items of an orbax checkpoint: other, params" in message(tmp_path / "run" / "10")
    assert "memory" in message(tmp_path / "run" / "3", max_memory=100)
    for file in (tmp_path / "run" / "3" / "params").rglob("*"):
        if file.is_file() and "ocdbt" in str(file):
            file.write_bytes(b"damaged")
    assert "not a readable orbax file" in message(tmp_path / "run" / "3")


@pytest.mark.parametrize("way", WAYS)
def test_without_the_library_the_line_that_converts_is_given(tmp_path, way, monkeypatch):
    half = {"params": PARAMS | {"Dense_0": {"kernel": W1.T}}, "step": 3}
    path = stored(tmp_path, way, half)
    with monkeypatch.context() as patch:
        for module in [name for name in sys.modules if name.split(".")[0] in ("flax", "orbax")] + ["flax", "orbax"]:
            patch.setitem(sys.modules, module, None)
        with pytest.raises(MissingExtraError) as caught:
            read_checkpoint(path, 3, 3)
    assert "pip install 'lossurf[flax]'" in caught.value.remedy
    [code] = shlex.split(re.search(r"python -c (.+)$", caught.value.remedy)[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # orbax on the devices it guesses
        exec(code, {"__name__": "__main__"})
    assert same(read_checkpoint(tmp_path / "c.npz", 3, 3))


@pytest.mark.torch
def test_a_checkpoint_of_torch_distributed_is_told_with_its_line(tmp_path):
    torch = pytest.importorskip("torch")
    dcp = pytest.importorskip("torch.distributed.checkpoint")
    from torch.distributed.checkpoint import format_utils

    state = {"0.weight": torch.tensor(W1), "1.weight": torch.tensor(W2)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it runs in one process
        dcp.save(state, checkpoint_id=str(tmp_path / "d"), no_dist=True)
        found = message(tmp_path / "d")
        assert "python -m torch.distributed.checkpoint.format_utils dcp_to_torch" in found
        format_utils.dcp_to_torch_save(*shlex.split(found.partition("dcp_to_torch ")[2]))
    assert same(read_checkpoint(tmp_path / "d.pt", 3, 3))
