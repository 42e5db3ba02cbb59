"""What the loss is beside 1/2 ||P X - Y||^2, where it is that of other data exactly: weights, a base, ridge.

Weighted samples are rows times sqrt(w), weighted outputs are columns of Y times sqrt(v) with a last layer that is read
as diag(sqrt v) W_N, a frozen base is subtracted from Y, and ridge on the product is rows sqrt(ridge) e_j with Y = 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import numpy as np

from lossurf.errors import UsageError
from lossurf.fields import limited
from lossurf.inputs.faults import fault
from lossurf.inputs.tables.dataset import Dataset
from lossurf.numerics import Matrix, column_norms
from lossurf.reduction import changes
from lossurf.reduction.data import reduce_data
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.triangle import Triangle

if TYPE_CHECKING:
    from lossurf.inputs.checkpoints.checkpoint import Checkpoint

Rows = Iterator[tuple[Matrix, Matrix, Matrix]]

KINDS: Final = ("sample_weights", "output_weights", "base", "residual", "ridge")
"""What data can be changed by: names of arguments, and of the fields of `Adjusted` that are true where it is there."""


def option(name: str) -> str:
    """Return the option of the command line that an argument is given by."""
    return f"--{name.replace('_', '-')}"


@dataclass(frozen=True)
class Adjusted:
    """What the data were changed by, so that the loss is the one that was trained on.

    Attributes
    ----------
    sample_weights : str or None
        Where the weights w of the samples come from; their rows are multiplied by sqrt(w).
    total_weight : float or None
        Sum of w.
    output_weights : tuple of float, or None
        v, one for each output: the last layer is read as diag(sqrt v) W_N, and so is its bias.
    base : str or None
        Where the weight matrix, or the predictions, come from that were subtracted from Y.
    residual : bool
        Whether X itself was subtracted from Y, as for a network with a skip connection.
    ridge : float or None
        The loss has 1/2 ridge ||P||_F^2 beside, P the product of the layers without a column of ones that was added.
    """

    sample_weights: str | None
    total_weight: Annotated[float, limited(exclusiveMinimum=0)] | None
    output_weights: tuple[Annotated[float, limited(exclusiveMinimum=0)], ...] | None
    base: str | None
    residual: bool
    ridge: Annotated[float, limited(exclusiveMinimum=0)] | None


@dataclass(frozen=True, eq=False)
class Adjustments:
    """The changes of some data, validated.

    Attributes
    ----------
    samples : (str, ndarray of shape (m,)) or None
        Name and weights.
    outputs : ndarray, shape (dy,), or None
        Weights.
    base : str or None
        Name of the base.
    weight : ndarray, shape (dy, dx), or None
        Of the base.
    bias : ndarray, shape (dy,), or None
        Of the base.
    predictions : ndarray, shape (m, dy), or None
        Of the base.
    residual : bool
        Whether the base is the identity.
    ridge : float or None
    penalised : int
        The first columns of X, which the ridge is about.
    notes : tuple of str
        What was assumed in reading the base.
    """

    samples: tuple[str, Matrix] | None = None
    outputs: Matrix | None = None
    base: str | None = None
    weight: Matrix | None = None
    bias: Matrix | None = None
    predictions: Matrix | None = None
    residual: bool = False
    ridge: float | None = None
    penalised: int = 0
    notes: tuple[str, ...] = ()

    @property
    def facts(self) -> Adjusted | None:
        """What documents say of them; None where there are none."""
        if not (self.samples or self.outputs is not None or self.base or self.residual or self.ridge is not None):
            return None
        return Adjusted(
            sample_weights=None if self.samples is None else self.samples[0],
            total_weight=None if self.samples is None else float(np.sum(self.samples[1])),
            output_weights=None if self.outputs is None else tuple(map(float, self.outputs)),
            base=self.base,
            residual=self.residual,
            ridge=self.ridge,
        )

    @property
    def options(self) -> str:
        """The options that asked for them, for messages."""
        return ", ".join(option(name) for name in KINDS if getattr(self.facts, name, None))

    @property
    def of_residuals(self) -> bool:
        """Whether they only change what is subtracted from Y, which any loss of the residuals allows."""
        return self.samples is None and self.outputs is None and self.ridge is None

    def require_samples(self, dataset: Dataset) -> None:
        """Refuse a vector of the samples that does not fit what is known of the data before reading.

        Raises
        ------
        InputError
        """
        if dataset.samples is not None:
            self._require_count(dataset.samples)

    def _require_count(self, count: int) -> None:
        if self.samples is not None and len(self.samples[1]) != count:
            raise fault("weights-count", self.samples[0], found=len(self.samples[1]), samples=count)
        if self.predictions is not None and len(self.predictions) != count:
            raise fault("base-count", self.base, found=len(self.predictions), samples=count)

    def reduce(
        self, dataset: Dataset, *, threads: int | None = None, progress: Callable[[int], None] | None = None
    ) -> Triangle:
        """Reduce data to the triangle of what they become.

        Raises
        ------
        InputError
            If they cannot be read, or are a summary and samples are needed.
        """
        triangle = self._read(dataset, threads, progress)
        if self.predictions is not None:
            triangle = changes.without_predictions(triangle, dataset.dy)
        if self.weight is not None:
            triangle = changes.without_outputs(triangle, self.weight, self.bias)
        if self.outputs is not None:
            triangle = changes.with_outputs_scaled(triangle, np.sqrt(self.outputs))
        if self.ridge is not None:
            triangle = changes.with_ridge(triangle, float(np.sqrt(self.ridge)), self.penalised)
        return triangle

    def _read(self, dataset: Dataset, threads: int | None, progress: Callable[[int], None] | None) -> Triangle:
        if self.samples is None and self.predictions is None:
            return reduce_data(dataset, threads=threads, progress=progress)

        def blocks() -> Iterator[tuple[Matrix, Matrix]]:
            start = 0
            for X, Y in dataset.blocks():
                start += len(X)
                if start > len(self._of_samples):  # counted to the end, for the message
                    continue
                B = self.predictions
                yield X, Y if B is None else np.hstack([Y, B[start - len(X) : start]])
            self._require_count(start)

        dy = dataset.dy if self.predictions is None else 2 * dataset.dy
        reduced = (
            partial(reduce_blocks, blocks())
            if self.samples is None
            else partial(changes.reduce_weighted, blocks, np.sqrt(self.samples[1]))
        )
        return reduced(
            dataset.dx, dy, dtype=dataset.dtype, data_eps=dataset.data_eps, threads=threads, progress=progress
        )

    @property
    def _of_samples(self) -> Matrix:
        """What there is one of for each sample."""
        if self.samples is not None:
            return self.samples[1]
        assert self.predictions is not None
        return self.predictions

    def rows(self, dataset: Dataset) -> Rows:
        """Yield rows (ones, X, Y) of what the data become, without the triangle: for who checks what came from it."""
        start, outputs = 0, 1.0 if self.outputs is None else np.sqrt(self.outputs)
        if self.samples is not None or self.predictions is not None:
            self.require_samples(dataset)
        for block_x, block_y in dataset.blocks():
            stop = start + len(block_x)
            if self.samples is not None or self.predictions is not None:
                stop = min(stop, len(self._of_samples))
            X, Y = block_x[: stop - start], block_y[: stop - start]
            ones = np.ones(len(X)) if self.samples is None else np.sqrt(self.samples[1][start:stop])
            yield ones, ones[:, None] * X, ones[:, None] * (self._left(X, Y, start) * outputs)
            start = stop
        if self.ridge is not None:
            penalty = np.sqrt(self.ridge) * np.eye(self.penalised, dataset.dx)
            yield np.zeros(self.penalised), penalty, np.zeros((self.penalised, dataset.dy))

    def left(self, X: Matrix, Y: Matrix) -> Matrix:
        """Return what the base leaves of all samples, (m, dy)."""
        if self.predictions is not None:
            self._require_count(len(X))
        return self._left(X, Y, 0)

    def taken(self, norms: Matrix) -> Matrix:
        """Bound the norms of what the base takes from the columns of Y, (dy,), by those of [1 X], (1 + dx,)."""
        found = np.zeros(1)
        if self.predictions is not None:
            roots = 1.0 if self.samples is None else np.sqrt(self.samples[1])[:, None]
            found = column_norms(roots * self.predictions)
        if self.weight is not None:
            found = np.abs(self.weight) @ norms[1:]
        if self.bias is not None:
            found = found + norms[0] * np.abs(self.bias)
        return np.asarray(found if self.outputs is None else found * np.sqrt(self.outputs))

    def _left(self, X: Matrix, Y: Matrix, start: int) -> Matrix:
        if self.predictions is not None:
            Y = Y - self.predictions[start : start + len(Y)]
        if self.weight is not None:
            Y = Y - X @ self.weight.T
        return Y if self.bias is None else Y - self.bias

    def seen(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return a network as the loss sees it: its last layer and output bias times sqrt(v)."""
        if self.outputs is None:
            return checkpoint
        root = np.sqrt(self.outputs)
        bias = checkpoint.biases[-1]
        return replace(
            checkpoint,
            weights=(*checkpoint.weights[:-1], root[:, None] * checkpoint.weights[-1]),
            biases=(*checkpoint.biases[:-1], None if bias is None else root * bias),
            notes=(
                *checkpoint.notes,
                f"{checkpoint.name}: its last layer W is read as diag(sqrt v) W, v the weights of the outputs",
            ),
        )

    def refuse_outputs(self, what: str, remedy: str = "leave out --output-weights") -> None:
        """Refuse weights of outputs where the last layer must be what is stored.

        Raises
        ------
        UsageError
        """
        if self.outputs is not None:
            raise UsageError(f"{what} with weights of outputs", where="--output-weights", remedy=remedy)
