"""Networks of flax, stored flat. The trusted channel: their own forward pass, in a process of jax's own."""

from __future__ import annotations

import importlib.util
import json
import re

import numpy as np
import pytest
from process import ROOT, python

from lossurf.errors import InputError
from lossurf.inputs.checkpoints.open import read_checkpoint

if importlib.util.find_spec("flax") is None:
    pytest.skip("could not find flax", allow_module_level=True)

D = 6
X, Y = np.random.default_rng(41).standard_normal((2, 30, D))
PAIRS = ["encoder/decoder", "enc/dec", "W_enc/W_dec", "down/up", "lora_A/lora_B", "fc_in/fc_out"]


@pytest.fixture(scope="module")
def flax(tmp_path_factory):
    directory = tmp_path_factory.mktemp("flax")
    np.save(directory / "X.npy", X)
    np.savez(directory / "data.npz", X=X, Y=Y)
    done = python(ROOT / "tests" / "tools" / "make_flax_arrays.py", directory, *PAIRS)
    assert done.returncode == 0, done.stderr
    return directory


@pytest.mark.parametrize("pair", PAIRS)
def test_autoencoders(flax, tmp_path, inside, pair):
    safetensors = pytest.importorskip("safetensors.numpy")
    name = pair.replace("/", "-")
    expected = 0.5 * float(((np.load(flax / f"{name}.npy") - Y) ** 2).sum())
    with np.load(flax / f"{name}.npz") as stored:
        arrays = dict(stored)
    for separator in "/.":
        named = {key.replace("/", separator): array for key, array in arrays.items()}
        np.savez(tmp_path / "c.npz", **named)
        safetensors.save_file(named, tmp_path / "c.safetensors")
        for file in ("c.npz", "c.safetensors"):
            done = inside("classify", tmp_path / file, "--data", flax / "data.npz", "--format", "json")
            assert json.loads(done.stdout)["results"][0]["loss"] == pytest.approx(expected, rel=1e-5)  # in float32


@pytest.mark.parametrize(
    ("layer", "cause"),
    [
        ("BatchNorm", "BatchNorm"),
        ("LayerNorm", "LayerNorm"),
        ("RMSNorm", "normalisation of each sample"),
        ("GroupNorm", "normalisation of each sample"),
        ("WeightNorm", "weight_norm"),
        ("Conv", "convolution"),
        ("PReLU", "activation"),
    ],
)
def test_layers_that_are_not_linear(flax, layer, cause):
    with pytest.raises(InputError) as caught:
        read_checkpoint(flax / f"{layer}.npz", D, 3)
    assert cause in str(caught.value)
    assert "--layers" not in str(caught.value)


def test_the_gap_in_a_sequential_is_noted(flax):
    notes = " ".join(read_checkpoint(flax / "Sequential.npz", D, 3).notes)
    assert re.search(r"between params/layers_0/kernel and params/layers_2/kernel lies a module without weights", notes)
