"""What is not a linear network is refused by name and cause, with a remedy that works. The trusted channel: files that
the libraries themselves wrote, and their own forward pass after the remedy was followed.
"""

from __future__ import annotations

import os
import re

import numpy as np
import pytest
from process import shell_words

import lossurf
from lossurf.errors import InputError
from lossurf.inputs.checkpoints.foreign import coder, first_foreign, foreign
from lossurf.inputs.checkpoints.open import as_checkpoint, read_checkpoint

rng = np.random.default_rng(21)
DX, H, DY = 6, 4, 3
X = rng.standard_normal((30, DX))
Y = rng.standard_normal((30, DY))
W1, W2 = rng.standard_normal((H, DX)), rng.standard_normal((DY, H))


def refusal(path, dx=DX, dy=DY, **options):
    with pytest.raises(InputError) as caught:
        read_checkpoint(path, dx, dy, **options)
    assert caught.value.remedy
    return shell_words(caught.value)


def half_square(outputs):
    return 0.5 * float(((np.asarray(outputs) - Y) ** 2).sum())


# names alone: (arrays beside 0.weight and 3.weight, the array that is named, its cause, its remedy)

h, hh = np.ones(H), np.ones((H, H))
BY_NAME = {
    "weight_norm": (
        {"1.weight_g": np.ones((H, 1)), "1.weight_v": hh},
        "1.weight_g",
        "weight_norm",
        "remove_weight_norm",
    ),
    "weight_norm, new": (
        {"1.parametrizations.weight.original0": np.ones((H, 1)), "1.parametrizations.weight.original1": hh},
        "1.parametrizations.weight.original1",
        "weight_norm",
        "remove_parametrizations",
    ),
    "spectral_norm": (
        {"1.weight_orig": hh, "1.weight_u": h, "1.weight_v": h},
        "1.weight_u",
        "spectral_norm",
        "remove_spectral_norm",
    ),
    "spectral_norm, new": (
        {
            "1.parametrizations.weight.original": hh,
            "1.parametrizations.weight.0._u": h,
            "1.parametrizations.weight.0._v": h,
        },
        "1.parametrizations.weight.0._u",
        "spectral_norm",
        "remove_parametrizations",
    ),
    "own parametrisation": (
        {"1.parametrizations.weight.original": hh},
        "1.parametrizations.weight.original",
        "parametrisation",
        "remove_parametrizations",
    ),
    "orthogonal": (
        {"1.parametrizations.weight.original": hh, "1.parametrizations.weight.0.base": hh},
        "1.parametrizations.weight.0.base",
        "orthogonal",
        "remove_parametrizations",
    ),
    "pruned": ({"1.weight_orig": hh, "1.weight_mask": hh}, "1.weight_mask", "pruned", "prune.remove"),
    "flax weight norm": (
        {"params/WeightNorm_0/Dense_0/kernel/scale": h},
        "params/WeightNorm_0/Dense_0/kernel/scale",
        "weight_norm",
        "multiplies by",
    ),
    "flax spectral norm": (
        {"batch_stats/SpectralNorm_0/Dense_1/kernel/u": h[None]},
        "batch_stats/SpectralNorm_0/Dense_1/kernel/u",
        "spectral_norm",
        "multiplies by",
    ),
    "keras spectral norm": (
        {"layers/spectral_normalization/vars/0": h[None]},
        "layers/spectral_normalization/vars/0",
        "spectral_norm",
        "multiplies by",
    ),
    "GPTQ": (
        {"1.qweight": hh, "1.qzeros": hh, "1.scales": hh, "1.g_idx": h},
        "1.qweight",
        "quantised",
        "dequantised",
    ),
    "bitsandbytes, 4 bit": (
        {"0.weight.absmax": h, "0.weight.quant_map": h, "0.weight.quant_state.bitsandbytes__nf4": h},
        "0.weight.absmax",
        "quantised",
        "dequantised",
    ),
    "bitsandbytes, 8 bit": ({"0.SCB": h, "0.weight_format": np.array(0)}, "0.SCB", "quantised", "dequantised"),
    "scales": ({"0.weight_scale": h, "0.weight_zero_point": h}, "0.weight_scale", "quantised", "dequantised"),
    "fp8": ({"0.weight_scale_inv": hh}, "0.weight_scale_inv", "quantised", "dequantised"),
    "zero point": ({"0.scale": np.array(0.5), "0.zero_point": np.array(3)}, "0.zero_point", "quantised", "dequantised"),
    "keras int8, older": ({"d/kernel_scale": h, "d/bias": h}, "d/kernel_scale", "quantised", "dequantised"),
    "keras int8": (
        {"d/vars/0": hh, "d/vars/1": h, "d/vars/2": h},
        "d/vars/2",
        "quantised",
        "dequantised",
    ),
    "number type": ({"1.weight": np.ones((H, H), np.int8)}, "1.weight", "int8", "dequantised"),
    "keras LoRA": ({"d/lora_kernel_a": hh}, "d/lora_kernel_a", "LoRA", "save the model as .keras"),
    "a scale alone": ({"0.scale": h}, "0.scale", "is a scale", "multiplied in"),
    "batch norm": (
        {"1.weight": h, "1.bias": h, "1.running_mean": h, "1.running_var": h, "1.num_batches_tracked": np.array(3)},
        "1.running_mean",
        "BatchNorm",
        "fold it",
    ),
    "batch norm, not affine": ({"1.running_mean": h, "1.running_var": h}, "1.running_mean", "BatchNorm", "fold it"),
    "keras batch norm": ({"foo/gamma": h, "foo/moving_mean": h}, "foo/moving_mean", "BatchNorm", "fold it"),
    "flax batch norm": ({"batch_stats/BatchNorm_0/mean": h}, "batch_stats/BatchNorm_0/mean", "BatchNorm", "fold it"),
    "nnx batch norm": ({"bn/mean": h, "bn/scale": h}, "bn/mean", "BatchNorm", "fold it"),
    "layer norm in a Sequential": ({"1.weight": h, "1.bias": h}, "1.weight", "LayerNorm", "save its output as X"),
    "RMSNorm in a Sequential": ({"1.weight": h}, "1.weight", "RMSNorm", "save its output as X"),
    "layer norm": ({"ln_f.weight": h}, "ln_f.weight", "LayerNorm", "save its output as X"),
    "keras layer norm": (
        {"layers/layer_normalization/vars/0": h},
        "layers/layer_normalization/vars/0",
        "LayerNorm",
        "save its output as X",
    ),
    "group norm": ({"GroupNorm_0/scale": h}, "GroupNorm_0/scale", "normalisation", "save its output as X"),
    "RMSNorm": ({"RMSNorm_0/scale": h}, "RMSNorm_0/scale", "normalisation", "save its output as X"),
    "post norm": ({"norm1.weight": h, "norm1.bias": h}, "norm1.weight", "normalisation", "fold it"),
    "embedding": ({"wte.weight": hh}, "wte.weight", "embedding", "save its output as X"),
    "keras embedding": ({"embedding/embeddings": hh}, "embedding/embeddings", "embedding", "save its output as X"),
    "flax convolution": ({"Conv_0/kernel": np.ones((2, H, H))}, "Conv_0/kernel", "convolution", "jacrev"),
    "keras convolution": (
        {"layers/conv1d/vars/0": np.ones((2, 4, 4))},
        "layers/conv1d/vars/0",
        "convolution",
        "jacrev",
    ),
    "depthwise": ({"d/depthwise_kernel": np.ones((2, 4))}, "d/depthwise_kernel", "convolution", "jacrev"),
    "bilinear": ({"1.weight": np.ones((2, 4, 4))}, "1.weight", "3 dimensions", "save its output as X"),
    "LSTM cell": ({"1.weight_ih": hh, "1.weight_hh": hh}, "1.weight_ih", "recurrent", "save its output as X"),
    "keras GRU": ({"layers/gru/cell/vars/0": hh}, "layers/gru/cell/vars/0", "recurrent", "save its output as X"),
    "flax LSTM": (
        {"OptimizedLSTMCell_0/hf/kernel": hh},
        "OptimizedLSTMCell_0/hf/kernel",
        "recurrent",
        "save its output",
    ),
    "own cell in keras": (
        {"cell/vars/0": hh, "cell/vars/1": hh},
        "cell/vars/1",
        "second matrix",
        "save its output as X",
    ),
    "attention": ({"q_proj.weight": hh}, "q_proj.weight", "attention", "save its output as X"),
    "keras attention": (
        {"layers/multi_head_attention/query_dense/vars/0": np.ones((2, 2, 2))},
        "layers/multi_head_attention/query_dense/vars/0",
        "attention",
        "save its output as X",
    ),
    "flax attention": (
        {"MultiHeadDotProductAttention_0/query/kernel": np.ones((2, 2, 2))},
        "MultiHeadDotProductAttention_0/query/kernel",
        "attention",
        "save its output as X",
    ),
    "gate": ({"gate_proj.weight": hh}, "gate_proj.weight", "gate", "save its output as X"),
    "shortcut": ({"shortcut.weight": hh}, "shortcut.weight", "shortcut", "product of its layers plus"),
    "PReLU": ({"act.weight": np.ones(1)}, "act.weight", "activation", "save its output as X"),
}


@pytest.mark.parametrize("kind", BY_NAME)
@pytest.mark.parametrize("where", ["npz", "python"])
def test_refused_by_name_and_cause(tmp_path, kind, where):
    extra, name, cause, remedy = BY_NAME[kind]
    arrays = {"0.weight": W1, **extra, "3.weight": W2}
    np.savez(tmp_path / "c.npz", **arrays)
    if where == "npz":
        message = refusal(tmp_path / "c.npz")
    else:
        with pytest.raises(InputError) as caught:
            as_checkpoint(arrays, DX, DY)
        message = str(caught.value)
    assert repr(name) in message
    assert cause in message
    assert remedy in message
    assert "--layers" not in message  # what it would leave out is part of the function


# the libraries' own files, and their remedies followed


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def two_layers(torch, *between, bias=False):
    net = torch.nn.Sequential(
        torch.nn.Linear(DX, H, bias=bias), *between, torch.nn.Linear(H, DY, bias=bias or bool(between))
    ).double()
    net(torch.tensor(X))  # normalisations gather their statistics, spectral norms their vectors
    return net.eval()


def output(torch, net, inputs=X):
    with torch.no_grad():
        return net(torch.tensor(inputs)).numpy()


REPARAMETRISED = {
    "weight_norm": ("parametrizations.weight_norm", "parametrize.remove_parametrizations", ("weight",)),
    "spectral_norm": ("parametrizations.spectral_norm", "parametrize.remove_parametrizations", ("weight",)),
    "orthogonal": ("parametrizations.orthogonal", "parametrize.remove_parametrizations", ("weight",)),
    "old weight_norm": ("weight_norm", "remove_weight_norm", ()),
    "old spectral_norm": ("spectral_norm", "remove_spectral_norm", ()),
    "pruning": ("prune.random_unstructured", "prune.remove", ("weight",)),
}


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:.*:FutureWarning", "ignore:.*:DeprecationWarning")
@pytest.mark.parametrize("kind", REPARAMETRISED)
def test_torch_reparametrisations(tmp_path, torch, kind):
    from torch.nn.utils import parametrizations, parametrize, prune  # noqa: F401  # reached by name below

    wrap, remove, arguments = REPARAMETRISED[kind]

    def util(name):
        found = torch.nn.utils
        for part in name.split("."):
            found = getattr(found, part)
        return found

    net = two_layers(torch)
    util(wrap)(net[0], **({"name": "weight", "amount": 0.5} if kind == "pruning" else {}))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(1.5)
    net.train()
    net(torch.tensor(X))
    net.eval()
    expected = half_square(output(torch, net))
    path = tmp_path / "c.pt"
    torch.save(net.state_dict(), path)
    message = refusal(path)
    assert remove in message
    assert "--layers" not in message
    for word in net.state_dict():  # nor does it help to insist
        if word.startswith("0.") and net.state_dict()[word].shape == (H, DX):
            assert "not a layer" in refusal(path, layers=[word, "1.weight"])
    util(remove)(net[0], *arguments)
    torch.save(net.state_dict(), path)
    assert lossurf.classify(net.state_dict(), X, Y).loss == pytest.approx(expected, rel=1e-10)
    weights = read_checkpoint(path, DX, DY).weights
    assert half_square(X @ weights[0].T @ weights[1].T) == pytest.approx(expected, rel=1e-10)


@pytest.mark.torch
@pytest.mark.parametrize("affine", [True, False])
def test_torch_batch_norm_folded(tmp_path, torch, affine):
    from torch.nn.utils.fusion import fuse_linear_bn_eval

    net = two_layers(torch, torch.nn.BatchNorm1d(H, affine=affine))
    torch.save(net.state_dict(), tmp_path / "c.pt")
    message = refusal(tmp_path / "c.pt")
    assert "fuse_linear_bn_eval" in message
    if affine:
        folded = torch.nn.Sequential(fuse_linear_bn_eval(net[0], net[1]), net[2])
        expected = half_square(output(torch, net))
        assert lossurf.classify(folded.state_dict(), X, Y).loss == pytest.approx(expected, rel=1e-10)


@pytest.mark.torch
@pytest.mark.parametrize("layer", ["LayerNorm", "RMSNorm", "GroupNorm", "PReLU"])
def test_torch_layers_that_are_not_linear(tmp_path, torch, layer):
    module = getattr(torch.nn, layer)
    between = module(2, H) if layer == "GroupNorm" else module(H)
    net = two_layers(torch, between)
    torch.save(net.state_dict(), tmp_path / "c.pt")
    message = refusal(tmp_path / "c.pt")
    assert layer in message
    assert "save its output as X, and the linear layers after it alone" in message
    inner = output(torch, net[:2])
    torch.save(net[2:].state_dict(), tmp_path / "after.pt")
    found = read_checkpoint(tmp_path / "after.pt", H, DY)
    rest = inner @ found.weights[0].T + found.biases[0]
    assert rest == pytest.approx(output(torch, net), rel=1e-10)


@pytest.mark.torch
def test_torch_convolution_as_a_matrix(torch):
    convolution = torch.nn.Conv1d(1, 2, 3, bias=False)
    net = torch.nn.Sequential(convolution, torch.nn.Flatten(), torch.nn.Linear(2 * (DX - 2), DY)).double().eval()
    expected = output(torch, net, X[:, None, :])
    with pytest.raises(InputError, match=r"3 dimensions.*convolution"):
        as_checkpoint(net.state_dict(), DX, DY)
    with pytest.raises(InputError, match=r"jacrev"):
        as_checkpoint({f"conv{name}": value for name, value in net.state_dict().items()}, DX, DY)
    matrix = torch.func.jacrev(net[:2])(torch.zeros(1, 1, DX).double()).reshape(-1, DX)
    weights = {"0.weight": matrix, "1.weight": net[2].weight, "1.bias": net[2].bias}
    assert lossurf.classify(weights, X, Y).loss == pytest.approx(half_square(expected), rel=1e-10)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_torch_quantised(tmp_path, torch):
    net = two_layers(torch).float()
    quantised = torch.ao.quantization.quantize_dynamic(net, {torch.nn.Linear}, dtype=torch.qint8)
    torch.save(quantised.state_dict(), tmp_path / "c.pt")
    message = refusal(tmp_path / "c.pt")
    assert "quantised weights" in message
    assert "dequantised" in message
    plain = {f"{i}.weight": layer.weight().dequantize() for i, layer in enumerate(quantised)}
    assert len(as_checkpoint(plain, DX, DY).weights) == 2
    torch.save({"0.weight": quantised[0].weight(), "1.weight": net[1].weight}, tmp_path / "q.pt")
    assert "quantized" in refusal(tmp_path / "q.pt")


@pytest.mark.torch
def test_torch_layers_of_other_kinds(tmp_path, torch):
    nn = torch.nn
    for net, cause in [
        (nn.TransformerEncoderLayer(DX, 2, 8), "attention"),
        (nn.MultiheadAttention(DX, 2), "attention"),
        (nn.Sequential(nn.GRU(DX, H), nn.Linear(H, DY)), "recurrent"),
        (nn.Sequential(nn.LSTMCell(DX, H), nn.Linear(H, DY)), "recurrent"),
        (nn.Bilinear(DX, DX, DY), "3 dimensions"),
        (nn.ModuleDict({"embed": nn.Embedding(9, DX), "fc": nn.Linear(DX, DY)}), "embedding"),
    ]:
        torch.save(net.state_dict(), tmp_path / "c.pt")
        message = refusal(tmp_path / "c.pt")
        assert cause in message
        assert "--layers" not in message


@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


@pytest.mark.filterwarnings("ignore")
def test_keras_layers(tmp_path, keras):
    layers = keras.layers
    inputs = {"plain": (DX,), "steps": (5, DX), "words": (5,)}
    for shape, make, causes in [
        ("plain", layers.BatchNormalization, "BatchNorm"),
        ("plain", layers.LayerNormalization, "LayerNorm|normalisation"),
        ("plain", layers.RMSNormalization, "LayerNorm|is a scale"),
        ("plain", lambda **name: layers.GroupNormalization(2, **name), "LayerNorm|normalisation"),
        ("plain", layers.PReLU, "activation|RMSNorm and PReLU|tells nothing"),
        ("steps", lambda **name: layers.LSTM(H, **name), "recurrent"),
        ("steps", lambda **name: layers.GRU(H, **name), "recurrent"),
        ("steps", lambda **name: layers.SimpleRNN(H, **name), "recurrent"),
        ("steps", lambda **name: layers.Conv1D(H, 2, **name), "convolution"),
        ("words", lambda **name: layers.Embedding(9, H, **name), "embedding"),
    ]:
        for called in ({}, {"name": "zz"}):
            between = [layers.Flatten()] if shape != "plain" else []
            model = keras.Sequential([keras.Input(inputs[shape]), make(**called), *between, layers.Dense(DY)])
            model.save(tmp_path / "c.keras")
            model.save(tmp_path / "c.h5")
            model.save_weights(tmp_path / "c.weights.h5")
            for name in ("c.keras", "c.h5", "c.weights.h5"):
                message = refusal(tmp_path / name)
                assert re.search(causes, message) or (called and "3 dimensions" in message), message
                assert "--layers" not in message or "if the network does not use it" in message


@pytest.mark.filterwarnings("ignore")
def test_keras_quantised(tmp_path, keras):
    layers = keras.layers
    for kind in ("int8", "int4"):
        model = keras.Sequential([keras.Input((DX,)), layers.Dense(H), layers.Dense(DY)])
        try:
            model.quantize(kind)
        except ValueError:
            continue  # an older Keras
        model.save(tmp_path / "c.keras")
        model.save(tmp_path / "c.h5")
        model.save_weights(tmp_path / "c.weights.h5")
        for name in ("c.keras", "c.h5", "c.weights.h5"):
            message = refusal(tmp_path / name)
            assert "quantised" in message
            assert "dequantised" in message
            assert "--layers" not in message
        for kernels in (["layers/dense", "layers/dense_1"], ["layers/dense/vars/0", "layers/dense_1/vars/0"]):
            assert "quantised" in refusal(tmp_path / "c.keras", layers=kernels)


@pytest.mark.filterwarnings("ignore")
def test_keras_adapters(tmp_path, keras):
    keras.utils.set_random_seed(9)
    layers = keras.layers
    model = keras.Sequential([keras.Input((DX,)), layers.Dense(H), layers.Dense(DY)])
    model.layers[0].enable_lora(2)
    model.layers[0].lora_kernel_b.assign(rng.standard_normal((2, H)))
    expected = half_square(keras.ops.convert_to_numpy(model(X)))
    model.save(tmp_path / "c.keras")
    found = read_checkpoint(tmp_path / "c.keras", DX, DY)
    (first, second), (one, two) = found.weights, found.biases
    assert half_square((X @ first.T + one) @ second.T + two) == pytest.approx(expected, rel=1e-5)  # merged, float32
    model.save(tmp_path / "c.h5")
    assert "save the model as .keras" in refusal(tmp_path / "c.h5")


@pytest.mark.filterwarnings("ignore")
def test_keras_layers_without_weights(tmp_path, keras):
    layers = keras.layers

    def notes(model, name):
        model.save_weights(tmp_path / name) if "weights" in name else model.save(tmp_path / name)
        return " ".join(read_checkpoint(tmp_path / name, DX, DY).notes)

    for name in ("c.keras", "c.h5", "c.weights.h5"):
        ends = (layers.Dense(H), layers.Dense(DY))
        plain = keras.Sequential([keras.Input((DX,)), ends[0], layers.Dropout(0.5), layers.Flatten(), ends[1]])
        assert "left out" not in notes(plain, name)
        assert "'re_lu" in notes(keras.Sequential([keras.Input((DX,)), ends[0], layers.ReLU(), ends[1]]), name)
        assert "'rescaling" in notes(keras.Sequential([keras.Input((DX,)), layers.Rescaling(2.0), *ends]), name)


@pytest.mark.filterwarnings("ignore")
def test_keras_layers_that_join_others(tmp_path, keras):
    layers = keras.layers
    inputs = keras.Input((DX,))
    for join in (layers.Add, layers.Multiply, layers.Maximum):
        outputs = layers.Dense(DY, use_bias=False)(
            join(name="both")([inputs, layers.Dense(DX, use_bias=False)(inputs)])
        )
        model = keras.Model(inputs, outputs)
        for name in ("c.keras", "c.h5"):
            model.save(tmp_path / name)
            message = refusal(tmp_path / name)
            assert f"'both' joins the outputs of several layers ({join.__name__})" in message
            assert "--layers" not in message
    block = np.eye(DX) + model.layers[1].get_weights()[0]
    model = keras.Model(inputs, layers.Dense(DY)(layers.Add()([inputs, layers.Dense(DX)(inputs)])))
    block = np.eye(DX) + model.layers[1].get_weights()[0]
    expected = half_square(keras.ops.convert_to_numpy(model(X)))
    assert lossurf.classify([block, model.layers[1].get_weights()[1], *model.layers[-1].get_weights()], X, Y).loss == (
        pytest.approx(expected, rel=1e-5)
    )


@pytest.mark.filterwarnings("ignore")
def test_keras_batch_norm_folded(keras):
    keras.utils.set_random_seed(8)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((DX,)), layers.Dense(H), layers.BatchNormalization(), layers.Dense(DY)],
    )
    model.layers[1].set_weights([rng.uniform(0.5, 2, H) for _ in range(4)])
    expected = half_square(keras.ops.convert_to_numpy(model(X)))
    first, bias, gamma, beta, mean, variance, second, last = model.get_weights()
    with pytest.raises(InputError, match="as BatchNorm or LayerNorm have"):
        as_checkpoint({f"arr_{i}": array for i, array in enumerate(model.get_weights())}, DX, DY)
    factor = gamma / np.sqrt(variance + model.layers[1].epsilon)
    folded = [first * factor, (bias - mean) * factor + beta, second, last]
    assert lossurf.classify(folded, X, Y).loss == pytest.approx(expected, rel=1e-5)  # float32


# choosing, in spite of it


def test_what_is_left_out_by_choice_is_listed(tmp_path, inside):
    np.savez(tmp_path / "data.npz", X=X, Y=Y)
    extra = {f"1.{name}": h for name in ("weight", "bias", "running_mean", "running_var")}
    np.savez(tmp_path / "c.npz", **{"0.weight": W1, **extra, "2.weight": W2, "epoch": 3})
    options = ("--layers", "0.weight,2.weight", "--data", tmp_path / "data.npz")
    said = f"not used, as --layers leaves it out: {', '.join(extra)}, epoch"
    for style in ("table", "json", "jsonl", "markdown", "junit", "github", "html"):
        done = inside("classify", tmp_path / "c.npz", *options, "--format", style)
        shown = " ".join((done.stdout + done.stderr).split()).replace("&#x27;", "'").replace("\\", "")
        assert said in shown, style


def test_what_codes_a_layer_is_refused_by_choice_too(tmp_path):
    for extra in (
        {"0.weight_scale": h},
        {"0.scale": h},
        {"0.weight.absmax": h},
        {"0.SCB": h},
        {"params/WeightNorm_0/0/kernel/scale": h},
    ):
        np.savez(tmp_path / "c.npz", **{"0.weight": W1, **extra, "2.weight": W2})
        message = refusal(tmp_path / "c.npz", layers=["0.weight", "2.weight"])
        assert repr(next(iter(extra))) in message
        assert "'0.weight'" in message


def test_names_of_plain_layers_are_not_taken_for_others():
    for name in (
        "converter.weight", "layers.3.weight", "net.linear_out.weight", "value.weight", "score.weight", "W_enc",
        "params/Dense_0/kernel", "quantile_head.weight", "layers/dense_1/vars/0", "hidden.weight", "wide.weight",
        "module.fc1.weight", "0.weight", "W1", "b1", "features.0.bias", "classifier.weight", "actor.weight",
        "optimal.weight", "post_process.weight",
        "policy.weight", "lnear.weight", "model_weights/dense/sequential/dense/kernel:0", "blocks.0.lin.weight",
    ):  # fmt: skip
        assert foreign(name) is None, name
    assert first_foreign([("0.weight", True), ("beta", True)]) is None
    assert coder("0", ["0.weight", "1.weight_g"]) is None
