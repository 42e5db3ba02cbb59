"""LoRA adapters on the command line. The trusted channel: reduced-rank regression by an SVD in numpy."""

from __future__ import annotations

import json

import numpy as np
import pytest

rng = np.random.default_rng(2)
X = rng.standard_normal((60, 6))
Y = X @ rng.standard_normal((6, 4)) + 0.1 * rng.standard_normal((60, 4))
RANK, ALPHA = 2, 32


def best_of_rank():
    """The two factors of the best map of rank 2, and its loss."""
    least_squares = np.linalg.lstsq(X, Y, rcond=None)[0]  # (dx, dy)
    right = np.linalg.svd(X @ least_squares)[2][:RANK]  # (2, dy)
    A, B = (least_squares @ right.T).T, right.T
    return A, B, 0.5 * np.sum((X @ A.T @ B.T - Y) ** 2)


@pytest.fixture
def adapter(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    A, B, loss = best_of_rank()
    pair = {"base_model.model.fc.lora_A.weight": A, "base_model.model.fc.lora_B.weight": B * RANK / ALPHA}
    folder = tmp_path / "adapter"
    folder.mkdir()
    numpy.save_file(
        {name: np.ascontiguousarray(array) for name, array in pair.items()}, folder / "adapter_model.safetensors"
    )
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA}))
    np.savez(tmp_path / "data.npz", X=X, Y=Y)
    two = {f"base_model.model.{i}.{name[20:]}": array for i in (0, 1) for name, array in pair.items()}
    numpy.save_file({name: np.ascontiguousarray(array) for name, array in two.items()}, tmp_path / "two.safetensors")
    return loss


def classified(lossurf, *args):
    done = lossurf("classify", *args, "--data", "data.npz", "--format", "json")
    assert done.returncode == 0, done.stderr
    [result] = json.loads(done.stdout)["results"]
    return result


@pytest.mark.parametrize("place", ["adapter", "adapter/adapter_model.safetensors"])
def test_an_adapter_at_its_optimum(lossurf, adapter, place):
    result = classified(lossurf, place)
    assert result["verdict"] == "global-minimum"
    assert result["loss"] == pytest.approx(adapter, rel=1e-12)
    assert "alpha / r = 32 / 2 = 16" in json.dumps(result)


@pytest.mark.usefixtures("adapter")
def test_the_scale_and_the_module_are_options(lossurf):
    done = lossurf("classify", "two.safetensors", "--data", "data.npz")
    assert done.returncode == 2
    assert "0, 1" in done.stderr
    assert "--module" in done.stderr
    done = lossurf("classify", "two.safetensors", "--data", "data.npz", "--module", "1")
    assert done.returncode == 2
    assert "--scale" in done.stderr
    assert classified(lossurf, "two.safetensors", "--module", "1", "--scale", "16")["verdict"] == "global-minimum"
    other = classified(lossurf, "two.safetensors", "--module", "1", "--scale", "1")
    assert other["verdict"] == "not-critical"
    A, B, _ = best_of_rank()
    assert other["loss"] == pytest.approx(0.5 * np.sum((X @ A.T @ B.T / 16 - Y) ** 2), rel=1e-12)
    for scale in ("0", "nan", "inf"):
        done = lossurf("classify", "two.safetensors", "--data", "data.npz", "--scale", scale)
        assert done.returncode == 2
        assert "no factor" in done.stderr


def test_a_saddle_is_left_and_the_point_read_again(lossurf, adapter, tmp_path):
    np.savez(tmp_path / "zero.npz", **{"fc.lora_A": np.zeros((2, 6)), "fc.lora_B": np.zeros((4, 2))})
    done = lossurf("escape", "zero.npz", "--data", "data.npz", "--scale", "4", "-o", "lower.npz", "--to-minimum")
    assert done.returncode == 0, done.stderr
    assert classified(lossurf, "lower.npz")["loss"] == pytest.approx(adapter, rel=1e-9)


@pytest.mark.usefixtures("adapter")
def test_an_adapter_is_no_network_of_relus(lossurf):
    done = lossurf("relu", "adapter", "--data", "data.npz")
    assert done.returncode == 2
    assert "a linear map" in done.stderr
