"""`watch`: a training run followed from its checkpoints or from a monitor's lines, and several runs compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

from lossurf.api.parts.judge import Judge, require_verdicts
from lossurf.api.parts.penalty import require_reduction
from lossurf.api.parts.result import Drawn
from lossurf.api.parts.steps import Course, Following, RunHead, Step, refuse_unlike
from lossurf.api.parts.told import Told
from lossurf.api.parts.unreadable import REFUSED, Unreadable
from lossurf.data import Data, DataFacts
from lossurf.errors import InputError, UsageError
from lossurf.fields import Count, Magnitude, Size, limited
from lossurf.inputs.checkpoints.files import CheckpointFiles, Files, is_told
from lossurf.inputs.checkpoints.readers import checkpoints_in
from lossurf.landscape.views.trajectory import Level, plateaus
from lossurf.regularised.verdict import WeightDecay
from lossurf.words import Reduction, Verdict

__all__ = ["DOCUMENT", "HEAD", "Edge", "NamedPlateau", "Place", "RunFacts", "Step", "WatchResult", "Watching", "watch"]

Runs = Files | Mapping[str, Files]
"""Files of one run, or those of several by their names."""


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
    run : str or None
        The run that it is of, where several are compared.
    """

    rank: Count
    loss: Magnitude
    first: str
    last: str
    checkpoints: Annotated[int, limited(minimum=2)]
    run: str | None = None


@dataclass(frozen=True)
class RunFacts:
    """Where one of several runs is.

    Attributes
    ----------
    name : str
        The directory of its checkpoints, the file of its monitor, or the name that it was given.
    checkpoints : int
        How many were judged.
    last : str
        The last one, which all that follows is about.
    verdict : Verdict
    loss, gap, relative_gap, gradient : float
        As `classify` tells them.
    on_level : int or None
        The k of the level L_k it rests on; None between levels.
    for_checkpoints : int
        How many checkpoints in a row have rested there; 0 between levels.
    arrived : str or None
        The first of these checkpoints, where that level is the lowest that the network can reach; None before.
    """

    name: str
    checkpoints: Size
    last: str
    verdict: Verdict
    loss: Magnitude
    gap: float
    relative_gap: float | None
    gradient: Magnitude
    on_level: Count | None
    for_checkpoints: Count
    arrived: str | None


@dataclass(frozen=True)
class WatchResult(Drawn):
    """A training run, or several beside each other.

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
        Whether all were read and the last verdict, of every run, is among them (True where nothing was asked).
    runs : tuple of RunFacts or None
        Of several runs where each of them is; None where one is followed.
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
    runs: tuple[RunFacts, ...] | None = None
    notes: tuple[str, ...] = ()

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """The checkpoints that were refused."""
        return tuple(result for result in self.results if isinstance(result, Unreadable))


def watch(
    files: Runs,
    data: Data | None = None,
    *,
    runs: bool = False,
    tolerance: float | None = None,
    expect: Sequence[str] = (),
    curvature: bool | float = False,
    step: float | None = None,
    weight_decay: float | None = None,
    reduction: str = Reduction.MEAN,
) -> WatchResult:
    """Follow a training run from its checkpoints, in the order of their names, or compare several runs.

    Parameters
    ----------
    files : path, pattern such as "run/*.npz", sequence of these, CheckpointFiles, or mapping of str to these
        A path that ends in .jsonl is a run that a monitor of `lossurf.callbacks` wrote. A mapping names several runs.
    data : Data, optional
        Left out where every run is a monitor's, which says what it is about.
    runs : bool
        The checkpoints of each directory are a run of its own, and so is each file of a monitor.
    tolerance : float, optional
        As in `classify`.
    expect : sequence of str
        Verdicts asked for; the result's `ok` says whether the last one of every run is among them.
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
        As `classify`; if the step is not positive or no curvature is asked for; if data are missing, or given beside
        what is no checkpoint.

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
    watching = Watching(
        files,
        data,
        runs=runs,
        tolerance=tolerance,
        expect=expect,
        curvature=curvature,
        step=step,
        weight_decay=weight_decay,
        reduction=reduction,
    )
    return watching.result([step for place in watching.found() for step in watching.steps(place)])


class Place(NamedTuple):
    """A file of a run: a checkpoint, or the lines of a monitor.

    Attributes
    ----------
    path : Path
    run : str or None
        The run's name; None where it is the only one.
    files : CheckpointFiles
        How it is to be read.
    """

    path: Path
    run: str | None
    files: CheckpointFiles

    @property
    def is_told(self) -> bool:
        """Whether it holds the lines of a monitor."""
        return is_told(self.path)


class Watching:
    """Runs read and classified file by file: the first file of each decides its network, the first run the data."""

    def __init__(
        self,
        files: Runs,
        data: Data | None,
        *,
        runs: bool = False,
        tolerance: float | None = None,
        expect: Sequence[str] = (),
        curvature: bool | float = False,
        step: float | None = None,
        weight_decay: float | None = None,
        reduction: str = Reduction.MEAN,
    ) -> None:
        self._wanted: dict[str | None, CheckpointFiles] = (
            {name: CheckpointFiles.of(each) for name, each in files.items()}
            if isinstance(files, Mapping)
            else {None: CheckpointFiles.of(files)}
        )
        self._by_place = runs and not isinstance(files, Mapping)
        self._several = runs or isinstance(files, Mapping)
        require_verdicts(expect, decays=weight_decay is not None)
        require_reduction(reduction)
        self._expect = tuple(map(Verdict, expect))
        self._step = None if step is None else (step, Reduction(reduction))
        self._judge = self._judge_of(data, tolerance, curvature, weight_decay, reduction)
        if step is not None and self._judge is not None:
            if curvature is False:
                raise UsageError("nothing is there to hold the step against", where="--step", remedy="add --curvature")
            _edge(step, Reduction(reduction), self._judge.data.reduce().samples, self._judge.data.dy)
        self._courses: dict[str | None, Following | Told] = {}
        self._head: RunHead | None = None

    @property
    def is_told(self) -> bool:
        """Whether every run is one that a monitor wrote, which needs no data."""
        return all(files.are_told for files in self._wanted.values())

    def _judge_of(
        self,
        data: Data | None,
        tolerance: float | None,
        curvature: bool | float,
        weight_decay: float | None,
        reduction: str,
    ) -> Judge | None:
        if self.is_told:
            given = {
                "--data": data is not None,
                "--tolerance": tolerance is not None,
                "--curvature": curvature is not False,
                "--weight-decay": weight_decay is not None,
            }
            for option in (option for option, there in given.items() if there):
                raise UsageError(
                    "a monitor's lines are judged already, on the data that they name",
                    where=option,
                    remedy=f"leave {option} out",
                )
            return None
        if data is None:
            raise UsageError("nothing says what data the checkpoints are about", where="data", remedy="give data")
        return Judge(data, tolerance=tolerance, curvature=curvature, weight_decay=weight_decay, reduction=reduction)

    def found(self, *, waiting: bool = False) -> Iterator[Place]:
        """Yield the files, in natural order; while `waiting`, a directory that holds none yet is passed over.

        Raises
        ------
        UsageError
            If a run that a monitor wrote stands among others, and nothing says that there are several.
        """
        for name, files in self._wanted.items():
            if self._by_place:
                yield from self._found_by_place(files, waiting=waiting)
                continue
            paths = list(files.found())
            told = next((path for path in paths if is_told(path)), None)
            if told is not None and len(paths) > 1:
                raise UsageError(
                    f"'{told}' is a whole run and stands among {len(paths)} files",
                    remedy="name it alone, or add --runs to compare it with others",
                )
            yield from (Place(path, name, files) for path in paths)

    def _found_by_place(self, files: CheckpointFiles, *, waiting: bool) -> Iterator[Place]:
        for path in files.found():
            inside = checkpoints_in(path)
            if inside is None:
                yield Place(path, str(path if is_told(path) else path.parent), files)
            elif inside or not waiting:
                yield from (Place(each, str(path), files) for each in inside or [path])

    def steps(self, place: Place, *, waiting: bool = False) -> Iterator[Step | Unreadable]:
        """Read and classify the next checkpoint, or yield what is new in a monitor's lines; or say why it cannot be."""
        try:
            course = self._course(place)
            if isinstance(course, Told):
                yield from course.more(growing=waiting)
            else:
                data = course.data
                yield course.step(place.files.read(place.path, data.dx, data.dy))
        except REFUSED as error:
            yield Unreadable.of(str(place.path), error)

    def _course(self, place: Place) -> Following | Told:
        if place.run not in self._courses:
            self._courses[place.run] = self._begun(place)
        return self._courses[place.run]

    def _begun(self, place: Place) -> Following | Told:
        if place.is_told:
            return Told(place.path, name=place.run, admit=self._admit)
        assert self._judge is not None
        return Following(self._judge, name=place.run, admit=self._admit)

    def _admit(self, head: RunHead) -> None:
        if self._head is None:
            self._head = head
        refuse_unlike(self._head, head, by_levels=self._judge is None or self._judge.penalty is None)

    @property
    def has_begun(self) -> bool:
        """Whether there is anything to tell."""
        return any(course.steps for course in self._courses.values())

    @property
    def has_met(self) -> bool:
        """Whether verdicts were asked for, and every run that has begun has reached one."""
        last = [course.steps[-1].classification.verdict for course in self._courses.values() if course.steps]
        return bool(self._expect) and bool(last) and all(verdict in self._expect for verdict in last)

    @property
    def edge(self) -> Edge | None:
        """The edge of stability, known once a run has begun; None where no step was said."""
        if self._step is None or self._head is None:
            return None
        return _edge(*self._step, self._head.data.samples, self._head.data.dy)

    def result(self, found: Sequence[Step | Unreadable], *, figure: Path | None = None) -> WatchResult:
        """Gather runs that are over, or as they are now.

        Raises
        ------
        InputError
            If no checkpoint came, or none could be read.
        """
        refused = [step for step in found if isinstance(step, Unreadable)]
        courses = [course for course in self._courses.values() if course.steps]
        if self._head is None or not courses:
            if refused:
                raise refused[0].exception
            raise InputError("no checkpoint came", remedy="check the pattern, or allow a longer --timeout")
        heads = [course.head for course in courses if course.head is not None]
        return WatchResult(
            data=self._head.data,
            levels=max((head.levels for head in heads), key=len),
            results=tuple(found),
            plateaus=tuple(plateau for course in courses for plateau in _plateaus(course)),
            figure=figure,
            edge=self.edge,
            weight_decay=None if self._judge is None else self._judge.penalty,
            expected=self._expect or None,
            ok=not refused and (not self._expect or self.has_met),
            runs=tuple(map(_facts, courses)) if self._several else None,
            notes=tuple(dict.fromkeys(note for head in heads for note in head.notes)),
        )


def _plateaus(course: Course) -> Iterator[NamedPlateau]:
    assert course.head is not None
    names = [step.classification.checkpoint for step in course.steps]
    for found in plateaus(course.steps, course.head.levels):
        yield NamedPlateau(
            found.rank, found.loss, names[found.first], names[found.last], found.checkpoints, course.name
        )


def _facts(course: Course) -> RunFacts:
    assert course.name is not None
    assert course.head is not None
    step = course.steps[-1]
    last, best = step.classification, course.head.levels[-1].rank
    return RunFacts(
        name=course.name,
        checkpoints=len(course.steps),
        last=last.checkpoint,
        verdict=last.verdict,
        loss=last.loss,
        gap=last.gap,
        relative_gap=last.relative_gap,
        gradient=last.gradient,
        on_level=step.on_level,
        for_checkpoints=step.for_checkpoints,
        arrived=course.steps[-step.for_checkpoints].classification.checkpoint if step.on_level == best else None,
    )


def _edge(step: float, reduction: Reduction, samples: int, dy: int) -> Edge:
    limit = 2.0 * reduction.half_sum(samples, dy) / step if step > 0.0 else inf
    if not 0.0 < limit < inf:
        raise UsageError(
            f"the step {step:g} leaves 2 / step no positive number",
            where="--step",
            remedy="give the step of the run's gradient descent, such as 0.05",
        )
    return Edge(step, reduction, limit)


DOCUMENT = WatchResult
HEAD = RunHead
