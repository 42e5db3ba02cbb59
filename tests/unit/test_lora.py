"""LoRA adapters. The trusted channel: an adapted model's outputs less its base's in PyTorch, or their formula."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from process import shell_words

from lossurf.errors import InputError
from lossurf.inputs.checkpoints.lora import AdapterChoice
from lossurf.inputs.checkpoints.open import as_checkpoint, read_checkpoint

rng = np.random.default_rng(6)
DX, DY, R = 4, 3, 2
A, B = rng.standard_normal((R, DX)), rng.standard_normal((DY, R))
PREFIX = "base_model.model.fc."
PAIR = {PREFIX + "lora_A.weight": A, PREFIX + "lora_B.weight": B}
CONFIG = {"peft_type": "LORA", "r": R, "lora_alpha": 16, "bias": "none", "fan_in_fan_out": True, "use_dora": False}


def adapter(directory, arrays=PAIR, config=CONFIG, name="adapter_model.safetensors"):
    """An adapter as PEFT lays it out; return its weights' path."""
    if name.endswith(".npz"):
        np.savez(directory / name, **arrays)
    else:
        numpy = pytest.importorskip("safetensors.numpy")
        numpy.save_file({key: np.ascontiguousarray(value) for key, value in arrays.items()}, directory / name)
    if config is not None:
        (directory / "adapter_config.json").write_text(json.dumps(config))
    return directory / name


def product(path, dx=DX, dy=DY, module=None, scale=None, **options):
    checkpoint = read_checkpoint(path, dx, dy, adapter=AdapterChoice(module, scale), **options)
    assert len(checkpoint.weights) == 2
    return checkpoint.weights[1] @ checkpoint.weights[0]


def refusal(path, *args, **options):
    with pytest.raises(InputError) as caught:
        product(path, *args, **options)
    return shell_words(caught.value)


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "mine.safetensors", "mine.npz"])
@pytest.mark.parametrize("place", ["file", "directory", "configuration"])
def test_the_scaled_product_is_read(tmp_path, name, place):
    path = adapter(tmp_path, name=name)
    if place != "file" and name == "adapter_model.safetensors":
        path = tmp_path / "adapter_config.json" if place == "configuration" else tmp_path
    checkpoint = read_checkpoint(path, DX, DY)
    assert np.array_equal(checkpoint.weights[0], A)
    assert np.array_equal(checkpoint.weights[1], 8.0 * B)
    assert checkpoint.layer_names == ("lora_A.weight", "scaled_lora_B.weight")
    assert not checkpoint.has_bias
    [note] = checkpoint.notes
    assert "module 'fc'" in note
    assert "alpha / r = 16 / 2 = 8 multiplies 'base_model.model.fc.lora_B.weight'" in note


def test_the_scale_is_asked_for_without_a_configuration(tmp_path):
    path = adapter(tmp_path, config=None)
    found = refusal(path)
    assert "--scale" in found
    assert "adapter_config.json" in found
    assert product(path, scale=0.5) == pytest.approx(0.5 * B @ A)
    path = adapter(tmp_path, config={"peft_type": "LORA", "r": R})
    assert "--scale" in refusal(path)
    path = adapter(tmp_path)
    assert product(path, scale=-3.0) == pytest.approx(-3.0 * B @ A)


@pytest.mark.parametrize(
    ("change", "scale"),
    [
        ({"use_rslora": True}, 16 / np.sqrt(2)),
        ({"lora_alpha": 3}, 1.5),
        ({"r": 7, "rank_pattern": {"fc": R}}, 8.0),
        ({"r": 7, "rank_pattern": {"other": 3, "f.": R}}, 8.0),
        ({"alpha_pattern": {"fc": 5}}, 2.5),
        ({"alpha_pattern": {"^fc": 5, "fc": 6}}, 2.5),
        ({"alpha_pattern": {"c": 5, "layers.fc": 4}}, 8.0),  # a pattern matches from a dot on
        ({"alpha_pattern": {".*c": 5}, "use_rslora": True}, 5 / np.sqrt(2)),
        ({"bias": "all", "lora_dropout": 0.5, "use_dora": False, "target_modules": ["fc"]}, 8.0),
    ],
)
def test_the_configured_scale(tmp_path, change, scale):
    assert product(adapter(tmp_path, config=CONFIG | change)) == pytest.approx(scale * B @ A, rel=1e-14)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"peft_type": "LOHA"}, "LOHA"),
        ({"peft_type": "ADALORA"}, "ADALORA"),
        ({"use_dora": True}, "use_dora"),
        ({"use_qalora": True}, "use_qalora"),
        ({"alora_invocation_tokens": [1, 2]}, "alora_invocation_tokens"),
        ({"use_something_new": True}, "use_something_new"),
        ({"r": 4}, "r = 4"),
        ({"lora_alpha": "16"}, "lora_alpha is '16'"),
        ({"lora_alpha": True}, "lora_alpha is True"),
        ({"lora_alpha": 0}, "lora_alpha is 0"),
        ({"lora_alpha": 10**400}, "lora_alpha is 1000"),
        ({"lora_alpha": 1e-300}, "lora_alpha is 1e-300"),
        ({"lora_alpha": float("nan")}, "lora_alpha is nan"),
        ({"lora_alpha": float("inf")}, "lora_alpha is inf"),
        ({"alpha_pattern": ["fc"]}, "no table"),
        ({"alpha_pattern": {"(": 3}}, "no regular expression"),
        ({"alpha_pattern": {"(f+)+": 3}}, "too long"),
    ],
)
def test_what_changes_the_function_or_cannot_be_understood_is_refused_by_name(tmp_path, change, part):
    assert part in refusal(adapter(tmp_path, config=CONFIG | change))


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("base_layer.weight", "adds the adapter to"),
        ("lora_magnitude_vector", "DoRA"),
        ("bias", "bias of the adapted module"),
        ("base_layer.bias", "bias of the adapted module"),
        ("lora_A.bias", "between the matrices"),
        ("lora_E", "beside the adapter"),
        ("lora_A.default.bias.weight", "adds the adapter to"),
    ],
)
def test_what_a_module_has_beside_its_two_matrices_is_refused_by_name(tmp_path, name, part):
    found = refusal(adapter(tmp_path, PAIR | {PREFIX + name: np.ones(R)}))
    assert part in found
    assert f"{PREFIX}{name}" in found
    assert "merge_and_unload" in found


def test_one_of_several_modules_is_chosen_by_name(tmp_path):
    other = {name.replace(".fc.", ".layers.1.q_proj."): rng.standard_normal(w.shape) for name, w in PAIR.items()}
    path = adapter(tmp_path, PAIR | other | {"base_model.model.head.weight": np.ones((2, 2))})
    found = refusal(path)
    assert "2 modules" in found
    assert "fc, layers.1.q_proj" in found
    assert "--module" in found
    a, b = other.values()
    for name in ("layers.1.q_proj", "base_model.model.layers.1.q_proj"):
        assert product(path, module=name) == pytest.approx(8 * b @ a)
    assert product(path, module="fc") == pytest.approx(8 * B @ A)
    checkpoint = read_checkpoint(path, DX, DY, adapter=AdapterChoice("fc"))
    assert "layers.1.q_proj, base_model.model.head.weight beside it is not read" in checkpoint.notes[0]
    assert "did you mean 'layers.1.q_proj'" in refusal(path, module="layers.1.k_proj")
    config = CONFIG | {"alpha_pattern": {r"layers\.\d+\.q_proj": 2}}
    path = adapter(tmp_path, PAIR | other, config)
    assert product(path, module="layers.1.q_proj") == pytest.approx(b @ a)
    assert product(path, module="fc") == pytest.approx(8 * B @ A)


def test_several_adapters_of_one_module(tmp_path):
    names = {
        PREFIX + f"lora_{part}.{name}.weight": w * k
        for k, name in enumerate("xy", 1)
        for part, w in (("A", A), ("B", B))
    }
    path = adapter(tmp_path, names)
    assert "fc.x, fc.y" in refusal(path)
    assert product(path, module="fc.y") == pytest.approx(8 * 4 * B @ A)
    path = adapter(tmp_path, names | {PREFIX + "base_layer.weight": B @ A})
    assert "adds the adapter to" in refusal(path, module="fc.y")
    one = {name.replace("lora_A", "lora_A.default").replace("lora_B", "lora_B.default"): w for name, w in PAIR.items()}
    assert product(adapter(tmp_path, one)) == pytest.approx(8 * B @ A)


@pytest.mark.parametrize(
    ("arrays", "config", "scale"),
    [
        ({"fc.lora_A": A, "fc.lora_B": B}, None, 3.0),  # loralib
        ({"te_fc.lora_down.weight": A, "te_fc.lora_up.weight": B, "te_fc.alpha": np.array(6.0)}, None, None),
        ({"unet.to_q.lora.down.weight": A, "unet.to_q.lora.up.weight": B}, None, 3.0),  # diffusers
        ({"l.q.lora_a": A.T, "l.q.lora_b": B.T}, {"fine_tune_type": "lora", "lora_parameters": {"scale": 3.0}}, None),
        ({"lora_A.weight": A, "lora_B.weight": B}, CONFIG | {"lora_alpha": 6}, None),
    ],
    ids=["loralib", "alpha in the file", "diffusers", "MLX", "a module without a name"],
)
def test_other_layouts(tmp_path, arrays, config, scale):
    path = adapter(tmp_path, arrays, config, "c.npz")
    assert product(path, scale=scale) == pytest.approx(3 * B @ A)
    if scale is not None:
        assert "--scale" in refusal(path)


def test_two_layers_that_are_only_called_so_are_a_network(tmp_path):
    for prefix in ("", "model.", "module.", "net.", "_orig_mod.module.net."):
        path = adapter(tmp_path, {f"{prefix}lora_A.weight": A, f"{prefix}lora_B.weight": B}, None, "c.npz")
        assert product(path) == pytest.approx(B @ A)
        assert "for LoRA adapters" in refusal(path, scale=2.0)
        assert "--module" in refusal(path, module="fc")
    for pattern in ("params.{}.kernel", "net/{}/w", "params/{}/kernel"):
        path = adapter(tmp_path, {pattern.format("lora_A"): A.T, pattern.format("lora_B"): B.T}, None, "c.npz")
        assert product(path) == pytest.approx(B @ A)


def test_a_matrix_that_is_there_twice_is_refused(tmp_path):
    assert "fc.lora_B.weight" in refusal(adapter(tmp_path, PAIR | {"fc.lora_B.weight": B}))


def test_standard_input_has_nothing_beside_it(tmp_path, monkeypatch):
    stream = io.BytesIO()
    np.savez(stream, **PAIR)
    (tmp_path / "adapter_config.json").write_text(json.dumps(CONFIG))
    monkeypatch.chdir(tmp_path)
    for scale in (None, 8.0):
        stream.seek(0)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False, buffer=stream))
        if scale is None:
            assert "--scale" in refusal(Path("-"))
        else:
            assert product(Path("-"), scale=scale) == pytest.approx(8 * B @ A)


def test_shapes(tmp_path):
    path = adapter(tmp_path)
    assert "4 inputs and 3 outputs, and the data have 3 inputs and 4 outputs" in refusal(path, DY, DX)
    assert "--layers" not in refusal(path, DY, DX)
    assert "leave --layers out" in refusal(path, layers=["fc"])
    assert "shape (3, 3)" in refusal(adapter(tmp_path, PAIR | {PREFIX + "lora_B.weight": np.ones((3, 3))}))
    convolution = {name: w[..., None, None] for name, w in PAIR.items()}
    assert "shape (2, 4, 1, 1)" in refusal(adapter(tmp_path, convolution))
    half = {PREFIX + "lora_A.weight": A}
    assert "no second matrix" in refusal(adapter(tmp_path, half))
    assert "no matrices called lora_A" in refusal(adapter(tmp_path, {"base_model.model.fc.ia3_l": np.ones(3)}))


def test_configurations_that_cannot_be_read(tmp_path):
    path = adapter(tmp_path)
    for text in ("", "{", "[]", "[" * 100_000, '{"r": 2'):
        (tmp_path / "adapter_config.json").write_text(text)
        found = refusal(path)
        assert "adapter_config.json" in found
    path.unlink()
    (tmp_path / "adapter_config.json").write_text("{}")
    for place in (tmp_path, tmp_path / "adapter_config.json"):
        assert "no adapter_model.safetensors" in refusal(place)


def test_a_bias_of_the_second_matrix_is_scaled_with_it(tmp_path):
    bias = rng.standard_normal(DY)
    path = adapter(tmp_path, PAIR | {PREFIX + "lora_B.bias": bias}, CONFIG | {"lora_bias": True})
    checkpoint = read_checkpoint(path, DX, DY)
    assert checkpoint.has_bias
    assert np.array_equal(checkpoint.biases[1], 8 * bias)


def test_arrays_of_python_ask_for_the_scaled_pair():
    with pytest.raises(InputError, match="scale"):
        as_checkpoint(PAIR, DX, DY)
    assert as_checkpoint([A, 8 * B], DX, DY).weights[1] == pytest.approx(8 * B)


def test_what_is_written_is_not_scaled_again(tmp_path):
    checkpoint = read_checkpoint(adapter(tmp_path), DX, DY)
    np.savez(tmp_path / "written.npz", **checkpoint.arrays())
    assert product(tmp_path / "written.npz") == pytest.approx(8 * B @ A)


@pytest.mark.torch
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_rslora": True},
        {"rank_pattern": {"q": 3}, "alpha_pattern": {"q": 7}},
        {"rank_pattern": {r"^block\.q": 3}, "alpha_pattern": {r".*k": 5}},
        {"lora_bias": True},
        {"init_lora_weights": "pissa"},
        {"bias": "all"},
    ],
    ids=str,
)
@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.filterwarnings("ignore:Adapter 'default'")  # a bias is a vector, it warns
def test_adapters_that_peft_wrote(tmp_path, options, safe):
    torch, peft = pytest.importorskip("torch"), pytest.importorskip("peft")
    torch.manual_seed(1)
    bias = options.get("bias", "none") != "none"
    has_bias = bias or "lora_bias" in options
    layers = {"q": torch.nn.Linear(DX, DY, bias=has_bias), "k": torch.nn.Linear(DX, DY, bias="lora_bias" in options)}
    model = torch.nn.Sequential()
    model.add_module("block", torch.nn.ModuleDict(layers))
    config = peft.LoraConfig(r=2, lora_alpha=9, target_modules=["q", "k"], lora_dropout=0.1, **options)
    adapted = peft.get_peft_model(model, config).eval()
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn_like(parameter))
    adapted.save_pretrained(tmp_path, safe_serialization=safe)
    x = torch.randn(50, DX)
    for name in layers:
        layer = adapted.base_model.model.block[name]
        added = (layer(x) - layer.base_layer(x)).detach().double().numpy()
        if bias and name == "q":
            with pytest.raises(InputError, match="bias of the adapted module"):
                read_checkpoint(tmp_path, DX, DY, adapter=AdapterChoice(f"block.{name}"))
            continue
        checkpoint = read_checkpoint(tmp_path, DX, DY, adapter=AdapterChoice(f"block.{name}"))
        outputs = x.double().numpy() @ (checkpoint.weights[1] @ checkpoint.weights[0]).T
        outputs = outputs if checkpoint.biases[1] is None else outputs + checkpoint.biases[1]
        assert outputs == pytest.approx(added, abs=1e-5 * np.abs(added).max())


@pytest.mark.torch
def test_dora_that_peft_wrote_is_refused(tmp_path):
    torch, peft = pytest.importorskip("torch"), pytest.importorskip("peft")
    model = torch.nn.Sequential(torch.nn.Linear(DX, DY))
    peft.get_peft_model(model, peft.LoraConfig(r=2, target_modules=["0"], use_dora=True)).save_pretrained(tmp_path)
    assert "use_dora" in refusal(tmp_path)


@pytest.mark.parametrize("pattern", [".*" * 40 + "x", "(a|aa)+x", "(?:.*)*x", "a?" * 300, "a" * 2000])
def test_a_pattern_made_to_take_for_ever_is_refused_at_once(tmp_path, pattern):
    module = ".".join(["aaaaaaaa"] * 25)
    pair = {name.replace(".fc.", f".{module}."): w for name, w in PAIR.items()}
    begin = time.monotonic()
    assert "too long" in refusal(adapter(tmp_path, pair, CONFIG | {"alpha_pattern": {pattern: 3}}))
    assert time.monotonic() - begin < 5
    assert product(tmp_path, scale=2.0) == pytest.approx(2 * B @ A)
