"""Adjustments as a user asks for them: read, validated, and fitted to the data that they are about."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lossurf.adjustments import Adjustments
from lossurf.errors import UsageError
from lossurf.inputs.faults import fault
from lossurf.inputs.tables.dataset import Dataset
from lossurf.inputs.tables.weighting import (
    Given,
    names_column,
    numbers_of,
    output_weights_of,
    require_output_weights,
    require_weights,
    weights_of_inputs,
)
from lossurf.numerics import Matrix

if TYPE_CHECKING:
    from lossurf.inputs.checkpoints.base import BaseArrays

BaseGiven = str | PathLike[str] | ArrayLike


def without_weights(
    dataset: Dataset, given: Given | None, max_memory: int | str | None = None
) -> tuple[Dataset, tuple[str, Matrix] | None]:
    """Return the data without the column of weights that is named, and the weights with their name."""
    if given is None:
        return dataset, None
    if names_column(given):
        dataset, weights = weights_of_inputs(dataset, given)
        return dataset, (f"column {given}", require_weights(weights, dataset.x))
    name, weights = numbers_of(given, max_memory=max_memory)
    return dataset, (name, require_weights(weights, name))


class WantedAdjustments(NamedTuple):
    """The adjustments as they were asked for; `weights` are read already."""

    weights: tuple[str, Matrix] | None
    output_weights: Given | None
    base: BaseGiven | None
    base_layer: str | None
    residual: bool
    ridge: float | None

    def on(self, dataset: Dataset, penalised: int, max_memory: int | str | None) -> Adjustments:
        """Return them for some data, of whose inputs the first `penalised` are in the ridge."""
        found = Adjustments(
            samples=self.weights,
            outputs=self._outputs(dataset.dy, max_memory),
            residual=self.residual,
            ridge=self._ridge(),
            penalised=penalised,
        )
        found = self._with_base(found, dataset, max_memory)
        found.require_samples(dataset)
        return found

    def _outputs(self, dy: int, max_memory: int | str | None) -> Matrix | None:
        if self.output_weights is None:
            return None
        name, weights = output_weights_of(self.output_weights, max_memory=max_memory)
        return require_output_weights(weights, name, dy)

    def _ridge(self) -> float | None:
        if self.ridge is not None and not 0.0 < self.ridge < float("inf"):
            raise UsageError(
                f"the ridge {self.ridge:g} is not a positive number",
                where="--ridge",
                remedy="give the factor of 1/2 ||P||^2, or leave it out",
            )
        if self.ridge is not None and self.output_weights is not None:
            raise UsageError(
                "a ridge with weights of outputs is no ridge on the rows that are seen",
                where="--ridge",
                remedy="leave out --ridge or --output-weights",
            )
        return None if self.ridge is None else float(self.ridge)

    def _with_base(self, found: Adjustments, dataset: Dataset, max_memory: int | str | None) -> Adjustments:
        if self.residual:
            if self.base is not None:
                raise UsageError("--base and --residual are two bases", where="--residual", remedy="leave out one")
            if dataset.dx != dataset.dy:
                raise fault("residual-shape", dataset.x, dx=dataset.dx, dy=dataset.dy)
            return replace(found, weight=np.eye(dataset.dx))
        if self.base is not None:
            return _fitted(found, self._read(self.base, max_memory), dataset)
        if self.base_layer is not None:
            raise UsageError("--base-layer goes with --base", where="--base-layer", remedy="add --base FILE")
        return found

    def _read(self, base: BaseGiven, max_memory: int | str | None) -> BaseArrays:
        from lossurf.inputs.checkpoints.base import base_array, read_base

        if isinstance(base, str | PathLike):
            return read_base(Path(base), self.base_layer, max_memory=max_memory)
        return base_array(base)


def _fitted(found: Adjustments, base: BaseArrays, dataset: Dataset) -> Adjustments:
    """Take a base as a weight or as predictions, by its shape."""
    dx, dy, notes = dataset.dx, dataset.dy, base.notes
    if base.matrix.shape == (dy, dx):
        if base.bias is not None and len(base.bias) != dy:
            raise fault("base-bias", base.name, found=len(base.bias), dy=dy)
        if dataset.samples == dx == dy:
            notes = (*notes, f"{base.name}: taken as a weight, not as predictions; its shape {dy} x {dx} fits both")
        return replace(found, base=base.name, weight=base.matrix, bias=base.bias, notes=notes)
    if base.matrix.shape[1] != dy or base.bias is not None:
        raise fault("base-shape", base.name, shape=base.matrix.shape, dx=dx, dy=dy)
    return replace(found, base=base.name, predictions=base.matrix, notes=notes)
