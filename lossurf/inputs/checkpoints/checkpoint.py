"""A trained network from a file or from arrays: which arrays are its layers, in which order, in which orientation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lossurf.fields import Size
from lossurf.inputs.checkpoints.chain import Links, arrange
from lossurf.inputs.checkpoints.kinds import is_matrix
from lossurf.inputs.checkpoints.layers import Layer, all_layers, choose_layers, stored_shape, unused
from lossurf.inputs.checkpoints.lora import AdapterChoice, adapter_path, is_adapter, read_adapter
from lossurf.inputs.checkpoints.models import model_of
from lossurf.inputs.checkpoints.nested import state_dict
from lossurf.inputs.checkpoints.readers import STANDARD_INPUT, read_tensors
from lossurf.inputs.checkpoints.roles import Orientation
from lossurf.inputs.checkpoints.sequence import gaps
from lossurf.inputs.checkpoints.stored import checkpoint_bytes, tensors_of
from lossurf.inputs.checkpoints.tensors import Tensor, TensorFile, as_tensor, load_matrix
from lossurf.inputs.faults import fault, listing
from lossurf.inputs.memory import memory_limit, require_memory
from lossurf.numerics import Matrix
from lossurf.output.files import write_file

_ARRAYS: Final = "weights"
_FROM_FILE: Final = AdapterChoice()
_MOST_LAYERS: Final = 2000  # what is asked of them grows with the square of their number: twice as many take minutes
_BYTES_A_PAIR: Final = 128  # of layers: sizes and reaches of their products, in tables


@dataclass(frozen=True)
class LayerFacts:
    """Name, shape (outputs, inputs) and stored number type of one weight.

    Attributes
    ----------
    name : str
        As in the file.
    shape : (int, int)
        Outputs and inputs.
    dtype : str
        Number type it is stored in.
    """

    name: str
    shape: tuple[Size, Size]
    dtype: str


@dataclass(frozen=True)
class Checkpoint:
    """A linear network as stored, layers first to last.

    Attributes
    ----------
    name : str
        Where it came from.
    layer_names : tuple of str
    weights : tuple of ndarray of float64, each of shape (outputs, inputs)
    biases : tuple of ndarray of float64, shape (outputs,), or None, one for each layer
    dtypes : tuple of str
        Stored number type of each weight.
    notes : tuple of str
        What the report should say about the reading.
    bias_names : tuple of str or None, one for each layer
    orientation : {"out-in", "in-out"}
        Axes of the weights in the file, for those who write it again.
    tensors : bool
        Whether the arrays came as PyTorch tensors, which `state_dict` then gives back.
    """

    name: str
    layer_names: tuple[str, ...]
    weights: tuple[Matrix, ...]
    biases: tuple[Matrix | None, ...]
    dtypes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    bias_names: tuple[str | None, ...] = ()
    orientation: Orientation = "out-in"
    tensors: bool = False

    @classmethod
    def of(
        cls,
        weights: Sequence[Matrix],
        biases: Sequence[Matrix | None] | None = None,
        *,
        dtypes: Sequence[str] | None = None,
        name: str = _ARRAYS,
    ) -> Checkpoint:
        """Return the network of float64 arrays that are known to be sound, its layers called W1..WN.

        Parameters
        ----------
        weights : sequence of ndarray
            W_1 (d_1, dx), ..., W_N (dy, d_{N-1}).
        biases : sequence of ndarray or None, optional
            b_k (d_k,), None where a layer has none.
        dtypes : sequence of str, optional
            Number types that the weights were stored in; float64 by default.
        name : str
        """
        count = len(weights)
        return cls(
            name=name,
            layer_names=tuple(f"W{k}" for k in range(1, count + 1)),
            weights=tuple(weights),
            biases=(None,) * count if biases is None else tuple(biases),
            dtypes=("float64",) * count if dtypes is None else tuple(dtypes),
        )

    def moved(
        self, weights: Sequence[Matrix], biases: Sequence[Matrix | None], dtypes: Sequence[str] | None = None
    ) -> Checkpoint:
        """Return the network at other weights, under the same names and in the same orientation."""
        return replace(
            self,
            weights=tuple(weights),
            biases=tuple(biases),
            dtypes=self.dtypes if dtypes is None else tuple(map(str, dtypes)),
            notes=(),
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to store: under the layers' names, in their orientation and number types.

        A bias without a name of its own is called b1..bN.
        """
        typed = [W.astype(dtype) for W, dtype in zip(self.weights, self.dtypes, strict=True)]
        stored = [W.T if self.orientation == "in-out" else W for W in typed]
        arrays = dict(zip(self.layer_names, stored, strict=True))
        names = self.bias_names or tuple(f"b{k}" for k in range(1, len(typed) + 1))
        for name, bias, dtype in zip(names, self.biases, self.dtypes, strict=True):
            if bias is not None and name is not None:
                arrays[name] = bias.astype(dtype)
        return arrays

    def state_dict(self) -> dict[str, Any]:
        """Return the arrays as `load_state_dict` takes them: PyTorch tensors where tensors came in.

        Raises
        ------
        MissingExtraError
            If they are to be tensors and PyTorch is not installed.
        """
        return tensors_of(self.arrays()) if self.tensors else self.arrays()

    def as_file(self, path: Path) -> bytes:
        """Return the content of a file of the format that the path's ending names; see `save`."""
        return checkpoint_bytes(path, self)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the network: .npz, .safetensors, .pt or .pth, or .keras, whole or not at all.

        Raises
        ------
        OutputError
            If the file cannot be written.
        UsageError
            If its ending names no format that is written.
        MissingExtraError
            Without the library of the format.
        """
        write_file(Path(path), self.as_file(Path(path)))

    @property
    def has_bias(self) -> bool:
        """Whether the output layer has a bias, so that the problem is the centred one."""
        return self.biases[-1] is not None

    @property
    def layers(self) -> tuple[LayerFacts, ...]:
        """The layers as they were stored."""
        described = zip(self.layer_names, self.weights, self.dtypes, strict=True)
        return tuple(LayerFacts(name, (W.shape[0], W.shape[1]), dtype) for name, W, dtype in described)


Network = Sequence[ArrayLike] | Mapping[str, Any] | str | PathLike[str] | Checkpoint | Any
"""What questions take as a network: arrays, a state dict, a path, a model, or a checkpoint."""


@dataclass(frozen=True)
class _Wanted:
    dx: int
    dy: int
    limit: int  # bytes of memory
    orientation: Orientation | None = None
    fixed: bool = False  # the layers are given first to last
    linear: bool = True  # what is between the layers is the identity
    tied: bool = False  # one matrix alone is an encoder, whose transpose decodes


def read_checkpoint(
    path: Path,
    dx: int,
    dy: int,
    *,
    layers: Sequence[str] | None = None,
    orientation: Orientation | None = None,
    adapter: AdapterChoice | None = _FROM_FILE,
    max_memory: int | str | None = None,
    linear: bool = True,
    tied: bool = False,
) -> Checkpoint:
    """Read a trained network.

    Parameters
    ----------
    path : Path
        A file of any known format; "-" is an .npz on standard input.
    dx, dy : int
        Inputs and outputs the layers must chain between.
    layers : sequence of str, optional
        The weight matrices to use, first layer first; everything else in the file is left out.
    orientation : {"out-in", "in-out"}, optional
        Axes of the stored weights; told from shapes and names by default.
    adapter : AdapterChoice or None
        Module and scale of a LoRA adapter; None where an adapter is no answer.
    max_memory : int or str, optional
        Bytes that may be taken, or a size such as "4G".
    linear : bool
        Whether nothing lies between the layers; else what lies there is not noted as taken for the identity.
    tied : bool
        Whether one matrix alone is the encoder of a tied autoencoder, which leads from dx to any width.

    Returns
    -------
    Checkpoint

    Raises
    ------
    InputError
        If the file is not readable, or what it holds is not a linear network from dx to dy.
    """
    limit = memory_limit(max_memory)
    wanted = _Wanted(dx, dy, limit, orientation, linear=linear, tied=tied)
    path = adapter_path(path)
    file = read_tensors(path, limit)
    place = None if path == STANDARD_INPUT else path
    if is_adapter(file, place):
        chosen, note = read_adapter(file, place, (dx, dy), layers, adapter)
        return _assembled(replace(file, notes=(*file.notes, note)), chosen, replace(wanted, fixed=True), file.name)
    for option, given in (adapter or _FROM_FILE)._asdict().items():
        if given is not None:
            raise fault("no-adapter", file.name, option=option)
    chosen = choose_layers(file, layers) if layers else all_layers(file)
    patterns = any(character in word for word in layers or () for character in "*?[")
    fixed = file.sequence is not None or (bool(layers) and not patterns)
    left = unused(file, chosen)
    if left:
        file = replace(
            file, notes=(*file.notes, f"{file.name}: not used, as --layers leaves it out: {', '.join(left)}")
        )
    return _assembled(file, chosen, replace(wanted, fixed=fixed), file.name)


def as_checkpoint(
    weights: Network,
    dx: int,
    dy: int,
    *,
    biases: Sequence[ArrayLike | None] | None = None,
    layers: Sequence[str] | None = None,
    orientation: Orientation | None = None,
    linear: bool = True,
    tied: bool = False,
) -> Checkpoint:
    """Validate the weights of a network, in whatever form a program holds them.

    Parameters
    ----------
    weights : sequence of array_like, mapping of str to array_like, path, model, or Checkpoint
        Weight matrices of shape (outputs, inputs), first layer first; or a state dict, which is understood as one in
        a file is, biases included. A vector behind a matrix in the sequence is its bias, and then tells its outputs.
        A path is that of a file; a model one that `model_of` knows. A checkpoint is taken as it is.
    dx, dy : int
        Inputs and outputs they must chain between.
    biases : sequence of array_like or None, optional
        One for each layer of a sequence of weights.
    layers : sequence of str, optional
        Of a state dict or a file: the weights to use, first layer first.
    orientation : {"out-in", "in-out"}, optional
        Axes of the weights; told from shapes and names by default, and (out, in) in a sequence.
    linear : bool
        Whether nothing lies between the layers; else what lies there is not noted as taken for the identity.
    tied : bool
        Whether one matrix alone is the encoder of a tied autoencoder, which leads from dx to any width.

    Returns
    -------
    Checkpoint

    Raises
    ------
    InputError
    """
    if isinstance(weights, Checkpoint):
        if biases is not None:
            raise fault("biases-twice")
        dy = len(weights.weights[0]) if tied and len(weights.weights) == 1 else dy
        if (weights.weights[0].shape[1], weights.weights[-1].shape[0]) != (dx, dy):
            shapes = ", ".join(f"{layer.name} {layer.shape}" for layer in weights.layers)
            remedy = "give the data that this network was trained on"
            raise fault("no-chain", weights.name, dx=dx, dy=dy, shapes=shapes, remedy=remedy)
        return weights
    if isinstance(weights, str | PathLike):
        path = Path(weights)
        return read_checkpoint(path, dx, dy, layers=layers, orientation=orientation, linear=linear, tied=tied)
    model = model_of(weights, linear=linear)
    if model is not None and model.arrays is None:
        weights, biases = model.weights, model.biases
    elif model is not None:
        weights = model.arrays or {}
    wanted = _Wanted(dx, dy, memory_limit(None), orientation, linear=linear, tied=tied)
    if isinstance(weights, Mapping):
        if biases is not None:
            raise fault("biases-twice")
        return _of_state_dict(weights, layers, wanted)
    return _of_sequence(_listed(weights), biases, replace(wanted, fixed=True))


def _listed(weights: Any) -> Sequence[ArrayLike]:
    """Return weights in a row, which a generator such as PyTorch's `parameters()` gives once."""
    if isinstance(weights, bytes) or not hasattr(weights, "__iter__"):
        raise fault("no-network", kind=type(weights).__name__)
    return weights if isinstance(weights, Sequence) or hasattr(weights, "__getitem__") else list(weights)


def _of_state_dict(values: Mapping[str, Any], layers: Sequence[str] | None, wanted: _Wanted) -> Checkpoint:
    named, notes = state_dict(values, _ARRAYS)
    file = TensorFile(_ARRAYS, tuple(as_tensor(name, array) for name, array in named), notes, options=False)
    if is_adapter(file):
        raise fault("adapter-in-python")
    chosen = choose_layers(file, layers) if layers else all_layers(file)
    found = _assembled(file, chosen, replace(wanted, fixed=bool(layers)), file.name)
    return replace(found, tensors=any(type(value).__module__.split(".")[0] == "torch" for _, value in named))


def _of_sequence(
    weights: Sequence[ArrayLike], biases: Sequence[ArrayLike | None] | None, wanted: _Wanted
) -> Checkpoint:
    if biases is None and any(_is_vector(array) for array in weights[1:]):
        return _interleaved(weights, wanted)
    given = [None] * len(weights) if biases is None else list(biases)
    if len(given) != len(weights):
        raise fault("bias-count", biases=len(given), weights=len(weights))
    chosen = [
        Layer(as_tensor(f"W{i}", weight), None if bias is None else as_tensor(f"b{i}", bias), None)
        for i, (weight, bias) in enumerate(zip(weights, given, strict=True), 1)
    ]
    if not chosen:
        raise fault("no-weights")
    file = TensorFile(_ARRAYS, (), options=False)
    return _assembled(file, chosen, replace(wanted, orientation=wanted.orientation or "out-in"), None)


def _is_vector(array: ArrayLike) -> bool:
    if isinstance(array, list | tuple):
        return bool(array) and not isinstance(array[0], list | tuple | np.ndarray)
    return len(getattr(array, "shape", ())) == 1


def _interleaved(arrays: Sequence[ArrayLike], wanted: _Wanted) -> Checkpoint:
    """Take matrices with their biases between them, as Keras's get_weights and PyTorch's parameters give them."""
    layers: list[Layer] = []
    for array in arrays:
        tensor = as_tensor(f"W{len(layers) + 1}", array)
        if len(tensor.shape) != 1:
            layers.append(Layer(tensor, None, None))
        elif layers and layers[-1].bias is None and tensor.shape[0] in layers[-1].weight.shape:
            layers[-1] = replace(layers[-1], bias=replace(tensor, name=f"b{len(layers)}"), placed=True)
        else:
            kind = f"has shape {tensor.shape} and is no bias of the matrix before it"
            remedy = "give the weight matrices as a list and their vectors as biases=[...]"
            raise fault("not-linear", name=tensor.name, kind=kind, remedy=remedy)
    return _assembled(TensorFile(_ARRAYS, (), named=False, options=False), layers, wanted, _ARRAYS)


def _assembled(file: TensorFile, chosen: Sequence[Layer], wanted: _Wanted, where: str | None) -> Checkpoint:
    """Order, orient and read the chosen layers; `where` is None for a sequence, whose axes are agreed."""
    if len(chosen) > _MOST_LAYERS:
        raise fault("too-deep", where, count=len(chosen), most=_MOST_LAYERS)
    require_memory(f"the analysis of {len(chosen)} layers", _BYTES_A_PAIR * len(chosen) ** 2, wanted.limit, where)
    shapes = [stored_shape(layer, wanted.dy, where) for layer in chosen]
    if wanted.tied and len(chosen) == 1:
        wanted = _of_encoder(chosen[0].weight.name, shapes[0], wanted, file.name)
    links = Links(
        names=[layer.weight.name for layer in chosen],
        shapes=shapes,
        dx=wanted.dx,
        dy=wanted.dy,
        biases=[_length(layer.bias) for layer in chosen],
        tells={layer.role.orientation for layer in chosen if layer.role and layer.role.orientation},
        asked=wanted.orientation,
        fixed=wanted.fixed,
        where=where,
        options=file.options,
        named=file.named,
        titles=[layer.weight.title or layer.weight.name for layer in chosen],
        counted=file.counted,
    )
    chain = arrange(links)
    chosen = [chosen[i] for i in chain.order]
    notes = [*file.notes]
    if where is not None:
        notes += [f"{where}: {note}" for note in (*chain.notes, *_assumed(file, chosen, wanted))]
    weights = [load_matrix(layer.weight, file.name, wanted.limit, notes) for layer in chosen]
    weights = [weight.reshape(shapes[i]) for weight, i in zip(weights, chain.order, strict=True)]
    if chain.orientation == "in-out":
        weights = [np.ascontiguousarray(weight.T) for weight in weights]
    if not wanted.tied:
        notes += [f"{file.name}: {note}" for note in _tied([layer.weight.name for layer in chosen], weights)]
    pairs = zip(chosen, weights, strict=True)
    biases = tuple(_bias(layer.bias, weight.shape[0], file.name, wanted.limit, notes) for layer, weight in pairs)
    return Checkpoint(
        name=file.name,
        layer_names=tuple(layer.weight.name for layer in chosen),
        weights=tuple(weights),
        biases=biases,
        dtypes=tuple(layer.weight.dtype for layer in chosen),
        notes=tuple(notes),
        bias_names=tuple(layer.bias.name if layer.bias else None for layer in chosen),
        orientation=chain.orientation,
    )


def _of_encoder(name: str, shape: tuple[int, int], wanted: _Wanted, where: str) -> _Wanted:
    """Let one matrix alone lead from the inputs to as many hidden units as its other axis has."""
    if wanted.dx not in shape:
        raise fault("tied-shape", where, name=name, shape="x".join(map(str, shape)), dx=wanted.dx)
    return replace(wanted, dy=shape[0] if shape[1] == wanted.dx else shape[1], fixed=True)


def _assumed(file: TensorFile, layers: Sequence[Layer], wanted: _Wanted) -> Iterator[str]:
    """Say what was assumed of the layers beside their order and orientation."""
    placed = [(layer.bias.name, layer.weight.name) for layer in layers if layer.placed and layer.bias]
    if placed:
        biases, weights = (", ".join(names) for names in zip(*placed, strict=True))
        yield f"{biases} taken as bias of {weights}: each vector follows a matrix of as many outputs"
    between = gaps([layer.weight.name for layer in layers], [tensor.name for tensor in file.tensors])
    if between and wanted.linear:
        pairs = ", ".join(" and ".join(pair) for pair in between)
        yield (
            f"between {pairs} lies a module without weights, taken as the identity; a network with a ReLU there is for"
            " 'lossurf relu'"
        )


def _tied(names: Sequence[str], weights: Sequence[Matrix]) -> Iterator[str]:
    """Say which layers are each other's transpose: theorems and verdicts are about weights that are free."""
    for i in range(len(weights) // 2):
        first, last = weights[i], weights[-1 - i]
        if first.shape == last.shape[::-1] and np.array_equal(first, last.T) and not np.array_equal(first, last):
            yield f"{names[-1 - i]} is the transpose of {names[i]}; tied or not, both are judged as free"


def _length(bias: Tensor | None) -> int | None:
    return None if bias is None or bias.error is not None or is_matrix(bias) else math.prod(bias.shape)


def require_output_bias(checkpoint: Checkpoint) -> None:
    """Refuse inner biases without one on the output layer: that loss has no exact reduction to a bias-free one.

    Raises
    ------
    InputError
        Naming the layers that have a bias.
    """
    if checkpoint.has_bias:
        return
    inner = [name for name, bias in zip(checkpoint.layer_names, checkpoint.biases, strict=True) if bias is not None]
    if inner:
        verb = "has" if len(inner) == 1 else "have"
        last = checkpoint.layer_names[-1]
        raise fault("inner-bias", checkpoint.name, names=listing(inner), verb=verb, last=last)


def _bias(bias: Tensor | None, width: int, file: str, limit: int, notes: list[str]) -> Matrix | None:
    if bias is None:
        return None
    if bias.error is not None:
        raise bias.error
    vector = len([size for size in bias.shape if size != 1]) <= 1  # (width,), (1, width), (width, 1)
    if not vector or math.prod(bias.shape) != width:
        raise fault("bias-shape", file, name=bias.name, shape=bias.shape, width=width)
    return load_matrix(bias, file, limit, notes).reshape(width)
