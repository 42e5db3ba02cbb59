"""`watch`: a training run followed from its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from lossurf.api.classify import Judge
from lossurf.api.parts.result import Result
from lossurf.api.parts.unreadable import REFUSED, Unreadable
from lossurf.data import Data, DataFacts
from lossurf.errors import InputError
from lossurf.fields import Count, Magnitude, limited, merged
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.checkpoints.files import CheckpointFiles
from lossurf.landscape.verdict import Classification
from lossurf.landscape.views.trajectory import Follower, Level, Visit, levels, plateaus
from lossurf.words import Verdict


@dataclass(frozen=True)
class Step:
    """One checkpoint of a run: what `classify` says of it, and where it rests.

    Attributes
    ----------
    classification : Classification
    on_level : int or None
        The k of the level L_k it rests on; None between levels.
    for_checkpoints : int
        How many checkpoints in a row rest there, this one included; 0 between levels.
    """

    classification: Classification = field(
        metadata=merged(without=("layers", "certificate", "lemmas", "theorems", "expected", "ok"))
    )
    on_level: Count | None
    for_checkpoints: Count


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
        What the run can wait on, descending.
    results : tuple of Step or Unreadable
        One a checkpoint, in the order they came.
    plateaus : tuple of NamedPlateau
    figure : Path or None
        The picture that was drawn.
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
    expected: tuple[Verdict, ...] | None
    ok: bool
    notes: tuple[str, ...] = ()

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """The checkpoints that were refused."""
        return tuple(result for result in self.results if isinstance(result, Unreadable))


def watch(
    files: CheckpointFiles, data: Data, *, tolerance: float | None = None, expect: Sequence[str] = ()
) -> WatchResult:
    """Follow a training run from its checkpoints, in the order of their names.

    Parameters
    ----------
    files : CheckpointFiles
    data : Data
    tolerance : float, optional
        As in `classify`.
    expect : sequence of str
        Verdicts asked for; the result's `ok` says whether the last one is among them.

    Returns
    -------
    WatchResult

    Raises
    ------
    InputError
        If no checkpoint could be read, with the reason of the first.
    UsageError
        As `classify`.
    """
    run = Run(files, data, tolerance=tolerance)
    return run.result([run.step_or_refuse(path) for path in files.found()], expect=expect)


class Run:
    """The checkpoints of one run, read and classified one by one: the first decides the network and the levels."""

    def __init__(self, files: CheckpointFiles, data: Data, *, tolerance: float | None = None) -> None:
        self._files = files
        self._judge = Judge(data, tolerance=tolerance)
        self._first: Checkpoint | None = None
        self._follower: Follower | None = None
        self._levels: tuple[Level, ...] = ()
        self._visits: list[Visit] = []

    def step(self, path: Path) -> Step:
        """Read and classify the next checkpoint.

        Raises
        ------
        InputError
            If it cannot be read, or is another network than the first.
        """
        data = self._judge.data
        checkpoint = self._files.read(path, data.dx, data.dy)
        follower = self._begin(checkpoint)
        visit = follower.visit(self._judge(checkpoint))
        self._visits.append(visit)
        return Step(visit.classification, visit.on_level, visit.for_checkpoints)

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
        if self._first is None or len(refused) == len(found):
            if refused:
                raise refused[0].exception
            raise InputError("no checkpoint came", remedy="check the pattern, or allow a longer --timeout")
        steps = [step.classification for step in found if isinstance(step, Step)]
        return WatchResult(
            data=self._judge.data.facts(bias=self._first.has_bias),
            levels=self._levels,
            results=tuple(found),
            plateaus=tuple(
                NamedPlateau(
                    rank=plateau.rank,
                    loss=plateau.loss,
                    first=steps[plateau.first].checkpoint,
                    last=steps[plateau.last].checkpoint,
                    checkpoints=plateau.checkpoints,
                )
                for plateau in plateaus(self._visits, self._levels)
            ),
            figure=figure,
            expected=tuple(map(Verdict, expect)) or None,
            ok=not refused and (not expect or str(steps[-1].verdict) in expect),
            notes=self._judge.data.notes,
        )

    def _begin(self, checkpoint: Checkpoint) -> Follower:
        if self._first is None or self._follower is None:
            self._first = checkpoint
            widths = [checkpoint.weights[0].shape[1], *(W.shape[0] for W in checkpoint.weights)]
            self._levels = levels(self._judge.data.problem(bias=checkpoint.has_bias), min(widths))
            self._follower = Follower(self._levels)
        shapes = [[W.shape for W in c.weights] for c in (self._first, checkpoint)]
        if shapes[0] != shapes[1] or self._first.has_bias != checkpoint.has_bias:
            raise InputError(
                f"its network differs from that of {self._first.name}, with which the run began",
                where=checkpoint.name,
                remedy="name the checkpoints of one run only",
            )
        return self._follower


DOCUMENT = WatchResult
