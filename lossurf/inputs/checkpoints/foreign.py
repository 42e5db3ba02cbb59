"""Arrays that no linear network has, told from their names: what they belong to, and what can be done instead."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from lossurf.inputs.checkpoints.roles import unwrapped


@dataclass(frozen=True)
class Foreign:
    """A kind of array that is no layer of a linear network.

    Attributes
    ----------
    pattern : str
        Searched in the name, in any case; its group `layer` names the layer that is made from such an array.
    kind : str
        What the array is, to stand after its name.
    remedy : str
        What to do; "" where leaving it out does not change the network's function.
    part : {"coded", "module", "beside"}
        "coded": a layer's matrix is made from it and is not itself stored. "module": it acts between the layers.
        "beside": the network's function does not need it.
    vector : bool
        Whether only what is no matrix is meant.
    """

    pattern: str
    kind: str
    remedy: str
    part: Literal["coded", "module", "beside"] = "module"
    vector: bool = False


_REMOVE: Final = "call torch.nn.utils.{} in eval mode for each such layer and save the state dict again"
_UNPARAMETRIZE: Final = _REMOVE.format("parametrize.remove_parametrizations(layer, 'weight')")
_PLAIN: Final = "save the matrix that the layer multiplies by, as a plain layer's weight"
FOLD: Final = (
    "fold it into the layer before it (torch.nn.utils.fusion.fuse_linear_bn_eval, or kernel * gamma /"
    " sqrt(variance + epsilon)) and save the result"
)
QUANTISED_REMEDY: Final = "save the weights dequantised, as floating-point numbers, or those from before quantisation"
_MULTIPLY: Final = "save the weights with it multiplied in, or, where it belongs to a normalisation, train without that"
_DENSE: Final = (
    "save its matrix on flattened inputs (torch.func.jacrev gives it) as a plain layer's weight, and X flattened"
)
REMEDY_AFTER: Final = "save its output as X, and the linear layers after it alone as the checkpoint"

_WEIGHT_NORM: Final = (
    "belongs to a weight normalisation (weight_norm), which makes the layer's matrix g v / ||v|| from it"
)
_SPECTRAL_NORM: Final = (
    "belongs to a spectral normalisation (spectral_norm), which divides the stored matrix by its largest singular value"
)
_ORTHOGONAL: Final = "belongs to an orthogonal parametrisation, which makes the layer's matrix from it"
_PARAMETRISED: Final = "belongs to a parametrisation, which makes the layer's matrix from it"
_PRUNED: Final = "belongs to a pruned layer, whose matrix is weight_orig * weight_mask"
QUANTISED: Final = "belongs to quantised weights: the numbers stored are not the layer's matrix"
_SCALE: Final = "is a scale, as quantised weights or a normalisation such as RMSNorm have"
_BATCH_NORM: Final = "belongs to a normalisation over the batch (BatchNorm)"
_SAMPLE_NORM: Final = "belongs to a normalisation of each sample by its size (such as LayerNorm)"
_NORM: Final = "belongs to a normalisation"
_OPTIMISER: Final = "is optimiser state"

# Each begins where little can: a name may have tens of thousands of characters, and none may take their square.
_ALL: Final = r"^(?P<layer>(?s:.*))"
_OF: Final = r"^(?P<layer>.*?)(?:^|[./])"
_PART: Final = r"(?<![^./])(?P<layer>[^./]+)"
_AT: Final = r"(?:^|[./_])"

# The first entry that any array of a file meets is told: what codes a layer's matrix, then what cannot be linear.
FOREIGN: Final = (
    Foreign(rf"{_OF}parametrizations\.\w+\.original1$", _WEIGHT_NORM, _UNPARAMETRIZE, "coded"),
    Foreign(rf"{_OF}parametrizations\.\w+\.\d+\._[uv]$", _SPECTRAL_NORM, _UNPARAMETRIZE, "coded"),
    Foreign(rf"{_OF}parametrizations\.\w+\.\d+\.base$", _ORTHOGONAL, _UNPARAMETRIZE, "coded"),
    Foreign(rf"{_OF}parametrizations\.", _PARAMETRISED, _UNPARAMETRIZE, "coded"),
    Foreign(rf"{_OF}weight_g$", _WEIGHT_NORM, _REMOVE.format("remove_weight_norm"), "coded"),
    Foreign(rf"{_OF}weight_u$", _SPECTRAL_NORM, _REMOVE.format("remove_spectral_norm"), "coded"),
    Foreign(rf"{_OF}weight_mask$", _PRUNED, _REMOVE.format("prune.remove(layer, 'weight')"), "coded"),
    Foreign(rf"{_OF}weight_(orig|v)$", _PARAMETRISED, _PLAIN, "coded"),
    Foreign(rf"{_PART}[./](kernel|embedding)[./]scale$", _WEIGHT_NORM, _PLAIN, "coded"),
    Foreign(r"weight_?norm", _WEIGHT_NORM, _PLAIN, "coded"),
    Foreign(rf"{_PART}[./]kernel[./](u|sigma)$", _SPECTRAL_NORM, _PLAIN, "coded"),
    Foreign(r"spectral_?norm|vector_u$", _SPECTRAL_NORM, _PLAIN, "coded"),
    Foreign(
        rf"{_OF}\w*(zero_?points?|qweight|qzeros|qscales?|g_idx|scb|absmax|quant_map|quant_state|weight_format"
        r"|packed_params|(weight|kernel|act|inputs?|outputs?(_grad)?)_scales?(_inv)?|kernel_zero|amax_history|weight_packed|fake_quant|activation_post_process|bitsandbytes"
        r"|quanti[sz]\w*)($|[./_])",
        QUANTISED,
        QUANTISED_REMEDY,
        "coded",
    ),
    Foreign(
        rf"{_ALL}/lora_(kernel|embeddings)_[ab]$",
        "belongs to a LoRA adapter within a Keras layer, whose product is added to the kernel",
        "save the model as .keras, which merges it into the kernel",
        "coded",
    ),
    Foreign(
        rf"{_AT}([qkv]|qkv|kv)_proj|in_proj_|attn|attention|{_AT}(to_(q|k|v|qkv|kv)|qkv|query|query_key_value|mha)[./]|^w_?[qk]$",
        "belongs to an attention layer",
        REMEDY_AFTER,
    ),
    Foreign(
        rf"(weight|bias)_(ih|hh)|recurrent_kernel|{_AT}(optimized|conv|simple|bi)*(lstm|gru|rnn|simplecell|mgucell)",
        "belongs to a recurrent layer",
        REMEDY_AFTER,
    ),
    Foreign(
        rf"(layer|group|instance|rms|unit)_?norm(ali[sz]ation)?|{_AT}ln(_\w+|\d+)?[./]", _SAMPLE_NORM, REMEDY_AFTER
    ),
    Foreign(
        rf"running_(mean|var)|moving_(mean|var)|num_batches_tracked|batch_stats|batch_?norm|{_AT}bn\d*[./_]",
        _BATCH_NORM,
        FOLD,
    ),
    Foreign(rf"{_AT}norm\w*[./_]", _NORM, f"{FOLD}, if it is a BatchNorm"),
    Foreign(rf"{_AT}(mean|var|variance|std|gamma|beta)_?$", _NORM, f"{FOLD}, if it is a BatchNorm", vector=True),
    Foreign(
        rf"embed|{_AT}(w[tp]e|(pos|tok|token|word)_?emb)[./]", "is an embedding, which looks rows up", REMEDY_AFTER
    ),
    Foreign(
        rf"{_AT}(de|depthwise_?|separable_?)?conv(?!er)\w*[./_]|(depth|point)wise_kernel",
        "belongs to a convolution",
        _DENSE,
    ),
    Foreign(rf"p_?re_?lu|{_AT}act(ivation)?\d*[./]", "belongs to an activation", REMEDY_AFTER),
    Foreign(rf"{_AT}(alpha|slope)$", "belongs to an activation, as PReLU's slope does", REMEDY_AFTER, vector=True),
    Foreign(
        rf"gate_(up_)?proj|{_AT}(gates?|router)[./]|{_AT}experts?[./]",
        "belongs to a gate, which multiplies outputs with each other",
        REMEDY_AFTER,
    ),
    Foreign(
        rf"{_AT}(shortcut|skip)(_\w+)?\d*[./]",
        "belongs to a shortcut, which is added to what the layers put out",
        "save the matrix of the whole block as one layer: the product of its layers plus that of the shortcut",
    ),
    Foreign(rf"{_OF}\w*scales?$", _SCALE, _MULTIPLY, "coded", vector=True),
    Foreign(
        rf"{_ALL}/vars/([2-9]|\d{{2,}})$",
        "is a third array of one layer, as quantised weights, normalisations and recurrent layers have",
        f"{QUANTISED_REMEDY}, or train without the normalisation",
        "coded",
    ),
    Foreign(rf"optim(?!al)|exp_avg|momentum_buffer|{_AT}opt_state", _OPTIMISER, "", "beside"),
    Foreign(rf"{_AT}(ema|shadow)[./_]", "is an average of earlier weights", "", "beside"),
    Foreign(
        rf"{_AT}(epochs?|steps?|iter\w*|loss(es)?|history|lr|learning_rate|rng|seed|time|version|n_averaged|acc\w*"
        r"|metrics?|scores?|config)\d*$",
        "is a record of training",
        "",
        "beside",
        vector=True,
    ),
)


@cache
def foreign(name: str, *, matrix: bool = False) -> Foreign | None:
    """Return what the name of an array, which is a matrix or not, belongs to that no linear network has; or None."""
    entries = (entry for entry in FOREIGN if not (matrix and entry.vector))
    return next((entry for entry in entries if re.search(entry.pattern, name, re.IGNORECASE)), None)


def first_foreign(arrays: Iterable[tuple[str, bool]]) -> tuple[str, Foreign] | None:
    """Return the most telling of the names that no linear network has, with what it is; True goes with a matrix."""
    entries = ((name, foreign(name, matrix=matrix)) for name, matrix in arrays)
    found = [(FOREIGN.index(entry), name, entry) for name, entry in entries if entry is not None]
    if not found:
        return None
    _, name, entry = min(found, key=lambda one: one[0])
    return name, entry


def coder(layer: str, names: Iterable[str]) -> tuple[str, Foreign] | None:
    """Return the array that a layer's matrix is made from, if one of the names is such an array."""
    for name in names:
        entry = foreign(name)
        if entry is not None and entry.part == "coded":
            found = re.search(entry.pattern, name, re.IGNORECASE)
            coded = found.groupdict().get("layer") if found else None
            if coded is not None and _ends(unwrapped(layer), unwrapped(coded)):
                return name, entry
    return None


def _ends(layer: str, coded: str) -> bool:
    return layer == coded or (bool(coded) and layer.endswith((f".{coded}", f"/{coded}")))
