"""Data under a convex loss: labels turned into targets, and the convex problem over all linear maps solved once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lossurf.data import Data, as_data
from lossurf.errors import UsageError
from lossurf.losses.convex import GAP
from lossurf.losses.facts import LossFacts
from lossurf.losses.functions import Huber, LogCosh, Loss, make_loss
from lossurf.losses.labels import expand_labels
from lossurf.losses.study import LossStudy, study_loss
from lossurf.words import Attained, Status


@dataclass(frozen=True)
class LossData:
    """Samples and targets under a loss.

    Attributes
    ----------
    loss : Loss
    data : Data
        With Y as the loss takes it: one column for each label where they were labels.
    classes : tuple of int or None
        The labels, where Y was one column of them.
    """

    loss: Loss
    data: Data
    classes: tuple[int, ...] | None

    def study(self, *, bias: bool) -> LossStudy:
        """Return the convex problem's solution, with or without an output bias; each is found once."""
        return self.data.once(("study", bias), lambda: study_loss(self.loss, *self.data.samples(), bias=bias))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the report must say of the targets."""
        if self.classes is None:
            return ()
        return (f"Y holds labels: the outputs stand for {', '.join(map(str, self.classes))}",)


def under_loss(data: Data, name: str, delta: float | None = None) -> LossData:
    """Prepare data for a loss; integer labels become columns. The data are read whole, once for every loss.

    Parameters
    ----------
    data : Data
    name : str
        One of `lossurf.words.CONVEX_LOSSES`.
    delta : float, optional
        Where Huber's loss becomes linear, in units of Y; 1 by default.

    Returns
    -------
    LossData

    Raises
    ------
    UsageError
        If the loss is unknown or has no delta.
    InputError
        If the targets are no labels, or so many samples would take more memory than allowed.
    """
    return data.once(("loss", name, delta), lambda: _prepared(data, make_loss(name, delta)))


def _prepared(data: Data, loss: Loss) -> LossData:
    if data.adjusted is not None and not isinstance(loss, Huber | LogCosh):
        raise UsageError(
            f"a base goes with losses of the residuals, and {loss.name} is none",
            where="--base",
            remedy="leave it out, or use --loss squared, huber or logcosh",
        )
    X, Y = data.samples()
    targets, given = expand_labels(loss, Y), data.dataset
    dataset = as_data(X, targets.Y).dataset
    described = replace(dataset, x=given.x, y=given.y, dtype=given.dtype, data_eps=given.data_eps)
    return LossData(loss, Data.of(described, max_memory=data.max_memory, adjusted=data.adjusted), targets.classes)


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
