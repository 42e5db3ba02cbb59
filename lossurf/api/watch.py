"""`watch`: a training run followed from its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Annotated, ClassVar

from lossurf.api.classify import Judge
from lossurf.api.parts.result import Result
from lossurf.api.parts.unreadable import REFUSED, Unreadable
from lossurf.data import Data, DataFacts
from lossurf.errors import InputError, UsageError
from lossurf.fields import Count, Magnitude, limited
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.checkpoints.files import CheckpointFiles, Files
from lossurf.landscape.balance import Balance
from lossurf.landscape.views.trajectory import Follower, Level, Visit, levels, plateaus
from lossurf.regularised.verdict import WeightDecay
from lossurf.words import Reduction, Verdict

__all__ = ["DOCUMENT", "Edge", "Following", "NamedPlateau", "Run", "Step", "WatchResult", "watch"]


@dataclass(frozen=True)
class Step(Visit):
    """One checkpoint of a run: what `classify` says of it, where it rests, and how far its balance has drifted.

    Attributes
    ----------
    drift : tuple of float or None
        At every hidden layer, the norm of what its balance has changed by since the first checkpoint of the run, which
        gradient flow would leave at 0; None where it leaves the range of float64.
    """

    drift: tuple[float | None, ...]


@dataclass(frozen=True)
class Edge:
    """What the largest eigenvalue must stay below for gradient descent of one step to be stable (Cohen et al. 2021).

    Attributes
    ----------
    step : float
        Of gradient descent.
    reduction : Reduction
        What the loss that is stepped on sums: 1/2 ||.||^2, ||.||^2, or ||.||^2 / (m dy).
    curvature : float
        2 / step in units of the loss 1/2 ||.||^2, as every curvature here is.
    """

    step: Magnitude
    reduction: Reduction
    curvature: Magnitude


@dataclass(frozen=True)
class NamedPlateau:
    """A stretch of two or more checkpoints in a row on one level.

    Attributes
    ----------
    rank : int
        The k of L_k.
    loss : float
        L_k.
    first, last : str
        The checkpoints it begins and ends with.
    checkpoints : int
        How many it holds.
    """

    rank: Count
    loss: Magnitude
    first: str
    last: str
    checkpoints: Annotated[int, limited(minimum=2)]


@dataclass(frozen=True)
class WatchResult(Result):
    """A training run.

    Attributes
    ----------
    data : DataFacts
    levels : tuple of Level
        What the run can wait on, descending; with weight decay the least losses of every rank that were found.
    results : tuple of Visit or Unreadable
        One a checkpoint, in the order they came.
    plateaus : tuple of NamedPlateau
    figure : Path or None
        The picture that was drawn.
    edge : Edge or None
        The edge of stability; None where no step was said.
    weight_decay : WeightDecay or None
        None without; losses, levels and verdicts are otherwise those of the regularised loss.
    expected : tuple of str or None
        The verdicts asked for.
    ok : bool
        Whether all were read and the last verdict is among them (True where nothing was asked).
    notes : tuple of str
        What was assumed in reading the data.
    """

    command: ClassVar[str] = "watch"

    data: DataFacts
    levels: Annotated[tuple[Level, ...], limited(minItems=1)]
    results: Annotated[tuple[Step | Unreadable, ...], limited(minItems=1)]
    plateaus: tuple[NamedPlateau, ...]
    figure: Path | None
    edge: Edge | None
    weight_decay: WeightDecay | None
    expected: tuple[Verdict, ...] | None
    ok: bool
    notes: tuple[str, ...] = ()

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """The checkpoints that were refused."""
        return tuple(result for result in self.results if isinstance(result, Unreadable))


def watch(
    files: Files,
    data: Data,
    *,
    tolerance: float | None = None,
    expect: Sequence[str] = (),
    curvature: bool | float = False,
    step: float | None = None,
    weight_decay: float | None = None,
    reduction: str = Reduction.MEAN,
) -> WatchResult:
    """Follow a training run from its checkpoints, in the order of their names.

    Parameters
    ----------
    files : path, pattern such as "run/*.npz", sequence of these, or CheckpointFiles
    data : Data
    tolerance : float, optional
        As in `classify`.
    expect : sequence of str
        Verdicts asked for; the result's `ok` says whether the last one is among them.
    curvature : bool or float
        As in `classify`, for every checkpoint.
    step : float, optional
        Of the run's gradient descent: the largest eigenvalue is put beside 2 / step.
    weight_decay : float, optional
        As in `classify`; not together with curvature.
    reduction : {"mean", "sum", "half-sum"}
        What the loss of that step, or of the optimizer with weight decay, makes of the squares.

    Returns
    -------
    WatchResult

    Raises
    ------
    InputError
        If no checkpoint could be read, with the reason of the first.
    UsageError
        As `classify`; also if the step is not positive, its reduction is unknown, or no curvature is asked for.

    Examples
    --------
    >>> import numpy as np, lossurf
    >>> X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]])
    >>> Y = X @ np.array([[1.0, 0.0], [2.0, 1.0]]) + np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [0.0, 0.0]])
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for step, scale in enumerate((0.0, 0.5, 1.0)):
    ...         np.savez(Path(folder) / f"step-{step}.npz", W1=scale * np.eye(2), W2=scale * np.eye(2))
    ...     run = lossurf.watch(f"{folder}/*.npz", lossurf.Data(X, Y))
    >>> print([str(step.classification.verdict) for step in run.results])
    ['strict-saddle', 'not-critical', 'not-critical']
    """
    chosen = CheckpointFiles.of(files)
    run = Run(
        chosen,
        data,
        tolerance=tolerance,
        curvature=curvature,
        step=step,
        weight_decay=weight_decay,
        reduction=reduction,
    )
    return run.result([run.step_or_refuse(path) for path in chosen.found()], expect=expect)


class Run:
    """The checkpoints of one run, read and classified one by one: the first decides the network and the levels."""

    def __init__(
        self,
        files: CheckpointFiles,
        data: Data,
        *,
        tolerance: float | None = None,
        curvature: bool | float = False,
        step: float | None = None,
        weight_decay: float | None = None,
        reduction: str = Reduction.MEAN,
    ) -> None:
        self._files = files
        self._judge = Judge(
            data, tolerance=tolerance, curvature=curvature, weight_decay=weight_decay, reduction=reduction
        )
        self.edge = None if step is None else _edge(step, reduction, data, curvature=curvature)
        self._following = Following(self._judge)

    def step(self, path: Path) -> Step:
        """Read and classify the next checkpoint.

        Raises
        ------
        InputError
            If it cannot be read, or is another network than the first.
        """
        data = self._judge.data
        checkpoint = self._files.read(path, data.dx, data.dy)
        return self._following.step(checkpoint)

    def step_or_refuse(self, path: Path) -> Step | Unreadable:
        """Read and classify the next checkpoint, or say why it cannot be."""
        try:
            return self.step(path)
        except REFUSED as error:
            return Unreadable.of(str(path), error)

    def result(
        self, found: Sequence[Step | Unreadable], *, expect: Sequence[str] = (), figure: Path | None = None
    ) -> WatchResult:
        """Gather a run that is over.

        Raises
        ------
        InputError
            If no checkpoint came, or none could be read.
        """
        refused = [step for step in found if isinstance(step, Unreadable)]
        following = self._following
        if following.first is None or len(refused) == len(found):
            if refused:
                raise refused[0].exception
            raise InputError("no checkpoint came", remedy="check the pattern, or allow a longer --timeout")
        steps = [step.classification for step in found if isinstance(step, Step)]
        return WatchResult(
            data=self._judge.data.facts(bias=following.first.has_bias),
            levels=following.levels,
            results=tuple(found),
            plateaus=tuple(
                NamedPlateau(
                    rank=plateau.rank,
                    loss=plateau.loss,
                    first=steps[plateau.first].checkpoint,
                    last=steps[plateau.last].checkpoint,
                    checkpoints=plateau.checkpoints,
                )
                for plateau in plateaus(following.visits, following.levels)
            ),
            figure=figure,
            edge=self.edge,
            weight_decay=self._judge.penalty,
            expected=tuple(map(Verdict, expect)) or None,
            ok=not refused and (not expect or str(steps[-1].verdict) in expect),
            notes=self._judge.data.notes,
        )


class Following:
    """One network followed through its checkpoints: the first decides the shapes, the levels and the balance."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._balance: Balance | None = None
        self._follower: Follower | None = None
        self.first: Checkpoint | None = None
        self.levels: tuple[Level, ...] = ()
        self.visits: list[Visit] = []

    def step(self, checkpoint: Checkpoint) -> Step:
        """Classify the next checkpoint.

        Raises
        ------
        InputError
            If it is another network than the first.
        """
        follower = self._begin(checkpoint)
        visit = follower.visit(self._judge(checkpoint))
        self.visits.append(visit)
        balance = Balance(checkpoint.weights, checkpoint.biases)
        if self._balance is None:
            self._balance = balance
        return Step(visit.classification, visit.on_level, visit.for_checkpoints, balance.drift(self._balance))

    def _begin(self, checkpoint: Checkpoint) -> Follower:
        if self.first is None or self._follower is None:
            self.first = checkpoint
            widths = [checkpoint.weights[0].shape[1], *(W.shape[0] for W in checkpoint.weights)]
            self.levels = self._levels(widths, bias=checkpoint.has_bias)
            self._follower = Follower(self.levels)
        shapes = [[W.shape for W in c.weights] for c in (self.first, checkpoint)]
        if shapes[0] != shapes[1] or self.first.has_bias != checkpoint.has_bias:
            raise InputError(
                f"its network differs from that of {self.first.name}, with which the run began",
                where=checkpoint.name,
                remedy="name the checkpoints of one run only",
            )
        return self._follower

    def _levels(self, widths: Sequence[int], *, bias: bool) -> tuple[Level, ...]:
        problem, penalty = self._judge.data.problem(bias=bias), self._judge.penalty
        if penalty is None:
            return levels(problem, min(widths))
        from lossurf.regularised.levels import levels_with_decay

        return levels_with_decay(problem, penalty.lambda_, widths)


def _edge(step: float, reduction: str, data: Data, *, curvature: bool | float) -> Edge:
    if curvature is False:
        raise UsageError("nothing is there to hold the step against", where="--step", remedy="add --curvature")
    if reduction not in tuple(Reduction):
        raise UsageError(
            f"'{reduction}' is no reduction", where="--reduction", remedy=f"use one of {', '.join(map(str, Reduction))}"
        )
    chosen = Reduction(reduction)
    limit = 2.0 * chosen.half_sum(data.facts(bias=False).samples, data.dy) / step if step > 0.0 else inf
    if not 0.0 < limit < inf:
        raise UsageError(
            f"the step {step:g} leaves 2 / step no positive number",
            where="--step",
            remedy="give the step of the run's gradient descent, such as 0.05",
        )
    return Edge(step, chosen, limit)


DOCUMENT = WatchResult
