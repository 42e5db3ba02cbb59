"""A trained network: what every question takes. It can be written again as it was stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from lossurf.fields import Size
from lossurf.inputs.checkpoints.roles import Orientation
from lossurf.inputs.checkpoints.stored import checkpoint_bytes, tensors_of
from lossurf.inputs.faults import fault, listing
from lossurf.numerics import Matrix
from lossurf.output.files import write_file

UNNAMED: Final = "weights"
"""Name of a network that came as arrays."""


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
        name: str = UNNAMED,
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
