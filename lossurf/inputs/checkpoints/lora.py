"""LoRA adapters: of one module, the two thin matrices whose scaled product is what the adapter adds to its base.

A module's output is W x + s B A x, with s = alpha / r by the adapter's configuration (Hu et al. 2021, section 4.1), or
alpha / sqrt(r) if it is rank-stabilised. B A x is a linear network with one hidden layer; s goes into B, so that what
is judged is the product that is really added. The setting fan_in_fan_out only says how the base is stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lossurf.inputs.checkpoints.layers import Layer
from lossurf.inputs.checkpoints.lora_config import CONFIG_NAME, LoraConfig, read_config
from lossurf.inputs.checkpoints.roles import Role, unwrapped
from lossurf.inputs.checkpoints.tensors import Tensor, TensorFile
from lossurf.inputs.faults import fault, hint, listing, place
from lossurf.inputs.files import exists, is_directory
from lossurf.inputs.order import natural_key
from lossurf.numerics import Matrix

_WEIGHTS: Final = ("adapter_model.safetensors", "adapter_model.bin", "adapters.safetensors")
_WRAPPER: Final = "base_model.model."  # before every name that PEFT writes
_CONTAINERS: Final = ("_orig_mod", "module", "model", "net", "network", "state_dict", "params")
_FIRST: Final = ("lora_A", "lora_a", "lora_down", "lora.down", "lora_linear_layer.down")
_SECOND: Final = ("lora_B", "lora_b", "lora_up", "lora.up", "lora_linear_layer.up")
_PARTS: Final = "|".join(map(re.escape, (*_FIRST, *_SECOND)))
_NAME: Final = re.compile(
    rf"(?:(?P<module>.+)\.)?(?P<part>{_PARTS})(?:(?:\.(?P<adapter>[^.]+))?\.(?P<kind>weight|bias))?"
)
_BESIDE: Final = (
    (r"lora_magnitude_vector", "is the length of a DoRA adapter, which normalises the adapted weight"),
    (r"\bbias$", "is a bias of the adapted module, trained beside the adapter"),
    (r"\bweight$", "is a weight that the module adds the adapter to"),
)


class AdapterChoice(NamedTuple):
    """What the user says about an adapter: one of its modules, and its scale instead of the configured one."""

    module: str | None = None
    scale: float | None = None


@dataclass(frozen=True)
class _Module:
    name: str
    path: str  # the same without an adapter's name, where the file holds several adapters
    tensors: Mapping[tuple[Literal["first", "second"], str], Tensor]  # (which matrix, "weight" or "bias")
    in_out: bool


def adapter_path(path: Path) -> Path:
    """Return the file of weights that the directory of an adapter, or its configuration, stands for; else the path."""
    if path.name == CONFIG_NAME:
        path = path.parent
    if not is_directory(path):
        return path
    found = [path / name for name in _WEIGHTS if exists(path / name)]
    if not found and exists(path / CONFIG_NAME):
        raise fault("adapter-empty", str(path), wanted=" or ".join(_WEIGHTS[:2]))
    return found[0] if found else path


def is_adapter(file: TensorFile, path: Path | None = None) -> bool:
    """Tell adapters by the names of their arrays, or by where they are: two layers may be called lora_A and lora_B."""
    if path is not None and path.name in _WEIGHTS[:2]:
        return True
    found = [match for tensor in file.tensors if (match := _parts(tensor.name))]
    pair = {match["part"] in _FIRST for match in found} == {True, False}  # what `_layer` names is none
    if any(_of_module(match) for match in found):
        return True
    return pair and path is not None and exists(path.with_name(CONFIG_NAME))


@lru_cache(maxsize=4096)  # the checkpoints of a run have the same names
def _parts(name: str) -> re.Match[str] | None:
    return _NAME.fullmatch(name)


def _of_module(match: re.Match[str]) -> bool:
    """Tell whether a name is that of a module's adapter and not of a layer in a network's only container."""
    parts = [part for part in (match["module"] or "").split(".") if part not in _CONTAINERS]
    bare = match["module"] is not None and match["kind"] is None  # parameters of a layer, not layers
    return any(parts) or bare


def read_adapter(
    file: TensorFile,
    path: Path | None,
    widths: tuple[int, int],
    layers: Sequence[str] | None,
    choice: AdapterChoice | None,
) -> tuple[list[Layer], str]:
    """Return one module's matrices as the two layers of a network, the scale in the second, and what to note.

    Parameters
    ----------
    file : TensorFile
        Of which `is_adapter` holds.
    path : Path or None
        Where it is, and its configuration beside it; None on standard input.
    widths : tuple of int
        Inputs and outputs of the data.
    layers : sequence of str or None
        Layers the user listed, which an adapter does not take.
    choice : AdapterChoice or None
        None where an adapter is no answer.

    Returns
    -------
    list of Layer, str

    Raises
    ------
    InputError
        If there are several modules and none is chosen, nothing tells the scale, or what the module adds to its base
        is not the scaled product, or has other inputs and outputs than the data.
    """
    if choice is None:
        raise fault("adapter-relu", file.name)
    if layers:
        raise fault("adapter-layers", file.name)
    modules, rest = _modules(file)
    config = None if path is None else read_config(path.with_name(CONFIG_NAME))
    if config is not None:
        config.require_plain()
    if not modules:
        raise fault("adapter-empty", file.name, wanted="matrices called lora_A and lora_B")
    module = _chosen(modules, choice.module, file.name)
    rest = [tensor for tensor in rest if _short(tensor.name) != f"{module.path}.alpha"]
    _require_alone(module, rest, file.name)
    second = _require_chain(module, widths, file.name)
    rank = second.shape[0 if module.in_out else 1]
    scale, why = _scale(file, module, rank, config, choice.scale)
    chosen = [_layer(module, "first", 1.0), _layer(module, "second", scale)]
    others = [name for name in modules if name != module.name]
    unread = [*others, *(tensor.name for tensor in rest)]
    left = f"; {listing(unread)} beside it is not read" if unread else ""
    return chosen, f"{file.name}: the adapter of module {module.name!r} alone: {why} multiplies {second.name!r}{left}"


def _modules(file: TensorFile) -> tuple[dict[str, _Module], list[Tensor]]:
    """Group the tensors by module and return those that are in none."""
    matches = {tensor.name: _NAME.fullmatch(_short(tensor.name)) for tensor in file.tensors}
    several = len({match["adapter"] for match in matches.values() if match}) > 1
    found: dict[str, tuple[str, dict[Any, Tensor], bool]] = {}
    rest = []
    for tensor in sorted(file.tensors, key=lambda tensor: natural_key(tensor.name)):
        match = matches[tensor.name]
        if match is None:
            rest.append(tensor)
            continue
        module, part = match["module"] or "", match["part"]
        name = ".".join(filter(None, [module, match["adapter"] if several else None]))
        in_out = part in ("lora_a", "lora_b") and match["kind"] is None  # MLX
        _, tensors, _ = found.setdefault(name, (module, {}, in_out))
        key = ("first" if part in _FIRST else "second", match["kind"] or "weight")
        if tensors.setdefault(key, tensor) is not tensor:
            rest.append(tensor)  # the same under another name
    return {name: _Module(name, *facts) for name, facts in found.items()}, rest


def _short(name: str) -> str:
    return name.removeprefix(_WRAPPER)


def _chosen(modules: Mapping[str, _Module], wanted: str | None, file: str) -> _Module:
    if wanted is None:
        if len(modules) > 1:
            raise fault("several-modules", file, count=len(modules), known=listing(modules, 24))
        return next(iter(modules.values()))
    bare = unwrapped(_short(wanted))
    found = [wanted] if wanted in modules else [name for name in modules if bare in (name, unwrapped(name))]
    if len(found) != 1:
        raise fault("no-module", file, module=wanted, hint=hint(wanted, modules), known=listing(modules, 24))
    return modules[found[0]]


def _require_alone(module: _Module, rest: Sequence[Tensor], file: str) -> None:
    """Refuse by name what else the file holds of the module: its output is then not the scaled product alone."""
    for tensor in rest:
        if not _short(tensor.name).startswith(f"{module.path}." if module.path else ""):
            continue
        kind = next((kind for pattern, kind in _BESIDE if re.search(pattern, tensor.name)), "stands beside the adapter")
        raise fault("adapter-beside", file, name=tensor.name, kind=kind, module=module.name)
    between = module.tensors.get(("first", "bias"))
    if between is not None:
        raise fault("adapter-beside", file, name=between.name, kind="lies between the matrices", module=module.name)


def _require_chain(module: _Module, widths: tuple[int, int], file: str) -> Tensor:
    """Require two matrices that lead from the data's inputs to their outputs; return the second."""
    tensors = [_matrix(module, which, file) for which in ("first", "second")]
    (inner, inputs), (outputs, rank) = (tensor.shape[:: -1 if module.in_out else 1] for tensor in tensors)
    if inner != rank:
        raise fault("adapter-shape", file, name=tensors[1].name, shape=tensors[1].shape)
    if (inputs, outputs) != widths:
        wanted = f"{widths[0]} inputs and {widths[1]} outputs"
        raise fault("adapter-widths", file, module=module.name, inputs=inputs, outputs=outputs, wanted=wanted)
    return tensors[1]


def _matrix(module: _Module, which: Any, file: str) -> Tensor:
    tensor = module.tensors.get((which, "weight"))
    if tensor is None:
        there = next(iter(module.tensors.values())).name
        raise fault("adapter-half", file, name=there)
    if tensor.error is not None:
        raise tensor.error
    if len(tensor.shape) != 2 or 0 in tensor.shape:
        raise fault("adapter-shape", file, name=tensor.name, shape=tensor.shape)
    return tensor


def _scale(
    file: TensorFile, module: _Module, rank: int, config: LoraConfig | None, given: float | None
) -> tuple[float, str]:
    """Return the factor of the product and how it came about."""
    if given is not None:
        return given, f"the scale {given:g}, as asked,"
    stored = next((tensor for tensor in file.tensors if _short(tensor.name) == f"{module.path}.alpha"), None)
    if stored is not None:  # as the adapters of image models hold it
        alpha = _number(stored, file.name)
        return alpha / rank, f"alpha / r = {alpha:g} / {rank} = {alpha / rank:g}"
    found = None if config is None else config.scale(module.path, rank)
    if found is None:
        raise fault("adapter-scale", file.name, config=CONFIG_NAME)
    return found


def _number(tensor: Tensor, file: str) -> float:
    if tensor.error is not None:
        raise tensor.error
    value = np.asarray(tensor.load()) if np.prod(tensor.shape, dtype=float) == 1 else np.array([np.nan])
    if value.dtype.kind not in "iuf" or not np.isfinite(value).all() or not value.all():
        raise fault("adapter-alpha", place(file, array=tensor.name), value="no finite number other than zero")
    return float(value.reshape(()))


def _layer(module: _Module, which: Any, scale: float) -> Layer:
    """Return one matrix as a layer; a name of its own keeps what is written from being scaled again when it is read."""
    tensor = module.tensors[which, "weight"]
    bias = module.tensors.get((which, "bias"))
    part = next(part for part in (*_FIRST, *_SECOND) if re.search(rf"(^|\.){re.escape(part)}(\.|$)", tensor.name))
    layer = part if which == "first" else f"scaled_{part}"
    role = Role(layer, "weight", "in-out" if module.in_out else "out-in")
    weight = _scaled(tensor, f"{layer}.{'kernel' if module.in_out else 'weight'}", scale)
    return Layer(weight, None if bias is None else _scaled(bias, f"{layer}.bias", scale), role)


def _scaled(tensor: Tensor, name: str, scale: float) -> Tensor:
    def load() -> NDArray[Any]:
        array = tensor.load()
        if scale == 1.0 or array.dtype.kind not in "biuf":  # what is no number is refused by whoever loads it
            return array
        with np.errstate(over="ignore"):  # an infinity is refused by whoever loads it
            product: Matrix = array.astype(np.float64) * scale
        return product

    return Tensor(name, tensor.shape, tensor.dtype, load, tensor.error)
