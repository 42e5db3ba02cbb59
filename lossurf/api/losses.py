"""`--loss`: data and networks under a convex loss other than the squared one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from lossurf.api.classifying import classify_problem
from lossurf.api.reducing import reduced
from lossurf.inputs.checkpoints.checkpoint import as_checkpoint, require_output_bias
from lossurf.inputs.tables.data import Samples, as_dataset
from lossurf.inputs.tables.dataset import Dataset
from lossurf.landscape.verdict import Classification
from lossurf.losses.classify import LossStudy, study_loss
from lossurf.losses.convex import GAP
from lossurf.losses.functions import Huber, Loss, make_loss
from lossurf.losses.labels import expand_labels
from lossurf.numerics import Matrix
from lossurf.words import Attained, Status


@dataclass(frozen=True)
class LossFacts:
    """What data allow under a convex loss.

    Attributes
    ----------
    name : str
    delta : float or None
        Huber's, in units of Y.
    classes : tuple of int or None
        Labels that the outputs stand for, where Y was one column of them.
    loss_at_zero : float
        Of the map that is zero everywhere.
    optimal_loss, lower_bound : float
        The least loss found over all linear maps (0 where classes are split), and its dual bound.
    relative_gap : float
        Their difference as a share of `loss_at_zero`.
    attained : Attained
    margins, separable : int, int or None
        How many margins there are, and how many one direction makes positive with none negative.
    bottleneck : bool or None
        Whether a layer is narrower than min(dx, dy); None without widths.
    status : Status
        `holds` where every local minimum is global and the least loss is attained and known to eight digits.
    reason : str
    """

    name: str
    delta: float | None
    classes: tuple[int, ...] | None
    loss_at_zero: float
    optimal_loss: float
    lower_bound: float
    relative_gap: float
    attained: Attained
    margins: int
    separable: int | None
    bottleneck: bool | None
    status: Status
    reason: str


@dataclass(frozen=True)
class LossData:
    """Samples and targets under a loss.

    Attributes
    ----------
    loss : Loss
    dataset : Dataset
        With Y as the loss takes it.
    X, Y : ndarray, shapes (m, dx), (m, dy)
    classes : tuple of int or None
    """

    loss: Loss
    dataset: Dataset
    X: Matrix
    Y: Matrix
    classes: tuple[int, ...] | None
    _studies: dict[bool, LossStudy] = field(default_factory=dict, repr=False)

    def study(self, *, bias: bool) -> LossStudy:
        """Return the convex problem's solution, with or without an output bias; each is found once."""
        if bias not in self._studies:
            self._studies[bias] = study_loss(self.loss, self.X, self.Y, bias=bias)
        return self._studies[bias]


def loss_data(name: str, delta: float | None, dataset: Dataset, X: Matrix, Y: Matrix) -> LossData:
    """Prepare data for a loss; integer labels become columns.

    Raises
    ------
    UsageError
        If the loss is unknown or has no delta.
    InputError
        If the targets are no labels.
    """
    loss = make_loss(name, delta)
    targets = expand_labels(loss, Y)
    prepared = replace(
        as_dataset(X, targets.Y), x=dataset.x, y=dataset.y, dtype=dataset.dtype, data_eps=dataset.data_eps
    )
    return LossData(loss, prepared, X, targets.Y, targets.classes)


def loss_facts(data: LossData, widths: Sequence[int] | None = None, *, bias: bool = False) -> LossFacts:
    """Say what the data allow under the loss, and whether the theory speaks for networks of these widths."""
    study = data.study(bias=bias)
    bottleneck = None if widths is None else min(widths) < min(widths[0], widths[-1])
    relative_gap = 0.0 if study.attainment.vanishes else study.minimum.relative_gap
    status, reason = _status(study, relative_gap, bottleneck)
    return LossFacts(
        name=data.loss.name,
        delta=data.loss.delta if isinstance(data.loss, Huber) else None,
        classes=data.classes,
        loss_at_zero=study.minimum.zero_loss,
        optimal_loss=study.optimal_loss,
        lower_bound=study.lower_bound,
        relative_gap=relative_gap,
        attained=study.attainment.attained,
        margins=study.attainment.margins,
        separable=study.attainment.separable,
        bottleneck=bottleneck,
        status=status,
        reason=reason,
    )


def _status(study: LossStudy, relative_gap: float, bottleneck: bool | None) -> tuple[Status, str]:
    if study.attainment.attained is Attained.NO:
        part = "all" if study.attainment.vanishes else f"{study.attainment.separable} of {study.attainment.margins}"
        return (
            Status.FAILS,
            f"no weights have the least loss: one direction splits {part} margins, and weights grow for ever",
        )
    if bottleneck:
        return Status.FAILS, "a layer is narrower than min(dx, dy): local minima can be spurious under this loss"
    if study.attainment.attained is Attained.UNDECIDED:
        return Status.UNDECIDED, "the linear program could not decide whether any weights have the least loss"
    if relative_gap > GAP:
        return Status.UNDECIDED, f"the least loss is known only to a share of {relative_gap:.3g} of the loss at zero"
    widths = "where no layer is" if bottleneck is None else "because no layer is"
    return Status.HOLDS, f"every local minimum is global, {widths} narrower than min(dx, dy), and one is attained"


def classify_loss(
    weights: Sequence[ArrayLike] | Mapping[str, ArrayLike],
    X: ArrayLike,
    Y: ArrayLike,
    loss: str,
    *,
    delta: float | None = None,
    biases: Sequence[ArrayLike | None] | None = None,
    tolerance: float | None = None,
    samples: Samples = "rows",
) -> Classification:
    """Decide what kind of point of a convex loss a linear network is at.

    Parameters
    ----------
    weights : sequence of array_like
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}): each (outputs, inputs), first layer first.
    X : array_like, shape (m, dx)
    Y : array_like, shape (m, dy) or (m,)
        Targets; for "softmax" and "logistic" one-hot columns, shares, or one column of integer labels.
    loss : str
        "huber", "logcosh", "logistic" or "softmax", summed over samples.
    delta : float, optional
        Where Huber's loss becomes linear, in units of Y; 1 by default.
    biases : sequence of array_like or None, optional
        One for each layer, None where it has none.
    tolerance : float, optional
        tau, the relative change of every layer that decides what counts as zero.
    samples : {"rows", "columns"}
        Which axis of X and Y counts samples.

    Returns
    -------
    Classification

    Raises
    ------
    InputError
        If arrays are not finite real numbers, targets do not suit the loss, or the layers do not chain.
    UsageError
        If the loss is unknown or the tolerance is not between 0 and 1.
    """
    given = as_dataset(X, Y, samples=samples)
    blocks = [(x.copy(), y.copy()) for x, y in given.blocks()]
    data = loss_data(loss, delta, given, *(np.vstack([block[side] for block in blocks]) for side in (0, 1)))
    checkpoint = as_checkpoint(weights, data.dataset.dx, data.dataset.dy, biases=biases)
    require_output_bias(checkpoint)
    problem, study = reduced(data.dataset, bias=checkpoint.has_bias), data.study(bias=checkpoint.has_bias)
    return classify_problem(checkpoint, problem, tolerance=tolerance, other_loss=study)
